import { TouchstoneError } from './errors.js';

/** Where a PostgreSQL is, and where in it: what the driver is given, and what people may be shown. */
export interface PostgresAddress {
  /** For the driver; may hold a password. */
  readonly connectionString: string;
  /** The same without credentials and options. */
  readonly shown: string;
  /** Schema of what belongs to the whole; the names of other schemas of ours begin with it. */
  readonly schema: string;
}

/** Where an address that names no schema means. */
export const DEFAULT_SCHEMA = 'touchstone';
/** Parameters of an address that are ours, and not for the driver. */
const OWN = ['schema', 'lease', 'epoch', 'leases', 'line'];
/** Short enough that a group and the number of a generation still fit behind it: names have 63 bytes. */
const SCHEMA = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * Reads an address such as `postgres://user:password@host:5432/database?schema=touchstone`. `schema`, and what
 * a lease adds to it, is ours and not for the driver.
 * @throws POSTGRES_ADDRESS_INVALID, without repeating what may be a password
 */
export function postgresAddress(text: string): PostgresAddress {
  if (!/^postgres(ql)?:\/\//i.test(text.trim())) throw invalid('it does not begin with postgres:// or postgresql://');
  if (!URL.canParse(text.trim()))
    throw invalid('it is no address; "@", ":", "/" and "?" in a password are percent-encoded');
  const url = new URL(text.trim());
  if (url.hostname === '') throw invalid('it names no host');
  if (url.pathname.length < 2) throw invalid('it names no database');
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA.test(schema) || schema.startsWith('pg_')) {
    throw invalid('its schema is not a lower-case letter and up to 31 letters, digits and "_" behind it');
  }
  return { ...forDriver(url.href), schema };
}

/** An address that was checked before, of whichever schema: what the driver is given, and what people may be shown. */
export function forDriver(address: string): Omit<PostgresAddress, 'schema'> {
  const url = new URL(address);
  for (const name of OWN) url.searchParams.delete(name);
  return { connectionString: url.href, shown: `postgres://${url.host}${url.pathname}` };
}

const invalid = (why: string): TouchstoneError =>
  new TouchstoneError(
    'POSTGRES_ADDRESS_INVALID',
    `The address of PostgreSQL cannot be used: ${why}. Write it like postgres://user:password@host:5432/touchstone.`,
    'invalid',
  );

/** `shown`: as `PostgresAddress` has it. */
export const storeUnreachable = (shown: string, why: string, cause: unknown): TouchstoneError =>
  new TouchstoneError(
    'READ_STORE_UNREACHABLE',
    `PostgreSQL at ${shown} does not answer (${why}); check READ_STORE_URL and that the server runs.`,
    'unavailable',
    undefined,
    { cause },
  );
