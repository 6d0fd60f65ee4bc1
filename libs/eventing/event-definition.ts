import type { Static, TObject, TProperties, TSchema } from 'typebox';
import { TouchstoneError } from './errors.js';
import { checker, objectSchema, t, type Fault } from './schema.js';
import type { About, DecidedEvent, Folded } from './decider.js';

/** Turns the stored data of an older schema version into that of the next one. */
export type Upcaster = (data: never) => unknown;

/** What is known of an event type. */
export interface EventDescription<T extends string = string> {
  readonly type: T;
  /** The version that is written today. */
  readonly schemaVersion: number;
  /** JSON Schema of the data as decided (personal fields readable). */
  readonly schema: TObject;
  /** JSON Schema of the data as stored: a personal field is a ciphertext. */
  readonly storedSchema: TObject;
  readonly personalFields: readonly string[];
  /** By the version they start from. */
  readonly upcasters: Readonly<Record<number, Upcaster>>;
  /** The first fault of data as decided, or null. */
  fault(data: unknown): string | null;
  /** The first fault of data as stored (today's version), or null. */
  storedFault(data: unknown): string | null;
}

/** One event type, described once. Call it to make a decided event. */
export interface EventDefinition<T extends string = string, D = never> extends EventDescription<T> {
  (data: D, about?: About): DecidedEvent<T, D>;
}

/** The folded form of an event definition, or of a union of them. */
export type EventOf<Def> = Def extends EventDefinition<infer T, infer D> ? Folded<T, D> : never;

/**
 * Describes an event type. Its name and shape are the storage format: they are frozen once an event was written;
 * a changed shape is a new `version` with an upcaster from the one before.
 */
export function event<T extends string, P extends TProperties>(
  type: T,
  schema: TObject<P>,
  options: { version?: number; upcasters?: Record<number, Upcaster> } = {},
): EventDefinition<T, Static<TObject<P>>> {
  type D = Static<TObject<P>>;
  const schemaVersion = options.version ?? 1;
  const personalFields = Object.entries(schema.properties)
    .filter(([, s]) => (s as { personal?: boolean }).personal)
    .map(([name]) => name);
  for (const [name, field] of Object.entries(schema.properties)) assertNoMarkBelow(type, name, field);
  const storedSchema = stored(schema, personalFields);
  const check = checker(schema);
  const checkStored = personalFields.length === 0 ? check : checker(storedSchema);
  const make = (data: D, about: About = {}): DecidedEvent<T, D> => ({ type, schemaVersion, data, ...about });
  return Object.assign(make, {
    type,
    schemaVersion,
    schema: schema as unknown as TObject,
    storedSchema,
    personalFields,
    upcasters: options.upcasters ?? {},
    fault: (data: unknown) => sentence(check.fault(data)),
    storedFault: (data: unknown) => sentence(checkStored.fault(data)),
  });
}

const CIPHER: TSchema = { type: 'string', description: 'Encrypted personal data', personal: true };

function stored(schema: TObject<TProperties>, personalFields: string[]): TObject {
  const required = new Set<string>(schema.required);
  const properties: Record<string, TSchema> = {};
  for (const [name, field] of Object.entries(schema.properties)) {
    const kept = personalFields.includes(name) ? CIPHER : field;
    properties[name] = required.has(name) ? kept : t.optional(kept);
  }
  return objectSchema(properties);
}

/** Only a whole field can be sealed: a mark further down would be passed over in silence. */
function assertNoMarkBelow(type: string, path: string, schema: unknown): void {
  for (const [key, value] of Object.entries(schema as Record<string, unknown>)) {
    if (typeof value !== 'object' || value === null) continue;
    const at = `${path}.${key}`;
    if ((value as { personal?: boolean }).personal === true) {
      const message = `${type} marks ${at} as personal; mark the whole field ${path.split('.')[0]}, or give it one of its own.`;
      throw new TouchstoneError('PERSONAL_MARK_NESTED', message, 'internal');
    }
    assertNoMarkBelow(type, at, value);
  }
}

const sentence = (fault: Fault | null) => fault && `${fault.at || '/'}: ${fault.message}`;
