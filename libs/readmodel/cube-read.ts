import { sql, type RawBuilder } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { cubeLayout, type CubeSpec, type CubeTable } from './cube-spec.js';
import { listOf } from './dialect.js';
import type { Read } from './query.js';

/** What is asked of a cube. */
export interface CubeAsk {
  /** First day, days since 1970. */
  readonly from?: number;
  /** The day after the last. */
  readonly to?: number;
  /** Values that are wanted, by dim; none wanted finds nothing. */
  readonly filter?: Readonly<Record<string, readonly number[]>>;
  /** The dims that make a group, and their order; none: one group of everything. */
  readonly groupBy: readonly string[];
  readonly measures: readonly string[];
  /** Also how a measure spreads over the values of a dim, such as a count over buckets. */
  readonly spread?: { readonly of: string; readonly over: string };
  /** Key of the last group one has. */
  readonly after?: readonly number[];
  /** Groups at most; default all. */
  readonly first?: number;
}

/** The sums of a group, both lists in the order in which they were asked. */
export interface CubeGroup {
  readonly key: readonly number[];
  readonly measures: readonly number[];
  /** Where it was asked for: value, sum, value, sum …, as they stand in the cells, so that a value may come several times. */
  readonly spread?: readonly number[];
}

/** Days of the first slice of a paged read; each next one is twice as long. */
const FIRST_SLICE = 32;

/**
 * Sums of a cube by groups, in the order of their keys, from its smallest table that has every dim asked for. A group
 * of which all sums asked for are 0 is left out, so that every table of the cube gives the same groups. A page of
 * groups by day reads only the days it needs.
 * @throws CUBE_ASK (internal) for a dim or a measure that the cube does not have
 */
export async function readCube(read: Read, spec: CubeSpec, ask: CubeAsk): Promise<CubeGroup[]> {
  assertAsk(spec, ask);
  const { groupBy, after, first = Infinity } = ask;
  const table = tableFor(spec, ask);
  if (first <= 0) return [];
  if (first === Infinity || groupBy[0] !== 'day') return groupsOf(read, table, ask, first);
  const groups: CubeGroup[] = [];
  const start = Math.max(ask.from ?? -Infinity, after?.[0] ?? -Infinity);
  const days = await daysOf(read, table, start, ask.to ?? Infinity);
  if (days === null) return groups;
  let { from } = days;
  for (let length = FIRST_SLICE; from <= days.last && groups.length < first; length *= 2) {
    const to = Math.min(from + length, days.last + 1);
    groups.push(...(await groupsOf(read, table, { ...ask, from, to }, first - groups.length)));
    from = to;
  }
  return groups;
}

function tableFor(spec: CubeSpec, { groupBy, filter = {}, spread }: CubeAsk): CubeTable {
  const needed = new Set([...groupBy, ...Object.keys(filter), ...(spread ? [spread.over] : [])]);
  const able = cubeLayout(spec).filter(({ dims }) => [...needed].every((dim) => dims.includes(dim)));
  return able.reduce((best, table) => (table.dims.length < best.dims.length ? table : best));
}

/** The first and the last day with anything in a window. */
async function daysOf(
  read: Read,
  { name }: CubeTable,
  from: number,
  to: number,
): Promise<{ from: number; last: number } | null> {
  const day = async (end: RawBuilder<unknown>) => {
    const window = all([
      ...(from > -Infinity ? [sql`day >= ${from}`] : []),
      ...(to < Infinity ? [sql`day < ${to}`] : []),
    ]);
    const { rows } = await sql<{ day: number }>`
      select day from ${sql.table(name)} ${window} order by day ${end} limit 1`.execute(read.db);
    return rows[0]?.day;
  };
  const [first, last] = [await day(sql`asc`), await day(sql`desc`)];
  return first === undefined || last === undefined ? null : { from: first, last };
}

async function groupsOf(read: Read, { name }: CubeTable, ask: CubeAsk, first: number): Promise<CubeGroup[]> {
  read.checkpointCancel();
  const { groupBy, measures, spread } = ask;
  const by = groupBy.map((dim) => sql.ref(dim));
  const sums = measures.map((measure) => sql`sum(${sql.ref(measure)})`);
  const keys = sql.join(by);
  const columns = [...by, ...sums].map((column, i) => sql`${column} as ${sql.ref(`c${i}`)}`);
  // One text for a group: a row for each of its many values would cost ten times as much as the sums themselves.
  const list = spread && sql`${listOf(read, sql.ref(spread.over), sql.ref(spread.of))} as spread`;
  const { rows } = await sql<Record<string, number> & { readonly spread?: string }>`
    select ${sql.join(list ? [...columns, list] : columns)} from ${sql.table(name)} ${all(conditions(ask))}
    ${by.length > 0 ? sql`group by ${keys}` : sql``}
    having ${sql.join(
      sums.map((sum) => sql`${sum} <> 0`),
      sql` or `,
    )}
    ${by.length > 0 ? sql`order by ${keys}` : sql``}
    ${first === Infinity ? sql`` : sql`limit ${first}`}`.execute(read.db);
  return rows.map((row) => {
    const values = columns.map((_, i) => row[`c${i}`]!);
    const group = { key: values.slice(0, by.length), measures: values.slice(by.length) };
    return row.spread === undefined ? group : { ...group, spread: JSON.parse(`[${row.spread}]`) as number[] };
  });
}

function conditions({ from, to, filter = {}, groupBy, after }: CubeAsk): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [];
  if (from !== undefined) conditions.push(sql`day >= ${from}`);
  if (to !== undefined) conditions.push(sql`day < ${to}`);
  for (const [dim, wanted] of Object.entries(filter)) {
    conditions.push(wanted.length === 0 ? sql`1 = 0` : sql`${sql.ref(dim)} in (${sql.join(wanted)})`);
  }
  if (after) {
    conditions.push(
      groupBy.length === 0 ? sql`1 = 0` : sql`(${sql.join(groupBy.map((d) => sql.ref(d)))}) > (${sql.join(after)})`,
    );
  }
  return conditions;
}

const all = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;

function assertAsk({ name, dims, measures }: CubeSpec, ask: CubeAsk): void {
  const { groupBy, filter = {}, after, spread } = ask;
  const { over, of } = spread ?? { over: dims[0]!, of: measures[0]! };
  const dim = [...groupBy, ...Object.keys(filter), over].find((d) => !dims.includes(d));
  if (dim !== undefined) fault(name, `it has no dimension "${dim}"; it has ${dims.join(', ')}`);
  const measure = [...ask.measures, of].find((m) => !measures.includes(m));
  if (measure !== undefined) fault(name, `it has no measure "${measure}"; it has ${measures.join(', ')}`);
  if (ask.measures.length === 0) fault(name, 'no measure was asked for; name one');
  if (new Set(groupBy).size !== groupBy.length) fault(name, 'a dimension was named twice; name each once');
  if (after && after.length !== groupBy.length) fault(name, `"after" has to name ${groupBy.join(', ') || 'nothing'}`);
}

function fault(name: string, what: string): never {
  throw new TouchstoneError('CUBE_ASK', `The cube "${name}" cannot answer: ${what}.`, 'internal');
}
