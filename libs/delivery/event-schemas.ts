import type { EventDescription } from '@touchstone/eventing';
import { schemaName } from './cloud-event.js';
import { formerSchemas } from './former-schemas.js';

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The data of one version of an event type, as it goes out. */
export interface EventSchema {
  readonly type: string;
  readonly version: number;
  /** It goes out in this version; older ones are kept for who has such events. */
  readonly current: boolean;
  readonly schema: JsonSchema;
}

/** Where the schema of a version is served: the address never changes. */
export const schemaPath = (type: string, version: number): string => `/schemas/${type}/${version}.json`;

/** All versions of all event types, by type and version. */
export function eventSchemas(definitions: readonly EventDescription[]): readonly EventSchema[] {
  const current = definitions.map(({ type, schemaVersion: version, schema, personalFields }): EventSchema => ({
    type,
    version,
    current: true,
    schema: withoutPersonal(plain(schema), personalFields),
  }));
  const former = formerSchemas.map((one): EventSchema => ({ ...one, current: false }));
  return [...current, ...former].sort((a, b) => (a.type === b.type ? a.version - b.version : a.type < b.type ? -1 : 1));
}

/** The schema as a document of its own. */
export const schemaDocument = ({ type, version, schema }: EventSchema): JsonSchema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: schemaName(type, version),
  title: `${type}, version ${version}`,
  ...schema,
});

/** Without what the schema builder keeps for itself. */
const plain = (schema: object): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema;

/** Personal fields never go out. */
function withoutPersonal(schema: JsonSchema, personal: readonly string[]): JsonSchema {
  if (personal.length === 0) return schema;
  const properties = Object.entries(schema['properties'] as object).filter(([name]) => !personal.includes(name));
  const required = ((schema['required'] ?? []) as readonly string[]).filter((name) => !personal.includes(name));
  const { required: _all, ...rest } = schema;
  return { ...rest, ...(required.length > 0 && { required }), properties: Object.fromEntries(properties) };
}
