import type { Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { metricsText, metricText, type Lang, type MetricAnswer, type MetricInfo } from './metric-text.js';
import { withGroups, withLang, windowOf, withWindow, type MetricFilter } from './metric-options.js';
import { withAsOf, withJson, withPaging, type AsOf, type Paging } from './options.js';
import { PAGE_INFO } from './page.js';

const METRIC_HELP = `
~ marks a value that may still change because a window has not passed. With --json the whole answer, tokens of figures
too: give one to the query "figure" to see what is behind it.

Examples:
  $ touchstone metrics
  $ touchstone metric M-FCR --by unit
  $ touchstone metric M-RPT --from 2025-07-01T00:00:00+08:00 --to 2025-08-01T00:00:00+08:00 --by day --filter unit=K1
  $ touchstone metric M-MOTN --by code --lang zh --as-of 2025-07-20T08:00:00+08:00`;

export const METRIC_INFO = 'metric { id nameEn nameZh formulaEn formulaZh unit source anchor kind dimensions }';
export const FIGURE = `n numerator denominator value interval { low high level method } percentiles { percent value }
  provisional coverage { observer rule covered of share numerator } extras { id nameEn nameZh value unit }
  figure numeratorFigure`;
export const GROUP_VALUE = 'dimensions { dimension id nameEn nameZh }';

const LIST = '{ metrics { id nameEn nameZh formulaEn formulaZh unit source anchor kind dimensions } }';
const QUERY = `query Metric(
  $id: ID!, $window: MetricWindowInput, $filter: MetricFilterInput, $groupBy: [MetricDimension!]!
  $asOf: AsOfInput, $first: Int, $after: String
) {
  metric(id: $id, window: $window, filter: $filter, groupBy: $groupBy, asOf: $asOf, first: $first, after: $after) {
    asOf { position instant } timeZone ${METRIC_INFO}
    total { ${FIGURE} }
    groups { edges { node { ${GROUP_VALUE} figure { ${FIGURE} } } } ${PAGE_INFO} }
  }
}`;

interface MetricOptions extends Paging {
  readonly from?: string;
  readonly to?: string;
  readonly by?: readonly string[];
  readonly filter?: MetricFilter;
  readonly asOf?: AsOf;
  readonly lang: Lang;
  readonly json?: boolean;
}

/** `touchstone metrics` and `touchstone metric` */
export function addMetric(program: Command, cli: Cli): void {
  const list = withLang(program.command('metrics').description('The metrics there are, and how they are counted.'));
  withJson(list).action(async ({ lang, json }: { lang: Lang; json?: boolean }) => {
    const { metrics } = await onServer(cli, list, { silent: json, lagging: true }, (api) =>
      api.ask<{ metrics: MetricInfo[] }>(LIST),
    );
    if (json) cli.out.json(metrics);
    else cli.out.print(metricsText(metrics, lang));
  });
  const command = program
    .command('metric')
    .description('A figure of care: value, interval, coverage, together and in groups.')
    .argument('<id>', 'metric, such as M-FCR')
    .addHelpText('after', METRIC_HELP);
  withJson(withAsOf(withPaging(withLang(withWindow(withGroups(command)))))).action(
    async (id: string, options: MetricOptions) => {
      const { from, to, by = [], filter, asOf, first, after, json, lang } = options;
      const variables = { id, window: windowOf(from, to), filter, groupBy: by, asOf, first, after };
      const { metric } = await onServer(cli, command, { silent: json }, (api) =>
        api.ask<{ metric: MetricAnswer }>(QUERY, variables),
      );
      if (json) cli.out.json(metric);
      else cli.out.print(metricText(metric, lang));
    },
  );
}
