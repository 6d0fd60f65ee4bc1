import { isPlain, timeOf, type OcelType } from './ocel.js';
import { dateFault, type Json } from './xes-value.js';

/** What values of an attribute turned out to be: a type of OCEL, or several of them. */
export type Kind = OcelType | 'json' | 'mixed';

/** The type of OCEL that a value has by itself; `json`: none. */
export function kindOf(value: Json): Kind {
  switch (typeof value) {
    case 'string':
      if (!isPlain(value)) return 'json';
      return dateFault(value) === 'none' ? 'time' : 'string';
    case 'number':
      if (Object.is(value, -0)) return 'json';
      return Number.isSafeInteger(value) ? 'integer' : 'float';
    case 'boolean':
      return 'boolean';
    default:
      return 'json';
  }
}

/** The kind of an attribute that has values of both. What is only JSON has no say. */
export function joined(a: Kind, b: Kind): Kind {
  if (a === b || b === 'json') return a;
  if (a === 'json') return b;
  const both = new Set<Kind>([a, b]);
  if (both.has('integer') && both.has('float')) return 'float';
  if (both.has('string') && both.has('time')) return 'string';
  return 'mixed';
}

/** Type to declare: one in which most readers understand the values. */
export const declared = (kind: Kind): OcelType => (kind === 'json' || kind === 'mixed' ? 'string' : kind);

/** Whether a value can stand in an attribute of the type and be read back as it is. */
export function fits(value: Json, type: OcelType): boolean {
  const own = kindOf(value);
  return own !== 'json' && (own === type || (type === 'float' && own === 'integer') || (type === 'string' && own === 'time')); // prettier-ignore
}

/** A value as a file holds it under a declared type: texts of numbers and flags are understood; else it stays. */
export function valueOf(value: unknown, type: OcelType | undefined): Json {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return valueOf(Number.isSafeInteger(number) ? number : value.toString(), type);
  }
  if (type === 'boolean') return flagOf(value);
  if ((type === 'integer' || type === 'float') && typeof value === 'string') return numberOf(value);
  return value as Json;
}

function flagOf(value: unknown): Json {
  if (value === 1 || value === '1' || value === 'true' || value === 'True') return true;
  if (value === 0 || value === '0' || value === 'false' || value === 'False') return false;
  return value as Json;
}

function numberOf(text: string): Json {
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number)) ? number : text; // prettier-ignore
}

/** Whether a text is a time as OCEL files write them. */
export const isTime = (text: string): boolean => timeOf(text, 'Z') !== undefined;
