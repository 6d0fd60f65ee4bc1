/** Relative error of a value that comes out of a bucket; up to 100 ms, rounding to whole ms may add to it. */
export const BUCKET_ERROR = 0.01;

const RATIO = Math.log((1 + BUCKET_ERROR) / (1 - BUCKET_ERROR));

/**
 * The logarithmic bucket of a duration in ms: buckets of equal ratio, 0 for less than a millisecond; the sign is kept
 * (clocks of two sources may disagree), and the order of buckets is that of their durations. What stands in buckets
 * adds and subtracts, so that percentiles of parts make percentiles of wholes.
 */
export const bucketOf = (ms: number): number =>
  Math.abs(ms) < 1 ? 0 : Math.sign(ms) * (1 + Math.ceil(Math.log(Math.abs(ms)) / RATIO));

/** The duration in whole ms that stands for a bucket: within `BUCKET_ERROR` of everything in it. */
export function valueOf(bucket: number): number {
  if (bucket === 0) return 0;
  const upper = Math.exp((Math.abs(bucket) - 1) * RATIO);
  return Math.sign(bucket) * Math.round(upper * (1 - BUCKET_ERROR));
}

/**
 * Percentile in ms by nearest rank: the smallest value with at least the share `p` (0 to 1) of all at or below it.
 * Buckets may come in any order and several times; counts are signed and add up first. Null when nothing is left.
 */
export function percentileOf(buckets: Iterable<readonly [bucket: number, n: number]>, p: number): number | null {
  const counts = new Map<number, number>();
  let total = 0;
  for (const [bucket, n] of buckets) {
    counts.set(bucket, (counts.get(bucket) ?? 0) + n);
    total += n;
  }
  if (total <= 0) return null;
  const rank = Math.min(total, Math.max(1, Math.ceil(p * total)));
  let seen = 0;
  for (const [bucket, n] of [...counts].sort(([a], [b]) => a - b)) {
    seen += n;
    if (seen >= rank) return valueOf(bucket);
  }
  return null;
}
