import { BUCKET_ERROR, bucketOf, percentileOf } from '@touchstone/readmodel/cube';

/**
 * A set of durations in ms with percentiles by nearest rank: exact as a sorted list, or, once `coarsen` was called,
 * from logarithmic buckets with a bounded relative error. Any order of adding gives the same answer.
 */
export class Durations {
  private values: Float64Array | null = new Float64Array(4);
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
  }

  /** What is in either. */
  static of(a: Durations, b: Durations): Durations {
    const both = new Durations();
    both.addAll(a);
    both.addAll(b);
    return both;
  }

  private addAll(other: Durations): void {
    if (other.buckets) {
      this.coarsen();
      for (const [bucket, n] of other.buckets) this.buckets!.set(bucket, (this.buckets!.get(bucket) ?? 0) + n);
      this.count += other.count;
    } else if (this.buckets) {
      for (let i = 0; i < other.count; i++) this.add(other.values![i]!);
    } else {
      const both = new Float64Array(this.count + other.count);
      both.set(this.values!.subarray(0, this.count));
      both.set(other.values!.subarray(0, other.count), this.count);
      this.values = both;
      this.count = both.length;
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

  /**
   * Nearest rank: the smallest value with at least the share of the set at or below it; null of an empty set.
   * @param shares in ascending order
   */
  percentiles(shares: readonly number[]): (number | null)[] {
    const { buckets, values, count } = this;
    if (buckets) return shares.map((share) => percentileOf(buckets, share));
    if (count === 0) return shares.map(() => null);
    let from = 0;
    return shares.map((share) => {
      const rank = Math.max(1, Math.ceil(share * count)) - 1;
      putInPlace(values!, rank, from, count - 1);
      from = rank;
      return values![rank]!;
    });
  }
}

/** Relative error of a coarse percentile. */
export const COARSE_ERROR = BUCKET_ERROR;

/** Below so many, and where halving goes on for too long, sorting is quicker. */
const FEW = 32;

/** Moves what would stand at `rank` if the values from `low` to `high` were sorted there, smaller ones before it. */
function putInPlace(values: Float64Array, rank: number, low: number, high: number): void {
  for (let halvings = 2 * Math.log2(high - low + 1); high - low >= FEW && halvings > 0; halvings--) {
    const pivot = middleOf(values[low]!, values[(low + high) >>> 1]!, values[high]!);
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else return;
  }
  values.subarray(low, high + 1).sort();
}

const middleOf = (a: number, b: number, c: number): number =>
  a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b;
