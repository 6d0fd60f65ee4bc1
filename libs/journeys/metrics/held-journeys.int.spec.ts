import type { RecordedEvent } from '@touchstone/eventing';
import type { Read } from '@touchstone/readmodel/query';
import { recorded } from '@touchstone/readmodel/testing';
import { uuid } from '../house.spec-kit.js';
import type { JourneyFacts } from './facts.js';
import { heldFacts, journeysWithin, type HeldState } from './held-journeys.js';
import { metricReads, START } from './metric.spec-kit.js';

const HOUR = 3_600_000;
/** Touchpoints by journey: of one chunk and of several, of odd and even numbers, so that blobs begin anywhere. */
const LENGTHS = [3, 1, 300, 2, 7, 513, 1, 4, 256, 9];

const at = (hour: number) => new Date(START + hour * HOUR).toISOString();

/** Journey after journey, one a day; between them others come into the dictionary, so that surrogates have gaps. */
function log(): RecordedEvent[] {
  let events: RecordedEvent[] = [];
  let id = 10_000;
  const add = (stream: string, event: Parameters<typeof recorded>[1][number]) =>
    (events = recorded(stream, [event], events));
  LENGTHS.forEach((length, n) => {
    const customer = uuid(1 + (n % 3));
    if (n < 3) {
      const data = { segment: `s${n}`, region: 'r', identifiers: 'enc:1:x' };
      add(`customer-${customer}`, { type: 'CustomerRegistered', data });
    }
    const stream = `journey-${uuid(500 + n)}`;
    const data = { journeyType: 'x', ...(n !== 4 && { customerId: customer }) };
    add(stream, { type: 'JourneyOpened', data, occurredAt: at(24 * n) });
    for (let i = 0; i < length; i++) {
      const traits = { closes: false, contact: i % 2 === 0, customerVisible: true };
      const touchpoint = { kind: 'step', kindVersion: 1, traits, unit: `unit-${n}-${i % 50}` };
      add(stream, { type: 'TouchpointRecorded', id: uuid(id++), data: touchpoint, occurredAt: at(24 * n + i / 60) });
    }
  });
  add(`customer-${uuid(2)}`, { type: 'CustomersMerged', data: { survivorId: uuid(1), reason: 'r' } });
  return recorded(`customer-${uuid(4)}`, [{ type: 'CustomerRegistered', data: { identifiers: 'enc:1:x' } }], events);
}

const told = (facts: JourneyFacts) => ({
  ...facts.head,
  entries: Array.from({ length: facts.count }, (_, place) => facts.entry(place)),
});
type Told = ReturnType<typeof told>;

/** One by one, by their surrogates. */
async function oneByOne(read: Read): Promise<Told[]> {
  const { db } = read;
  const states = await db
    .selectFrom('journey_state')
    .selectAll()
    .where('to_pos', 'is', null)
    .orderBy('journey')
    .execute();
  return (await heldFacts(read, states as never as HeldState[])).map(told);
}

async function within(read: Read, from: number, to: number, limits?: { journeys: number; chunks: number }) {
  const found: Told[] = [];
  const wanted = { profiles: true, roots: true };
  for await (const page of journeysWithin(read, from, to, wanted, limits)) {
    for (const facts of page) found.push(told(facts));
  }
  return found;
}

describe('journeys that are read along', () => {
  const events = log();
  const reads = metricReads(events, 'UTC', at(1_000));
  const run = async <R>(work: (read: Read) => Promise<R>, position?: string): Promise<R> => {
    const query = { name: 'journeys.read', group: 'journeys', run: (read: Read) => work(read) };
    return (await reads.run(query, null, position ? { asOf: { position } } : {})).result;
  };
  const limits = [undefined, { journeys: 3, chunks: 1 }, { journeys: 1, chunks: 2 }, { journeys: 100, chunks: 5 }];

  it.each(limits)('are those that are read one by one, entry by entry, by pages of %o', async (pages) => {
    const expected = await run(oneByOne);
    expect(expected.map(({ entries }) => entries.length)).toEqual(LENGTHS);
    expect(expected.some(({ customer, root }) => customer !== root)).toBe(true);
    expect(await run((read) => within(read, -Infinity, Infinity, pages))).toEqual(expected);
    // A window over everything takes another way.
    expect(await run((read) => within(read, START - 1, START + 1_000 * HOUR, pages))).toEqual(expected);
  });

  it.each(limits)('are those that a window touches, by pages of %o', async (pages) => {
    const expected = await run(oneByOne);
    const day = (n: number) => START + 24 * n * HOUR;
    const some = await run((read) => within(read, day(3), day(5), pages));
    expect(some).toEqual(expected.slice(3, 5));
    expect(await run((read) => within(read, -Infinity, day(2), pages))).toEqual(expected.slice(0, 2));
    expect(await run((read) => within(read, day(90), Infinity, pages))).toEqual([]);
  });

  it('are those of the past', async () => {
    const fifth = events.findIndex(({ stream }) => stream === `journey-${uuid(505)}`);
    const position = events[fifth - 1]!.position;
    const then = await run((read) => within(read, -Infinity, Infinity, { journeys: 2, chunks: 1 }), position);
    const now = await run(oneByOne);
    expect(then.map(({ entries }) => entries)).toEqual(now.slice(0, 5).map(({ entries }) => entries));
    expect(then.every(({ customer, root }) => customer === root)).toBe(true);
  });
});
