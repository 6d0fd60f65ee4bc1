/** The file of the quarantine: its tables, and that what is removed from it is gone. */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { TouchstoneError } from '@touchstone/eventing';
import { INDEXES, type QuarantineStatement, type QuarantineTables } from './quarantine-tables.js';

/**
 * Columns of a record. What is large stands last: a column behind it could only be read through all of its pages, and a
 * list or a count would drag every content along.
 */
export const COLUMNS: Readonly<Record<string, string>> = {
  id: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  source: 'TEXT NOT NULL',
  fingerprint: 'TEXT NOT NULL',
  journey_type: 'TEXT',
  journey_id: 'TEXT',
  import_id: 'TEXT',
  line: 'INTEGER',
  code: 'TEXT NOT NULL',
  reason: 'TEXT NOT NULL',
  first_code: 'TEXT',
  first_reason: 'TEXT',
  format: 'TEXT',
  subject: 'TEXT NOT NULL',
  shared: 'INTEGER',
  at: 'TEXT NOT NULL',
  expires_at: 'TEXT NOT NULL',
  state: "TEXT NOT NULL DEFAULT 'waiting'",
  open: 'INTEGER NOT NULL DEFAULT 1',
  revision: 'INTEGER NOT NULL DEFAULT 0',
  touchpoint_id: 'TEXT',
  position: 'TEXT',
  mapping: 'TEXT',
  context: 'BLOB',
  payload: 'BLOB',
  raw: 'BLOB NOT NULL',
};

const recordTable = (name: string): string => {
  const columns = Object.entries(COLUMNS).map(([column, type]) => `${column} ${type}`);
  return `CREATE TABLE IF NOT EXISTS ${name} (${columns.join(', ')}, UNIQUE (source, fingerprint));`;
};

const DDL = `
${recordTable('record')}
CREATE TABLE IF NOT EXISTS month_key (subject TEXT PRIMARY KEY) WITHOUT ROWID;
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
CREATE TABLE IF NOT EXISTS shared_context (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL,
  digest TEXT NOT NULL,
  context BLOB NOT NULL,
  UNIQUE (subject, digest)
);
`;

/** `quarantine.db`: statements that are prepared once, and changes that are made as one. */
export class QuarantineFile implements QuarantineTables {
  private readonly statements = new Map<string, QuarantineStatement>();

  private constructor(private readonly db: DatabaseSyncInstance) {}

  /** Opens (or creates) the file for its owner alone. @throws QUARANTINE_NOT_DURABLE */
  static open(file: string): QuarantineFile {
    closeSync(openSync(file, 'a', 0o600));
    const db = new DatabaseSync(file);
    try {
      for (const pragma of ['busy_timeout = 5000', 'journal_mode = WAL', 'synchronous = FULL', 'secure_delete = ON']) {
        db.exec(`PRAGMA ${pragma}`);
      }
      assertDurable(db);
      db.exec(DDL);
      arrange(db);
      db.exec(INDEXES);
      const opened = new QuarantineFile(db);
      // What was removed just before a crash may still stand in the write-ahead log.
      opened.wiped();
      return opened;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  prepared(sql: string): QuarantineStatement {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.db.prepare(sql)));
    return statement;
  }

  transaction<T>(work: () => T): T {
    if (this.db.isTransaction) return work();
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  patiently<T>(work: () => T): T {
    return work();
  }

  /** Empties the write-ahead log. */
  wiped(): boolean {
    const { busy } = this.db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
    return busy === 0;
  }

  close(): void {
    this.db.close();
  }
}

/** Brings a file of an earlier edition into the order of columns of this one, as a whole or not at all. */
function arrange(db: DatabaseSyncInstance): void {
  const found = db.prepare('SELECT name FROM pragma_table_info(?) ORDER BY cid').all('record') as { name: string }[];
  const names = Object.keys(COLUMNS);
  const there = found.map(({ name }) => name);
  if (JSON.stringify(there) === JSON.stringify(names)) return;
  const kept = names.filter((name) => there.includes(name)).join(', ');
  db.exec('BEGIN IMMEDIATE');
  try {
    // Numbers of records that have gone are never given again.
    const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'record'").get() as
      { seq: number } | undefined;
    db.exec(recordTable('arranged'));
    db.exec(`INSERT INTO arranged (${kept}) SELECT ${kept} FROM record`);
    db.exec('DROP TABLE record');
    db.exec('ALTER TABLE arranged RENAME TO record');
    if (last) {
      db.exec("DELETE FROM sqlite_sequence WHERE name = 'record'");
      db.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('record', ?)").run(last.seq);
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
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
