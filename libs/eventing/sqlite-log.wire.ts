import type { ExpectedRevision } from './event-log.js';
import type { PreparedEvent } from './log-input.js';

/**
 * What the calling thread and the writer thread say to each other. Requests travel as columns: a few flat arrays of
 * strings are several times cheaper to copy between threads than an object per event.
 */
export interface WriteBatch {
  readonly kind: 'write';
  readonly streams: string[];
  readonly expected: ExpectedRevision[];
  /** Events of each request; they follow one another in the columns below. */
  readonly counts: number[];
  /** `EVENT_FIELDS` values per event, one event after the other. */
  readonly values: (string | number)[];
}

/** Per event: id, type, schemaVersion, occurredAt, recordedAt, data, metadata. */
export const EVENT_FIELDS = 7;

export type ToWriter = WriteBatch | { readonly kind: 'close' };

/** Why a request failed; the calling thread makes the error of it. */
export type WriteFailure =
  | { readonly request: number; readonly reason: 'revision'; readonly actual: number; readonly why?: string }
  | { readonly request: number; readonly reason: 'duplicate'; readonly id: string }
  | { readonly request: number; readonly reason: 'busy' | 'failed'; readonly message: string };

/** Answer to one `WriteBatch`, sent after COMMIT: per request the last revision and position (0 where it failed). */
export interface WriteAnswer {
  readonly kind: 'written';
  readonly revisions: number[];
  readonly positions: number[];
  readonly failures: WriteFailure[];
  /** The last position of the log. */
  readonly head: number;
}

export type FromWriter =
  | { readonly kind: 'ready'; readonly head: number }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | WriteAnswer;

export const emptyBatch = (): WriteBatch => ({ kind: 'write', streams: [], expected: [], counts: [], values: [] });

export function addRequest(
  batch: WriteBatch,
  stream: string,
  expected: ExpectedRevision,
  events: readonly PreparedEvent[],
): void {
  batch.streams.push(stream);
  batch.expected.push(expected);
  batch.counts.push(events.length);
  for (const e of events) {
    batch.values.push(e.id, e.type, e.schemaVersion, e.occurredAt, e.recordedAt, e.data, e.metadata);
  }
}
