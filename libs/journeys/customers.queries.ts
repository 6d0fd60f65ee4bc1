/** Customers who turned out to be one person. */
import { sql } from 'kysely';
import { heldAt, type ReadQuery } from '@touchstone/readmodel/query';
import { rootsAt, treeBelow } from './customer-tree.js';

export interface PersonOfSeveral {
  readonly customerId: string;
  /** Ids of the other customers who are the same person. */
  readonly others: readonly string[];
}

/** Those of the customers who are more than one, with the others; who is one alone, or not known, is left out. */
export const peopleQuery: ReadQuery<{ customerIds: readonly string[] }, PersonOfSeveral[]> = {
  name: 'people',
  group: 'journeys',
  run: async (read, { customerIds }) => {
    const any = read.db.selectFrom('customer_link').select('customer').where(heldAt(read, 'customer_link')).limit(1);
    if (!(await any.executeTakeFirst())) return [];
    const known = new Map<number, string>();
    for (const id of customerIds) {
      const customer = await read.idOf('customer', id);
      if (customer !== null) known.set(customer, id);
    }
    const roots = await rootsAt(read, known.keys());
    const trees = new Map<number, readonly number[]>();
    for (const root of new Set(roots.values())) {
      const tree = treeBelow(read, root);
      const { rows } = await sql<{ customer: number }>`select customer from ${tree} as person`.execute(read.db);
      trees.set(
        root,
        rows.map((row) => row.customer),
      );
      read.checkpointCancel();
    }
    const names = await read.namesOf([...trees.values()].flat());
    return [...known].flatMap(([customer, customerId]) => {
      const others = trees.get(roots.get(customer)!)!.filter((each) => each !== customer);
      return others.length === 0 ? [] : [{ customerId, others: others.map((each) => names.get(each)!).sort() }];
    });
  },
};
