/** What the log tells of people who were forgotten. */
import type { EventLog, EventRegistry } from '@touchstone/eventing';
import type { CustomerEvent } from './customer.js';
import type { ForgettingEvent } from './forgetting.js';

/** A forgetting that was finished. */
export interface ForgettingRecord {
  /** The customer by whom it was asked for. */
  readonly customerId: string;
  readonly customers: readonly string[];
  /** All journeys that ever were theirs. */
  readonly journeys: readonly string[];
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

const PREFIX = 'forgetting-';

/** Read by type: as many events as there are forgotten people, however long the log. */
export async function forgettingsIn(
  log: Pick<EventLog, 'readAll'>,
  registry: EventRegistry,
): Promise<{ declared: Declared[]; completed: ForgettingRecord[] }> {
  const declared: Declared[] = [];
  const completed = new Map<string, { -readonly [K in keyof ForgettingRecord]: ForgettingRecord[K] }>();
  for await (const page of log.readAll({ types: ['CustomerForgotten', 'ForgettingCompleted'] })) {
    for (const recorded of page) {
      const event = registry.read(recorded) as typeof recorded & (CustomerEvent | ForgettingEvent);
      const { correlationId } = event.metadata;
      if (event.type === 'CustomerForgotten') {
        const customerId = event.stream.slice('customer-'.length);
        declared.push({ customerId, request: { customerId, ...event.data }, correlationId });
      } else if (event.type === 'ForgettingCompleted') {
        const customerId = event.stream.slice(PREFIX.length);
        const before = completed.get(customerId);
        const { part, ...data } = event.data;
        if (!before) {
          const { recordedAt: completedAt, position } = event;
          completed.set(customerId, { customerId, ...data, completedAt, position, correlationId, repeatedAt: [] });
          continue;
        }
        before.journeys = [...new Set([...before.journeys, ...data.journeys])];
        if (part === 0) before.repeatedAt = [...before.repeatedAt, event.recordedAt];
      }
    }
  }
  return { declared, completed: [...completed.values()] };
}
