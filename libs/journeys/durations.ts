/**
 * A set of durations in ms with percentiles by nearest rank: exact as a sorted list, or, once `coarsen` was called,
 * from logarithmic buckets with a bounded relative error. Any order of adding gives the same answer.
 */
export class Durations {
  private values: Float64Array | null = new Float64Array(4);
  private sorted = true;
  private buckets: Map<number, number> | null = null;
  count = 0;

  add(ms: number): void {
    this.count++;
    if (this.buckets) {
      const bucket = bucketOf(ms);
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
      return;
    }
    if (this.count > this.values!.length) {
      const wider = new Float64Array(this.values!.length * 2);
      wider.set(this.values!);
      this.values = wider;
    }
    this.values![this.count - 1] = ms;
    this.sorted = false;
  }

  /** Adds all of another set. */
  addAll(other: Durations): void {
    if (other.buckets) {
      this.coarsen();
      for (const [bucket, n] of other.buckets) this.buckets!.set(bucket, (this.buckets!.get(bucket) ?? 0) + n);
      this.count += other.count;
    } else {
      for (let i = 0; i < other.count; i++) this.add(other.values![i]!);
    }
  }

  /** Gives up exactness for bounded memory: at most some thousand buckets from then on. */
  coarsen(): void {
    if (this.buckets) return;
    const buckets = new Map<number, number>();
    for (let i = 0; i < this.count; i++) {
      const bucket = bucketOf(this.values![i]!);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
    }
    this.buckets = buckets;
    this.values = null;
  }

  /** Nearest rank: the smallest value with at least the share `p` of the set at or below it; null of an empty set. */
  percentile(p: number): number | null {
    if (this.count === 0) return null;
    const rank = Math.max(1, Math.ceil(p * this.count));
    if (this.buckets) {
      let seen = 0;
      for (const [bucket, n] of [...this.buckets].sort(([a], [b]) => a - b)) {
        seen += n;
        if (seen >= rank) return valueOf(bucket);
      }
    }
    if (!this.sorted) {
      this.values!.subarray(0, this.count).sort();
      this.sorted = true;
    }
    return this.values![rank - 1]!;
  }
}

/** Relative error of a coarse percentile. */
export const COARSE_ERROR = 0.01;
const GAMMA = Math.log((1 + COARSE_ERROR) / (1 - COARSE_ERROR));

/** Buckets of equal ratio; 0 for less than a millisecond; the sign is kept (clocks of two sources may disagree). */
const bucketOf = (ms: number): number =>
  Math.abs(ms) < 1 ? 0 : Math.sign(ms) * (1 + Math.ceil(Math.log(Math.abs(ms)) / GAMMA));

function valueOf(bucket: number): number {
  if (bucket === 0) return 0;
  const upper = Math.exp((Math.abs(bucket) - 1) * GAMMA);
  return Math.sign(bucket) * Math.round(upper * (1 - COARSE_ERROR));
}
