import type { NewEvent, Position, RecordedEvent } from './envelope.js';

/** What a caller expects of a stream: its last revision, or one of the three general answers. */
export type ExpectedRevision = number | 'any' | 'none' | 'exists';

export interface AppendRequest {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  /** At least one. */
  readonly events: readonly NewEvent[];
}

/** Where the last event of an append stands. */
export interface Appended {
  readonly revision: number;
  readonly position: Position;
}

/** One answer of `appendMany`, in the order of the requests. */
export type AppendOutcome =
  { readonly ok: true; readonly appended: Appended } | { readonly ok: false; readonly error: Error };

export interface ReadStream {
  /** Revision to start at (inclusive); default the first (forwards) or the last (backwards). */
  readonly from?: number;
  readonly direction?: 'forwards' | 'backwards';
  readonly max?: number;
}

/** Which events: an event passes when its type is in `types` and its stream begins with one of `streams`. */
export interface EventFilter {
  readonly types?: readonly string[];
  /** Stream name prefixes, such as `journey-`. */
  readonly streams?: readonly string[];
}

export interface ReadAll extends EventFilter {
  /** Read on from here, exclusive; absent: from the beginning (forwards) or the end (backwards). */
  readonly after?: Position;
  readonly direction?: 'forwards' | 'backwards';
  readonly max?: number;
  /** Events per page at most; default 1,000. */
  readonly pageSize?: number;
}

export interface Subscribe extends EventFilter {
  /** Exclusive; absent: from the beginning. */
  readonly after?: Position;
  readonly signal?: AbortSignal;
  readonly pageSize?: number;
}

/**
 * What a subscription gives: events in order, a checkpoint where a filter passed over many events, and `caughtUp`
 * each time it reaches the head (once before it goes live, and again after it had to catch up).
 */
export type SubscriptionMessage =
  | { readonly kind: 'events'; readonly events: readonly RecordedEvent[] }
  | { readonly kind: 'checkpoint'; readonly position: Position }
  | { readonly kind: 'caughtUp'; readonly position: Position };

/**
 * The event log. Two engines, one contract suite (`eventLogContract` in `testing.ts`).
 *
 * Errors (`TouchstoneError`): `WRONG_EXPECTED_REVISION` (conflict; details {stream, expected, actual}),
 * `DUPLICATE_EVENT_ID` (conflict), `LOG_BUSY` (busy), `EMPTY_APPEND`, `EVENT_TOO_LARGE`, `INVALID_STREAM`,
 * `INVALID_POSITION` (also one beyond the head), `INVALID_EVENT_ID`, `INVALID_EVENT`, `INVALID_EXPECTED_REVISION`,
 * `INVALID_READ` (invalid), `LOG_CLOSED`, `LOG_WRITE_FAILED` (unavailable: open the log again). Of a log on a server also
 * `LOG_UNAVAILABLE` (whether an append was written is not known: repeat it), `LOG_ACCESS_DENIED`, `LOG_FAILED`,
 * `LOG_FOREIGN_EVENT`, `STREAM_DELETED` (unavailable), `APPEND_TOO_LARGE` (invalid).
 */
export interface EventLog {
  /**
   * Durable when it resolves. The same ids with the original expectation answer as the first time; a mixture of
   * known and new ids is a conflict. An empty append is refused.
   */
  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<Appended>;
  /** Bulk: one transaction where the engine has it; each request succeeds or fails alone. */
  appendMany(requests: readonly AppendRequest[]): Promise<AppendOutcome[]>;
  /** A stream that does not exist yields nothing. */
  readStream(stream: string, options?: ReadStream): AsyncIterable<RecordedEvent>;
  /**
   * Those of the streams that have no event. Only of engines that can tell it of many at once for less than reading
   * each; whoever asks must still be ready to meet a stream that was begun since.
   */
  absent?(streams: readonly string[]): Promise<ReadonlySet<string>>;
  /** Pages of events in the order of the log; never an empty page. */
  readAll(options?: ReadAll): AsyncIterable<readonly RecordedEvent[]>;
  /** Catches up, then follows; ends when the signal aborts or the log closes. The consumer sets the pace. */
  subscribe(options?: Subscribe): AsyncIterable<SubscriptionMessage>;
  /** Position of the last event; of an empty log, a position before every event. */
  head(): Promise<Position>;
  comparePositions(a: Position, b: Position): number;
  /** Finishes what was accepted, then refuses. */
  close(): Promise<void>;
}
