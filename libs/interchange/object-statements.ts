/** Statements about objects: their ids, and how a refused one is read again. */
import { deterministicId } from '@touchstone/eventing';
import type { ObjectStatement } from '@touchstone/journeys';
import { parseJson } from './json-text.js';
import type { Readable, Reading } from './quarantine-readers.js';
import type { JsonObject } from './xes-value.js';
import { withZone } from './zone-offset.js';

type Named = ObjectStatement['object'];
type Links = NonNullable<ObjectStatement['links']>['objects'];

/** The same for the same values at the same time, whatever their order. */
export const changeId = (source: string, { type, id }: Named, occurredAt: string, values: JsonObject): string =>
  deterministicId('ocel', source, 'change', type, id, occurredAt, canonical(values));

export const linksId = (source: string, { type, id }: Named, objects: Links): string =>
  deterministicId('ocel', source, 'links', type, id, JSON.stringify(objects));

const canonical = (values: JsonObject): string =>
  JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Reads a statement as it was mended; it gets the id that the import of the mended file would give it. */
export function readStatement({ payload, mapping }: Readable): Reading {
  const parsed = parseJson(payload);
  if ('code' in parsed) return parsed;
  const fault = faultOf(parsed.value);
  if (fault) return { code: 'STATEMENT_INVALID', reason: `The statement about an object cannot be read: ${fault}.` };
  const given = parsed.value as ObjectStatement;
  const { object, source, change, links } = given;
  const occurredAt = mapping.zone === undefined ? given.occurredAt : withZone(given.occurredAt, mapping.zone);
  const id = links
    ? linksId(source.system, object, links.objects)
    : changeId(source.system, object, occurredAt, { ...change!.attributes, ...change!.personal } as JsonObject);
  return { statement: { ...given, id, occurredAt } };
}

function faultOf(value: unknown): string | null {
  const { object, occurredAt, source, change, links } = Object(value) as Record<string, unknown>;
  if (!isNamed(object)) return 'object must have type and id as texts';
  if (typeof occurredAt !== 'string') return 'occurredAt must be a text';
  if (typeof Object(source).system !== 'string') return 'source.system must be a text';
  if ((change === undefined) === (links === undefined)) return 'it must have either change or links';
  if (change !== undefined) {
    const { attributes, personal = {} } = Object(change) as Record<string, unknown>;
    return isObject(attributes) && isObject(personal) ? null : 'change.attributes and change.personal must be objects';
  }
  const { objects } = Object(links) as Record<string, unknown>;
  if (!Array.isArray(objects) || !objects.every(isNamed)) return 'links.objects must be objects with type and id';
  const qualifiers = (objects as { qualifier?: unknown }[]).map(({ qualifier }) => qualifier);
  return qualifiers.every((q) => q === undefined || typeof q === 'string') ? null : 'a qualifier must be a text';
}

const isObject = (value: unknown): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const isNamed = (value: unknown): boolean =>
  isObject(value) && typeof value['type'] === 'string' && typeof value['id'] === 'string';
