/// <reference types="jest" />
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NewEvent, RecordedEvent } from './envelope.js';
import {
  anEvent,
  collect,
  collectPages,
  events,
  failsWith,
  Follower,
  idsOf,
  type Bench,
  type ContractTraits,
} from './event-log.contract.kit.js';

export function bulkCases(bench: Bench, { slow }: ContractTraits): void {
  const requests = slow ? 600 : 3_000;
  const stream = (n: number) => bench.name(`bulk${n}`);

  it('answers in the order of the requests', async () => {
    const requests = [3, 1, 2].map((n) => ({ stream: stream(n), expected: 'none' as const, events: events(n) }));
    const outcomes = await bench.log.appendMany(requests);
    expect(outcomes.map((o) => (o.ok ? o.appended.revision : o.error))).toEqual([2, 0, 1]);
  });

  it('lets a conflict fail alone', async () => {
    await bench.log.append(stream(1), 'none', [anEvent()]);
    const outcomes = await bench.log.appendMany([
      { stream: stream(0), expected: 'none', events: events(2) },
      { stream: stream(1), expected: 'none', events: events(2) },
      { stream: stream(2), expected: 5, events: events(1) },
      { stream: stream(3), expected: 'none', events: events(2) },
    ]);
    expect(outcomes.map((o) => o.ok)).toEqual([true, false, false, true]);
    expect(outcomes[1]).toMatchObject({ error: { code: 'WRONG_EXPECTED_REVISION' } });
    expect(await collect(bench.log.readStream(stream(1)))).toHaveLength(1);
    expect(await collect(bench.log.readStream(stream(3)))).toHaveLength(2);
  });

  it('lets bad input fail alone', async () => {
    const outcomes = await bench.log.appendMany([
      { stream: '$bad', expected: 'none', events: events(1) },
      { stream: stream(0), expected: 'none', events: events(1) },
      { stream: stream(1), expected: 'none', events: [] },
      { stream: stream(2), expected: 'none', events: [anEvent({ id: 'bad' })] },
    ]);
    expect(outcomes.map((o) => (o.ok ? 'ok' : (o.error as { code?: string }).code))).toEqual([
      'INVALID_STREAM',
      'ok',
      'EMPTY_APPEND',
      'INVALID_EVENT_ID',
    ]);
  });

  it('builds requests for one stream on one another, in order', async () => {
    const parts = [events(2), events(3), events(1)];
    const outcomes = await bench.log.appendMany([
      { stream: stream(0), expected: 'none', events: parts[0]! },
      { stream: stream(0), expected: 1, events: parts[1]! },
      { stream: stream(0), expected: 4, events: parts[2]! },
    ]);
    expect(outcomes.map((o) => o.ok && o.appended.revision)).toEqual([1, 4, 5]);
    expect(idsOf(await collect(bench.log.readStream(stream(0))))).toEqual(idsOf(parts.flat()));
  });

  it('repeated, answers as the first time', async () => {
    const requests = [0, 1, 2].map((n) => ({ stream: stream(n), expected: 'none' as const, events: events(4) }));
    const first = await bench.log.appendMany(requests);
    expect(await bench.log.appendMany(requests)).toEqual(first);
  });

  it(`takes nothing at all, and ${requests} requests`, async () => {
    expect(await bench.log.appendMany([])).toEqual([]);
    const many = Array.from({ length: requests }, (_, n) => ({
      stream: stream(n),
      expected: 'none' as const,
      events: events(2),
    }));
    expect((await bench.log.appendMany(many)).every((o) => o.ok && o.appended.revision === 1)).toBe(true);
  });
}

export function concurrencyCases(bench: Bench, { slow }: ContractTraits): void {
  const WRITERS = slow ? 15 : 50;
  const EACH = slow ? 4 : 8;
  const stream = (n = 0) => bench.name(`c${n}`);
  const writers = <T>(work: (writer: number) => Promise<T>) =>
    Promise.all(Array.from({ length: WRITERS }, (_, w) => work(w)));

  it(`${WRITERS} writers on one stream: nothing lost, revisions dense, each writer in its own order`, async () => {
    await writers(async (w) => {
      for (let i = 0; i < 5; i++) await bench.log.append(stream(), 'any', [anEvent({ data: { w, i } })]);
    });
    const read = await collect(bench.log.readStream(stream()));
    expect(read.map((e) => e.revision)).toEqual(Array.from({ length: WRITERS * 5 }, (_, i) => i));
    for (let w = 0; w < WRITERS; w++) {
      const own = read.map((e) => e.data as { w: number; i: number }).filter((d) => d.w === w);
      expect(own.map((d) => d.i)).toEqual([0, 1, 2, 3, 4]);
    }
    expectIncreasing(read);
  });

  it(`${WRITERS} writers on as many streams: every stream whole, positions increasing with revisions`, async () => {
    const start = await bench.log.head();
    await writers(async (w) => {
      for (let i = 0; i < 4; i++) await bench.log.append(stream(w), i === 0 ? 'none' : 2 * i - 1, events(2));
    });
    for (let w = 0; w < WRITERS; w++) {
      const read = await collect(bench.log.readStream(stream(w)));
      expect(read.map((e) => e.revision)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expectIncreasing(read);
    }
    const all = await collectPages(bench.log.readAll({ after: start, streams: [bench.name('c').slice(0, 1)] }));
    expectIncreasing(all);
  });

  it(`${WRITERS} writers with one expectation: one wins, the others are told`, async () => {
    await bench.log.append(stream(), 'none', [anEvent()]);
    const results = await Promise.allSettled(
      Array.from({ length: WRITERS }, () => bench.log.append(stream(), 0, [anEvent()])),
    );
    const lost = results.filter((r) => r.status === 'rejected');
    expect(lost).toHaveLength(WRITERS - 1);
    for (const { reason } of lost as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'WRONG_EXPECTED_REVISION' });
    }
    expect(await collect(bench.log.readStream(stream()))).toHaveLength(2);
  });

  it(`${WRITERS} writers that read, decide and append with an exact expectation count to ${WRITERS}`, async () => {
    await writers(async () => {
      for (;;) {
        const [last] = await collect(bench.log.readStream(stream(), { direction: 'backwards', max: 1 }));
        const count = ((last?.data as { count: number } | undefined)?.count ?? 0) + 1;
        try {
          await bench.log.append(stream(), last?.revision ?? 'none', [anEvent({ data: { count } })]);
          return;
        } catch (error) {
          expect(error).toMatchObject({ code: 'WRONG_EXPECTED_REVISION' });
        }
      }
    });
    const read = await collect(bench.log.readStream(stream()));
    expect(read.map((e) => (e.data as { count: number }).count)).toEqual(read.map((_, i) => i + 1));
    expect(read).toHaveLength(WRITERS);
  });

  const busyWriters = async (each: number) => {
    const appended: NewEvent[] = [];
    await writers(async (w) => {
      for (let i = 0; i < each; i++) {
        const batch = events(1 + ((w + i) % 3));
        await bench.log.append(stream(w), 'any', batch);
        appended.push(...batch);
      }
    });
    return appended;
  };

  it('a reader sees no gap while writers run: what it saw is the beginning of what is there in the end', async () => {
    const start = await bench.log.head();
    const writing = { done: false };
    const work = busyWriters(EACH).finally(() => (writing.done = true));
    const seen: string[][] = [];
    while (!writing.done) {
      seen.push(idsOf(await collectPages(bench.log.readAll({ after: start, pageSize: 7 }))));
      await nextTurn();
    }
    const appended = await work;
    const all = idsOf(await collectPages(bench.log.readAll({ after: start })));
    expect(new Set(all)).toEqual(new Set(idsOf(appended)));
    expect(all).toHaveLength(appended.length);
    for (const ids of seen) expect(ids).toEqual(all.slice(0, ids.length));
  });

  it('a reader that reads on from where it was misses nothing while writers run', async () => {
    let after = await bench.log.head();
    const start = after;
    const writing = { done: false };
    const work = busyWriters(EACH).finally(() => (writing.done = true));
    const seen: RecordedEvent[] = [];
    for (let last = false; !last;) {
      last = writing.done;
      for await (const page of bench.log.readAll({ after, pageSize: 5 })) {
        seen.push(...page);
        after = page.at(-1)!.position;
      }
      await nextTurn();
    }
    await work;
    expect(idsOf(seen)).toEqual(idsOf(await collectPages(bench.log.readAll({ after: start }))));
  });

  it('a subscriber misses nothing and sees nothing twice while writers run', async () => {
    const start = await bench.log.head();
    const follower = new Follower(bench.log, { after: start, pageSize: 13 });
    const appended = await busyWriters(EACH);
    await follower.untilEvents(appended.length);
    await follower.close();
    expect(idsOf(follower.events)).toEqual(idsOf(await collectPages(bench.log.readAll({ after: start }))));
  });

  it('an acknowledged append is seen by the next read, and lies at or before the head', async () => {
    for (let i = 0; i < 20; i++) {
      const { position } = await bench.log.append(stream(), 'any', [anEvent()]);
      expect(await collect(bench.log.readStream(stream()))).toHaveLength(i + 1);
      expect(bench.log.comparePositions(await bench.log.head(), position)).toBeGreaterThanOrEqual(0);
    }
  });

  function expectIncreasing(read: readonly RecordedEvent[]): void {
    for (let i = 1; i < read.length; i++) {
      expect(bench.log.comparePositions(read[i - 1]!.position, read[i]!.position)).toBeLessThan(0);
      expect(read[i - 1]!.position < read[i]!.position).toBe(true);
    }
  }
}

export function lifeCases(bench: Bench): void {
  const stream = () => bench.name('life');

  it('finishes what was accepted when it is closed while busy', async () => {
    const batches = Array.from({ length: 40 }, () => events(5));
    const appending = batches.map((batch) => bench.log.append(stream(), 'any', batch));
    const closing = bench.log.close();
    const answers = await Promise.all(appending);
    await closing;
    expect(answers.map((a) => a.revision)).toEqual(answers.map((_, i) => 5 * i + 4));
    if (bench.contract.reopen === undefined) return;
    const log = await bench.contract.reopen();
    expect(idsOf(await collect(log.readStream(stream())))).toEqual(idsOf(batches.flat()));
  });

  it('refuses everything once it is closed, and may be closed again', async () => {
    const { log } = bench;
    await log.append(stream(), 'none', events(3));
    const closing = log.close();
    await failsWith(log.append(stream(), 'any', [anEvent()]), 'LOG_CLOSED');
    await closing;
    await log.close();
    await failsWith(log.append(stream(), 'any', [anEvent()]), 'LOG_CLOSED');
    expect(await log.appendMany([{ stream: stream(), expected: 'any', events: events(1) }])).toMatchObject([
      { ok: false, error: { code: 'LOG_CLOSED', kind: 'unavailable' } },
    ]);
    await failsWith(collect(log.readStream(stream())), 'LOG_CLOSED');
    await failsWith(collect(log.readAll()), 'LOG_CLOSED');
    await failsWith(collect(log.subscribe()), 'LOG_CLOSED');
    await failsWith(log.head(), 'LOG_CLOSED');
  });

  it('tells a reader in the middle that the log was closed: half a log is not the whole', async () => {
    await bench.log.append(stream(), 'none', events(30));
    const pages = bench.log.readAll({ pageSize: 10 })[Symbol.asyncIterator]();
    await pages.next();
    await bench.log.close();
    await expect(pages.next()).rejects.toMatchObject({ code: 'LOG_CLOSED' });
  });

  it('reopened, has its events, revisions, positions and repeats, and goes on behind them', async () => {
    if (bench.contract.reopen === undefined) return expect(bench.contract.reopen).toBeUndefined();
    const batch = events(3);
    const first = await bench.log.append(stream(), 'none', batch);
    const before = await collect(bench.log.readStream(stream()));
    const head = await bench.log.head();
    const log = await bench.contract.reopen();
    expect(await collect(log.readStream(stream()))).toEqual(before);
    expect(await log.head()).toBe(head);
    expect(await log.append(stream(), 'none', batch)).toEqual(first);
    const next = await log.append(stream(), 2, [anEvent()]);
    expect(next.revision).toBe(3);
    expect(log.comparePositions(next.position, head)).toBeGreaterThan(0);
  });
}
