/** How fast figures of care come: of a year, for every unit by day, a page of a thousand groups, over HTTP. */
import { diceOf } from './dice.js';
import { Bar, percentile } from './progress.js';
import { BEGIN, YEAR } from './world.js';

const DAY = 86_400_000;
const QUERY = `query ($id: ID!, $window: MetricWindowInput, $by: [MetricDimension!]!, $asOf: AsOfInput, $after: String) {
  metric(id: $id, window: $window, groupBy: $by, asOf: $asOf, first: 1000, after: $after) {
    asOf { position instant }
    groups {
      edges { node { dimensions { id } figure { n numerator denominator value provisional interval { low high } } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;
const TOTAL = `query ($id: ID!, $asOf: AsOfInput) { metric(id: $id, asOf: $asOf) { total { n value } } }`;
const BY_DAY = ['DAY', 'UNIT'];
const BY_UNIT = ['UNIT', 'DAY'];
/** Moments in the year as of which is asked. */
const PAST = 6;

const iso = (ms) => new Date(ms).toISOString();
const rounded = (ms) => Math.round(ms * 10) / 10;

async function metricIds(server) {
  const { data } = await server.ask('{ metrics { id } }');
  return data.metrics.map(({ id }) => id);
}

/** The 99th percentile of requests over all metrics and different years, each for the first page or a later one. */
export async function metricP99Ms(server, { requests, seed }) {
  const ids = await metricIds(server);
  const warm = await warmUp(server, ids);
  const byDay = await measure('metric', server, ids, { requests, seed, by: BY_DAY });
  const byUnit = await measure('by unit', server, ids, { requests: Math.ceil(requests / 4), seed, by: BY_UNIT });
  return {
    figure: rounded(percentile(byDay.ms, 0.99)),
    details: { ...summary(byDay), unitFirst: summary(byUnit), warm },
  };
}

async function warmUp(server, ids) {
  const groups = {};
  for (const id of ids) {
    for (const by of [BY_DAY, BY_UNIT]) {
      const { data } = await server.ask(QUERY, { id, by, window: { from: iso(BEGIN), to: iso(BEGIN + YEAR) } });
      groups[id] = data.metric.groups.edges.length;
    }
  }
  const empty = ids.filter((id) => groups[id] === 0);
  if (empty.length > 0) throw new Error(`Nothing was counted of ${empty.join(', ')}.`);
  return groups;
}

async function measure(label, server, ids, { requests, seed, by }) {
  const dice = diceOf(seed);
  const bar = new Bar(label, requests);
  const ms = [];
  const slowest = [];
  for (let i = 0; i < requests; i++) {
    const id = ids[i % ids.length];
    const from = BEGIN + (dice.upTo(60) - 30) * DAY + dice.upTo(24) * 3_600_000;
    const window = { from: iso(from), to: iso(from + YEAR) };
    const first = await server.ask(QUERY, { id, by, window });
    ms.push(first.ms);
    slowest.push([first.ms, `${id} from ${window.from}`]);
    const { endCursor, hasNextPage } = first.data.metric.groups.pageInfo;
    if (hasNextPage && dice.chance(0.5)) {
      const next = await server.ask(QUERY, { id, by, window, after: endCursor });
      ms.push(next.ms);
      slowest.push([next.ms, `${id} from ${window.from}, second page`]);
    }
    bar.at(i + 1);
  }
  bar.end(requests);
  return {
    ms,
    slowest: slowest
      .sort((a, b) => b[0] - a[0])
      .slice(0, 5)
      .map(([took, what]) => `${rounded(took)} ${what}`),
  };
}

const summary = ({ ms, slowest }) => ({
  requests: ms.length,
  p50: rounded(percentile(ms, 0.5)),
  p90: rounded(percentile(ms, 0.9)),
  p99: rounded(percentile(ms, 0.99)),
  max: rounded(Math.max(...ms)),
  slowest,
});

/** The slowest of every metric as of moments of the past. */
export async function metricPastMs(server) {
  const ids = await metricIds(server);
  const window = { from: iso(BEGIN), to: iso(BEGIN + YEAR) };
  const bar = new Bar('past', ids.length * PAST);
  const ms = [];
  const slowest = [];
  let done = 0;
  for (let i = 1; i <= PAST; i++) {
    const asOf = { instant: iso(BEGIN + (i * YEAR) / PAST + 3 * DAY) };
    for (const id of ids) {
      const { data, ms: took } = await server.ask(QUERY, { id, by: BY_DAY, window, asOf });
      if (data.metric.groups.edges.length === 0) throw new Error(`Nothing was counted of ${id} as of ${asOf.instant}.`);
      ms.push(took);
      slowest.push([took, `${id} as of ${asOf.instant}`]);
      bar.at(++done);
    }
  }
  bar.end(done);
  const total = await server.ask(TOTAL, { id: 'M-FCR', asOf: { instant: iso(BEGIN + YEAR / 2) } });
  const { p50, max } = summary({ ms, slowest });
  const worst = slowest.sort((a, b) => b[0] - a[0]).slice(0, 5).map(([took, what]) => `${rounded(took)} ${what}`); // prettier-ignore
  return {
    figure: rounded(max),
    details: { requests: ms.length, median: p50, totalMs: rounded(total.ms), slowest: worst },
  };
}
