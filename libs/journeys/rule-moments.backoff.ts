import type { PolicyError } from '@touchstone/platform';

interface Tried {
  times: number;
  /** By the same timer as `now`. */
  until: number;
  error: PolicyError | null;
  /** In which pass it was last seen to be due. */
  pass: number;
}

export interface BackoffOptions {
  /** After the first attempt in vain; doubled after each further one. ms. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** A timer of real time, ms; it does not stand still where the clock of the world does. */
  readonly now: () => number;
}

/**
 * What was tried in vain, and from when on it may be tried again: one row that fails holds up no other and is not tried
 * without a pause. Kept in memory only; a new process tries everything once more.
 */
export class Backoff {
  private readonly rows = new Map<string, Tried>();
  private pass = 0;
  private inVain = 0;

  constructor(private readonly options: BackoffOptions) {}

  /** Attempts in vain, ever. */
  get attempts(): number {
    return this.inVain;
  }

  /** Rows under way to another attempt. */
  get size(): number {
    return this.rows.size;
  }

  /** What was tried in vain for a reason that will not go by itself. */
  get failing(): number {
    let failing = 0;
    for (const { error } of this.rows.values()) if (error) failing++;
    return failing;
  }

  /** Why the row failed that failed last. */
  get lastError(): PolicyError | null {
    let last: PolicyError | null = null;
    for (const { error } of this.rows.values()) last = error ?? last;
    return last;
  }

  /** Whether the row, which is due, may be tried now. */
  allows(key: string): boolean {
    const row = this.rows.get(key);
    if (!row) return true;
    row.pass = this.pass;
    return row.until <= this.options.now();
  }

  /** Tried in vain. Without an error: there was nothing to decide any more, which the read model may not show yet. */
  failed(key: string, error: PolicyError | null): void {
    const times = (this.rows.get(key)?.times ?? 0) + 1;
    const pause = Math.min(this.options.firstMs * 2 ** (times - 1), this.options.longestMs);
    this.inVain++;
    // Put at the end: the map keeps the order of failing.
    this.rows.delete(key);
    this.rows.set(key, { times, until: this.options.now() + pause, error, pass: this.pass });
  }

  succeeded(key: string): void {
    this.rows.delete(key);
  }

  /** How often the row was tried in vain. */
  timesOf(key: string): number {
    return this.rows.get(key)?.times ?? 0;
  }

  /** Everything that was due has been seen: what was not is not due any more. */
  endPass(): void {
    for (const [key, { pass }] of this.rows) if (pass < this.pass) this.rows.delete(key);
    this.pass++;
  }

  forget(): void {
    this.rows.clear();
  }

  /** When the next row may be tried again, by the same timer; null: there is none. */
  next(): number | null {
    let next: number | null = null;
    for (const { until } of this.rows.values()) if (next === null || until < next) next = until;
    return next;
  }
}
