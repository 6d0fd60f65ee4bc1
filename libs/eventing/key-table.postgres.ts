import { NEVER_MADE, type KeyTable, type SharedVeils, type SubjectKey } from './key-table.js';
import { LastingPostgres } from './lasting-postgres.js';
import { postgresAddress } from './postgres-address.js';
import { PostgresError, type SqlValue } from './sync-postgres.js';

const DDL = (schema: string): string => `
select pg_advisory_xact_lock(hashtext('touchstone'), hashtext('${schema}'));
create schema if not exists ${schema};
create table if not exists subject_key (
  subject text collate "C" primary key,
  key bytea,
  created_at text not null,
  destroyed_at text,
  check ((key is null) = (destroyed_at is not null))
);
create table if not exists secret (name text primary key, value bytea not null);
create table if not exists destroyed_keys (one boolean primary key default true check (one), times bigint not null);
insert into destroyed_keys (times) values (0) on conflict do nothing;
create table if not exists veil (
  name text collate "C" not null,
  subject text collate "C" not null,
  expires_at timestamptz not null,
  primary key (name, subject)
);
`;

/** Keys of one statement. */
const TOGETHER = 500;
/** How long the wiping of the table waits for those who read it. */
const PATIENCE = '2s';
const LOCK_NOT_AVAILABLE = '55P03';

/** The keys in the PostgreSQL that processes share. @throws READ_STORE_UNREACHABLE */
export function openPostgresKeys(url: string): KeyTable {
  const { schema } = postgresAddress(url);
  const db = new LastingPostgres(url, schema, 'touchstone keys');
  try {
    // The lock is of the transaction: several processes may come at once.
    db.transaction(() => db.exec(DDL(schema)));
    return new PostgresKeys(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** What others may still have by heart is no more. */
const CHANGED = 'update destroyed_keys set times = times + 1';

class PostgresKeys implements KeyTable {
  readonly veils: SharedVeils;
  private readonly one;
  private readonly destructions;

  constructor(private readonly db: LastingPostgres) {
    this.one = db.prepared('select key from subject_key where subject = ?');
    this.destructions = db.prepared('select times from destroyed_keys');
    this.veils = new PostgresVeils(db);
  }

  get isOpen(): boolean {
    return this.db.isOpen;
  }

  find(subject: string): Uint8Array | null | undefined {
    return (this.one.get(subject) as { key: Uint8Array | null } | undefined)?.key;
  }

  put(keys: readonly SubjectKey[], now: string): Promise<void> {
    return new Promise((resolve) => {
      this.insert(keys, now);
      resolve();
    });
  }

  insert(keys: readonly SubjectKey[], now: string): ReadonlySet<string> {
    const made = new Set<string>();
    // In one order for everybody: two who make the same keys do not wait for each other crosswise.
    const sorted = [...keys].sort((a, b) => (a.subject < b.subject ? -1 : 1));
    this.db.transaction(() => {
      for (let from = 0; from < sorted.length; from += TOGETHER) {
        const some = sorted.slice(from, from + TOGETHER);
        const values = some.flatMap(({ subject, key }): SqlValue[] => [subject, key, now]);
        const rows = this.db
          .prepared(
            `insert into subject_key (subject, key, created_at) values ${some.map(() => '(?, ?, ?)').join(', ')}
             on conflict (subject) do nothing returning subject`,
          )
          .all(...values);
        for (const { subject } of rows) made.add(subject as string);
      }
    });
    return made;
  }

  destroy(subjects: readonly string[], now: string): string[] {
    if (subjects.length === 0) return [];
    const remove = this.db.prepared(
      `insert into subject_key as k (subject, key, created_at, destroyed_at) values (?, null, ?, ?)
       on conflict (subject) do update set key = null, destroyed_at = excluded.destroyed_at where k.key is not null`,
    );
    const existed = this.db.prepared('select 1 as yes from subject_key where subject = ? and created_at <> ?');
    return this.db.transaction(() => {
      // First: whoever destroys keys at the same time comes after, in whatever order they have them.
      this.db.prepared(CHANGED).run();
      return subjects.filter((subject) => {
        remove.run(subject, NEVER_MADE, now);
        return existed.get(subject, NEVER_MADE) !== undefined;
      });
    });
  }

  version(): unknown {
    return this.destructions.get()?.['times'];
  }

  /** An update leaves the former row where it was: the table is written anew without such rows, and its old file removed. */
  wipe(): boolean {
    this.db.exec(`set lock_timeout = '${PATIENCE}'`);
    try {
      this.db.patiently(() => this.db.exec('vacuum (full) subject_key'));
      return true;
    } catch (error) {
      if (error instanceof PostgresError && error.sqlState === LOCK_NOT_AVAILABLE) return false;
      throw error;
    } finally {
      this.db.exec('set lock_timeout = 0');
    }
  }

  secret(name: string, fresh: Uint8Array): Uint8Array {
    this.db.prepared('insert into secret (name, value) values (?, ?) on conflict (name) do nothing').run(name, fresh);
    return this.db.prepared('select value from secret where name = ?').get(name)!['value'] as Uint8Array;
  }

  close(): void {
    this.db.close();
  }
}

class PostgresVeils implements SharedVeils {
  constructor(private readonly db: LastingPostgres) {}

  draw(name: string, subjects: readonly string[], forMs: number): void {
    this.db.transaction(() => {
      this.db.prepared(CHANGED).run();
      this.db.prepared(`delete from veil where expires_at < clock_timestamp()`).run();
      for (let from = 0; from < subjects.length; from += TOGETHER) {
        const some = subjects.slice(from, from + TOGETHER);
        const row = `(?, ?, clock_timestamp() + ? * interval '1 ms')`;
        this.db
          .prepared(`insert into veil values ${some.map(() => row).join(', ')} on conflict do nothing`)
          .run(...some.flatMap((subject): SqlValue[] => [name, subject, forMs]));
      }
    });
  }

  keep(name: string, forMs: number): void {
    this.db
      .prepared(`update veil set expires_at = clock_timestamp() + ? * interval '1 ms' where name = ?`)
      .run(forMs, name);
  }

  lift(name: string): void {
    this.db.transaction(() => {
      this.db.prepared(CHANGED).run();
      this.db.prepared('delete from veil where name = ?').run(name);
    });
  }

  subjects(): ReadonlySet<string> {
    const rows = this.db.prepared('select distinct subject from veil where expires_at > clock_timestamp()').all();
    return new Set(rows.map(({ subject }) => subject as string));
  }
}
