/** How fast figures of care come: of a year, for every unit by day, a page of a thousand groups, over HTTP. */
import { diceOf } from './dice.js';
import { Bar, percentile } from './progress.js';
import { BEGIN, YEAR } from './world.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
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

/** What was asked and how long each answer took, with the server's cpu time. */
class Times {
  #ms = [];
  #asked = [];
  #cpu;

  constructor(server) {
    this.server = server;
    this.#cpu = server.cpuMs();
  }

  async ask(what, query, variables) {
    const { data, ms } = await this.server.ask(query, variables);
    this.#ms.push(ms);
    this.#asked.push({ what, ms });
    return data;
  }

  get(p) {
    return rounded(percentile(this.#ms, p));
  }

  get summary() {
    const slowest = this.#asked.sort((a, b) => b.ms - a.ms).slice(0, 5);
    return {
      requests: this.#ms.length,
      cpuMsEach: rounded((this.server.cpuMs() - this.#cpu) / this.#ms.length),
      p50: this.get(0.5),
      p90: this.get(0.9),
      p99: this.get(0.99),
      max: this.get(1),
      slowest: slowest.map(({ what, ms }) => `${rounded(ms)} ${what}`),
    };
  }
}

/** The 99th percentile of requests over all metrics and different years, each for the first page or a later one. */
export async function metricP99Ms(server, { requests, seed }) {
  const ids = await metricIds(server);
  await warmUp(server, ids);
  const byDay = await measure('metric', server, ids, { requests, seed, by: BY_DAY });
  const few = Math.ceil(requests / 4);
  const unitFirst = await measure('by unit', server, ids, { requests: few, seed, by: BY_UNIT });
  // Parts of days at both ends of the window are counted from the journeys themselves.
  const partsOfDays = await measure('parts', server, ids, { requests: few, seed, by: BY_DAY, hours: true });
  return { figure: byDay.p99, details: { ...byDay, unitFirst, partsOfDays } };
}

async function warmUp(server, ids) {
  const window = { from: iso(BEGIN), to: iso(BEGIN + YEAR) };
  for (const by of [BY_DAY, BY_UNIT]) {
    for (const id of ids) {
      const { data } = await server.ask(QUERY, { id, by, window });
      if (data.metric.groups.edges.length === 0) throw new Error(`Nothing was counted of ${id}.`);
    }
  }
}

async function measure(label, server, ids, { requests, seed, by, hours = false }) {
  const dice = diceOf(seed);
  const bar = new Bar(label, requests);
  const times = new Times(server);
  for (let i = 0; i < requests; i++) {
    const id = ids[i % ids.length];
    const from = BEGIN + (dice.upTo(60) - 30) * DAY + (hours ? 1 + dice.upTo(23) : 0) * HOUR;
    const window = { from: iso(from), to: iso(from + YEAR) };
    const { metric } = await times.ask(`${id} from ${window.from}`, QUERY, { id, by, window });
    const { endCursor, hasNextPage } = metric.groups.pageInfo;
    if (hasNextPage && dice.chance(0.5)) {
      await times.ask(`${id} from ${window.from}, second page`, QUERY, { id, by, window, after: endCursor });
    }
    bar.at(i + 1);
  }
  bar.end(requests);
  return times.summary;
}

/** The slowest of every metric as of moments of the past. */
export async function metricPastMs(server) {
  const ids = await metricIds(server);
  const window = { from: iso(BEGIN), to: iso(BEGIN + YEAR) };
  const bar = new Bar('past', ids.length * PAST);
  const times = new Times(server);
  let done = 0;
  for (let i = 1; i <= PAST; i++) {
    const asOf = { instant: iso(BEGIN + (i * YEAR) / PAST + 3 * DAY) };
    for (const id of ids) {
      const { metric } = await times.ask(`${id} as of ${asOf.instant}`, QUERY, { id, by: BY_DAY, window, asOf });
      if (metric.groups.edges.length === 0) throw new Error(`Nothing was counted of ${id} as of ${asOf.instant}.`);
      bar.at(++done);
    }
  }
  bar.end(done);
  const { ms } = await server.ask(TOTAL, { id: 'M-FCR', asOf: { instant: iso(BEGIN + YEAR / 2) } });
  return { figure: times.get(1), details: { ...times.summary, totalMs: rounded(ms) } };
}
