import { Option, type Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { EVENT, eventLine, eventsSince, headOf, type EventRow } from './events.js';
import { listed, position, several, withJson, withPaging, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';

const HELP = `
With --follow the log is followed from now on, or from after a position, until Ctrl-C: no event is missed, none comes
twice, and what is personal is left out. With --json each event is a line, with what stood around it.

Examples:
  $ touchstone events --first 20
  $ touchstone events --type TouchpointCorrected,TouchpointVoided
  $ touchstone events --stream journey-3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --json
  $ touchstone events --follow --type MomentObserved,MomentRetracted
  $ touchstone events --follow --journey-type fault-repair --region north --json`;

const QUERY = `query Events($types: [String!], $stream: String, $first: Int, $after: String) {
  events(types: $types, stream: $stream, first: $first, after: $after) {
    edges { cursor node { ${EVENT} } }
    ${PAGE_INFO}
  }
}`;

interface Options extends Paging {
  readonly type?: readonly string[];
  readonly stream?: string;
  readonly follow?: boolean;
  readonly since?: string;
  readonly journeyType?: readonly string[];
  readonly unit?: readonly string[];
  readonly region?: readonly string[];
  readonly tier?: readonly string[];
  readonly json?: boolean;
}

/** What only the feed knows of an event, and the place from which it is read. */
const ONLY_FOLLOWED = ['since', 'journeyType', 'unit', 'region', 'tier'] as const;

/** `touchstone events` */
export function addEvents(program: Command, cli: Cli): void {
  const command = program
    .command('events')
    .description('The event log, page by page, or as it is written.')
    .option('--type <name>', 'only events of this type; repeatable', listed)
    .option('--stream <name>', 'only this stream; a name that ends with "-" means all that begin so')
    .option('--follow', 'go on with each event as it is recorded')
    .addOption(
      new Option('--since <position>', 'with --follow: after this position, not from now on').argParser(position),
    )
    .option('--journey-type <name>', 'with --follow: only in journeys of this type; repeatable', several)
    .option('--unit <name>', 'with --follow: only at touchpoints of this unit; repeatable', several)
    .option('--region <name>', 'with --follow: only of customers of this region; repeatable', several)
    .option('--tier <name>', 'with --follow: only of customers of this tier; repeatable', several)
    .addHelpText('after', HELP);
  withJson(withPaging(command)).action(async (options: Options) => {
    if (options.follow) return follow(cli, command, options);
    const early = ONLY_FOLLOWED.find((name) => options[name] !== undefined);
    if (early) command.error(`error: --${early === 'journeyType' ? 'journey-type' : early} needs --follow`);
    const { type: types, stream, first, after, json } = options;
    await printPage<EventRow>(cli, command, {
      name: 'events',
      query: QUERY,
      variables: { types, stream, first, after },
      none: 'No event answers to that.',
      json,
      needs: { lagging: true },
      columns: [
        { head: 'position', of: (e) => e.position },
        { head: 'type', of: (e) => e.type },
        { head: 'stream', of: (e) => `${e.stream}@${e.revision}` },
        { head: 'occurred', of: (e) => e.occurredAt },
        { head: 'recorded', of: (e) => e.recordedAt },
        { head: 'by', of: (e) => e.metadata.actor.id, max: 24 },
      ],
    });
  });
}

/** Ends when the user stops it, as a command that has no end of its own. */
async function follow(cli: Cli, command: Command, options: Options): Promise<void> {
  const { type: types, stream, since, json } = options;
  const { journeyType: journeyTypes, unit: units, region: regions, tier: tiers } = options;
  await onServer(cli, command, { lagging: true, silent: json }, async (api) => {
    const after = since ?? (await headOf(api));
    if (!json) cli.out.note('Following the log; Ctrl-C ends it.');
    for await (const event of eventsSince(api, { after, types, stream, journeyTypes, units, regions, tiers })) {
      if (json) cli.out.line(event);
      else cli.out.print(eventLine(event));
    }
  });
}
