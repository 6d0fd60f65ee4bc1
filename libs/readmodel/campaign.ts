import { TouchstoneError } from '@touchstone/eventing/pure';
import { TRY_EVERY_MS, type Leases } from './leases.js';
import { pauseFor } from './pause.js';
import { leaseLost } from './shared-store.js';

/** One time of being the only one. */
export interface Term {
  readonly name: string;
  readonly epoch: number;
  /** SQL that each transaction of this work runs first: see `fence`. */
  readonly fence: string;
  /**
   * Aborted when the work has to end: since somebody wants this process to, or since the lease may soon be another's. That
   * is before it can be, by this process's own clock, also where PostgreSQL does not answer.
   */
  readonly lost: AbortSignal;
}

export interface CampaignOptions {
  readonly leases: Leases;
  readonly name: string;
  /** Does the work; resolves once `lost` is aborted and everything has ended. */
  readonly work: (term: Term) => Promise<void>;
  readonly warn?: (message: string) => void;
  /** Default `TRY_EVERY_MS`. */
  readonly tryEveryMs?: number;
}

/** Of a lease's time, what is left when its holder calls it lost: nobody else can have it yet. */
const MARGIN = 0.1;

/** Wants a lease as long as it runs: works while it has it, and tries again when it has not. */
export class Campaign {
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private held: Term | null = null;

  constructor(private readonly options: CampaignOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** What it has now; null: another one has it, or nobody. */
  get term(): Term | null {
    return this.held;
  }

  start(): this {
    this.running ??= this.run();
    return this;
  }

  /** Has the work end, then gives the lease back. */
  async stop(): Promise<void> {
    this.stopping.abort(stopped());
    await this.running;
  }

  private async run(): Promise<void> {
    const { leases, name, tryEveryMs = TRY_EVERY_MS } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const askedAt = performance.now();
      // What PostgreSQL has to say against it is told by the store.
      const taken = await leases.acquire(name).catch(() => null);
      if (taken) await this.hold(taken.epoch, askedAt);
      await pauseFor(tryEveryMs, signal);
    }
  }

  private async hold(epoch: number, askedAt: number): Promise<void> {
    const { leases, name, work, warn } = this.options;
    const ended = new AbortController();
    const lost = new AbortController();
    const stop = () => lost.abort(this.stopping.signal.reason);
    this.stopping.signal.addEventListener('abort', stop, { once: true });
    if (this.stopping.signal.aborted) stop();
    const lease = new HeldLease(leases, name, epoch, askedAt, () => lost.abort(leaseLost(`${name}, term ${epoch}`)));
    const renewing = lease.keep(ended.signal);
    this.held = { name, epoch, fence: leases.fence(name, epoch), lost: lost.signal };
    try {
      await work(this.held);
    } catch (error) {
      if (!lost.signal.aborted) warn?.(`"${name}" was broken off, and is begun again: ${(error as Error).message}`);
    } finally {
      this.held = null;
      this.stopping.signal.removeEventListener('abort', stop);
      ended.abort();
      lost.abort(stopped());
      await renewing;
    }
    // Where it cannot be given back it runs out by itself.
    await leases.release(name, epoch).catch(() => undefined);
  }
}

/** Renews a lease until the work has ended, and knows when it must be called lost. */
class HeldLease {
  private readonly ttlMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly leases: Leases,
    private readonly name: string,
    private readonly epoch: number,
    askedAt: number,
    private readonly onLost: () => void,
  ) {
    this.ttlMs = leases.ttlMs;
    this.holdsFrom(askedAt);
  }

  async keep(ended: AbortSignal): Promise<void> {
    const over = new AbortController();
    const lose = () => {
      over.abort();
      this.onLost();
    };
    this.lose = lose;
    const end = () => over.abort();
    ended.addEventListener('abort', end, { once: true });
    let pauseMs = this.ttlMs / 3;
    while (!over.signal.aborted) {
      await pauseFor(pauseMs, over.signal);
      if (over.signal.aborted) break;
      const askedAt = performance.now();
      try {
        if (!(await this.leases.renew(this.name, this.epoch))) lose();
        else if (!over.signal.aborted) this.holdsFrom(askedAt);
        pauseMs = this.ttlMs / 3;
      } catch {
        // The timer knows how long that may go on.
        pauseMs = this.ttlMs / 20;
      }
    }
    clearTimeout(this.timer);
    ended.removeEventListener('abort', end);
  }

  private lose: () => void = () => this.onLost();

  /** PostgreSQL counts from when it was asked, which is later: so this ends first. */
  private holdsFrom(askedAt: number): void {
    clearTimeout(this.timer);
    const leftMs = askedAt + this.ttlMs * (1 - MARGIN) - performance.now();
    this.timer = setTimeout(() => this.lose(), Math.max(0, leftMs));
  }
}

const stopped = () => new TouchstoneError('CAMPAIGN_STOPPED', 'This work is being ended here.', 'unavailable');
