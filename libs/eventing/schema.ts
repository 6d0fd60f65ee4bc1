import Type, { type Static, type TSchema } from 'typebox';

export type { Static };
export type Schema = TSchema;

const text = (options: { maxLength?: number; description?: string } = {}) =>
  Type.String({ maxLength: 4000, ...options });

/**
 * Builders for event payloads: one description gives the TypeScript type, the compiled validator and JSON Schema.
 * `t.personal(...)` marks a field that is encrypted before it reaches the log.
 */
export const t = {
  object: <P extends Record<string, TSchema>>(properties: P, options: { description?: string } = {}) =>
    Type.Object(properties, { additionalProperties: false, ...options }),
  optional: Type.Optional,
  array: <S extends TSchema>(items: S, options: { maxItems?: number; minItems?: number } = {}) =>
    Type.Array(items, { maxItems: 10_000, ...options }),
  record: <S extends TSchema>(values: S) => Type.Record(Type.String(), values),
  oneOf: <const L extends string[]>(values: [...L]) =>
    Type.Union(values.map((v) => Type.Literal(v))) as unknown as OneOf<L>,
  text,
  /** An id of ours or of another system: 1 to 512 characters. */
  id: () => Type.String({ minLength: 1, maxLength: 512 }),
  /** A code from a pack or a code list: 1 to 256 characters. */
  code: () => Type.String({ minLength: 1, maxLength: 256 }),
  uuid: () =>
    Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$', description: 'UUID' }),
  instant: () =>
    Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
      description: 'ISO 8601 date and time with a zone offset',
    }),
  flag: () => Type.Boolean(),
  integer: (options: { minimum?: number; maximum?: number } = {}) => Type.Integer(options),
  number: () => Type.Number(),
  /** Any JSON value. */
  json: () => Type.Unknown(),
  /** A field about a person: encrypted before append with the key of the event's subject. */
  personal: <S extends TSchema>(schema: S): S => ({ ...schema, personal: true }) as S,
};

/** A union of string literals, as a schema. */
type OneOf<L extends string[]> = TSchema & { static: L[number] } & Type.TUnsafe<L[number]>;
