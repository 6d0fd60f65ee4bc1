import type { AllStreamResolvedEvent, ResolvedEvent } from '@eventstore/db-client';
import type { Metadata, RecordedEvent } from './envelope.js';
import { TouchstoneError } from './errors.js';
import type { PreparedEvent } from './log-input.js';
import { toPosition } from './esdb-position.js';

/** What the server stores beside an event's data: all of the envelope that it has no field of its own for. */
interface StoredEnvelope {
  readonly schemaVersion: number;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly metadata: Metadata;
}

/** The stored form of an envelope, as JSON. The time that the server stamps is its own affair and never shown. */
export const envelopeOf = ({ schemaVersion, occurredAt, recordedAt, metadata }: PreparedEvent): string =>
  `{"schemaVersion":${schemaVersion},"occurredAt":${JSON.stringify(occurredAt)},` +
  `"recordedAt":${JSON.stringify(recordedAt)},"metadata":${metadata}}`;

/** The server keeps events of its own in the same log. */
export const isSystemEvent = (type: string, stream: string): boolean => type.startsWith('$') || stream.startsWith('$');

/** An event as the client gives it, in ours; null for what the server or another program wrote, and for dead links. */
export function recordedFrom({ event }: ResolvedEvent | AllStreamResolvedEvent): RecordedEvent | null {
  if (event === undefined || isSystemEvent(event.type, event.streamId)) return null;
  const envelope = event.metadata as StoredEnvelope | undefined;
  if (!event.isJson || event.position === undefined || envelope?.metadata === undefined) return null;
  const { schemaVersion, occurredAt, recordedAt, metadata } = envelope;
  return {
    id: event.id,
    type: event.type,
    schemaVersion,
    occurredAt,
    recordedAt,
    data: event.data,
    metadata,
    stream: event.streamId,
    revision: Number(event.revision),
    position: toPosition(event.position),
  };
}

/** Roughly the memory that an event's texts take: the client has parsed them, so their length is lost. */
export const textSize = (value: unknown): number => {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 8;
  for (const key in value) size += key.length + textSize((value as Record<string, unknown>)[key]);
  return size;
};

export const foreignEvent = (stream: string, revision: bigint): TouchstoneError =>
  new TouchstoneError(
    'LOG_FOREIGN_EVENT',
    `Event ${revision} of ${stream} was not written by Touchstone: another program uses the names of its streams. Give Touchstone a server of its own.`,
    'unavailable',
    { stream, revision: Number(revision) },
  );
