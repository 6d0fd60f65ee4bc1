import fc from 'fast-check';
import { BUCKET_ERROR, bucketOf, percentileOf, valueOf } from './log-buckets.js';

const YEAR = 366 * 86_400_000;
const duration = fc.oneof(fc.integer({ min: -YEAR, max: YEAR }), fc.integer({ min: -500, max: 500 }));

describe('logarithmic buckets', () => {
  it('give a duration back within their error', () => {
    fc.assert(
      fc.property(duration, (ms) => {
        expect(Math.abs(valueOf(bucketOf(ms)) - ms)).toBeLessThanOrEqual(Math.abs(ms) * BUCKET_ERROR + 0.5 + 1e-6);
      }),
    );
    expect([0, 0.4, -0.9].map(bucketOf)).toEqual([0, 0, 0]);
    expect(valueOf(0)).toBe(0);
  });

  it('stand in the order of their durations', () => {
    fc.assert(
      fc.property(duration, duration, (a, b) => {
        if (a <= b) expect(bucketOf(a)).toBeLessThanOrEqual(bucketOf(b));
        expect(bucketOf(-a) + bucketOf(a)).toBe(0);
      }),
    );
  });

  it('stay what they are: they are stored', () => {
    expect([1, 1_000, 60_000, 86_400_000, YEAR].map(bucketOf)).toEqual([1, 347, 552, 915, 1210]);
  });

  it('have the percentile by nearest rank of what stands in them, in any order, taken back or not', () => {
    const lists = [fc.array(duration, { minLength: 1, maxLength: 40 }), fc.array(duration, { maxLength: 10 })] as const;
    fc.assert(
      fc.property(...lists, fc.double({ min: 0, max: 1, noNaN: true }), (kept, taken, p) => {
        const cells: [number, number][] = [
          ...taken.map((ms): [number, number] => [bucketOf(ms), -1]),
          ...[...taken, ...kept].reverse().map((ms): [number, number] => [bucketOf(ms), 1]),
        ];
        const exact = [...kept].sort((a, b) => a - b)[Math.max(1, Math.ceil(p * kept.length)) - 1]!;
        expect(percentileOf(cells, p)).toBe(valueOf(bucketOf(exact)));
      }),
    );
  });

  it('have none when nothing is left', () => {
    expect(percentileOf([], 0.5)).toBeNull();
    expect(percentileOf([[7, 2], [7, -2]], 0.5)).toBeNull(); // prettier-ignore
  });
});
