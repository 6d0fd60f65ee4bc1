/** Counts different sequences of numbers: each is kept once, whatever its length, without an object or a text of its own. */
export class Sequences {
  /** Sequence number + 1 by hash; 0: free. At most half of it is used. */
  private table: Int32Array = new Int32Array(256);
  private hashes: Int32Array = new Int32Array(128);
  /** Where each begins in `values`; one more than there are sequences. */
  private starts: Int32Array = new Int32Array(129);
  private counts: Int32Array = new Int32Array(128);
  private values: Int32Array = new Int32Array(1_024);
  /** How many different ones there are, and how many were counted. */
  size = 0;
  total = 0;

  /** Counts values[from, to). */
  add(values: Int32Array, from: number, to: number): void {
    this.total++;
    let hash = to - from;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ values[i]!, 0x9e3779b1) ^ (hash >>> 15);
    hash ^= hash >>> 13;
    const mask = this.table.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const known = this.table[place]! - 1;
      if (known === -1) return this.place(this.keep(hash, values, from, to));
      if (this.hashes[known] === hash && this.isAt(known, values, from, to)) {
        this.counts[known]!++;
        return;
      }
    }
  }

  count(sequence: number): number {
    return this.counts[sequence]!;
  }

  valuesOf(sequence: number): number[] {
    return [...this.values.subarray(this.starts[sequence]!, this.starts[sequence + 1]!)];
  }

  /** The `max` most frequent; of equally frequent ones those first whose numbers, written with commas, sort first. */
  top(max: number): number[] {
    const best: number[] = [];
    if (max < 1) return best;
    for (let sequence = 0; sequence < this.size; sequence++) {
      if (best.length === max && this.compare(sequence, best[max - 1]!) > 0) continue;
      let [low, high] = [0, best.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.compare(sequence, best[middle]!) < 0) high = middle;
        else low = middle + 1;
      }
      best.splice(low, 0, sequence);
      if (best.length > max) best.pop();
    }
    return best;
  }

  /** Below 0 when `a` comes before `b`. */
  private compare(a: number, b: number): number {
    if (this.counts[a] !== this.counts[b]) return this.counts[b]! - this.counts[a]!;
    const [atA, atB] = [this.starts[a]!, this.starts[b]!];
    const [lengthA, lengthB] = [this.starts[a + 1]! - atA, this.starts[b + 1]! - atB];
    for (let i = 0; i < lengthA && i < lengthB; i++) {
      const [x, y] = [this.values[atA + i]!, this.values[atB + i]!];
      // As texts: a comma sorts before every digit, and so does the end.
      if (x !== y) return String(x) < String(y) ? -1 : 1;
    }
    return lengthA - lengthB;
  }

  private isAt(sequence: number, values: Int32Array, from: number, to: number): boolean {
    const start = this.starts[sequence]!;
    if (this.starts[sequence + 1]! - start !== to - from) return false;
    for (let i = from; i < to; i++) if (this.values[start + i - from] !== values[i]) return false;
    return true;
  }

  private keep(hash: number, values: Int32Array, from: number, to: number): number {
    if (this.size === this.counts.length) this.grow();
    const sequence = this.size++;
    const start = this.starts[sequence]!;
    const end = start + to - from;
    if (end > this.values.length) this.values = widened(this.values, Math.max(end, 2 * this.values.length));
    for (let i = from; i < to; i++) this.values[start + i - from] = values[i]!;
    this.starts[sequence + 1] = end;
    this.hashes[sequence] = hash;
    this.counts[sequence] = 1;
    return sequence;
  }

  private grow(): void {
    const length = 2 * this.counts.length;
    this.counts = widened(this.counts, length);
    this.hashes = widened(this.hashes, length);
    this.starts = widened(this.starts, length + 1);
    this.table = new Int32Array(2 * length);
    for (let sequence = 0; sequence < this.size; sequence++) this.place(sequence);
  }

  private place(sequence: number): void {
    const mask = this.table.length - 1;
    let place = this.hashes[sequence]! & mask;
    while (this.table[place] !== 0) place = (place + 1) & mask;
    this.table[place] = sequence + 1;
  }
}

function widened(values: Int32Array, length: number): Int32Array {
  const wider = new Int32Array(length);
  wider.set(values);
  return wider;
}
