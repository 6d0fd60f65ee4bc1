import { Worker } from 'node:worker_threads';
import { QueueRoom, type Held, type QueueLimit, type Submission } from './append-queue.js';
import { TouchstoneError } from './errors.js';
import type { AppendOutcome } from './event-log.js';
import { duplicateEventId, logClosed, wrongRevision } from './log-input.js';
import { toPosition } from './sqlite-log.rows.js';
import {
  addRequest,
  emptyBatch,
  type FromWriter,
  type ToWriter,
  type WriteAnswer,
  type WriteFailure,
} from './sqlite-log.wire.js';

/** Messages on their way to the writer: one being written while the next one is already there. */
const IN_FLIGHT = 2;
/** A transaction stays short, so that small appends do not wait long behind a bulk load. */
const BATCH_EVENTS = 2_000;
const BATCH_BYTES = 8_000_000;

/** What was submitted together is answered together: a promise for each of thousands costs more than it says. */
interface Group {
  readonly outcomes: AppendOutcome[];
  left: number;
  readonly resolve: (outcomes: AppendOutcome[]) => void;
}

interface Waiting extends Submission {
  readonly held: Held;
  readonly group: Group;
  /** Its place in the group. */
  readonly index: number;
}

/** The calling thread's side of the writer thread: collects the requests of one turn, bounds what waits, answers. */
export class WriteQueue {
  private waiting: Waiting[] = [];
  private readonly inFlight: Waiting[][] = [];
  private readonly room: QueueRoom;
  private scheduled = false;
  private closing: Promise<void> | null = null;
  private broken: TouchstoneError | null = null;
  private readonly ended: Promise<void>;

  private constructor(
    private readonly worker: Worker,
    limit: QueueLimit,
    private readonly onHead: (head: number) => void,
  ) {
    this.room = new QueueRoom(limit);
    this.ended = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.fail(new Error(`the writer thread ended with code ${code}`));
        resolve();
      });
    });
    worker.on('error', (error) => this.fail(error));
    worker.on('message', (message: FromWriter) => {
      if (message.kind === 'written') this.answered(message);
    });
  }

  /** Starts the writer thread; resolves when the log is open. @throws LOG_UNREADABLE, LOG_NOT_DURABLE, LOG_LAYOUT_UNKNOWN */
  static async start(file: string, limit: QueueLimit, onHead: (head: number) => void): Promise<WriteQueue> {
    // No flags of the process: some (--input-type) keep a thread from starting, and it needs none.
    const worker = new Worker(workerUrl(), { workerData: { file }, execArgv: [] });
    const queue = new WriteQueue(worker, limit, onHead);
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error(`The writer thread of ${file} ended before it was ready.`)));
      worker.once('message', (message: FromWriter) => {
        if (message.kind === 'refused') reject(new TouchstoneError(message.code, message.message, 'unavailable'));
        else resolve();
      });
    });
    return queue;
  }

  get open(): boolean {
    return this.closing === null;
  }

  /** Takes all submissions or none; one answer each, in order, once all have theirs. @throws LOG_BUSY, LOG_CLOSED, LOG_WRITE_FAILED */
  submit(submissions: readonly Submission[]): Promise<AppendOutcome[]> {
    if (this.closing !== null) throw logClosed();
    if (this.broken !== null) throw this.broken;
    if (submissions.length === 0) return Promise.resolve([]);
    const held = this.room.take(submissions);
    return new Promise((resolve) => {
      const left = submissions.length;
      const group: Group = { outcomes: new Array<AppendOutcome>(left), left, resolve };
      submissions.forEach(({ stream, expected, events }, index) =>
        this.enqueue({ stream, expected, events, held: held[index]!, group, index }),
      );
    });
  }

  /** Finishes what was accepted; resolves when the writer thread is gone. */
  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    while (this.waiting.length > 0 && this.broken === null) this.send();
    this.post({ kind: 'close' });
    await this.ended;
  }

  private enqueue(request: Waiting): void {
    this.waiting.push(request);
    if (this.scheduled || this.inFlight.length >= IN_FLIGHT) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.fill();
    });
  }

  private fill(): void {
    while (this.waiting.length > 0 && this.inFlight.length < IN_FLIGHT) this.send();
  }

  /** Sends the next part of what waits, whole requests only. */
  private send(): void {
    const batch = emptyBatch();
    let events = 0;
    let bytes = 0;
    let taken = 0;
    while (taken < this.waiting.length) {
      const next = this.waiting[taken]!;
      if (taken > 0 && (events + next.events.length > BATCH_EVENTS || bytes + next.held.bytes > BATCH_BYTES)) break;
      addRequest(batch, next.stream, next.expected, next.events);
      events += next.events.length;
      bytes += next.held.bytes;
      taken++;
    }
    this.inFlight.push(this.waiting.slice(0, taken));
    this.waiting = taken === this.waiting.length ? [] : this.waiting.slice(taken);
    this.post(batch);
  }

  private post(message: ToWriter): void {
    this.worker.postMessage(message);
  }

  private answered(answer: WriteAnswer): void {
    const requests = this.inFlight.shift()!;
    for (const { held } of requests) this.room.give(held);
    const failed = new Map(answer.failures.map((f) => [f.request, f]));
    requests.forEach((request, i) => {
      const failure = failed.get(i);
      if (failure !== undefined) settle(request, { ok: false, error: errorOf(request, failure) });
      else {
        const appended = { revision: answer.revisions[i]!, position: toPosition(answer.positions[i]!) };
        settle(request, { ok: true, appended });
      }
    });
    if (answer.head > 0) this.onHead(answer.head);
    this.fill();
  }

  private fail(cause: Error): void {
    this.broken ??= writeFailed(cause.message, cause);
    const lost = [...this.inFlight.splice(0).flat(), ...this.waiting.splice(0)];
    for (const request of lost) {
      this.room.give(request.held);
      settle(request, { ok: false, error: this.broken });
    }
  }
}

function settle({ group, index }: Waiting, outcome: AppendOutcome): void {
  group.outcomes[index] = outcome;
  if (--group.left === 0) group.resolve(group.outcomes);
}

const writeFailed = (why: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'LOG_WRITE_FAILED',
    `The event log could not write: ${why}. Check disk space and the file, then repeat the append with the same ids and expectation.`,
    'unavailable',
    undefined,
    { cause },
  );

function errorOf({ stream, expected }: Waiting, failure: WriteFailure): Error {
  switch (failure.reason) {
    case 'revision':
      return wrongRevision(stream, expected, failure.actual, failure.why);
    case 'duplicate':
      return duplicateEventId(stream, failure.id);
    case 'busy':
      return new TouchstoneError(
        'LOG_BUSY',
        `Another process holds the write lock of the log (${failure.message}). Nothing of this append was taken; retry shortly.`,
        'busy',
      );
    case 'failed':
      return writeFailed(failure.message);
  }
}

/** Workers run compiled: under a test runner that loads the sources, the build beside them has the thread's file. */
function workerUrl(): URL {
  const inSources = import.meta.url.endsWith('.ts');
  return new URL(inSources ? './dist/sqlite-log.worker.js' : './sqlite-log.worker.js', import.meta.url);
}
