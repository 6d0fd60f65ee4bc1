import { Option, type Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { figuresOf, MAP_QUERY, type JourneyMap } from './map-figures.js';
import { mapText } from './map-text.js';
import { journeyFilterOf, whole, withAsOf, withJourneyFilter, withJson, type AsOf, type JourneyFilterOptions } from './options.js'; // prettier-ignore

const HELP = `
Without --json a table; with it every kind and every edge, names as in the log, hours: 2 decimals for journeys, 4 for
edges. "endActivities" are last touchpoints, whether the journey was closed or not.

Examples:
  $ touchstone map --journey-type helpdesk
  $ touchstone map --journey-type fault-repair --unit crew-3 --from 2025-07-14T00:00:00+08:00 --lang zh
  $ touchstone map --journey-type helpdesk --json > helpdesk.json
  $ touchstone map --journey-type helpdesk --as-of 2024-05-01T08:00:00+08:00`;

/** Kinds with a node of their own, unless --max-nodes says so. */
const ALL_NODES = 1_000;
const TABLE_NODES = 40;

interface MapOptions extends JourneyFilterOptions {
  readonly asOf?: AsOf;
  readonly maxNodes?: number;
  readonly edges: number;
  readonly variants: number;
  readonly lang: 'en' | 'zh';
  readonly json?: boolean;
}

/** `touchstone map` */
export function addMap(program: Command, cli: Cli): void {
  const command = withJourneyFilter(
    program.command('map').description('What follows what in journeys, how often and how long.'),
  )
    .addOption(
      new Option('--max-nodes <n>', 'kinds with a node of their own, the rest is "Other"').argParser(whole(1, 1_000)),
    )
    .addOption(new Option('--edges <n>', 'edges in the table').argParser(whole(0, 100_000)).default(25))
    .addOption(new Option('--variants <n>', 'ways in the table').argParser(whole(0, 1_000)).default(10))
    .addOption(new Option('--lang <language>', 'names in the table').choices(['en', 'zh']).default('en'))
    .addHelpText('after', HELP);
  withJson(withAsOf(command)).action(async (options: MapOptions) => {
    const variables = {
      filter: journeyFilterOf(options),
      asOf: options.asOf,
      maxNodes: options.maxNodes ?? (options.json ? ALL_NODES : TABLE_NODES),
      maxVariants: options.json ? 1 : options.variants,
    };
    const { journeyMap: map } = await onServer(cli, command, { silent: options.json }, (api) =>
      api.ask<{ journeyMap: JourneyMap }>(MAP_QUERY, variables),
    );
    const isEmpty = map.cases.value === 0;
    if (isEmpty) cli.out.note('No journey answers to that: `touchstone journeys` shows what there is.');
    if (!options.json) {
      if (!isEmpty) cli.out.print(mapText(map, { ...options, columns: cli.out.columns }));
      return;
    }
    if (!map.exact) cli.out.note(`Percentiles are approximate: relative error up to ${map.relativeError}.`);
    cli.out.json(figuresOf(map));
  });
}
