import { Kysely, SqliteDialect, type SqliteDatabase } from 'kysely';
import type { Sqlite, SqliteStatement } from './sqlite.js';

const KEPT_STATEMENTS = 256;

/**
 * Kysely on one SQLite connection. `beforeStatement` runs before each statement and may throw, which is how a long
 * read that consists of many statements is cancelled without its help. Destroying the Kysely closes the connection.
 *
 * @example const db = kyselyOn<Tables>(openForReading(path));
 */
// A read model's tables are known only to its queries, which name their own row types.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function kyselyOn<Tables = any>(db: Sqlite, beforeStatement: () => void = () => {}): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: adapter(db, beforeStatement) }) });
}

function adapter(db: Sqlite, beforeStatement: () => void): SqliteDatabase {
  // The same few texts come again and again; preparing one costs more than running it on a small result.
  const kept = new Map<string, Prepared>();
  const prepared = (text: string) => {
    let entry = kept.get(text);
    kept.delete(text);
    entry ??= prepare(db, text);
    kept.set(text, entry);
    if (kept.size > KEPT_STATEMENTS) kept.delete(kept.keys().next().value!);
    return entry;
  };
  return {
    close: () => db.close(),
    prepare: (text) => {
      beforeStatement();
      const { statement, columns } = prepared(text);
      return {
        reader: columns.length > 0,
        all: (values) => (statement.all(...values) as unknown as unknown[][]).map((row) => asObject(columns, row)),
        run: (values) => statement.run(...values),
        // A kept statement that is still being stepped must not be started again: a stream gets its own.
        iterate: (values) => rowsOf(prepare(db, text), values),
      };
    },
  };
}

interface Prepared {
  readonly statement: SqliteStatement;
  readonly columns: readonly string[];
}

function prepare(db: Sqlite, text: string): Prepared {
  const statement = db.prepare(text);
  const columns = statement.columns().map(({ name }) => name);
  // The driver's own objects have no prototype and no shape; making and reading them takes several times as long.
  if (columns.length > 0) statement.setReturnArrays(true);
  return { statement, columns };
}

function* rowsOf({ statement, columns }: Prepared, values: readonly unknown[]): IterableIterator<unknown> {
  for (const row of statement.iterate(...values) as Iterable<unknown>) yield asObject(columns, row as unknown[]);
}

function asObject(columns: readonly string[], row: readonly unknown[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < columns.length; i++) object[columns[i]!] = row[i];
  return object;
}
