const WINDOW_MS = 10_000;

/** Events per second over the last ten seconds. */
export class Pace {
  private samples: { at: number; count: number }[] = [];

  add(count: number): void {
    if (count === 0) return;
    const now = performance.now();
    const last = this.samples.at(-1);
    // Live traffic comes in many small batches: a tenth of a second makes one sample.
    if (last && now - last.at < 100) last.count += count;
    else this.samples.push({ at: now, count });
    if (this.samples.length > 200) this.forgetOld(now);
  }

  get perSecond(): number {
    const now = performance.now();
    this.forgetOld(now);
    const first = this.samples[0];
    if (!first) return 0;
    const total = this.samples.reduce((sum, { count }) => sum + count, 0);
    return Math.round((total / Math.max(now - first.at, 1_000)) * 1_000);
  }

  private forgetOld(now: number): void {
    const from = this.samples.findIndex(({ at }) => at > now - WINDOW_MS);
    this.samples = from === -1 ? [] : this.samples.slice(from);
  }
}

/** How long a checkpoint has stood still, and how long it has been behind. Monotonic time. */
export class Silence {
  private movedAt = performance.now();
  private atHeadAt = performance.now();
  private restartedAt = -Infinity;

  constructor(private readonly longMs: number) {}

  moved(atHead: boolean): void {
    this.movedAt = performance.now();
    if (atHead) this.atHeadAt = this.movedAt;
  }

  get standingMs(): number {
    return performance.now() - this.movedAt;
  }

  get behindMs(): number {
    return Math.round(performance.now() - this.atHeadAt);
  }

  get isLong(): boolean {
    return this.standingMs >= this.longMs;
  }

  /** True once per period: a restart gets its own time to show an effect. */
  get shouldRestart(): boolean {
    const now = performance.now();
    if (now - this.restartedAt < this.longMs) return false;
    this.restartedAt = now;
    return true;
  }
}
