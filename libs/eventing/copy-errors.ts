import { TouchstoneError, type ErrorKind } from './errors.js';
import type { RecordedEvent } from './envelope.js';

const copyError = (
  code: string,
  message: string,
  kind: ErrorKind,
  details?: Record<string, unknown>,
  cause?: unknown,
) => new TouchstoneError(code, message, kind, details, { cause });

export const addressInvalid = (why: string): TouchstoneError =>
  copyError(
    'COPY_ADDRESS_INVALID',
    `The log cannot be copied like that: ${why}. Give a data directory, its log.db, or an address such as esdb://host:2113.`,
    'invalid',
  );

export const targetIsOtherLog = (target: string, event: Pick<RecordedEvent, 'id' | 'stream'>): TouchstoneError =>
  copyError(
    'COPY_TARGET_NOT_EMPTY',
    `${target} holds another log: it begins with event ${event.id} of ${event.stream}. Nothing was written; copy to an empty one.`,
    'conflict',
    { target, event: event.id, stream: event.stream },
  );

export const targetIsAhead = (target: string, event: Pick<RecordedEvent, 'id' | 'stream'>): TouchstoneError =>
  copyError(
    'COPY_TARGET_AHEAD',
    `${target} has all of the source and goes on with event ${event.id} of ${event.stream}: it has been in use since. Nothing was written; use it, or copy to an empty one.`,
    'conflict',
    { target, event: event.id, stream: event.stream },
  );

/** What the two logs have at the same place. */
export interface Difference {
  /** Counted from 1 over all events, where that is known. */
  readonly event?: number;
  readonly source: string;
  readonly target: string;
}

export const differs = (target: string, difference: Difference): TouchstoneError => {
  const at = difference.event === undefined ? 'where it ends' : `at event ${difference.event}`;
  return copyError(
    'COPY_DIFFERS',
    `${target} is no copy of this source: ${at} it has ${difference.target}, the source ${difference.source}. Somebody else wrote to it, or the source was put back from a backup; copy to an empty one.`,
    'conflict',
    { where: target, ...difference },
  );
};

export const isIncomplete = (target: string, events: number, next: Pick<RecordedEvent, 'id'>): TouchstoneError =>
  copyError(
    'COPY_INCOMPLETE',
    `${target} has the first ${events} events of the source and lacks those from ${next.id} on. Run the same command without --verify-only: it goes on there.`,
    'conflict',
    { target, events, next: next.id },
  );

export const orderLost = (target: string, stream: string): TouchstoneError =>
  copyError(
    'COPY_ORDER_LOST',
    `${target} did not take the events in the order in which they were sent (noticed at ${stream}), so its order is not that of the source. Empty it and copy again with --in-flight 1.`,
    'conflict',
    { target, stream },
  );

export const targetWritten = (target: string, cause: TouchstoneError): TouchstoneError =>
  copyError(
    'COPY_TARGET_CHANGED',
    `${target} refused an event where it should stand (${cause.message}) Somebody else writes there, or the source has a gap in that stream; stop what writes, and copy to an empty one.`,
    'conflict',
    { target, ...cause.details },
    cause,
  );

export const idTwice = (target: string, cause: TouchstoneError): TouchstoneError =>
  copyError(
    'COPY_ID_TWICE',
    `The source has the event id ${String(cause.details?.['id'])} twice, which ${target} does not allow (the second time in ${String(cause.details?.['stream'])}). It cannot be kept in an embedded log.`,
    'invalid',
    cause.details,
    cause,
  );

export const eventTooLarge = (target: string, event: RecordedEvent, bytes: number, cause: unknown): TouchstoneError =>
  copyError(
    'COPY_EVENT_TOO_LARGE',
    `Event ${event.id} (${event.stream}, revision ${event.revision}) has ${bytes} bytes, more than ${target} takes. Raise its limit (MaxAppendSize of an EventStoreDB) and run the same command again: it goes on there.`,
    'invalid',
    { target, stream: event.stream, revision: event.revision, id: event.id, bytes },
    cause,
  );

export const sourceChanged = (source: string, why: string): TouchstoneError =>
  copyError(
    'COPY_SOURCE_CHANGED',
    `${source} is not what it was when the copy began: ${why}. Leave it alone while it is copied, and run the same command again.`,
    'conflict',
    { source },
  );

export const sourceMoved = (source: string): TouchstoneError =>
  copyError(
    'COPY_SOURCE_MOVED_ON',
    `The copy is right, but ${source} has more events by now, so nothing was switched over. Stop everything that writes there and run the same command again: it copies the rest.`,
    'conflict',
    { source },
  );

export const needsSwitch = (directory: string): TouchstoneError =>
  copyError(
    'COPY_TARGET_HAS_LOG',
    `The events of ${directory} are on a server. Add --switch to make the copy its log, or choose a new directory.`,
    'conflict',
    { directory },
  );

export const stopped = (): TouchstoneError =>
  new TouchstoneError('INTERRUPTED', 'Stopped before the end. The same command goes on where this one was.', 'refused');
