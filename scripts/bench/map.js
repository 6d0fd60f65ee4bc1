/** The whole journey map, by the first who asks a server that has just started; then maps of many different choices. */
import { diceOf } from './dice.js';
import { Bar, percentile } from './progress.js';
import { BEGIN, CHANNELS, SEGMENTS, TYPES, UNITS, YEAR } from './world.js';

const QUERY = `query ($filter: JourneyFilterInput) { journeyMap(filter: $filter, maxNodes: 100, maxVariants: 20) {
    exact cases { value } events { value } edges { source target count { value } durations { p50 p99 } }
    variants { cases { value } activities } } }`;
const CHOICES = 50;

export async function mapColdMs(server) {
  const cold = await server.ask(QUERY);
  const warm = await server.ask(QUERY);
  const { cases, events, edges, exact } = cold.data.journeyMap;
  if (events.value === 0) throw new Error('The map is empty.');
  const counted = { cases: cases.value, touchpoints: events.value, edges: edges.length, exact };
  return { figure: Math.round(cold.ms), details: { ...counted, wholeAgainMs: Math.round(warm.ms) } };
}

/** The median of maps of different choices, none of which was asked before. */
export async function mapWarmMs(server, { seed }) {
  const dice = diceOf(seed);
  const bar = new Bar('map', CHOICES);
  await server.ask(QUERY);
  const answers = [];
  for (const filter of choices(dice)) {
    const { data, ms } = await server.ask(QUERY, { filter });
    answers.push({ ms, filter, cases: data.journeyMap.cases.value });
    bar.at(answers.length);
  }
  bar.end(answers.length);
  const times = answers.map(({ ms }) => ms);
  const ms = (p) => Math.round(percentile(times, p) * 10) / 10;
  const journeys = percentile(
    answers.map(({ cases }) => cases),
    0.5,
  );
  const [slowest] = answers.sort((a, b) => b.ms - a.ms);
  return {
    figure: ms(0.5),
    details: { choices: CHOICES, medianJourneys: journeys, p90: ms(0.9), max: ms(1), slowest },
  };
}

/** Each chooses by one to three of: a unit, a channel, a type, a segment, a window of one to twelve months. */
function choices(dice) {
  const made = new Map();
  const iso = (ms) => new Date(ms).toISOString();
  while (made.size < CHOICES) {
    const filter = {};
    if (dice.chance(0.4)) filter.unit = dice.pick(UNITS);
    if (dice.chance(0.3)) filter.channel = dice.pick(CHANNELS);
    if (dice.chance(0.3)) filter.journeyType = dice.pick(TYPES);
    if (dice.chance(0.2)) filter.segment = dice.pick(SEGMENTS);
    if (dice.chance(0.6)) {
      const month = dice.upTo(12);
      const months = 1 + dice.upTo(12 - month);
      filter.from = iso(BEGIN + (month * YEAR) / 12);
      filter.to = iso(BEGIN + ((month + months) * YEAR) / 12);
    }
    const named = Object.keys(filter).length;
    if (named > 0 && named <= 4) made.set(JSON.stringify(filter), filter);
  }
  return made.values();
}
