/** How records in quarantine become facts again, by their format. Another format is one more line here. */
import type { ObjectFactReport, ObjectStatement, TouchpointFact, UnplacedFact } from '@touchstone/journeys';
import type { KindSpec } from '@touchstone/packs';
import type { EventContext } from './cloudevents-intake.js';
import { isObjectFact, readObjectFact } from './cloudevents-objects.js';
import { readCloudEvent } from './cloudevents.js';
import { readCsvRecord } from './csv-record.js';
import { parseJson } from './json-text.js';
import { readStatement } from './object-statements.js';
import { readOcelRecord } from './ocel-record.js';
import type { OpenRecord } from './quarantine-types.js';
import { readXesRecord } from './xes-record.js';
import { withZone } from './zone-offset.js';

/** A fact, and the kind that it needs and brings along, as an import would have. */
export interface ReadFact {
  readonly fact: TouchpointFact | UnplacedFact;
  readonly kind?: { readonly journeyType: string; readonly spec: KindSpec };
}

/** What a record says: at least one fact, a fact or a statement about an object; or why it cannot be read. */
export type Reading =
  | { readonly facts: readonly ReadFact[] }
  | { readonly objectFact: ObjectFactReport }
  | { readonly statement: ObjectStatement }
  | { readonly code: string; readonly reason: string };

/** A record whose payload can be read. */
export type Readable = Omit<OpenRecord, 'payload'> & { readonly payload: string };
export type RecordReader = (record: Readable) => Reading | Promise<Reading>;

const READERS: Readonly<Record<string, RecordReader>> = {
  cloudevent: readEvent,
  csv: readCsvRecord,
  fact: readFact,
  'object-statement': readStatement,
  ocel: readOcelRecord,
  xes: readXesRecord,
};

/** Reads a record as it was mended. Whatever its format, a person may have written it anew as a fact or a CloudEvent. */
export async function readRecord(record: OpenRecord): Promise<Reading> {
  const { payload } = record;
  if (payload === null) {
    return { code: 'QUARANTINED_FORGOTTEN', reason: 'Its key was destroyed: nobody can read it any more.' };
  }
  const reader = READERS[formatOf(record.format, payload)];
  if (!reader) {
    const reason = `Nothing reads records of the format ${record.format}: mend it by writing it as a CloudEvent.`;
    return { code: 'QUARANTINED_FORMAT_UNKNOWN', reason };
  }
  const reading = await reader({ ...record, payload });
  const { kinds } = record.mapping;
  if ('objectFact' in reading) return { objectFact: ofKind(reading.objectFact, kinds) };
  if (!('facts' in reading)) return reading;
  return { facts: reading.facts.map((read) => ({ ...read, fact: ofKind(read.fact, kinds) })) };
}

/** The format of what is written there now, else of the record as it came. */
function formatOf(format: string | null, payload: string): string {
  const parsed = /^\s*\{/.test(payload) ? parseJson(payload) : null;
  if (parsed && 'value' in parsed) {
    const value = parsed.value as Record<string, unknown>;
    if ('specversion' in value) return 'cloudevent';
    if ('touchpointId' in value) return 'fact';
  }
  // Before records told their format there were these three.
  return format ?? (payload.startsWith('<') ? 'xes' : 'cloudevent');
}

function ofKind<F extends { readonly kind: string }>(fact: F, kinds: Readonly<Record<string, string>> = {}): F {
  const kind = Object.hasOwn(kinds, fact.kind) ? kinds[fact.kind] : kinds['*'];
  return kind === undefined ? fact : { ...fact, kind };
}

function readEvent({ payload, mapping, context, isRewritten }: Readable): Reading {
  const parsed = parseJson(payload);
  if ('code' in parsed) return parsed;
  // What a header should have said, nobody knows but who writes the event anew.
  const { fault } = Object(context) as Partial<EventContext>;
  if (fault !== undefined && !isRewritten) return { code: 'CLOUDEVENT_INVALID', reason: fault };
  const value = mapping.zone === undefined ? parsed.value : timed(parsed.value, 'time', mapping.zone);
  if (isObjectFact(value)) {
    const { id: _id, source: _source, ...read } = readObjectFact(value);
    return read;
  }
  const read = readCloudEvent(value);
  return 'fact' in read ? { facts: [{ fact: read.fact }] } : { code: read.code, reason: read.reason };
}

function readFact({ payload, mapping }: Readable): Reading {
  const parsed = parseJson(payload);
  if ('code' in parsed) return parsed;
  const value = mapping.zone === undefined ? parsed.value : timed(parsed.value, 'occurredAt', mapping.zone);
  const fault = factFault(value);
  if (fault) return { code: 'FACT_INVALID', reason: `The fact cannot be read: ${fault}.` };
  return { facts: [{ fact: factOf(value as Omit<TouchpointFact, 'journey'> & Partial<TouchpointFact>) }] };
}

/** One that names no journey is placed by the rules of the packs; its id is that of the source's event. */
function factOf({ journey, ...fact }: Omit<TouchpointFact, 'journey'> & Partial<TouchpointFact>) {
  if (journey) return { ...fact, journey };
  const { touchpointId, factId = touchpointId, ...reported } = fact;
  return { ...reported, factId };
}

/** What the way in relies on; the rest is checked when it is recorded. */
function factFault(value: unknown): string | null {
  const { touchpointId, journey, kind, occurredAt, source, customer } = value as Record<string, unknown>;
  if (typeof touchpointId !== 'string' || !UUID.test(touchpointId)) return 'touchpointId must be a UUID in lower case';
  if (journey !== undefined) {
    const { id, type } = Object(journey) as Record<string, unknown>;
    if (typeof id !== 'string' || !UUID.test(id)) return 'journey.id must be a UUID in lower case';
    if (typeof type !== 'string') return 'journey.type must be a text';
  }
  if (typeof kind !== 'string' || kind === '') return 'kind must be a text';
  if (typeof occurredAt !== 'string') return 'occurredAt must be a text';
  if (typeof Object(source).system !== 'string') return 'source.system must be a text';
  if (customer !== undefined) {
    const { type, value: name } = Object(customer) as Record<string, unknown>;
    if (typeof type !== 'string' || typeof name !== 'string') return 'customer must have type and value as texts';
  }
  return null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function timed(value: unknown, field: string, zone: string): unknown {
  const time = (value as Record<string, unknown> | null)?.[field];
  return typeof time === 'string' ? { ...(value as object), [field]: withZone(time, zone) } : value;
}
