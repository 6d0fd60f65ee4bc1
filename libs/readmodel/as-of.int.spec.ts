import type { RecordedEvent } from '@touchstone/eventing/pure';
import type { ReadQuery } from './query.js';
import type { AsOfInput } from './reads.js';
import { InlineReads, projectAll, projectMore, seeded } from './testing.js';
import { slowQuery, sumQuery, toyGroup } from './spec/toy.js';
import { newSteps, TestDirectory, type TestLog } from './spec/toy-log.js';

let directory: TestDirectory;
let log: TestLog;

beforeEach(async () => {
  directory = new TestDirectory();
  log = await directory.log();
});
afterEach(() => directory.remove());

const iso = (ms: number) => new Date(ms).toISOString();
const BASE = Date.parse('2024-01-01T00:00:00.000Z');

/** Appends one step per given time, in that order, whatever the times. */
async function record(times: readonly number[], stream = 'counter-a'): Promise<RecordedEvent[]> {
  await log.append(stream, 'any', newSteps(...times.map((ms) => ({ recordedAt: iso(ms) }))));
  const events: RecordedEvent[] = [];
  for await (const page of log.readAll()) events.push(...page);
  return events;
}

/** Straight from the definition: the last event of the longest beginning of the log with nothing later in it. */
function lastAtOrBefore(events: readonly RecordedEvent[], ms: number): string {
  let last = '0'.repeat(16);
  for (const event of events) {
    if (Date.parse(event.recordedAt) > ms) break;
    last = event.position;
  }
  return last;
}

const reading = (events: readonly RecordedEvent[]) => new InlineReads(projectAll(toyGroup(), events), { log });
const ask = async (reads: InlineReads, asOf: { position?: string; instant?: string }) =>
  (await reads.run(sumQuery, {}, { asOf })).asOf;

describe('as of a moment', () => {
  it('is the last position recorded at or before it, with equal times and clocks that went back', async () => {
    const events = await record([10, 20, 20, 20, 5, 30, 25, 30, 40].map((ms) => BASE + ms));
    const reads = reading(events);
    const found = async (ms: number) => events.findIndex((e) => e.position === lastAtOrBefore(events, BASE + ms));
    for (const ms of [9, 10, 19, 20, 21, 29, 30, 31, 40, 99]) {
      const { position, instant } = await ask(reads, { instant: iso(BASE + ms) });
      expect({ ms, position }).toEqual({ ms, position: lastAtOrBefore(events, BASE + ms) });
      expect(instant).toBe(iso(BASE + ms));
    }
    // Time 5 and 25 stand behind later ones: what was recorded there was known only when those were.
    expect(await Promise.all([10, 20, 29, 30].map(found))).toEqual([0, 4, 4, 7]);
  });

  it('equals the definition over thousands of events and any batches', async () => {
    const random = seeded(7);
    let clock = BASE;
    const times = Array.from({ length: 3_000 }, () => {
      if (random() < 0.3) clock += Math.floor(random() * 5);
      return random() < 0.05 ? clock - Math.floor(random() * 400) : clock;
    });
    const events = await record(times);
    const batch = () => 1 + Math.floor(random() * 400);
    const reads = new InlineReads(projectAll(toyGroup(), events, { batch }), { log });
    for (let i = 0; i < 60; i++) {
      const ms = BASE - 50 + Math.floor(random() * (clock - BASE + 100));
      const { position } = await ask(reads, { instant: iso(ms) });
      expect({ ms, position }).toEqual({ ms, position: lastAtOrBefore(events, ms) });
      const { position: at, recordedAt } = events[Math.floor(random() * events.length)]!;
      const latest = events.reduce((max, e) => (e.position <= at ? Math.max(max, Date.parse(e.recordedAt)) : max), 0);
      expect(await ask(reads, { position: at })).toEqual({ position: at, instant: iso(latest) });
      expect(Date.parse(recordedAt)).toBeLessThanOrEqual(latest);
    }
  });

  it('reads at most a few hundred events of the log', async () => {
    const events = await record(Array.from({ length: 2_000 }, (_, i) => BASE + i));
    let read = 0;
    const counting = {
      comparePositions: log.comparePositions.bind(log),
      async *readAll(options: Parameters<TestLog['readAll']>[0]) {
        for await (const page of log.readAll(options)) {
          read += page.length;
          yield page;
        }
      },
    };
    const reads = new InlineReads(projectAll(toyGroup(), events), { log: counting });
    await ask(reads, { instant: iso(BASE + 1_500) });
    expect(read).toBeLessThanOrEqual(512);
    read = 0;
    await ask(reads, { position: events[777]!.position });
    expect(read).toBeLessThanOrEqual(512);
  });

  it('answers what was known then', async () => {
    const events = await record([1, 2, 3, 4].map((h) => BASE + h * 3_600_000));
    const answer = await reading(events).run(sumQuery, {}, { asOf: { instant: '2024-01-01T11:30:00.000+09:00' } });
    expect(answer).toMatchObject({
      result: { total: 2 },
      asOf: { position: events[1]!.position, instant: '2024-01-01T02:30:00.000Z' },
    });
  });

  it('before the first event is before everything', async () => {
    const events = await record([BASE]);
    const answer = await reading(events).run(sumQuery, {}, { asOf: { instant: iso(BASE - 1) } });
    expect(answer).toMatchObject({ result: { total: 0 }, asOf: { position: '0'.repeat(16) } });
  });

  it('that the projection has not reached is refused, not answered from less', async () => {
    const some = await record([BASE, BASE + 1]);
    const store = projectAll(toyGroup(), some);
    const reads = new InlineReads(store, { log });
    const all = await record([BASE + 2, BASE + 3]);
    await expect(ask(reads, { instant: iso(BASE + 2) })).rejects.toMatchObject({
      code: 'NOT_YET_PROJECTED',
      kind: 'busy',
    });
    expect((await ask(reads, { instant: iso(BASE + 1) })).position).toBe(some[1]!.position);
    projectMore(store, all);
    expect((await ask(reads, { instant: iso(BASE + 2) })).position).toBe(all[2]!.position);
  });
});

describe('as of a position', () => {
  it('that is not reached yet is refused, and so is one that is none', async () => {
    const events = await record([BASE]);
    const reads = reading(events);
    await expect(ask(reads, { position: '00000000000000ff' })).rejects.toMatchObject({ code: 'NOT_YET_PROJECTED' });
    await expect(ask(reads, { position: 'yesterday' })).rejects.toMatchObject({ code: 'INVALID_POSITION' });
    await expect(ask(reads, { instant: '2024-01-01T00:00:00' })).rejects.toMatchObject({ code: 'INVALID_INSTANT' });
    await expect(ask(reads, {})).rejects.toMatchObject({ code: 'INVALID_INSTANT' });
  });

  it('together with its moment is taken as the earlier answer gave it', async () => {
    const events = await record([BASE, BASE + 5]);
    const pair = { position: events[0]!.position, instant: '2024-06-01T00:00:00.000Z' };
    expect(await ask(reading(events), pair)).toEqual(pair);
  });
});

describe('a read', () => {
  const isPast: ReadQuery<null, boolean> = { name: 'past', group: 'toys', run: (read) => Promise.resolve(read.past) };

  it('is of the past only when the read model has gone on since', async () => {
    const some = await record([BASE, BASE + 5]);
    const store = projectAll(toyGroup(), some);
    const reads = new InlineReads(store, { log });
    const past = async (asOf?: AsOfInput) => (await reads.run(isPast, null, { asOf, now: iso(BASE + 9) })).result;
    const first = await reads.run(isPast, null, { now: iso(BASE + 9) });
    expect(first.result).toBe(false);
    // What goes on from an answer stands where the answer stood, and is judged at its instant.
    const second = await reads.run(isPast, null, { asOf: first.asOf, now: iso(BASE + 99) });
    expect(second).toEqual(first);
    const last = some[1]!.position;
    for (const asOf of [{ position: last }, { instant: iso(BASE + 5) }]) expect(await past(asOf)).toBe(false);
    for (const asOf of [{ position: some[0]!.position }, { instant: iso(BASE + 4) }, { instant: iso(BASE - 1) }]) {
      expect(await past(asOf)).toBe(true);
    }
    projectMore(store, await record([BASE + 7]));
    for (const asOf of [first.asOf, { position: last }, { instant: iso(BASE + 5) }])
      expect(await past(asOf)).toBe(true);
    expect(await past()).toBe(false);
  });
});

describe('reading on the calling thread', () => {
  it('has its time limit and can be given up', async () => {
    const reads = reading(await record([BASE]));
    for (const how of ['script', 'statements'] as const) {
      await expect(reads.run(slowQuery, { how }, { timeoutMs: 20 })).rejects.toMatchObject({
        code: 'QUERY_TIMEOUT',
        kind: 'limit',
      });
      const signal = AbortSignal.abort();
      await expect(reads.run(slowQuery, { how }, { signal })).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    }
    expect((await reads.run(sumQuery, {})).result.total).toBe(1);
  });

  it('sees an empty read model as one that knows nothing', async () => {
    const reads = reading([]);
    expect(await reads.run(sumQuery, {}, { now: iso(BASE) })).toMatchObject({
      result: { total: 0 },
      asOf: { position: '', instant: iso(BASE) },
    });
    expect(await reads.run(sumQuery, { label: 'x' })).toMatchObject({ result: { total: 0 } });
  });
});

it('a query that asks for what an earlier release did not keep says so, and is no defect', async () => {
  const newer: ReadQuery<object, unknown> = {
    name: 'toys.newer',
    group: 'toys',
    run: (read) => read.db.selectFrom('kept_since_today').selectAll().execute(),
  };
  await expect(reading(await record([BASE])).run(newer, {})).rejects.toMatchObject({
    code: 'READ_MODEL_OUTDATED',
    kind: 'unavailable',
  });
});
