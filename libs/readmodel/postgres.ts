import { openSyncPostgres, type SqlValue, type SyncPostgres } from '@touchstone/eventing/read';
import { schemaOf, type Place } from './place.js';
import { quoted } from './sqlite.js';

/** A connection to the schema that an address names. */
export function openPostgres(
  place: Place,
  options: { readonly durable?: boolean; readonly readOnly?: boolean; readonly interrupt?: () => void },
): SyncPostgres {
  return openSyncPostgres(place, { ...options, schema: schemaOf(place), application: 'touchstone read store' });
}

export function createSchema(db: SyncPostgres, place: Place): void {
  const schema = schemaOf(place);
  // Asked first: two processes that create it at the same moment would get in each other's way.
  if (hasSchema(db, place)) return;
  try {
    db.exec(`create schema ${quoted(schema)}`);
  } catch (error) {
    if (!hasSchema(db, place)) throw error;
  }
}

export const hasSchema = (db: SyncPostgres, place: Place): boolean =>
  db.prepare('select 1 from pg_namespace where nspname = ?').get(schemaOf(place)) !== undefined;

export const TYPES = { int: 'bigint', text: 'text', blob: 'bytea' } as const;

/** How a list goes in as one parameter: as the text of an array. */
export function arrayOf(values: readonly SqlValue[]): string {
  const parts = new Array<string>(values.length);
  for (let i = 0; i < values.length; i++) parts[i] = element(values[i]!);
  return `{${parts.join(',')}}`;
}

function element(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `"${/["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return `"\\\\x${bytes.toString('hex')}"`;
}
