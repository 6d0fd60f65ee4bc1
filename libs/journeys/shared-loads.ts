import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queries } from '@touchstone/platform';
import type { Loads } from './open-loads.js';

export interface SharedLoadsTuning {
  /** How long a load is believed to be open without word of the process that appends it; ms, default 30,000. */
  readonly ttlMs?: number;
  /** How often its end is looked for; ms, default 1,000. */
  readonly lookEveryMs?: number;
  /** How long a load waits for decisions that were on their way when it began; ms, default 250. */
  readonly settleMs?: number;
}

/** A load of this process, with the word of it that is on its way. */
interface OwnLoad {
  readonly renewing: NodeJS.Timeout;
  word: Promise<void>;
}

/** Renewed so often within its time: one that PostgreSQL does not take is not missed. */
const RENEWALS = 6;

/** Open loads of every process that shares a PostgreSQL. A load whose process was killed ends with its time. */
export class SharedLoads implements Loads {
  private readonly listeners = new Set<() => void>();
  private readonly own = new Map<string, OwnLoad>();
  private readonly tuning: Required<SharedLoadsTuning>;
  private known = false;
  private watching = false;
  private isStopped = false;

  constructor(
    private readonly store: Queries,
    tuning: SharedLoadsTuning = {},
  ) {
    this.tuning = { ttlMs: 30_000, lookEveryMs: 1_000, settleMs: 250, ...tuning };
  }

  get any(): boolean {
    return this.own.size > 0 || this.known;
  }

  async look(): Promise<boolean> {
    const sql = 'select from open_load where expires_at > clock_timestamp() limit 1';
    this.known = (await this.store.query(sql, [])).length > 0;
    if (this.known) void this.watch();
    return this.any;
  }

  /** Nothing is to be appended before this has resolved. @throws READ_STORE_UNREACHABLE (unavailable) */
  async begin(): Promise<() => void> {
    const id = randomUUID();
    const { ttlMs, settleMs } = this.tuning;
    await this.keep(id);
    const renewing = setInterval(() => {
      // Where PostgreSQL does not take it, the next time is soon enough.
      load.word = load.word.then(() => this.keep(id)).catch(() => undefined);
    }, ttlMs / RENEWALS).unref();
    const load: OwnLoad = { renewing, word: Promise.resolve() };
    this.own.set(id, load);
    await sleep(settleMs);
    return () => void this.end(id);
  }

  onLastEnd(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The loads of a process end with it. */
  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    await Promise.all([...this.own.keys()].map((id) => this.end(id)));
  }

  private async keep(id: string): Promise<void> {
    await this.store.query(
      `with over as (delete from open_load where expires_at < clock_timestamp() - interval '1 hour')
       insert into open_load (id, process, since, expires_at)
         values ($1, $2, clock_timestamp(), clock_timestamp() + $3 * interval '1 ms')
       on conflict (id) do update set expires_at = excluded.expires_at`,
      [id, `${hostname()}/${process.pid}`, this.tuning.ttlMs],
    );
  }

  private async end(id: string): Promise<void> {
    const load = this.own.get(id);
    if (!load) return;
    clearInterval(load.renewing);
    this.own.delete(id);
    // A renewal that came after it would bring it back.
    await load.word;
    // Where it stays it runs out by itself.
    await this.store.query('delete from open_load where id = $1', [id]).catch(() => undefined);
    await this.look().catch(() => undefined);
    if (!this.any) this.tell();
  }

  /** Until the last one has ended, wherever. */
  private async watch(): Promise<void> {
    if (this.watching) return;
    this.watching = true;
    try {
      while (this.known && !this.isStopped) {
        await sleep(this.tuning.lookEveryMs, undefined, { ref: false });
        // What is in the way is told by the store; until it is known better they are open.
        await this.look().catch(() => undefined);
      }
    } finally {
      this.watching = false;
    }
    if (!this.any) this.tell();
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
