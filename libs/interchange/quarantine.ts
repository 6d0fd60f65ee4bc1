import { closeSync, openSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { FORGOTTEN, TouchstoneError, type Clock } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, PAGE_DEFAULT, PAGE_MAX, type Page } from '@touchstone/platform';
import type { Sealer } from './sealed-frames.js';

/** Something that could not be read or was refused, as it is handed in. */
export interface Unreadable {
  readonly source: string;
  readonly journeyType?: string;
  /** Id of the journey it was meant for, where that is known. */
  readonly journeyId?: string;
  /** The same record gives the same one: it is listed once, however often it comes. */
  readonly fingerprint: string;
  /** 1-based line of the file or stream. */
  readonly line?: number;
  readonly code: string;
  /** A sentence without values of the record. */
  readonly reason: string;
  /** The record as it came; kept encrypted. */
  readonly raw: string;
}

/** A record in quarantine. Its content is asked for by `raw`. */
export interface Quarantined {
  readonly id: string;
  readonly source: string;
  readonly journeyType: string | null;
  readonly line: number | null;
  readonly code: string;
  readonly reason: string;
  /** ISO 8601 UTC: when it came in first. */
  readonly at: string;
  /** ISO 8601 UTC: when it is removed for good. */
  readonly expiresAt: string;
}

export interface QuarantineFilter {
  readonly source?: string;
  readonly code?: string;
}

/** Tells whose records are to be removed. */
export interface Recognises {
  /** Whether a journey, by its id, is one of theirs. */
  isTheirs(id: string): boolean;
  /** Whether a record, as it came, speaks of them. */
  in(text: string): boolean;
}

const LIST = 'quarantine';
/** Records that are opened and searched between two breaths. */
const SEARCHED_AT_ONCE = 200;
const DAY_MS = 86_400_000;

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
`;

interface Row {
  id: number;
  source: string;
  fingerprint: string;
  journey_type: string | null;
  journey_id: string | null;
  line: number | null;
  code: string;
  reason: string;
  subject: string;
  raw: Uint8Array;
  at: string;
  expires_at: string;
}

/**
 * What could not be taken in, kept with its reason until it is mended or its time is over. One SQLite file; contents
 * are encrypted with one key for each month of expiry, which is destroyed once the month has passed.
 */
export class Quarantine {
  private constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly retentionDays: number,
  ) {}

  /** Opens (or creates) `quarantine.db`. @throws QUARANTINE_NOT_DURABLE */
  static open(options: { file: string; sealer: Sealer; clock: Clock; retentionDays?: number }): Quarantine {
    const { file, sealer, clock, retentionDays = 90 } = options;
    // Created for its owner alone.
    closeSync(openSync(file, 'a', 0o600));
    const db = new DatabaseSync(file);
    try {
      for (const pragma of ['busy_timeout = 5000', 'journal_mode = WAL', 'synchronous = FULL', 'secure_delete = ON']) {
        db.exec(`PRAGMA ${pragma}`);
      }
      assertDurable(db);
      db.exec(DDL);
      const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all('record') as { name: string }[];
      if (!columns.some(({ name }) => name === 'journey_id')) db.exec('ALTER TABLE record ADD COLUMN journey_id TEXT');
      // What was removed just before a crash may still stand in the write-ahead log.
      wiped(db);
    } catch (error) {
      db.close();
      throw error;
    }
    return new Quarantine(db, sealer, clock, retentionDays);
  }

  /** Durable when it resolves. Records that are there already stay as they are. Returns how many are new. */
  async add(records: readonly Unreadable[]): Promise<number> {
    if (records.length === 0) return 0;
    const now = this.clock.now();
    const expiresAt = new Date(now.getTime() + this.retentionDays * DAY_MS).toISOString();
    const subject = subjectOf(expiresAt);
    await this.sealer.ensureKeys([subject]);
    const insert = this.db.prepare(
      'INSERT INTO record (source, fingerprint, journey_type, journey_id, line, code, reason, subject, raw, at, expires_at) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, fingerprint) DO NOTHING',
    );
    return this.transaction(() => {
      this.db.prepare('INSERT INTO month_key (subject) VALUES (?) ON CONFLICT DO NOTHING').run(subject);
      let added = 0;
      for (const r of records) {
        const raw = this.sealer.sealBytes(subject, boundTo(r), Buffer.from(r.raw));
        const at = now.toISOString();
        const about = [r.journeyType ?? null, r.journeyId ?? null, r.line ?? null, r.code, r.reason] as const;
        added += Number(insert.run(r.source, r.fingerprint, ...about, subject, raw, at, expiresAt).changes);
      }
      return added;
    });
  }

  /** In the order they came, newest last. @throws INVALID_CURSOR, PAGE_SIZE_INVALID */
  list(options: QuarantineFilter & { first?: number; after?: string | null } = {}): Page<Quarantined> {
    const first = options.first ?? PAGE_DEFAULT;
    if (!Number.isInteger(first) || first < 1 || first > PAGE_MAX) {
      throw new TouchstoneError('PAGE_SIZE_INVALID', `"first" must be 1 to ${PAGE_MAX}.`, 'invalid');
    }
    const after = options.after ? (decodeCursor(LIST, options.after, ['number'])[0] as number) : 0;
    const { where, values } = condition(options);
    const rows = this.db
      .prepare(`SELECT * FROM record WHERE id > ?${where} ORDER BY id LIMIT ?`)
      .all(after, ...values, first + 1) as unknown as Row[];
    return pageOf(rows, { first, after: options.after }, (row) => encodeCursor(LIST, [row.id]), shown);
  }

  count(filter: QuarantineFilter = {}): number {
    const { where, values } = condition(filter);
    const row = this.db.prepare(`SELECT count(*) AS n FROM record WHERE TRUE${where}`).get(...values);
    return Number((row as { n: number }).n);
  }

  /** The record as it came; `forgotten` once its key is destroyed. @throws QUARANTINED_UNKNOWN */
  raw(id: string): string {
    const row = this.db.prepare('SELECT * FROM record WHERE id = ?').get(Number(id)) as Row | undefined;
    if (!row) {
      throw new TouchstoneError(
        'QUARANTINED_UNKNOWN',
        `No record ${id} is in quarantine; it may have expired.`,
        'notFound',
      );
    }
    const raw = this.sealer.openBytes(row.subject, boundTo(row), row.raw);
    return raw === FORGOTTEN ? FORGOTTEN : Buffer.from(raw).toString('utf8');
  }

  /** Removes what has expired, and destroys keys that nothing is left for. Returns how many records went. */
  async purge(): Promise<number> {
    const now = this.clock.now().toISOString();
    const removed = this.transaction(() =>
      Number(this.db.prepare('DELETE FROM record WHERE expires_at <= ?').run(now).changes),
    );
    // Until a month is over, more records may come under its key.
    const idle = this.db
      .prepare('SELECT subject FROM month_key WHERE subject < ? AND subject NOT IN (SELECT subject FROM record)')
      .all(subjectOf(now)) as unknown as { subject: string }[];
    for (const { subject } of idle) {
      await this.sealer.destroy(subject);
      this.db.prepare('DELETE FROM month_key WHERE subject = ?').run(subject);
    }
    return removed;
  }

  /**
   * Removes every record that speaks of somebody, and wipes its bytes. Returns how many went.
   * @throws QUARANTINE_NOT_ERASED when another program reads the file: they are removed, their bytes not yet; repeat it
   */
  async forget(person: Recognises): Promise<number> {
    const page = this.db.prepare('SELECT * FROM record WHERE id > ? ORDER BY id LIMIT ?');
    const remove = this.db.prepare('DELETE FROM record WHERE id = ?');
    let removed = 0;
    for (let after = 0; ;) {
      const rows = page.all(after, SEARCHED_AT_ONCE) as unknown as Row[];
      if (rows.length === 0) break;
      const theirs = rows.filter((row) => this.speaksOf(person, row));
      if (theirs.length > 0) this.transaction(() => theirs.forEach(({ id }) => remove.run(id)));
      removed += theirs.length;
      after = rows.at(-1)!.id;
      await nextTurn();
    }
    if (!wiped(this.db)) throw notErased();
    return removed;
  }

  close(): void {
    this.db.close();
  }

  private speaksOf(person: Recognises, row: Row): boolean {
    if (row.journey_id !== null && person.isTheirs(row.journey_id)) return true;
    if (person.in(row.reason)) return true;
    let raw: Uint8Array | typeof FORGOTTEN;
    try {
      raw = this.sealer.openBytes(row.subject, boundTo(row), row.raw);
    } catch {
      // Damaged, or of another vault: nobody can read what it says.
      return false;
    }
    return raw !== FORGOTTEN && person.in(Buffer.from(raw).toString('utf8'));
  }

  private transaction<T>(work: () => T): T {
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
}

/** `quarantine:` and the month of expiry, so that subjects sort by time. */
const subjectOf = (expiresAt: string): string => `quarantine:${expiresAt.slice(0, 7)}`;
const boundTo = ({ source, fingerprint }: { source: string; fingerprint: string }) =>
  JSON.stringify([source, fingerprint]);

function condition({ source, code }: QuarantineFilter): { where: string; values: string[] } {
  const parts: [string, string][] = [];
  if (source !== undefined) parts.push([' AND source = ?', source]);
  if (code !== undefined) parts.push([' AND code = ?', code]);
  return { where: parts.map(([sql]) => sql).join(''), values: parts.map(([, value]) => value) };
}

const shown = (row: Row): Quarantined => ({
  id: String(row.id),
  source: row.source,
  journeyType: row.journey_type,
  line: row.line,
  code: row.code,
  reason: row.reason,
  at: row.at,
  expiresAt: row.expires_at,
});

/** Empties the write-ahead log; false while another connection reads from it. */
function wiped(db: DatabaseSyncInstance): boolean {
  const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
  return busy === 0;
}

const notErased = (): TouchstoneError =>
  new TouchstoneError(
    'QUARANTINE_NOT_ERASED',
    'Records were removed from quarantine, but another program reads quarantine.db and keeps their bytes: end that ' +
      'program (a backup, a database browser), then repeat this.',
    'busy',
  );

function assertDurable(db: DatabaseSyncInstance): void {
  const value = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() as object)[0] as unknown;
  if (value('journal_mode') === 'wal' && value('synchronous') === 2) return;
  throw new TouchstoneError(
    'QUARANTINE_NOT_DURABLE',
    'quarantine.db cannot be written durably here: put the data directory on a local disk.',
    'unavailable',
  );
}
