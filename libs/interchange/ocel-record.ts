import { instantMs } from '@touchstone/eventing';
import { parseJson } from './json-text.js';
import { OcelEvents, PersonalNames, type OcelEvent } from './ocel-events.js';
import type { OcelMappingOptions } from './ocel-options.js';
import type { OwnEvent } from './ocel-own.js';
import { timeOf } from './ocel.js';
import type { Readable, Reading } from './quarantine-readers.js';
import { dateFault, type JsonObject } from './xes-value.js';
import { withZone } from './zone-offset.js';

/** Where an event that could not be read stands in its log. */
export interface OcelContext {
  /** Id of the object that is its journey; null: it has none; absent where nobody knew yet. */
  readonly journey?: string | null;
  /** Its 0-based place in the journey. */
  readonly sequence?: number;
  /** What an export of ours says of it. */
  readonly own?: OwnEvent;
  /** Another event of the log has this id. */
  readonly reused?: string;
}

/** What all events of a log have in common. */
export interface OcelShared {
  readonly options: OcelMappingOptions;
}

/**
 * Reads one event as an import of the mended log would: by the same mapping, in the journey that could not have it, or
 * in those of the objects that it names now. The payload is JSON with `id`, `type`, `time`, `attributes` by name, and
 * `objects` with `type`, `id` and `qualifier`.
 */
export function readOcelRecord({ payload, context, shared, mapping, hash }: Readable): Reading {
  if (shared === undefined) {
    const reason = 'It came before events of OCEL could be driven in again: mend it by writing it as a CloudEvent.';
    return { code: 'QUARANTINED_FORMAT_UNKNOWN', reason };
  }
  const parsed = parseJson(payload);
  if ('code' in parsed) return parsed;
  const fault = faultOf(parsed.value);
  if (fault) return { code: 'OCEL_EVENT_INVALID', reason: `The event cannot be read: ${fault}.` };
  const { options } = shared as OcelShared;
  const known = (context ?? {}) as OcelContext;
  const { id, type, time, attributes, objects } = parsed.value as unknown as Written;
  if (id === known.reused) {
    return {
      code: 'OCEL_EVENT_ID_REUSED',
      reason: 'Another event of the file has the same id: give it one of its own.',
    };
  }
  const related = (objects ?? []).map(({ qualifier = '', ...object }) => ({ ...object, qualifier }));
  const event = { id, type, ...timed(time, options.zone ?? 'Z', mapping.zone), attributes: attributes ?? {}, related };
  const events = new OcelEvents(options, new PersonalNames(options.personal), hash);
  const facts = [];
  for (const { journey, sequence } of placesOf(event.related, known, options)) {
    const fact = events.fact({ ...event, journey, sequence, own: known.own });
    if ('code' in fact) return fact;
    facts.push(fact);
  }
  const specs = new Map(events.kinds.specs().map((spec) => [spec.id, spec]));
  const { journeyType } = options;
  return {
    facts: facts.map((fact) => ({
      fact,
      ...(specs.has(fact.kind) && { kind: { journeyType, spec: specs.get(fact.kind)! } }),
    })),
  };
}

interface Written {
  readonly id: string;
  readonly type: string;
  readonly time?: string | null;
  readonly attributes?: JsonObject;
  readonly objects?: readonly { readonly type: string; readonly id: string; readonly qualifier?: string }[];
}

/** The journey that could not have it while it still names that one, else those of the first type that it has objects of. */
function placesOf(
  related: OcelEvent['related'],
  { journey, sequence }: OcelContext,
  { caseTypes }: OcelMappingOptions,
): Pick<OcelEvent, 'journey' | 'sequence'>[] {
  if (typeof journey === 'string' && related.some(({ id }) => id === journey)) return [{ journey, sequence }];
  for (const type of caseTypes) {
    const ids = new Set(related.filter((object) => object.type === type).map(({ id }) => id));
    if (ids.size > 0) return [...ids].map((id) => ({ journey: id }));
  }
  return [{ journey: null, ...(journey === null && { sequence }) }];
}

/** @param named the zone that a person names for times that have none */
function timed(text: string | null | undefined, zone: string, named: string | undefined) {
  if (text === null || text === undefined) return { time: null, ms: null };
  const local = timeOf(text, '');
  const time = local && !local.zoned ? (named === undefined ? local.time + zone : withZone(local.time, named)) : local?.time; // prettier-ignore
  if (time === undefined || dateFault(time) !== 'none') return { time: text, ms: null };
  return { time, ms: instantMs(time) };
}

function faultOf(value: unknown): string | null {
  const { id, type, time, attributes = {}, objects = [] } = Object(value) as Record<string, unknown>;
  if (!isName(id, 512)) return 'id must be a text of 1 to 512 characters';
  if (!isName(type, 512)) return 'type must be a text of 1 to 190 characters';
  if (time !== undefined && time !== null && typeof time !== 'string') return 'time must be a text';
  if (attributes === null || typeof attributes !== 'object' || Array.isArray(attributes)) {
    return 'attributes must be an object';
  }
  if (!Array.isArray(objects)) return 'objects must be a list';
  for (const object of objects as unknown[]) {
    const { type: of, id: name, qualifier = '' } = Object(object) as Record<string, unknown>;
    if (!isName(of, 512) || !isName(name, 512) || typeof qualifier !== 'string') {
      return 'each of objects must have type and id as texts';
    }
  }
  return null;
}

const isName = (value: unknown, most: number): boolean =>
  typeof value === 'string' && value !== '' && value.length <= most;
