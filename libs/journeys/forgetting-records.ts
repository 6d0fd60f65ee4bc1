/** What the log tells of people who were forgotten. */
import type { EventLog, EventRegistry, RecordedEvent } from '@touchstone/eventing';
import type { CustomerEvent } from './customer.js';
import { forgettingStream, type ForgettingEvent } from './forgetting.js';

/** A forgetting that was finished. */
export interface ForgettingRecord {
  /** The customer by whom it was asked for. */
  readonly customerId: string;
  readonly customers: readonly string[];
  /** All journeys that ever were theirs. */
  readonly journeys: readonly string[];
  /** Names of the objects whose own keys went too. */
  readonly objects: readonly string[];
  readonly keysDestroyed: number;
  readonly keysReleased: number;
  readonly quarantineRemoved: number;
  readonly importsRemoved: number;
  /** ISO 8601 UTC: when it was finished first. */
  readonly completedAt: string;
  /** Of the event that says so. */
  readonly position: string;
  readonly correlationId: string;
  /** When keys that had come back were destroyed again. */
  readonly repeatedAt: readonly string[];
}

/** Somebody of whom the log says that they are forgotten. */
export interface Declared {
  readonly customerId: string;
  readonly request: { readonly customerId: string; readonly reason: string; readonly basis?: string };
  readonly correlationId: string;
}

const PREFIX = forgettingStream('');

/** Everybody of whom the log tells. Read by type: as many events as there are forgotten people, however long the log. */
export async function forgettingsIn(
  log: Pick<EventLog, 'readAll'>,
  registry: EventRegistry,
): Promise<{ declared: Declared[]; completed: ForgettingRecord[] }> {
  const declared: Declared[] = [];
  const completed = new Map<string, ForgettingRecord>();
  for await (const page of log.readAll({ types: ['CustomerForgotten', 'ForgettingCompleted'] })) {
    for (const recorded of page) {
      const event = registry.read(recorded) as RecordedEvent & (CustomerEvent | ForgettingEvent);
      if (event.type === 'CustomerForgotten') {
        const customerId = event.stream.slice('customer-'.length);
        const { correlationId } = event.metadata;
        declared.push({ customerId, request: { customerId, ...event.data }, correlationId });
      } else if (event.type === 'ForgettingCompleted') {
        completed.set(event.stream, told(completed.get(event.stream), event));
      }
    }
  }
  return { declared, completed: [...completed.values()] };
}

/** The forgetting that was asked for by this customer, from its own stream; null: none was, or it is not finished. */
export async function forgettingOf(
  log: Pick<EventLog, 'readStream'>,
  registry: EventRegistry,
  customerId: string,
): Promise<ForgettingRecord | null> {
  let record: ForgettingRecord | undefined;
  for await (const recorded of log.readStream(forgettingStream(customerId))) {
    record = told(record, registry.read(recorded) as RecordedEvent & ForgettingEvent);
  }
  return record ?? null;
}

/** What is known with one more event: the first one says what was done, parts of a long list and repeats add to it. */
function told(before: ForgettingRecord | undefined, event: RecordedEvent & ForgettingEvent): ForgettingRecord {
  const { part, ...data } = event.data;
  if (before) {
    return {
      ...before,
      journeys: [...new Set([...before.journeys, ...data.journeys])],
      objects: [...new Set([...before.objects, ...data.objects])],
      repeatedAt: part === 0 ? [...before.repeatedAt, event.recordedAt] : before.repeatedAt,
    };
  }
  return {
    customerId: event.stream.slice(PREFIX.length),
    ...data,
    completedAt: event.recordedAt,
    position: event.position,
    correlationId: event.metadata.correlationId,
    repeatedAt: [],
  };
}
