import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import type { ReadQuery } from '@touchstone/readmodel';
import { fewer, onSqlite, recorded } from '@touchstone/readmodel/testing';
import { rootsAt, treeBelow } from './customer-tree.js';
import { readsOf, uuid } from './house.spec-kit.js';
import { customersQuery, journeysQuery } from './journeys.queries.js';
import { timelineQuery } from './timeline.queries.js';

const CUSTOMERS = 7;
const registered = (n: number, before: readonly RecordedEvent[]) =>
  recorded(`customer-${uuid(n)}`, [{ type: 'CustomerRegistered', data: { identifiers: 'enc' } }], before);
const merged = (n: number, survivor: number, before: readonly RecordedEvent[]) =>
  recorded(
    `customer-${uuid(n)}`,
    [{ type: 'CustomersMerged', data: { survivorId: uuid(survivor), reason: 'r' } }],
    before,
  );
const unmerged = (n: number, survivor: number, before: readonly RecordedEvent[]) =>
  recorded(
    `customer-${uuid(n)}`,
    [{ type: 'CustomersUnmerged', data: { survivorId: uuid(survivor), reason: 'r' } }],
    before,
  );
const lived = (n: number, before: readonly RecordedEvent[]) =>
  recorded(
    `journey-${uuid(100 + n)}`,
    [
      { type: 'JourneyOpened', data: { journeyType: 'x', customerId: uuid(n) } },
      {
        type: 'TouchpointRecorded',
        id: uuid(200 + n),
        data: { kind: 'k', kindVersion: 1, traits: { closes: false, contact: true, customerVisible: true } },
      },
    ],
    before,
  );

/** Roots and trees of all customers by id, through the code under test. */
const everybody: ReadQuery<null, [id: string, root: string, tree: string[]][]> = {
  name: 'everybody',
  group: 'journeys',
  run: async (read) => {
    const ids = Array.from({ length: CUSTOMERS }, (_, i) => uuid(i + 1));
    const surrogates = await Promise.all(ids.map((id) => read.idOf('customer', id)));
    const roots = await rootsAt(read, surrogates as number[]);
    const names = await read.namesOf(surrogates as number[]);
    return Promise.all(
      surrogates.map(async (surrogate): Promise<[string, string, string[]]> => {
        const root = roots.get(surrogate!)!;
        const rows = await read.db
          .selectFrom('customer_state')
          .select('customer')
          .distinct()
          .where('customer', 'in', treeBelow(read, root))
          .execute();
        return [names.get(surrogate!)!, names.get(root)!, rows.map((row) => names.get(row.customer)!).sort()];
      }),
    );
  },
};

/** Who stands for whom, from the plain list of who was merged into whom. */
function plainly(into: ReadonlyMap<number, number>): [string, string, string[]][] {
  const rootOf = (n: number): number => {
    const seen: number[] = [];
    for (let at = n; ; at = into.get(at)!) {
      if (seen.includes(at)) return Math.min(...seen.slice(seen.indexOf(at)));
      if (!into.has(at)) return at;
      seen.push(at);
    }
  };
  const all = Array.from({ length: CUSTOMERS }, (_, i) => i + 1);
  return all.map((n) => [uuid(n), uuid(rootOf(n)), all.filter((m) => rootOf(m) === rootOf(n)).map(uuid)]);
}

describe('customers who are one person', () => {
  // Merges of two processes may close circles; a later merge of the same customer replaces the one before.
  const steps = fc.array(
    fc.record({ who: fc.integer({ min: 1, max: CUSTOMERS }), into: fc.option(fc.integer({ min: 1, max: CUSTOMERS })) }),
    { minLength: 1, maxLength: 14 },
  );

  it('have the root and the tree that a plain count gives, now and at any time before', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (changes) => {
        let events: RecordedEvent[] = [];
        for (let n = CUSTOMERS; n > 0; n--) events = registered(n, events);
        const into = new Map<number, number>();
        const known: [position: string, ReturnType<typeof plainly>][] = [];
        for (const { who, into: survivor } of changes) {
          if (survivor === who) continue;
          const before = into.get(who);
          if (survivor === null && before === undefined) continue;
          events = survivor === null ? unmerged(who, before!, events) : merged(who, survivor, events);
          if (survivor === null) into.delete(who);
          else into.set(who, survivor);
          known.push([events.at(-1)!.position, plainly(into)]);
        }
        const reads = readsOf(events);
        for (const [position, expected] of known) {
          expect((await reads.run(everybody, null, { asOf: { position } })).result).toEqual(expected);
        }
        expect((await reads.run(everybody, null)).result).toEqual(plainly(into));
      }),
      { numRuns: fewer(60) },
    );
  });

  it('live one life: lists and timelines of any of them are those of all, as known then', async () => {
    let events: RecordedEvent[] = [];
    for (const n of [1, 2, 3, 4]) events = lived(n, registered(n, events));
    const apart = events.at(-1)!.position;
    events = merged(1, 2, events);
    events = merged(2, 3, events);
    const together = events.at(-1)!.position;
    events = unmerged(2, 3, events);
    const reads = readsOf(events);
    const lives = async (n: number, position?: string) => {
      const options = position === undefined ? {} : { asOf: { position } };
      const filter = { customerId: uuid(n) };
      const listed = (await reads.run(journeysQuery, { filter, first: 10 }, options)).result.map((j) => j.id);
      const told = (await reads.run(timelineQuery, { customerId: uuid(n), first: 10 }, options)).result;
      expect(told.map((entry) => entry.journeyId).sort()).toEqual(listed.sort());
      return listed.map((id) => Number.parseInt(id.slice(-4), 16) - 100);
    };
    expect([await lives(1, apart), await lives(3, apart)]).toEqual([[1], [3]]);
    for (const n of [1, 2, 3]) expect(await lives(n, together)).toEqual([1, 2, 3]);
    expect([await lives(1), await lives(2), await lives(3), await lives(4)]).toEqual([[1, 2], [1, 2], [3], [4]]);
    const customers = async (position?: string) =>
      (await reads.run(customersQuery, { first: 10 }, position === undefined ? {} : { asOf: { position } })).result.map(
        ({ id, mergedInto, mergedFrom }) => [id, mergedInto, mergedFrom],
      );
    expect(await customers(together)).toEqual([
      [uuid(1), uuid(2), []],
      [uuid(2), uuid(3), [uuid(1)]],
      [uuid(3), null, [uuid(2)]],
      [uuid(4), null, []],
    ]);
    expect((await customers()).slice(1, 3)).toEqual([
      [uuid(2), null, [uuid(1)]],
      [uuid(3), null, []],
    ]);
  });

  onSqlite()('are found by index: no table is read from end to end', async () => {
    const plan: ReadQuery<null, string[]> = {
      name: 'plan',
      group: 'journeys',
      run: async (read) => {
        const { sql, parameters } = read.db
          .selectFrom('journey_state')
          .selectAll('journey_state')
          .where('journey_state.customer', 'in', treeBelow(read, 1))
          .where('journey_state.journey', '>', 0)
          .orderBy('journey_state.journey')
          .limit(10)
          .compile();
        const { executeQuery } = read.db;
        const explained = await executeQuery.call(read.db, {
          ...read.db.selectFrom('name').compile(),
          sql: `explain query plan ${sql}`,
          parameters,
        } as never);
        return (explained.rows as { detail: string }[]).map((row) => row.detail);
      },
    };
    const { result } = await readsOf(registered(1, [])).run(plan, null);
    // Only the tree itself, as far as it was found, is walked.
    expect(result.filter((line) => line.startsWith('SCAN') && !/^SCAN (tree|CONSTANT ROW)/.test(line))).toEqual([]);
    expect(result.join('\n')).toMatch(/SEARCH journey_state USING INDEX \S*customer/);
    expect(result.join('\n')).toMatch(/SEARCH customer_link USING INDEX \S*into_customer/);
  });
});
