import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { appendEach, submissionOf, type QueueLimit } from './append-queue.js';
import { openReadOnly } from './durable.js';
import type { NewEvent, Position, RecordedEvent } from './envelope.js';
import { TouchstoneError } from './errors.js';
import type {
  Appended,
  AppendOutcome,
  AppendRequest,
  EventLog,
  ExpectedRevision,
  ReadAll,
  ReadStream,
  Subscribe,
  SubscriptionMessage,
} from './event-log.js';
import { Bell, follow, readPages } from './follow.js';
import { checkCount, checkStream, logClosed } from './log-input.js';
import { SqlitePages } from './sqlite-log.pages.js';
import { WriteQueue } from './sqlite-log.queue.js';
import { assertLayout, fromPosition, toPosition } from './sqlite-log.rows.js';

const STREAM_PAGE = 500;

/** The reading half of an event log. */
export type EventLogReader = Pick<
  EventLog,
  'readStream' | 'absent' | 'readAll' | 'subscribe' | 'head' | 'comparePositions' | 'close'
>;

/** Hears of every new head; the function it returns stops that. */
export type HeadSource = (listener: (head: Position) => void) => () => void;

export interface SqliteLogOptions {
  /** The log's file; it is created when missing, its directory is not. */
  readonly file: string;
  readonly queueLimit?: QueueLimit;
  /** Safety net of subscriptions, in milliseconds: how often they look without being woken. Default 1,000. */
  readonly pollMs?: number;
}

/** The embedded event log. */
export interface SqliteLog extends EventLog {
  readonly file: string;
  /** Calls `listener` with the head after every commit; the function it returns stops that. */
  readonly onHead: HeadSource;
  /** A port to hand to another thread's `openSqliteLogReader`: it receives the head (a position) after every commit. */
  headPort(): MessagePort;
}

/**
 * Opens (or creates) the embedded event log: one file, one writer thread with group commit, readers on the calling
 * thread. Close it before the process ends.
 * @throws LOG_NOT_DURABLE, LOG_LAYOUT_UNKNOWN, LOG_UNREADABLE (unavailable)
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const heads = new Heads();
  const queue = await WriteQueue.start(options.file, options.queueLimit ?? {}, (head) =>
    heads.publish(toPosition(head)),
  );
  try {
    return new OwnedSqliteLog(options.file, queue, heads, options.pollMs);
  } catch (error) {
    await queue.close();
    throw error;
  }
}

/**
 * Opens an existing log for reading only, in any thread or process. `wake` tells of new heads (a port from
 * `headPort()`, or a callback source); without it subscriptions look every `pollMs`.
 * @throws LOG_NOT_FOUND when there is no such log
 */
export function openSqliteLogReader(
  file: string,
  { wake, pollMs }: { wake?: MessagePort | HeadSource; pollMs?: number } = {},
): EventLogReader {
  const reader = new SqliteReader(file, pollMs ?? (wake === undefined ? 100 : 1_000));
  reader.wakeBy(wake);
  return reader;
}

class SqliteReader implements EventLogReader {
  protected readonly bell = new Bell();
  private readonly db: DatabaseSyncInstance;
  private readonly pages: SqlitePages;
  private unwake: () => void = () => undefined;

  constructor(
    readonly file: string,
    private readonly pollMs = 1_000,
  ) {
    this.db = openExisting(file);
    this.pages = new SqlitePages(this.db, this.bell);
  }

  wakeBy(wake: MessagePort | HeadSource | undefined): void {
    if (wake === undefined) return;
    const ring = () => this.bell.ring();
    if (typeof wake === 'function') {
      this.unwake = wake(ring);
      return;
    }
    wake.on('message', ring);
    // The port alone must not keep a thread alive whose work is done.
    wake.unref();
    this.unwake = () => wake.close();
  }

  async *readStream(stream: string, options: ReadStream = {}): AsyncGenerator<RecordedEvent> {
    checkStream(stream);
    checkCount('from', options.from, 0);
    checkCount('max', options.max, 0);
    const backwards = options.direction === 'backwards';
    let from = options.from ?? (backwards ? Number.MAX_SAFE_INTEGER : 0);
    let left = options.max ?? Infinity;
    while (left > 0) {
      if (this.bell.closed) throw logClosed();
      const { events, full } = this.pages.streamPage(stream, from, backwards, Math.min(left, STREAM_PAGE));
      yield* events;
      // Most streams are short: the end of one is not looked for again.
      if (!full) return;
      left -= events.length;
      from = events.at(-1)!.revision + (backwards ? -1 : 1);
      if (left > 0) await nextTurn();
    }
  }

  async absent(streams: readonly string[]): Promise<ReadonlySet<string>> {
    if (this.bell.closed) throw logClosed();
    streams.forEach(checkStream);
    return this.pages.absent(streams);
  }

  readAll(options: ReadAll = {}): AsyncGenerator<readonly RecordedEvent[]> {
    return readPages(this.pages, options);
  }

  subscribe(options: Subscribe = {}): AsyncGenerator<SubscriptionMessage> {
    return follow(this.pages, options, this.pollMs);
  }

  async head(): Promise<Position> {
    if (this.bell.closed) throw logClosed();
    return toPosition(this.pages.head());
  }

  comparePositions(a: Position, b: Position): number {
    return fromPosition(a) - fromPosition(b);
  }

  close(): Promise<void> {
    if (!this.bell.closed) {
      this.bell.close();
      this.unwake();
      this.db.close();
    }
    return Promise.resolve();
  }
}

class OwnedSqliteLog extends SqliteReader implements SqliteLog {
  readonly onHead: HeadSource;
  private closed: Promise<void> | null = null;

  constructor(
    file: string,
    private readonly queue: WriteQueue,
    private readonly heads: Heads,
    pollMs?: number,
  ) {
    super(file, pollMs);
    this.onHead = heads.listen;
    this.wakeBy(heads.listen);
  }

  headPort(): MessagePort {
    return this.heads.port();
  }

  async append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<Appended> {
    if (!this.queue.open) throw logClosed();
    const [outcome] = await this.queue.submit([submissionOf({ stream, expected, events })]);
    if (outcome!.ok) return outcome!.appended;
    throw outcome!.error;
  }

  async appendMany(requests: readonly AppendRequest[]): Promise<AppendOutcome[]> {
    return appendEach(requests, (submissions) => this.queue.submit(submissions));
  }

  override close(): Promise<void> {
    this.closed ??= this.finish();
    return this.closed;
  }

  private async finish(): Promise<void> {
    // Readers leave first, so that nothing keeps the writer from folding the WAL into the file.
    const left = super.close();
    await this.queue.close();
    await left;
    this.heads.close();
  }
}

/** Tells the head to whoever listens, in this thread and in others. */
class Heads {
  private readonly listeners = new Set<(head: Position) => void>();
  private readonly ports = new Set<MessagePort>();

  readonly listen: HeadSource = (listener) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.ports.add(port1);
    port1.once('close', () => this.ports.delete(port1));
    port1.unref();
    return port2;
  }

  publish(head: Position): void {
    for (const listener of this.listeners) listener(head);
    for (const port of this.ports) port.postMessage(head);
  }

  close(): void {
    this.listeners.clear();
    for (const port of this.ports) port.close();
  }
}

function openExisting(file: string): DatabaseSyncInstance {
  let db: DatabaseSyncInstance | undefined;
  try {
    db = openReadOnly(file);
    assertLayout(db, file);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof TouchstoneError) throw error;
    throw new TouchstoneError(
      'LOG_NOT_FOUND',
      `${file} is no event log that can be read. Open it with openSqliteLog first, or check the path.`,
      'notFound',
      { file },
      { cause: error },
    );
  }
}
