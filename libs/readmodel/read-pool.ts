import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import { resolveAsOf, type AsOfLog } from './as-of.js';
import type { Located, Sought } from './generation-reader.js';
import { pauseFor } from './pause.js';
import type { ReadQuery } from './query.js';
import { ReadThreads, type JobLimits, type ReadLoad } from './read-threads.js';
import type { RunJob } from './read-worker.js';
import type { ReadAnswer, ReadOptions, Reads } from './reads.js';
import { notYetProjected, type WaitOptions } from './waits.js';

export interface ReadPoolOptions {
  /** The plain entry file that calls `runReadWorker`. */
  readonly worker: URL;
  /** The directory of read models. */
  readonly directory: string;
  /** For questions about the past: the exact place of a moment is found in the log. */
  readonly log: AsOfLog;
  /** Waits for a group's checkpoint, such as `host.waitFor`; without it the pool looks every few milliseconds. */
  readonly waitFor?: (group: string, position: Position, options: WaitOptions) => Promise<unknown>;
  /** ISO 8601 UTC; default the system's clock. */
  readonly now?: () => string;
  /** Default 2. */
  readonly threads?: number;
  /** Reads that wait for a free thread, at most; default 256. */
  readonly maxQueued?: number;
  /** What queries of all threads together may keep from one read to the next; default 200 MB. */
  readonly memoryBytes?: number;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

/** What is left of a caller's time and patience. */
interface Patience extends JobLimits {
  readonly until: number;
}

const LOOK_EVERY_MS = 10;
/** How long a read waits for a read model that has not been set up yet. */
const SET_UP_MS = 2_000;

/**
 * Runs queries in reader threads: each in one read transaction of the generation that answers at that moment, with a
 * time limit and cancellation. The calling thread opens no read model.
 */
export class ReadPool implements Reads {
  private readonly threads: ReadThreads;

  constructor(private readonly options: ReadPoolOptions) {
    const { worker, directory, threads = 2, maxQueued = 256, memoryBytes = 200e6 } = options;
    this.threads = new ReadThreads({ worker, directory, threads, maxQueued, memoryBytes });
  }

  async run<P, R>(query: ReadQuery<P, R>, params: P, options: ReadOptions = {}): Promise<ReadAnswer<R>> {
    const timeoutMs = options.timeoutMs ?? this.options.timeoutMs ?? 10_000;
    const patience: Patience = { timeoutMs, until: performance.now() + timeoutMs, signal: options.signal };
    const { group, name } = query;
    const { atLeast } = options;
    if (atLeast !== undefined) {
      this.options.log.comparePositions(atLeast, atLeast);
      await this.waitFor(group, atLeast, patience);
    }
    const asOf =
      options.asOf &&
      (await resolveAsOf(options.asOf, {
        log: this.options.log,
        locate: (sought) => this.locate(group, sought, patience),
        waitFor: (position) => this.waitFor(group, position, patience),
      }));
    const now = options.now ?? this.options.now?.() ?? new Date().toISOString();
    const job = { kind: 'run', query: name, params, asOf, atLeast, now, timeoutMs } satisfies RunJob;
    return this.whenReady(patience, async () => {
      const start = performance.now();
      try {
        return await this.threads.run<ReadAnswer<R>>(job, left(patience));
      } finally {
        options.onRun?.(performance.now() - start);
      }
    });
  }

  /** How much there is to do at this moment. */
  get load(): ReadLoad {
    return this.threads.load;
  }

  close(): Promise<void> {
    return this.threads.close();
  }

  private locate(group: string, sought: Sought, patience: Patience): Promise<Located> {
    return this.whenReady(patience, () => this.threads.run<Located>({ kind: 'locate', group, sought }, left(patience)));
  }

  private async waitFor(group: string, position: Position, patience: Patience): Promise<void> {
    const { waitFor } = this.options;
    if (waitFor) return void (await waitFor(group, position, left(patience)));
    for (let reached = ''; ;) {
      // A look that takes longer than there is time has seen what the one before it saw.
      const located = await this.locate(group, { position }, patience).catch((error: unknown) => {
        if (reached !== '' && (error as TouchstoneError).code === 'QUERY_TIMEOUT') return null;
        throw error;
      });
      reached = located?.checkpoint.position ?? reached;
      if (reached >= position) return;
      if (!located || performance.now() + LOOK_EVERY_MS >= patience.until) {
        throw notYetProjected(group, position, reached);
      }
      await pauseFor(LOOK_EVERY_MS, patience.signal ?? new AbortController().signal);
      patience.signal?.throwIfAborted();
    }
  }

  /** A server that has only just started has its read models in a moment. */
  private async whenReady<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
    const until = Math.min(patience.until, performance.now() + SET_UP_MS) - LOOK_EVERY_MS;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const isEarly = error instanceof TouchstoneError && error.code === 'READ_MODEL_NOT_READY';
        if (!isEarly || performance.now() > until) throw error;
        await pauseFor(LOOK_EVERY_MS, patience.signal ?? new AbortController().signal);
      }
    }
  }
}

const left = ({ until, signal }: Patience): JobLimits => ({
  timeoutMs: Math.max(1, Math.ceil(until - performance.now())),
  signal,
});
