import type { DecidedEvent, Metadata, RecordedEvent } from '@touchstone/eventing/pure';

/** An event for a test, as a decision makes it, or with more said about how it was recorded. */
export type ToRecord = Omit<DecidedEvent, 'schemaVersion'> & {
  readonly schemaVersion?: number;
  /** ISO 8601 UTC; default one second after the event before it. */
  readonly recordedAt?: string;
  readonly metadata?: Partial<Metadata>;
};

const FIRST_RECORDED = Date.parse('2024-01-01T00:00:00.000Z');

/** The n-th position (from 1) of an imagined log. */
export const positionOf = (n: number): string => n.toString(16).padStart(16, '0');

/**
 * Events as a log would give them back, on one stream, after those `before`; ids, revisions, positions and recorded
 * times are filled in, the same for the same input.
 *
 * @example
 * const events = recorded('journey-1', [JourneyOpened({ ... })]);
 * const more = recorded('journey-2', [JourneyOpened({ ... })], events); // both, in this order
 */
export function recorded(
  stream: string,
  toRecord: readonly ToRecord[],
  before: readonly RecordedEvent[] = [],
): RecordedEvent[] {
  const events = [...before];
  let revision = before.filter((event) => event.stream === stream).length;
  for (const { source, subject, policyVersion, ...event } of toRecord) {
    const previous = events.at(-1);
    const nextMs = previous ? Date.parse(previous.recordedAt) + 1_000 : FIRST_RECORDED;
    const recordedAt = event.recordedAt ?? new Date(nextMs).toISOString();
    events.push({
      ...event,
      id: event.id ?? idOf(events.length + 1),
      schemaVersion: event.schemaVersion ?? 1,
      occurredAt: event.occurredAt ?? recordedAt,
      recordedAt,
      metadata: { correlationId: 'test', actor: { id: 'test' }, source, subject, policyVersion, ...event.metadata },
      stream,
      revision: revision++,
      position: positionOf(events.length + 1),
    });
  }
  return events;
}

/** The same events as if they had been recorded in the given order: revisions, positions and recorded times anew. */
export function inOrder(events: readonly RecordedEvent[]): RecordedEvent[] {
  const times = events.map((event) => event.recordedAt).sort();
  const revisions = new Map<string, number>();
  return events.map((event, i) => {
    const revision = revisions.get(event.stream) ?? 0;
    revisions.set(event.stream, revision + 1);
    return { ...event, revision, position: positionOf(i + 1), recordedAt: times[i]! };
  });
}

/** A well-formed UUIDv7 that says which event of the test it is. */
const idOf = (n: number): string => `018cc251-f400-7000-8000-${n.toString(16).padStart(12, '0')}`;
