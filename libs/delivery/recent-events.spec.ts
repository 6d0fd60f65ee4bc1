import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { newId, type EventLog, type Subscribe, type SubscriptionMessage } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { FeedFilter } from './feed-filter.js';
import { RecentEvents, type Piece, type RecentLimits } from './recent-events.js';

const PAGE = 4;

/** A log that counts what it was read for. */
class Counted {
  given = 0;
  open = 0;
  constructor(readonly log: EventLog) {}

  head = () => this.log.head();

  async *subscribe(options?: Subscribe): AsyncGenerator<SubscriptionMessage, void, void> {
    this.open++;
    try {
      for await (const message of this.log.subscribe(options)) {
        if (message.kind === 'events') this.given += message.events.length;
        yield message;
      }
    } finally {
      this.open--;
    }
  }
}

const happen = (log: EventLog, n: number, text = '') =>
  log.append(`thing-${n % 3}`, 'any', [
    {
      id: newId(),
      type: n % 2 === 0 ? 'Even' : 'Odd',
      schemaVersion: 1,
      occurredAt: '2024-05-01T08:00:00Z',
      recordedAt: '2024-05-01T08:00:00Z',
      data: { n, text },
      metadata: { correlationId: 'c', actor: { id: 'a' } },
    },
  ]);

const house = (limits?: RecentLimits) => {
  const counted = new Counted(openMemoryLog());
  return { log: counted.log, counted, recent: new RecentEvents(counted, PAGE, limits) };
};

/** Reads at its own pace; keeps the numbers it was given. */
class Reader {
  readonly seen: number[] = [];
  readonly objects: unknown[] = [];
  caughtUp = 0;
  readonly stop = new AbortController();
  readonly done: Promise<void>;

  constructor(recent: RecentEvents, filter: FeedFilter = {}, after?: string, pause?: () => Promise<unknown>) {
    this.done = this.read(recent.follow({ after, filter, signal: this.stop.signal }), pause);
  }

  private async read(pieces: AsyncGenerator<Piece, void, void>, pause?: () => Promise<unknown>) {
    for await (const { events, caughtUp } of pieces) {
      if (caughtUp) this.caughtUp++;
      for (const event of events) {
        this.seen.push((event.data as { n: number }).n);
        this.objects.push(event);
      }
      await pause?.();
    }
  }

  async has(count: number): Promise<void> {
    for (let tries = 0; this.seen.length < count && tries < 500; tries++) await sleep(2);
  }

  async live(): Promise<void> {
    for (let tries = 0; this.caughtUp === 0 && tries < 500; tries++) await sleep(2);
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('what is recent', () => {
  it('is read once for ten readers who have caught up, and is the same for all', async () => {
    const { log, counted, recent } = house();
    for (const n of upTo(6)) await happen(log, n);
    const readers = Array.from({ length: 10 }, () => new Reader(recent));
    await Promise.all(readers.map((reader) => reader.live()));
    await sleep(10);
    const before = counted.given;
    for (let n = 6; n < 50; n++) await happen(log, n);
    await Promise.all(readers.map((reader) => reader.has(50)));
    for (const { seen } of readers) expect(seen).toEqual(upTo(50));
    expect(counted.given - before).toBe(44);
    expect(counted.open).toBe(1);
    const shared = readers.map(({ objects }) => objects.slice(6));
    for (const one of shared) one.forEach((event, i) => expect(event).toBe(shared[0]![i]));
    for (const reader of readers) reader.stop.abort();
    await Promise.all(readers.map(({ done }) => done));
    expect(counted.open).toBe(0);
  });

  it('is read once for readers who are all behind, too, until one has caught up; who wants little asks the log', async () => {
    const { log, counted, recent } = house();
    for (const n of upTo(200)) await happen(log, n);
    const readers = Array.from({ length: 5 }, () => new Reader(recent));
    const even = new Reader(recent, { types: ['Even'] });
    await Promise.all(readers.map((reader) => reader.has(200)));
    await even.has(100);
    for (const { seen } of readers) expect(seen).toEqual(upTo(200));
    expect(even.seen).toEqual(upTo(200).filter((n) => n % 2 === 0));
    // A page each until they are together.
    expect(counted.given).toBeLessThanOrEqual(200 + 5 * PAGE + 100);
    for (const reader of [...readers, even]) reader.stop.abort();
    await Promise.all([...readers, even].map(({ done }) => done));
    // What is old is of use to nobody, and the next one begins somewhere else.
    const late = new Reader(recent, {}, await positionOf(log, 150));
    await late.has(49);
    expect(late.seen).toEqual(upTo(200).slice(151));
    late.stop.abort();
  });

  it('is chosen from like by the log itself', async () => {
    const { log, recent } = house();
    for (const n of upTo(5)) await happen(log, n);
    const filters: FeedFilter[] = [
      { types: ['Even'] },
      { streams: ['thing-2'] },
      { streams: ['thing-'], types: ['Odd'] },
      { streams: ['thing'] },
    ];
    const readers = [{}, ...filters].map((filter) => new Reader(recent, filter));
    await Promise.all(readers.map((reader) => reader.live()));
    for (let n = 5; n < 40; n++) await happen(log, n);
    await readers[0]!.has(40);
    await sleep(20);
    const [all, even, two, odd, none] = readers.map(({ seen }) => seen);
    expect(all).toEqual(upTo(40));
    expect(even).toEqual(upTo(40).filter((n) => n % 2 === 0));
    expect(two).toEqual(upTo(40).filter((n) => n % 3 === 2));
    expect(odd).toEqual(upTo(40).filter((n) => n % 2 === 1));
    expect(none).toEqual([]);
    for (const reader of readers) reader.stop.abort();
  });

  it('stays within its limits, however many events and however large, and slow readers miss nothing', async () => {
    const limits = { events: 20, bytes: 20_000 };
    const { log, counted, recent } = house(limits);
    const fast = new Reader(recent);
    let letGo = () => {};
    let held: Promise<void> | undefined;
    const slow = new Reader(recent, {}, undefined, () => held ?? Promise.resolve());
    await Promise.all([fast.live(), slow.live()]);
    held = new Promise((resolve) => (letGo = resolve));
    let most = { events: 0, bytes: 0 };
    for (const n of upTo(120)) {
      await happen(log, n, 'x'.repeat(n % 40 === 7 ? 15_000 : 100));
      await fast.has(n + 1);
      const { events, bytes } = recent.size;
      most = { events: Math.max(most.events, events), bytes: Math.max(most.bytes, bytes) };
    }
    expect(most.events).toBeLessThanOrEqual(limits.events);
    expect(most.events).toBeGreaterThan(10);
    expect(most.bytes).toBeLessThanOrEqual(limits.bytes);
    // A text is counted as what it takes in memory: two bytes a letter.
    expect(recent.size.events).toBeGreaterThan(0);
    held = undefined;
    const alone = counted.given;
    letGo();
    await slow.has(120);
    expect(slow.seen).toEqual(upTo(120));
    expect(fast.seen).toEqual(upTo(120));
    // It read for itself what was not kept any more.
    expect(counted.given - alone).toBeGreaterThan(50);
    for (const reader of [fast, slow]) reader.stop.abort();
  });

  it('never says that nothing is behind it when something is', async () => {
    const { log, recent } = house();
    await happen(log, 0);
    let pause: Promise<void> = Promise.resolve();
    let unblock = () => {};
    const busy = new Reader(recent, {}, undefined, () => pause);
    await busy.live();
    await sleep(5);
    pause = new Promise((resolve) => (unblock = resolve));
    await happen(log, 1);
    await busy.has(2);
    // The only one who reads on stands still; what comes now is in the log, but not here.
    for (const n of [2, 3]) await happen(log, n);
    const late = recent.follow({ after: await positionOf(log, 1), filter: {}, signal: busy.stop.signal });
    const numbers: number[] = [];
    for await (const { events, caughtUp } of late) {
      if (caughtUp) break;
      numbers.push(...events.map(({ data }) => (data as { n: number }).n));
    }
    expect(numbers).toEqual([2, 3]);
    unblock();
    busy.stop.abort();
  });

  it('gives each reader everything once and in order, whatever their pace', async () => {
    const pace = fc.record({ pause: fc.nat(3), from: fc.nat(30), stream: fc.option(fc.nat(2), { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(pace, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 3, max: 25 }),
        async (paces, keep) => {
          const { log, counted, recent } = house({ events: keep, bytes: 1_000_000 });
          const all = 60;
          const readers: { reader: Reader; expected: number[] }[] = [];
          for (const n of upTo(all)) {
            await happen(log, n);
            for (const { pause, from, stream } of paces.filter((each) => each.from === n)) {
              const filter = stream === undefined ? {} : { streams: [`thing-${stream}`] };
              const after = from % 2 === 0 ? await log.head() : undefined;
              const expected = upTo(all).filter(
                (i) => (after === undefined || i > n) && (stream === undefined || i % 3 === stream),
              );
              readers.push({ reader: new Reader(recent, filter, after, () => sleep(pause)), expected });
            }
            if (n % 7 === 0) await sleep(1);
          }
          await Promise.all(readers.map(({ reader, expected }) => reader.has(expected.length)));
          for (const { reader, expected } of readers) expect(reader.seen).toEqual(expected);
          for (const { reader } of readers) reader.stop.abort();
          await Promise.all(readers.map(({ reader }) => reader.done));
          // The last one closes the log behind it, in its own time.
          for (let turn = 0; counted.open > 0 && turn < 200; turn++) await sleep(5);
          expect(counted.open).toBe(0);
        },
      ),
      { numRuns: 12, seed: 5 },
    );
  });
});

async function positionOf(log: EventLog, n: number): Promise<string> {
  for await (const page of log.readAll()) {
    const found = page.find(({ data }) => (data as { n: number }).n === n);
    if (found) return found.position;
  }
  throw new Error(`No event ${n}.`);
}
