import type { NewEvent } from './envelope.js';
import { TouchstoneError } from './errors.js';
import type { ExpectedRevision } from './event-log.js';
import { isInstant } from './instant.js';

/** Bytes (UTF-8) of data and metadata that one event may have; EventStoreDB refuses a little more than this. */
export const MAX_EVENT_BYTES = 1_000_000;

const MAX_NAME = 512;
/** One spelling only: ids are compared as text, and bound into ciphertexts as text. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Control characters break tools that print names; half a surrogate pair cannot be stored as UTF-8. */
const UNFIT_FOR_A_NAME = /[\p{Cc}\p{Cs}]/u;

/** An event that was checked and turned into text: what an engine stores. */
export interface PreparedEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly data: string;
  readonly metadata: string;
}

/** @throws INVALID_STREAM for a name that is empty, too long, reserved ("$…") or not plain text */
export function checkStream(stream: string): void {
  const fault = nameFault(stream);
  if (fault === null) return;
  throw new TouchstoneError(
    'INVALID_STREAM',
    `The stream name ${JSON.stringify(String(stream).slice(0, 80))} ${fault}. Use a name such as "journey-{id}".`,
    'invalid',
  );
}

function nameFault(name: unknown): string | null {
  if (typeof name !== 'string' || name.length === 0) return 'is empty';
  if (name.startsWith('$')) return 'starts with "$", which is reserved';
  if (name.length > MAX_NAME) return `is longer than ${MAX_NAME} characters`;
  if (UNFIT_FOR_A_NAME.test(name)) return 'contains control characters or half a surrogate pair';
  return null;
}

/** @throws INVALID_EXPECTED_REVISION unless it is a revision (0, 1, …), "any", "none" or "exists" */
export function checkExpected(expected: ExpectedRevision): void {
  if (expected === 'any' || expected === 'none' || expected === 'exists') return;
  if (Number.isSafeInteger(expected) && (expected as number) >= 0) return;
  throw new TouchstoneError(
    'INVALID_EXPECTED_REVISION',
    `Expected revision ${String(expected)}: give the last known revision (0, 1, …), "none", "exists" or "any".`,
    'invalid',
  );
}

/**
 * Checks the events of one append and turns them into text, once, on the calling thread.
 * @throws EMPTY_APPEND, INVALID_EVENT_ID, INVALID_EVENT, EVENT_TOO_LARGE
 */
export function prepareEvents(stream: string, events: readonly NewEvent[]): PreparedEvent[] {
  if (events.length === 0) {
    throw new TouchstoneError('EMPTY_APPEND', `An append to ${stream} needs at least one event.`, 'invalid');
  }
  return events.map((event) => prepare(stream, event));
}

function prepare(stream: string, event: NewEvent): PreparedEvent {
  const { id, type, schemaVersion, occurredAt, recordedAt } = event;
  if (typeof id !== 'string' || !UUID.test(id)) {
    throw new TouchstoneError(
      'INVALID_EVENT_ID',
      `Event id ${JSON.stringify(id)} of ${stream} is no UUID in lower case. Leave the id to Touchstone, or derive a UUIDv5.`,
      'invalid',
    );
  }
  const typeFault = nameFault(type);
  if (typeFault !== null) throw invalidEvent(id, `its type ${typeFault}`);
  if (!Number.isSafeInteger(schemaVersion) || schemaVersion < 1)
    throw invalidEvent(id, 'schemaVersion must be 1 or more');
  if (!isInstant(occurredAt)) throw invalidEvent(id, 'occurredAt must be an ISO 8601 time with a zone offset');
  if (!isInstant(recordedAt)) throw invalidEvent(id, 'recordedAt must be an ISO 8601 time with a zone offset');
  const data = toJson(id, 'data', event.data);
  const metadata = toJson(id, 'metadata', event.metadata);
  checkSize(stream, id, data, metadata);
  return { id, type, schemaVersion, occurredAt, recordedAt, data, metadata };
}

function checkSize(stream: string, id: string, data: string, metadata: string): void {
  // A UTF-16 unit is at most three bytes of UTF-8: most events need no count.
  if ((data.length + metadata.length) * 3 <= MAX_EVENT_BYTES) return;
  const bytes = Buffer.byteLength(data) + Buffer.byteLength(metadata);
  if (bytes <= MAX_EVENT_BYTES) return;
  throw new TouchstoneError(
    'EVENT_TOO_LARGE',
    `Event ${id} for ${stream} has ${bytes} bytes; at most ${MAX_EVENT_BYTES} are allowed. Store the bulk elsewhere and refer to it.`,
    'invalid',
    { stream, id, bytes, limit: MAX_EVENT_BYTES },
  );
}

function toJson(id: string, part: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value) as string | undefined;
  } catch (error) {
    throw invalidEvent(id, `its ${part} cannot be written as JSON`, error);
  }
  if (text === undefined) throw invalidEvent(id, `its ${part} is no JSON value`);
  return text;
}

function invalidEvent(id: string, why: string, cause?: unknown): TouchstoneError {
  return new TouchstoneError('INVALID_EVENT', `Event ${id} is refused: ${why}.`, 'invalid', { id }, { cause });
}

/** Checks a count of a read (`max`, `pageSize`, `from`). @throws INVALID_READ */
export function checkCount(name: string, value: number | undefined, least: number): void {
  if (value === undefined || value === Infinity || (Number.isSafeInteger(value) && value >= least)) return;
  throw new TouchstoneError(
    'INVALID_READ',
    `${name} must be a whole number of at least ${least}; got ${value}.`,
    'invalid',
  );
}

export const invalidPosition = (position: unknown, why: string): TouchstoneError =>
  new TouchstoneError(
    'INVALID_POSITION',
    `Position ${JSON.stringify(position)} ${why}. Use a position that this log gave you, or leave it out.`,
    'invalid',
  );

export const wrongRevision = (
  stream: string,
  expected: ExpectedRevision,
  actual: number,
  why?: string,
): TouchstoneError => {
  const now = actual < 0 ? 'does not exist' : `stands at revision ${actual}`;
  return new TouchstoneError(
    'WRONG_EXPECTED_REVISION',
    `${stream} ${now}, expected was ${expected}${why ? ` (${why})` : ''}. Read it again and decide again.`,
    'conflict',
    { stream, expected, actual: actual < 0 ? 'none' : actual },
  );
};

export const duplicateEventId = (stream: string, id: string): TouchstoneError =>
  new TouchstoneError(
    'DUPLICATE_EVENT_ID',
    `Event id ${id} for ${stream} is already in the log. Give a new event a new id; repeat an append with its original expectation.`,
    'conflict',
    { stream, id },
  );

export const logClosed = (): TouchstoneError =>
  new TouchstoneError('LOG_CLOSED', 'The event log is closed. Open it again before using it.', 'unavailable');
