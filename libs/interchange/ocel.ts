/** What OCEL 2.0 logs are made of, and what of them is ours. */

/** The types of OCEL attributes. */
export const OCEL_TYPES = ['string', 'time', 'integer', 'float', 'boolean'] as const;
export type OcelType = (typeof OCEL_TYPES)[number];

/** Type of the objects that a log's relations name and that it does not declare. */
export const UNDECLARED = 'undeclared';

/** When what has no time of its own holds: values that an object always had, links between objects. */
export const SINCE_EVER = '1970-01-01T00:00:00Z';

/** Attribute under which our exports keep, as JSON, what an attribute of OCEL cannot hold. */
export const JSON_KEY = 'touchstone:json';
/** Attributes of exported events: who is concerned, and whether anything was left out. */
export const CUSTOMER_KEY = 'touchstone:customer';
export const PERSONAL_KEY = 'touchstone:personal';

/** Bounds of what is held in memory. Reaching one refuses the file with OCEL_LIMIT_EXCEEDED. */
export interface OcelLimits {
  /** Characters of one element of a JSON file: an event, or an object with the history of its values. */
  readonly elementLength: number;
  /** Event types and object types. */
  readonly types: number;
  /** Bytes of the unpacked file. */
  readonly contentBytes: number;
}

export const OCEL_LIMITS: OcelLimits = { elementLength: 16_000_000, types: 5_000, contentBytes: 64 * 2 ** 30 };

const TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9})\d*)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?$/;

/** A time as OCEL files write them, as ISO 8601 with its offset; `zone` is that of times without one. */
export function timeOf(text: string, zone: string): { readonly time: string; readonly zoned: boolean } | undefined {
  const match = TIME.exec(text.trim());
  if (!match) return undefined;
  const [, day, clock, fraction, offset] = match;
  const time = `${day}T${clock}${fraction === undefined ? '' : `.${fraction}`}${offset === undefined ? zone : offsetOf(offset)}`;
  return { time, zoned: offset !== undefined };
}

function offsetOf(text: string): string {
  if (/^(?:z|utc)$/i.test(text)) return 'Z';
  const digits = text.replace(':', '');
  return `${digits.slice(0, 3)}:${digits.slice(3) || '00'}`;
}

/** What SQLite keeps as it is: it ends a text at a NUL, and UTF-8 has no lone surrogates. */
export const isPlain = (text: string): boolean => !/[\0\p{Cs}]/u.test(text);
export const plain = (text: string): string => (isPlain(text) ? text : text.replace(/[\0\p{Cs}]/gu, '\ufffd'));
