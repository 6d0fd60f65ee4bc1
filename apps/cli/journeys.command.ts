import { Option, type Command } from 'commander';
import type { Cli } from './cli.js';
import {
  journeyFilterOf,
  withAsOf,
  withJourneyFilter,
  withJson,
  withPaging,
  type AsOf,
  type JourneyFilterOptions,
  type Paging,
} from './options.js';
import { PAGE_INFO, printPage } from './page.js';
import { number } from './text.js';
import type { JourneyHead } from './timeline.js';

const HELP = `
Examples:
  $ touchstone journeys --journey-type fault-repair --first 5
  $ touchstone journeys --status open --unit hotline-east
  $ touchstone journeys --customer 0197e0c2-6b1f-7c3a-8a55-0f6e7b1a2c3d --json`;

const QUERY = `query Journeys($filter: JourneyFilterInput, $asOf: AsOfInput, $first: Int, $after: String) {
  journeys(filter: $filter, asOf: $asOf, first: $first, after: $after) {
    asOf { position instant }
    edges {
      cursor
      node {
        id journeyType key customerId status openedAt endedAt ownerUnit ownerStaff touchpointCount lastTouchpointAt
      }
    }
    ${PAGE_INFO}
  }
}`;

interface Options extends JourneyFilterOptions, Paging {
  readonly status?: string;
  readonly asOf?: AsOf;
  readonly json?: boolean;
}

type JourneyRow = JourneyHead & { readonly touchpointCount: number; readonly ownerUnit: string | null };

/** `touchstone journeys` */
export function addJourneys(program: Command, cli: Cli): void {
  const command = withJourneyFilter(program.command('journeys').description('Journeys, page by page.'))
    .addOption(new Option('--status <status>', 'journeys that stand so').choices(['open', 'paused', 'closed']))
    .addHelpText('after', HELP);
  withJson(withAsOf(withPaging(command))).action(async (options: Options) => {
    const { asOf, first, after, json } = options;
    const filter = { ...journeyFilterOf(options), status: options.status?.toUpperCase() };
    await printPage<JourneyRow>(cli, command, {
      name: 'journeys',
      query: QUERY,
      variables: { filter, asOf, first, after },
      none: 'No journey answers to that.',
      json,
      columns: [
        { head: 'id', of: (j) => j.id },
        { head: 'type', of: (j) => j.journeyType ?? '-', max: 24 },
        { head: 'key', of: (j) => j.key ?? '-', max: 24 },
        { head: 'status', of: (j) => j.status.toLowerCase() },
        { head: 'opened', of: (j) => j.openedAt },
        { head: 'touchpoints', of: (j) => number(j.touchpointCount), right: true },
        { head: 'owner', of: (j) => j.ownerUnit ?? '-', max: 20 },
        { head: 'customer', of: (j) => j.customerId ?? '-' },
      ],
    });
  });
}
