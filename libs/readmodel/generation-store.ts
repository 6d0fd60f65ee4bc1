import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import { schemaOf, type Place } from './place.js';
import { createIndexes, createTables } from './generation-tables.js';
import { Derivations } from './derivations.js';
import { NameTable } from './name-table.js';
import { ParkedEvents } from './parked-events.js';
import { PartHelper } from './part-helper.js';
import { tablesOf, type ProjectionGroup, type TableSpec } from './projection.js';
import { createSchema } from './postgres.js';
import { PostgresRows } from './postgres-rows.js';
import { RowWriter, type Rows } from './row-writer.js';
import { asPostgres, openForWriting, transaction, type Connection, type Statement } from './connection.js';
import { assertIntegrity, quoted } from './sqlite.js';

/** Distance of two entries of the recorded-time index, in events; between two of them the log itself is read. */
export const RECORDED_INDEX_EVERY = 256;

/** Where a generation stands: the last event it has applied or parked, and the latest recorded time up to there. */
export interface Checkpoint {
  /** '' before the first event. */
  readonly position: Position;
  /** Running maximum of `recordedAt`, ms since 1970; 0 before the first event. */
  readonly recordedMs: number;
  /** Events since the last entry of the recorded-time index. */
  readonly sinceIndex: number;
}

/** The writing side of one generation's file. One writer at a time; its readers have connections of their own. */
export class GenerationStore {
  db: Connection;
  names!: NameTable;
  rows!: Rows;
  parked!: ParkedEvents;
  private derivations!: Derivations;
  private saved!: Checkpoint;
  private saveStatement!: Statement;
  private indexStatement!: Statement;

  private constructor(
    readonly group: ProjectionGroup,
    /** Such as `journeys-2`. */
    readonly name: string,
    readonly path: Place,
    private building: boolean,
  ) {
    this.db = openForWriting(path, building ? 'building' : 'live');
    if (isNew(this.db, path)) {
      transaction(this.db, () => {
        createTables(this.db, group, { indexes: !building });
        this.db.exec(`insert into checkpoint values (1, '', 0, 0)`);
      });
    }
    this.prepare();
  }

  /**
   * Opens or creates a generation's file; `:memory:` is fine. While `building`, nothing is durable, and most indexes
   * and all derived rows are missing, until `makeDurable`.
   */
  static open(group: ProjectionGroup, name: string, path: Place, { building = false } = {}): GenerationStore {
    return new GenerationStore(group, name, path, building);
  }

  get checkpoint(): Checkpoint {
    return this.saved;
  }

  /** What each batch has to bring up to date; null while building, when they are made in one pass at the end. */
  get derived(): Derivations | null {
    return this.building ? null : this.derivations;
  }

  /** Runs work that writes in one transaction; everything is in its tables when it returns. */
  write<T>(work: () => T): T {
    return transaction(this.db, () => {
      const result = work();
      this.settle();
      return result;
    });
  }

  /** What was written in this transaction is in its tables when this returns; whatever is wrong with it is thrown. */
  settle(): void {
    this.names.settle();
    this.rows.settle();
  }

  /** Part of a write transaction; `entries` go into the recorded-time index. The caller confirms after the commit. */
  writeCheckpoint(next: Checkpoint, entries: readonly Pick<Checkpoint, 'position' | 'recordedMs'>[]): void {
    for (const { position, recordedMs } of entries) this.indexStatement.run(position, recordedMs);
    this.saveStatement.run(next.position, next.recordedMs, next.sinceIndex);
  }

  /** What `writeCheckpoint` wrote is committed. */
  confirm(next: Checkpoint): void {
    this.saved = next;
  }

  /**
   * Ends the building of a generation: indexes, derived rows, then everything on the disk, then WAL as for any live
   * one. Nobody else may have the file open: closing a file descriptor drops the process's locks on it.
   * @throws READ_STORE_DAMAGED; DERIVATION_FAILED (internal)
   */
  makeDurable(onDeriving: () => void = () => {}): void {
    if (!this.building) return;
    const tables = tablesOf({ ...this.group, derivations: [] });
    createIndexes(this.db, tables);
    if (this.group.derivations?.length) {
      onDeriving();
      analyse(this.db, tables);
      transaction(this.db, () => this.derivations.build());
    }
    if (asPostgres(this.db)) analyse(this.db, tablesOf({ ...this.group, projections: [] }));
    else assertIntegrity(this.db, this.path);
    this.finish();
  }

  /**
   * The same with another thread at the end of the port (`servePartHelp`): it makes derived rows and checks tables while
   * this one writes.
   * @throws READ_STORE_DAMAGED, HELPER_LOST; DERIVATION_FAILED (internal)
   */
  async makeDurableWith(port: MessagePort, onDeriving: () => void, signal: AbortSignal): Promise<void> {
    if (!this.building) return;
    const { db, group, path } = this;
    // So that the other thread can read while this one writes.
    if (!asPostgres(db)) db.exec('pragma journal_mode = wal');
    const tables = tablesOf({ ...group, derivations: [] });
    const read = new Set((group.derivations ?? []).flatMap(({ parts }) => parts?.reads ?? []));
    const isRead = ({ name }: TableSpec) => read.has(name) || group.derivations?.every(({ parts }) => !parts);
    createIndexes(db, tables.filter(isRead));
    onDeriving();
    analyse(db, tables.filter(isRead));
    const others = tables.filter((table) => !isRead(table));
    const helper = new PartHelper(port, path, () => createIndexes(db, others));
    await this.derivations.buildWith(helper, signal);
    if (asPostgres(db)) {
      analyse(db, [...others, ...tablesOf({ ...group, projections: [] })]);
      // It looks after its own pages.
      return this.finish();
    }
    const checked = helper.check(
      tables.map(({ name }) => name),
      signal,
    );
    for (const { name } of tablesOf({ ...group, projections: [] })) assertIntegrity(db, path, name);
    await checked();
    this.finish();
  }

  private finish(): void {
    this.building = false;
    if (asPostgres(this.db)) return this.db.exec('analyze name');
    this.db.exec('pragma optimize');
    // It would be gone with its connection.
    if (this.path === ':memory:') return;
    this.db.close();
    syncToDisk(this.path);
    syncToDisk(dirname(this.path));
    this.db = openForWriting(this.path, 'live');
    this.prepare();
  }

  close(): void {
    if (!this.db.isOpen) return;
    // The driver keeps a closed connection until its statements are collected, so the WAL is folded in here.
    if (!this.building && !asPostgres(this.db)) this.db.exec('pragma wal_checkpoint(passive)');
    this.db.close();
  }

  private prepare(): void {
    this.names = new NameTable(this.db);
    const postgres = asPostgres(this.db);
    this.rows = postgres
      ? new PostgresRows(postgres, this.group, () => this.building)
      : new RowWriter(this.db, this.group);
    this.derivations = new Derivations(this.db, this.group, this.names, this.rows);
    this.parked = new ParkedEvents(this.db);
    const row = this.db.prepare('select position, recorded_ms, since_index from checkpoint').get();
    this.saved = { position: row.position, recordedMs: row.recorded_ms, sinceIndex: row.since_index };
    this.saveStatement = this.db.prepare('update checkpoint set position = ?, recorded_ms = ?, since_index = ?');
    this.indexStatement = this.db.prepare('insert into recorded_at_index values (?, ?)');
  }
}

/** PostgreSQL chooses how to read a table by what it was last told of it; nobody has told it of what was just written. */
function analyse(db: Connection, tables: readonly TableSpec[]): void {
  if (!asPostgres(db) || tables.length === 0) return;
  // Of columns that nobody searches by it need not know.
  const searched = ({ key, indexes = [], nullable = [] }: TableSpec) => [
    ...new Set([...key, ...indexes.flat(), ...nullable]),
  ];
  db.exec(
    `analyze ${tables.map((table) => `${quoted(table.name)} (${searched(table).map(quoted).join(', ')})`).join(', ')}`,
  );
}

function isNew(db: Connection, place: Place): boolean {
  const postgres = asPostgres(db);
  if (!postgres) return db.prepare(`select 1 from sqlite_schema where name = 'checkpoint'`).get() === undefined;
  createSchema(postgres, place);
  const { tables, checkpoint } = db
    .prepare(
      `select count(*) as tables, coalesce(sum(case when tablename = 'checkpoint' then 1 else 0 end), 0) as checkpoint
       from pg_tables where schemaname = ?`,
    )
    .get(schemaOf(place)) as { tables: number; checkpoint: number };
  // They are made in one transaction.
  if (tables > 0 && checkpoint === 0) throw damagedSchema(schemaOf(place));
  return tables === 0;
}

const damagedSchema = (schema: string): TouchstoneError =>
  new TouchstoneError(
    'READ_STORE_DAMAGED',
    `The read model in the schema ${schema} is damaged (it has no checkpoint); stop, drop the schema and start: it is rebuilt from the log.`,
    'unavailable',
    { schema },
  );

function syncToDisk(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
