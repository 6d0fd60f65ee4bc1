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

/**
 * A synchronous connection that is opened anew when it broke. A statement of its own is repeated once then, so it must bear
 * that; within a transaction nothing is repeated.
 */
export class LastingPostgres {
  private db: SyncPostgres | null = null;
  private statements = new Map<string, SyncStatement>();
  private isClosed = false;
  private readonly shown: string;

  /** @throws READ_STORE_UNREACHABLE */
  constructor(
    private readonly url: string,
    private readonly schema: string,
    private readonly application: string,
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

  close(): void {
    this.isClosed = true;
    this.drop();
  }

  private asked<R>(ask: (db: SyncPostgres) => R): R {
    for (let attempt = 1; ; attempt++) {
      const db = this.connected();
      const mayRepeat = !db.isTransaction && attempt === 1;
      try {
        return ask(db);
      } catch (error) {
        if (!isBroken(error)) throw error;
        this.drop();
        if (!mayRepeat) throw this.unreachable(error);
      }
    }
  }

  private connected(): SyncPostgres {
    if (this.isClosed) throw new TouchstoneError('READ_STORE_CLOSED', 'It was closed. Open it again.', 'unavailable');
    this.db ??= openSyncPostgres(this.url, { schema: this.schema, application: this.application });
    return this.db;
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

/** The connection is no more, as opposed to: the statement was refused. */
function isBroken(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  const { sqlState } = error;
  return !/^[0-9A-Z]{5}$/.test(sqlState) || /^(08|57P)/.test(sqlState);
}
