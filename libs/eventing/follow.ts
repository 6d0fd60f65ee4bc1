import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Position, RecordedEvent } from './envelope.js';
import { logClosed } from './log-input.js';
import type { ReadAll, Subscribe, SubscriptionMessage } from './event-log.js';

/** Events that a filter may pass over before a subscription says how far it has come. */
export const CHECKPOINT_EVERY = 1_000;

/** A part of the log, read at once. */
export interface Page<P> {
  readonly events: readonly RecordedEvent[];
  /** Everything up to here was seen, matching or not. */
  readonly scannedTo: P;
  /** Nothing was behind `scannedTo` when the page was read. */
  readonly atEnd: boolean;
  /** Events behind the last match that the filter passed over. */
  readonly passedOver: number;
}

/** What an engine gives to be read and followed. A cursor is the engine's own form of a position. */
export interface PageSource<P> {
  /** Checks the request and gives the cursor to start from. @throws INVALID_POSITION, INVALID_READ */
  start(options: ReadAll | Subscribe): P;
  /** The next events; reading goes no further than `until` when it is given. */
  page(cursor: P, options: ReadAll | Subscribe, limit: number, until?: P): Page<P>;
  end(direction: ReadAll['direction']): P;
  position(cursor: P): Position;
  readonly bell: Bell;
}

/** Wakes waiting readers; a ring between a look and the wait is not lost, because the wait names the look. */
export class Bell {
  private rings = 0;
  private waiting = new Set<() => void>();
  private silenced = false;

  get closed(): boolean {
    return this.silenced;
  }

  look(): number {
    return this.rings;
  }

  ring(): void {
    this.rings++;
    const waiting = this.waiting;
    this.waiting = new Set();
    for (const wake of waiting) wake();
  }

  close(): void {
    this.silenced = true;
    this.ring();
  }

  /** Resolves at the next ring after `look`, when the signal aborts, or after `pollMs` as a safety net. */
  wait(look: number, pollMs: number | undefined, signal?: AbortSignal): Promise<void> {
    if (this.silenced || this.rings !== look || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.waiting.delete(wake);
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = pollMs === undefined ? undefined : setTimeout(wake, pollMs);
      signal?.addEventListener('abort', wake, { once: true });
      this.waiting.add(wake);
    });
  }
}

/** A page is read in one go on the calling thread: whatever a caller asks for, it stays short. */
const pageSize = (options: ReadAll | Subscribe): number => Math.min(options.pageSize ?? 1_000, 10_000);

/** `EventLog.readAll` over pages: as far as the log reached when reading began. */
export async function* readPages<P>(source: PageSource<P>, options: ReadAll): AsyncGenerator<readonly RecordedEvent[]> {
  if (source.bell.closed) throw logClosed();
  let cursor = source.start(options);
  const until = source.end(options.direction);
  let left = options.max ?? Infinity;
  while (left > 0) {
    if (source.bell.closed) throw logClosed();
    const page = source.page(cursor, options, Math.min(left, pageSize(options)), until);
    cursor = page.scannedTo;
    left -= page.events.length;
    if (page.events.length > 0) yield page.events;
    if (page.atEnd) return;
    // Reading is synchronous: let timers and sockets have their turn between pages.
    await nextTurn();
  }
}

/** `EventLog.subscribe` over pages: catches up, says so, then follows the bell. */
export async function* follow<P>(
  source: PageSource<P>,
  options: Subscribe,
  pollMs?: number,
): AsyncGenerator<SubscriptionMessage> {
  const { bell } = source;
  const ended = () => bell.closed || options.signal?.aborted === true;
  if (bell.closed) throw logClosed();
  let cursor = source.start(options);
  let live = false;
  let passedOver = 0;
  while (!ended()) {
    const look = bell.look();
    const page = source.page(cursor, options, pageSize(options));
    cursor = page.scannedTo;
    passedOver = page.events.length > 0 ? page.passedOver : passedOver + page.passedOver;
    if (page.events.length > 0) yield { kind: 'events', events: page.events };
    if (page.atEnd && !live) {
      live = true;
      passedOver = 0;
      if (ended()) return;
      yield { kind: 'caughtUp', position: source.position(cursor) };
    } else if (passedOver >= CHECKPOINT_EVERY) {
      passedOver = 0;
      if (ended()) return;
      yield { kind: 'checkpoint', position: source.position(cursor) };
    }
    if (page.atEnd) {
      await bell.wait(look, pollMs, options.signal);
    } else {
      live = false;
      await nextTurn();
    }
  }
}
