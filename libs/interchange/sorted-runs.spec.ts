import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openVault } from '@touchstone/eventing';
import fc from 'fast-check';
import { SortedRuns } from './sorted-runs.js';

it('gives the same as sorting in memory, however many runs it takes', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'runs-'));
  const vault = await openVault({ file: join(directory, 'keys.db') });
  await vault.ensureKeys(['s']);
  const compare = (a: [number, number], b: [number, number]) => a[0] - b[0] || a[1] - b[1];
  const place = { directory, name: 'runs', sealer: vault, subject: 's' };
  // Some are so heavy that they end a block, or a run.
  const weigh = ([key]: [number, number]) => (key === 0 ? 20_000_000 : key < 5 ? 200_000 : 0);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 700 }), fc.integer({ min: 1, max: 300 }), async (keys, run) => {
      const records = keys.map((key, i): [number, number] => [key, i]);
      const runs = new SortedRuns<[number, number]>(place, compare, run, weigh);
      for (const record of records) await runs.add(record);
      const merged: [number, number][] = [];
      for await (const record of runs.merged()) merged.push(record);
      expect(merged).toEqual([...records].sort(compare));
    }),
    { numRuns: 30 },
  );
  expect(await readdir(directory)).not.toContain('runs');
  await vault.close();
  await rm(directory, { recursive: true });
});
