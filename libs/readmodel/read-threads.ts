import { Worker, type ResourceLimits } from 'node:worker_threads';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { queryCancelled, queryTimeout } from './inline-reads.js';
import { CANCEL, type FromReader, type LocateJob, type ReadStart, type RunJob, type ToReader } from './read-worker.js';
import { fromWire, messageOf } from './runner-status.js';

export interface JobLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ReadThreadsOptions {
  readonly worker: URL;
  readonly directory: string;
  readonly threads: number;
  readonly maxQueued: number;
  /** What queries of all threads together may keep from one read to the next. */
  readonly memoryBytes: number;
}

export interface ReadLoad {
  /** Reads that wait for a thread. */
  readonly waiting: number;
  /** Threads at work, those included that were given up on. */
  readonly busy: number;
  readonly threads: number;
}

interface Job {
  readonly serial: number;
  readonly job: RunJob | LocateJob;
  readonly settle: (error: Error | null, value?: unknown) => void;
}

/** Where a thread is: not ready yet, without work, at work, or given up on (its work goes on without anybody). */
type ThreadState = 'starting' | 'idle' | 'working' | 'overdue';

interface Thread {
  readonly worker: Worker;
  readonly flags: Int32Array;
  state: ThreadState;
  job: Job | null;
}

/**
 * Memory of a reader thread. A read makes many rows that are all needed until its end, and then garbage at once: in the
 * usual young generation they would be copied again and again before.
 */
const READER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 96 };

/** How long a job that was told to end may keep its thread before another one takes the thread's place. */
const OVERDUE_MS = 1_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** Threads that died one after the other, without an answer in between, before waiting callers are told. */
const HOPELESS = 3;

/**
 * A fixed number of reader threads with one queue. A job that is told to end answers its caller at once. SQLite cannot
 * be interrupted inside one statement, and a thread inside it must not be terminated (that aborts the process): such a
 * thread is replaced and asked to close when it comes back.
 */
export class ReadThreads {
  private readonly threads = new Set<Thread>();
  private readonly queue: Job[] = [];
  private readonly exits = new Set<Promise<void>>();
  private readonly restarts = new Set<NodeJS.Timeout>();
  private serial = 0;
  private deaths = 0;
  private closing: Promise<void> | null = null;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly options: ReadThreadsOptions) {
    for (let i = 0; i < options.threads; i++) this.launch();
  }

  /** @throws READ_BUSY, QUERY_TIMEOUT, QUERY_CANCELLED, READ_WORKER_DIED, READS_CLOSED, and what the job throws */
  run<T>(job: RunJob | LocateJob, { timeoutMs, signal }: JobLimits): Promise<T> {
    if (this.closing) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(queryCancelled());
    const mustWait = ![...this.threads].some((thread) => thread.state === 'idle');
    if (mustWait && this.queue.length >= this.options.maxQueued) return Promise.reject(busyError(this.queue.length));
    // A serial is a 32-bit integer and never 0, which stands for "none".
    const serial = (this.serial = (this.serial % 0x7ffffffe) + 1);
    return new Promise<T>((resolve, reject) => {
      const settle = (error: Error | null, value?: unknown) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (error) reject(error);
        else resolve(value as T);
      };
      const timer = setTimeout(() => this.end(serial, queryTimeout(timeoutMs)), timeoutMs);
      const abort = () => this.end(serial, queryCancelled());
      signal?.addEventListener('abort', abort, { once: true });
      this.queue.push({ serial, job, settle });
      this.dispatch();
    });
  }

  get load(): ReadLoad {
    const busy = [...this.threads].filter(({ job }) => job !== null).length;
    return { waiting: this.queue.length, busy, threads: this.threads.size };
  }

  /** Finishes what runs, refuses what waits, ends the threads. */
  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    for (const timer of this.restarts) clearTimeout(timer);
    for (const job of this.queue.splice(0)) job.settle(closedError());
    while ([...this.threads].some((thread) => thread.job !== null)) {
      await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
    }
    for (const thread of this.threads) this.send(thread, { serial: 'stop' });
    while (this.exits.size > 0) await Promise.all(this.exits);
  }

  private dispatch(): void {
    for (const thread of this.threads) {
      if (thread.state !== 'idle') continue;
      const job = this.queue.shift();
      if (!job) return;
      thread.job = job;
      thread.state = 'working';
      try {
        this.send(thread, { serial: job.serial, job: job.job });
      } catch (error) {
        // Parameters that cannot be cloned: the thread never saw them.
        this.free(thread);
        const text = `A query's parameters must be plain data: ${messageOf(error)}.`;
        job.settle(new TouchstoneError('QUERY_FAILED', text, 'internal'));
      }
    }
  }

  /** Ends a job early, wherever it is; the caller does not wait for the thread to notice. */
  private end(serial: number, error: TouchstoneError): void {
    const queued = this.queue.findIndex((job) => job.serial === serial);
    if (queued >= 0) return this.queue.splice(queued, 1)[0]!.settle(error);
    const thread = [...this.threads].find(({ job }) => job?.serial === serial);
    if (!thread) return;
    Atomics.store(thread.flags, 1, error.code === 'QUERY_TIMEOUT' ? CANCEL.timeout : CANCEL.givenUp);
    Atomics.store(thread.flags, 0, serial);
    thread.job!.settle(error);
    const timer = setTimeout(() => this.replaceOverdue(thread, serial), OVERDUE_MS);
    timer.unref();
  }

  private replaceOverdue(thread: Thread, serial: number): void {
    if (this.closing || thread.job?.serial !== serial || thread.state === 'overdue') return;
    const overdue = [...this.threads].filter(({ state }) => state === 'overdue').length;
    // Not without end: with as many lost as there are places, the machine is busy enough.
    if (overdue >= this.options.threads) return;
    thread.state = 'overdue';
    this.launch();
  }

  private launch(): void {
    const flags = new SharedArrayBuffer(8);
    const { directory, memoryBytes, threads } = this.options;
    const workerData: ReadStart = { directory, flags, memoryBytes: Math.floor(memoryBytes / threads) };
    const worker = new Worker(this.options.worker, { workerData, resourceLimits: READER_LIMITS });
    const thread: Thread = { worker, flags: new Int32Array(flags), state: 'starting', job: null };
    let reason = 'it ended by itself';
    worker.on('message', (message: FromReader) => this.hear(thread, message));
    worker.on('error', (error) => (reason = messageOf(error)));
    const exit = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        this.bury(thread, reason);
        resolve();
      });
    });
    this.exits.add(exit);
    void exit.then(() => this.exits.delete(exit));
    this.threads.add(thread);
  }

  private hear(thread: Thread, message: FromReader): void {
    if (message.serial !== 'ready') {
      const { job } = thread;
      this.deaths = 0;
      if (message.error) job?.settle(fromWire(message.error));
      else job?.settle(null, message.value);
    }
    if (thread.state === 'overdue') {
      this.threads.delete(thread);
      this.send(thread, { serial: 'stop' });
    }
    this.free(thread);
    this.dispatch();
  }

  private free(thread: Thread): void {
    thread.job = null;
    if (thread.state !== 'overdue') thread.state = 'idle';
    for (const wake of this.idleWaiters.splice(0)) wake();
  }

  private bury(thread: Thread, reason: string): void {
    const wasNeeded = this.threads.delete(thread) && thread.state !== 'overdue';
    thread.job?.settle(diedError(reason));
    this.free(thread);
    if (this.closing || !wasNeeded) return;
    this.deaths++;
    const others = [...this.threads].some(({ state }) => state === 'idle' || state === 'working');
    if (this.deaths >= HOPELESS && !others) for (const job of this.queue.splice(0)) job.settle(diedError(reason));
    const timer = setTimeout(
      () => {
        this.restarts.delete(timer);
        this.launch();
      },
      Math.min(FIRST_PAUSE_MS * 2 ** (this.deaths - 1), LONGEST_PAUSE_MS),
    );
    this.restarts.add(timer);
  }

  private send(thread: Thread, message: ToReader): void {
    thread.worker.postMessage(message);
  }
}

const busyError = (queued: number) =>
  new TouchstoneError('READ_BUSY', `${queued} reads wait already; ask again in a moment.`, 'busy', { queued });

const diedError = (reason: string) =>
  new TouchstoneError(
    'READ_WORKER_DIED',
    `The reader thread died (${reason}) and is replaced; ask again.`,
    'unavailable',
  );

const closedError = () =>
  new TouchstoneError('READS_CLOSED', 'Reading has been closed; the server is stopping.', 'unavailable');
