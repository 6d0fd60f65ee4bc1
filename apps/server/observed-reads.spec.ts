import type { ReadQuery, Reads } from '@touchstone/readmodel';
import { observedReads } from './observed-reads.js';

const query: ReadQuery<unknown, number> = { name: 'q', group: 'g', run: () => Promise.resolve(1) };
const answer = { result: 1, asOf: { position: '1', instant: '2024-01-01T00:00:00.000Z' }, generation: 'g-1' };

/** Reads that wait and run for so many ms, and fail with `error` if there is one. */
function observed({ waits, runs, error }: { waits: number; runs: number | null; error?: Error }) {
  const warned: unknown[] = [];
  const measured: number[] = [];
  const reads: Reads = {
    run: async (_query, _params, options) => {
      await new Promise((resolve) => setTimeout(resolve, waits));
      if (runs !== null) options?.onRun?.(runs);
      if (error) throw error;
      return answer as never;
    },
    close: () => Promise.resolve(),
  };
  const metrics = { observeRead: (_name: string, _code: string, seconds: number) => void measured.push(seconds) };
  const logger = { warn: (_text: unknown, fields: unknown) => void warned.push(fields) };
  return { reads: observedReads(reads, { metrics, logger: logger as never, slowMs: 20 }), warned, measured };
}

describe('reads that are observed', () => {
  it('tell of a query that runs long, however it ends', async () => {
    const slow = observed({ waits: 0, runs: 25 });
    expect(await slow.reads.run(query, {})).toBe(answer);
    expect(slow.warned).toMatchObject([{ event: 'SLOW_QUERY', query: 'q', ms: 25, code: 'OK' }]);
    const failed = observed({ waits: 0, runs: 25, error: new Error('no') });
    await expect(failed.reads.run(query, {})).rejects.toThrow('no');
    expect(failed.warned).toMatchObject([{ code: 'INTERNAL' }]);
  });

  it('say nothing of one that waited for the read model and then was quick, or never ran; the metric has all of the time', async () => {
    for (const runs of [1, null]) {
      const { reads, warned, measured } = observed({ waits: 40, runs });
      await reads.run(query, {});
      expect(warned).toEqual([]);
      expect(measured[0]).toBeGreaterThan(0.03);
    }
  });
});
