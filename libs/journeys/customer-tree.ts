/** Customers who turned out to be one person: whom a read counts together, as it was known then. */
import { sql, type RawBuilder } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { rootOf } from './customer-roots.js';

/** Customers per statement. */
const PAGE = 500;

/**
 * Who stands for each of these customers, as known at the read's position: the end of the chain of merges, or the one
 * with the smallest id of a circle that two processes closed at once. Surrogates in, surrogates out; each customer of a
 * chain is looked up once, by key.
 */
export async function rootsAt(read: Read, customers: Iterable<number>): Promise<ReadonlyMap<number, number>> {
  const asked = [...new Set(customers)];
  const into = new Map<number, number | null>();
  for (let next = asked; next.length > 0;) {
    for (const customer of next) into.set(customer, null);
    for (const { customer, into_customer } of await linksOf(read, next)) into.set(customer, into_customer);
    next = [...new Set(next.map((customer) => into.get(customer)!))].filter((each) => each !== null && !into.has(each));
    read.checkpointCancel();
  }
  const merged = [...into].filter(([, survivor]) => survivor !== null).flatMap(([customer]) => customer);
  // Names decide only where a chain is a circle.
  const names = await read.namesOf(merged);
  return new Map(
    asked.map((customer) => [
      customer,
      rootOf(
        customer,
        (c) => into.get(c) ?? null,
        (c) => names.get(c)!,
      ),
    ]),
  );
}

/** The customer who stands for this one. */
export const rootAt = async (read: Read, customer: number): Promise<number> =>
  (await rootsAt(read, [customer])).get(customer)!;

/**
 * All customers for whom `root` stands, itself too, as a subquery of one column. `root` has to be one: what was merged
 * into a customer who was merged further is found from the root alone.
 */
export const treeBelow = (read: Read, root: number): RawBuilder<number> =>
  sql<number>`(with recursive tree (customer) as (
    select cast(${root} as bigint)
    union
    select customer_link.customer from customer_link join tree on customer_link.into_customer = tree.customer
    where ${heldAt(read, 'customer_link')}
  ) select customer from tree)`;

/** The customers who were merged into each of these, and into whom each was merged: the next step only. */
export async function neighboursAt(
  read: Read,
  customers: readonly number[],
): Promise<{ readonly into: ReadonlyMap<number, number>; readonly from: ReadonlyMap<number, readonly number[]> }> {
  const into = new Map<number, number>();
  const from = new Map<number, number[]>();
  for (const { customer, into_customer } of await linksOf(read, customers)) into.set(customer, into_customer);
  for (const { customer, into_customer } of await linksOf(read, customers, 'into_customer')) {
    from.set(into_customer, [...(from.get(into_customer) ?? []), customer]);
  }
  return { into, from };
}

interface Link {
  readonly customer: number;
  readonly into_customer: number;
}

async function linksOf(
  read: Read,
  customers: readonly number[],
  by: keyof Link = 'customer',
): Promise<readonly Link[]> {
  const links: Link[] = [];
  for (let i = 0; i < customers.length; i += PAGE) {
    const page = await read.db
      .selectFrom('customer_link')
      .select(['customer', 'into_customer'])
      .where(by, 'in', customers.slice(i, i + PAGE))
      .where(heldAt(read, 'customer_link'))
      .orderBy('customer')
      .execute();
    links.push(...(page as Link[]));
  }
  return links;
}
