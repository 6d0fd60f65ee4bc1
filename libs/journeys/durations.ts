import { BUCKET_ERROR, bucketOf, percentileOf } from '@touchstone/readmodel/cube';

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
    if (this.buckets) return percentileOf(this.buckets, p);
    if (this.count === 0) return null;
    if (!this.sorted) {
      this.values!.subarray(0, this.count).sort();
      this.sorted = true;
    }
    return this.values![Math.max(1, Math.ceil(p * this.count)) - 1]!;
  }
}

/** Relative error of a coarse percentile. */
export const COARSE_ERROR = BUCKET_ERROR;
