/**
 * What the event log on EventStoreDB costs beside the bare client, both on the server that EVENT_LOG_URL names, in turns,
 * in one run:
 *
 *   EVENT_LOG_URL=esdb://127.0.0.1:2113?tls=false node scripts/bench/esdb.js [--rounds N]
 *
 * Stdout gets one JSON: events per second of both (the median of the rounds) and their ratio.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { EventStoreDBClient, eventTypeFilter, jsonEvent } from '@eventstore/db-client';
import { openLog } from '@touchstone/eventing';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '11' } } });
const rounds = Number(values.rounds);
const url = process.env.EVENT_LOG_URL;
if (!url) throw new Error('EVENT_LOG_URL names no EventStoreDB.');

/** What is asked of the log at least, as a part of what the bare client does. */
const WANTED = { single: 0.8, callers64: 0.8, bulk: 0.5, catchUp: 0.6 };
const SINGLE = 20;
/** Of short works there are more rounds, so that whatever else the machine does meets both alike. */
const MORE_ROUNDS = { single: 10, callers64: 3 };
const CALLERS = 64;
const EACH = 10;
const BATCHES = 100;
const BATCH = 50;
const FOLLOWED = 15_000;

const run = randomUUID().slice(0, 8);
const type = `Bench${run}`;
const data = { kind: 'crew.arrived', channel: 'app', unit: 'unit-east-7', attributes: { note: 'x'.repeat(160) } };
const envelope = {
  schemaVersion: 1,
  occurredAt: '2024-05-01T08:00:00+08:00',
  recordedAt: '2024-05-01T00:00:01.000Z',
  metadata: { correlationId: randomUUID(), actor: { id: 'bench' } },
};
let streams = 0;
const newStream = () => `bench-${run}-${++streams}`;

const bare = EventStoreDBClient.connectionString(url);
const log = await openLog({ engine: 'eventstoredb', url });

/** The same events, appended and followed by each. */
const ways = {
  bare: {
    append: (stream, count) =>
      bare.appendToStream(
        stream,
        Array.from({ length: count }, () => jsonEvent({ type, data, metadata: envelope })),
        { expectedRevision: 'any' },
      ),
    bulk: (requests) => Promise.all(requests.map(([stream, count]) => ways.bare.append(stream, count))),
    async follow(after, count) {
      const [commit, prepare] = [after.slice(0, 16), after.slice(16)].map((half) => BigInt(`0x${half}`));
      const filter = eventTypeFilter({ regex: '^[^$]' });
      const subscription = bare.subscribeToAll({ fromPosition: { commit, prepare }, filter });
      let seen = 0;
      for await (const { event } of subscription) if (event?.type === type && ++seen >= count) break;
      await subscription.unsubscribe();
    },
  },
  log: {
    append: (stream, count) => log.append(stream, 'any', eventsOf(count)),
    bulk: (requests) =>
      log.appendMany(requests.map(([stream, count]) => ({ stream, expected: 'any', events: eventsOf(count) }))),
    async follow(after, count) {
      const stop = new AbortController();
      let seen = 0;
      for await (const message of log.subscribe({ after, signal: stop.signal })) {
        if (message.kind === 'events') seen += message.events.length;
        if (seen >= count) stop.abort();
      }
    },
  },
};

const eventsOf = (count) => Array.from({ length: count }, () => ({ ...envelope, id: randomUUID(), type, data }));

const works = {
  async single(way) {
    const stream = newStream();
    for (let i = 0; i < SINGLE; i++) await way.append(stream, 1);
    return SINGLE;
  },
  async callers64(way) {
    const caller = async () => {
      const stream = newStream();
      for (let i = 0; i < EACH; i++) await way.append(stream, 1);
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    return CALLERS * EACH;
  },
  async bulk(way) {
    await way.bulk(Array.from({ length: BATCHES }, () => [newStream(), BATCH]));
    return BATCHES * BATCH;
  },
  async catchUp(way) {
    await way.follow(before, FOLLOWED);
    return FOLLOWED;
  },
};

const before = await log.head();
for (let i = 0; i < FOLLOWED / BATCH; i += 20) {
  await ways.log.bulk(Array.from({ length: 20 }, () => [newStream(), BATCH]));
}
const report = {};
for (const [name, work] of Object.entries(works)) {
  const rates = { bare: [], log: [] };
  for (let round = 0; round <= rounds * (MORE_ROUNDS[name] ?? 1); round++) {
    // Whoever is first in one round is second in the next.
    for (const way of round % 2 ? ['bare', 'log'] : ['log', 'bare']) {
      const start = performance.now();
      const events = await work(ways[way]);
      // The first round only warms up.
      if (round > 0) rates[way].push(events / ((performance.now() - start) / 1_000));
    }
  }
  const [b, l] = [median(rates.bare), median(rates.log)];
  const ratio = l / b;
  report[name] = { bare: Math.round(b), log: Math.round(l), ratio: Number(ratio.toFixed(2)), wanted: WANTED[name] };
  process.stderr.write(`${name}: ${JSON.stringify(report[name])}\n`);
}
await log.close();
await bare.dispose();
console.log(JSON.stringify(report));
if (Object.values(report).some(({ ratio, wanted }) => ratio < wanted)) process.exitCode = 1;

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}
