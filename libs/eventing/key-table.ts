import { closeSync, openSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { closeDurable, inTransaction, openDurable, pragma } from './durable.js';
import { TouchstoneError } from './errors.js';

/** Where the keys of subjects stand. What it answers as done is durable. */
export interface KeyTable {
  readonly isOpen: boolean;
  /** Undefined: there is none. Null: it was destroyed. */
  find(subject: string): Uint8Array | null | undefined;
  /** Puts keys in where there are none, destroyed ones included; answers the subjects whose key it now is. */
  insert(keys: readonly SubjectKey[], now: string): ReadonlySet<string>;
  /** The same: they are there at once, but only when it resolves are they there for good. @throws KEYS_NOT_DURABLE */
  put(keys: readonly SubjectKey[], now: string): Promise<void>;
  /** Destroys the keys of all of them or of none, for good; answers those that ever had one. */
  destroy(subjects: readonly string[], now: string): string[];
  /** Something else once keys were destroyed over another connection. */
  version(): unknown;
  /** Wipes what is left of destroyed keys; false while somebody else is in the way of that. */
  wipe(): boolean;
  /** What any process is about to destroy; null: there is no other one. */
  readonly veils: SharedVeils | null;
  /** The secret of that name: the given one, unless there is one already. */
  secret(name: string, fresh: Uint8Array): Uint8Array;
  close(): void;
}

/** Subjects whose keys are about to be destroyed, by who is at it. A change of them is a change of the table's `version`. */
export interface SharedVeils {
  /** Under a veil of this name from now on, for so long unless it is kept. */
  draw(name: string, subjects: readonly string[], forMs: number): void;
  keep(name: string, forMs: number): void;
  lift(name: string): void;
  /** All that is under one now. */
  subjects(): ReadonlySet<string>;
}

export interface SubjectKey {
  readonly subject: string;
  readonly key: Uint8Array;
}

const DDL = `
CREATE TABLE IF NOT EXISTS subject_key (
  subject TEXT PRIMARY KEY,
  key BLOB,
  created_at TEXT NOT NULL,
  destroyed_at TEXT,
  CHECK ((key IS NULL) = (destroyed_at IS NOT NULL))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
`;

/** `created_at` of a subject whose key was destroyed before there was one. */
export const NEVER_MADE = '';

/** The keys in a file of their own. @throws LOG_NOT_DURABLE */
export function openSqliteKeys(file: string): KeyTable {
  // SQLite gives its side files the mode of the main one.
  closeSync(openSync(file, 'a', 0o600));
  const db = openDurable(file);
  try {
    // A destroyed key is overwritten, not only unlinked from its page.
    db.exec('PRAGMA secure_delete = ON');
    db.exec(DDL);
    // A crash between the destruction of a key and the wiping of the log that still has it is made good here.
    wipeWriteAheadLog(db);
    return new SqliteKeys(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteKeys implements KeyTable {
  readonly veils = null;
  private readonly one;
  private isBegun = false;
  private ahead: Promise<FileHandle> | null = null;
  private failure: TouchstoneError | null = null;

  constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly file: string,
  ) {
    this.one = db.prepare('SELECT key FROM subject_key WHERE subject = ?');
  }

  get isOpen(): boolean {
    return this.db.isOpen;
  }

  find(subject: string): Uint8Array | null | undefined {
    return (this.one.get(subject) as { key: Uint8Array | null } | undefined)?.key;
  }

  insert(keys: readonly SubjectKey[], now: string): ReadonlySet<string> {
    const insert = this.db.prepare(
      'INSERT INTO subject_key (subject, key, created_at) VALUES (?, ?, ?) ON CONFLICT (subject) DO NOTHING',
    );
    const made = inTransaction(this.db, () =>
      keys.filter(({ subject, key }) => Number(insert.run(subject, key, now).changes) === 1),
    );
    return new Set(made.map(({ subject }) => subject));
  }

  /**
   * A commit that flushes by itself holds up the thread for as long as the disk takes. So it goes to the write-ahead log
   * alone, which is flushed beside the thread: after that it is as durable as with `synchronous=FULL`.
   */
  async put(keys: readonly SubjectKey[], now: string): Promise<void> {
    if (this.failure) throw this.failure;
    // The first commit brings the name of a new write-ahead log to the disk as well.
    if (this.isBegun) this.db.exec('PRAGMA synchronous = NORMAL');
    try {
      const made = this.insert(keys, now);
      const isFlushed = !this.isBegun && made.size === keys.length;
      this.isBegun ||= isFlushed;
      if (isFlushed) return;
    } finally {
      this.db.exec('PRAGMA synchronous = FULL');
    }
    // Of what was there already somebody else may be waiting for the disk.
    try {
      this.ahead ??= open(`${this.file}-wal`, 'r+');
      await (await this.ahead).datasync();
    } catch (error) {
      // A second attempt may succeed although the first one's pages are lost: nothing is believed any more.
      throw (this.failure = notDurable(this.file, error));
    }
  }

  destroy(subjects: readonly string[], now: string): string[] {
    const remove = this.db.prepare(
      'INSERT INTO subject_key (subject, key, created_at, destroyed_at) VALUES (?, NULL, ?, ?) ' +
        'ON CONFLICT (subject) DO UPDATE SET key = NULL, destroyed_at = excluded.destroyed_at WHERE key IS NOT NULL',
    );
    const existed = this.db.prepare('SELECT 1 FROM subject_key WHERE subject = ? AND created_at <> ?');
    return inTransaction(this.db, () =>
      subjects.filter((subject) => {
        remove.run(subject, NEVER_MADE, now);
        return existed.get(subject, NEVER_MADE) !== undefined;
      }),
    );
  }

  version(): unknown {
    return pragma(this.db, 'data_version');
  }

  /** The write-ahead log still holds the pages with the keys. */
  wipe(): boolean {
    return wipeWriteAheadLog(this.db);
  }

  secret(name: string, fresh: Uint8Array): Uint8Array {
    this.db.prepare('INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING').run(name, fresh);
    return (this.db.prepare('SELECT value FROM secret WHERE name = ?').get(name) as { value: Uint8Array }).value;
  }

  close(): void {
    void this.ahead?.then((file) => file.close()).catch(() => undefined);
    closeDurable(this.db);
  }
}

/** Folds the write-ahead log into the main file and empties it; false while another connection reads from it. */
function wipeWriteAheadLog(db: DatabaseSyncInstance): boolean {
  const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
  return busy === 0;
}

const notDurable = (file: string, cause: unknown): TouchstoneError =>
  new TouchstoneError(
    'KEYS_NOT_DURABLE',
    `New keys could not be brought to the disk (${file}: ${(cause as Error).message}), and nothing is recorded that needs ` +
      'them. Check the disk, then start again.',
    'unavailable',
    undefined,
    { cause },
  );
