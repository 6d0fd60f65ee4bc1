import { DatabaseSync } from '@photostructure/sqlite';
import { TouchstoneError } from '@touchstone/eventing/pure';

/** A connection to one SQLite file. */
export type Sqlite = InstanceType<typeof DatabaseSync>;

/**
 * How far a write has gone when its transaction commits. `building`: nowhere in particular, the file is thrown away
 * after a crash. `live`: WAL with NORMAL; a power cut may take the last transactions, never half of one, and because
 * rows and checkpoint share each transaction the projection simply reads those events again from the log, which is
 * the only place where a loss would matter. `durable`: on the disk.
 */
export type Durability = 'building' | 'live' | 'durable';

const SYNCHRONOUS = { building: 0, live: 1, durable: 2 } as const satisfies Record<Durability, number>;

/** While a read lasts, what is written ahead grows; once it begins anew, no more of its file stays than this. */
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Opens a file for reading and writing, with the pragmas that the durability asks for, and makes sure they took.
 * @throws READ_STORE_DAMAGED (unavailable) when the file is not a sound database
 */
export function openSqliteForWriting(path: string, durability: Durability): Sqlite {
  const db = open(path, false);
  try {
    // A generation under construction needs its rollback journal only for events that are taken back: memory will do.
    const journal = durability === 'building' ? 'memory' : 'wal';
    db.exec(`pragma busy_timeout = 5000; pragma journal_mode = ${journal}; pragma cache_size = -65536;
      pragma temp_store = memory; pragma wal_autocheckpoint = 1000; pragma journal_size_limit = ${WAL_KEPT_BYTES};
      pragma synchronous = ${SYNCHRONOUS[durability]}`);
    assertPragma(db, path, 'synchronous', SYNCHRONOUS[durability]);
    if (path !== ':memory:') assertPragma(db, path, 'journal_mode', journal);
    return db;
  } catch (error) {
    db.close();
    throw damagedOr(error, path);
  }
}

/** Opens a file for reading only. @throws READ_STORE_MISSING (unavailable) when there is none */
export function openSqliteForReading(path: string): Sqlite {
  const db = open(path, true);
  try {
    db.exec('pragma busy_timeout = 5000; pragma query_only = 1; pragma cache_size = -65536');
    return db;
  } catch (error) {
    db.close();
    throw damagedOr(error, path);
  }
}

/** The numeric SQLite code of an error (extended form), or null when it is not from SQLite. */
export function sqliteCode(error: unknown): number | null {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode : null;
}

/** @throws READ_STORE_DAMAGED when the file, or one table of it with its indexes, fails its own check */
export function assertIntegrity(db: { prepare(text: string): { get(): unknown } }, path: string, table?: string): void {
  const of = table === undefined ? '1' : quoted(table);
  const { quick_check: answer } = db.prepare(`pragma quick_check(${of})`).get() as { quick_check: string };
  if (answer !== 'ok') throw damaged(path, answer);
}

/** Double-quotes an identifier. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function open(path: string, readOnly: boolean): Sqlite {
  try {
    return new DatabaseSync(path, { readOnly });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new TouchstoneError(
      'READ_STORE_MISSING',
      `The read model file ${path} cannot be opened (${text}); check that the data directory is there and writable.`,
      'unavailable',
      undefined,
      { cause: error },
    );
  }
}

function assertPragma(db: Sqlite, path: string, pragma: string, wanted: number | string): void {
  const row = db.prepare(`pragma ${pragma}`).get() as Record<string, unknown>;
  if (row[pragma] !== wanted) {
    throw new TouchstoneError(
      'READ_STORE_PRAGMA',
      `${path} would not take ${pragma}=${wanted} (it says ${String(row[pragma])}); keep the data directory on a local disk.`,
      'unavailable',
    );
  }
}

const CORRUPT = 11;
const NOT_A_DATABASE = 26;

function damagedOr(error: unknown, path: string): unknown {
  const code = (sqliteCode(error) ?? 0) & 0xff;
  return code === CORRUPT || code === NOT_A_DATABASE ? damaged(path, (error as Error).message) : error;
}

function damaged(path: string, answer: string): TouchstoneError {
  return new TouchstoneError(
    'READ_STORE_DAMAGED',
    `The read model file ${path} is damaged (${answer}); stop, delete the read directory and start: it is rebuilt from the log.`,
    'unavailable',
  );
}
