import type { Position } from '@touchstone/eventing/pure';
import type { AsOf, ReadQuery } from './query.js';

/**
 * What was known: up to a position, up to a moment (ISO 8601 with zone), or, with both, exactly as an earlier answer
 * says that it was given.
 */
export interface AsOfInput {
  readonly position?: Position;
  readonly instant?: string;
}

export interface ReadOptions {
  readonly asOf?: AsOfInput;
  /** Read one's own write: wait, within the time limit, until this position is projected. */
  readonly atLeast?: Position;
  /** The instant to judge at when `asOf` names none; ISO 8601 UTC; default the clock's. */
  readonly now?: string;
  /** For waiting and running together; default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Told how long the query itself took, in ms, without what was waited for before it: `atLeast`, or the read model to be there. */
  readonly onRun?: (ms: number) => void;
}

export interface ReadAnswer<R> {
  readonly result: R;
  readonly asOf: AsOf;
  /** Name of the generation that answered, such as `journeys-2`. */
  readonly generation: string;
}

/**
 * Runs read queries, in worker threads (`ReadPool`) or on the calling thread (`InlineReads`).
 *
 * Errors (`TouchstoneError`): `NOT_YET_PROJECTED` (busy), `QUERY_TIMEOUT` (limit), `QUERY_CANCELLED` (refused),
 * `READ_BUSY` (busy), `READ_MODEL_NOT_READY` (unavailable), `READ_WORKER_DIED` (unavailable), `READS_CLOSED`
 * (unavailable), `QUERY_UNKNOWN` (internal), `QUERY_FAILED` (internal), `INVALID_INSTANT` and `INVALID_POSITION`
 * (invalid), and whatever family error the query itself throws.
 */
export interface Reads {
  run<P, R>(query: ReadQuery<P, R>, params: P, options?: ReadOptions): Promise<ReadAnswer<R>>;
  /** Finishes what runs, refuses the rest. */
  close(): Promise<void>;
}
