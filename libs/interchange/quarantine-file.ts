/** The file of the quarantine: its tables, and that what is removed from it is gone. */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { TouchstoneError } from '@touchstone/eventing';

const DDL = `
CREATE TABLE IF NOT EXISTS record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  journey_type TEXT,
  journey_id TEXT,
  line INTEGER,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  subject TEXT NOT NULL,
  raw BLOB NOT NULL,
  at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  UNIQUE (source, fingerprint)
);
CREATE TABLE IF NOT EXISTS month_key (subject TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_expiry ON record (expires_at);
CREATE TABLE IF NOT EXISTS deed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  record INTEGER NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  what TEXT NOT NULL,
  detail TEXT,
  note BLOB
);
CREATE INDEX IF NOT EXISTS deed_of_record ON deed (record, id);
`;

/** Columns that came after the first edition, as they are added to an older file. */
const LATER: Readonly<Record<string, string>> = {
  journey_id: 'TEXT',
  import_id: 'TEXT',
  format: 'TEXT',
  context: 'BLOB',
  state: "TEXT NOT NULL DEFAULT 'waiting'",
  open: 'INTEGER NOT NULL DEFAULT 1',
  revision: 'INTEGER NOT NULL DEFAULT 0',
  payload: 'BLOB',
  mapping: 'TEXT',
  touchpoint_id: 'TEXT',
  position: 'TEXT',
};

/** A list reads on from a time and an id, so every filter has both behind it. */
const INDEXES = `
CREATE INDEX IF NOT EXISTS record_by_time ON record (at, id);
CREATE INDEX IF NOT EXISTS record_open ON record (open, at, id);
CREATE INDEX IF NOT EXISTS record_by_source ON record (open, source, at, id);
CREATE INDEX IF NOT EXISTS record_by_code ON record (open, code, at, id);
CREATE INDEX IF NOT EXISTS record_by_import ON record (open, import_id, at, id);
`;

/** Opens (or creates) the file for its owner alone. @throws QUARANTINE_NOT_DURABLE */
export function openQuarantineFile(file: string): DatabaseSyncInstance {
  closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  try {
    for (const pragma of ['busy_timeout = 5000', 'journal_mode = WAL', 'synchronous = FULL', 'secure_delete = ON']) {
      db.exec(`PRAGMA ${pragma}`);
    }
    assertDurable(db);
    db.exec(DDL);
    const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all('record') as { name: string }[];
    const there = new Set(columns.map(({ name }) => name));
    for (const [name, type] of Object.entries(LATER)) {
      if (!there.has(name)) db.exec(`ALTER TABLE record ADD COLUMN ${name} ${type}`);
    }
    db.exec(INDEXES);
    // What was removed just before a crash may still stand in the write-ahead log.
    wiped(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Empties the write-ahead log; false while another connection reads from it. */
export function wiped(db: DatabaseSyncInstance): boolean {
  const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
  return busy === 0;
}

function assertDurable(db: DatabaseSyncInstance): void {
  const value = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() as object)[0] as unknown;
  if (value('journal_mode') === 'wal' && value('synchronous') === 2) return;
  throw new TouchstoneError(
    'QUARANTINE_NOT_DURABLE',
    'quarantine.db cannot be written durably here: put the data directory on a local disk.',
    'unavailable',
  );
}
