/** Facts of objects in the timelines of those whom they concern: stored once, found from the person. */
import { sql, type RawBuilder } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { objectOfName, type ObjectKey } from './object.events.js';
import { Linked, ObjectForm } from './objects.tables.js';
import { reachOf, type Span } from './shared-reach.js';
import { versionOf, type TimelineCursor, type TimelineVersion, type VersionRow } from './timeline-version.js';

/** So many stretches of time of objects are read off the index one by one; more of them are read together. */
const ONE_BY_ONE = 16;
const TOGETHER = 50;

/** A version of a fact as it is stored; see objects.tables.ts. */
export interface FactRow extends VersionRow {
  readonly to_pos: string | null;
  readonly fact: number;
  readonly object: number;
  readonly form: number;
  readonly linked: number;
}

/** A fact of an object as a timeline shows it, in the version that held. */
export interface SharedFactRow extends TimelineVersion {
  readonly shared: SharedWith;
  readonly correctedSince: readonly TimelineVersion[];
  readonly earlier: readonly TimelineVersion[];
  readonly cursor: TimelineCursor;
}

export interface SharedWith {
  readonly factId: string;
  readonly object: ObjectKey;
}

export interface SharedPage {
  /** Everybody who is the person. */
  readonly customers: readonly number[];
  /** When the facts may have happened. */
  readonly span: Span;
  readonly after?: TimelineCursor;
  readonly first: number;
}

/** Whether there is any fact of any object: where there is none, timelines need not look for them. */
export async function anyFacts(read: Read): Promise<boolean> {
  return (await read.db.selectFrom('object_fact').select('fact').limit(1).executeTakeFirst()) !== undefined;
}

/** The facts that concern the person: those that name or list them, and those of objects that they were linked to then. */
export async function factsAbout(read: Read, page: SharedPage): Promise<FactRow[]> {
  const found = new Map<number, FactRow>();
  const take = (rows: readonly FactRow[]) => rows.forEach((row) => found.set(row.fact, row));
  for (const customer of page.customers) take(await listing(read, customer, page));
  const stretches = await stretchesOf(read, page);
  const size = stretches.length <= ONE_BY_ONE ? 1 : TOGETHER;
  for (let i = 0; i < stretches.length; i += size) {
    take(await happeningIn(read, stretches.slice(i, i + size), page));
    read.checkpointCancel();
  }
  return [...found.values()].sort(inOrder).slice(0, page.first);
}

const inOrder = (a: FactRow, b: FactRow): number =>
  a.occurred_ms - b.occurred_ms || a.sequence - b.sequence || (a.entry_id < b.entry_id ? -1 : 1);

/** Condition on a place in order: after the cursor, and within the span. */
function within({ after, span: [from, to] }: SharedPage, table: string): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const at = column('occurred_ms');
  const window = sql<boolean>`${at} >= ${after ? Math.max(from, after[0]) : from} and ${at} < ${to}`;
  if (!after) return window;
  const place = sql`(${at}, ${column('sequence')}, ${column('entry_id')})`;
  return sql<boolean>`${window} and ${place} > (${after[0]}, ${after[1]}, ${after[2]})`;
}

async function listing(read: Read, customer: number, page: SharedPage): Promise<FactRow[]> {
  const rows = await read.db
    .selectFrom('object_audience')
    .innerJoin('object_fact', 'object_fact.from_pos', 'object_audience.from_pos')
    .selectAll('object_fact')
    .where('object_audience.customer', '=', customer)
    .where(heldAt(read, 'object_fact'))
    .where(within(page, 'object_audience'))
    .orderBy('object_audience.occurred_ms')
    .orderBy('object_audience.sequence')
    .orderBy('object_audience.entry_id')
    .limit(page.first)
    .execute();
  return rows as FactRow[];
}

interface Stretch {
  readonly object: number;
  readonly linked: number;
  readonly span: Span;
}

/** When facts of which objects concern the person, as far as the page may still show them. */
async function stretchesOf(read: Read, { customers, span, after }: SharedPage): Promise<Stretch[]> {
  const { directly, through } = await reachOf(read, customers);
  const from = after ? Math.max(span[0], after[0]) : span[0];
  const parts = [
    [Linked.directly, directly],
    [Linked.throughObjects, through],
  ] as const;
  return parts.flatMap(([linked, reach]) =>
    [...reach].flatMap(([object, spans]) =>
      spans
        .map(([start, end]): Span => [Math.max(start, from), Math.min(end, span[1])])
        .filter(([start, end]) => start < end)
        .map((clipped) => ({ object, linked, span: clipped })),
    ),
  );
}

async function happeningIn(read: Read, stretches: readonly Stretch[], page: SharedPage): Promise<FactRow[]> {
  const any = stretches.map(
    ({ object, linked, span: [from, to] }) =>
      sql`(object = ${object} and linked = ${linked} and occurred_ms >= ${from} and occurred_ms < ${to})`,
  );
  const rows = await read.db
    .selectFrom('object_fact')
    .selectAll('object_fact')
    .where(sql<boolean>`(${sql.join(any, sql` or `)})`)
    .where(heldAt(read, 'object_fact'))
    .where(within(page, 'object_fact'))
    .orderBy('occurred_ms')
    .orderBy('sequence')
    .orderBy('entry_id')
    .limit(page.first)
    .execute();
  return rows as FactRow[];
}

/** Facts with the versions that came before and since. */
export async function factRows(read: Read, rows: readonly FactRow[]): Promise<SharedFactRow[]> {
  if (rows.length === 0) return [];
  const facts = rows.map((row) => row.fact);
  const versions = (await read.db
    .selectFrom('object_fact')
    .selectAll('object_fact')
    .where('fact', 'in', facts)
    .execute()) as FactRow[];
  // Not by the statement: for many facts it would go through the table in the order of the log.
  versions.sort((a, b) => (a.from_pos < b.from_pos ? -1 : 1));
  const names = await read.namesOf(versions.flatMap((r) => [r.object, r.kind, r.channel, r.unit, r.staff, r.customer]));
  const others = new Map<number, FactRow[]>();
  for (const row of versions) others.set(row.fact, [...(others.get(row.fact) ?? []), row]);
  const { position } = read.asOf;
  return rows.map((row) => {
    const rest = others.get(row.fact)!.filter(({ from_pos }) => from_pos !== row.from_pos);
    return {
      ...factVersion(row, names),
      shared: { factId: row.entry_id, object: objectOfName(names.get(row.object)!) },
      correctedSince: rest.filter((v) => v.from_pos > position).map((v) => factVersion(v, names)),
      earlier: rest.filter((v) => v.from_pos <= position).map((v) => factVersion(v, names)),
      cursor: [row.occurred_ms, row.sequence, row.entry_id],
    };
  });
}

export const factVersion = (row: FactRow, names: ReadonlyMap<number, string>): TimelineVersion =>
  versionOf(row, row.form === ObjectForm.voided ? 'VOIDED' : 'OBJECT_FACT', null, names);
