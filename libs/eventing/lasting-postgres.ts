import { TouchstoneError } from './errors.js';
import { postgresAddress, storeUnreachable } from './postgres-address.js';
import {
  openSyncPostgres,
  PostgresError,
  type SqlValue,
  type SyncPostgres,
  type SyncStatement,
} from './sync-postgres.js';

/** A statement of a `LastingPostgres`, with `?` where values go. */
export type LastingStatement = Pick<SyncStatement, 'get' | 'all' | 'run'>;

/** How long a thread that serves requests may stand still for PostgreSQL; ms. */
export interface LastingLimits {
  /** For a new connection. */
  readonly connectMs: number;
  /** For a statement. */
  readonly answerMs: number;
  /** How long one that has hung twice in a row is not asked again: every request that does stands still for the above. */
  readonly pauseMs: number;
}

/** Together shorter than a lease of this process may go without being renewed. */
const LIMITS: LastingLimits = { connectMs: 2_000, answerMs: 2_500, pauseMs: 5_000 };
/** A connection may hang by itself; the second one says that the server does. */
const HUNG = 2;

/**
 * A synchronous connection for a thread that serves requests: it is opened anew when it broke, and given up when it hangs. A
 * statement of its own is repeated once when it broke, so it must bear that; within a transaction nothing is repeated, and
 * nothing that has had its time.
 */
export class LastingPostgres {
  private db: SyncPostgres | null = null;
  private statements = new Map<string, SyncStatement>();
  private isClosed = false;
  private readonly shown: string;
  /** In a row. */
  private hangs = 0;
  private askedAgainAt = 0;

  /** @throws READ_STORE_UNREACHABLE */
  constructor(
    private readonly url: string,
    private readonly schema: string,
    private readonly application: string,
    private readonly limits = LIMITS,
  ) {
    this.shown = postgresAddress(url).shown;
    this.connected();
  }

  get isOpen(): boolean {
    return !this.isClosed;
  }

  prepared(sql: string): LastingStatement {
    const ask =
      <R>(how: (statement: SyncStatement, values: readonly SqlValue[]) => R) =>
      (...values: readonly SqlValue[]): R =>
        this.asked((db) => {
          let statement = this.statements.get(sql);
          if (!statement) this.statements.set(sql, (statement = db.prepare(sql)));
          return how(statement, values);
        });
    return {
      get: ask((statement, values) => statement.get(...values)),
      all: ask((statement, values) => statement.all(...values)),
      run: ask((statement, values) => statement.run(...values)),
    };
  }

  exec(sql: string): void {
    this.asked((db) => db.exec(sql));
  }

  /** All of it or nothing; within another one, a part of that. Nothing in `work` may wait for anything. */
  transaction<T>(work: () => T): T {
    if (this.db?.isTransaction) return work();
    this.exec('begin');
    try {
      const result = work();
      this.exec('commit');
      return result;
    } catch (error) {
      try {
        if (this.db?.isTransaction) this.db.exec('rollback');
      } catch {
        this.drop();
      }
      throw error;
    }
  }

  /** Statements that may take their time, such as the writing anew of a table: as long as the server is there. */
  patiently<T>(work: () => T): T {
    return this.asked((db) => db.patiently(work));
  }

  close(): void {
    this.isClosed = true;
    this.drop();
  }

  private asked<R>(ask: (db: SyncPostgres) => R): R {
    for (let attempt = 1; ; attempt++) {
      const db = this.connected();
      const mayRepeat = !db.isTransaction && attempt === 1;
      try {
        const answer = ask(db);
        this.hangs = 0;
        return answer;
      } catch (error) {
        const isHung = hangs(error);
        if (!isHung && !isBroken(error)) throw error;
        this.drop();
        if (isHung) this.hung();
        if (isHung || !mayRepeat) throw this.unreachable(error);
      }
    }
  }

  private connected(): SyncPostgres {
    if (this.isClosed) throw new TouchstoneError('READ_STORE_CLOSED', 'It was closed. Open it again.', 'unavailable');
    if (this.db) return this.db;
    const leftMs = Math.ceil(this.askedAgainAt - performance.now());
    if (leftMs > 0) throw this.unreachable(new Error(`it hung, and is asked again in ${leftMs} ms`));
    const { url, schema, application } = this;
    const { connectMs, answerMs } = this.limits;
    try {
      // What may take its time is looked after as closely.
      const limits = { connectMs, answerMs, lookAfterMs: answerMs };
      return (this.db = openSyncPostgres(url, { schema, application, ...limits }));
    } catch (error) {
      if (hangs((error as Error).cause)) this.hung();
      throw error;
    }
  }

  private hung(): void {
    if (++this.hangs >= HUNG) this.askedAgainAt = performance.now() + this.limits.pauseMs;
  }

  private drop(): void {
    const { db } = this;
    this.db = null;
    this.statements = new Map();
    try {
      db?.close();
    } catch {
      // It had gone already.
    }
  }

  private unreachable(cause: unknown): TouchstoneError {
    return storeUnreachable(this.shown, (cause as Error).message, cause);
  }
}

/** It has had its time, by the server's own limit or by ours. */
const hangs = (error: unknown): boolean =>
  error instanceof PostgresError && (error.sqlState === QUERY_CANCELED || error.sqlState === 'ETIMEDOUT');

const QUERY_CANCELED = '57014';

/** The connection is no more, as opposed to: the statement was refused. */
function isBroken(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  const { sqlState } = error;
  return !/^[0-9A-Z]{5}$/.test(sqlState) || /^(08|57P)/.test(sqlState);
}
