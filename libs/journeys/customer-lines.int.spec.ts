import fc from 'fast-check';
import { deterministicId } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { CorrelationRule } from '@touchstone/packs';
import { fewer, recorded } from '@touchstone/readmodel/testing';
import { Company, factAt, factsByJourney } from './correlation.spec-kit.js';
import { customerDecider, MergeCustomers, UnmergeCustomers } from './customer.js';
import type { People } from './customer-lines.js';
import { peopleQuery } from './customers.queries.js';
import { readsOf, uuid } from './house.spec-kit.js';

const GAP = 48;
const HOUR = 3_600_000;
const rules: CorrelationRule[] = [
  { journeyType: 'repair', objects: ['order'], idleGapMs: GAP * HOUR, doubtfulMs: 6 * HOUR },
  { journeyType: 'joined', objects: ['order'], idleGapMs: GAP * HOUR, sameCustomer: 'join' },
  { journeyType: 'asked', objects: ['order'], idleGapMs: GAP * HOUR, sameCustomer: 'ask' },
];
const id = (name: string) => deterministicId('fact', name);

class House {
  private constructor(
    readonly company: Company,
    readonly ids: readonly string[],
  ) {}

  static async open(): Promise<House> {
    const company = await Company.open(rules, openMemoryLog());
    const ids: string[] = [];
    for (const value of ['a', 'b', 'c']) ids.push(await company.writer().customer({ type: 'phone', value }));
    return new House(company, ids);
  }

  /** By a plain look through the log. */
  readonly people: People = {
    others: async () => {
      const into = new Map<string, string>();
      for (const { type, stream, data } of await this.company.events(['customer-'])) {
        const own = stream.slice('customer-'.length);
        if (type === 'CustomersMerged') into.set(own, (data as { survivorId: string }).survivorId);
        if (type === 'CustomersUnmerged') into.delete(own);
      }
      const root = (each: string): string => (into.has(each) ? root(into.get(each)!) : each);
      return new Map(
        this.ids.map((each) => [each, this.ids.filter((other) => other !== each && root(other) === root(each))]),
      );
    },
  };

  merge = (who: number, into: number) =>
    this.company
      .kernel()
      .execute(
        customerDecider,
        new MergeCustomers({ customerId: this.ids[who]!, survivorId: this.ids[into]!, reason: 'one' }),
      );
  unmerge = (who: number) =>
    this.company.kernel().execute(customerDecider, new UnmergeCustomers({ customerId: this.ids[who]!, reason: 'two' }));

  async take(...facts: ReturnType<typeof fact>[]): Promise<void> {
    const outcomes = await this.company.writer({ people: this.people }).take(facts);
    expect(outcomes.filter(({ outcome }) => outcome === 'refused')).toEqual([]);
  }

  wholes = async () => factsByJourney(await this.company.events());
  doubts = async () => (await this.company.events(['match-'])).map((e) => (e.data as { reason: string }).reason).sort();
  /** In which way each fact found its journey. */
  reasons = async () =>
    (await this.company.events(['journey-']))
      .filter((e) => e.type === 'TouchpointRecorded')
      .map((e) => (e.data as { correlation: { by: string } }).correlation.by);
  merges = async () => (await this.company.events(['journey-'])).filter((e) => e.type === 'JourneysMerged').length;
}

const fact = (name: string, who: string, hour: number, more: Parameters<typeof factAt>[2] = {}) =>
  factAt(id(name), hour, { customer: { type: 'phone', value: who }, journey: { type: 'repair' }, ...more });
const sorted = (...wholes: string[][]) =>
  wholes.map((own) => own.map(id).sort()).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));

describe('customers who turn out to be one person', () => {
  let house: House;
  beforeEach(async () => (house = await House.open()));
  afterEach(() => house.company.close());

  it('have one line of time: what either lives finds the open journey of the other', async () => {
    await house.take(fact('a1', 'a', 0), fact('b1', 'b', 100), fact('c1', 'c', 20));
    await house.merge(0, 1);
    await house.take(fact('a2', 'a', 140));
    expect(await house.wholes()).toEqual(sorted(['a1'], ['b1', 'a2'], ['c1']));
    expect((await house.reasons()).at(-1)).toBe('idle-gap');
    expect(await house.merges()).toBe(0);
    await house.take(fact('b2', 'b', 10));
    expect(await house.wholes()).toEqual(sorted(['a1', 'b2'], ['b1', 'a2'], ['c1']));
    // A repeat goes where the first went; one that bridges both makes them one.
    await house.take(fact('a2', 'a', 140), fact('b2', 'b', 10));
    await house.take(fact('a3', 'a', 55));
    expect(await house.wholes()).toEqual(sorted(['a1', 'b2', 'b1', 'a2', 'a3'], ['c1']));
  });

  it('are apart again after they were taken apart, and what they lived as one stays where it is', async () => {
    await house.take(fact('a1', 'a', 0), fact('b1', 'b', 40));
    await house.merge(0, 1);
    await house.take(fact('a2', 'a', 20));
    expect(await house.wholes()).toEqual(sorted(['a1', 'b1', 'a2']));
    await house.unmerge(0);
    await house.take(fact('b2', 'b', 300), fact('a3', 'a', 310));
    expect(await house.wholes()).toEqual(sorted(['a1', 'b1', 'a2'], ['b2'], ['a3']));
  });

  it('wait for a person where the rules ask, near the limit and near the journey of an object', async () => {
    await house.merge(0, 1);
    await house.take(fact('a1', 'a', 0));
    await house.take(fact('b1', 'b', 50));
    expect(await house.doubts()).toEqual(['gap-near-limit']);
    const asked = { journey: { type: 'asked' } };
    await house.take(fact('b2', 'b', 500, { ...asked, objects: [{ type: 'order', id: 'W' }] }));
    await house.take(fact('a2', 'a', 510, asked));
    expect(await house.doubts()).toEqual(['gap-near-limit', 'near-object-journey']);
    const joined = { journey: { type: 'joined' } };
    await house.take(fact('b3', 'b', 500, { ...joined, objects: [{ type: 'order', id: 'W' }] }));
    await house.take(fact('a3', 'a', 510, joined));
    expect(await house.wholes()).toContainEqual([id('b3'), id('a3')].sort());
  });

  it('are seen as single linkage over all that they live from then on, in any order and by any writers', async () => {
    const touch = fc.record({ who: fc.nat(2), hour: fc.integer({ min: 0, max: 900 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(touch, { minLength: 3, maxLength: 14, selector: ({ hour }) => hour }),
        fc.constantFrom(
          [[0, 1]],
          [
            [0, 1],
            [1, 2],
          ],
          [
            [2, 1],
            [0, 1],
          ],
        ),
        fc.integer({ min: 1, max: 4 }),
        async (touches, merges, chunk) => {
          const own = await House.open();
          for (const [who, into] of merges) await own.merge(who!, into!);
          const person: number[] = [0, 1, 2].map((n) => ((merges.flat() as number[]).includes(n) ? 0 : n));
          const facts = touches.map(({ who, hour }, i) => fact(`f${i}`, ['a', 'b', 'c'][who]!, hour));
          // Chunks of several writers at once.
          const parts: (typeof facts)[] = [];
          for (let i = 0; i < facts.length; i += chunk) parts.push(facts.slice(i, i + chunk));
          for (let i = 0; i < parts.length; i += 2)
            await Promise.all(parts.slice(i, i + 2).map((each) => own.take(...each)));
          const expected = new Map<string, string[]>();
          for (const who of new Set(person)) {
            const line = touches.map((t, i) => ({ ...t, i })).filter((t) => person[t.who]! === who).sort((a, b) => a.hour - b.hour); // prettier-ignore
            let [last, whole] = [-Infinity, ''];
            for (const { hour, i } of line) {
              if (hour - last > GAP) whole = `${who} ${i}`;
              expected.set(whole, [...(expected.get(whole) ?? []), `f${i}`]);
              last = hour;
            }
          }
          expect(await own.wholes()).toEqual(sorted(...expected.values()));
          await own.company.close();
        },
      ),
      { numRuns: fewer(12), seed: 7 },
    );
  }, 60_000);
});

it('who is one person with whom is told of now, for those who are several', async () => {
  let events = [1, 2, 3, 4].reduce<ReturnType<typeof recorded>>(
    (all, n) =>
      recorded(`customer-${uuid(n)}`, [{ type: 'CustomerRegistered', data: { identifiers: 'enc:1:x' } }], all),
    [],
  );
  const ask = async () => (await readsOf(events).run(peopleQuery, { customerIds: [1, 2, 3, 4, 9].map(uuid) })).result;
  expect(await ask()).toEqual([]);
  const merge = (who: number, into: number, type = 'CustomersMerged') =>
    (events = recorded(`customer-${uuid(who)}`, [{ type, data: { survivorId: uuid(into), reason: 'r' } }], events));
  merge(1, 2);
  merge(2, 3);
  expect(await ask()).toEqual([
    { customerId: uuid(1), others: [uuid(2), uuid(3)] },
    { customerId: uuid(2), others: [uuid(1), uuid(3)] },
    { customerId: uuid(3), others: [uuid(1), uuid(2)] },
  ]);
  merge(2, 3, 'CustomersUnmerged');
  expect(await ask()).toEqual([
    { customerId: uuid(1), others: [uuid(2)] },
    { customerId: uuid(2), others: [uuid(1)] },
  ]);
});
