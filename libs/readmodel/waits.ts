import { TouchstoneError, type Position } from '@touchstone/eventing/pure';

export interface WaitOptions {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Waiter {
  readonly position: Position;
  settle(error?: Error): void;
}

/**
 * Waiting for a projection group's checkpoint. Positions are compared as text: they sort as the log does.
 * In memory only: whoever needs more than a nudge reads on from a place of its own.
 */
export class CheckpointWaits {
  private readonly waiters = new Set<Waiter>();
  private readonly followers = new Set<(position: Position) => void>();
  private closed = false;

  constructor(
    private readonly group: string,
    private reached: Position = '',
  ) {}

  /** The checkpoint as last reported; '' before the first report. */
  get checkpoint(): Position {
    return this.reached;
  }

  /** Reports a checkpoint. The same one again tells followers that rows changed without it (a parked event went in). */
  advance(position: Position): void {
    this.reached = position;
    for (const waiter of [...this.waiters]) if (waiter.position <= position) waiter.settle();
    for (const follow of [...this.followers]) follow(position);
  }

  /**
   * Resolves with the checkpoint once it has passed `position`.
   * @throws NOT_YET_PROJECTED (busy) after the time-out, or the signal's reason
   */
  waitFor(position: Position, { timeoutMs = 5_000, signal }: WaitOptions = {}): Promise<Position> {
    if (this.reached >= position) return Promise.resolve(this.reached);
    if (this.closed) return Promise.reject(notYetProjected(this.group, position, this.reached));
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.waiters.delete(waiter);
        if (error) reject(error);
        else resolve(this.reached);
      };
      const waiter: Waiter = { position, settle };
      const abort = () => settle(signal?.reason as Error);
      const timer = setTimeout(() => settle(notYetProjected(this.group, position, this.reached)), timeoutMs);
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.waiters.add(waiter);
    });
  }

  /**
   * The checkpoint as it is and each one from now on; ends with the signal or `close`. A slow consumer gets only the newest: it is a
   * nudge that carries a position, not a record of what happened.
   */
  async *onCheckpoint({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<Position, void, void> {
    let next: Position | null = this.reached || null;
    let wake = () => {};
    const follow = (position: Position) => {
      next = position;
      wake();
    };
    const abort = () => wake();
    this.followers.add(follow);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      while (!signal?.aborted && !this.closed) {
        if (next === null) await new Promise<void>((resolve) => (wake = resolve));
        if (next === null) continue;
        const position: Position = next;
        next = null;
        yield position;
      }
    } finally {
      this.followers.delete(follow);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends all waiting. */
  close(): void {
    this.closed = true;
    for (const waiter of [...this.waiters]) waiter.settle(notYetProjected(this.group, waiter.position, this.reached));
    for (const follow of [...this.followers]) follow(this.reached);
  }
}

export function notYetProjected(group: string, position: Position, checkpoint: Position): TouchstoneError {
  return new TouchstoneError(
    'NOT_YET_PROJECTED',
    `The read model "${group}" has not reached position ${position} yet; ask again, or ask without a position.`,
    'busy',
    { group, position, checkpoint },
  );
}
