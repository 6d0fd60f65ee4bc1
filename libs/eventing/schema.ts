import type Type from 'typebox';
import type { Static, TObject, TOptional, TProperties, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/schema';

export type { Static };
export type Schema = TSchema;

// A schema is plain JSON Schema with TypeBox's types on it. TypeBox's own builders are some 370 modules, which each thread
// of a server would have to load.
const json = <S extends TSchema>(schema: object) => schema as S;

/** Marks a schema as that of a field that may be absent; the object around it takes the mark away. */
const OPTIONAL = Symbol('optional');

/** The schema of an object of nothing but these fields. */
export function objectSchema<P extends TProperties>(fields: P, options: { description?: string } = {}): TObject<P> {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  for (const [name, { [OPTIONAL]: optional, ...schema }] of Object.entries(fields as Record<string, Marked>)) {
    properties[name] = schema;
    if (!optional) required.push(name);
  }
  const needs = required.length > 0 ? { required } : {};
  return json({ type: 'object', ...needs, properties, additionalProperties: false, ...options });
}
type Marked = TSchema & { readonly [OPTIONAL]?: true };

const string = (options: object) => json<Type.TString>({ type: 'string', ...options });
const text = (options: { maxLength?: number; description?: string } = {}) => string({ maxLength: 4000, ...options });

/**
 * Builders for event payloads: one description gives the TypeScript type, the compiled validator and JSON Schema.
 * `t.personal(...)` marks a field that is encrypted before it reaches the log.
 */
export const t = {
  object: objectSchema,
  optional: <S extends TSchema>(schema: S) => json<TOptional<S>>({ ...schema, [OPTIONAL]: true }),
  array: <S extends TSchema>(items: S, options: { maxItems?: number; minItems?: number } = {}) =>
    json<Type.TArray<S>>({ type: 'array', items, maxItems: 10_000, ...options }),
  record: <S extends TSchema>(values: S) =>
    json<Type.TRecord<typeof ANY_NAME, S>>({ type: 'object', patternProperties: { [ANY_NAME]: values } }),
  oneOf: <const L extends string[]>(values: [...L]) =>
    json<OneOf<L>>({ anyOf: values.map((value) => ({ type: 'string', const: value })) }),
  orNull: <S extends TSchema>(schema: S) => json<Type.TUnion<[S, Type.TNull]>>({ anyOf: [schema, { type: 'null' }] }),
  text,
  /** An id of ours or of another system: 1 to 512 characters. */
  id: () => string({ minLength: 1, maxLength: 512 }),
  /** A code from a pack or a code list: 1 to 256 characters. */
  code: () => string({ minLength: 1, maxLength: 256 }),
  uuid: () =>
    string({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$', description: 'UUID' }),
  instant: () =>
    string({
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
      description: 'ISO 8601 date and time with a zone offset',
    }),
  flag: () => json<Type.TBoolean>({ type: 'boolean' }),
  integer: (options: { minimum?: number; maximum?: number } = {}) =>
    json<Type.TInteger>({ type: 'integer', ...options }),
  number: () => json<Type.TNumber>({ type: 'number' }),
  /** Any JSON value. */
  json: () => json<Type.TUnknown>({}),
  /** A field about a person: encrypted before append with the key of the event's subject. */
  personal: <S extends TSchema>(schema: S): S => ({ ...schema, personal: true }) as S,
};

const ANY_NAME = '^.*$';

/** A union of string literals, as a schema. */
type OneOf<L extends string[]> = TSchema & { static: L[number] } & Type.TUnsafe<L[number]>;

/** What tells whether a value fits a schema, and why not. */
export interface Checker<T> {
  fits(value: unknown): value is T;
  /** The first fault; null: none. */
  fault(value: unknown): Fault | null;
}

/** What is wrong, and where: a JSON pointer, empty for the whole. */
export interface Fault {
  readonly at: string;
  readonly message: string;
}

/** Checks values by a schema, which is compiled when the first one comes. */
export function checker<S extends TSchema>(schema: S): Checker<Static<S>> {
  let made: Pick<Validator, 'Check' | 'Errors'> | undefined;
  const compiled = () => (made ??= Compile(schema));
  return {
    fits: (value): value is Static<S> => compiled().Check(value),
    fault(value) {
      if (compiled().Check(value)) return null;
      const [first] = compiled().Errors(value)[1];
      return { at: first?.instancePath ?? '', message: first?.message ?? 'does not fit the schema' };
    },
  };
}
