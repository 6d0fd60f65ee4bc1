import { Kysely, SqliteDialect, type SqliteDatabase } from 'kysely';
import { asPostgres } from './connection.js';
import { SyncPostgresDialect } from './postgres-dialect.js';
import { ShapedStatement } from './shaped-rows.js';
import type { Connection } from './connection.js';

const KEPT_STATEMENTS = 256;

/**
 * Kysely on one connection. `beforeStatement` runs before each statement and may throw, which is how a long
 * read that consists of many statements is cancelled without its help. Destroying the Kysely closes the connection.
 *
 * @example const db = kyselyOn<Tables>(openForReading(path));
 */
// A read model's tables are known only to its queries, which name their own row types.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function kyselyOn<Tables = any>(db: Connection, beforeStatement: () => void = () => {}): Kysely<Tables> {
  const postgres = asPostgres(db);
  if (postgres) return new Kysely<Tables>({ dialect: new SyncPostgresDialect(postgres, beforeStatement) });
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: adapter(db, beforeStatement) }) });
}

function adapter(db: Connection, beforeStatement: () => void): SqliteDatabase {
  // The same few texts come again and again; preparing one costs more than running it on a small result.
  const kept = new Map<string, ShapedStatement>();
  const prepared = (text: string) => {
    let entry = kept.get(text);
    kept.delete(text);
    entry ??= new ShapedStatement(db, text);
    kept.set(text, entry);
    if (kept.size > KEPT_STATEMENTS) kept.delete(kept.keys().next().value!);
    return entry;
  };
  return {
    close: () => db.close(),
    prepare: (text) => {
      beforeStatement();
      const statement = prepared(text);
      return {
        reader: statement.columns.length > 0,
        all: (values) => statement.all(values),
        run: (values) => ({ lastInsertRowid: 0, ...statement.run(values) }),
        // A kept statement that is still being stepped must not be started again: a stream gets its own.
        iterate: (values) => new ShapedStatement(db, text).iterate(values),
      };
    },
  };
}
