import { OpenLoads } from '@touchstone/journeys';
import type { FileImporter } from './import-job.js';
import type { ImportResult } from './import-types.js';
import { RunningImports } from './running-imports.js';
import { openHouse, type House } from './testing.js';
import { xesReading } from './xes-reading.js';

/** An import that ends when it is told to. */
function open<T>(): { promise: Promise<T>; end: (value: T) => void } {
  let end!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (end = resolve));
  return { promise, end };
}

describe('imports and what must not happen while they run', () => {
  let house: House;
  let imports: RunningImports;
  const begun: string[] = [];
  let current = open<ImportResult>();
  const importer = {
    sweep: () => Promise.resolve(),
    forget: () => Promise.resolve(2),
    run: (_source: unknown, { journeyType }: { journeyType: string }) => {
      begun.push(journeyType);
      return current.promise;
    },
  } as unknown as FileImporter;
  const run = (journeyType: string) => imports.run({ open: () => [] as never }, xesReading({ journeyType }));
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  beforeEach(async () => {
    house = await openHouse();
    imports = new RunningImports(importer, house.quarantine, new OpenLoads());
    current = open();
    begun.length = 0;
  });
  afterEach(() => house.close());

  it('is refused while one runs, and done once it has ended', async () => {
    const first = run('a');
    let done = false;
    const quietly = () => imports.quietly(() => Promise.resolve((done = true)));
    await expect(quietly()).rejects.toMatchObject({ code: 'IMPORT_RUNNING', kind: 'conflict' });
    expect(done).toBe(false);
    current.end({} as ImportResult);
    await first;
    expect(await quietly()).toBe(true);
  });

  it('holds back those that come meanwhile, also when it fails', async () => {
    for (const failing of [false, true]) {
      const work = open<void>();
      const quiet = imports.quietly(async () => {
        await work.promise;
        if (failing) throw new Error('no');
      });
      const waiting = run(`after ${failing}`);
      await turn();
      expect(begun).not.toContain(`after ${failing}`);
      work.end();
      await quiet.catch(() => undefined);
      await turn();
      expect(begun).toContain(`after ${failing}`);
      current.end({} as ImportResult);
      await waiting;
    }
  });

  it('forgets in quarantine and in interrupted imports', async () => {
    const record = { source: 's', code: 'C', reason: 'r', fingerprint: 'f' };
    await house.quarantine.add([
      { ...record, raw: 'Anna' },
      { ...record, fingerprint: 'g', raw: 'Bob' },
    ]);
    const anna = { isTheirs: () => false, in: (text: string) => text.includes('Anna') };
    expect(await imports.forget(anna)).toEqual({ quarantined: 1, imports: 2 });
  });
});
