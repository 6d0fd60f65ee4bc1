import { checker, deterministicId, t, type Static } from '@touchstone/eventing';
import type { ObjectFactReport } from '@touchstone/journeys';
import { CONTEXT_KEY, dataFault, dataOf, envelopeFault, sequenceOf, textOf, UNDERSTOOD } from './cloudevents.js';

/** A fact of a thing that many share, such as an outage, with those whom it concerns. */
export const OBJECT_FACT_RECORDED = 'object-fact.recorded';

const identifier = () => t.object({ type: t.code(), value: t.id() });

/** What `data` of an `object-fact.recorded` holds; its `time` is when the fact happened. */
export const objectFactDataSchema = t.object({
  object: t.object({ type: t.code(), id: t.id() }),
  /** Id of a published touchpoint kind. */
  kind: t.code(),
  channel: t.optional(t.code()),
  unit: t.optional(t.code()),
  staff: t.optional(t.id()),
  attributes: t.optional(t.record(t.json())),
  /** About a person: encrypted before it reaches the log. */
  personal: t.optional(t.record(t.json())),
  objects: t.optional(
    t.array(t.object({ type: t.code(), id: t.id(), qualifier: t.optional(t.code()) }), { maxItems: 1000 }),
  ),
  /** An identifier of the customer whom the fact names, such as who reported it; kept encrypted. */
  customer: t.optional(identifier()),
  audience: t.optional(
    t.object({
      /** An identifier of each customer, such as account or phone; kept encrypted. */
      customers: t.optional(t.array(identifier(), { maxItems: 10_000 })),
      linked: t.optional(t.oneOf(['directly', 'through-objects'])),
    }),
  ),
});
type ObjectFactData = Static<typeof objectFactDataSchema>;

const dataCheck = checker(objectFactDataSchema);

/** A CloudEvent that was understood as a fact of an object, or why it was not. */
export type ReadObjectFact =
  | { readonly id: string; readonly source: string; readonly objectFact: ObjectFactReport }
  | { readonly id: string | null; readonly source: string | null; readonly code: string; readonly reason: string };

export const isObjectFact = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && (value as Record<string, unknown>)['type'] === OBJECT_FACT_RECORDED;

/** Understands an `object-fact.recorded`. Pure: its id comes from the event alone, so that a repeat is known. */
export function readObjectFact(event: Record<string, unknown>): ReadObjectFact {
  const [id, source] = [textOf(event['id']), textOf(event['source'])];
  const wrong = envelopeFault(event, id, source, OBJECT_FACT_RECORDED);
  if (wrong) return { id, source, code: wrong[0], reason: wrong[1] };
  const data = dataOf(event);
  if (!dataCheck.fits(data)) {
    return { id, source, code: 'CLOUDEVENT_DATA_INVALID', reason: dataFault(data, dataCheck) };
  }
  return { id: id!, source: source!, objectFact: reportOf(event, data, id!, source!) };
}

function reportOf(event: Record<string, unknown>, data: ObjectFactData, id: string, source: string): ObjectFactReport {
  const { attributes, ...told } = data;
  const rest = Object.entries(event).filter(([name, value]) => !UNDERSTOOD.has(name) && value !== null);
  const recordedAt = event['recordedtime'] as string | undefined;
  return {
    ...told,
    attributes: rest.length > 0 ? { ...attributes, [CONTEXT_KEY]: Object.fromEntries(rest) } : attributes,
    factId: deterministicId('cloudevents', source, id),
    occurredAt: event['time'] as string,
    source: {
      system: source,
      recordId: id,
      ...(event['sequence'] !== undefined && { sequence: sequenceOf(event['sequence'])! }),
      ...(recordedAt !== undefined && { recordedAt }),
    },
  };
}
