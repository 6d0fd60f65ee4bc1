import type { GenerationStore } from './generation-store.js';
import { tablesOf, type Row, type TableSpec, type Value } from './projection.js';
import { type Connection } from './connection.js';
import { quoted } from './sqlite.js';

/** Rows by table, in a fixed order. A blob is written as `hex:…`, a surrogate that was resolved as `dictionary:value`. */
export type Dump = Readonly<Record<string, readonly Readonly<Record<string, string | number | null>>[]>>;

/**
 * Every row of a generation: the tables of its projections and derivations, surrogates, checkpoint and recorded-time index. Equal for two
 * stores exactly when they hold the same, positions and surrogates included.
 */
export function dumpRows(store: Pick<GenerationStore, 'db' | 'group'>): Dump {
  const tables = tablesOf(store.group);
  return {
    ...Object.fromEntries(tables.map((table) => [table.name, rowsOf(store.db, table.name, table.key).map(readable)])),
    name: rowsOf(store.db, 'name', ['id']).map(readable),
    checkpoint: rowsOf(store.db, 'checkpoint', ['id']).map(readable),
    recorded_at_index: rowsOf(store.db, 'recorded_at_index', ['position']).map(readable),
  };
}

/**
 * The current rows by natural keys, as each table's `compare` describes: equal for two stores that hold the same
 * facts, in whatever order they were recorded.
 */
export function dumpCurrent(store: Pick<GenerationStore, 'db' | 'group'>): Dump {
  const names = new Map<number, string>();
  for (const { id, dictionary, value } of store.db.prepare('select id, dictionary, value from name').iterate()) {
    names.set(id, `${dictionary}:${value}`);
  }
  const tables = tablesOf(store.group).filter((table) => !table.compare?.skip);
  return Object.fromEntries(tables.map((table) => [table.name, currentRows(store.db, table, names)]));
}

function currentRows(db: Connection, table: TableSpec, names: ReadonlyMap<number, string>): Dump[string] {
  const { ignore = [], names: surrogates = [], currentWhenNull } = table.compare ?? {};
  return rowsOf(db, table.name, table.key)
    .filter((row) => currentWhenNull === undefined || row[currentWhenNull] === null)
    .map((row) => {
      const kept = Object.entries(row).filter(([column]) => !ignore.includes(column));
      return readable(
        Object.fromEntries(
          kept.map(([column, value]) => {
            const resolved = surrogates.includes(column) && typeof value === 'number' ? names.get(value) : undefined;
            return [column, resolved ?? value];
          }),
        ),
      );
    })
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function rowsOf(db: Connection, table: string, key: readonly string[]): Row[] {
  return db.prepare(`select * from ${quoted(table)} order by ${key.map(quoted).join(', ')}`).all() as Row[];
}

const readable = (row: Row): Record<string, string | number | null> =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, text(value)]));

const text = (value: Value): string | number | null =>
  // Not `instanceof`: under Jest the bytes come from another realm.
  ArrayBuffer.isView(value) ? `hex:${Buffer.from(value as Uint8Array).toString('hex')}` : value;
