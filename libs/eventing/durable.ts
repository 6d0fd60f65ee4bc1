import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { TouchstoneError } from './errors.js';

/** How long a connection waits for another one's write lock before it gives up, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * What is written ahead goes on growing while some reader is always at work, and its file would stay as long as it ever
 * was. Once it begins anew, no more than this stays.
 */
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Opens (or creates) a database whose commits survive a power cut: WAL with `synchronous=FULL`, both asserted.
 * @throws LOG_NOT_DURABLE when the file system or the driver does not grant it
 */
export function openDurable(file: string): DatabaseSyncInstance {
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    db.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
    assertDurable(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Drivers and build options differ in their defaults, and NORMAL loses acknowledged commits in a power cut, so the
 * settings are read back rather than believed.
 * @throws LOG_NOT_DURABLE
 */
export function assertDurable(db: DatabaseSyncInstance, file: string): void {
  const journal = pragma(db, 'journal_mode');
  const synchronous = pragma(db, 'synchronous');
  if (journal === 'wal' && synchronous === 2) return;
  throw new TouchstoneError(
    'LOG_NOT_DURABLE',
    `${file} is not durable (journal_mode ${String(journal)}, synchronous ${String(synchronous)}; wal and 2 are needed). ` +
      'Put the data directory on a local disk that supports shared memory files.',
    'unavailable',
  );
}

/**
 * Closes a write connection with everything folded into the main file. SQLite does that with its last connection, but
 * the driver lets a connection go only when its statements are collected, which may be much later.
 */
export function closeDurable(db: DatabaseSyncInstance): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

/** A connection for reading only, on a file that exists. */
export function openReadOnly(file: string): DatabaseSyncInstance {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return db;
}

/** The single value that a pragma answers. */
export function pragma(db: DatabaseSyncInstance, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, unknown> | undefined;
  return row && Object.values(row)[0];
}

/** Runs `work` in one write transaction; any error undoes all of it. */
export function inTransaction<T>(db: DatabaseSyncInstance, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
