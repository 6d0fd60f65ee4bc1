import { TouchstoneError } from '@touchstone/eventing';
import type { Charge } from './intake-gate.js';

/** What is known of a stream while it is read: its bytes in memory, and its lines that have no answer yet. */
export interface Hand extends Charge {
  /** Lines that are being taken. */
  began(lines: number): void;
}

/** A hand that nobody watches. */
export const FREE_HAND: Hand = { take: () => Promise.resolve(), give: () => undefined, began: () => undefined };

/**
 * The hand of a stream that ends when its client is silent: it waits for bytes, owes no answer, and nothing has come for
 * so many ms. A stream whose client has gone without a word would be kept for ever else.
 */
export class WatchedHand implements Hand {
  private owed = 0;
  private isWaiting = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly charge: Charge,
    private readonly idleMs: number,
    private readonly onIdle: (error: TouchstoneError) => void,
  ) {}

  take(bytes: number): Promise<void> {
    return this.charge.take(bytes);
  }

  give(bytes: number): void {
    this.charge.give(bytes);
  }

  began(lines: number): void {
    this.owed += lines;
    this.arm();
  }

  /** The client has these answers, or the socket has. */
  answered(lines: number): void {
    this.owed -= lines;
    this.arm();
  }

  /** The same bytes, watched. */
  async *watched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.waits(true);
    try {
      for await (const bytes of source) {
        this.waits(false);
        yield bytes;
        this.waits(true);
      }
    } finally {
      this.end();
    }
  }

  end(): void {
    this.waits(false);
  }

  private waits(isWaiting: boolean): void {
    this.isWaiting = isWaiting;
    this.arm();
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (!this.isWaiting || this.owed > 0) return;
    this.timer = setTimeout(() => this.onIdle(idle(this.idleMs)), this.idleMs);
  }
}

const idle = (ms: number): TouchstoneError =>
  new TouchstoneError(
    'CLIENT_IDLE',
    `Nothing came for ${ms} ms (INTAKE_IDLE_MS), so the request is ended; what was answered is taken: send the rest in another one, ` +
      'and an empty line now and then where events are rare.',
    'refused',
  );
