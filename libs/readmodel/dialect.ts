/** Where the SQL of the two engines differs, for those who write queries. */
import { sql, type RawBuilder } from 'kysely';

export type Engine = 'sqlite' | 'postgres';

/** What a query runs on. */
export interface OnEngine {
  readonly engine: Engine;
}

type Sql = RawBuilder<unknown>;

/** Whole numbers of all rows as one text, `a,b,a,b …`: to make a text costs a tenth of what rows cost. Null of no rows. */
export function listOf({ engine }: OnEngine, ...columns: readonly Sql[]): RawBuilder<string | null> {
  return engine === 'postgres'
    ? sql`string_agg(concat_ws(',', ${sql.join(columns)}), ',')`
    : sql`group_concat(${sql.join(columns, sql` || ',' || `)})`;
}

/** Bytes of all rows, one behind the other. Null of no rows. */
export function bytesOf({ engine }: OnEngine, column: Sql): RawBuilder<Uint8Array | null> {
  return engine === 'postgres'
    ? sql`string_agg(${column}, ''::bytea)`
    : sql`cast(group_concat(cast(${column} as text), '') as blob)`;
}

/** Any number of whole numbers as one parameter, for `in`. */
export function among({ engine }: OnEngine, numbers: Iterable<number>): Sql {
  const text = JSON.stringify([...numbers]);
  return engine === 'postgres'
    ? sql`(select value::bigint from json_array_elements_text(${text}::json) as value)`
    : sql`(select value from json_each(${text}))`;
}

/**
 * Whether a column is one of a few whole numbers, read by the column's index: behind `in` PostgreSQL takes whatever `among`
 * makes for a hundred rows, and rather reads the whole of a table that is not large.
 */
export function isAmong(on: OnEngine, column: Sql, numbers: Iterable<number>): RawBuilder<boolean> {
  if (on.engine === 'postgres') return sql<boolean>`${column} = any(${`{${[...numbers].join(',')}}`}::bigint[])`;
  return sql<boolean>`${column} in ${among(on, numbers)}`;
}

/** A column by which SQLite is not to choose an index; PostgreSQL knows how many rows there are. */
export const unindexed = ({ engine }: OnEngine, column: Sql): Sql => (engine === 'postgres' ? column : sql`+${column}`);
