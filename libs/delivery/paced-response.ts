import type { ServerResponse } from 'node:http';
import { TouchstoneError } from '@touchstone/eventing';

/** How long a reader is given to take its last word when the server stops, in ms. */
const FAREWELL_MS = 1_000;

/**
 * An answer without an end that its reader sets the pace of: what the network does not take is waited for and never
 * piled up. A reader that takes nothing for too long is cut.
 */
export class PacedResponse {
  constructor(
    private readonly raw: ServerResponse,
    private readonly slowMs: number,
    /** Ends waiting. */
    private readonly signal: AbortSignal,
  ) {}

  /** The reader has closed the connection, or was cut. */
  get gone(): boolean {
    return this.raw.destroyed || this.raw.writableEnded;
  }

  /** Bytes that the network has not taken yet. */
  get buffered(): number {
    return this.raw.writableLength;
  }

  /** Resolves once the network can take more, or the signal aborts. @throws FEED_TOO_SLOW */
  write(what: string | Uint8Array): Promise<void> {
    if (this.gone || this.raw.write(what)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (error?: TouchstoneError) => {
        clearTimeout(timer);
        this.raw.off('drain', taken).off('close', taken);
        this.signal.removeEventListener('abort', taken);
        if (error) reject(error);
        else resolve();
      };
      const taken = () => done();
      const timer = setTimeout(() => done(tooSlow(this.slowMs)), this.slowMs);
      this.raw.once('drain', taken).once('close', taken);
      if (this.signal.aborted) return taken();
      this.signal.addEventListener('abort', taken, { once: true });
    });
  }

  /**
   * Says the last word and resolves when the connection is closed: by the reader, or here, when they do not take what is
   * left within the time of a slow reader.
   */
  finish(text: string, stopping = false): Promise<void> {
    const { raw } = this;
    if (raw.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => raw.destroy(), stopping ? Math.min(FAREWELL_MS, this.slowMs) : this.slowMs);
      raw.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      raw.end(text);
    });
  }
}

const tooSlow = (slowMs: number): TouchstoneError =>
  new TouchstoneError(
    'FEED_TOO_SLOW',
    `The reader took nothing for ${slowMs} ms (FEED_SLOW_MS) and was cut off: read faster, and read on from your position.`,
    'limit',
    { slowMs },
  );
