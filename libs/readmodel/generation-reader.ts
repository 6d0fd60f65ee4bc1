import { sql, type Kysely } from 'kysely';
import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import { Lru } from './lru.js';
import type { AsOf, Read, ReadMemory, ReadQuery } from './query.js';
import { messageOf } from './runner-status.js';
import { isAmong } from './dialect.js';
import type { ReadConnection } from './read-connection.js';
import { notYetProjected } from './waits.js';

/** An entry of the recorded-time index: the running maximum of `recordedAt` (ms) up to and with a position. */
export interface RecordedEntry {
  readonly position: Position;
  readonly recordedMs: number;
}

/** Where to begin looking for a moment or a position in the log. */
export interface Located {
  readonly checkpoint: RecordedEntry;
  /** The last known entry at or before what was sought; null when it lies before all of them. */
  readonly entry: RecordedEntry | null;
}

export type Sought = { readonly position: Position } | { readonly instantMs: number };

export interface ReadRequest<P> {
  readonly query: ReadQuery<P, unknown>;
  readonly params: P;
  /** Absent: what is known now, which is the checkpoint, judged at `now`. */
  readonly asOf?: AsOf;
  readonly atLeast?: Position;
  readonly now: string;
  /** Throws when the read is to end early. */
  readonly checkpointCancel: () => void;
}

const IDS_PER_STATEMENT = 5_000;
/** Names that a connection remembers: those of units and kinds come with every read. */
const NAMES_KEPT = 20_000;
const CHECKPOINT = 'select position, recorded_ms as "recordedMs" from checkpoint';
const ID = 'select id from name where dictionary = ? and value = ?';

/** Reads one generation through one connection; one read at a time. */
export class GenerationReader {
  private readonly kysely: Kysely<unknown>;
  /** A surrogate never changes its name, nor a name its surrogate. */
  private readonly names = new Lru<number, string>(NAMES_KEPT);
  private readonly ids = new Lru<string, number>(NAMES_KEPT);
  private readonly memory: ReadMemory;
  private cancel: () => void = () => {};

  constructor(
    readonly db: ReadConnection,
    private readonly group: string,
    readonly generation: string,
    private readonly settings: Read['settings'] = {},
    memoryBytes = 0,
  ) {
    this.memory = { limit: memoryBytes, kept: new Map() };
    this.kysely = db.kysely(() => this.cancel());
  }

  /** False once the connection is broken: open another reader. */
  get isOpen(): boolean {
    return this.db.isOpen;
  }

  /** Throws when the read under way is to end. */
  interrupt(): void {
    this.cancel();
  }

  /** The place in the recorded-time index from which the log leads to what is sought. */
  async locate(sought: Sought): Promise<Located> {
    try {
      const [, checkpoint] = await Promise.all([this.db.begin(), this.checkpoint()]);
      const isPosition = 'position' in sought;
      const value = isPosition ? sought.position : sought.instantMs;
      // The checkpoint is the last entry of the index.
      const reached = isPosition ? checkpoint.position <= sought.position : checkpoint.recordedMs <= sought.instantMs;
      if (reached && checkpoint.recordedMs > 0) return { checkpoint, entry: checkpoint };
      // Both grow together along the log, so the last by one is the last by the other.
      const by = isPosition ? 'position' : 'recorded_ms';
      const order = isPosition ? 'position desc' : 'recorded_ms desc, position desc';
      const [entry] = await this.db.all<RecordedEntry>(
        `select position, recorded_ms as "recordedMs" from recorded_at_index where ${by} <= ? order by ${order} limit 1`,
        value,
      );
      return { checkpoint, entry: entry ?? null };
    } finally {
      if (this.db.isOpen) this.db.end();
    }
  }

  /**
   * Runs a query in one read transaction. `isCurrent` is asked inside it; false: another generation answers now and
   * nothing was run.
   * @throws NOT_YET_PROJECTED, READ_MODEL_OUTDATED, QUERY_FAILED, and what the query throws
   */
  async run<P>(
    request: ReadRequest<P>,
    isCurrent: () => boolean | Promise<boolean> = () => true,
  ): Promise<{ result: unknown; asOf: AsOf; generation: string } | null> {
    this.cancel = request.checkpointCancel;
    try {
      // Reading the checkpoint is what starts the snapshot.
      const [, { position }, current] = await Promise.all([this.db.begin(), this.checkpoint(), isCurrent()]);
      if (!current) return null;
      const needed = [request.atLeast, request.asOf?.position].find((p) => p !== undefined && p > position);
      if (needed !== undefined) throw notYetProjected(this.group, needed, position);
      const asOf = request.asOf ?? { position, instant: request.now };
      request.checkpointCancel();
      // What nothing has followed yet is the present, however it was asked for: page 2 reads what page 1 read.
      const past = asOf.position !== position;
      const result = await request.query.run(this.read(asOf, past, request.checkpointCancel), request.params);
      return { result, asOf, generation: this.generation };
    } catch (error) {
      throw asFamily(error, request.query.name);
    } finally {
      this.cancel = () => {};
      if (this.db.isOpen) this.db.end();
    }
  }

  close(): void {
    this.db.close();
  }

  private read(asOf: AsOf, past: boolean, checkpointCancel: () => void): Read {
    return {
      db: this.kysely,
      engine: this.db.engine,
      asOf,
      past,
      generation: this.generation,
      settings: this.settings,
      memory: this.memory,
      checkpointCancel,
      idOf: (dictionary, value) => this.idOf(dictionary, value),
      namesOf: (ids) => this.namesOf(ids),
    };
  }

  private async checkpoint(): Promise<RecordedEntry> {
    return (await this.db.all<RecordedEntry>(CHECKPOINT))[0]!;
  }

  private async idOf(dictionary: string, value: string): Promise<number | null> {
    const key = `${dictionary} ${value}`;
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const [row] = await this.db.all<{ id: number }>(ID, dictionary, value);
    // What has no surrogate may be given one any time.
    if (!row) return null;
    this.ids.trim();
    this.ids.set(key, row.id);
    this.names.set(row.id, value);
    return row.id;
  }

  private async namesOf(ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const names = new Map<number, string>();
    const unknown: number[] = [];
    for (const id of new Set(ids)) {
      const known = this.names.get(id);
      if (known === undefined) unknown.push(id);
      else names.set(id, known);
    }
    for (let from = 0; from < unknown.length; from += IDS_PER_STATEMENT) {
      this.names.trim();
      const some = isAmong(this.db, sql.ref('id'), unknown.slice(from, from + IDS_PER_STATEMENT));
      const found = await sql<{ id: number; value: string }>`select id, value from name where ${some}`.execute(
        this.kysely,
      );
      for (const { id, value } of found.rows) this.keep(names, id, value);
    }
    return names;
  }

  private keep(names: Map<number, string>, id: number, name: string): void {
    names.set(id, name);
    this.names.set(id, name);
  }
}

/** PostgreSQL's codes for a table and a column that are not there. */
const UNDEFINED: ReadonlySet<string> = new Set(['42P01', '42703']);

/** Family errors pass; anything else is a defect of the query and says so. */
function asFamily(error: unknown, query: string): unknown {
  if ((error as { name?: unknown } | null)?.name === 'TouchstoneError') return error;
  // Queries and tables come with one release: what is missing was made by an earlier one, and its successor is on its way.
  const { sqlState = '' } = error as { sqlState?: string };
  if (/^no such (table|column): /.test(messageOf(error)) || UNDEFINED.has(sqlState)) {
    return new TouchstoneError(
      'READ_MODEL_OUTDATED',
      `The read model was made by an earlier Touchstone that did not keep what "${query}" asks for; it is being built anew. Ask again when "touchstone projections" says that it is done.`,
      'unavailable',
      { query },
      { cause: error },
    );
  }
  return new TouchstoneError(
    'QUERY_FAILED',
    `The query "${query}" failed: ${messageOf(error)}. Please report this.`,
    'internal',
    { query },
    { cause: error },
  );
}
