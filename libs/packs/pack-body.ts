import { createHash } from 'node:crypto';
import { TouchstoneError } from '@touchstone/eventing';
import type { KindSpec, MomentSpec, Names } from './kind.js';
import type { PackBody } from './pack.js';

/** What a pack adds. Kinds and moments that the published pack has beside these stay. */
export interface PackContent {
  readonly pack: string;
  readonly names: Names;
  readonly kinds: readonly KindSpec[];
  readonly moments?: readonly MomentSpec[];
}

/** SHA-256 of the canonical JSON: keys sorted, so that the order in a file does not matter. */
export function contentHash(body: PackBody): string {
  return createHash('sha256').update(canonical(body)).digest('hex');
}

/** The body with the content's kinds and moments laid over it, each sorted by id. */
export function extended(body: PackBody | undefined, content: PackContent): PackBody {
  const kinds = new Map((body?.kinds ?? []).map((k) => [k.id, k]));
  for (const kind of content.kinds) kinds.set(kind.id, kind);
  const moments = new Map((body?.moments ?? []).map((m) => [m.code, m]));
  for (const moment of content.moments ?? []) moments.set(moment.code, moment);
  return {
    names: content.names,
    kinds: [...kinds.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    moments: [...moments.values()].sort((a, b) => (a.code < b.code ? -1 : 1)),
  };
}

/** @throws ATTRIBUTE_INVALID when an attribute has not the type that its kind gives it, or a required one is missing */
export function checkAttributes(kind: KindSpec, attributes: Readonly<Record<string, unknown>>): void {
  for (const [name, spec] of Object.entries(kind.attributes ?? {})) {
    const value = attributes[name];
    if (value === undefined || value === null) {
      if (spec.required) attributeFault(kind, name, 'is missing');
    } else if (!fits(spec.type, value)) {
      attributeFault(kind, name, `must be of type ${spec.type}`);
    }
  }
}

function fits(type: string, value: unknown): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'flag':
      return typeof value === 'boolean';
    case 'instant':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value));
    default:
      return true;
  }
}

function attributeFault(kind: KindSpec, name: string, fault: string): never {
  throw new TouchstoneError('ATTRIBUTE_INVALID', `The attribute ${name} of the kind ${kind.id} ${fault}.`, 'invalid');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
