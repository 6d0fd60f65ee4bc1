/** What the read store asks of a database, whichever it is. */
import { existsSync, rmSync } from 'node:fs';
import type { PostgresError, SyncPostgres } from '@touchstone/eventing/read';
import { fenceAt } from './fence.js';
import { isPostgresUrl, schemaOf, type Place } from './place.js';
import { hasSchema, openPostgres } from './postgres.js';
import { openSqliteForReading, openSqliteForWriting, quoted, sqliteCode, type Durability } from './sqlite.js';

/**
 * A prepared statement with `?` marks. Whole numbers to 2^53 - 1, text, bytes and null go in and out on every engine;
 * conditions come out as 1 and 0.
 */
export interface Statement {
  // Rows are what the statement says they are: its author knows.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  get(...values: any[]): any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  all(...values: any[]): any[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  run(...values: any[]): { readonly changes: number | bigint };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  iterate(...values: any[]): IterableIterator<any>;
}

/** A connection to one generation, or to what stands above all of them. Synchronous: threads of their own use it. */
export interface Connection {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(text: string): void;
  prepare(text: string): Statement;
  close(): void;
}

/** The engine's own connection when it is PostgreSQL. */
export const asPostgres = (db: Connection): SyncPostgres | null =>
  (db as { engine?: unknown }).engine === 'postgres' ? (db as SyncPostgres) : null;

/** What each transaction of a connection begins with, so that only the holder of a lease writes. */
const fences = new WeakMap<Connection, string>();

/** @throws READ_STORE_DAMAGED, READ_STORE_UNREACHABLE (unavailable) */
export function openForWriting(place: Place, durability: Durability): Connection {
  if (!isPostgresUrl(place)) return openSqliteForWriting(place, durability);
  const db = openPostgres(place, { durable: durability === 'durable' });
  const fence = fenceAt(place);
  if (fence !== null) fences.set(db, fence);
  return db;
}

/**
 * For reading only. `interrupt` is asked while a statement runs, where the engine allows it, and ends it by throwing.
 * @throws READ_STORE_MISSING, READ_STORE_DAMAGED, READ_STORE_UNREACHABLE (unavailable)
 */
export function openForReading(place: Place, interrupt?: () => void): Connection {
  return isPostgresUrl(place) ? openPostgres(place, { readOnly: true, interrupt }) : openSqliteForReading(place);
}

/** Whether something is at a place. */
export function isThere(place: Place): boolean {
  if (!isPostgresUrl(place)) return existsSync(place);
  const db = openPostgres(place, { readOnly: true });
  try {
    return hasSchema(db, place);
  } finally {
    db.close();
  }
}

/** Removes what is at a place, if there is anything; nobody may have it open for writing. */
export function removeAt(place: Place): void {
  if (!isPostgresUrl(place)) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(place + suffix, { force: true });
    return;
  }
  const db = openForWriting(place, 'durable');
  try {
    transaction(db, () => db.exec(`drop schema if exists ${quoted(schemaOf(place))} cascade`));
  } finally {
    db.close();
  }
}

/** Runs `work` in one write transaction; whatever it throws takes everything back. */
export function transaction<T>(db: Connection, work: () => T): T {
  // Immediate, because a transaction that reads first and writes later fails at once when another one wrote meanwhile.
  db.exec(asPostgres(db) ? 'begin' : 'begin immediate');
  try {
    const fence = fences.get(db);
    if (fence !== undefined) db.exec(fence);
    const result = work();
    db.exec('commit');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('rollback');
    throw error;
  }
}

/** Begins a transaction that sees one state of everything, and writes nothing. */
export const beginReading = (db: Connection): void =>
  db.exec(asPostgres(db) ? 'begin isolation level repeatable read read only' : 'begin');

export function endReading(db: Connection): void {
  const postgres = asPostgres(db);
  if (postgres) postgres.endReading();
  else db.exec('commit');
}

const CONSTRAINT = 19;
const TOO_BIG = 18;
const MISMATCH = 20;

/**
 * Whose fault an error of the store is: `values`, when the statement failed for the values in it and would fail again;
 * `store` for a full disk, a lock, a broken connection; null when the error is none of the store's.
 */
export function storeFault(error: unknown): 'values' | 'store' | null {
  const code = sqliteCode(error);
  if (code !== null) return [CONSTRAINT, TOO_BIG, MISMATCH].includes(code & 0xff) ? 'values' : 'store';
  const { name, sqlState } = (error ?? {}) as Partial<PostgresError>;
  if (name !== 'PostgresError' || sqlState === undefined) return null;
  // Data exceptions, integrity, limits of a row or an index.
  return /^(?:22|23|54)/.test(sqlState) ? 'values' : 'store';
}
