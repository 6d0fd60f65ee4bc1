import { writeFileSync } from 'node:fs';
import type { BuildProgress } from './build-generation.js';
import { dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import { GroupProjector, type GroupProjectorOptions } from './group-projector.js';
import type { ProjectionGroup } from './projection.js';
import { pauseFor } from './pause.js';
import { ActiveGenerations, ReadStore } from './read-store.js';
import { projectAll, projectMore, testPlace } from './testing.js';
import { openForWriting } from './connection.js';
import { isPostgresUrl, schemaOf, type Place } from './place.js';
import { quoted } from './sqlite.js';
import { readToy, toyDefects, toyGroup } from './spec/toy.js';
import { fill, newSteps, TestDirectory, until, type TestLog } from './spec/toy-log.js';

let directory: TestDirectory;
let log: TestLog;
let readStore: ReadStore;
const now = () => '2024-03-01T00:00:00.000Z';

beforeEach(async () => {
  directory = new TestDirectory();
  log = await directory.log();
  readStore = directory.closing(await ReadStore.open(testPlace(directory.file('read')), now), (store) => store.close());
  toyDefects.on = true;
});
afterEach(() => directory.remove());

function start(options: Partial<GroupProjectorOptions> = {}): GroupProjector {
  const tuning = { watchEveryMs: 20, backoffMs: 5, ...options.tuning };
  const parts = { group: toyGroup(), readStore, log, read: readToy, now, ...options, tuning };
  return directory.closing(GroupProjector.start(parts), (projector) => projector.stop());
}

const states = () => readStore.list('toys').map(({ number, state }) => `${number} ${state}`);
const reached = async (projector: GroupProjector) => projector.waits.waitFor(await log.head(), { timeoutMs: 10_000 });

/** All rows of the active generation's file, read once the projector has stopped. */
function rowsOf(group: ProjectionGroup) {
  const active = readStore.active('toys')!;
  const store = GenerationStore.open(group, active.name, readStore.fileOf(active));
  try {
    return dumpRows(store);
  } finally {
    store.close();
  }
}

async function rebuiltRows(group: ProjectionGroup) {
  const events = [];
  for await (const page of log.readAll()) events.push(...page);
  return dumpRows(projectAll(group, events, { read: readToy, mayPark: true }));
}

/** Makes what is at a place something that no store ever wrote. */
function spoil(place: Place): void {
  if (!isPostgresUrl(place))
    return writeFileSync(place, 'this is no database, and it is longer than a header '.repeat(99));
  const db = openForWriting(place, 'live');
  const schema = quoted(schemaOf(place));
  db.exec(`create schema if not exists ${schema}; create table ${schema}.name (half text)`);
  db.close();
}

describe('a group', () => {
  it('starts with a generation that is active at once', async () => {
    const projector = start();
    await reached(projector);
    expect(states()).toEqual(['1 active']);
    expect(projector.status()).toMatchObject({ group: 'toys', generation: 'toys-1', state: 'live', building: null });
  });

  it('is rebuilt while events go on arriving; the new generation equals the old, row by row', async () => {
    await fill(log, 2_000);
    const progress: BuildProgress[] = [];
    const shown: string[] = [];
    const projector = start({ onProgress: (p) => progress.push(p), onCheckpoint: (position) => shown.push(position) });
    await reached(projector);
    let building = true;
    const appending = (async () => {
      while (building) await fill(log, 50).then(() => pauseFor(10, AbortSignal.timeout(1_000)));
    })();
    const generation = await projector.rebuild();
    building = false;
    await appending;
    await reached(projector);
    expect(generation).toMatchObject({ name: 'toys-2', state: 'active', versions: { counters: 1, sizes: 1 } });
    expect(states()).toEqual(['1 previous', '2 active']);
    expect(projector.status()).toMatchObject({ generation: 'toys-2', state: 'live', building: null });
    expect([...new Set(progress.map((p) => p.phase))]).toEqual([
      'reading',
      'indexing',
      'deriving',
      'catching-up',
      'swapped',
    ]);
    expect(progress.at(-1)!.events).toBeGreaterThanOrEqual(2_000);
    expect([...shown].sort()).toEqual(shown);
    await projector.stop();
    expect(rowsOf(toyGroup())).toEqual(await rebuiltRows(toyGroup()));
  });

  it('is not swapped in before it has reached what readers have seen, however late its events come', async () => {
    await fill(log, 100);
    const before = await log.head();
    let phase = '';
    const slow: GroupProjectorOptions['log'] = {
      readStream: log.readStream.bind(log),
      // The head is looked at just before the live generation takes one more event.
      head: () => (phase === 'indexing' ? Promise.resolve(before) : log.head()),
      async *subscribe(options) {
        const isNext = phase !== '';
        for await (const message of log.subscribe(options)) {
          const isLate = message.kind === 'events' && message.events.at(-1)!.position > before;
          if (isNext && isLate) await new Promise((resolve) => setTimeout(resolve, 200));
          yield message;
        }
      },
    };
    const build: GroupProjectorOptions['build'] = async (order, onProgress) => {
      const events = [];
      for await (const page of log.readAll()) events.push(...page);
      const store = GenerationStore.open(toyGroup(), order.generation, order.file);
      projectMore(store, events);
      store.close();
      onProgress({ ...projector.status(), phase: 'indexing', position: before, events: 100 });
      await log.append('counter-late', 'none', newSteps({}));
      await reached(projector);
    };
    const projector: GroupProjector = start({ log: slow, build, onProgress: (progress) => (phase = progress.phase) });
    await reached(projector);
    expect(await projector.rebuild()).toMatchObject({ name: 'toys-2' });
    expect(projector.status().checkpoint).toBe(await log.head());
  });

  it('keeps one previous generation and removes the files of older ones', async () => {
    await fill(log, 100);
    const projector = start();
    await projector.rebuild();
    await projector.rebuild();
    expect(states()).toEqual(['2 previous', '3 active']);
    expect(readStore.has({ name: 'toys-1' })).toBe(false);
    expect(readStore.has({ name: 'toys-2' })).toBe(true);
  });

  it('goes back to the previous generation once that has caught up', async () => {
    await fill(log, 100);
    const projector = start();
    await projector.rebuild();
    await fill(log, 100);
    await reached(projector);
    const before = projector.waits.checkpoint;
    expect(await projector.rollback()).toMatchObject({ name: 'toys-1', state: 'active' });
    expect(projector.waits.checkpoint >= before).toBe(true);
    expect(states()).toEqual(['1 active', '2 previous']);
    await fill(log, 50);
    await reached(projector);
    await projector.stop();
    expect(rowsOf(toyGroup())).toEqual(await rebuiltRows(toyGroup()));
  });

  it('refuses what cannot be done now', async () => {
    await fill(log, 500);
    const projector = start();
    await expect(projector.rollback()).rejects.toMatchObject({ code: 'NO_PREVIOUS_GENERATION' });
    const rebuilding = projector.rebuild();
    await expect(projector.rebuild()).rejects.toMatchObject({ code: 'GENERATION_CHANGING', kind: 'conflict' });
    await rebuilding;
  });

  it('that is stopped in the middle of a rebuild keeps what answers and leaves no remains', async () => {
    await fill(log, 3_000);
    const progress: BuildProgress[] = [];
    const projector = start({ onProgress: (p) => progress.push(p) });
    await reached(projector);
    const rebuilding = projector.rebuild();
    rebuilding.catch(() => {});
    await until(() => progress.length > 0);
    await projector.stop();
    await expect(rebuilding).rejects.toMatchObject({ code: 'PROJECTOR_STOPPED' });
    expect(states()).toEqual(['1 active']);
    expect(readStore.has({ name: 'toys-2' })).toBe(false);
  });

  it('throws away the remains of a build that a crash broke off, and never uses their number again', async () => {
    await fill(log, 100);
    const remains = readStore.create(toyGroup(), 'active');
    GenerationStore.open(toyGroup(), remains.name, readStore.fileOf(remains)).close();
    const broken = readStore.create(toyGroup(), 'building');
    spoil(readStore.fileOf(broken));
    const projector = start();
    expect(readStore.has(broken)).toBe(false);
    await projector.rebuild();
    expect(states()).toEqual(['1 previous', '3 active']);
  });

  it('whose file is damaged is made anew from the log', async () => {
    await fill(log, 200);
    const damaged = readStore.create(toyGroup(), 'active');
    spoil(readStore.fileOf(damaged));
    const projector = start();
    expect(projector.status()).toMatchObject({ state: 'failed', cause: expect.stringContaining('damaged') });
    await reached(projector);
    expect(projector.status()).toMatchObject({ generation: 'toys-2', state: 'live' });
    await projector.stop();
    expect(rowsOf(toyGroup())).toEqual(await rebuiltRows(toyGroup()));
  });

  it('made from another log is rebuilt from this one', async () => {
    await fill(log, 50);
    const foreign = readStore.create(toyGroup(), 'active');
    const store = GenerationStore.open(toyGroup(), foreign.name, readStore.fileOf(foreign));
    store.db.exec(`update checkpoint set position = '${'0'.repeat(12)}ffff'`);
    store.close();
    const projector = start();
    await until(() => projector.status().state === 'failed');
    expect(await projector.rebuild()).toMatchObject({ name: 'toys-2' });
    await until(() => projector.status().state === 'live');
  });
});

describe('a new version of a projection', () => {
  const newer = toyGroup({ version: 2, factor: 10 });

  it('is built beside the old one, which answers until the swap', async () => {
    await fill(log, 1_000);
    const first = start();
    await reached(first);
    await first.stop();
    const shown = readStore.active('toys')!;
    const reader = directory.closing(new ActiveGenerations(readStore.directory), (active) => active.close());
    expect((await reader.of('toys')).name).toBe(shown.name);
    let generation = '';
    const projector = start({ group: newer, onCheckpoint: (_, name) => (generation = name) });
    expect(projector.status()).toMatchObject({
      generation: 'toys-1',
      state: 'catching-up',
      checkpoint: await log.head(),
    });
    expect(projector.status().cause).toMatch(/new version/);
    // Asked now, answered when it may.
    const answering = reader.of('toys');
    await expect(projector.rebuild()).rejects.toMatchObject({ code: 'GENERATION_CHANGING' });
    await expect(async () => projector.retryParked()).rejects.toMatchObject({ code: 'GENERATION_CHANGING' });
    expect((await answering).name).toBe(shown.name);
    await until(() => generation === 'toys-2');
    expect(await reader.of('toys')).toMatchObject({ name: 'toys-2', versions: { counters: 2, sizes: 1 } });
    await expect(projector.rollback()).rejects.toMatchObject({ code: 'GENERATION_MISFIT' });
    await projector.stop();
    expect(rowsOf(newer)).toEqual(await rebuiltRows(newer));
  });

  it('that is taken back finds its earlier generation again, without a rebuild', async () => {
    await fill(log, 300);
    const first = start();
    await reached(first);
    await first.stop();
    const second = start({ group: newer });
    await until(() => second.status().generation === 'toys-2');
    await second.stop();
    await fill(log, 100);
    const third = start();
    await until(() => third.status().generation === 'toys-1' && third.status().state === 'live');
    await reached(third);
    expect(states()).toEqual(['1 active', '2 previous']);
    await third.stop();
    expect(rowsOf(toyGroup())).toEqual(await rebuiltRows(toyGroup()));
  });

  it('is noticed by its tables even when nobody changed its number', async () => {
    const first = start();
    await reached(first);
    await first.stop();
    const [projection] = toyGroup().projections;
    const tables = projection!.tables.map((table) => ({ ...table, indexes: [] }));
    const projector = start({ group: { ...toyGroup(), projections: [{ ...projection!, tables }] } });
    await until(() => projector.status().generation === 'toys-2');
  });

  it('is noticed by a setting of what is derived, or by nothing derived any more', async () => {
    await fill(log, 100);
    const first = start({ group: toyGroup({ settings: 'Asia/Shanghai' }) });
    await reached(first);
    await first.stop();
    const same = start({ group: toyGroup({ settings: 'Asia/Shanghai' }) });
    await reached(same);
    expect(same.status().generation).toBe('toys-1');
    await same.stop();
    const group = toyGroup({ settings: 'Asia/Urumqi' });
    const other = start({ group });
    await until(() => other.status().generation === 'toys-2');
    await other.stop();
    expect(rowsOf(group)).toEqual(await rebuiltRows(group));
    expect(rowsOf(group).steps_by_size!.length).toBeGreaterThan(0);
    const none = start({ group: { ...group, derivations: [] } });
    await until(() => none.status().generation === 'toys-3');
  });
});

it('what somebody skipped is skipped again in a new generation, and holds nobody up', async () => {
  await log.append('counter-a', 'none', newSteps({ breaks: 'apply' }, { by: 4 }, { breaks: 'row' }));
  const projector = start();
  await reached(projector);
  await projector.skipParked('counter-a', 0, 'never happened', { id: 'operator-7' });
  const parked = projector.parked();
  await projector.rebuild();
  expect(projector.parked()).toEqual(parked);
  expect(parked.map(({ revision, state }) => `${revision} ${state}`)).toEqual(['0 skipped', '2 parked']);
});

it('a generation that is behind what was shown is not swapped in', () => {
  const first = readStore.create(toyGroup(), 'active');
  const second = readStore.create(toyGroup(), 'building');
  const behind = { reached: '0000000000000004', mustReach: '0000000000000005' };
  expect(() => readStore.activate('toys', second.number, behind)).toThrow(
    expect.objectContaining({ code: 'GENERATION_BEHIND', kind: 'conflict' }),
  );
  expect(readStore.active('toys')).toEqual(first);
  expect(() => readStore.activate('toys', 9, { reached: '1', mustReach: '1' })).toThrow(
    expect.objectContaining({ code: 'GENERATION_UNKNOWN' }),
  );
  expect(readStore.active('toys')).toEqual(first);
});
