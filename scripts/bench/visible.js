/** How long it takes from sending an event until a GraphQL answer shows it, while a thousand a second come in. */
import { cloudEvents, FieldStream, paced } from './field.js';
import { Bar, percentile } from './progress.js';

const PER_SECOND = 1_000;
const EVERY_MS = 10;
const SECONDS = 15;
/** The first seconds are to warm up. */
const WARM = 3;
/** One in so many is looked for. */
const PROBED = 40;
const QUERY = `query ($id: ID!, $at: Position!) { journey(id: $id, atLeast: $at) {
  touchpointCount timeline(first: 50) { edges { node { entryId } } } } }`;

export async function visibleP99Ms(server) {
  const bar = new Bar('visible', SECONDS * PER_SECOND);
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
    if (number < WARM * PER_SECOND || number % PROBED !== 0) return;
    durable.push(performance.now() - sent[number]);
    const probe = look(answer, sent[number]).finally(() => probes.delete(probe));
    probes.add(probe);
  });
  const events = cloudEvents({ name: `visible-${Date.now()}` });
  const each = (PER_SECOND * EVERY_MS) / 1_000;
  await paced(EVERY_MS, (SECONDS * PER_SECOND) / each, async (n) => {
    const some = Array.from({ length: each }, () => events.next().value);
    const now = performance.now();
    for (let i = 0; i < each; i++) sent.push(now);
    await stream.send(some);
    bar.at(n * each);
  });
  await stream.end();
  await Promise.all(probes);
  bar.end(sent.length);
  const ms = (times, p) => Math.round(percentile(times, p) * 10) / 10;
  return {
    figure: ms(seen, 0.99),
    details: {
      eventsPerS: PER_SECOND,
      looked: seen.length,
      p50: ms(seen, 0.5),
      p90: ms(seen, 0.9),
      max: ms(seen, 1),
      durableP99: ms(durable, 0.99),
    },
  };
}
