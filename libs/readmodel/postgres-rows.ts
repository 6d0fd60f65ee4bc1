/**
 * Row changes on PostgreSQL. They are gathered by table and key, the later one over the earlier one, and go out as a few
 * statements of many rows, without waiting: an answer is waited for at the next read, and at the end of the batch.
 */
import { copyLine, type SyncPostgres } from '@touchstone/eventing/read';
import { unreachable } from '@touchstone/eventing/pure';
import {
  tablesOf,
  type Projection,
  type ProjectionGroup,
  type Row,
  type RowChange,
  type TableSpec,
  type Value,
} from './projection.js';
import { arrayOf, TYPES } from './postgres.js';
import { addendsOf, bindable, inOrder, misfit, sumsOf, wholeRow } from './row-values.js';
import type { Rows } from './row-writer.js';
import { quoted } from './sqlite.js';

/** Rows of one statement at most: what is gathered for it stays small. */
const ROWS_AT_ONCE = 2_000;
const BYTES_AT_ONCE = 4_000_000;

type Pending =
  /** `isNew`: the table has no row of this key. */
  | { readonly op: 'put'; readonly row: Value[]; readonly isNew: boolean }
  | { readonly op: 'set'; readonly key: readonly Value[]; readonly set: Map<string, Value> }
  | { readonly op: 'delete'; readonly key: readonly Value[] };

interface Table {
  readonly spec: TableSpec;
  readonly columns: readonly string[];
  /** Places of the key's columns. */
  readonly keyAt: readonly number[];
  readonly pending: Map<string, Pending>;
  readonly adds: Map<string, { readonly key: readonly Value[]; readonly sums: number[] }>;
}

export class PostgresRows implements Rows {
  private readonly tables = new Map<string, Table>();
  /** Tables that a statement speaks of, by its text. */
  private readonly mentioned = new Map<string, readonly Table[]>();
  private sent = false;

  constructor(
    private readonly db: SyncPostgres,
    group: ProjectionGroup,
    /**
     * Whether a row that is said to be new is taken at its word. Where it is not, one that is there already is written
     * over; where it is, that is an error, which costs a generation under construction its batch.
     */
    private readonly isTrusting: () => boolean,
  ) {
    for (const spec of tablesOf(group)) {
      const columns = Object.keys(spec.columns);
      const keyAt = spec.key.map((column) => columns.indexOf(column));
      this.tables.set(spec.name, { spec, columns, keyAt, pending: new Map(), adds: new Map() });
    }
  }

  load(projection: Projection<never>, id: number): Row[][] {
    return this.loadMany(projection, [id]).get(id)!;
  }

  loadMany(projection: Projection<never>, ids: readonly number[]): Map<number, Row[][]> {
    const found = new Map(ids.map((id) => [id, projection.loads.map((): Row[] => [])]));
    projection.loads.forEach(({ table, by }, i) => {
      const { spec } = this.tables.get(table)!;
      const order = spec.key.map(quoted).join(', ');
      const text = `select * from ${quoted(table)} where ${quoted(by)} = any($1::bigint[]) order by ${order}`;
      this.before(text);
      for (const row of this.db.rows(text, [arrayOf(ids)]).rows) found.get(row[by] as number)![i]!.push(row);
    });
    return found;
  }

  writeAll(changes: Iterable<RowChange>): void {
    try {
      for (const change of changes) this.write(change);
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  write(change: RowChange): void {
    const table =
      this.tables.get(change.table) ?? misfit(change.table, 'no projection of the group declares this table');
    switch (change.op) {
      case 'put':
        return this.put(table, inOrder(table, change.row));
      case 'insert':
        return this.put(table, [...wholeRow(table, change.values)], this.isTrusting());
      case 'set':
        return this.set(table, change);
      case 'delete':
        return this.delete(table, change);
      case 'add':
        return this.add(table, change);
      default:
        return unreachable(change);
    }
  }

  insert(name: string, values: readonly Value[]): void {
    const table = this.tables.get(name)!;
    const { length } = table.columns;
    if (values.length % length !== 0) misfit(name, `${values.length} values are no whole rows of ${length}`);
    this.flush(table);
    const rows: (readonly Value[])[] = [];
    for (let at = 0; at < values.length; at += length) rows.push(wholeRow(table, values.slice(at, at + length)));
    this.copy(table, rows);
  }

  /** What is gathered for the tables that the statement speaks of is sent. */
  before(text: string): void {
    let tables = this.mentioned.get(text);
    if (!tables) {
      tables = [...this.tables.values()].filter(({ spec }) => text.includes(spec.name));
      this.mentioned.set(text, tables);
    }
    for (const table of tables) this.flush(table);
  }

  settle(): void {
    for (const table of this.tables.values()) this.flush(table);
    if (!this.sent) return;
    this.sent = false;
    // Here a fault of what was sent is told.
    this.db.query('select 1', []);
  }

  forget(): void {
    this.sent = false;
    for (const { pending, adds } of this.tables.values()) {
      pending.clear();
      adds.clear();
    }
  }

  private put(table: Table, row: Value[], isNew = false): void {
    this.flushAdds(table);
    const key = textOf(table.keyAt.map((at) => row[at]!));
    const before = table.pending.get(key);
    const stays = before === undefined ? isNew : before.op === 'put' && before.isNew;
    table.pending.set(key, { op: 'put', row, isNew: stays });
    if (table.pending.size >= ROWS_AT_ONCE) this.flush(table);
  }

  private set(table: Table, change: Extract<RowChange, { op: 'set' }>): void {
    this.flushAdds(table);
    const set = entriesOf(table, change.set);
    const key = fullKey(table, change.key);
    if (!key) {
      this.flush(table);
      return this.now(table, `update ${quoted(change.table)} set ${assignments(set)}`, change.key, set);
    }
    const name = textOf(key);
    const before = table.pending.get(name);
    switch (before?.op) {
      case 'put':
        for (const [column, value] of set) before.row[table.columns.indexOf(column)] = value;
        return;
      case 'set':
        for (const [column, value] of set) before.set.set(column, value);
        return;
      case 'delete':
        return;
      case undefined:
        table.pending.set(name, { op: 'set', key, set: new Map(set) });
    }
  }

  private delete(table: Table, change: Extract<RowChange, { op: 'delete' }>): void {
    this.flushAdds(table);
    const key = fullKey(table, change.key);
    if (key) return void table.pending.set(textOf(key), { op: 'delete', key });
    this.flush(table);
    this.now(table, `delete from ${quoted(change.table)}`, change.key, []);
  }

  /** By what is no whole key: at once, in its turn. */
  private now(table: Table, head: string, key: Row, set: readonly (readonly [string, Value])[]): void {
    const where = entriesOf(table, key);
    if (where.length === 0) misfit(table.spec.name, 'a change without a key would hit every row');
    const conditions = where.map(([column], i) => `${quoted(column)} = $${set.length + i + 1}`).join(' and ');
    this.send(
      `${head} where ${conditions}`,
      [...set, ...where].map(([, value]) => value),
    );
  }

  private add(table: Table, change: Extract<RowChange, { op: 'add' }>): void {
    if (table.pending.size > 0) this.flush(table);
    const added = addendsOf(table.spec, change);
    if (!added) return;
    const name = textOf(added.key);
    const known = table.adds.get(name);
    if (known) for (let i = 0; i < known.sums.length; i++) known.sums[i]! += added.addends[i]!;
    else table.adds.set(name, { key: added.key, sums: [...added.addends] });
    if (table.adds.size >= ROWS_AT_ONCE) this.flushAdds(table);
  }

  private flush(table: Table): void {
    this.flushAdds(table);
    if (table.pending.size === 0) return;
    const changes = [...table.pending.values()];
    table.pending.clear();
    const { spec, columns } = table;
    const name = quoted(spec.name);
    const of = <O extends Pending['op']>(op: O) => changes.filter((c): c is Extract<Pending, { op: O }> => c.op === op);
    const gone = of('delete').map(({ key }) => key);
    this.each(spec, spec.key, gone, (source) => `delete from ${name} as t using ${source} where ${sameKey(spec)}`);
    const rest = columns.filter((column) => !spec.key.includes(column));
    const update =
      rest.length === 0
        ? 'nothing'
        : `update set ${rest.map((c) => `${quoted(c)} = excluded.${quoted(c)}`).join(', ')}`;
    const onto = `on conflict (${spec.key.map(quoted).join(', ')}) do ${update}`;
    const put = of('put');
    this.copy(
      table,
      put.filter(({ isNew }) => isNew).map(({ row }) => row),
    );
    this.each(
      spec,
      columns,
      put.filter(({ isNew }) => !isNew).map(({ row }) => row),
      (source) => `insert into ${name} (${columns.map(quoted).join(', ')}) select * from ${source} ${onto}`,
    );
    const sets = new Map<string, Value[][]>();
    for (const { key, set } of of('set')) {
      const shape = [...set.keys()].sort();
      const known = sets.get(shape.join());
      const row = [...key, ...shape.map((column) => set.get(column)!)];
      if (known) known.push(row);
      else sets.set(shape.join(), [row]);
    }
    for (const [shape, setting] of sets) {
      const changed = shape.split(',');
      const assigned = changed.map((column) => `${quoted(column)} = v.${quoted(column)}`).join(', ');
      this.each(
        spec,
        [...spec.key, ...changed],
        setting,
        (source) => `update ${name} as t set ${assigned} from ${source} where ${sameKey(spec)}`,
      );
    }
  }

  private flushAdds({ spec, adds }: Table): void {
    if (adds.size === 0) return;
    const rows = [...adds.values()].map(({ key, sums }) => [...key, ...sums]);
    adds.clear();
    const sums = sumsOf(spec);
    const all = [...spec.key, ...sums];
    const name = quoted(spec.name);
    const more = sums
      .map((column) => `${quoted(column)} = t.${quoted(column)} + excluded.${quoted(column)}`)
      .join(', ');
    this.each(
      spec,
      all,
      rows,
      (source) =>
        `insert into ${name} as t (${all.map(quoted).join(', ')}) select * from ${source} on conflict (${spec.key.map(quoted).join(', ')}) do update set ${more}`,
    );
    const zero = sums.map((column) => `t.${quoted(column)} = 0`).join(' and ');
    const keys = rows.map((row) => row.slice(0, spec.key.length));
    this.each(
      spec,
      spec.key,
      keys,
      (source) => `delete from ${name} as t using ${source} where ${sameKey(spec)} and ${zero}`,
    );
  }

  /** Rows that are not there yet: without a look at what is there. */
  private copy({ spec, columns }: Table, rows: readonly (readonly Value[])[]): void {
    if (rows.length === 0) return;
    const text = `copy ${quoted(spec.name)} (${columns.map(quoted).join(', ')}) from stdin`;
    let lines = '';
    for (const row of rows) {
      lines += copyLine(row);
      if (lines.length < BYTES_AT_ONCE) continue;
      this.db.sendRows(text, lines);
      lines = '';
    }
    if (lines !== '') this.db.sendRows(text, lines);
    this.sent = true;
  }

  /** Sends rows as arrays, one for each column, some thousands at once. */
  private each(
    spec: TableSpec,
    columns: readonly string[],
    rows: readonly (readonly Value[])[],
    text: (source: string) => string,
  ): void {
    if (rows.length === 0) return;
    const arrays = columns.map((column, i) => `$${i + 1}::${TYPES[spec.columns[column]!]}[]`);
    const statement = text(`unnest(${arrays.join(', ')}) as v (${columns.map(quoted).join(', ')})`);
    let bytes = 0;
    let from = 0;
    for (let to = 0; to < rows.length; to++) {
      for (const value of rows[to]!)
        bytes += typeof value === 'string' ? value.length : ArrayBuffer.isView(value) ? 2 * value.byteLength : 8;
      if (bytes < BYTES_AT_ONCE && to - from + 1 < ROWS_AT_ONCE && to + 1 < rows.length) continue;
      const some = rows.slice(from, to + 1);
      this.send(
        statement,
        columns.map((_, i) => arrayOf(some.map((row) => row[i]!))),
      );
      from = to + 1;
      bytes = 0;
    }
  }

  private send(text: string, values: readonly Value[]): void {
    this.db.send(text, values);
    this.sent = true;
  }
}

const sameKey = ({ key }: TableSpec): string => key.map((c) => `t.${quoted(c)} = v.${quoted(c)}`).join(' and ');

const assignments = (set: readonly (readonly [string, Value])[]): string =>
  set.map(([column], i) => `${quoted(column)} = $${i + 1}`).join(', ');

/** A key as text, so that no two keys are the same. */
const textOf = (key: readonly Value[]): string =>
  key.length === 1 && typeof key[0] === 'number' ? String(key[0]) : JSON.stringify(key);

/** The values of the key in its order; null when it is not the whole key and nothing else. */
function fullKey({ spec }: Table, key: Row): readonly Value[] | null {
  if (Object.keys(key).length !== spec.key.length) return null;
  const values: Value[] = [];
  for (const column of spec.key) {
    if (!(column in key)) return null;
    values.push(bindable(spec.name, column, key[column]));
  }
  return values;
}

function entriesOf({ spec }: Table, row: Row): (readonly [string, Value])[] {
  return Object.entries(row).map(([column, value]) => {
    if (!(column in spec.columns)) misfit(spec.name, `"${column}" is not one of its columns`);
    return [column, bindable(spec.name, column, value)] as const;
  });
}
