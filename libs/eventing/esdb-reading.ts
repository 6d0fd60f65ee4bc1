import type { Position, RecordedEvent } from './envelope.js';
import type { ReadStream } from './event-log.js';
import type { EsdbClient } from './esdb-client.js';
import { foreignEvent, recordedFrom } from './esdb-envelope.js';
import { isPassing, translated, unavailable } from './esdb-errors.js';
import { BEFORE_ALL, toPosition } from './esdb-position.js';
import { logClosed } from './log-input.js';

/** What reading needs. */
export interface ReadParts {
  readonly client: EsdbClient;
  /** A read on which nothing arrives for so long is taken up again where it was. */
  readonly silenceMs: number;
  /** For so long what fails is tried again. */
  readonly patienceMs: number;
  /** Ends whatever is being read with LOG_CLOSED. */
  readonly closing: AbortSignal;
}

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;
/** One turn of the event loop for each event would cost more than the event. */
const AT_A_TIME = 256;
/** Events looked at for the head: the newest ones may be the server's own. */
const HEAD_PAGE = 16;
const HEAD_PAGE_MOST = 4_096;

/** How a stream of the client is waited for. */
export interface Waiting {
  readonly silenceMs: number;
  /** Ends the reading with LOG_CLOSED. */
  readonly closing: AbortSignal;
  /** Nothing came for `silenceMs`: is that a fault? Default: yes. */
  readonly isFault?: () => Promise<boolean>;
}

/** What the client's reads and subscriptions have in common. */
export interface ClientStream<T> extends AsyncIterable<T> {
  readonly destroyed: boolean;
  iterator(options: { destroyOnReturn: boolean }): AsyncIterableIterator<unknown>;
  read(): unknown;
  resume(): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  destroy(error?: Error): unknown;
  cancel(): Promise<void>;
}

/**
 * What a stream of the client brings, as much at a time as has come. The stream is let go however the reading ends, and nothing
 * that it says afterwards can hurt anybody. A consumer may take as long as it likes: only waiting for the server counts
 * as silence.
 */
export async function* items<T>(stream: ClientStream<T>, waiting: Waiting): AsyncGenerator<readonly T[]> {
  const { silenceMs, closing, isFault = () => Promise.resolve(true) } = waiting;
  let isWaiting = true;
  const close = () => void stream.destroy(logClosed());
  const giveUp = () => void stream.destroy(unavailable('reading', `nothing came for ${silenceMs} ms`));
  const silence = setTimeout(() => {
    if (!isWaiting) return void silence.refresh();
    isFault().then((fault) => (fault ? giveUp() : void (stream.destroyed || silence.refresh())), giveUp);
  }, silenceMs);
  stream.on('error', () => undefined);
  closing.addEventListener('abort', close, { once: true });
  try {
    if (closing.aborted) throw logClosed();
    for await (const first of stream.iterator({ destroyOnReturn: false })) {
      isWaiting = false;
      const come = [first];
      while (come.length < AT_A_TIME) {
        const item = stream.read();
        if (item === null) break;
        come.push(item);
      }
      yield come as T[];
      if (closing.aborted) throw logClosed();
      isWaiting = true;
      silence.refresh();
    }
  } finally {
    clearTimeout(silence);
    closing.removeEventListener('abort', close);
    // The client lets go of a call only when it is cancelled in time, or read to its end.
    stream.cancel().catch(() => undefined);
    stream.resume();
  }
}

/**
 * Reads through failures: `read` is started again and goes on where it was, until it comes to its end, or nothing more
 * has come for `patienceMs`.
 */
export async function* persistently<T>(
  read: () => AsyncIterable<T>,
  doing: string,
  { client, patienceMs, closing }: ReadParts,
): AsyncGenerator<T> {
  let failingSince: number | null = null;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      for await (const item of read()) {
        failingSince = null;
        pause = FIRST_PAUSE_MS;
        client.pulse.beat();
        yield item;
      }
      return;
    } catch (error) {
      const fault = translated(error, doing);
      failingSince ??= performance.now();
      if (!isPassing(fault) || performance.now() + pause - failingSince > patienceMs) throw fault;
    }
    await client.pulse.pause(pause, closing);
    if (closing.aborted) throw logClosed();
  }
}

/** The events of a stream, from one end or from a revision. */
export function readStream(
  parts: ReadParts,
  stream: string,
  { from, direction = 'forwards', max = Infinity }: ReadStream = {},
): AsyncGenerator<RecordedEvent> {
  const step = direction === 'backwards' ? -1 : 1;
  let next = from === undefined ? null : BigInt(from);
  let left = max;
  return persistently(
    async function* () {
      if (left <= 0 || (next !== null && next < 0n)) return;
      const fromRevision = next ?? (step < 0 ? 'end' : 'start');
      const maxCount = left === Infinity ? undefined : left;
      const reading = parts.client.readStream(stream, { fromRevision, direction, ...(maxCount && { maxCount }) });
      try {
        for await (const come of items(reading, parts)) {
          for (const resolved of come) {
            const event = recordedFrom(resolved);
            if (event === null) throw foreignEvent(stream, resolved.event?.revision ?? -1n);
            next = BigInt(event.revision + step);
            left--;
            yield event;
          }
        }
      } catch (error) {
        if ((error as { type?: string }).type !== 'stream-not-found') throw error;
      }
    },
    `reading ${stream}`,
    parts,
  );
}

/** Knows where the log ends, as far as events of ours go. */
export class EsdbHead {
  /** Up to here the log was looked through, and the last event of ours in it. */
  private known = { end: BEFORE_ALL, head: BEFORE_ALL };

  constructor(private readonly parts: ReadParts) {}

  /** An event of ours stands here. */
  saw(position: Position): void {
    if (position > this.known.head) this.known.head = position;
    if (position > this.known.end) this.known.end = position;
  }

  /** The furthest event that was ever seen here: cheap, and never beyond the head. */
  get seen(): Position {
    return this.known.head;
  }

  async read(): Promise<Position> {
    const found = persistently(() => this.lookBack(), 'looking for the head of the log', this.parts);
    for await (const head of found) this.saw(head);
    return this.known.head;
  }

  /** Backwards from the end, past the server's own events, as far as somebody has looked before. */
  private async *lookBack(): AsyncGenerator<Position> {
    const { end: until } = this.known;
    let fromPosition: Parameters<EsdbClient['readAll']>[0]['fromPosition'] = 'end';
    let end: Position | null = null;
    for (let maxCount = HEAD_PAGE; ; maxCount = Math.min(4 * maxCount, HEAD_PAGE_MOST)) {
      const reading = this.parts.client.readAll({ fromPosition, direction: 'backwards', maxCount });
      let count = 0;
      for await (const come of items(reading, this.parts)) {
        for (const resolved of come) {
          const place = resolved.event?.position;
          if (place === undefined) continue;
          count++;
          fromPosition = place;
          const position = toPosition(place);
          end ??= position;
          if (position > until && recordedFrom(resolved) === null) continue;
          if (position > until) yield position;
          return this.lookedTo(end);
        }
      }
      if (count === 0) return this.lookedTo(end ?? until);
    }
  }

  private lookedTo(end: Position): void {
    if (end > this.known.end) this.known.end = end;
  }
}
