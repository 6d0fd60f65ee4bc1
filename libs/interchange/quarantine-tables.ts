/** What the quarantine asks of the place where its records are; SQL that SQLite and PostgreSQL both take. */

type Value = string | number | null | Uint8Array;

/** A statement with `?` where values go. */
export interface QuarantineStatement {
  get(...values: Value[]): unknown;
  all(...values: Value[]): unknown[];
  run(...values: Value[]): { readonly changes: number | bigint };
}

export interface QuarantineTables {
  /** Prepared once. */
  prepared(sql: string): QuarantineStatement;
  /**
   * All of it or nothing, and nobody else changes anything meanwhile; within another one, a part of that. Nothing in `work`
   * may wait for anything.
   */
  transaction<T>(work: () => T): T;
  /** Statements within may take longer than a request may wait. */
  patiently<T>(work: () => T): T;
  /** Wipes what is left of removed records; false while somebody else reads them. */
  wiped(): boolean;
  close(): void;
}

/** A list reads on from a time and an id, so every filter has both behind it. */
export const INDEXES = `
CREATE INDEX IF NOT EXISTS record_expiry ON record (expires_at);
CREATE INDEX IF NOT EXISTS record_subject ON record (subject);
CREATE INDEX IF NOT EXISTS record_state ON record (open, state, at, id);
CREATE INDEX IF NOT EXISTS record_by_time ON record (at, id);
CREATE INDEX IF NOT EXISTS record_open ON record (open, at, id);
CREATE INDEX IF NOT EXISTS record_by_source ON record (open, source, at, id);
CREATE INDEX IF NOT EXISTS record_by_code ON record (open, code, at, id);
CREATE INDEX IF NOT EXISTS record_by_shared ON record (shared) WHERE shared IS NOT NULL;
CREATE INDEX IF NOT EXISTS record_by_import ON record (open, import_id, at, id);
`;
