/** What processes share in PostgreSQL: who does what, how the read models stand, what one asks of another. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { postgresAddress, storeUnreachable, TouchstoneError } from '@touchstone/eventing/pure';
import { messageOf } from './runner-status.js';
import { SHARED_TABLES } from './shared-tables.js';

export interface SharedStoreOptions {
  /** As `READ_STORE_URL`. */
  readonly url: string;
  /** Who this process is, for people and as the holder of leases; two processes never have the same name. */
  readonly holder: string;
  /** Told once when PostgreSQL stops answering, and once when it answers again. */
  readonly warn?: (message: string) => void;
}

/** How long an answer is waited for; shorter than a lease, so that a connection that hangs costs no lease. ms */
const ANSWER_MS = 2_000;
const CONNECT_MS = 2_000;
/** How long it may take over many rows, or whole schemas. ms */
const LONG_MS = 600_000;
const CONNECTIONS = 4;
/** Two processes that make the same schema at the same moment trip over each other; then it is there. */
const MADE_BY_ANOTHER = new Set(['23505', '42P06', '42P07', '42710', '42723', 'XX000']);
const ATTEMPTS = 10;

/** Rows of a statement with `$1`, `$2` … */
export type Ask = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export class SharedStore {
  readonly schema: string;
  readonly holder: string;
  /** Where it is, without credentials. */
  readonly shown: string;
  /** What stands in the way of talking to PostgreSQL, or null. */
  trouble: string | null = null;
  private readonly pool: pg.Pool;
  private readonly connectionString: string;

  private constructor(
    private readonly options: SharedStoreOptions,
    private readonly driver: typeof pg,
  ) {
    const { connectionString, shown, schema } = postgresAddress(options.url);
    this.schema = schema;
    this.shown = shown;
    this.connectionString = connectionString;
    this.holder = options.holder;
    this.pool = new driver.Pool({ ...this.settings(), max: CONNECTIONS, allowExitOnIdle: true });
    // A connection that breaks while nobody uses it is replaced when somebody does.
    this.pool.on('error', () => undefined);
  }

  /** Opens it; what is not there yet is made. @throws READ_STORE_UNREACHABLE (unavailable) */
  static async open(options: SharedStoreOptions): Promise<SharedStore> {
    // Loaded late: houses without a PostgreSQL need no driver, in none of their threads.
    const { default: driver } = await import('pg');
    const store = new SharedStore(options, driver);
    try {
      await store.make();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /**
   * One statement with `$1`, `$2` …, in a transaction of its own.
   * @throws READ_STORE_UNREACHABLE (unavailable); LEASE_LOST (conflict) from a fence; of PostgreSQL whatever else it says
   */
  async query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    try {
      const { rows } = await this.pool.query<R>(text, [...values]);
      this.answered();
      return rows;
    } catch (error) {
      throw this.inOurWords(error);
    }
  }

  /**
   * Statements of one transaction, which may take their time: all of them or none.
   * @throws as `query`, and what `work` throws
   */
  async together<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const client = await this.connect(LONG_MS);
    try {
      await client.query('begin');
      const result = await work(async (text, values = []) => (await client.query(text, [...values])).rows);
      await client.query('commit');
      return result;
    } catch (error) {
      throw error instanceof TouchstoneError ? error : this.inOurWords(error);
    } finally {
      // Whatever was begun and not committed goes with it.
      await client.end().catch(() => undefined);
    }
  }

  /** A connection of one's own, for listening; ended by whoever asked for it. @throws READ_STORE_UNREACHABLE */
  async connect(answerMs = ANSWER_MS): Promise<pg.Client> {
    const client = new this.driver.Client({ ...this.settings(), query_timeout: answerMs, keepAlive: true });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw this.inOurWords(error);
    }
  }

  async close(): Promise<void> {
    if (!this.pool.ended && !this.pool.ending) await this.pool.end();
  }

  private settings(): pg.ClientConfig {
    return {
      connectionString: this.connectionString,
      application_name: `touchstone ${this.holder}`,
      options: `-c search_path=${this.schema}`,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      types: typesOf(this.driver),
    };
  }

  private async make(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.pool.query(SHARED_TABLES(this.schema));
        return;
      } catch (error) {
        const { code = '' } = error as { code?: string };
        if (!MADE_BY_ANOTHER.has(code) || attempt >= ATTEMPTS) throw this.inOurWords(error);
      }
    }
  }

  private answered(): void {
    if (this.trouble === null) return;
    this.trouble = null;
    this.options.warn?.(`PostgreSQL at ${this.shown} answers again.`);
  }

  private inOurWords(error: unknown): Error {
    const { code, message } = (error ?? {}) as { code?: string; message?: string };
    if (code === LEASE_LOST_STATE) return leaseLost(message ?? '');
    // What PostgreSQL refuses for the statement's own sake has a state of another class.
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(08|53|57|58)/.test(code) && code !== '3D000' && !/^28/.test(code)) return error as Error; // prettier-ignore
    const why = reasonOf(error);
    if (this.trouble === null) this.options.warn?.(`PostgreSQL at ${this.shown} does not answer (${why}).`);
    this.trouble = why;
    return storeUnreachable(this.shown, why, error);
  }
}

/** A name for this process that no other one has. */
export const holderName = (host: string, pid: number): string => `${host}/${pid}/${randomUUID().slice(0, 8)}`;

/** SQLSTATE of what a fence refuses. */
export const LEASE_LOST_STATE = 'TS001';

export const leaseLost = (about: string): TouchstoneError =>
  new TouchstoneError(
    'LEASE_LOST',
    `Another process has taken this work over (${about}); nothing was written, and it goes on there.`,
    'conflict',
  );

/** A family error for an error of PostgreSQL, by whatever way it came, that is a fence's refusal; else null. */
export function leaseLostIn(error: unknown): TouchstoneError | null {
  const { code, sqlState, message = '' } = (error ?? {}) as { code?: string; sqlState?: string; message?: string };
  return code === LEASE_LOST_STATE || sqlState === LEASE_LOST_STATE ? leaseLost(message) : null;
}

/** Refused on every address of a name: then each says why, and the whole says nothing. */
function reasonOf(error: unknown): string {
  const { errors } = (error ?? {}) as { errors?: readonly unknown[] };
  return messageOf(errors?.[0] ?? error);
}

/** Whole numbers as numbers; the rest as the driver has it. */
const INT8 = 20;
const typesOf = ({ types }: typeof pg): pg.CustomTypesConfig => ({
  getTypeParser: (oid: number, format?: 'text' | 'binary'): unknown =>
    oid === INT8 ? Number : types.getTypeParser(oid, format as 'text'),
});
