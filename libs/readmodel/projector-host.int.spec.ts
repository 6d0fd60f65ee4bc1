import type { BuildProgress } from './build-generation.js';
import { dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import { ProjectorHost, type ProjectorHostOptions } from './projector-host.js';
import { pauseFor } from './pause.js';
import { ReadStore } from './read-store.js';
import { projectAll, testPlace } from './testing.js';
import { toyGroup } from './spec/toy.js';
import type { ToyData } from './spec/toy-projector.worker.js';
import { fill, newSteps, TestDirectory, until, type TestLog } from './spec/toy-log.js';

let directory: TestDirectory;
let log: TestLog;
const worker = new URL('./dist/spec/toy-projector.worker.js', import.meta.url);

beforeEach(async () => {
  directory = new TestDirectory();
  log = await directory.log();
});
afterEach(() => directory.remove());

async function start(options: Partial<ProjectorHostOptions> & { toy?: Partial<ToyData> } = {}): Promise<ProjectorHost> {
  const { toy, ...rest } = options;
  const host = await ProjectorHost.start({
    worker,
    directory: testPlace(directory.file('read')),
    groups: ['toys'],
    data: () => ({ data: { file: log.file, ...toy } satisfies ToyData }),
    tuning: { watchEveryMs: 20, backoffMs: 5 },
    ...rest,
  });
  const unlisten = log.onHead((head) => host.wake(head));
  return directory.closing(host, () => {
    unlisten();
    return host.stop();
  });
}

const reached = async (host: ProjectorHost) => host.waitFor('toys', await log.head(), { timeoutMs: 10_000 });

async function expectRowsToEqualARebuild(): Promise<void> {
  const events = [];
  for await (const page of log.readAll()) events.push(...page);
  const readStore = await ReadStore.open(testPlace(directory.file('read')), () => '');
  const active = readStore.active('toys')!;
  const store = GenerationStore.open(toyGroup(), active.name, readStore.fileOf(active));
  try {
    expect(dumpRows(store)).toEqual(dumpRows(projectAll(toyGroup(), events)));
  } finally {
    store.close();
    readStore.close();
  }
}

describe('a projector thread', () => {
  it('projects, reports and ends cleanly', async () => {
    const host = await start();
    await fill(log, 500);
    await reached(host);
    expect(host.checkpoint('toys')).toBe(await log.head());
    const [status] = await host.status();
    expect(status).toMatchObject({
      group: 'toys',
      generation: 'toys-1',
      checkpoint: await log.head(),
      parked: 0,
      building: null,
    });
    await host.stop();
    await expect(host.rebuild('toys')).rejects.toMatchObject({ code: 'PROJECTOR_STOPPED' });
    await expectRowsToEqualARebuild();
  });

  it('is woken: an event is projected long before the next poll', async () => {
    const host = await start();
    await log.append('counter-a', 'none', newSteps({}));
    await reached(host);
    const { position } = await log.append('counter-a', 'any', newSteps({}));
    await host.waitFor('toys', position, { timeoutMs: 2_000 });
    await expect(host.waitFor('toys', 'f'.repeat(16), { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'NOT_YET_PROJECTED',
    });
    expect(() => host.waitFor('others', position)).toThrow(expect.objectContaining({ code: 'GROUP_UNKNOWN' }));
  });

  it('nudges whoever follows its checkpoint', async () => {
    const host = await start();
    const head = { position: '' };
    const following = (async () => {
      for await (const position of host.onCheckpoint('toys')) if (position === head.position) return position;
      return null;
    })();
    await fill(log, 100);
    head.position = (await log.append('counter-a', 'any', newSteps({}))).position;
    await log.append('counter-a', 'any', []).catch(() => {});
    expect(await following).toBe(head.position);
  });

  it('parks, retries and skips; refusals cross with their code', async () => {
    const host = await start();
    await log.append('counter-a', 'none', newSteps({ breaks: 'apply' }, { by: 2 }));
    await reached(host);
    expect(await host.parked('toys')).toMatchObject([
      { revision: 0, reason: 'failed' },
      { revision: 1, reason: 'behind' },
    ]);
    expect(await host.retryParked('toys')).toEqual({ applied: 0, waiting: 2 });
    await expect(host.skipParked('toys', 'counter-a', 5, 'x', { id: 'me' })).rejects.toMatchObject({
      name: 'TouchstoneError',
      code: 'PARKED_NOT_FOUND',
      kind: 'notFound',
    });
    expect(await host.skipParked('toys', 'counter-a', 0, 'broken', { id: 'me' })).toEqual({ applied: 1, waiting: 0 });
    expect(await host.status()).toMatchObject([{ parked: 0, skipped: 1 }]);
  });

  it('has a generation built in another thread while it goes on', async () => {
    await fill(log, 3_000);
    const progress: BuildProgress[] = [];
    const host = await start({ onProgress: (p) => progress.push(p) });
    await reached(host);
    let building = true;
    const appending = (async () => {
      while (building) await fill(log, 20).then(() => pauseFor(10, AbortSignal.timeout(1_000)));
    })();
    expect(await host.rebuild('toys')).toMatchObject({ name: 'toys-2', state: 'active' });
    expect([...new Set(progress.map((p) => p.phase))]).toEqual([
      'reading',
      'indexing',
      'deriving',
      'catching-up',
      'swapped',
    ]);
    expect(await host.rollback('toys')).toMatchObject({ name: 'toys-1' });
    building = false;
    await appending;
    await reached(host);
    await host.stop();
    await expectRowsToEqualARebuild();
  });

  it('that is stopped during a rebuild ends both threads', async () => {
    await fill(log, 3_000);
    const progress: BuildProgress[] = [];
    const host = await start({ onProgress: (p) => progress.push(p), tuning: { batchSize: 20 } });
    const rebuilding = host.rebuild('toys');
    rebuilding.catch(() => {});
    await until(() => progress.length > 0);
    await host.stop();
    await expect(rebuilding).rejects.toMatchObject({ code: 'PROJECTOR_STOPPED' });
  });

  it('that dies is replaced and goes on from its checkpoint', async () => {
    const deaths: string[] = [];
    const host = await start({ toy: { dieOn: 'death' }, onDeath: (error) => deaths.push(error.code) });
    await fill(log, 200);
    await reached(host);
    const before = host.checkpoint('toys');
    await log.append('counter-a', 'none', newSteps({ label: 'death' }));
    await until(() => deaths.length >= 2);
    const [status] = await host.status();
    expect(['failed', 'catching-up', 'live', 'stalled']).toContain(status?.state ?? 'failed');
    expect(host.checkpoint('toys')).toBe(before);
    await host.stop();
    const mended = await start();
    await reached(mended);
    await mended.stop();
    await expectRowsToEqualARebuild();
  });

  it('that cannot even start is tried again and says why', async () => {
    const deaths: string[] = [];
    await start({ toy: { file: directory.file('no-log.db') }, onDeath: (error) => deaths.push(error.message) });
    await until(() => deaths.length >= 2);
    expect(deaths[0]).toMatch(/PROJECTOR|thread of the projections died .*no-log\.db/);
  });
});
