import { Option, type Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { FIGURE, GROUP_VALUE, METRIC_INFO } from './metric.command.js';
import { condition, merged, withGroups, withLang, windowOf, withWindow, type MetricFilter } from './metric-options.js';
import { comparisonText, type Comparison, type Lang } from './metric-text.js';
import { asOf, whole, withJson, type AsOf } from './options.js';

const HELP = `
The difference b - a, split over the groups of --by: "rate" is what changed inside a group, "mix" what changed in its
weight. All parts add up to the difference; with --json as decimals, to the last digit.

Examples:
  $ touchstone compare M-FCR --a-to 2025-07-15T00:00:00+08:00 --b-from 2025-07-15T00:00:00+08:00 --by unit
  $ touchstone compare M-RPT --a-filter unit=K1 --b-filter unit=K2 --by journey-type,channel
  $ touchstone compare M-MOTN --a-as-of 2025-07-20T08:00:00+08:00 --by code`;

/** There are many parts, and each has two. */
const OF_PART = 'n numerator denominator value provisional figure numeratorFigure';
const QUERY = `query Compare(
  $id: ID!, $a: MetricSideInput!, $b: MetricSideInput!, $groupBy: [MetricDimension!]!, $first: Int!
) {
  compareMetric(id: $id, a: $a, b: $b, groupBy: $groupBy, first: $first) {
    ${METRIC_INFO}
    a { asOf { position instant } total { ${FIGURE} } }
    b { asOf { position instant } total { ${FIGURE} } }
    difference exactDifference interval { low high level method } mix rate
    parts { ${GROUP_VALUE} a { ${OF_PART} } b { ${OF_PART} } mix rate total }
    others { groups mix rate total }
  }
}`;

interface CompareOptions {
  readonly by?: readonly string[];
  readonly filter?: MetricFilter;
  readonly aFrom?: string;
  readonly aTo?: string;
  readonly aFilter?: MetricFilter;
  readonly aAsOf?: AsOf;
  readonly bFrom?: string;
  readonly bTo?: string;
  readonly bFilter?: MetricFilter;
  readonly bAsOf?: AsOf;
  readonly first: number;
  readonly lang: Lang;
  readonly json?: boolean;
}

function withSide(command: Command, side: 'a' | 'b'): Command {
  return withWindow(command, `${side}-`, ` in ${side}`)
    .addOption(new Option(`--${side}-filter <name=value>`, `count only these in ${side}`).argParser(condition))
    .addOption(new Option(`--${side}-as-of <when>`, `${side} as known then`).argParser(asOf));
}

/** `touchstone compare` */
export function addCompare(program: Command, cli: Cli): void {
  const command = program
    .command('compare')
    .description('How a figure differs between two windows, choices or moments, and where that comes from.')
    .argument('<id>', 'metric, such as M-FCR')
    .addHelpText('after', HELP);
  withSide(withSide(withGroups(command), 'a'), 'b').addOption(
    new Option('--first <n>', 'parts at most, the largest').argParser(whole(1, 1_000)).default(20),
  );
  withJson(withLang(command)).action(async (id: string, o: CompareOptions) => {
    const a = { window: windowOf(o.aFrom, o.aTo), filter: merged(o.filter, o.aFilter), asOf: o.aAsOf };
    const b = { window: windowOf(o.bFrom, o.bTo), filter: merged(o.filter, o.bFilter), asOf: o.bAsOf };
    const variables = { id, a, b, groupBy: o.by ?? [], first: o.first };
    const { compareMetric } = await onServer(cli, command, { silent: o.json }, (api) =>
      api.ask<{ compareMetric: Comparison }>(QUERY, variables),
    );
    if (o.json) cli.out.json(compareMetric);
    else cli.out.print(comparisonText(compareMetric, o.lang));
  });
}
