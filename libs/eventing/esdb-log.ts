import { answering } from './answering.js';
import { setMaxListeners } from 'node:events';
import { appendEach, outcomesOf, submissionOf, type QueueLimit } from './append-queue.js';
import type { NewEvent, Position, RecordedEvent } from './envelope.js';
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
import { AppendChannel } from './esdb-append.js';
import { esdbAddress } from './esdb-address.js';
import { shareClient } from './esdb-client.js';
import { follow, type FollowParts } from './esdb-following.js';
import { BEFORE_ALL, fromPosition } from './esdb-position.js';
import { readAll } from './esdb-read-all.js';
import { EsdbHead, readStream } from './esdb-reading.js';
import { EsdbWriter } from './esdb-writer.js';
import { checkCount, checkStream, invalidPosition, logClosed } from './log-input.js';

/** The reading half of a log on EventStoreDB. */
export type EsdbLogReader = Omit<EventLog, 'append' | 'appendMany'>;

export interface EsdbLogOptions {
  /** Such as `esdb://user:password@host:2113?tls=true` or `kurrentdb://…`; several hosts, or `+discover`, for a cluster. */
  readonly url: string;
  readonly queueLimit?: QueueLimit;
  /** For how long one answer is waited for, in milliseconds, before the same is asked again. Default 5,000. */
  readonly timeoutMs?: number;
  /** For how long an append is tried before its caller hears LOG_UNAVAILABLE. Default 20,000. */
  readonly patienceMs?: number;
  /** The same for a read, which is asked again more easily. Default 10,000. */
  readonly readPatienceMs?: number;
  /** After so long without a word a subscription looks whether it misses something. Default 10,000. */
  readonly quietMs?: number;
}

/** Streams that are asked about at a time. */
const ASKED_AT_ONCE = 64;

/**
 * Opens the event log on an EventStoreDB (KurrentDB) server that tells its subscribers when they have caught up (tried: 24.2). One client in a thread: a second log on
 * the same server shares it, one on another server is refused.
 * @throws LOG_ADDRESS_INVALID, LOG_ALREADY_CONNECTED, LOG_UNAVAILABLE when no server answers within `readPatienceMs`,
 * LOG_ACCESS_DENIED
 */
export async function openEsdbLog(options: EsdbLogOptions): Promise<EventLog> {
  return answering(new EsdbLog(options));
}

/** Opens the log for reading only, in any thread: a thread has a client of its own. */
export const openEsdbLogReader = (options: EsdbLogOptions): EsdbLogReader => new EsdbReader(options);

/** The reading half; what appends builds on it. */
export class EsdbReader implements EsdbLogReader {
  protected readonly closing = new AbortController();
  protected readonly parts: FollowParts;
  protected readonly connection: ReturnType<typeof shareClient>;

  constructor({ url, timeoutMs = 5_000, readPatienceMs = 10_000, quietMs = 10_000 }: EsdbLogOptions) {
    // Every read listens for the end of the log.
    setMaxListeners(0, this.closing.signal);
    this.connection = shareClient(esdbAddress(url));
    const { client } = this.connection;
    const waiting = { silenceMs: timeoutMs, patienceMs: readPatienceMs, quietMs };
    const parts = { client, ...waiting, closing: this.closing.signal };
    this.parts = { ...parts, head: new EsdbHead(parts) };
  }

  async *readStream(stream: string, options: ReadStream = {}): AsyncGenerator<RecordedEvent> {
    checkStream(stream);
    checkCount('from', options.from, 0);
    checkCount('max', options.max, 0);
    this.assertOpen();
    for await (const event of readStream(this.parts, stream, options)) {
      this.parts.head.saw(event.position);
      yield event;
    }
  }

  async absent(streams: readonly string[]): Promise<ReadonlySet<string>> {
    this.assertOpen();
    streams.forEach(checkStream);
    const absent = new Set(streams);
    const left = absent.values();
    const asker = async () => {
      for (const stream of left) {
        for await (const event of readStream(this.parts, stream, { max: 1 })) absent.delete(event.stream);
      }
    };
    await Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, absent.size) }, asker));
    return absent;
  }

  async *readAll(options: ReadAll = {}): AsyncGenerator<readonly RecordedEvent[]> {
    checkCount('max', options.max, 0);
    checkCount('pageSize', options.pageSize, 1);
    this.assertOpen();
    await this.assertPosition(options.after);
    yield* readAll(this.parts, options);
  }

  async *subscribe(options: Subscribe = {}): AsyncGenerator<SubscriptionMessage> {
    checkCount('pageSize', options.pageSize, 1);
    this.assertOpen();
    if (options.signal?.aborted) return;
    await this.assertPosition(options.after);
    yield* follow(this.parts, options, options.after ?? BEFORE_ALL);
  }

  async head(): Promise<Position> {
    this.assertOpen();
    return this.parts.head.read();
  }

  comparePositions(a: Position, b: Position): number {
    fromPosition(a);
    fromPosition(b);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.connection.release();
  }

  protected assertOpen(): void {
    if (this.closing.signal.aborted) throw logClosed();
  }

  /** @throws INVALID_POSITION */
  private async assertPosition(after: Position | undefined): Promise<void> {
    if (after === undefined) return;
    fromPosition(after);
    const { head } = this.parts;
    if (after <= head.seen || after <= (await head.read())) return;
    throw invalidPosition(after, 'lies beyond the end of this log');
  }
}

class EsdbLog extends EsdbReader implements EventLog {
  private readonly channel: AppendChannel;
  private readonly writer: EsdbWriter;
  private closed: Promise<void> | null = null;

  constructor(options: EsdbLogOptions) {
    super(options);
    const { client, silenceMs } = this.parts;
    const { patienceMs = 20_000 } = options;
    this.channel = new AppendChannel(client, silenceMs);
    // What was taken is finished after the readers have left.
    const tail = { ...this.parts, closing: new AbortController().signal };
    const newest = (stream: string) => readStream(tail, stream, { direction: 'backwards' });
    this.writer = new EsdbWriter(
      this.channel,
      { newest },
      {
        limit: options.queueLimit ?? {},
        patienceMs,
        pulse: client.pulse,
      },
    );
  }

  async append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<Appended> {
    if (!this.writer.open) throw logClosed();
    return this.seen(this.writer.submit([submissionOf({ stream, expected, events })])[0]!);
  }

  /** Each stream is its own transaction: the engine has none over several. */
  async appendMany(requests: readonly AppendRequest[]): Promise<AppendOutcome[]> {
    return appendEach(requests, (submissions) =>
      outcomesOf(this.writer.submit(submissions).map((one) => this.seen(one))),
    );
  }

  override close(): Promise<void> {
    this.closed ??= this.finish();
    return this.closed;
  }

  private async seen(append: Promise<Appended>): Promise<Appended> {
    const appended = await append;
    this.parts.head.saw(appended.position);
    return appended;
  }

  private async finish(): Promise<void> {
    this.closing.abort();
    await this.writer.close();
    await this.channel.close();
    await super.close();
  }
}
