import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { forDriver, storeUnreachable } from './postgres-address.js';
import { Plans, settingsOf, stored, withNumbers, type PostgresSession } from './postgres-statements.js';
import type { Answer, Query, SqlValue, ToServer } from './sync-postgres.wire.js';

export type { SqlValue } from './sync-postgres.wire.js';

type Row = Record<string, SqlValue>;

/** An error of PostgreSQL. `sqlState` has its five characters, or a code of the system such as ECONNREFUSED. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';

  constructor(
    message: string,
    readonly sqlState: string,
    readonly detail?: string,
  ) {
    super(detail === undefined ? message : `${message} (${detail})`);
  }
}

/** A statement with `?` where values go. Text, whole numbers to 2^53 - 1, fractions, null and bytes go in and come out. */
export interface SyncStatement {
  get(...values: readonly SqlValue[]): Row | undefined;
  all(...values: readonly SqlValue[]): Row[];
  run(...values: readonly SqlValue[]): { readonly changes: number };
  /** Row by row; within a transaction pages of them are fetched as they are wanted. */
  iterate(...values: readonly SqlValue[]): IterableIterator<Row>;
}

export interface SyncPostgresOptions extends PostgresSession {
  /** Asked about every 20 ms while a statement runs; whatever it throws ends the statement, and is thrown. */
  readonly interrupt?: () => void;
  /** How long the server may take to let us in; ms, default 10,000. */
  readonly connectMs?: number;
  /** How soon and how often that is looked after; ms, default 15,000. */
  readonly lookAfterMs?: number;
}

const ROWS_PER_FETCH = 2_000;
const INTERRUPT_EVERY_MS = 20;
const CONNECT_MS = 10_000;
const LOOK_AFTER_MS = 15_000;

/**
 * A connection to PostgreSQL for code that runs to its end: the calling thread waits while another one talks to the
 * server. For threads of their own (projections, readers) and for what is asked seldom; a thread that serves requests stands
 * still for as long as the answer takes.
 *
 * The address may have two parameters of our own: `schema`, as the option, and `line`: connections of one `line` are one, used in
 * turns, for tests that open hundreds.
 *
 * @example
 * const db = openSyncPostgres('postgres://touchstone@127.0.0.1/touchstone', { schema: 'touchstone' });
 * db.prepare('select name from pack where id = ?').get(7);
 * @throws READ_STORE_UNREACHABLE (unavailable)
 */
export function openSyncPostgres(url: string, options: SyncPostgresOptions = {}): SyncPostgres {
  return new SyncPostgres(url, options);
}

export class SyncPostgres {
  readonly engine = 'postgres';
  private readonly id: number;
  /** What makes a line that several share ours. */
  private readonly mine: string | null;
  private readonly plans = new Plans();
  private cursors = 0;
  private open = false;
  private inTransaction = false;
  private isLong = false;

  constructor(
    url: string,
    private readonly options: SyncPostgresOptions,
  ) {
    const { answerMs = null, connectMs = CONNECT_MS, lookAfterMs = LOOK_AFTER_MS } = options;
    const settings = settingsOf(options);
    const line = new URL(url).searchParams.get('line');
    const known = line === null ? undefined : lines.get(line);
    // Whoever is in a transaction keeps the line.
    const alone = line === null || known?.user.isTransaction === true;
    this.mine = alone ? null : settings;
    this.id = alone ? ++lastConnection : (known?.id ?? ++lastConnection);
    try {
      if (alone || !known)
        this.tell({
          kind: 'open',
          connection: this.id,
          url: forDriver(url).connectionString,
          settings,
          limits: { connectMs, answerMs, lookAfterMs },
        });
    } catch (error) {
      throw storeUnreachable(forDriver(url).shown, (error as Error).message, error);
    }
    if (line !== null && !known) lines.set(line, { id: this.id, user: this });
    this.open = true;
  }

  get isOpen(): boolean {
    return this.open;
  }

  /** Begun and not ended by `begin`, `commit`, `rollback` of `exec`. */
  get isTransaction(): boolean {
    return this.inTransaction;
  }

  /** One or several statements without values and without an answer. */
  exec(text: string): void {
    const word = /^\s*(\w+)/.exec(text)?.[1]?.toLowerCase();
    if (word === 'begin') this.inTransaction = true;
    try {
      this.ask({ kind: 'exec', connection: this.id, text, isLong: this.isLong });
    } finally {
      if (word === 'rollback') this.inTransaction = false;
    }
    if (word === 'commit') this.inTransaction = false;
  }

  /** Ends a transaction that has written nothing; nobody needs to wait for that. */
  endReading(): void {
    this.inTransaction = false;
    this.send('commit', []);
  }

  prepare(text: string): SyncStatement {
    const numbered = withNumbers(text);
    return {
      get: (...values) => shaped(this.query(numbered, values))[0],
      all: (...values) => shaped(this.query(numbered, values)),
      run: (...values) => ({ changes: this.query(numbered, values).changes ?? 0 }),
      iterate: (...values) => this.iterate(numbered, values),
    };
  }

  /** Rows of a statement with `$1`, `$2` …, and how many it changed. */
  rows(text: string, values: readonly SqlValue[]): { readonly rows: Row[]; readonly changes: number } {
    const answer = this.query(text, values);
    return { rows: shaped(answer), changes: answer.changes ?? 0 };
  }

  /** A statement with `$1`, `$2` … */
  query(text: string, values: readonly SqlValue[]): Answer {
    return this.ask({ kind: 'query', connection: this.id, query: this.planned(text, values), isLong: this.isLong });
  }

  /** Goes out now; what goes wrong with it is thrown by the next statement that answers. */
  send(text: string, values: readonly SqlValue[]): void {
    this.takeLine();
    bridge().post({ kind: 'send', connection: this.id, query: this.planned(text, values), isLong: this.isLong });
  }

  /** What is asked meanwhile may take as long as the server is there, `answerMs` or not. */
  patiently<T>(work: () => T): T {
    const { answerMs } = this.options;
    if (answerMs === undefined || this.isLong) return work();
    this.exec('set statement_timeout = 0');
    this.isLong = true;
    try {
      return work();
    } finally {
      this.isLong = false;
      if (this.open) this.exec(`set statement_timeout = ${answerMs}`);
    }
  }

  /**
   * The same of rows for `copy … from stdin`: the quickest way for many rows. `rows` are in the text format of COPY
   * (`copyLine`).
   */
  sendRows(text: string, rows: string): void {
    this.takeLine();
    bridge().post({ kind: 'copy', connection: this.id, text, rows, isLong: this.isLong });
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    if (this.mine === null) this.tell({ kind: 'close', connection: this.id });
  }

  /** The server is gone: what was begun is taken back there, and nothing more can be asked here. */
  private end(): void {
    this.inTransaction = false;
    this.close();
  }

  /** Row by row, as `iterate` of a statement, with `$1`, `$2` … */
  *iterate(text: string, values: readonly SqlValue[]): IterableIterator<Row> {
    if (!this.inTransaction) return yield* shaped(this.query(text, values));
    const cursor = `rows_${++this.cursors}`;
    this.query(`declare ${cursor} no scroll cursor for ${text}`, values);
    let ended = false;
    try {
      for (;;) {
        const page = shaped(this.query(`fetch ${ROWS_PER_FETCH} from ${cursor}`, []));
        yield* page;
        if (page.length < ROWS_PER_FETCH) break;
      }
    } catch (error) {
      // A transaction that has failed takes no more statements, and its cursors go with it.
      ended = true;
      throw error;
    } finally {
      if (!ended) this.query(`close ${cursor}`, []);
    }
  }

  private planned(text: string, values: readonly SqlValue[]): Query {
    // What one of a line has prepared, the next one would know nothing of.
    const name = this.mine === null ? this.plans.nameOf(text) : undefined;
    return { text, values: values.map(stored), ...(name && { name }) };
  }

  private ask(message: ToServer): Answer {
    this.takeLine();
    return this.tell(message);
  }

  /** Before a statement on a line that others use too. */
  private takeLine(): void {
    if (this.mine === null) return;
    const line = [...lines.values()].find(({ id }) => id === this.id)!;
    if (line.user === this) return;
    if (line.user.isTransaction) throw new Error('Another one is in a transaction on this line.');
    line.user = this;
    this.tell({ kind: 'exec', connection: this.id, text: this.mine, isLong: false });
  }

  private tell(message: ToServer): Answer {
    const { answer, fault } = bridge().ask(message, this.options.interrupt, { kind: 'cancel', connection: this.id });
    if (answer.ended) this.end();
    if (fault) throw fault.error;
    if (answer.error) throw new PostgresError(answer.error.message, answer.error.code, answer.error.detail);
    return answer;
  }
}

let lastConnection = 0;
/** Connections that several use in turns, by the name of the line in their addresses. */
const lines = new Map<string, { readonly id: number; user: SyncPostgres }>();
let shared: Bridge | null = null;

/** One for each thread that asks. */
const bridge = (): Bridge => (shared ??= new Bridge());

interface Answered {
  readonly answer: Answer;
  /** Of who interrupted it. */
  readonly fault: { readonly error: unknown } | null;
}

class Bridge {
  private readonly flag = new Int32Array(new SharedArrayBuffer(4));
  private readonly port: MessagePort;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const worker = new Worker(entry(), {
      workerData: { port: port2, flag: this.flag.buffer },
      transferList: [port2],
      // Not what this process was told for its own files.
      execArgv: [],
    });
    // It ends with the thread that it serves.
    worker.unref();
    port1.unref();
  }

  post(message: ToServer): void {
    this.port.postMessage(message);
  }

  ask(message: ToServer, interrupt: (() => void) | undefined, cancel: ToServer): Answered {
    Atomics.store(this.flag, 0, 0);
    this.post(message);
    let fault: Answered['fault'] = null;
    for (;;) {
      const patience = interrupt && !fault ? INTERRUPT_EVERY_MS : Infinity;
      const outcome = Atomics.wait(this.flag, 0, 0, patience);
      const answer = outcome === 'timed-out' ? undefined : (receiveMessageOnPort(this.port)?.message as Answer);
      if (answer) {
        return { answer, fault };
      }
      if (outcome !== 'timed-out') continue;
      try {
        interrupt?.();
      } catch (error) {
        fault = { error };
        this.post(cancel);
      }
    }
  }
}

/** Threads run compiled code, also when this file itself is run from its source. */
const entry = (): URL =>
  new URL(
    import.meta.url.endsWith('.ts') ? './dist/sync-postgres.worker.js' : './sync-postgres.worker.js',
    import.meta.url,
  );

function shaped({ columns = [], rows = [] }: Answer): Row[] {
  return rows.map((row) => {
    const object: Row = {};
    for (let i = 0; i < columns.length; i++) object[columns[i]!] = row[i]!;
    return object;
  });
}
