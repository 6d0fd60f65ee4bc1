import { DEFAULT_SCHEMA } from '@touchstone/eventing/pure';

/**
 * Where the tables of a generation, or of all generations, are: a path (of an SQLite file, or of the directory of such
 * files), or the address of a PostgreSQL whose parameter `schema` names a schema.
 */
export type Place = string;

/** PostgreSQL cuts longer names off. */
const LONGEST_NAME = 63;

export const isPostgresUrl = (place: Place): boolean => /^postgres(?:ql)?:\/\//.test(place);

/** The schema that an address names. */
export const schemaOf = (place: Place): string => new URL(place).searchParams.get('schema') ?? DEFAULT_SCHEMA;

/** The same server and database, another schema. */
export function inSchema(place: Place, schema: string): Place {
  if (schema.length > LONGEST_NAME) throw new RangeError(`"${schema}" is too long for the name of a schema.`);
  const url = new URL(place);
  url.searchParams.set('schema', schema);
  return url.href;
}
