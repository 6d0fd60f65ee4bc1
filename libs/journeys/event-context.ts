/** What stands around an event: what a reader of the log alone would have to ask back for. */
import type { Position, RecordedEvent } from '@touchstone/eventing/pure';

/** As known at the event's position; null where nothing was known, or where it does not apply. */
export interface EventContext {
  /** The journey in whose stream the event stands, or that it names: as it was recorded. */
  readonly journeyId: string | null;
  /** The journey as which that one was seen: after the merges and splits known at the position, else itself. */
  readonly rootJourneyId: string | null;
  readonly journeyType: string | null;
  /** Stage, unit and channel of the touchpoint that the event is, or is about; the unit also of who takes a journey over. */
  readonly stage: string | null;
  readonly unit: string | null;
  readonly channel: string | null;
  /** Of the journey's customer, or of the customer whom the event is about. */
  readonly region: string | null;
  readonly tier: string | null;
}

export interface EventInContext {
  readonly context: EventContext;
  /** Id of the earlier event that this one corrects or takes back; null of any other. */
  readonly supersedes: string | null;
  /** What stood around the superseded event, as known at its own position. */
  readonly before: EventContext | null;
}

/** Nothing is known. */
export const NO_CONTEXT: EventContext = {
  journeyId: null,
  rootJourneyId: null,
  journeyType: null,
  stage: null,
  unit: null,
  channel: null,
  region: null,
  tier: null,
};

/** What has to be looked up for one event. */
export interface ContextAsk {
  readonly position: Position;
  readonly journeyId?: string;
  readonly customerId?: string;
  /** What the event says itself. */
  readonly own?: Partial<Pick<EventContext, 'stage' | 'unit' | 'channel'>>;
  /** The touchpoint that it is about. */
  readonly touchpointId?: string;
  /** The moment that it is about. */
  readonly momentId?: string;
  /** It corrects or takes back what it is about. */
  readonly corrects?: boolean;
  /** The event that it supersedes, where that was found in the log already, and what that said itself. */
  readonly undoes?: { readonly eventId: string; readonly position: Position; readonly own?: ContextAsk['own'] };
}

const after = (stream: string, prefix: string) => (stream.startsWith(prefix) ? stream.slice(prefix.length) : undefined);

/** Events that take back the last one of another type in their stream. */
const UNDOES: Readonly<Record<string, string>> = {
  CustomersUnmerged: 'CustomersMerged',
  JourneysUnmerged: 'JourneysMerged',
};

/**
 * Tells the event that this one supersedes among the earlier ones of its stream, the last of which it is; undefined of an
 * event that supersedes none, or one that the read model knows.
 */
export function supersededInStream({ type, data }: RecordedEvent): ((earlier: RecordedEvent) => boolean) | undefined {
  const undone = UNDOES[type];
  if (undone !== undefined) return (earlier) => earlier.type === undone;
  const factId = supersededFact({ type, data });
  if (factId === undefined) return undefined;
  return (earlier) =>
    (earlier.type === 'ObjectFactRecorded' && earlier.id === factId) ||
    (earlier.type === 'ObjectFactCorrected' && (earlier.data as { factId?: unknown }).factId === factId);
}

/** The fact of an object that this event corrects or takes back. */
export function supersededFact({ type, data }: Pick<RecordedEvent, 'type' | 'data'>): string | undefined {
  if (type !== 'ObjectFactCorrected' && type !== 'ObjectFactVoided') return undefined;
  return text((data as { factId?: unknown } | null)?.factId);
}

/** What is looked up for an event that supersedes an earlier one of its stream. */
export function supersedingAsk(ask: ContextAsk, { id, position, type, data }: RecordedEvent): ContextAsk {
  const own = type.startsWith('ObjectFact') ? touchpointOf(data as Record<string, unknown>) : undefined;
  // Who takes a fact back says no more than that: it is about what was said.
  return { ...ask, own: ask.own ?? own, undoes: { eventId: id, position, own } };
}

/** What to look up for an event, from what it says. It reads any event, also of types that are not known here. */
export function contextAskOf(event: RecordedEvent): ContextAsk {
  const { type, stream, position } = event;
  const data = (event.data ?? {}) as Record<string, unknown>;
  const ask = {
    position,
    journeyId: after(stream, 'journey-') ?? text(data['journeyId']),
    customerId: after(stream, 'customer-') ?? (after(stream, 'key-') && text(data['customerId'])),
  };
  const touchpointId = text(data['touchpointId']);
  switch (type) {
    case 'TouchpointRecorded':
    case 'ObjectFactRecorded':
    case 'ObjectFactCorrected':
      return { ...ask, own: touchpointOf(data) };
    case 'TouchpointCorrected':
      return { ...ask, own: touchpointOf(data), touchpointId, corrects: true };
    case 'TouchpointVoided':
      return { ...ask, touchpointId, corrects: true };
    case 'MomentRetracted':
      return { ...ask, momentId: text(data['momentId']), corrects: true };
    case 'OwnerAssigned':
      return { ...ask, own: { unit: text(data['unit']) ?? null } };
    case 'JourneyHandedOver':
      return { ...ask, own: { unit: text((data['to'] as Record<string, unknown> | undefined)?.['unit']) ?? null } };
    default:
      return { ...ask, touchpointId };
  }
}

/** Whole in every version, so that what it does not say is not said by an earlier one either. */
function touchpointOf(data: Record<string, unknown>): ContextAsk['own'] {
  const traits = data['traits'] as Record<string, unknown> | undefined;
  return {
    stage: text(traits?.['stage']) ?? null,
    unit: text(data['unit']) ?? null,
    channel: text(data['channel']) ?? null,
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
