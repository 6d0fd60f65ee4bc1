import fc from 'fast-check';
import { CompiledQuery, type KyselyPlugin } from 'kysely';
import type { RecordedEvent } from '@touchstone/eventing';
import type { ReadQuery } from '@touchstone/readmodel';
import { fewer, onSqlite, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import { audienceQuery, audienceSizesQuery, type AudienceMember } from './audience.queries.js';
import { readsOf, uuid } from './house.spec-kit.js';
import { objectName } from './object.events.js';
import { objectLinksQuery, objectQuery, objectTimelineQuery } from './objects.queries.js';
import { timelineQuery, type TimelineRow } from './timeline.queries.js';

const CUSTOMERS = [1, 2, 3];
const OBJECTS = ['outage', 'feeder', 'meter'];
const start = Date.parse('2024-05-01T00:00:00Z');
const iso = (minute: number) => new Date(start + minute * 60_000).toISOString();
const traits = { closes: false, contact: false, customerVisible: true };

/** One thing that is said, in plain words: all that the brute force knows. */
type Step =
  | { what: 'link'; object: number; to: number; toCustomer: boolean; conveys: boolean; ended: boolean; minute: number }
  | { what: 'fact'; object: number; minute: number; sequence?: number; listed: number[]; linked: number }
  | { what: 'correct'; target: number; minute: number; listed: number[]; linked: number }
  | { what: 'void'; target: number }
  | { what: 'merge'; customer: number; into: number }
  | { what: 'unmerge'; customer: number }
  | { what: 'touchpoint'; customer: number; minute: number };

const minute = fc.integer({ min: 0, max: 4 });
const object = fc.nat(OBJECTS.length - 1);
const customer = fc.constantFrom(...CUSTOMERS);
const often = (usual: boolean) => fc.nat(3).map((n) => (n > 0 ? usual : !usual));
const audience = {
  listed: fc.uniqueArray(customer, { maxLength: 1 }),
  linked: fc.constantFrom(0, 1, 2, 2),
};
const link = fc.record({
  what: fc.constant('link' as const),
  object,
  to: fc.nat(2),
  toCustomer: fc.boolean(),
  conveys: often(true),
  ended: often(false),
  minute,
});
const fact = fc.record({
  what: fc.constant('fact' as const),
  object,
  minute,
  sequence: fc.option(fc.nat(2), { nil: undefined }),
  ...audience,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: link },
  { weight: 5, arbitrary: fact },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('correct' as const), target: fc.nat(9), minute, ...audience }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('void' as const), target: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('merge' as const), customer, into: customer }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('unmerge' as const), customer }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('touchpoint' as const), customer, minute }) },
);

const LINKED = [undefined, 'directly', 'through-objects'] as const;
const ids = (customers: readonly number[]) => customers.map(uuid);
const keyOf = (n: number) => ({ type: 'thing', id: OBJECTS[n]! });
const streamOf = (n: number) => `object-${objectName(keyOf(n))}`;
const factIdOf = (at: number) => uuid(0x1000 + at);

/** The steps as events of a log; `upTo[i]` is the position at which step i is known. */
function logOf(steps: readonly Step[]): { events: RecordedEvent[]; upTo: string[] } {
  let events: RecordedEvent[] = [];
  const add = (stream: string, event: ToRecord) => (events = recorded(stream, [event], events));
  for (const n of CUSTOMERS) {
    add(`customer-${uuid(n)}`, { type: 'CustomerRegistered', data: { identifiers: 'enc' } });
    add(`journey-${uuid(100 + n)}`, { type: 'JourneyOpened', data: { journeyType: 'x', customerId: uuid(n) } });
  }
  const versions = new Map<number, number>();
  const upTo = steps.map((step, at) => {
    const toldOf = (target: number) => steps[target] as Extract<Step, { what: 'fact' }>;
    const content = (of: number, { listed, linked }: { listed: number[]; linked: number }) => ({
      object: keyOf(of),
      kind: 'k',
      kindVersion: 1,
      traits,
      audience: { customers: ids(listed), ...(linked > 0 && { linked: LINKED[linked] }) },
    });
    switch (step.what) {
      case 'link': {
        const to = step.toCustomer
          ? { customers: [{ customerId: uuid(step.to + 1) }] }
          : { objects: [{ ...keyOf(step.to), conveys: step.conveys }] };
        const data = { object: keyOf(step.object), ...to, ended: step.ended };
        add(streamOf(step.object), { type: 'ObjectsLinked', id: factIdOf(at), data, occurredAt: iso(step.minute) });
        break;
      }
      case 'fact': {
        const source = { system: 's', sequence: step.sequence };
        const data = content(step.object, step);
        const event = { type: 'ObjectFactRecorded', id: factIdOf(at), data, occurredAt: iso(step.minute), source };
        add(streamOf(step.object), event);
        break;
      }
      case 'correct':
      case 'void': {
        const target = targetOf(steps, at);
        if (target === null) break;
        const told = toldOf(target);
        const about = { factId: factIdOf(target), reason: 'r' };
        if (step.what === 'void') {
          add(streamOf(told.object), { type: 'ObjectFactVoided', data: { object: keyOf(told.object), ...about } });
          break;
        }
        const version = (versions.get(target) ?? 1) + 1;
        versions.set(target, version);
        const place = { version, happenedAt: iso(step.minute), sequence: told.sequence };
        add(streamOf(told.object), {
          type: 'ObjectFactCorrected',
          data: { ...content(told.object, step), ...about, ...place },
        });
        break;
      }
      case 'merge':
        add(`customer-${uuid(step.customer)}`, {
          type: 'CustomersMerged',
          data: { survivorId: uuid(step.into), reason: 'r' },
        });
        break;
      case 'unmerge':
        add(`customer-${uuid(step.customer)}`, {
          type: 'CustomersUnmerged',
          data: { survivorId: uuid(step.customer), reason: 'r' },
        });
        break;
      case 'touchpoint':
        add(`journey-${uuid(100 + step.customer)}`, {
          type: 'TouchpointRecorded',
          id: factIdOf(at),
          data: { kind: 'k', kindVersion: 1, traits },
          occurredAt: iso(step.minute),
        });
    }
    return events.at(-1)!.position;
  });
  return { events, upTo };
}

/** The fact that a correction or a void is about, if it is there and was not voided before. */
function targetOf(steps: readonly Step[], at: number): number | null {
  const step = steps[at] as Extract<Step, { what: 'correct' | 'void' }>;
  const before = steps.slice(0, at);
  const facts = before.flatMap((s, i) => (s.what === 'fact' ? [i] : []));
  const target = facts[step.target % Math.max(1, facts.length)];
  if (target === undefined) return null;
  return before.some((s, i) => s.what === 'void' && targetOf(steps, i) === target) ? null : target;
}

/** Who sees what, from the plain list of what was said. */
function plainly(steps: readonly Step[]) {
  const facts = new Map<
    number,
    { object: number; minute: number; sequence: number; listed: number[]; linked: number }
  >();
  steps.forEach((step, at) => {
    if (step.what === 'fact') facts.set(at, { ...step, sequence: step.sequence ?? -1 });
    if (step.what !== 'correct' && step.what !== 'void') return;
    const target = targetOf(steps, at);
    if (target === null) return;
    if (step.what === 'void') facts.delete(target);
    else facts.set(target, { ...facts.get(target)!, minute: step.minute, listed: step.listed, linked: step.linked });
  });
  /** Whether the link holds at the minute, and conveys: what its last word says. */
  const linkAt = (from: number, to: number, toCustomer: boolean, when: number) =>
    steps
      .flatMap((s, i) =>
        s.what === 'link' && s.object === from && s.to === to && s.toCustomer === toCustomer && s.minute <= when
          ? [{ ...s, i }]
          : [],
      )
      .sort((a, b) => a.minute - b.minute || Number(a.ended) - Number(b.ended) || a.i - b.i)
      .at(-1);
  const concerned = (f: { object: number; minute: number; listed: number[]; linked: number }) => {
    const objects = new Set(f.linked > 0 ? [f.object] : []);
    if (f.linked === 2) {
      for (const from of objects) {
        OBJECTS.forEach((_, to) => {
          const last = linkAt(from, to, false, f.minute);
          if (last && !last.ended && last.conveys) objects.add(to);
        });
      }
    }
    const linked = CUSTOMERS.filter((n) =>
      [...objects].some((from) => linkAt(from, n - 1, true, f.minute)?.ended === false),
    );
    return new Set([...f.listed, ...linked]);
  };
  const into = new Map<number, number>();
  for (const step of steps) {
    if (step.what === 'merge') into.set(step.customer, step.into);
    if (step.what === 'unmerge') into.delete(step.customer);
  }
  const rootOf = (n: number): number => {
    const seen: number[] = [];
    for (let at = n; ; at = into.get(at)!) {
      if (seen.includes(at)) return Math.min(...seen.slice(seen.indexOf(at)));
      if (!into.has(at)) return at;
      seen.push(at);
    }
  };
  const sees = (n: number): string[] => {
    const person = CUSTOMERS.filter((m) => rootOf(m) === rootOf(n));
    const shared = [...facts].filter(([, f]) => person.some((m) => concerned(f).has(m)));
    const own = steps.flatMap((s, i) =>
      s.what === 'touchpoint' && person.includes(s.customer) ? [[i, { minute: s.minute, sequence: -1 }] as const] : [],
    );
    return [...shared.map(([i, f]) => [i, f] as const), ...own]
      .sort(([i, a], [j, b]) => a.minute - b.minute || a.sequence - b.sequence || i - j)
      .map(([i]) => factIdOf(i));
  };
  return { facts, concerned, sees };
}

const isCircle = (steps: readonly Step[]) => steps.some((s) => s.what === 'merge' && s.customer === s.into);

describe('a fact that many share', () => {
  it('is seen by exactly those whom it concerned then, in order, page by page, as of any position', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.nat(1000),
        fc.integer({ min: 1, max: 4 }),
        async (all, cut, first) => {
          const steps = all.filter((s) => !isCircle([s]));
          const { events, upTo } = logOf(steps);
          const reads = readsOf(events, iso(100));
          for (const known of new Set([steps.length, cut % (steps.length + 1)])) {
            const position = known === 0 ? events[2 * CUSTOMERS.length - 1]!.position : upTo[known - 1]!;
            const options = known === steps.length ? {} : { asOf: { position } };
            const world = plainly(steps.slice(0, known));
            for (const n of CUSTOMERS) {
              const told: TimelineRow[] = [];
              for (let after: TimelineRow['cursor'] | undefined; ; after = told.at(-1)!.cursor) {
                const page = await reads.run(timelineQuery, { customerId: uuid(n), after, first }, options);
                told.push(...page.result);
                if (page.result.length < first) break;
              }
              expect([n, told.map((row) => row.entryId)]).toEqual([n, world.sees(n)]);
            }
            for (const [at, fact] of world.facts) {
              const told: AudienceMember[] = [];
              for (let after: AudienceMember['cursor'] | undefined; ; after = told.at(-1)!.cursor) {
                const page = await reads.run(audienceQuery, { factId: factIdOf(at), after, first }, options);
                told.push(...page.result);
                if (page.result.length < first) break;
              }
              const members = told.map((m) => m.customerId).sort();
              // Those whom it lists come first, and are told as such.
              expect(told.map(({ listed }) => listed)).toEqual(told.map((_, i) => i < fact.listed.length));
              expect([at, members]).toEqual([at, ids([...world.concerned(fact)]).sort()]);
              const sizes = await reads.run(audienceSizesQuery, { factIds: [factIdOf(at)] }, options);
              expect(sizes.result).toEqual([{ size: members.length, exact: true }]);
            }
          }
        },
      ),
      { numRuns: fewer(40) },
    );
  });
});

/** A step through a whole table or a whole index; what a statement made itself may be gone through. */
const SCAN = /^SCAN (object_|timeline_entry|journey_state|customer_|[lna]\b)|USING PRIMARY KEY \(from_pos<\?\)/;

describe('reading facts that many share', () => {
  it('counts an audience anew once a link came between', async () => {
    const linked = (toCustomer: number, minute: number): Step => ({
      ...{ what: 'link', object: 0, to: toCustomer - 1, toCustomer: true, conveys: false, ended: false, minute },
    });
    const told = (minute: number): Step => ({ what: 'fact', object: 0, minute, listed: [], linked: 1 });
    const { events } = logOf([linked(1, 0), told(1), told(2), linked(2, 3), told(3), told(4)]);
    const factIds = [1, 2, 4, 5].map(factIdOf);
    const { result } = await readsOf(events, iso(100)).run(audienceSizesQuery, { factIds });
    expect(result.map((each) => each!.size)).toEqual([1, 1, 2, 2]);
  });

  it('shows a late page of an audience for what a first one costs, over objects and over one', async () => {
    const [feeders, each] = [8, 60];
    const all: Step[] = [];
    let events = logOf(all).events;
    const say = (name: string, data: object) =>
      (events = recorded(`object-${objectName({ type: 'thing', id: name })}`, [{ type: 'ObjectsLinked', data: { object: { type: 'thing', id: name }, ...data }, occurredAt: iso(0) }], events)); // prettier-ignore
    const thing = (id: string) => ({ type: 'thing', id, conveys: true });
    const names = (n: number) => Array.from({ length: n }, (_, i) => i);
    say('outage', { objects: names(feeders).map((f) => thing(`f${f}`)) });
    for (const f of names(feeders)) {
      say(`f${f}`, { objects: names(each).map((m) => thing(`m${f}-${m}`)) });
      for (const m of names(each)) say(`m${f}-${m}`, { customers: [{ customerId: uuid(10_000 + f * each + m) }] });
    }
    say('hall', { customers: names(feeders * each).map((n) => ({ customerId: uuid(10_000 + n) })) });
    const fact = (n: number, object: string, linked: string) => ({
      type: 'ObjectFactRecorded',
      id: uuid(n),
      occurredAt: iso(1),
      data: { object: { type: 'thing', id: object }, kind: 'k', kindVersion: 1, traits, audience: { linked } },
    });
    events = recorded(`object-${objectName({ type: 'thing', id: 'outage' })}`, [fact(1, 'outage', 'through-objects')], events); // prettier-ignore
    events = recorded(`object-${objectName({ type: 'thing', id: 'hall' })}`, [fact(2, 'hall', 'directly')], events);
    const reads = readsOf(events, iso(100));
    for (const factId of [uuid(1), uuid(2)]) {
      const costs: number[] = [];
      const shown: string[] = [];
      for (let after: AudienceMember['cursor'] | undefined, last = false; !last;) {
        const paged: ReadQuery<null, AudienceMember[]> = {
          name: 'paged',
          group: 'journeys',
          run: async (read) => {
            let rows = 0;
            const counting: KyselyPlugin = {
              transformQuery: ({ node }) => node,
              transformResult: ({ result }) => ((rows += 1 + result.rows.length), Promise.resolve(result)),
            };
            const page = await audienceQuery.run(
              { ...read, db: read.db.withPlugin(counting) },
              { factId, after, first: 20 },
            );
            costs.push(rows);
            return page;
          },
        };
        const { result } = await reads.run(paged, null);
        shown.push(...result.map(({ customerId }) => customerId));
        after = result.at(-1)?.cursor;
        last = result.length < 20;
      }
      expect(new Set(shown).size).toBe(feeders * each);
      expect(shown).toHaveLength(feeders * each);
      expect(Math.max(...costs)).toBeLessThan(2.5 * costs[0]!);
      expect(Math.max(...costs)).toBeLessThan(20 * 20 + 200);
    }
  });

  onSqlite()('scans no table, however many objects and facts there are', async () => {
    const { events } = logOf([
      { what: 'link', object: 0, to: 1, toCustomer: false, conveys: true, ended: false, minute: 0 },
      { what: 'link', object: 1, to: 0, toCustomer: true, conveys: true, ended: false, minute: 0 },
      { what: 'fact', object: 0, minute: 1, listed: [2], linked: 2 },
      ...Array.from({ length: 60 }, (_, n): Step => ({ what: 'fact', object: 0, minute: n, listed: [], linked: 2 })),
    ]);
    const reads = readsOf(events, iso(100));
    const scans: string[] = [];
    const planned: ReadQuery<null, void> = {
      name: 'planned',
      group: 'journeys',
      run: async (read) => {
        const seen: CompiledQuery[] = [];
        const noting: KyselyPlugin = {
          transformQuery: ({ node, queryId }) => {
            seen.push(read.db.getExecutor().compileQuery(node, queryId));
            return node;
          },
          transformResult: ({ result }) => Promise.resolve(result),
        };
        const spied = { ...read, db: read.db.withPlugin(noting), past: true };
        const after = [0, 0, ''] as const;
        const object = keyOf(0);
        for (const customer of [1, 2]) {
          await timelineQuery.run(spied, { customerId: uuid(customer), first: 60 });
          await timelineQuery.run(spied, { customerId: uuid(customer), first: 10, after });
          await timelineQuery.run(spied, { journeyId: uuid(100 + customer), first: 10 });
        }
        await audienceQuery.run(spied, { factId: factIdOf(2), first: 10 });
        const [last] = await audienceQuery.run(spied, { factId: factIdOf(2), first: 1 });
        await audienceQuery.run(spied, { factId: factIdOf(2), first: 10, after: last!.cursor });
        await audienceSizesQuery.run(spied, { factIds: [factIdOf(2), factIdOf(3)] });
        await objectQuery.run(spied, object);
        await objectTimelineQuery.run(spied, { object, first: 10, after });
        await objectLinksQuery.run(spied, { object, first: 10 });
        await objectLinksQuery.run(spied, { object, first: 10, incoming: true });
        expect(seen.length).toBeGreaterThan(20);
        for (const { sql: statement, parameters } of seen) {
          // Whether there is any fact at all is told by the first row.
          if (/^select "fact" from "object_fact" limit/.test(statement)) continue;
          const plan = await read.db.executeQuery<{ detail: string }>(
            CompiledQuery.raw(`explain query plan ${statement}`, [...parameters]),
          );
          scans.push(...plan.rows.map(({ detail }) => detail).filter((detail) => SCAN.test(detail)));
        }
      },
    };
    await reads.run(planned, null);
    expect(scans).toEqual([]);
  });
});
