/** The quarantine in the PostgreSQL that processes share, in a schema of its own. */
import { LastingPostgres, postgresAddress } from '@touchstone/eventing';
import { INDEXES, type QuarantineStatement, type QuarantineTables } from './quarantine-tables.js';

const TEXT = 'text collate "C"';

const makeSchema = (schema: string): string => `
select pg_advisory_xact_lock(hashtext('touchstone'), hashtext('${schema}'));
create schema if not exists ${schema};
`;

const TABLES = `
create table if not exists record (
  id bigint generated always as identity primary key,
  source ${TEXT} not null,
  fingerprint ${TEXT} not null,
  journey_type text,
  journey_id text,
  import_id ${TEXT},
  line bigint,
  code ${TEXT} not null,
  reason text not null,
  first_code text,
  first_reason text,
  format text,
  subject ${TEXT} not null,
  shared bigint,
  at ${TEXT} not null,
  expires_at ${TEXT} not null,
  state ${TEXT} not null default 'waiting',
  open integer not null default 1,
  revision integer not null default 0,
  touchpoint_id text,
  position text,
  mapping text,
  context bytea,
  payload bytea,
  raw bytea not null,
  unique (source, fingerprint)
);
create table if not exists month_key (subject ${TEXT} primary key);
create table if not exists deed (
  id bigint generated always as identity primary key,
  record bigint not null,
  at text not null,
  actor text not null,
  what text not null,
  detail text,
  note bytea
);
create index if not exists deed_of_record on deed (record, id);
create table if not exists shared_context (
  id bigint generated always as identity primary key,
  subject ${TEXT} not null,
  digest ${TEXT} not null,
  context bytea not null,
  unique (subject, digest)
);
${INDEXES}
`;

/** How long the wiping of the tables waits for those who read them. */
const PATIENCE = '2s';
const LOCK_NOT_AVAILABLE = '55P03';

export class QuarantinePostgres implements QuarantineTables {
  private isWithin = false;

  private constructor(
    private readonly db: LastingPostgres,
    private readonly schema: string,
  ) {}

  /** @param url as `READ_STORE_URL` @throws READ_STORE_UNREACHABLE */
  static open(url: string): QuarantinePostgres {
    const schema = `${postgresAddress(url).schema}_quarantine`;
    const db = new LastingPostgres(url, schema, 'touchstone quarantine');
    try {
      db.transaction(() => db.exec(makeSchema(schema) + TABLES));
      return new QuarantinePostgres(db, schema);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  prepared(sql: string): QuarantineStatement {
    return this.db.prepared(sql);
  }

  transaction<T>(work: () => T): T {
    if (this.isWithin) return work();
    return this.db.transaction(() => {
      this.isWithin = true;
      try {
        // One writer at a time, as a file has it: what is looked for and not found is not put in by somebody else meanwhile.
        this.db.exec(`select pg_advisory_xact_lock(hashtext('${this.schema}'), 0)`);
        return work();
      } finally {
        this.isWithin = false;
      }
    });
  }

  patiently<T>(work: () => T): T {
    return this.db.patiently(work);
  }

  /** Removed rows stay where they were: the tables are written anew without them, and their old files removed. */
  wiped(): boolean {
    this.db.exec(`set lock_timeout = '${PATIENCE}'`);
    try {
      this.db.patiently(() => {
        for (const table of ['record', 'deed', 'shared_context']) this.db.exec(`vacuum (full) ${table}`);
      });
      return true;
    } catch (error) {
      if ((error as { sqlState?: string }).sqlState === LOCK_NOT_AVAILABLE) return false;
      throw error;
    } finally {
      this.db.exec('set lock_timeout = 0');
    }
  }

  close(): void {
    this.db.close();
  }
}
