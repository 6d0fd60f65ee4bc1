import { TouchstoneError } from '@touchstone/eventing';

export interface GateLimits {
  /** Bytes of bodies that all requests under way may hold in memory together. */
  readonly bytes: number;
  /** Of these, only single events may have so many: streams and batches leave them room. */
  readonly reserved: number;
  /** Streams that may be open at the same time, whatever they hold. */
  readonly streams: number;
  /** How long a stream that holds something may wait for room, in ms. */
  readonly patienceMs?: number;
}

/** What a stream has in hand. */
export interface Charge {
  /** Waits for room. @throws INTAKE_BUSY when none comes: nothing of this was taken, and what came before was answered */
  take(bytes: number): Promise<void>;
  give(bytes: number): void;
}

const PATIENCE_MS = 30_000;

/**
 * Bounds what requests that are under way hold in memory together. A single event or a batch is charged for what it may
 * hold at most, and hears at once when there is no room; a stream is charged for what it has really in hand, so that one
 * that is silent takes nothing from the others.
 */
export class IntakeGate {
  private heldBytes = 0;
  private open = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly limits: GateLimits) {}

  get held(): number {
    return this.heldBytes;
  }

  /** Does the work of a request that holds up to so many bytes. @throws INTAKE_BUSY, and nothing was begun */
  async holding<T>(bytes: number, what: 'single' | 'batch', work: () => Promise<T>): Promise<T> {
    if (!this.hasRoom(bytes, what === 'single' ? 0 : this.limits.reserved)) throw busy();
    this.heldBytes += bytes;
    try {
      return await work();
    } finally {
      this.give(bytes);
    }
  }

  /** Does the work of a stream. @throws INTAKE_BUSY, and nothing was begun */
  async streaming<T>(work: (charge: Charge) => Promise<T>): Promise<T> {
    if (this.open >= this.limits.streams) throw tooManyStreams(this.limits.streams);
    this.open++;
    let own = 0;
    // What is still under way at the end may come back later; it was let go of already.
    let ended = false;
    const charge: Charge = {
      take: async (bytes) => {
        await this.room(bytes);
        if (ended) return;
        own += bytes;
        this.heldBytes += bytes;
      },
      give: (bytes) => {
        if (ended) return;
        own -= bytes;
        this.give(bytes);
      },
    };
    try {
      return await work(charge);
    } finally {
      this.open--;
      charge.give(own);
      ended = true;
    }
  }

  /** Alone a request may always come in, whatever it holds. */
  private hasRoom(bytes: number, reserved: number): boolean {
    return this.heldBytes === 0 || this.heldBytes + bytes <= this.limits.bytes - reserved;
  }

  private async room(bytes: number): Promise<void> {
    const { reserved, patienceMs = PATIENCE_MS } = this.limits;
    const until = performance.now() + patienceMs;
    while (!this.hasRoom(bytes, reserved)) {
      const left = until - performance.now();
      if (left <= 0) throw busy();
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.waiting.add(wake);
      });
    }
  }

  private give(bytes: number): void {
    this.heldBytes -= bytes;
    // Each looks again for itself.
    for (const wake of [...this.waiting]) wake();
  }
}

const busy = (): TouchstoneError =>
  new TouchstoneError(
    'INTAKE_BUSY',
    'Too many requests bring events at once; nothing was taken of what has no answer: send it again shortly, or send ' +
      'more events through fewer requests.',
    'busy',
  );

const tooManyStreams = (streams: number): TouchstoneError =>
  new TouchstoneError(
    'INTAKE_BUSY',
    `${streams} streams of events are open (INTAKE_MAX_STREAMS); nothing of this one was taken: end one, or send it again shortly.`,
    'busy',
  );
