import { GroupProjector } from './group-projector.js';
import type { ReadQuery } from './query.js';
import { ReadPool, type ReadPoolOptions } from './read-pool.js';
import { pauseFor } from './pause.js';
import { ReadStore } from './read-store.js';
import { badQuery, keepingQuery, readToy, slowQuery, sumQuery, toyGroup } from './spec/toy.js';
import { testPlace } from './testing.js';
import { fill, newSteps, TestDirectory, type TestLog } from './spec/toy-log.js';

let directory: TestDirectory;
let log: TestLog;
let readStore: ReadStore;
const now = () => '2024-03-01T00:00:00.000Z';
const worker = new URL('./dist/spec/toy-reader.worker.js', import.meta.url);

beforeEach(async () => {
  directory = new TestDirectory();
  log = await directory.log();
  readStore = directory.closing(await ReadStore.open(testPlace(directory.file('read')), now), (store) => store.close());
});
afterEach(() => directory.remove());

function project(): GroupProjector {
  const parts = { group: toyGroup(), readStore, log, read: readToy, now, tuning: { watchEveryMs: 20 } };
  return directory.closing(GroupProjector.start(parts), (projector) => projector.stop());
}

function pool(options: Partial<ReadPoolOptions> = {}): ReadPool {
  const reads = new ReadPool({ worker, directory: readStore.directory, log, now, threads: 1, ...options });
  return directory.closing(reads, () => reads.close());
}

describe('a read pool', () => {
  it('answers from the active generation, with the pair that the answer stands for', async () => {
    const projector = project();
    await log.append('counter-a', 'none', newSteps({ by: 3, label: 'x' }, { by: 4 }));
    const head = await log.head();
    await projector.waits.waitFor(head);
    const reads = pool();
    expect(await reads.run(sumQuery, { label: 'x' })).toEqual({
      result: { total: 3, checkpoint: head },
      asOf: { position: head, instant: now() },
      generation: 'toys-1',
    });
    expect(await reads.run(sumQuery, { label: 'never used' })).toMatchObject({ result: { total: 0 } });
  });

  it.each(['told', 'looking itself'])('lets a caller read its own write, %s', async (how) => {
    const projector = project();
    const waitFor: ReadPoolOptions['waitFor'] = (_, position, options) => projector.waits.waitFor(position, options);
    const reads = pool(how === 'told' ? { waitFor } : {});
    for (let total = 1; total <= 20; total++) {
      const { position } = await log.append('counter-a', 'any', newSteps({}));
      const answer = await reads.run(sumQuery, {}, { atLeast: position });
      expect(answer.result.total).toBe(total);
      expect(answer.asOf.position >= position).toBe(true);
    }
    const options = { atLeast: 'f'.repeat(13), timeoutMs: 600 };
    await expect(reads.run(sumQuery, {}, options)).rejects.toMatchObject({ code: 'INVALID_POSITION' });
    const beyond = { atLeast: '0'.repeat(13) + 'fff', timeoutMs: 600 };
    await expect(reads.run(sumQuery, {}, beyond)).rejects.toMatchObject({ code: 'NOT_YET_PROJECTED', kind: 'busy' });
    await expect(reads.run(sumQuery, {}, { asOf: { position: beyond.atLeast }, timeoutMs: 600 })).rejects.toMatchObject(
      {
        code: 'NOT_YET_PROJECTED',
      },
    );
  });

  it('answers about the past', async () => {
    const projector = project();
    await fill(log, 1_000);
    const middle = await log.head();
    const recordedAt = '2024-02-02T00:00:00.000Z';
    await log.append('counter-0', 'any', newSteps({ by: 1_000_000, recordedAt }));
    await projector.waits.waitFor(await log.head());
    const reads = pool();
    const past = await reads.run(sumQuery, {}, { asOf: { instant: '2024-02-01T23:59:59.999Z' } });
    expect(past.asOf).toEqual({ position: middle, instant: '2024-02-01T23:59:59.999Z' });
    const present = await reads.run(sumQuery, {});
    expect(present.result.total - past.result.total).toBe(1_000_000);
    expect((await reads.run(sumQuery, {}, { asOf: { position: await log.head() } })).asOf.instant).toBe(recordedAt);
    expect(await reads.run(sumQuery, {}, { asOf: past.asOf })).toEqual(past);
  });

  it('waits a moment for a read model that is being set up', async () => {
    const reads = pool();
    const early = reads.run(sumQuery, {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    project();
    expect((await early).result.total).toBe(0);
  });

  it('says that the read model is not there when nobody sets it up', async () => {
    await expect(pool().run(sumQuery, {})).rejects.toMatchObject({
      code: 'READ_MODEL_NOT_READY',
      kind: 'unavailable',
    });
  });
});

describe('a limit', () => {
  beforeEach(async () => {
    await fill(log, 50);
    await project().waits.waitFor(await log.head());
  });

  it.each(['script', 'statements'] as const)('ends a query that runs on in %s, and frees its thread', async (how) => {
    const reads = pool();
    await reads.run(sumQuery, {});
    const started = performance.now();
    await expect(reads.run(slowQuery, { how }, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
      kind: 'limit',
    });
    expect(performance.now() - started).toBeLessThan(1_000);
    expect((await reads.run(sumQuery, {}, { timeoutMs: 2_000 })).result.total).toBeGreaterThan(0);
  });

  it('is kept towards the caller even inside one long statement, whose thread is replaced meanwhile', async () => {
    const reads = pool();
    await reads.run(sumQuery, {});
    const started = performance.now();
    const steps = 25_000_000;
    await expect(reads.run(slowQuery, { how: 'statement', steps }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
    });
    expect(performance.now() - started).toBeLessThan(1_000);
    expect((await reads.run(sumQuery, {})).result.total).toBeGreaterThan(0);
  });

  it('a caller may give a query up, running or waiting', async () => {
    const reads = pool();
    const controller = new AbortController();
    const running = reads.run(slowQuery, { how: 'script' }, { signal: controller.signal });
    const waiting = reads.run(sumQuery, {}, { signal: controller.signal });
    const after = reads.run(sumQuery, {});
    setTimeout(() => controller.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    await expect(waiting).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    expect((await after).result.total).toBeGreaterThan(0);
    await expect(reads.run(sumQuery, {}, { signal: controller.signal })).rejects.toMatchObject({
      code: 'QUERY_CANCELLED',
    });
  });

  it('holds for the queue: what does not fit is told so at once', async () => {
    const reads = pool({ maxQueued: 3 });
    await reads.run(sumQuery, {});
    const controller = new AbortController();
    const slow = reads.run(slowQuery, { how: 'script' }, { signal: controller.signal });
    const waiting = Array.from({ length: 3 }, () => reads.run(sumQuery, {}));
    await expect(reads.run(sumQuery, {})).rejects.toMatchObject({
      code: 'READ_BUSY',
      kind: 'busy',
      details: { queued: 3 },
    });
    controller.abort();
    await expect(slow).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    expect(await Promise.all(waiting)).toHaveLength(3);
  });
});

describe('a failure', () => {
  beforeEach(() => void project());

  it('of a query crosses with its code and kind', async () => {
    const reads = pool();
    await expect(reads.run(badQuery, { how: 'defect' })).rejects.toMatchObject({
      name: 'TouchstoneError',
      code: 'QUERY_FAILED',
      kind: 'internal',
      message: 'The query "toys.bad" failed: Off by one.. Please report this.',
    });
    const unknown = { ...sumQuery, name: 'toys.unheard-of' } as ReadQuery<object, unknown>;
    await expect(reads.run(unknown, {})).rejects.toMatchObject({ code: 'QUERY_UNKNOWN' });
    const params = { label: (() => 'x') as unknown as string };
    await expect(reads.run(sumQuery, params)).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    expect(await reads.run(sumQuery, {})).toMatchObject({ result: { total: 0 } });
  });

  it('of a thread fails its query only, and another thread takes its place', async () => {
    const reads = pool({ threads: 2 });
    for (let i = 0; i < 4; i++) {
      const dying = reads.run(badQuery, { how: 'exit' });
      const others = Array.from({ length: 5 }, () => reads.run(sumQuery, {}));
      await expect(dying).rejects.toMatchObject({ code: 'READ_WORKER_DIED', kind: 'unavailable' });
      await expect(Promise.all(others)).resolves.toHaveLength(5);
    }
  });

  it('to start at all is told to callers instead of letting them wait', async () => {
    const reads = pool({ worker: new URL('./dist/spec/no-such.worker.js', import.meta.url) });
    await expect(reads.run(sumQuery, {})).rejects.toMatchObject({ code: 'READ_WORKER_DIED' });
  });

  it('is what every read is after closing, except those that run', async () => {
    const reads = pool();
    await reads.run(sumQuery, {});
    const controller = new AbortController();
    const running = reads.run(slowQuery, { how: 'script' }, { signal: controller.signal });
    const waiting = reads.run(sumQuery, {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    const closed = reads.close();
    await expect(waiting).rejects.toMatchObject({ code: 'READS_CLOSED' });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    await closed;
    await expect(reads.run(sumQuery, {})).rejects.toMatchObject({ code: 'READS_CLOSED' });
  });
});

it('what queries keep is of one generation, and each thread may keep its part of the whole', async () => {
  const projector = project();
  await projector.waits.waitFor(await log.head());
  const reads = pool({ memoryBytes: 999 });
  const limit = 999;
  const kept = async () => (await reads.run(keepingQuery, null)).result;
  expect(await kept()).toEqual({ before: null, limit });
  expect(await kept()).toEqual({ before: 'toys-1', limit });
  await projector.rebuild();
  expect(await kept()).toEqual({ before: null, limit });
  expect(await kept()).toEqual({ before: 'toys-2', limit });
  await projector.rollback();
  expect(await kept()).toEqual({ before: null, limit });
  const shared = pool({ memoryBytes: 999, threads: 2 });
  expect((await shared.run(keepingQuery, null)).result).toEqual({ before: null, limit: 499 });
});

it('queries never fail while generations are built, swapped and removed, and never go back in time', async () => {
  await fill(log, 400);
  const projector = project();
  await projector.waits.waitFor(await log.head());
  const reads = pool({ threads: 2 });
  await Promise.all([1, 2, 3, 4].map(() => reads.run(sumQuery, {})));
  let done = false;
  const generations = new Set<string>();
  const answers = [0, 0];
  const reading = answers.map(async (_, i) => {
    let last = '';
    while (!done) {
      const { result, asOf, generation } = await reads.run(sumQuery, {});
      expect(result.total).toBeGreaterThan(0);
      expect(asOf.position >= last).toBe(true);
      last = asOf.position;
      generations.add(generation);
      answers[i]!++;
    }
  });
  const appending = (async () => {
    while (!done) await fill(log, 20).then(() => pauseFor(10, AbortSignal.timeout(1_000)));
  })();
  for (let i = 0; i < 4 || Math.min(...answers) < (process.env['TEST_READ_STORE_URL'] ? 3 : 20); i++)
    await projector.rebuild();
  await projector.rollback();
  await projector.rebuild();
  done = true;
  await Promise.all([...reading, appending]);
  expect(generations.size).toBeGreaterThanOrEqual(3);
});
