/**
 * Intervals of figures and of the difference of two, at 95 %. Pure arithmetic on counts and sums; what cannot be said
 * (no observations, no spread) is null, never zero.
 */

/** The 97.5th percentile of the normal distribution, to all digits that a double has. */
export const Z95 = 1.959963984540054;
const Z2 = Z95 * Z95;

export type IntervalMethod =
  | 'wilson'
  | 'poisson-score'
  | 'normal'
  | 'wilson-weighted'
  | 'newcombe'
  | 'hybrid-poisson-score'
  | 'hybrid-normal'
  | 'hybrid-wilson-weighted';

/** Both ends in the unit of the figure; `level` is 0.95. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly method: IntervalMethod;
}

const LEVEL = 0.95;
const between = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

/**
 * The score interval of a proportion: E. B. Wilson, "Probable inference, the law of succession, and statistical
 * inference", JASA 22 (1927). Holds for few observations and at 0 and 1, where the usual ± does not.
 */
export function wilson(successes: number, n: number): Interval | null {
  if (n <= 0) return null;
  return { ...scoreOfShare(successes / n, n), level: LEVEL, method: 'wilson' };
}

function scoreOfShare(p: number, n: number): { low: number; high: number } {
  const centre = (p + Z2 / (2 * n)) / (1 + Z2 / n);
  const half = (Z95 / (1 + Z2 / n)) * Math.sqrt((p * (1 - p)) / n + Z2 / (4 * n * n));
  // The ends are exact at 0 and 1; arithmetic is not.
  return { low: p === 0 ? 0 : Math.max(0, centre - half), high: p === 1 ? 1 : Math.min(1, centre + half) };
}

/**
 * The score interval of a rate of events, per unit of exposure: the rates that a count does not contradict when its
 * variance is that of the rate itself, (count - rate)² = z² · rate. The score interval in L. Barker, "A comparison of nine
 * confidence intervals for a Poisson parameter", The American Statistician 56 (2002).
 */
export function poissonScore(count: number, exposure: number): Interval | null {
  if (exposure <= 0) return null;
  const centre = count + Z2 / 2;
  const half = Z95 * Math.sqrt(count + Z2 / 4);
  const low = count === 0 ? 0 : (centre - half) / exposure;
  return { low, high: (centre + half) / exposure, level: LEVEL, method: 'poisson-score' };
}

/** Values and how often each occurred. */
export type Weighted = Iterable<readonly [value: number, n: number]>;

export interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

/** The normal interval of a mean, from n, the sum and the sum of squares; null for less than two different values. */
export function meanInterval(n: number, sum: number, squares: number, bounds: Bounds = {}): Interval | null {
  if (n < 2) return null;
  // What is left of the squares after the mean; rounding must not make it negative.
  return around(sum / n, Math.max(0, squares - (sum * sum) / n) / (n - 1) / n, bounds);
}

/**
 * The same where only a distribution is known, such as buckets of durations: the mean may be known better than from it,
 * so it is given. The order of the values changes no digit of the answer.
 */
export function meanIntervalOf(mean: number, values: Weighted, bounds: Bounds = {}): Interval | null {
  // Sums of floats depend on their order, and values come in that of a cube as well as in that of a scan.
  const all = [...values].sort(([a, m], [b, n]) => a - b || m - n);
  const n = all.reduce((sum, [, times]) => sum + times, 0);
  if (n < 2) return null;
  const centre = all.reduce((sum, [value, times]) => sum + value * times, 0) / n;
  const spread = all.reduce((sum, [value, times]) => sum + times * (value - centre) ** 2, 0);
  return around(mean, spread / (n - 1) / n, bounds);
}

function around(mean: number, variance: number, { least = -Infinity, most = Infinity }: Bounds): Interval | null {
  // All values alike: they do not say how far others may lie from them.
  if (variance <= 0) return null;
  const half = Z95 * Math.sqrt(variance);
  return {
    low: between(mean - half, least, most),
    high: between(mean + half, least, most),
    level: LEVEL,
    method: 'normal',
  };
}

/**
 * The interval of a balance (positive - negative) ÷ (positive + negative) of weights: 2p - 1 of the score interval of
 * the positive share p, with as many observations as equal weights would be as good as, (Σw)² ÷ Σw² (L. Kish, Survey
 * Sampling, 1965).
 */
export function balanceInterval(positive: number, negative: number, squares: number): Interval | null {
  const weight = positive + negative;
  if (weight <= 0 || squares <= 0) return null;
  const { low, high } = scoreOfShare(positive / weight, (weight * weight) / squares);
  return { low: 2 * low - 1, high: 2 * high - 1, level: LEVEL, method: 'wilson-weighted' };
}

/** A figure with its interval. */
export interface Estimate {
  readonly value: number;
  readonly interval: Interval;
}

/**
 * The interval of b - a for independent a and b, recovered from their own intervals: of Wilson's it is method 10 of
 * R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17
 * (1998); of others what G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures", Statistics
 * in Medicine 27 (2008), make of it. Of two normal intervals it is the usual root of the sum of variances.
 */
export function differenceInterval(a: Estimate, b: Estimate): Interval {
  const difference = b.value - a.value;
  return {
    low: difference - Math.hypot(b.value - b.interval.low, a.interval.high - a.value),
    high: difference + Math.hypot(b.interval.high - b.value, a.value - a.interval.low),
    level: LEVEL,
    method: hybridOf(a.interval.method),
  };
}

function hybridOf(method: IntervalMethod): IntervalMethod {
  switch (method) {
    case 'wilson':
      return 'newcombe';
    case 'poisson-score':
      return 'hybrid-poisson-score';
    case 'wilson-weighted':
      return 'hybrid-wilson-weighted';
    case 'normal':
      return 'hybrid-normal';
    case 'newcombe':
    case 'hybrid-poisson-score':
    case 'hybrid-wilson-weighted':
    case 'hybrid-normal':
      return method;
  }
}
