/**
 * A map that forgets what was not used for a while once it holds about `limit`; trim it when that is safe. It keeps two
 * generations: what is used moves to the younger one, and a full younger one takes the place of the older.
 */
export class Lru<K, V> {
  private young = new Map<K, V>();
  private old = new Map<K, V>();

  constructor(private readonly limit: number) {}

  get(key: K): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const kept = this.old.get(key);
    if (kept === undefined) return undefined;
    this.old.delete(key);
    this.young.set(key, kept);
    return kept;
  }

  /** Without using it. */
  has(key: K): boolean {
    return this.young.has(key) || this.old.has(key);
  }

  set(key: K, value: V): void {
    this.old.delete(key);
    this.young.set(key, value);
  }

  delete(key: K): void {
    this.young.delete(key);
    this.old.delete(key);
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }

  /** Whether `trim` would forget something now. */
  get isFull(): boolean {
    return this.young.size * 2 >= this.limit;
  }

  /** What the next `trim` forgets, as long as nothing of it is used before. */
  oldest(): Iterable<V> {
    return this.old.values();
  }

  *values(): Iterable<V> {
    yield* this.old.values();
    yield* this.young.values();
  }

  /** Forgets what was not used since the younger generation was begun, if that is full: half of the limit. */
  trim(): void {
    if (!this.isFull) return;
    this.old = this.young;
    this.young = new Map();
  }
}
