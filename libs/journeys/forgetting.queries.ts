/** Who a person is, and what leads to them: what has to go when they are forgotten. */
import { sql, type RawBuilder } from 'kysely';
import type { Read, ReadQuery } from '@touchstone/readmodel/query';
import { rootAt, treeBelow } from './customer-tree.js';

export interface Person {
  /** Ids of all customers who turned out to be them. */
  readonly customers: readonly string[];
  /** Ids of all others who ever were merged with the customer who is asked for, directly or not; also those who were unmerged since. */
  readonly kin: readonly string[];
  /** Ids of all journeys that ever were theirs. */
  readonly journeys: readonly string[];
  /** Names of all objects that they were ever linked to, or whose facts ever named or listed them. */
  readonly objects: readonly string[];
  /** Keyed hashes of all identifiers that ever led to them; `held`: it still does. */
  readonly keys: readonly { readonly hash: string; readonly held: boolean }[];
}

/** Null: no such customer is known. */
export const personQuery: ReadQuery<{ customerId: string }, Person | null> = {
  name: 'person',
  group: 'journeys',
  run: async (read, { customerId }) => {
    const customer = await read.idOf('customer', customerId);
    if (customer === null) return null;
    const tree = treeBelow(read, await rootAt(read, customer));
    const { db } = read;
    const customers = await db
      .selectFrom('customer_state')
      .select('customer')
      .distinct()
      .where('customer', 'in', tree)
      .execute();
    if (customers.length === 0) return null;
    // Whatever was once said: a journey may have been theirs only until it was corrected.
    const { rows: journeys } = await everTheirs(read, tree).execute(db);
    const { rows: objects } = await sql<{ object: number }>`
      select object from object_link where customer in ${tree}
      union
      select object from object_audience where customer in ${tree}`.execute(db);
    const keys = await db.selectFrom('bound_key').select(['key', 'to_pos']).where('customer', 'in', tree).execute();
    const kin = await everMergedWith(read, customer).execute(db);
    const held = new Set(keys.filter((row) => row.to_pos === null).map((row) => row.key as number));
    const names = await read.namesOf([
      ...customers.map((row) => row.customer as number),
      ...kin.rows.map((row) => row.customer),
      ...journeys.map((row) => row.journey as number),
      ...objects.map((row) => row.object),
      ...keys.map((row) => row.key as number),
    ]);
    const sorted = (ids: readonly number[]) => [...new Set(ids)].map((id) => names.get(id)!).sort();
    return {
      customers: sorted(customers.map((row) => row.customer as number)),
      kin: sorted(kin.rows.map((row) => row.customer).filter((each) => each !== customer)),
      journeys: sorted(journeys.map((row) => row.journey as number)),
      objects: sorted(objects.map((row) => row.object)),
      keys: [...new Set(keys.map((row) => row.key as number))].map((key) => ({
        hash: names.get(key)!,
        held: held.has(key),
      })),
    };
  },
};

/**
 * Journeys that ever were theirs, and those of nobody that ever were merged with one of these: what they went through is
 * told there, too. A journey that was somebody else's stays what it is.
 */
const everTheirs = (read: Read, tree: RawBuilder<unknown>): RawBuilder<{ journey: number }> =>
  sql`with recursive part (journey) as (
    select journey from journey_state where customer in ${tree}
    ${bothWays(read, 'part', 'journey_link', ['journey', 'into_journey'], isNobodys)}
  ) select journey from part`;

/**
 * What a recursive query goes on with: along the links of a table in both directions, to ends that hold. PostgreSQL lets it
 * name itself once; SQLite finds the links of one that names itself twice by their indexes.
 */
function bothWays(
  { engine }: Read,
  self: string,
  table: string,
  [one, other]: readonly [string, string],
  holds: (column: string) => RawBuilder<boolean>,
): RawBuilder<unknown> {
  const [t, s] = [sql.table(table), sql.table(self)];
  const along = (from: string, to: string) => sql`union
    select ${sql.ref(`${table}.${to}`)} from ${t} join ${s} on ${sql.ref(`${table}.${from}`)} = ${sql.ref(`${self}.${one}`)}
      where ${holds(`${table}.${to}`)}`;
  if (engine === 'sqlite') return sql`${along(one, other)} ${along(other, one)}`;
  const end = (from: string, to: string) => sql`select ${sql.ref(from)} as here, ${sql.ref(to)} as there from ${t}`;
  return sql`union
    select step.there from ${s} join (${end(one, other)} union all ${end(other, one)}) as step
      on step.here = ${sql.ref(`${self}.${one}`)} where ${holds('step.there')}`;
}

const isNobodys = (journey: string): RawBuilder<boolean> =>
  sql`not exists (select 1 from journey_state where journey_state.journey = ${sql.ref(journey)} and journey_state.customer <> 0)`;

/** Along links that hold or held, in both directions: ids of customers, itself too. */
const everMergedWith = (read: Read, customer: number): RawBuilder<{ customer: number }> =>
  sql`with recursive kin (customer) as (
    select cast(${customer} as bigint)
    ${bothWays(read, 'kin', 'customer_link', ['customer', 'into_customer'], () => sql<boolean>`true`)}
  ) select customer from kin`;
