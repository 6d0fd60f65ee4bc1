import { setTimeout as sleep } from 'node:timers/promises';
import { EventRegistry, event, t, TouchstoneError, type EventLog, type RecordedEvent } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { NO_CONTEXT, type ContextAsk, type EventInContext } from '@touchstone/journeys';
import type { ReadOptions } from '@touchstone/readmodel';
import { Alarm, RANG } from './alarm.js';
import { EventContexts } from './event-contexts.js';
import { EventFeed, PAGE, type FeedPage } from './event-feed.js';
import { OpenFeeds, type FeedMeter } from './open-feeds.js';
import { paced } from './paced-items.js';

const Happened = event('Happened', t.object({ n: t.integer() }));
const registry = new EventRegistry([Happened]);

async function logOf(events: number): Promise<EventLog> {
  const log = openMemoryLog();
  for (let n = 0; n < events; n++) await append(log, n);
  return log;
}

const idOf = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

const append = (
  log: EventLog,
  n: number,
  historical?: true,
  type = 'Happened',
  data: object = { n },
  stream = `thing-${n % 3}`,
) =>
  log.append(stream, 'any', [
    {
      id: idOf(n),
      type,
      schemaVersion: 1,
      occurredAt: '2024-05-01T08:00:00Z',
      recordedAt: '2024-05-01T08:00:00Z',
      data,
      metadata: { correlationId: 'c', actor: { id: 'a' }, ...(historical && { historical }) },
    },
  ]);

const busy = () => new TouchstoneError('NOT_YET_PROJECTED', 'Behind.', 'busy');

/** A read model that stands still at a position until it is let go. */
class SlowReads {
  reached = '';
  readonly asked: { readonly asks: number; readonly atLeast: string }[] = [];

  run(_query: unknown, { asks }: { asks: readonly ContextAsk[] }, { atLeast = '' }: ReadOptions): Promise<never> {
    if (atLeast > this.reached) return sleep(5).then(() => Promise.reject(busy()));
    this.asked.push({ asks: asks.length, atLeast });
    const result = asks.map((): EventInContext => ({ context: NO_CONTEXT, supersedes: null, before: null }));
    return Promise.resolve({ result } as never);
  }
}

const feedOf = (log: EventLog, reads: SlowReads, patienceMs?: number): EventFeed =>
  new EventFeed({ log, registry, contexts: new EventContexts({ log, reads: reads as never, patienceMs }) });

const numbers = ({ deliveries }: FeedPage) => deliveries.map((d) => (d.event.data as { n: number }).n);

describe('the feed', () => {
  it('never runs ahead of the read model: it waits for it', async () => {
    const log = await logOf(3);
    const reads = new SlowReads();
    const stop = new AbortController();
    const pages = feedOf(log, reads).pages({ filter: {}, signal: stop.signal });
    const first = pages.next();
    const early = await Promise.race([first, sleep(300, 'waiting')]);
    expect(early).toBe('waiting');
    reads.reached = await log.head();
    const { value } = await first;
    expect(numbers(value as FeedPage)).toEqual([0, 1, 2]);
    expect(reads.asked).toEqual([{ asks: 3, atLeast: await log.head() }]);
    stop.abort();
  });

  it('but not for ever, and says so', async () => {
    const log = await logOf(3);
    const pages = feedOf(log, new SlowReads(), 250).pages({ filter: {}, signal: new AbortController().signal });
    await expect(pages.next()).rejects.toMatchObject({ code: 'FEED_BEHIND', kind: 'unavailable' });
  });

  it('ends at once with its reader, also while it waits', async () => {
    const log = await logOf(3);
    const stop = new AbortController();
    const pages = feedOf(log, new SlowReads(), 5_000).pages({ filter: {}, signal: stop.signal });
    const next = pages.next();
    await sleep(20);
    const start = performance.now();
    stop.abort();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('reads on only when it is asked, and looks everything up once for readers at the same place', async () => {
    const log = await logOf(3 * PAGE);
    const reads = new SlowReads();
    reads.reached = await log.head();
    const feed = feedOf(log, reads);
    const stop = new AbortController();
    const readers = [1, 2, 3, 4].map(() => feed.pages({ filter: {}, signal: stop.signal }));
    const firsts = await Promise.all(readers.map((reader) => reader.next()));
    await sleep(50);
    expect(firsts.map(({ value }) => (value as FeedPage).deliveries.length)).toEqual([PAGE, PAGE, PAGE, PAGE]);
    expect(reads.asked.map(({ asks }) => asks)).toEqual([PAGE]);
    await readers[0]!.next();
    expect(reads.asked.map(({ asks }) => asks)).toEqual([PAGE, PAGE]);
    stop.abort();
  });

  it('looks nothing up for what cannot be for its reader', async () => {
    const log = await logOf(30);
    const reads = new SlowReads();
    reads.reached = await log.head();
    const stop = new AbortController();
    const pages = feedOf(log, reads).pages({ filter: { streams: ['thing-', 'thing-2'].slice(1) }, signal: stop.signal }); // prettier-ignore
    expect(numbers((await pages.next()).value as FeedPage)).toEqual([2, 5, 8, 11, 14, 17, 20, 23, 26, 29]);
    const none = feedOf(log, reads).pages({ filter: { streams: ['thing'] }, signal: stop.signal });
    expect(numbers((await none.next()).value as FeedPage)).toEqual([]);
    expect(reads.asked.map(({ asks }) => asks)).toEqual([10]);
    stop.abort();
  });

  it('leaves out historical loads for who does not want them', async () => {
    const log = await logOf(2);
    await append(log, 2, true);
    await append(log, 3);
    const reads = new SlowReads();
    reads.reached = await log.head();
    const signal = new AbortController().signal;
    const page = async (historical?: boolean) =>
      numbers((await feedOf(log, reads).pages({ filter: { historical }, signal }).next()).value as FeedPage);
    expect(await page(false)).toEqual([0, 1, 3]);
    expect(await page(true)).toEqual([0, 1, 2, 3]);
    expect(await page()).toEqual([0, 1, 2, 3]);
  });

  it('finds in the stream what an event supersedes, and whose words that were', async () => {
    const log = openMemoryLog();
    const asked: ContextAsk[] = [];
    const reads = {
      run: (query: { name: string }, { asks, facts }: { asks: readonly ContextAsk[]; facts: readonly object[] }) => {
        // It knows the fact that was corrected as it was first said, and nothing of the others.
        if (query.name === 'factRevisions')
          return Promise.resolve({ result: facts.map((_, i) => (i === 0 ? 0 : null)) });
        asked.push(...asks);
        return Promise.resolve({ result: asks.map(() => ({ context: NO_CONTEXT, supersedes: null, before: null })) });
      },
    };
    const said = (unit: string) => ({ unit, channel: 'sms', traits: { stage: 'F1' } });
    const what: [type: string, data: object][] = [
      ['ObjectFactRecorded', said('east')],
      ['ObjectFactRecorded', said('other')],
      ['ObjectFactCorrected', { factId: idOf(0), ...said('west') }],
      ['ObjectChanged', {}],
      ['ObjectFactVoided', { factId: idOf(0) }],
      ['ObjectFactVoided', { factId: idOf(99) }],
      ['CustomersMerged', {}],
      ['CustomersUnmerged', {}],
    ];
    for (const [n, [type, data]] of what.entries()) await append(log, n, undefined, type, data, 'thing-x');
    const signal = new AbortController().signal;
    const looked: unknown[] = [];
    const watched = { readStream: (stream: string, how?: object) => (looked.push(how), log.readStream(stream, how)) };
    const contexts = new EventContexts({ log: watched, reads: reads as never });
    const feed = new EventFeed({ log, registry, contexts });
    const { deliveries } = (await feed.pages({ filter: {}, signal }).next()).value as FeedPage;
    const at = deliveries.map(({ event: { position } }) => position);
    const own = (unit: string) => ({ unit, channel: 'sms', stage: 'F1' });
    expect(asked.map(({ own: says, undoes }) => [says, undoes])).toEqual([
      [own('east'), undefined],
      [own('other'), undefined],
      [own('west'), { eventId: idOf(0), position: at[0], own: own('east') }],
      [undefined, undefined],
      [own('west'), { eventId: idOf(2), position: at[2], own: own('west') }],
      [undefined, undefined],
      [undefined, undefined],
      [undefined, { eventId: idOf(6), position: at[6], own: undefined }],
    ]);
    // Where the read model knows the place, nothing else of the stream is read.
    const backwards = (from: number) => ({ from, direction: 'backwards' });
    expect(looked).toEqual([{ from: 0, max: 1 }, backwards(3), backwards(4), backwards(6)]);
  });

  it('shares what is looked up, and lets nobody wait by another’s patience', async () => {
    const log = await logOf(2);
    let finish: (value: unknown) => void = () => undefined;
    let runs = 0;
    const result = [0, 1].map((): EventInContext => ({ context: NO_CONTEXT, supersedes: null, before: null }));
    const reads = { run: () => (runs++, new Promise((resolve) => (finish = resolve))) };
    const contexts = new EventContexts({ log, reads: reads as never });
    const events: RecordedEvent[] = [];
    for await (const page of log.readAll()) events.push(...page);
    const patient = contexts.of(events, 10_000);
    const start = performance.now();
    await expect(contexts.of(events, 50)).rejects.toMatchObject({ code: 'FEED_BEHIND' });
    expect(performance.now() - start).toBeLessThan(2_000);
    finish({ result });
    expect(await patient).toEqual(result);
    expect(runs).toBe(1);
    // The other way round: who has patience goes on after another has lost it.
    const slow = new SlowReads();
    const others = new EventContexts({ log, reads: slow as never });
    const hasty = others.of(events, 100).catch((error: TouchstoneError) => error.code);
    const waiting = others.of(events, 10_000);
    expect(await hasty).toBe('FEED_BEHIND');
    slow.reached = await log.head();
    expect(await waiting).toEqual(result);
  });

  it('tries again what failed for one reader when the next one asks', async () => {
    const log = await logOf(2);
    const reads = new SlowReads();
    const feed = feedOf(log, reads, 10);
    const signal = new AbortController().signal;
    await expect(feed.pages({ filter: {}, signal }).next()).rejects.toMatchObject({ code: 'FEED_BEHIND' });
    reads.reached = await log.head();
    expect(numbers((await feed.pages({ filter: {}, signal }).next()).value as FeedPage)).toEqual([0, 1]);
  });
});

class Meter implements FeedMeter {
  readonly ends: string[] = [];
  events = 0;
  opened = () => undefined;
  refused = () => undefined;
  sent = (_transport: string, events: number) => void (this.events += events);
  ended = (_transport: string, reason: string) => void this.ends.push(reason);
}

describe('a reader that takes events one by one', () => {
  const house = async (slowMs: number) => {
    const log = await logOf(10);
    const reads = new SlowReads();
    reads.reached = await log.head();
    const meter = new Meter();
    const open = new OpenFeeds(2, meter);
    const items = () => {
      const feed = open.open('graphql');
      const pages = feedOf(log, reads).pages({ filter: {}, signal: feed.signal });
      return paced({ feed, pages, after: undefined }, slowMs, (error) => (error as TouchstoneError).code);
    };
    return { log, open, meter, items };
  };

  it('is ended with a reason when it stands still, after what it has asked for', async () => {
    const { open, meter, items } = await house(60);
    const reader = items();
    const { value } = await reader.next();
    expect((value as { event: RecordedEvent }).event.data).toEqual({ n: 0 });
    await sleep(150);
    await expect(reader.next()).rejects.toMatchObject({ code: 'FEED_TOO_SLOW', details: { position: value.event.position } }); // prettier-ignore
    expect(meter.ends).toEqual(['FEED_TOO_SLOW']);
    expect(open.all.size).toBe(0);
  });

  it('is not, however slow it is, while it goes on', async () => {
    const { items } = await house(1_000);
    const reader = items();
    for (let n = 0; n < 10; n++) {
      await sleep(120);
      expect((await reader.next()).value?.event.data).toEqual({ n });
    }
    await reader.return!();
  });

  it('gives its place back, whether it was read or not', async () => {
    const { open, meter, items } = await house(1_000);
    const [unread, read] = [items(), items()];
    expect(() => open.open('sse')).toThrow(expect.objectContaining({ code: 'FEEDS_TOO_MANY', kind: 'busy' }));
    await read.next();
    await unread.return!();
    await read.return!();
    await sleep(10);
    expect(open.all.size).toBe(0);
    expect(meter.ends).toEqual(['gone', 'gone']);
    expect(meter.events).toBe(1);
  });

  it('is told when the server stops, and nobody new is let in', async () => {
    const { open, items } = await house(1_000);
    const reader = items();
    for (let n = 0; n < 10; n++) await reader.next();
    const waiting = reader.next();
    await sleep(20);
    await Promise.all([
      open.stop(),
      expect(waiting).rejects.toMatchObject({ code: 'FEEDS_STOPPING', kind: 'unavailable' }),
    ]);
    expect(open.all.size).toBe(0);
    expect(() => open.open('poll')).toThrow(expect.objectContaining({ code: 'FEEDS_STOPPING' }));
  });
});

describe('an alarm', () => {
  it('comes when the answer does not, and keeps nothing of the answers before', async () => {
    const alarm = new Alarm(30);
    expect(await alarm.or(Promise.resolve(1))).toBe(1);
    await expect(alarm.or(Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await alarm.or(new Promise(() => undefined))).toBe(RANG);
    // From then on it is always late.
    expect(await alarm.or(new Promise(() => undefined))).toBe(RANG);
    alarm.stop();
  });

  it('that comes again and again rings once for each time, and not for an answer that was taken', async () => {
    const alarm = new Alarm(20, true);
    const slow = sleep(70, 'answer');
    const heard: unknown[] = [];
    for (;;) {
      const what = await alarm.or(slow);
      heard.push(what);
      if (what !== RANG) break;
    }
    expect(heard.at(-1)).toBe('answer');
    expect(heard.length).toBeGreaterThanOrEqual(2);
    expect(heard.length).toBeLessThanOrEqual(5);
    alarm.stop();
    expect(await Promise.race([alarm.or(new Promise(() => undefined)), sleep(60, 'silent')])).toBe('silent');
  });
});
