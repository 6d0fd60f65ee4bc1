import type { EventLog } from '@touchstone/eventing';
import type { RecordedEvent } from '@touchstone/eventing/pure';
import { dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import { ProjectionRunner, type RunnerOptions } from './projection-runner.js';
import { projectAll, testPlace } from './testing.js';
import { readToy, toyDefects, toyGroup } from './spec/toy.js';
import { fill, newSteps, TestDirectory, until, type TestLog } from './spec/toy-log.js';

let directory: TestDirectory;
let log: TestLog;
const actor = { id: 'operator-7' };

beforeEach(async () => {
  directory = new TestDirectory();
  log = await directory.log();
  toyDefects.on = true;
});
afterEach(() => directory.remove());

function run(options: Partial<RunnerOptions> = {}) {
  const store = options.store ?? GenerationStore.open(toyGroup(), 'toys-1', testPlace(directory.file('toys-1.db')));
  const now = () => '2024-03-01T00:00:00.000Z';
  const runner = new ProjectionRunner({ log, read: readToy, now, watchEveryMs: 20, backoffMs: 5, ...options, store });
  directory.closing(runner, async () => {
    await runner.stop();
    store.close();
  });
  runner.start();
  return { runner, store };
}

async function reached(runner: ProjectionRunner, within = 5_000) {
  await runner.waits.waitFor(await log.head(), { timeoutMs: within });
}

async function everything(): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of log.readAll()) events.push(...page);
  return events;
}

const total = (store: GenerationStore, stream: string): number | undefined =>
  store.db.prepare('select total from counter join name on name.id = counter.id where value = ?').get(stream)?.total;

describe('a projection runner', () => {
  it('projects what is there and what comes, and equals a rebuild row by row', async () => {
    await fill(log, 700);
    const { runner, store } = run({ batchSize: 64 });
    await fill(log, 300);
    await reached(runner);
    expect(dumpRows(store)).toEqual(dumpRows(projectAll(toyGroup(), await everything())));
    await until(() => runner.status().state === 'live');
    const status = runner.status();
    expect(status).toMatchObject({
      checkpoint: await log.head(),
      head: await log.head(),
      parked: 0,
      lagMs: 0,
      cause: null,
    });
    expect(status.eventsPerSecond).toBeGreaterThan(0);
  });

  it('stands at the head of an empty log', async () => {
    const { runner } = run();
    await reached(runner);
    expect(runner.status()).toMatchObject({ checkpoint: await log.head(), state: 'live' });
  });

  it('goes on where it stopped: a batch is there wholly or not at all', async () => {
    await fill(log, 500);
    const first = run({
      batchSize: 50,
      store: GenerationStore.open(toyGroup(), 'toys-1', testPlace(directory.file('toys-1.db'))),
    });
    await until(() => first.store.checkpoint.position !== '');
    await first.runner.stop();
    const halfway = first.store.checkpoint.position;
    expect(halfway < (await log.head())).toBe(true);
    first.store.close();
    const { runner, store } = run();
    expect(store.checkpoint.position).toBe(halfway);
    await reached(runner);
    expect(dumpRows(store)).toEqual(dumpRows(projectAll(toyGroup(), await everything())));
  });

  it('passes by events of other types, which still move the checkpoint and recorded time', async () => {
    const [step] = newSteps({ recordedAt: '2024-05-05T00:00:00.000Z' });
    await log.append('other-1', 'none', [{ ...step!, type: 'SomethingElse', data: {} }]);
    const { runner, store } = run();
    await reached(runner);
    expect(store.checkpoint.recordedMs).toBe(Date.parse('2024-05-05T00:00:00.000Z'));
    expect(dumpRows(store).counter).toEqual([]);
  });
});

describe('an event that cannot be projected', () => {
  const kinds = [
    ['cannot be read', { unreadable: true }, 'unreadable', 'EVENT_VERSION_UNKNOWN'],
    ['breaks the projection', { breaks: 'apply' as const }, 'failed', 'PROJECTION_FAILED'],
    [
      'makes a row that does not fit',
      { breaks: 'row' as const },
      'failed',
      process.env['TEST_READ_STORE_URL'] ? 'PROJECTION_FAILED' : 'ERR_SQLITE_ERROR',
    ],
  ] as const;

  it.each(kinds)(
    'that %s is parked, those behind it wait in order, the rest goes on',
    async (_, broken, reason, code) => {
      await log.append('counter-a', 'none', newSteps({}, { ...broken, by: 10 }, { by: 100 }));
      await log.append('counter-b', 'none', newSteps({ by: 5 }));
      await log.append('counter-a', 2, newSteps({ by: 1000 }));
      const { runner, store } = run();
      await reached(runner);
      expect(total(store, 'counter-a')).toBe(1);
      expect(total(store, 'counter-b')).toBe(5);
      expect(runner.parked()).toMatchObject([
        { stream: 'counter-a', revision: 1, reason, code, state: 'parked', parkedAt: '2024-03-01T00:00:00.000Z' },
        { stream: 'counter-a', revision: 2, reason: 'behind', code: 'PARKED_BEHIND' },
        { stream: 'counter-a', revision: 3, reason: 'behind' },
      ]);
      expect(runner.parked().every(({ message }) => !message.includes('.ts:'))).toBe(true);
      // Later ones of the stream wait too, in another batch and after a restart.
      await log.append('counter-a', 3, newSteps({ by: 10_000 }));
      await reached(runner);
      expect(runner.status().parked).toBe(4);

      toyDefects.on = false;
      expect(await runner.retryParked('counter-a')).toEqual({ applied: 4, waiting: 0 });
      expect(total(store, 'counter-a')).toBe(11_111);
      expect(runner.status()).toMatchObject({ parked: 0, skipped: 0 });
      await log.append('counter-a', 4, newSteps({ by: 100_000 }));
      await reached(runner);
      expect(total(store, 'counter-a')).toBe(111_111);
    },
  );

  it('is not let pass by a restart', async () => {
    await log.append('counter-a', 'none', newSteps({ breaks: 'apply' }));
    const first = run();
    await reached(first.runner);
    await first.runner.stop();
    first.store.close();
    toyDefects.on = false;
    await log.append('counter-a', 0, newSteps({ by: 7 }));
    const { runner, store } = run();
    await reached(runner);
    expect(total(store, 'counter-a')).toBeUndefined();
    expect(await runner.retryParked()).toEqual({ applied: 2, waiting: 0 });
    expect(total(store, 'counter-a')).toBe(8);
  });

  it('stays parked with its newest reason when a retry fails, and so do those behind it', async () => {
    await log.append('counter-a', 'none', newSteps({ breaks: 'apply' }, { by: 3 }, { breaks: 'row' }, { by: 9 }));
    const { runner, store } = run();
    await reached(runner);
    expect(await runner.retryParked('counter-a')).toEqual({ applied: 0, waiting: 4 });
    expect(await runner.skipParked('counter-a', 0, 'written by a broken client', actor)).toEqual({
      applied: 1,
      waiting: 2,
    });
    expect(total(store, 'counter-a')).toBe(3);
    expect(runner.parked()).toMatchObject([
      {
        revision: 0,
        state: 'skipped',
        skipReason: 'written by a broken client',
        skippedBy: 'operator-7',
        code: 'PROJECTION_FAILED',
      },
      { revision: 2, state: 'parked', reason: 'failed' },
      { revision: 3, state: 'parked', reason: 'behind' },
    ]);
    expect(await runner.skipParked('counter-a', 2, 'same', actor)).toEqual({ applied: 1, waiting: 0 });
    expect(total(store, 'counter-a')).toBe(12);
    expect(runner.status()).toMatchObject({ parked: 0, skipped: 2 });
  });

  it('cannot be skipped when it is not there or only waits', async () => {
    await log.append('counter-a', 'none', newSteps({ breaks: 'apply' }, {}));
    const { runner } = run();
    await reached(runner);
    await expect(runner.skipParked('counter-a', 1, 'x', actor)).rejects.toMatchObject({ code: 'PARKED_NOT_FOUND' });
    await expect(runner.skipParked('counter-z', 0, 'x', actor)).rejects.toMatchObject({ code: 'PARKED_NOT_FOUND' });
    expect(runner.status().parked).toBe(2);
  });

  it('costs little even when there are very many in one batch', async () => {
    await log.appendMany(
      Array.from({ length: 1_500 }, (_, i) => ({
        stream: `counter-${i}`,
        expected: 'none' as const,
        events: newSteps(i % 3 === 0 ? { breaks: i % 2 ? 'row' : 'apply' } : { by: 2 }),
      })),
    );
    const { runner, store } = run();
    await reached(runner, 20_000);
    expect(runner.status().parked).toBe(500);
    expect(dumpRows(store).counter).toHaveLength(1_000);
  });

  it('that was retried while its stream goes on leaves nothing behind', async () => {
    await log.append('counter-a', 'none', newSteps({ breaks: 'apply' }, ...Array.from({ length: 1_200 }, () => ({}))));
    const { runner, store } = run({ batchSize: 100 });
    await reached(runner);
    toyDefects.on = false;
    const appending = (async () => {
      for (let i = 0; i < 40; i++) await log.append('counter-a', 1_200 + i, newSteps({}));
    })();
    const { waiting } = await runner.retryParked();
    await appending;
    await reached(runner);
    expect(waiting).toBe(0);
    expect(runner.status().parked).toBe(0);
    expect(total(store, 'counter-a')).toBe(1_241);
  });
});

describe('waiting for a position', () => {
  it('ends when the checkpoint has passed it, or says NOT_YET_PROJECTED in time', async () => {
    const { runner } = run();
    await reached(runner);
    const release = await runner.hold();
    const { position } = await log.append('counter-a', 'none', newSteps({}));
    const started = performance.now();
    await expect(runner.waits.waitFor(position, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'NOT_YET_PROJECTED',
      kind: 'busy',
      details: { position },
    });
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
    const waiting = runner.waits.waitFor(position, { timeoutMs: 5_000 });
    release();
    expect(await waiting).toBe(position);
  });

  it('ends with its signal, and followers get the newest checkpoint only', async () => {
    const { runner } = run();
    await reached(runner);
    const controller = new AbortController();
    const waiting = runner.waits.waitFor('f'.repeat(16), { signal: controller.signal });
    controller.abort(new Error('no more'));
    await expect(waiting).rejects.toThrow('no more');
    const seen: string[] = [];
    for await (const position of runner.waits.onCheckpoint()) {
      seen.push(position);
      if (seen.length === 1) {
        await fill(log, 300);
        await reached(runner);
      } else break;
    }
    expect(seen[1]).toBe(await log.head());
  });
});

/** The log with one method replaced. */
const logWith = (changes: Partial<EventLog>): EventLog =>
  new Proxy(log as EventLog, {
    get(target, name: keyof EventLog) {
      const value = changes[name] ?? target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

describe('a subscription', () => {
  it('that breaks is taken up again from the checkpoint, and says so meanwhile', async () => {
    await fill(log, 100);
    let breaks = 3;
    const causes: (string | null)[] = [];
    const { runner, store } = run({
      batchSize: 10,
      log: logWith({
        async *subscribe(options) {
          for await (const message of log.subscribe(options)) {
            yield message;
            if (message.kind === 'events' && breaks-- > 0) throw new Error('connection lost');
          }
        },
      }),
      backoffMs: 30,
    });
    await until(() => (causes.push(runner.status().cause), runner.status().state === 'live'));
    expect(causes).toContain('connection lost');
    expect(runner.status().cause).toBeNull();
    expect(dumpRows(store)).toEqual(dumpRows(projectAll(toyGroup(), await everything())));
  });

  it('that ends or throws at once never ends the runner', async () => {
    let attempts = 0;
    const { runner } = run({
      log: logWith({
        subscribe(options) {
          attempts++;
          if (attempts === 1) throw new Error('refused');
          return attempts === 2 ? (async function* () {})() : log.subscribe(options);
        },
      }),
    });
    await fill(log, 20);
    await reached(runner);
    expect(attempts).toBe(3);
  });

  it('that falls silent while the head moves is a stall with its cause, and is taken up again', async () => {
    let attempts = 0;
    const { runner } = run({
      stallAfterMs: 150,
      log: logWith({
        subscribe: (options) =>
          // It does not even notice that it is given up.
          attempts++ === 0
            ? { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
            : log.subscribe(options),
      }),
    });
    await fill(log, 10);
    await until(() => runner.status().state === 'catching-up');
    const stalls: string[] = [];
    await until(() => {
      const { state, cause } = runner.status();
      if (state === 'stalled') stalls.push(cause!);
      return state === 'live';
    });
    expect(stalls[0]).toMatch(/subscription has been silent/);
    expect(attempts).toBe(2);
    expect(runner.status().lagMs).toBe(0);
  });

  it('that keeps failing is a stall with the failure as its cause', async () => {
    const { runner } = run({
      stallAfterMs: 60,
      log: logWith({
        subscribe: () => {
          throw new Error('server on fire');
        },
      }),
    });
    await fill(log, 10);
    await until(() => runner.status().state === 'stalled');
    expect(runner.status()).toMatchObject({ cause: 'server on fire' });
    expect(runner.status().lagMs).toBeGreaterThanOrEqual(50);
  });
});

it('a checkpoint beyond the end of the log fails, because it is another log', async () => {
  const store = GenerationStore.open(toyGroup(), 'toys-1', testPlace(directory.file('toys-1.db')));
  store.db.exec(`update checkpoint set position = '${'0'.repeat(12)}ffff'`);
  store.close();
  const { runner } = run();
  await until(() => runner.status().state === 'failed');
  expect(runner.status().cause).toMatch(/made from another log. Rebuild/);
});
