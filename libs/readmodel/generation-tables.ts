import { sql, type ColumnDataType } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { kyselyOn } from './sqlite-dialect.js';
import { tablesOf, type Derivation, type Projection, type ProjectionGroup, type TableSpec } from './projection.js';
import { asPostgres, type Connection } from './connection.js';
import { TYPES } from './postgres.js';

type Builder = ReturnType<typeof kyselyOn>;

const COLUMN: Record<TableSpec['columns'][string], ColumnDataType> = { int: 'integer', text: 'text', blob: 'blob' };
/** PostgreSQL sorts texts as bytes only when it is told so. */
const POSTGRES_COLUMN = {
  int: sql.raw(TYPES.int),
  text: sql.raw(`${TYPES.text} collate "C"`),
  blob: sql.raw(TYPES.blob),
};
const OWN_TABLES = ['name', 'checkpoint', 'recorded_at_index', 'parked'];

/**
 * Creates a generation's tables: those of every projection and derivation, `name` (surrogates), `checkpoint` (one row),
 * `recorded_at_index` and `parked`. Without `indexes` only those are made that bringing a unit back needs.
 * @throws PROJECTION_TABLES (internal) when two want the same table or name, or a key names no column
 */
export function createTables(db: Connection, group: ProjectionGroup, { indexes }: { indexes: boolean }): void {
  assertTables(group);
  const kysely = kyselyOn(db);
  const engine = asPostgres(db) ? 'postgres' : 'sqlite';
  const texts = [...ownTables(kysely, engine), ...tablesOf(group).map((t) => create(kysely, t, engine))];
  db.exec([...texts, ...loadIndexes(group).map(({ table, columns }) => index(kysely, table, columns))].join('; '));
  if (indexes) createIndexes(db, tablesOf(group));
}

/** Creates the indexes that are not there yet. Last in a new generation: one sort instead of many small inserts. */
export function createIndexes(db: Connection, tables: readonly TableSpec[]): void {
  const kysely = kyselyOn(db);
  const texts = tables.flatMap(({ name, indexes = [] }) => indexes.map((columns) => index(kysely, name, columns)));
  if (texts.length > 0) db.exec(texts.join('; '));
}

/** A text that changes with any version, any table's shape and any setting of a group. */
export function shapeOfGroup({ projections, derivations = [] }: ProjectionGroup): string {
  return JSON.stringify([
    ...projections.map((p) => [p.name, shapeOf(p)]),
    ...derivations.map((d) => [d.name, shapeOf(d), d.settings ?? null]),
  ]);
}

/** What the derivations of a group were told, by their names: what a `shapeOfGroup` says of it. */
export function settingsOf(shape: string): Readonly<Record<string, string>> {
  const makers = JSON.parse(shape) as readonly (readonly [name: string, shape: string, settings?: string | null])[];
  return Object.fromEntries(makers.flatMap(([name, , settings]) => (settings == null ? [] : [[name, settings]])));
}

function shapeOf({ version, tables }: Projection<never> | Derivation): string {
  return JSON.stringify([
    version,
    tables.map((t) => [t.name, Object.entries(t.columns), [...(t.nullable ?? [])].sort(), t.key, t.indexes ?? []]),
  ]);
}

type Engine = 'sqlite' | 'postgres';

function ownTables(db: Builder, engine: Engine): string[] {
  const { schema } = db;
  const { int, text } = engine === 'postgres' ? POSTGRES_COLUMN : COLUMN;
  const strict = engine === 'postgres' ? sql`` : sql`without rowid, strict`;
  return [
    schema
      .createTable('name')
      .addColumn('id', int, (c) => c.primaryKey())
      .addColumn('dictionary', text, (c) => c.notNull())
      .addColumn('value', text, (c) => c.notNull())
      .addUniqueConstraint('name_unique', ['dictionary', 'value']),
    schema
      .createTable('checkpoint')
      .addColumn('id', int, (c) => c.primaryKey().check(sql`id = 1`))
      .addColumn('position', text, (c) => c.notNull())
      .addColumn('recorded_ms', int, (c) => c.notNull())
      .addColumn('since_index', int, (c) => c.notNull()),
    schema
      .createTable('recorded_at_index')
      .addColumn('position', text, (c) => c.primaryKey().notNull())
      .addColumn('recorded_ms', int, (c) => c.notNull())
      .modifyEnd(strict),
    schema.createIndex('recorded_at_index_by_time').on('recorded_at_index').columns(['recorded_ms', 'position']),
    schema
      .createTable('parked')
      .addColumn('stream', text, (c) => c.notNull())
      .addColumn('revision', int, (c) => c.notNull())
      .addColumn('position', text, (c) => c.notNull())
      .addColumn('event_id', text, (c) => c.notNull())
      .addColumn('type', text, (c) => c.notNull())
      .addColumn('state', text, (c) => c.notNull())
      .addColumn('reason', text, (c) => c.notNull())
      .addColumn('code', text, (c) => c.notNull())
      .addColumn('message', text, (c) => c.notNull())
      .addColumn('parked_at', text, (c) => c.notNull())
      .addColumn('skipped_at', text)
      .addColumn('skipped_by', text)
      .addColumn('skip_reason', text)
      .addPrimaryKeyConstraint('parked_key', ['stream', 'revision']),
  ].map((builder) => builder.compile().sql);
}

function create(db: Builder, table: TableSpec, engine: Engine): string {
  const integerKey = table.key.length === 1 && table.columns[table.key[0]!] === 'int' ? table.key[0] : null;
  let builder = db.schema.createTable(table.name);
  for (const [name, type] of Object.entries(table.columns)) {
    builder = builder.addColumn(name, (engine === 'postgres' ? POSTGRES_COLUMN : COLUMN)[type], (column) => {
      if (name === integerKey) return column.primaryKey();
      return table.nullable?.includes(name) ? column : column.notNull();
    });
  }
  if (integerKey === null) builder = builder.addPrimaryKeyConstraint(`${table.name}_key`, [...table.key] as never);
  if (engine === 'postgres') return builder.compile().sql;
  // Rows that live in their key's tree save a lookup; blobs would make that tree's pages hold next to nothing.
  const inKey = integerKey === null && !Object.values(table.columns).includes('blob');
  return builder.modifyEnd(inKey ? sql`without rowid, strict` : sql`strict`).compile().sql;
}

function index(db: Builder, table: string, columns: readonly string[]): string {
  const name = `${table}_by_${columns.join('_')}`;
  return db.schema
    .createIndex(name)
    .ifNotExists()
    .on(table)
    .columns([...columns])
    .compile().sql;
}

/** What `loads` needs beyond the keys: without it, each unit brought back would read its whole table. */
function loadIndexes(group: ProjectionGroup): { table: string; columns: readonly string[] }[] {
  return group.projections.flatMap((projection) =>
    projection.loads.flatMap(({ table: name, by }) => {
      const table = projection.tables.find((t) => t.name === name)!;
      if (table.key[0] === by) return [];
      return [{ table: name, columns: table.indexes?.find((columns) => columns[0] === by) ?? [by] }];
    }),
  );
}

function assertTables(group: ProjectionGroup): void {
  const seen = new Set(OWN_TABLES);
  const makers = new Set<string>();
  for (const maker of [...group.projections, ...(group.derivations ?? [])]) {
    if (makers.has(maker.name)) fault(maker, 'another one of the group has this name; give it one of its own');
    makers.add(maker.name);
    for (const table of maker.tables) {
      if (seen.has(table.name)) fault(maker, `the table "${table.name}" is there already; give it another name`);
      seen.add(table.name);
      const named = [table.key, table.nullable ?? [], ...(table.indexes ?? [])].flat();
      const unknown = named.find((column) => !(column in table.columns));
      if (unknown) fault(maker, `"${unknown}" is no column of "${table.name}"; declare it or take it out`);
      if (table.key.length === 0) fault(maker, `"${table.name}" has no key; name the columns that identify a row`);
    }
  }
  for (const projection of group.projections) {
    for (const { table, by } of projection.loads) {
      const found = projection.tables.find((t) => t.name === table);
      if (!found || !(by in found.columns))
        fault(projection, `it loads by "${table}.${by}", which is not one of its columns`);
    }
  }
}

function fault({ name }: { readonly name: string }, what: string): never {
  throw new TouchstoneError('PROJECTION_TABLES', `Projection "${name}": ${what}.`, 'internal');
}
