import { TouchstoneError, unreachable } from '@touchstone/eventing/pure';
import { tablesOf, type Projection, type ProjectionGroup } from './projection.js';
import type { Row, RowChange, TableSpec, Value } from './projection.js';
import { ShapedStatement } from './shaped-rows.js';
import { quoted, type Sqlite, type SqliteStatement } from './sqlite.js';

/** Rows that go into a table with one statement: starting one costs as much as writing a row. */
const ROWS_AT_ONCE = 8;

interface Writer {
  readonly spec: TableSpec;
  readonly columns: readonly string[];
  readonly put: SqliteStatement;
  /** Puts so many rows; made when there are as many. */
  putMany: SqliteStatement | null;
  /** Values of rows that wait to be put. */
  waiting: Value[];
  /** `set` and `delete` by the columns they name. */
  readonly others: Map<string, SqliteStatement>;
  /** Made when something is first added to a row. */
  adder?: Adder;
}

interface Adder {
  /** What may be added to. */
  readonly sums: readonly string[];
  /** Answers whether the row has nothing but zeros now. */
  readonly upsert: SqliteStatement;
  readonly remove: SqliteStatement;
}

/** Turns row changes into prepared statements, and reads a unit's rows back. */
export class RowWriter {
  private readonly writers = new Map<string, Writer>();
  private readonly reads = new Map<Projection<never>, readonly ShapedStatement[]>();

  constructor(
    private readonly db: Sqlite,
    group: ProjectionGroup,
  ) {
    for (const spec of tablesOf(group)) this.writers.set(spec.name, writer(db, spec));
    for (const projection of group.projections) {
      this.reads.set(
        projection,
        projection.loads.map(({ table, by }) => {
          const order = projection.tables
            .find((t) => t.name === table)!
            .key.map(quoted)
            .join(', ');
          return new ShapedStatement(db, `select * from ${quoted(table)} where ${quoted(by)} = ? order by ${order}`);
        }),
      );
    }
  }

  /** The stored rows of a unit, one list per entry of the projection's `loads`, each in the order of its key. */
  load(projection: Projection<never>, id: number): Row[][] {
    return this.reads.get(projection)!.map((statement) => statement.all<Row>([id]));
  }

  /**
   * Applies many changes, those of one table in their order; all of them are in their tables when it returns.
   * @throws PROJECTION_ROW (internal)
   */
  writeAll(changes: Iterable<RowChange>): void {
    try {
      for (const change of changes) {
        const target = this.target(change);
        if (change.op === 'put') this.putLater(target, inOrder(target, change.row));
        else if (change.op === 'insert') this.putLater(target, wholeRow(target, change.values));
        else {
          putWaiting(target);
          this.write(change);
        }
      }
      for (const writer of this.writers.values()) putWaiting(writer);
    } catch (error) {
      // The caller takes its transaction back, and these belong to it.
      for (const writer of this.writers.values()) writer.waiting = [];
      throw error;
    }
  }

  /** @throws PROJECTION_ROW (internal) when the change does not fit the table's description */
  write(change: RowChange): void {
    const target = this.target(change);
    switch (change.op) {
      case 'put':
        return void target.put.run(...inOrder(target, change.row));
      case 'insert':
        return void target.put.run(...wholeRow(target, change.values));
      case 'set': {
        const set = Object.keys(change.set);
        const key = Object.keys(change.key);
        const text = () => `update ${quoted(change.table)} set ${assigned(set, ', ')} where ${assigned(key, ' and ')}`;
        this.other(target, `set ${set.join()} where ${key.join()}`, [...set, ...key], text).run(
          ...Object.values(change.set).map((v, i) => bindable(change.table, set[i]!, v)),
          ...Object.values(change.key).map((v, i) => bindable(change.table, key[i]!, v)),
        );
        return;
      }
      case 'delete': {
        const key = Object.keys(change.key);
        const text = () => `delete from ${quoted(change.table)} where ${assigned(key, ' and ')}`;
        this.other(target, `delete ${key.join()}`, key, text).run(
          ...Object.values(change.key).map((v, i) => bindable(change.table, key[i]!, v)),
        );
        return;
      }
      case 'add':
        return this.add(target, change);
      default:
        return unreachable(change);
    }
  }

  private target({ table }: RowChange): Writer {
    return this.writers.get(table) ?? misfit(table, 'no projection of the group declares this table');
  }

  private putLater(target: Writer, row: readonly Value[]): void {
    const { columns, spec, waiting } = target;
    for (let i = 0; i < row.length; i++) waiting.push(row[i]!);
    if (waiting.length < ROWS_AT_ONCE * columns.length) return;
    target.putMany ??= this.db.prepare(putting(spec, ROWS_AT_ONCE));
    target.waiting = [];
    target.putMany.run(...waiting);
  }

  private add(target: Writer, { table, key, add }: Extract<RowChange, { op: 'add' }>): void {
    const { sums, upsert, remove } = (target.adder ??= adder(this.db, target.spec));
    const keys = target.spec.key.map((column) => bindable(table, column, key[column]));
    if (Object.keys(key).length !== keys.length) misfit(table, `its key is ${target.spec.key.join(', ')}`);
    let nothing = true;
    let missed = Object.keys(add).length;
    const addends = sums.map((column) => {
      const addend = add[column];
      if (addend === undefined) return 0;
      if (!Number.isSafeInteger(addend)) misfit(table, `${addend} cannot be added to "${column}"; add whole numbers`);
      missed--;
      if (addend !== 0) nothing = false;
      return addend;
    });
    if (missed !== 0) misfit(table, `it can only be added to ${sums.join(', ')}`);
    // A row of zeros is no row, neither before nor after.
    if (nothing) return;
    const { gone } = upsert.get(...keys, ...addends) as { gone: number };
    if (gone) remove.run(...keys);
  }

  private other(target: Writer, shape: string, columns: readonly string[], text: () => string): SqliteStatement {
    let statement = target.others.get(shape);
    if (!statement) {
      const unknown = columns.find((column) => !(column in target.spec.columns));
      if (unknown !== undefined) misfit(target.spec.name, `"${unknown}" is not one of its columns`);
      if (columns.length === 0) misfit(target.spec.name, 'a change without a key would hit every row');
      target.others.set(shape, (statement = this.db.prepare(text())));
    }
    return statement;
  }
}

function writer(db: Sqlite, spec: TableSpec): Writer {
  const put = db.prepare(putting(spec, 1));
  return { spec, columns: Object.keys(spec.columns), put, putMany: null, waiting: [], others: new Map() };
}

function putting({ name, columns, key }: TableSpec, rows: number): string {
  const all = Object.keys(columns);
  const rest = all.filter((column) => !key.includes(column));
  const update =
    rest.length === 0 ? 'nothing' : `update set ${rest.map((c) => `${quoted(c)} = excluded.${quoted(c)}`).join(', ')}`;
  const row = `(${all.map(() => '?').join(', ')})`;
  return (
    `insert into ${quoted(name)} (${all.map(quoted).join(', ')}) values ${new Array(rows).fill(row).join(', ')} ` +
    `on conflict (${key.map(quoted).join(', ')}) do ${update}`
  );
}

function putWaiting(target: Writer): void {
  const { waiting, columns, put } = target;
  if (waiting.length === 0) return;
  target.waiting = [];
  for (let at = 0; at < waiting.length; at += columns.length) put.run(...waiting.slice(at, at + columns.length));
}

function adder(db: Sqlite, { name, columns, key, nullable = [] }: TableSpec): Adder {
  const sums = Object.keys(columns).filter((column) => !key.includes(column));
  const odd = sums.find((column) => columns[column] !== 'int' || nullable.includes(column));
  if (odd !== undefined) misfit(name, `nothing can be added to a row, because "${odd}" is no int or may be null`);
  if (sums.length === 0) misfit(name, 'nothing can be added to a row that is all key');
  const all = [...key, ...sums];
  const upsert = db.prepare(
    `insert into ${quoted(name)} (${all.map(quoted).join(', ')}) values (${all.map(() => '?').join(', ')})
     on conflict (${key.map(quoted).join(', ')})
     do update set ${sums.map((c) => `${quoted(c)} = ${quoted(c)} + excluded.${quoted(c)}`).join(', ')}
     returning ${sums.map((c) => `${quoted(c)} = 0`).join(' and ')} as gone`,
  );
  return { sums, upsert, remove: db.prepare(`delete from ${quoted(name)} where ${assigned(key, ' and ')}`) };
}

const assigned = (columns: readonly string[], by: string): string => columns.map((c) => `${quoted(c)} = ?`).join(by);

function inOrder({ spec, columns }: Writer, row: Row): Value[] {
  const values = new Array<Value>(columns.length);
  let taken = 0;
  for (let i = 0; i < columns.length; i++) {
    const value = row[columns[i]!];
    if (value === undefined) values[i] = null;
    else {
      taken++;
      values[i] = bindable(spec.name, columns[i]!, value);
    }
  }
  for (const column in row) if (row[column] !== undefined) taken--;
  if (taken !== 0) misfit(spec.name, `a row has columns besides ${columns.join(', ')}`);
  return values;
}

function wholeRow({ spec, columns }: Writer, values: readonly Value[]): readonly Value[] {
  if (values.length !== columns.length) misfit(spec.name, `a row has ${columns.length} values, not ${values.length}`);
  for (let i = 0; i < values.length; i++) bindable(spec.name, columns[i]!, values[i]);
  return values;
}

function bindable(table: string, column: string, value: Value | undefined): Value {
  const type = typeof value;
  if (value === null || type === 'number' || type === 'string' || ArrayBuffer.isView(value)) return value as Value;
  misfit(table, `column "${column}" was given a value of type ${type}`);
}

function misfit(table: string, what: string): never {
  throw new TouchstoneError('PROJECTION_ROW', `A row change for table "${table}" does not fit: ${what}.`, 'internal');
}
