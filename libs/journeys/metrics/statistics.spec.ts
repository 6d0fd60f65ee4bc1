import fc from 'fast-check';
import {
  balanceInterval,
  differenceInterval,
  meanInterval,
  meanIntervalOf,
  poissonScore,
  wilson,
  Z95,
  type Estimate,
} from './statistics.js';

const ends = (interval: { low: number; high: number } | null, digits = 4) =>
  interval && [Number(interval.low.toFixed(digits)), Number(interval.high.toFixed(digits))];

describe('z', () => {
  it('leaves 2.5 % above it', () => {
    // The complementary error function by its continued fraction, which converges quickly this far out (Lentz).
    const tail = (z: number) => {
      let fraction = 0;
      for (let k = 200; k >= 1; k--) fraction = k / (z + fraction);
      return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) / (z + fraction);
    };
    expect(Math.abs(tail(Z95) - 0.025)).toBeLessThan(1e-16);
    expect(Math.abs(tail(Z95 + 1e-14) - 0.025)).toBeGreaterThan(4e-16);
  });
});

describe('the interval of a share', () => {
  // Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
  it.each([
    [81, 263, [0.2553, 0.3662]],
    [15, 148, [0.0624, 0.1605]],
    [0, 20, [0, 0.1611]],
    [1, 29, [0.0061, 0.1718]],
  ])('of %i in %i is as published', (x, n, published) => expect(ends(wilson(x, n))).toEqual(published));

  it('is that of the other share, mirrored, and ends at 1 of all', () => {
    const [few, many] = [wilson(1, 29)!, wilson(28, 29)!];
    expect(1 - many.high).toBeCloseTo(few.low, 15);
    expect(1 - many.low).toBeCloseTo(few.high, 15);
    expect(wilson(20, 20)!.high).toBe(1);
    expect(wilson(20, 20)).toMatchObject({ level: 0.95, method: 'wilson' });
  });

  it('is unknown of nothing', () => expect(wilson(0, 0)).toBeNull());
});

describe('the interval of a rate of events', () => {
  it('ends, for no event, at the 95th percentile of chi-square with one degree', () => {
    expect(poissonScore(0, 1)).toMatchObject({ low: 0, method: 'poisson-score' });
    expect(poissonScore(0, 1)!.high).toBeCloseTo(3.841458820694124, 13);
  });

  it('has as its ends the rates that the count just does not contradict', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0.01, max: 1e6, noNaN: true }), (x, t) => {
        const { low, high } = poissonScore(x, t)!;
        expect(low).toBeLessThan(x / t);
        expect(high).toBeGreaterThan(x / t);
        for (const rate of [low * t, high * t])
          expect((x - rate) / Math.sqrt(rate)).toBeCloseTo(rate < x ? Z95 : -Z95, 6);
      }),
    ));

  it('is what a share is when events are rare', () => {
    const [share, rate] = [wilson(30, 3_000_000)!, poissonScore(30, 3_000_000)!];
    expect(rate.low / share.low).toBeCloseTo(1, 4);
    expect(rate.high / share.high).toBeCloseTo(1, 4);
  });

  it('is unknown of no exposure', () => expect(poissonScore(0, 0)).toBeNull());
});

describe('the interval of a mean', () => {
  it('is mean ± z · s / √n', () => {
    // The speeds of light of the NIST reference set Michelso: n 100, mean 299.8524, s 0.0790105478190518 (certified).
    const [n, mean, s] = [100, 299.8524, 0.0790105478190518];
    const interval = meanInterval(n, n * mean, s * s * (n - 1) + n * mean * mean)!;
    expect(interval.low).toBeCloseTo(mean - (Z95 * s) / 10, 6);
    expect(interval.high).toBeCloseTo(mean + (Z95 * s) / 10, 6);
  });

  it('is the same from values, sums and counts of values', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2 }), (values) => {
        const sum = values.reduce((a, b) => a + b, 0);
        const squares = values.reduce((a, b) => a + b * b, 0);
        fc.pre(new Set(values).size > 1);
        const a = meanInterval(values.length, sum, squares)!;
        const b = meanIntervalOf(
          sum / values.length,
          values.map((v) => [v, 1]),
        )!;
        expect(a.low).toBeCloseTo(b.low, 5);
        expect(a.high).toBeCloseTo(b.high, 5);
      }),
    ));

  it('is the same to the last digit, in whatever order the values come', () => {
    const weighted = fc.tuple(fc.double({ min: -1e7, max: 1e9, noNaN: true }), fc.integer({ min: 1, max: 1e6 }));
    const shuffled = fc
      .array(weighted, { minLength: 2, maxLength: 30 })
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        const before = structuredClone(other);
        expect(meanIntervalOf(1_234.5, other)).toEqual(meanIntervalOf(1_234.5, one));
        // What is handed in stays as it was.
        expect(other).toEqual(before);
      }),
    );
  });

  it('stays where values can be, and is unknown of one value, however often', () => {
    expect(meanInterval(2, 3, 9, { least: 0 })!.low).toBe(0);
    expect(
      meanIntervalOf(
        1.9,
        [
          [2, 19],
          [0, 1],
        ],
        { most: 2 },
      )!.high,
    ).toBe(2);
    expect(meanInterval(1, 5, 25)).toBeNull();
    expect(meanInterval(3, 15, 75)).toBeNull();
    expect(meanIntervalOf(5, [[5, 1]])).toBeNull();
  });
});

describe('the interval of a balance', () => {
  it('is the share of the positive, stretched to -1 to 1, when all weigh the same', () => {
    const balance = balanceInterval(81, 182, 263)!;
    expect(ends(balance)).toEqual(ends({ low: 2 * wilson(81, 263)!.low - 1, high: 2 * wilson(81, 263)!.high - 1 }));
    // Weights of 2 say no more than weights of 1.
    expect(ends(balanceInterval(162, 364, 4 * 263))).toEqual(ends(balance));
  });

  it('is wider when few weigh much', () => {
    const [even, uneven] = [balanceInterval(30, 30, 60)!, balanceInterval(30, 30, 180)!];
    expect(uneven.high - uneven.low).toBeGreaterThan(even.high - even.low);
    expect(balanceInterval(0, 0, 0)).toBeNull();
  });
});

describe('the interval of a difference', () => {
  const share = (x: number, n: number): Estimate => ({ value: x / n, interval: wilson(x, n)! });

  // Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
  it.each([
    [56, 70, 48, 80, [0.0524, 0.3339]],
    [9, 10, 3, 10, [0.1705, 0.809]],
    [6, 7, 2, 7, [0.0582, 0.8062]],
    [5, 56, 0, 29, [-0.0381, 0.1926]],
    [0, 10, 0, 20, [-0.1611, 0.2775]],
    [10, 10, 0, 20, [0.6791, 1]],
  ])('of %i in %i and %i in %i is as published', (x1, n1, x2, n2, published) => {
    const interval = differenceInterval(share(x2, n2), share(x1, n1));
    expect(ends(interval)).toEqual(published);
    expect(interval.method).toBe('newcombe');
  });

  it('of two means is that of the sum of their variances', () => {
    const mean = (value: number, error: number): Estimate => ({
      value,
      interval: { low: value - Z95 * error, high: value + Z95 * error, level: 0.95, method: 'normal' },
    });
    const { low, high, method } = differenceInterval(mean(10, 3), mean(12, 4));
    expect([low, high, method]).toEqual([2 - Z95 * 5, 2 + Z95 * 5, 'hybrid-normal']);
  });

  it('turns round with its sides', () => {
    const [a, b] = [share(3, 40), share(11, 35)];
    const [there, back] = [differenceInterval(a, b), differenceInterval(b, a)];
    expect([there.low, there.high]).toEqual([-back.high, -back.low]);
  });
});
