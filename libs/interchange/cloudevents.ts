import { isUtf8 } from 'node:buffer';
import { checker, deterministicId, t, type Checker, type Static } from '@touchstone/eventing';
import type { TouchpointFact, UnplacedFact } from '@touchstone/journeys';
import { parseJson } from './json-text.js';
import { dateFault } from './xes-value.js';

/** A touchpoint of a journey; the other type that is taken in is in cloudevents-objects.ts. */
export const TOUCHPOINT_RECORDED = 'touchpoint.recorded';

/** Bytes of one event at most, as it comes. */
export const LARGEST_CLOUD_EVENT = 1_000_000;

/** What `data` of a `touchpoint.recorded` holds; its `time` is when the touchpoint happened. */
export const touchpointDataSchema = t.object({
  /**
   * An existing journey by id, or the source's own name of one (type and key), which is opened when it is new. With the
   * type alone, or without any of it, the rules of the packs find the journey.
   */
  journey: t.optional(t.object({ id: t.optional(t.uuid()), type: t.optional(t.code()), key: t.optional(t.id()) })),
  /** An identifier of the journey's customer, such as a phone number; kept encrypted. */
  customer: t.optional(t.object({ type: t.code(), value: t.id() })),
  /** Further identifiers of the same customer, such as account and meter. */
  identifiers: t.optional(t.array(t.object({ type: t.code(), value: t.id() }), { maxItems: 20 })),
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
});
export type TouchpointData = Static<typeof touchpointDataSchema>;

/** What of a CloudEvent is no touchpoint but has no place of its own is kept under this attribute. */
export const CONTEXT_KEY = '@cloudevent';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const dataCheck = checker(touchpointDataSchema);

/** A CloudEvent that was understood, or why it was not. The id is there whenever the event has one. */
export type ReadCloudEvent =
  | { readonly id: string; readonly factId: string; readonly fact: TouchpointFact | UnplacedFact }
  | { readonly id: string | null; readonly source: string | null; readonly code: string; readonly reason: string };

/** Attributes of an event that have a place of their own. */
export const UNDERSTOOD = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'datacontenttype',
  'data',
  'data_base64',
  'sequence',
  'recordedtime',
]);

/**
 * Understands a CloudEvent 1.0 in its JSON format. Pure: ids come from the event alone, so that a repeat is known.
 * Besides the core attributes it reads the extensions `sequence` (the source's place of the event in its journey,
 * a whole number) and `recordedtime` (when the source recorded it).
 */
export function readCloudEvent(value: unknown): ReadCloudEvent {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return fault(null, null, 'CLOUDEVENT_INVALID', 'A CloudEvent is a JSON object.');
  }
  const event = value as Record<string, unknown>;
  const id = textOf(event['id']);
  const source = textOf(event['source']);
  const wrong = envelopeFault(event, id, source);
  if (wrong) return fault(id, source, wrong[0], wrong[1]);
  const data = dataOf(event);
  if (!dataCheck.fits(data)) return fault(id, source, 'CLOUDEVENT_DATA_INVALID', dataFault(data));
  const { journey } = data;
  if (journey?.key !== undefined && journey.id === undefined && journey.type === undefined) {
    const reason = 'data.journey has a key without a type: a key names a journey only within its type.';
    return fault(id, source, 'CLOUDEVENT_DATA_INVALID', reason);
  }
  const factId = deterministicId('cloudevents', source!, id!);
  return { id: id!, factId, fact: factOf(event, data, id!, source!, factId) };
}

/** What is wrong with an event around its data. */
export function envelopeFault(
  event: Record<string, unknown>,
  id: string | null,
  source: string | null,
  type = TOUCHPOINT_RECORDED,
): [code: string, reason: string] | undefined {
  if (event['specversion'] !== '1.0') return ['CLOUDEVENT_INVALID', 'specversion must be "1.0".'];
  if (id === null || id.length > 512) return ['CLOUDEVENT_INVALID', 'id must be a text of 1 to 512 characters.'];
  if (source === null || source.length > 512) {
    return ['CLOUDEVENT_INVALID', 'source must be a text of 1 to 512 characters.'];
  }
  if (event['type'] !== type) {
    return ['CLOUDEVENT_TYPE_UNKNOWN', 'type must be "touchpoint.recorded" or "object-fact.recorded".'];
  }
  const content = event['datacontenttype'];
  if (content !== undefined && !(typeof content === 'string' && /^application\/([\w.-]+\+)?json\b/i.test(content))) {
    return ['CLOUDEVENT_DATA_INVALID', 'datacontenttype must be application/json.'];
  }
  if (event['data_base64'] !== undefined && dataOf(event) === undefined) {
    return ['CLOUDEVENT_DATA_INVALID', 'data_base64 must be JSON in Base64, and stand alone: send it as data.'];
  }
  return timeFault(event);
}

/** Data is JSON, whether the sender wrote it as such or as the bytes of it. Undefined where there is none. */
export function dataOf({ data, data_base64: bytes }: Record<string, unknown>): unknown {
  if (bytes === undefined || bytes === null) return data;
  if (data !== undefined || typeof bytes !== 'string' || !BASE64.test(bytes)) return undefined;
  const decoded = Buffer.from(bytes, 'base64');
  if (!isUtf8(decoded)) return undefined;
  const parsed = parseJson(decoded.toString());
  return 'value' in parsed ? parsed.value : undefined;
}

function timeFault(event: Record<string, unknown>): [code: string, reason: string] | undefined {
  const { time, sequence, recordedtime } = event;
  switch (typeof time === 'string' ? dateFault(time) : 'missing') {
    case 'missing':
      return ['CLOUDEVENT_TIME_INVALID', 'time must say when it happened.'];
    case 'noZone':
      return ['CLOUDEVENT_TIME_WITHOUT_ZONE', 'time has no zone offset.'];
    case 'invalid':
      return ['CLOUDEVENT_TIME_INVALID', 'time is no date and time (RFC 3339).'];
    case 'none':
      break;
  }
  if (sequence !== undefined && sequenceOf(sequence) === null) {
    return ['CLOUDEVENT_INVALID', 'The extension sequence must be a whole number from 0.'];
  }
  if (recordedtime !== undefined && !(typeof recordedtime === 'string' && dateFault(recordedtime) === 'none')) {
    return ['CLOUDEVENT_INVALID', 'The extension recordedtime must be a date and time with a zone (RFC 3339).'];
  }
  return undefined;
}

function factOf(
  event: Record<string, unknown>,
  data: TouchpointData,
  id: string,
  source: string,
  factId: string,
): TouchpointFact | UnplacedFact {
  const { journey, customer, identifiers, kind, channel, unit, staff, personal, objects } = data;
  const rest = Object.entries(event).filter(([name, value]) => !UNDERSTOOD.has(name) && value !== null);
  const attributes =
    rest.length > 0 ? { ...data.attributes, [CONTEXT_KEY]: Object.fromEntries(rest) } : data.attributes;
  const occurredAt = event['time'] as string;
  const told = {
    system: source,
    recordId: id,
    sequence: event['sequence'] === undefined ? undefined : sequenceOf(event['sequence'])!,
    recordedAt: event['recordedtime'] as string | undefined,
  };
  const { id: named, type, key } = journey ?? {};
  const fact: UnplacedFact = {
    factId,
    journey: { type },
    customer,
    identifiers,
    kind,
    channel,
    unit,
    staff,
    occurredAt,
    source: told,
    attributes,
    personal,
    objects,
  };
  if (named === undefined && key === undefined) return fact;
  const journeyId = named ?? deterministicId(source, type!, key!);
  // Assigned to one that is new, not spread into another: every event comes through here, see record 23.
  return Object.assign(fact, {
    alone: true as const,
    touchpointId: deterministicId(factId, journeyId),
    // An empty type opens no journey: only one that exists can be named by its id alone.
    journey: { id: journeyId, type: type ?? '', key },
  });
}

/** The extension is a text by its specification, and a number for many who send it. */
export function sequenceOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

export function dataFault(data: unknown, check: Pick<Checker<unknown>, 'fault'> = dataCheck): string {
  const { at, message } = check.fault(data)!;
  return `data${at} ${message}.`;
}

export const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const fault = (id: string | null, source: string | null, code: string, reason: string): ReadCloudEvent => ({
  id,
  source,
  code,
  reason,
});
