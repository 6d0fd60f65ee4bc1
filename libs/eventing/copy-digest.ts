import { createHash } from 'node:crypto';
import type { RecordedEvent } from './envelope.js';

/** What two logs have in common when they are equal. */
export interface LogDigest {
  readonly events: number;
  /** SHA-256, in hexadecimal, over all events in the order of the log. */
  readonly ordered: string;
  /** The same for any order across streams: of each event its stream, its revision and all it says. */
  readonly byStream: string;
}

/** All of an event but its position, as text: equal events give equal texts on either engine. */
export const textOf = (event: RecordedEvent): string =>
  JSON.stringify([
    event.id,
    event.stream,
    event.revision,
    event.type,
    event.schemaVersion,
    event.occurredAt,
    event.recordedAt,
    event.data,
    event.metadata,
  ]);

const BITS = 256n;

/** Digests a log event by event. */
export class Digesting {
  private readonly ordered = createHash('sha256');
  /** Sums do not mind the order, and a revision says the order within its stream. */
  private sum = 0n;
  private count = 0;

  add(text: string): void {
    const hash = createHash('sha256').update(text).digest();
    this.ordered.update(hash);
    this.sum = (this.sum + BigInt(`0x${hash.toString('hex')}`)) % (1n << BITS);
    this.count++;
  }

  get events(): number {
    return this.count;
  }

  done(): LogDigest {
    const byStream = this.sum.toString(16).padStart(Number(BITS / 4n), '0');
    return { events: this.count, ordered: this.ordered.digest('hex'), byStream };
  }
}
