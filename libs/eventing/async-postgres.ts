/** A connection to PostgreSQL for code that can wait: nothing stands between it and the socket. */
import type pg from 'pg';
import { forDriver, storeUnreachable } from './postgres-address.js';
import { Plans, settingsOf, stored, withNumbers, type PostgresSession } from './postgres-statements.js';
import { faultOf, TYPES } from './postgres-values.js';
import { cancel, goodbye, socketOf } from './sync-postgres.limits.js';
import { PostgresError, type SqlValue } from './sync-postgres.js';

type Row = Record<string, SqlValue>;

export interface AsyncPostgresOptions extends PostgresSession {
  /** Asked about every 20 ms while a statement runs; whatever it throws ends the statement, and is thrown. */
  readonly interrupt?: () => void;
}

const INTERRUPT_EVERY_MS = 20;
const CONNECT_MS = 10_000;
/** How long an ended statement may take to end; then the connection is given up. */
const CANCELLED_MS = 2_000;

/**
 * Opens a connection whose statements go out as they are given, without waiting for each other: several that do not need each
 * other's answers cost one way there and back. They run in the order in which they were given.
 *
 * @example const [name, count] = await Promise.all([db.all('select …'), db.all('select …')]);
 * @throws READ_STORE_UNREACHABLE (unavailable)
 */
export async function openAsyncPostgres(url: string, options: AsyncPostgresOptions = {}): Promise<AsyncPostgres> {
  const { connectionString, shown } = forDriver(url);
  // Loaded late: threads of houses without a PostgreSQL need no driver.
  const { default: driver } = await import('pg');
  const client = new driver.Client({
    connectionString,
    types: TYPES,
    keepAlive: true,
    pipeline: true,
    connectionTimeoutMillis: CONNECT_MS,
  });
  // A connection that breaks while nobody asks is told at the next statement.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(settingsOf(options));
  } catch (error) {
    void goodbye(client);
    throw storeUnreachable(shown, faultOf(error).message, error);
  }
  return new AsyncPostgres(client, connectionString, options.interrupt);
}

export class AsyncPostgres {
  private readonly plans = new Plans();
  private readonly numbered = new Map<string, string>();
  private ended = false;
  private isGathering = false;
  /** Statements that are not answered yet. */
  private underWay = 0;
  private watch: NodeJS.Timeout | null = null;
  /** Why what is under way was ended. */
  private fault: { readonly error: unknown; readonly at: number } | null = null;
  /** While it may still end a statement, none is sent that it is not meant for. */
  private cancelling: Promise<void> | null = null;

  constructor(
    private readonly client: pg.Client,
    private readonly connectionString: string,
    private readonly interrupt: (() => void) | undefined,
  ) {
    client.on('end', () => this.end());
    client.on('error', () => this.end());
  }

  /** False once the connection is broken or closed. */
  get isOpen(): boolean {
    return !this.ended;
  }

  /** Rows of a statement with `?` where values go. */
  async all<R = Row>(text: string, ...values: readonly SqlValue[]): Promise<R[]> {
    let numbered = this.numbered.get(text);
    if (numbered === undefined) this.numbered.set(text, (numbered = withNumbers(text)));
    return (await this.query(numbered, values)).rows as R[];
  }

  /**
   * A statement with `$1`, `$2` …
   * @throws PostgresError, and what `interrupt` throws
   */
  async query(text: string, values: readonly SqlValue[]): Promise<{ readonly rows: Row[]; readonly changes: number }> {
    if (this.cancelling) await this.cancelling;
    this.together();
    this.underWay++;
    if (this.interrupt) this.watch ??= setInterval(() => this.look(), INTERRUPT_EVERY_MS);
    try {
      const { rows, rowCount } = await this.client.query<Row>(this.planned(text, values));
      return { rows, changes: rowCount ?? 0 };
    } catch (error) {
      if (this.fault) throw this.fault.error;
      const { message, code, detail } = faultOf(error);
      throw new PostgresError(message, code, detail);
    } finally {
      if (--this.underWay === 0) this.fault = null;
    }
  }

  /** What is asked in one go leaves in one packet. */
  private together(): void {
    if (this.isGathering) return;
    this.isGathering = true;
    socketOf(this.client).cork();
    process.nextTick(() => {
      this.isGathering = false;
      socketOf(this.client).uncork();
    });
  }

  private planned(text: string, values: readonly SqlValue[]): pg.QueryConfig {
    // There is nothing to plan in what begins and ends transactions, and it is shorter so.
    if (/^(?:begin|commit|rollback)\b/.test(text)) return { text };
    return { text, values: values.map(stored), name: this.plans.nameOf(text) };
  }

  /** Nothing is asked for a while: nobody needs to look after it. */
  rest(): void {
    if (this.watch) clearInterval(this.watch);
    this.watch = null;
  }

  /** What was asked before is still answered, but no thread stays for it. */
  close(): void {
    this.end();
    socketOf(this.client).unref();
    void this.client.end().catch(() => undefined);
  }

  private end(): void {
    this.ended = true;
    this.rest();
  }

  private look(): void {
    if (this.underWay === 0) return;
    if (this.fault) {
      if (performance.now() - this.fault.at > CANCELLED_MS) this.giveUp();
      return;
    }
    try {
      this.interrupt?.();
    } catch (error) {
      this.fault = { error, at: performance.now() };
      const { client, connectionString: url } = this;
      const cancelling = cancel({ client, url, limits: { connectMs: CANCELLED_MS } });
      this.cancelling = cancelling.finally(() => (this.cancelling = null));
    }
  }

  /** The server does not even end what it was told to end. */
  private giveUp(): void {
    this.end();
    socketOf(this.client).destroy();
  }
}
