import { TouchstoneError } from './errors.js';

/** What the client's errors have in common: some carry a type and no message, some a gRPC code and no type. */
interface Foreign {
  readonly type?: string;
  readonly code?: number | string;
  readonly message?: string;
}

/** gRPC status codes that say "not now" rather than "no". */
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const UNAVAILABLE = 14;
const PASSING_CODES = new Set([CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE]);
const PASSING_TYPES = new Set(['timeout', 'deadline-exceeded', 'unavailable', 'cancelled', 'not-leader']);
const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;

/**
 * The one place where errors of the client become ours. What is ours already stays as it is.
 * @param doing what was asked of the server, such as "reading journey-1"
 */
export function translated(error: unknown, doing: string): TouchstoneError {
  if (error instanceof TouchstoneError) return error;
  const { type, code, message } = error as Foreign;
  const why = message || type || String(error);
  if (type === 'access-denied' || code === UNAUTHENTICATED || code === PERMISSION_DENIED) return denied(doing, error);
  if (type === 'stream-deleted') return streamDeleted(doing, error);
  const passing =
    (type !== undefined && PASSING_TYPES.has(type)) ||
    (typeof code === 'number' && PASSING_CODES.has(code)) ||
    // The client's own words when it finds no leader, and those of streams that were torn off.
    /Failed to discover|ERR_STREAM_PREMATURE_CLOSE|Premature close|Channel has been shut down/.test(`${code} ${why}`);
  return passing ? unavailable(doing, why, error) : failed(doing, why, error);
}

/** The server may answer the next time: the same question can be asked again. */
export const isPassing = (error: unknown): boolean =>
  error instanceof TouchstoneError && (error.code === 'LOG_UNAVAILABLE' || error.code === 'LOG_BUSY');

export const unavailable = (doing: string, why: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'LOG_UNAVAILABLE',
    `EventStoreDB did not answer while ${doing} (${why}). Check that the server runs and can be reached; an append is repeated with the same ids and the same expectation.`,
    'unavailable',
    undefined,
    { cause },
  );

export const serverBusy = (doing: string): TouchstoneError =>
  new TouchstoneError('LOG_BUSY', `EventStoreDB is too busy for ${doing}; retry shortly.`, 'busy');

export const appendTooLarge = (stream: string, limit: number): TouchstoneError =>
  new TouchstoneError(
    'APPEND_TOO_LARGE',
    `The events for ${stream} are together more than the ${limit} bytes that this EventStoreDB takes at once. Append fewer at a time, or raise its MaxAppendSize.`,
    'invalid',
    { stream, limit },
  );

export const streamDeleted = (doing: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'STREAM_DELETED',
    `A stream was deleted on the server, noticed while ${doing}: its events are gone. Restore it from a backup.`,
    'unavailable',
    undefined,
    { cause },
  );

export const failed = (doing: string, why: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'LOG_FAILED',
    `EventStoreDB failed while ${doing}: ${why}. Look into the log of the server.`,
    'unavailable',
    undefined,
    { cause },
  );

export const denied = (doing: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'LOG_ACCESS_DENIED',
    `EventStoreDB does not allow ${doing}. Put a user who may read and write into the address of the log.`,
    'unavailable',
    undefined,
    { cause },
  );
