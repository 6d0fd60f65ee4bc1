import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { malformed, notOcel } from './ocel-errors.js';
import type { OcelStager } from './ocel-stager.js';
import { valueOf } from './ocel-values.js';
import type { OcelType } from './ocel.js';
import { put, type JsonObject } from './xes-value.js';

export const SQLITE_MAGIC = Buffer.from('SQLite format 3\0');

const REQUIRED = ['event', 'object', 'event_object', 'object_object', 'event_map_type', 'object_map_type'] as const;

/** Rows read at a time, what their place is called, and the place before every row. */
const PAGE = 500;
const PLACE = 'touchstone rowid';
const LOWEST = -(2n ** 63n);

/**
 * What a driver says of a file that is no database, or a broken one: nothing is asked that a sound one could not answer,
 * so that an error of a statement (1) is the file's as well.
 */
const BROKEN = new Set([1, 11, 26]);

interface Column {
  readonly name: string;
  readonly type: OcelType;
}

/**
 * Reads an OCEL 2.0 log that is an SQLite database, row by row. Only tables are read: a view of a file may stand for
 * anything.
 * @throws OCEL_NOT_A_LOG, OCEL_MALFORMED and those of the stager
 */
export async function stageOcelSqlite(file: string, stager: OcelStager): Promise<void> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.exec('PRAGMA trusted_schema = OFF');
    db.exec('PRAGMA query_only = ON');
    await new Reading(db, stager).run();
  } catch (error) {
    if (BROKEN.has(((error as { errcode?: number }).errcode ?? 0) & 0xff))
      throw malformed((error as Error).message, error);
    throw error;
  } finally {
    db.close();
  }
}

class Reading {
  private readonly tables: ReadonlySet<string>;

  constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly stager: OcelStager,
  ) {
    const rows = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'").all();
    this.tables = new Set((rows as unknown as { name: string }[]).map(({ name }) => name));
    const missing = REQUIRED.filter((table) => !this.tables.has(table));
    if (missing.length > 0) throw notOcel(`It has no table ${missing.map((name) => `"${name}"`).join(', ')}.`);
  }

  async run(): Promise<void> {
    for (const row of this.rows('event', ['ocel_id', 'ocel_type']))
      await this.stager.event(row['ocel_id'], row['ocel_type']);
    for (const [type, table] of this.typeTables('event')) {
      const columns = this.attributes(table, ['ocel_id', 'ocel_time']);
      for (const row of this.rows(table, ['ocel_id', 'ocel_time'])) {
        await this.stager.eventDetail(row['ocel_id'], type, textOf(row['ocel_time']), valuesOf(row, columns));
      }
    }
    for (const row of this.rows('object', ['ocel_id', 'ocel_type']))
      await this.stager.object(row['ocel_id'], row['ocel_type']);
    for (const [type, table] of this.typeTables('object')) await this.objects(type, table);
    const e2o = ['ocel_event_id', 'ocel_object_id', 'ocel_qualifier'] as const;
    for (const row of this.rows('event_object', e2o)) await this.stager.relation(row[e2o[0]], row[e2o[1]], row[e2o[2]]);
    const o2o = ['ocel_source_id', 'ocel_target_id', 'ocel_qualifier'] as const;
    for (const row of this.rows('object_object', o2o)) await this.stager.link(row[o2o[0]], row[o2o[1]], row[o2o[2]]);
  }

  /** A row gives all values that an object has at first, or the one that changed. */
  private async objects(type: string, table: string): Promise<void> {
    const columns = this.attributes(table, ['ocel_id', 'ocel_time', 'ocel_changed_field']);
    for (const row of this.rows(table, ['ocel_id', 'ocel_time'])) {
      const changed = textOf(row['ocel_changed_field']);
      const column = changed === null ? undefined : columns.find(({ name }) => name === changed);
      const values = column
        ? { [column.name]: valueOf(row[column.name] ?? null, column.type) }
        : valuesOf(row, columns);
      if (Object.keys(values).length > 0)
        await this.stager.values(row['ocel_id'], type, textOf(row['ocel_time']), values);
    }
  }

  /** Types and the tables that hold their attributes. */
  private typeTables(of: 'event' | 'object'): [type: string, table: string][] {
    const found: [string, string][] = [];
    for (const row of this.rows(`${of}_map_type`, ['ocel_type', 'ocel_type_map'])) {
      const [type, mapped] = [row['ocel_type'], row['ocel_type_map']];
      if (typeof type !== 'string' || typeof mapped !== 'string')
        throw malformed(`${of}_map_type has a row without a type`);
      const table = `${of}_${mapped}`;
      if (!this.tables.has(table)) throw malformed(`it has no table "${table}" for the ${of} type "${type}"`);
      this.stager.declare(of, type);
      found.push([type, table]);
    }
    return found;
  }

  private attributes(table: string, but: readonly string[]): Column[] {
    return this.columns(table).filter(({ name }) => !but.includes(name));
  }

  private columns(table: string): Column[] {
    const rows = this.db.prepare('SELECT name, type FROM pragma_table_info(?)').all(table);
    return (rows as unknown as { name: string; type: string }[]).map(({ name, type }) => ({
      name,
      type: typeOf(type),
    }));
  }

  /** Rows in pages: the driver's own iterators do not survive that others run between two rows. */
  private *rows(table: string, needed: readonly string[]): Generator<Record<string, unknown>> {
    const has = new Set(this.columns(table).map(({ name }) => name));
    const missing = needed.filter((column) => !has.has(column));
    if (missing.length > 0) throw notOcel(`Its table "${table}" has no column ${missing.join(', ')}.`);
    const from = `FROM "${table.replaceAll('"', '""')}"`;
    const byPlace = this.prepared(
      `SELECT _rowid_ AS "${PLACE}", * ${from} WHERE _rowid_ > ? ORDER BY _rowid_ LIMIT ${PAGE}`,
    );
    // A table without rowids has no cheaper place to go on from.
    const byCount = byPlace ? undefined : this.prepared(`SELECT * ${from} LIMIT ${PAGE} OFFSET ?`);
    for (let after: bigint | number = byPlace ? LOWEST : 0; ;) {
      const rows = (byPlace ?? byCount!).all(after) as unknown as Record<string, unknown>[];
      yield* rows;
      if (rows.length < PAGE) return;
      after = byPlace ? (rows.at(-1)![PLACE] as bigint) : Number(after) + rows.length;
    }
  }

  private prepared(sql: string): StatementSyncInstance | undefined {
    try {
      const statement = this.db.prepare(sql);
      statement.setReadBigInts(true);
      return statement;
    } catch (error) {
      if (/no such column: _rowid_/.test((error as Error).message)) return undefined;
      throw error;
    }
  }
}

function valuesOf(row: Record<string, unknown>, columns: readonly Column[]): JsonObject {
  const values: JsonObject = {};
  for (const { name, type } of columns) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    put(values, name, value instanceof Uint8Array ? Buffer.from(value).toString('base64') : valueOf(value, type));
  }
  return values;
}

const textOf = (value: unknown): string | null =>
  typeof value === 'string' ? value : typeof value === 'bigint' || typeof value === 'number' ? String(value) : null;

function typeOf(declared: string): OcelType {
  switch (declared.toUpperCase()) {
    case 'INTEGER':
    case 'INT':
    case 'BIGINT':
      return 'integer';
    case 'REAL':
    case 'FLOAT':
    case 'DOUBLE':
    case 'NUMERIC':
      return 'float';
    case 'BOOLEAN':
      return 'boolean';
    case 'TIMESTAMP':
    case 'DATETIME':
      return 'time';
    default:
      return 'string';
  }
}
