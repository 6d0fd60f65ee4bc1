import { unreachable } from '@touchstone/eventing/pure';
import { tablesOf, type Projection, type ProjectionGroup } from './projection.js';
import type { Row, RowChange, TableSpec, Value } from './projection.js';
import { BulkInsert } from './bulk-insert.js';
import { addendsOf, bindable, inOrder, misfit, sumsOf, wholeRow } from './row-values.js';
import { ShapedStatement } from './shaped-rows.js';
import { type Connection, type Statement } from './connection.js';
import { quoted } from './sqlite.js';

/** Rows that go into a table with one statement: starting one costs as much as writing a row. */
const ROWS_AT_ONCE = 8;

interface Writer {
  readonly spec: TableSpec;
  readonly columns: readonly string[];
  readonly put: Statement;
  /** Puts so many rows; made when there are as many. */
  putMany: Statement | null;
  /** Values of rows that wait to be put. */
  waiting: Value[];
  /** `set` and `delete` by the columns they name. */
  readonly others: Map<string, Statement>;
  /** Made when something is first added to a row. */
  adder?: Adder;
}

interface Adder {
  /** What may be added to. */
  readonly sums: readonly string[];
  /** Answers whether the row has nothing but zeros now. */
  readonly upsert: Statement;
  readonly remove: Statement;
}

/** Writes the row changes of a group, and reads the rows of its units back; inside the batch's transaction. */
export interface Rows {
  /** The stored rows of a unit, one list per entry of the projection's `loads`, each in the order of its key. */
  load(projection: Projection<never>, id: number): Row[][];
  /** The same of many at once, where that is cheaper than one by one. */
  loadMany?(projection: Projection<never>, ids: readonly number[]): ReadonlyMap<number, Row[][]>;
  /**
   * Applies many changes, those of one table in their order. Whoever reads tables after it calls `before` first.
   * @throws PROJECTION_ROW (internal)
   */
  writeAll(changes: Iterable<RowChange>): void;
  /** @throws PROJECTION_ROW (internal) when the change does not fit the table's description */
  write(change: RowChange): void;
  /** Rows that are not there yet, whole rows one after another. @throws PROJECTION_ROW (internal) */
  insert(table: string, values: readonly Value[]): void;
  /** A statement is about to be asked: what it would read is in its tables when this returns. */
  before(text: string): void;
  /** Everything is in its tables when this returns; whatever is wrong with it is thrown. */
  settle(): void;
  /** The transaction is taken back, and with it what still waits to be written. */
  forget(): void;
}

/** The rows of a group on SQLite: prepared statements, one for a few rows. */
export class RowWriter implements Rows {
  private readonly writers = new Map<string, Writer>();
  private readonly reads = new Map<Projection<never>, readonly ShapedStatement[]>();
  private readonly bulk = new Map<string, BulkInsert>();

  constructor(
    private readonly db: Connection,
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

  load(projection: Projection<never>, id: number): Row[][] {
    return this.reads.get(projection)!.map((statement) => statement.all<Row>([id]));
  }

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

  insert(table: string, values: readonly Value[]): void {
    let bulk = this.bulk.get(table);
    if (!bulk) this.bulk.set(table, (bulk = new BulkInsert(this.db, this.writers.get(table)!.spec)));
    bulk.insert(values);
  }

  // Every statement has run when it was given.
  before(): void {}
  settle(): void {}
  forget(): void {}

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

  private add(target: Writer, change: Extract<RowChange, { op: 'add' }>): void {
    const { sums, upsert, remove } = (target.adder ??= adder(this.db, target.spec));
    const added = addendsOf(target.spec, change, sums);
    if (!added) return;
    const { gone } = upsert.get(...added.key, ...added.addends) as { gone: number };
    if (gone) remove.run(...added.key);
  }

  private other(target: Writer, shape: string, columns: readonly string[], text: () => string): Statement {
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

function writer(db: Connection, spec: TableSpec): Writer {
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

function adder(db: Connection, spec: TableSpec): Adder {
  const { name, key } = spec;
  const sums = sumsOf(spec);
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
