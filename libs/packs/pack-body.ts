import { createHash } from 'node:crypto';
import { isInstant, TouchstoneError } from '@touchstone/eventing';
import type { CorrelationRule } from './correlation-rule.js';
import type { AttributeSpec, ExperiencePolicy, KindSpec, MomentSpec, Names } from './kind.js';
import type { PackBody } from './pack.js';

/** What a pack adds. Kinds and moments that the published pack has beside these stay. */
export interface PackContent {
  readonly pack: string;
  /** A name in another language that is not given stays as published; the same for kinds and moments. */
  readonly names: Names;
  readonly kinds: readonly KindSpec[];
  readonly moments?: readonly MomentSpec[];
  /** Absent: stays as published. The labels given take the place of all that were there. */
  readonly experience?: ExperiencePolicy;
  /** Rules given take the place of those for the same type of journey; the others stay. */
  readonly correlation?: readonly CorrelationRule[];
}

/** Of each kind: the attributes that some pack ever marked as personal, as they were marked. */
export type PersonalMarks = ReadonlyMap<string, ReadonlyMap<string, AttributeSpec>>;

/** SHA-256 of the canonical JSON: keys sorted, so that the order in a file does not matter. */
export function contentHash(body: PackBody): string {
  return createHash('sha256').update(canonical(body)).digest('hex');
}

/**
 * The body with the content's kinds and moments laid over it, each sorted by id. A kind's attributes are laid over
 * those it has: none disappears, and what was ever marked personal stays so, whoever publishes the kind anew.
 */
export function extended(body: PackBody | undefined, content: PackContent, marks: PersonalMarks = new Map()): PackBody {
  const kinds = new Map((body?.kinds ?? []).map((k) => [k.id, k]));
  for (const kind of content.kinds) kinds.set(kind.id, laidOver(kinds.get(kind.id), kind, marks.get(kind.id)));
  const moments = new Map((body?.moments ?? []).map((m) => [m.code, m]));
  for (const moment of content.moments ?? []) moments.set(moment.code, renamed(moments.get(moment.code), moment));
  const experience = content.experience ? reworded(body?.experience, content.experience) : body?.experience;
  const rules = new Map((body?.correlation ?? []).map((rule) => [rule.journeyType, rule]));
  for (const rule of content.correlation ?? []) rules.set(rule.journeyType, plainRule(rule));
  const correlation = [...rules.values()].sort((a, b) => (a.journeyType < b.journeyType ? -1 : 1));
  return {
    names: names(body?.names, content.names),
    kinds: [...kinds.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    moments: [...moments.values()].sort((a, b) => (a.code < b.code ? -1 : 1)),
    ...(experience && { experience }),
    ...(correlation.length > 0 && { correlation }),
  };
}

/** What is not so is left out, so that saying it and not saying it have one hash. */
function plainRule({ sameCustomer, kinds = [], objects = [], ...rule }: CorrelationRule): CorrelationRule {
  return {
    ...rule,
    ...(kinds.length > 0 && { kinds: [...kinds].sort() }),
    ...(objects.length > 0 && { objects: [...objects] }),
    ...(sameCustomer !== undefined && sameCustomer !== 'apart' && { sameCustomer }),
  };
}

/** What is not so is left out, as with attributes. */
function renamed(before: MomentSpec | undefined, { rule, description, ...moment }: MomentSpec): MomentSpec {
  return {
    ...moment,
    names: names(before?.names, moment.names),
    ...(description && { description: names(before?.description, description) }),
    ...(rule && { rule }),
  };
}

/** From the highest gap to the lowest, so that the order in which labels are given does not matter. */
function reworded(before: ExperiencePolicy | undefined, { labels }: ExperiencePolicy): ExperiencePolicy {
  const known = new Map(before?.labels.map((label) => [label.id, label.names]));
  const all = labels.map(({ id, from, to, ...label }) => ({ id, names: names(known.get(id), label.names), from, to }));
  return { labels: all.sort((a, b) => b.to - a.to || (a.id < b.id ? -1 : 1)) };
}

function laidOver(
  before: KindSpec | undefined,
  { attributes: given, ...kind }: KindSpec,
  marks: ReadonlyMap<string, AttributeSpec> = new Map(),
): KindSpec {
  const attributes = new Map(Object.entries(before?.attributes ?? {}));
  for (const [name, { type }] of marks) {
    const { required } = attributes.get(name) ?? {};
    attributes.set(name, attribute(type, true, required));
  }
  for (const [name, spec] of Object.entries(given ?? {})) {
    const known = attributes.get(name);
    const personal = (known?.personal ?? false) || (spec.personal ?? false);
    attributes.set(name, attribute(spec.type, personal, spec.required ?? known?.required));
  }
  return {
    ...kind,
    names: names(before?.names, kind.names),
    ...(attributes.size > 0 && { attributes: Object.fromEntries(attributes) }),
  };
}

/** What is not so is left out, so that saying it and not saying it have one hash. */
const attribute = (type: AttributeSpec['type'], personal = false, required = false): AttributeSpec => ({
  type,
  ...(personal && { personal }),
  ...(required && { required }),
});

function names(before: Names | undefined, { en, zh = before?.zh }: Names): Names {
  return { en, ...(zh !== undefined && { zh }) };
}

/** @throws ATTRIBUTE_INVALID when an attribute has not the type that its kind gives it, or a required one is missing */
export function checkAttributes(kind: KindSpec, attributes: Readonly<Record<string, unknown>>): void {
  for (const [name, spec] of Object.entries(kind.attributes ?? {})) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (value === undefined || value === null) {
      if (spec.required) attributeFault(kind, name, 'is missing');
    } else if (!fits(spec.type, value)) {
      attributeFault(kind, name, `must be ${EXPECTED[spec.type]}`);
    }
  }
}

const EXPECTED: Readonly<Record<AttributeSpec['type'], string>> = {
  text: 'a text',
  number: 'a number',
  flag: 'true or false',
  instant: 'a date and time with a zone, such as 2024-05-01T08:00:00+08:00',
  json: 'a JSON value',
};

function fits(type: AttributeSpec['type'], value: unknown): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'flag':
      return typeof value === 'boolean';
    case 'instant':
      return isInstant(value);
    case 'json':
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
