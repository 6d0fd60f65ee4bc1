import { isInstant } from '@touchstone/eventing/pure';
import type { XesAttribute, XesEvent, XesFault } from './xes.js';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const INT = /^[+-]?\d+$/;
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const SPECIAL_FLOATS = new Set(['INF', '+INF', '-INF', 'NaN']);
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * An attribute as JSON, or undefined when its text is not of its type.
 *
 * - `string`, `id`, `date`: text; a date keeps its offset (and may have none).
 * - `int`, `float`: a number; text where JSON has no exact number for it (beyond 2^53, INF, NaN).
 * - `boolean`: true or false.
 * - `list`: an array of `{key, value}`, in order, because keys may repeat.
 * - `container`: an object by key.
 * - Any attribute with nested attributes: `{value, attributes}`.
 */
export function jsonOf(attribute: XesAttribute): Json | undefined {
  const { children, items } = attribute;
  if (attribute.type === 'container') return objectOf(children ?? []);
  if (attribute.type === 'list') {
    // `<values>` holds the items; older writers put them into the list itself.
    const values = listOf(items ?? children ?? []);
    return values && items && children ? nested(values, children) : values;
  }
  const value = scalarOf(attribute);
  return value !== undefined && children ? nested(value, children) : value;
}

function nested(value: Json, children: readonly XesAttribute[]): Json | undefined {
  const attributes = objectOf(children);
  return attributes && { value, attributes };
}

function listOf(items: readonly XesAttribute[]): Json[] | undefined {
  const list: Json[] = [];
  for (const item of items) {
    const value = jsonOf(item);
    if (value === undefined) return undefined;
    list.push({ key: item.key, value });
  }
  return list;
}

function objectOf(attributes: readonly XesAttribute[]): JsonObject | undefined {
  const object: JsonObject = {};
  for (const attribute of attributes) {
    const value = jsonOf(attribute);
    if (value === undefined) return undefined;
    put(object, attribute.key, value);
  }
  return object;
}

/** Sets a key that comes from a file: `__proto__` is a key like any other. */
export function put(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

function scalarOf({ type, value }: XesAttribute): Json | undefined {
  switch (type) {
    case 'string':
    case 'id':
      return value;
    case 'date':
      return dateFault(value.trim()) === 'invalid' ? undefined : value.trim();
    case 'int':
      return intOf(value.trim());
    case 'float':
      return floatOf(value.trim());
    case 'boolean':
      return booleanOf(value.trim());
    default:
      return undefined;
  }
}

function intOf(text: string): Json | undefined {
  if (!INT.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number + 0 : text;
}

function floatOf(text: string): Json | undefined {
  if (SPECIAL_FLOATS.has(text)) return text;
  if (!FLOAT.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

function booleanOf(text: string): Json | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

/** What keeps a text from being an instant: nothing, only the missing zone, or more. */
export function dateFault(text: string): 'none' | 'noZone' | 'invalid' {
  const match = DATE_TIME.exec(text);
  if (!match) return 'invalid';
  const zoned = match[5] === undefined ? `${text}Z` : text;
  if (!isInstant(zoned)) return 'invalid';
  // The platform's parser takes 30 February for 1 March.
  if (Number(match[3]) > daysIn(Number(match[1]), Number(match[2]))) return 'invalid';
  return match[5] === undefined ? 'noZone' : 'none';
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const daysIn = (year: number, month: number): number =>
  month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : DAYS[month - 1]!;

export const wrongType = ({ type, key }: XesAttribute): XesFault => ({
  code: 'XES_WRONG_TYPE',
  reason: `The text of the ${type} attribute "${key}", or of one nested in it, is no ${type}.`,
});

/** The content of an event in a form that does not depend on the order of its attributes. */
export function canonicalOf(attributes: readonly XesAttribute[]): string {
  return JSON.stringify(canonicalList(byKey(attributes)));
}

type Canonical = (string | Canonical)[];

/** Type, key and value of each, in one flat list; what is nested follows its attribute as a list. */
function canonicalList(attributes: readonly XesAttribute[]): Canonical {
  const list: Canonical = [];
  for (const { type, key, value, children, items } of attributes) {
    list.push(type, key, value);
    if (!children && !items) continue;
    // The items of a list stand in their order.
    const inner = type === 'list' && !items ? (children ?? []) : byKey(children ?? []);
    list.push([canonicalList(inner), canonicalList(items ?? [])]);
  }
  return list;
}

let lastKeys: string[] = [];
let lastOrder: number[] = [];

/** Sorted by key. Events of a log mostly name the same keys in the same order, so the last order is tried first. */
function byKey(attributes: readonly XesAttribute[]): readonly XesAttribute[] {
  if (attributes.length < 2) return attributes;
  if (attributes.length !== lastKeys.length || attributes.some(({ key }, i) => key !== lastKeys[i])) {
    lastKeys = attributes.map(({ key }) => key);
    const keys = lastKeys;
    lastOrder = keys.map((_, i) => i).sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
  }
  return lastOrder.map((i) => attributes[i]!);
}

/** The event as XML again, for a reader of the quarantine. */
export const xmlOf = (event: Pick<XesEvent, 'attributes'>): string =>
  `<event>${event.attributes.map(attributeXml).join('')}</event>`;

function attributeXml({ type, key, value, children, items }: XesAttribute): string {
  const start = `<${type} key="${escaped(key)}" value="${escaped(value)}"`;
  if (!children && !items) return `${start}/>`;
  const values = items ? `<values>${items.map(attributeXml).join('')}</values>` : '';
  return `${start}>${values}${(children ?? []).map(attributeXml).join('')}</${type}>`;
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};
const escaped = (text: string): string => text.replace(/[&<"\n\r\t]/g, (c) => ESCAPES[c]!);
