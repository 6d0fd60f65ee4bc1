import { OpenLoads } from '@touchstone/journeys';
import { FileImporter } from './import-job.js';
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

  it('are open as loads before anything of theirs is in the log, and until they have ended', async () => {
    const told: [string, number][] = [];
    const tell = async (what: string) => told.push([what, (await house.recorded()).length]);
    const begin = async () => {
      await turn();
      await tell('begun');
      return () => void tell('ended');
    };
    const real = new RunningImports(new FileImporter(house), house.quarantine, { begin });
    const xes = `<log><trace><string key="concept:name" value="c"/><event><string key="concept:name" value="A"/>
      <date key="time:timestamp" value="2024-05-01T08:00:00Z"/></event></trace></log>`;
    const source = () => ({ open: async function* () { yield Buffer.from(xes); } }) as never; // prettier-ignore
    await real.run(source(), xesReading({ journeyType: 'j' }), { dryRun: true });
    expect(told).toEqual([]);
    const { taken } = await real.run(source(), xesReading({ journeyType: 'j' }));
    await turn();
    expect([taken, told[0], told[1]?.[0]]).toEqual([1, ['begun', 0], 'ended']);
    expect(told[1]![1]).toBeGreaterThan(0);
  });
});
