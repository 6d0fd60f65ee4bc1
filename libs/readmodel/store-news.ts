import type pg from 'pg';
import { MEMBERS } from './log-of-store.js';
import { pauseFor } from './pause.js';
import type { SharedStore } from './shared-store.js';

/** What processes tell each other at once; whoever misses it finds the same by looking. */
export type News =
  | { readonly kind: 'checkpoint'; readonly group: string; readonly checkpoint: string }
  | { readonly kind: 'asked'; readonly group: string }
  | { readonly kind: 'answered'; readonly id: string };

/** How soon a broken connection is replaced. ms */
const AGAIN_MS = 250;
/** How often one is asked whether it is still there. ms */
const PROBE_EVERY_MS = 2_000;

export const channelOf = (schema: string): string => `${schema}.news`;

/** Hears the news of a store, over a connection of its own that is replaced when it breaks. */
export class StoreNews {
  private readonly listeners = new Set<(news: News) => void>();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(private readonly store: SharedStore) {
    this.running = this.run();
  }

  /** Calls the listener with each piece of news until the answer is called. */
  on(listener: (news: News) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.listen(await this.store.connect());
      } catch {
        // The store has told of it.
      }
      await pauseFor(AGAIN_MS, signal);
    }
  }

  private async listen(client: pg.Client): Promise<void> {
    const { signal } = this.stopping;
    const broken = new AbortController();
    client.on('error', () => broken.abort());
    client.on('end', () => broken.abort());
    client.on('notification', ({ payload }) => this.hear(payload));
    try {
      await client.query(`select pg_advisory_lock_shared(${MEMBERS(this.store.schema)})`);
      await client.query(`listen "${channelOf(this.store.schema)}"`);
      while (!signal.aborted && !broken.signal.aborted) {
        await pauseFor(PROBE_EVERY_MS, AbortSignal.any([signal, broken.signal]));
        // One that nobody answers any more throws.
        if (!signal.aborted && !broken.signal.aborted) await client.query('select 1');
      }
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private hear(payload: string | undefined): void {
    const news = JSON.parse(payload ?? 'null') as News | null;
    if (news) for (const listener of [...this.listeners]) listener(news);
  }
}
