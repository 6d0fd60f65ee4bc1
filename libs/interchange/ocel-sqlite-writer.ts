import { setImmediate } from 'node:timers/promises';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { columnsIn } from './ocel-json-writer.js';
import type { OcelColumns } from './ocel-columns.js';
import type { LossReport } from './loss-report.js';
import type { OcelStore, Side } from './ocel-store.js';
import { SINCE_EVER, UNDECLARED, type OcelType } from './ocel.js';
import type { Json, JsonObject } from './xes-value.js';

/** Rows after which others run. */
const TURN = 500;

const SQL_TYPES: Record<OcelType, string> = {
  string: 'TEXT',
  time: 'TIMESTAMP',
  integer: 'INTEGER',
  float: 'REAL',
  boolean: 'BOOLEAN',
};

/** A type with its table. */
interface Table {
  readonly name: string;
  readonly columns: OcelColumns;
}

/** Writes what a store holds as an OCEL 2.0 database at `file`, which must not be there yet. */
export async function writeOcelSqlite(
  store: OcelStore,
  file: string,
  report: LossReport,
  signal?: AbortSignal,
): Promise<void> {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA journal_mode = OFF');
    db.exec('PRAGMA synchronous = OFF');
    db.exec('BEGIN');
    await new Writing(db, store, report, signal).run();
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

class Writing {
  private rows = 0;
  private readonly tables: Record<Side, Map<string, Table>>;

  constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly store: OcelStore,
    report: LossReport,
    private readonly signal: AbortSignal | undefined,
  ) {
    const columns = columnsIn(store, report, true);
    this.tables = { event: this.tablesOf(columns.event), object: this.tablesOf(columns.object) };
  }

  async run(): Promise<void> {
    this.define();
    await this.events();
    await this.objects();
  }

  private define(): void {
    for (const side of ['event', 'object'] as const) {
      this.db.exec(`CREATE TABLE ${side} (ocel_id TEXT PRIMARY KEY, ocel_type TEXT)`);
      this.db.exec(`CREATE TABLE ${side}_map_type (ocel_type TEXT PRIMARY KEY, ocel_type_map TEXT)`);
      const map = this.db.prepare(`INSERT INTO ${side}_map_type VALUES (?, ?)`);
      for (const [type, table] of this.tables[side]) {
        map.run(type, table.name);
        const own = side === 'event' ? 'ocel_id TEXT PRIMARY KEY, ocel_time TIMESTAMP' : 'ocel_id TEXT, ocel_time TIMESTAMP, ocel_changed_field TEXT'; // prettier-ignore
        const attributes = [...table.columns.types].map(([name, t]) => `, ${quoted(name)} ${SQL_TYPES[t]}`);
        this.db.exec(`CREATE TABLE ${quoted(`${side}_${table.name}`)} (${own}${attributes.join('')})`);
      }
    }
    this.db.exec(
      'CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT, ' +
        'PRIMARY KEY (ocel_event_id, ocel_object_id, ocel_qualifier))',
    );
    this.db.exec(
      'CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT, ' +
        'PRIMARY KEY (ocel_source_id, ocel_target_id, ocel_qualifier))',
    );
  }

  private async events(): Promise<void> {
    const add = this.db.prepare('INSERT INTO event VALUES (?, ?)');
    const inserts = new Inserts(this.db, 'event', ['ocel_id', 'ocel_time']);
    for (const { id, type, time, attributes } of this.store.eventsInOrder()) {
      const table = this.tables.event.get(type)!;
      add.run(id, type);
      inserts.run(table, [id, time], table.columns.split(JSON.parse(attributes) as JsonObject).values);
      await this.turn();
    }
    await this.pairs(
      'event_object',
      `SELECT r.event AS place, e.id AS one, r.object AS other, r.qualifier FROM relation r JOIN event e ON e.n = r.event
       WHERE (r.event, r.object, r.qualifier) > (?, ?, ?) ORDER BY r.event, r.object, r.qualifier LIMIT ?`,
      0,
    );
  }

  private async objects(): Promise<void> {
    const add = this.db.prepare('INSERT INTO object VALUES (?, ?)');
    const inserts = new Inserts(this.db, 'object', ['ocel_id', 'ocel_time', 'ocel_changed_field']);
    for (const { id, type } of this.store.objectsInOrder()) {
      if (type === UNDECLARED) continue;
      const table = this.tables.object.get(type)!;
      add.run(id, type);
      let isFirst = true;
      for (const { time, attributes } of this.store.valuesOf(id)) {
        const own = table.columns.split(JSON.parse(attributes) as JsonObject).values;
        const isWhole = isFirst && ![...own.values()].includes(null);
        // The first row gives all that an object has at first; a later one tells of one attribute.
        if (isWhole) inserts.run(table, [id, time, null], own);
        else for (const [name, value] of own) inserts.run(table, [id, time, name], new Map([[name, value]]));
        isFirst = false;
        await this.turn();
      }
      // Many readers know an object only by its row.
      if (isFirst) inserts.run(table, [id, SINCE_EVER, null], new Map());
      await this.turn();
    }
    await this.pairs(
      'object_object',
      `SELECT source AS place, source AS one, target AS other, qualifier FROM link
       WHERE (source, target, qualifier) > (?, ?, ?) ORDER BY source, target, qualifier LIMIT ?`,
      '',
    );
  }

  /** @param start before the place of every row */
  private async pairs(table: string, query: string, start: string | number): Promise<void> {
    interface Pair {
      readonly place: string | number;
      readonly one: string;
      readonly other: string;
      readonly qualifier: string;
    }
    const add = this.db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?)`);
    const pairs = this.store.paged<Pair>(query, [], [start, '', ''], ({ place, other, qualifier }) => [
      place,
      other,
      qualifier,
    ]);
    for (const { one, other, qualifier } of pairs) {
      add.run(one, other, qualifier);
      await this.turn();
    }
  }

  private tablesOf(columns: ReadonlyMap<string, OcelColumns>): Map<string, Table> {
    const taken = new Set<string>(['map_type', 'object', '']);
    return new Map(
      [...columns].map(([type, own]): [string, Table] => {
        const name = unused(type.replace(/[^\p{L}\p{N}]+/gu, '').slice(0, 100) || 'type', taken);
        return [type, { name, columns: own }];
      }),
    );
  }

  private async turn(): Promise<void> {
    if (++this.rows % TURN !== 0) return;
    this.signal?.throwIfAborted();
    await setImmediate();
  }
}

/** Rows of the tables of types. */
class Inserts {
  private readonly statements = new Map<string, StatementSyncInstance>();

  constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly side: Side,
    private readonly own: readonly string[],
  ) {}

  run(table: Table, own: readonly (string | null)[], values: ReadonlyMap<string, Json>): void {
    const names = [...values.keys()];
    const key = JSON.stringify([table.name, names]);
    let statement = this.statements.get(key);
    if (!statement) {
      const columns = [...this.own, ...names].map(quoted);
      statement = this.db.prepare(
        `INSERT INTO ${quoted(`${this.side}_${table.name}`)} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      );
      if (this.statements.size > 500) this.statements.clear();
      this.statements.set(key, statement);
    }
    statement.run(...own, ...[...values.values()].map(bound));
  }
}

/** The driver binds numbers next to nothing as 0; as texts a column of numbers takes them for what they are. */
function bound(value: Json): string | number | null {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-9) return String(value);
  return value as string | number | null;
}

/** A name that no other has, whatever its case; takes it. */
function unused(name: string, taken: Set<string>): string {
  let free = name;
  for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${name}_${n}`;
  taken.add(free.toLowerCase());
  return free;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
