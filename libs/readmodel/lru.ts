/** A map that forgets what was used least recently once it holds more than `limit`; trim it when that is safe. */
export class Lru<K, V> {
  private readonly entries = new Map<K, V>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** Looks up without counting as a use. */
  peek(key: K): V | undefined {
    return this.entries.get(key);
  }

  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.entries.set(key, value);
  }

  delete(key: K): void {
    this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  /** Forgets the least recently used beyond the limit. */
  trim(): void {
    let surplus = this.entries.size - this.limit;
    if (surplus <= 0) return;
    for (const key of this.entries.keys()) {
      if (surplus-- <= 0) return;
      this.entries.delete(key);
    }
  }
}
