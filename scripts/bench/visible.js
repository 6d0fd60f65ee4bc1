/** How long it takes from sending an event until a GraphQL answer shows it, while a thousand a second come in. */
import { cloudEvents, FieldStream, paced } from './field.js';
import { Bar, percentile } from './progress.js';

const PER_SECOND = 1_000;
const EVERY_MS = 10;
const SECONDS = 20;
/** The first seconds are to warm up: in the first two every event meets a journey that is new here. */
const WARM = 6;
/** So long do they all begin a journey, with its customer and its work order: some six events of the log each. */
const OPENING_SECONDS = 5;
/** One in so many is looked for. */
const PROBED = 40;
const QUERY = `query ($id: ID!, $at: Position!) { journey(id: $id, atLeast: $at) {
  touchpointCount timeline(first: 50) { edges { node { entryId } } } } }`;

/** The figure is of traffic in which one event in six begins a journey; `opening` of a rush in which every one does. */
export async function visibleP99Ms(server) {
  const name = `visible-${Date.now()}`;
  const bar = new Bar('visible', (SECONDS + OPENING_SECONDS) * PER_SECOND);
  const steady = await watched(server, cloudEvents({ name, evenly: true }), {
    seconds: SECONDS,
    warm: WARM,
    at: (n) => bar.at(n),
  });
  const opening = await watched(server, cloudEvents({ name: `${name}-rush`, underWay: Infinity }), {
    seconds: OPENING_SECONDS,
    warm: 0,
    at: (n) => bar.at(SECONDS * PER_SECOND + n),
  });
  bar.end((SECONDS + OPENING_SECONDS) * PER_SECOND);
  return { figure: steady.p99, details: { eventsPerS: PER_SECOND, ...steady, opening } };
}

async function watched(server, events, { seconds, warm, at }) {
  const sent = [];
  const seen = [];
  const durable = [];
  const probes = new Set();
  let answered = 0;
  const look = async ({ journeyId, touchpointId, position }, since) => {
    const { data } = await server.ask(QUERY, { id: journeyId, at: position });
    if (!data.journey.timeline.edges.some(({ node }) => node.entryId === touchpointId)) {
      throw new Error(`The event at ${position} does not show.`);
    }
    seen.push(performance.now() - since);
  };
  const stream = new FieldStream(server.url, (answer) => {
    const number = answered++;
    if (answer.outcome !== 'taken') throw new Error(`Event ${number} was ${answer.outcome}: ${answer.message}`);
    if (number < warm * PER_SECOND || number % PROBED !== 0) return;
    durable.push(performance.now() - sent[number]);
    const probe = look(answer, sent[number]).finally(() => probes.delete(probe));
    probes.add(probe);
  });
  const each = (PER_SECOND * EVERY_MS) / 1_000;
  await paced(EVERY_MS, (seconds * PER_SECOND) / each, async (n) => {
    const some = Array.from({ length: each }, () => events.next().value);
    const now = performance.now();
    for (let i = 0; i < each; i++) sent.push(now);
    await stream.send(some);
    at(n * each);
  });
  await stream.end();
  await Promise.all(probes);
  const ms = (times, p) => Math.round(percentile(times, p) * 10) / 10;
  return {
    looked: seen.length,
    p50: ms(seen, 0.5),
    p90: ms(seen, 0.9),
    p99: ms(seen, 0.99),
    max: ms(seen, 1),
    durableP99: ms(durable, 0.99),
  };
}
