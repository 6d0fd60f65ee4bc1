import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import { GroupProjector } from './group-projector.js';
import { ReadStore } from './read-store.js';
import { assertIntegrity } from './sqlite.js';
import { projectAll, seeded, testPlace } from './testing.js';
import { isPostgresUrl } from './place.js';
import { readToy, toyGroup } from './spec/toy.js';
import { fill, newSteps, TestDirectory } from './spec/toy-log.js';

const ROUNDS = 6;
const child = fileURLToPath(new URL('./dist/spec/toy-projector.child.js', import.meta.url));
const now = () => '2024-03-01T00:00:00.000Z';

it('a projector killed at random points, rebuilding or not, ends up with the rows of a rebuild from zero', async () => {
  const directory = new TestDirectory();
  try {
    const log = await directory.log();
    await log.append('counter-poison', 'none', newSteps({ by: 1 }, { breaks: 'apply' }, { by: 2 }));
    const random = seeded(4);
    for (let round = 0; round < ROUNDS; round++) {
      await fill(log, 300);
      const process = spawn(
        globalThis.process.execPath,
        ['--no-warnings', child, log.file, testPlace(directory.file('read'))],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      await once(process.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, random() * 120));
      process.kill('SIGKILL');
      const [, signal] = (await once(process, 'exit')) as [number | null, string | null];
      // It died of us, not of an error of its own.
      expect(signal).toBe('SIGKILL');
    }
    const readStore = directory.closing(await ReadStore.open(testPlace(directory.file('read')), now), (store) =>
      store.close(),
    );
    const projector = GroupProjector.start({ group: toyGroup(), readStore, log, read: readToy, now });
    await projector.waits.waitFor(await log.head(), { timeoutMs: 10_000 });
    expect(projector.parked().map(({ revision, reason }) => `${revision} ${reason}`)).toEqual(['1 failed', '2 behind']);
    await projector.stop();
    const active = readStore.active('toys')!;
    expect(readStore.list('toys').filter(({ state }) => state === 'building')).toEqual([]);
    const store = GenerationStore.open(toyGroup(), active.name, readStore.fileOf(active));
    if (!isPostgresUrl(store.path)) assertIntegrity(store.db, store.path);
    const events = [];
    for await (const page of log.readAll()) events.push(...page);
    expect(dumpRows(store)).toEqual(dumpRows(projectAll(toyGroup(), events, { mayPark: true })));
    store.close();
  } finally {
    await directory.remove();
  }
}, 120_000);
