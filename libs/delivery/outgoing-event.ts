import { TouchstoneError, type EventRegistry, type RecordedEvent } from '@touchstone/eventing';
import type { EventContext } from '@touchstone/journeys';

/** An event as it leaves the house. */
export interface OutgoingEvent {
  /** In today's shape and without its personal fields, neither readable nor sealed; `data` is absent when it cannot be read. */
  readonly event: RecordedEvent;
  /** Why its data is left out, such as EVENT_TYPE_UNKNOWN; null of an event that can be read. */
  readonly unreadable: string | null;
}

/** An outgoing event with what stood around it. */
export interface Delivery extends OutgoingEvent {
  readonly context: EventContext;
  /** Id of the event, sent before, that this one corrects or takes back; null of any other. */
  readonly supersedes: string | null;
  /** What stood around the superseded event when it was sent. */
  readonly before: EventContext | null;
}

/**
 * What of a recorded event may be told to anybody. An event that cannot be read, such as one of a newer release, is told
 * without its data: it is not lost, and nothing waits behind it.
 */
export function outgoing(recorded: RecordedEvent, registry: EventRegistry): OutgoingEvent {
  try {
    // Reading checks the data against today's shape, also where an older version of it is the same.
    const { data } = registry.read(recorded);
    const { schemaVersion, personalFields } = registry.definition(recorded.type);
    return { event: { ...recorded, schemaVersion, data: withoutPersonal(data, personalFields) }, unreadable: null };
  } catch (error) {
    if (!(error instanceof TouchstoneError)) throw error;
    return { event: { ...recorded, data: undefined }, unreadable: error.code };
  }
}

function withoutPersonal(data: unknown, personal: readonly string[]): unknown {
  if (personal.length === 0) return data;
  return Object.fromEntries(Object.entries(data as object).filter(([field]) => !personal.includes(field)));
}
