import { asPostgres, type Connection, type Statement } from './connection.js';
import type { Sqlite } from './sqlite.js';

type SqliteStatement = ReturnType<Sqlite['prepare']>;
type Values = readonly unknown[];

/**
 * A statement whose rows are ordinary objects. The driver's own have no prototype and no shape, which makes them slower to
 * make and to read.
 */
export class ShapedStatement {
  /** Names of the columns that SQLite answers; none where it answers nothing. */
  readonly columns: readonly string[];
  private readonly statement: Statement;
  /** PostgreSQL's rows are made in their shape. */
  private readonly isShaped: boolean;

  constructor(db: Connection, text: string) {
    this.statement = db.prepare(text);
    this.isShaped = asPostgres(db) !== null;
    const statement = this.statement as SqliteStatement;
    this.columns = this.isShaped ? [] : statement.columns().map(({ name }) => name);
    if (this.columns.length > 0) statement.setReturnArrays(true);
  }

  all<R>(values: Values): R[] {
    const rows = this.statement.all(...(values as never[])) as unknown as unknown[];
    if (this.isShaped) return rows as R[];
    // In place: nobody else has seen the array.
    for (let i = 0; i < rows.length; i++) rows[i] = this.shaped(rows[i] as Values);
    return rows as R[];
  }

  *iterate<R>(values: Values): IterableIterator<R> {
    for (const row of this.statement.iterate(...(values as never[])) as Iterable<unknown>) {
      yield (this.isShaped ? row : this.shaped(row as Values)) as R;
    }
  }

  run(values: Values) {
    return this.statement.run(...(values as never[]));
  }

  private shaped(row: Values): object {
    const { columns } = this;
    const object: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i++) object[columns[i]!] = row[i];
    return object;
  }
}

/** Shaped statements by their text, kept for as long as the connection. */
export class ShapedStatements {
  private readonly kept = new Map<string, ShapedStatement>();

  constructor(private readonly db: Connection) {}

  of(text: string): ShapedStatement {
    let statement = this.kept.get(text);
    if (!statement) this.kept.set(text, (statement = new ShapedStatement(this.db, text)));
    return statement;
  }

  /** A kept statement that is still being stepped must not be started again: a stream gets its own. */
  each<R>(text: string, values: Values): IterableIterator<R> {
    return new ShapedStatement(this.db, text).iterate<R>(values);
  }
}
