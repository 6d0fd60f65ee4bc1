import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { packProjections } from '@touchstone/packs';
import type { ProjectionGroup } from '@touchstone/readmodel';
import type { ReadQuery } from '@touchstone/readmodel/query';
import {
  fewer,
  dumpCurrent,
  dumpRows,
  InlineReads,
  projectAll,
  projectionContract,
  projectMore,
  recorded,
  type ToRecord,
} from '@touchstone/readmodel/testing';
import { personQuery } from './forgetting.queries.js';
import { uuid } from './house.spec-kit.js';
import { journeyMapQuery } from './journey-map.queries.js';
import { journeyLinksProjection, matchesProjection } from './journey-links.projection.js';
import { journeyQuery, journeysQuery } from './journeys.queries.js';
import { matchesQuery } from './matches.queries.js';
import type { MetricFigureRef } from './figure-token.js';
import { metricCountQuery, metricOccurrencesQuery } from './metrics/metric-occurrences.queries.js';
import { START, world } from './metrics/metric.spec-kit.js';
import { momentLedgerQuery } from './moments.queries.js';
import { journeyDerivations, journeyProjections } from './read.js';
import { timelineQuery } from './timeline.queries.js';

const group: ProjectionGroup = {
  name: 'journeys',
  projections: [...packProjections, ...journeyProjections],
  derivations: journeyDerivations('Asia/Shanghai'),
};
const NOW = '2024-04-01T00:00:00.000Z';
/** Journeys of a world by number, and the types they are of. */
const JOURNEYS = [0, 1, 2, 3, 4, 5];
const TYPES = ['x', 'x', 'x', 'x', 'y', 'y'];
const journeyId = (n: number) => uuid(500 + n);
const stream = (n: number) => `journey-${journeyId(n)}`;

type Event = RecordedEvent & { readonly data: Record<string, string | string[]> };
const again = ({ id, type, data, occurredAt, metadata }: Event): ToRecord => {
  const { source } = metadata;
  return { id, type, data, occurredAt, ...(source && { source }), ...(metadata.historical && { metadata }) };
};

const readsOf = (events: readonly RecordedEvent[]) => {
  const log = {
    comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
    async *readAll({ after = '' }: { after?: string } = {}) {
      const rest = events.filter((event) => event.position > after);
      if (rest.length > 0) yield rest;
      await Promise.resolve();
    },
  };
  const store = projectAll(group, events, { batch: 11 });
  return { store, reads: new InlineReads(store, { log: log as never, now: () => NOW }) };
};

/** What is seen of a world, without positions and surrogates. */
async function seen(reads: InlineReads, asOf?: { position: string; instant: string }) {
  const run = async <P, R>(query: Parameters<typeof reads.run<P, R>>[0], params: P) =>
    (await reads.run(query, params, asOf ? { asOf } : {})).result;
  const lists: object[] = [];
  for (const filter of [
    {},
    { status: 'CLOSED' },
    { journeyType: 'x' },
    { customerId: uuid(1) },
    { segment: 'firm' },
    { unit: 'u1' },
    { from: '2024-03-04T00:00:00Z' },
  ] as const) {
    // prettier-ignore
    const rows = await run(journeysQuery, { filter, first: 100 });
    lists.push(rows.map(({ journey: _j, mergedFrom: _m, ...row }) => row).sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
  const ids = ((await run(journeysQuery, { filter: {}, first: 100 })) as { id: string }[]).map(({ id }) => id).sort();
  const plain = async (of: { journeyId?: string; customerId?: string }) =>
    (await run(timelineQuery, { ...of, first: 500 })).map((e) => [e.entryId, e.version, e.form, e.occurredAt, e.unit, e.moments.map((m) => m.id), e.firstContact, e.repeatOf, e.channelChange]); // prettier-ignore
  const timelines: object[] = [];
  for (const id of ids) timelines.push(await plain({ journeyId: id }));
  for (const n of [1, 2, 3]) timelines.push(await plain({ customerId: uuid(n) }));
  const { data, names } = await run(journeyMapQuery, { filter: {}, maxNodes: 20, maxVariants: 100 });
  const kind = (surrogate: number) => names.get(surrogate)!.id;
  const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
  const map = {
    ...data,
    nodes: sorted(data.nodes.map((node) => ({ ...node, kind: kind(node.kind) }))),
    edges: sorted(data.edges.map((edge) => ({ ...edge, source: kind(edge.source), target: kind(edge.target) }))),
    variants: sorted(data.variants.map((variant) => ({ ...variant, kinds: [...variant.kinds].map(kind) }))),
  };
  return {
    lists,
    timelines,
    map,
    ledgers: await ledgers(run),
    drilled: await drilled(run, asOf ?? (await head(reads))),
  };
}

type Run = <P, R>(query: ReadQuery<P, R>, params: P) => Promise<R>;

/** The ledger of moments, whole and by what is asked of the journeys. */
async function ledgers(run: Run): Promise<object[]> {
  const found: object[] = [];
  for (const filter of [
    {},
    { journeyType: 'x' },
    { unit: 'u1', includeRetracted: true },
    ...[1, 2, 3].map((n) => ({ customerId: uuid(n) })),
  ]) {
    const rows = await run(momentLedgerQuery, { filter, first: 500 });
    // prettier-ignore
    found.push(rows.map((m) => [m.id, m.code, m.journeyId, m.journeyType, m.customerId, m.touchpoint?.occurredAt, m.touchpoint?.unit]));
  }
  return found;
}

const head = async (reads: InlineReads) => (await reads.run(journeysQuery, { filter: {}, first: 1 })).asOf;

/** What figures open to, page by page as a whole: by natural keys, since positions are those of another log. */
async function drilled(run: Run, asOf: { position: string; instant: string }): Promise<object[]> {
  const found: object[] = [];
  for (const metric of ['M-RPT', 'M-MOTN', 'M-FCR'] as const) {
    const figure = { of: 'metric', metric, part: 'all', filter: {}, ...asOf, generation: 'g' } as MetricFigureRef;
    const rows: object[] = [];
    for (let after: readonly [string, number] | undefined; ;) {
      const page = await run(metricOccurrencesQuery, { figure, after, first: 3 });
      rows.push(
        ...page.map((row) => [
          row.journeyId,
          row.value,
          row.counts,
          ...row.events.map((e) => [e.touchpointId, e.kind]),
        ]),
      );
      if (page.length < 3) break;
      after = page.at(-1)!.cursor;
    }
    const count = await run(metricCountQuery, { figure });
    expect(rows.length).toBeGreaterThanOrEqual(typeof count === 'number' ? count : 0);
    found.push([metric, count, rows.map((row) => JSON.stringify(row)).sort()]);
  }
  return found;
}

/** Facts that many share, linked to the customers of a world, all through its time. */
function withFacts(before: readonly RecordedEvent[]): RecordedEvent[] {
  const object = { type: 'feeder', id: 'F1' };
  const stream = 'object-feeder-F1';
  const customers = [1, 2].map((n) => ({ customerId: uuid(n) }));
  const at = (hour: number) => new Date(START + hour * 3_600_000).toISOString();
  let events = recorded(stream, [{ type: 'ObjectsLinked', data: { object, customers }, occurredAt: at(-1) }], before);
  for (const hour of [0, 16, 24, 60, 168]) {
    const traits = { closes: false, contact: false, customerVisible: true };
    const audience = hour === 60 ? { customers: [uuid(3)] } : { linked: 'directly' };
    const data = { object, kind: 'outage', kindVersion: 1, traits, audience };
    events = recorded(
      stream,
      [{ type: 'ObjectFactRecorded', id: uuid(70_000 + hour), data, occurredAt: at(hour) }],
      events,
    );
  }
  return events;
}

const derived = (store: Parameters<typeof dumpCurrent>[0]) =>
  Object.fromEntries(
    Object.entries(dumpCurrent(store)).filter(([name]) => /^(cube_|contact|moment_due|turn_open)/.test(name)),
  );

/** The same facts, recorded from the outset in the journeys as which they are seen. */
function retold(events: readonly Event[], seenIn: (event: Event, journey: string) => string): RecordedEvent[] {
  const openings = new Map(events.filter((e) => e.type === 'JourneyOpened').map((e) => [e.stream, e]));
  const opened = new Set<string>();
  let all: RecordedEvent[] = [];
  for (const event of events) {
    if (!event.stream.startsWith('journey-')) {
      all = recorded(event.stream, [again(event)], all);
      continue;
    }
    const own = event.type === 'JourneyOpened' ? event.stream : seenIn(event, event.stream);
    const target = event.type === 'JourneyOpened' ? seenIn(event, own) : own;
    const opening = openings.get(target);
    if (opening && !opened.has(target)) {
      opened.add(target);
      all = recorded(target, [again(opening)], all);
    }
    if (event.type !== 'JourneyOpened') all = recorded(target, [again(event)], all);
  }
  return all;
}

const forest = fc.array(fc.record({ who: fc.nat(5), into: fc.nat(5) }), { minLength: 1, maxLength: 4 });
/** Merges that make sense: of one type, each journey once, no circle. */
function merges(steps: readonly { who: number; into: number }[], known: ReadonlySet<string>): Map<number, number> {
  const into = new Map<number, number>();
  const root = (n: number): number => (into.has(n) ? root(into.get(n)!) : n);
  for (const { who, into: survivor } of steps) {
    if (!known.has(stream(who)) || !known.has(stream(survivor))) continue;
    if (TYPES[who] !== TYPES[survivor] || into.has(who) || root(survivor) === who) continue;
    into.set(who, survivor);
  }
  return into;
}

describe('journeys that were merged', () => {
  it('are seen as if they had been one from the outset, and as two as of before', async () => {
    let [merged, shared, opened] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(world.map(withFacts), forest, async (before, steps) => {
        const known = new Set(before.filter((e) => e.type === 'JourneyOpened').map((e) => e.stream));
        const into = merges(steps, known);
        merged += into.size;
        let events = before;
        for (const [who, survivor] of into) {
          const data = { survivorId: journeyId(survivor), reason: 'r' };
          events = recorded(stream(who), [{ type: 'JourneysMerged', data }], events);
        }
        const rootOf = (n: number): number => (into.has(n) ? rootOf(into.get(n)!) : n);
        const roots = new Map(JOURNEYS.map((n) => [stream(n), stream(rootOf(n))]));
        const { store, reads } = readsOf(events);
        const oracle = readsOf(retold(before as Event[], (_e, journey) => roots.get(journey) ?? journey));
        expect(await seen(reads)).toEqual(await seen(oracle.reads));
        expect(derived(store)).toEqual(derived(oracle.store));
        opened += (dumpCurrent(store)['turn_open'] ?? []).length;
        for (const root of new Set([...into.keys()].map((n) => journeyId(rootOf(n))))) {
          const { result } = await reads.run(timelineQuery, { journeyId: root, first: 500 });
          const facts = result.flatMap(({ shared: fact }) => fact?.factId ?? []);
          expect(new Set(facts).size).toBe(facts.length);
          shared += facts.length;
        }
        const past = { position: before.at(-1)!.position, instant: NOW };
        expect(await seen(reads, past)).toEqual(await seen(readsOf(before).reads));
      }),
      { numRuns: fewer(12) },
    );
    // A few rounds need not meet everything.
    if (fewer(12) < 12) return;
    expect(merged).toBeGreaterThan(0);
    expect(shared).toBeGreaterThan(0);
    expect(opened).toBeGreaterThan(0);
  }, 60_000);

  it('that were split are seen as if the touchpoints had been told of the other journey', async () => {
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(
        world.map(withFacts),
        fc.nat(5),
        fc.integer({ min: 2, max: 3 }),
        fc.boolean(),
        async (before, any, nth, back) => {
          const lived = (each: number) =>
            before.filter((e) => e.type === 'TouchpointRecorded' && e.stream === stream(each)).length;
          const several = JOURNEYS.filter((each) => lived(each) > 1);
          const n = several[any % several.length] ?? 0;
          const opening = before.find((e) => e.type === 'JourneyOpened' && e.stream === stream(n));
          const own = before.filter((e) => e.type === 'TouchpointRecorded' && e.stream === stream(n));
          const away = new Set(own.filter((_, i) => i % nth === 0).map((e) => e.id));
          if (!opening || away.size === 0 || away.size === own.length) return;
          moved += away.size;
          // The other journey is there before, so that what is compared is the split alone.
          const open: ToRecord = {
            type: 'JourneyOpened',
            data: opening.data as object,
            occurredAt: opening.occurredAt,
          };
          const there = recorded(stream(9), [open], before);
          const split = { newJourneyId: journeyId(9), touchpointIds: [...away], reason: 'r' };
          let events = recorded(stream(n), [{ type: 'JourneySplit', data: split }], there);
          const moments = new Map(before.filter((e) => e.type === 'MomentObserved').map((e) => [e.id, e as Event]));
          const touchpointOf = (e: Event): string | undefined =>
            e.type === 'TouchpointRecorded'
              ? e.id
              : ((e.data['touchpointId'] as string | undefined) ??
                (moments.get(e.data['momentId'] as string)?.data['touchpointId'] as string | undefined));
          const seenIn = (e: Event, journey: string) =>
            !back && away.has(touchpointOf(e) ?? '') ? stream(9) : journey === stream(9) && back ? stream(n) : journey;
          // What was split away and merged again is a whole again.
          const merge: ToRecord = { type: 'JourneysMerged', data: { survivorId: journeyId(n), reason: 'r' } };
          if (back) events = recorded(stream(9), [merge], events);
          const { store, reads } = readsOf(events);
          const oracle = readsOf(retold(there as Event[], seenIn));
          expect(await seen(reads)).toEqual(await seen(oracle.reads));
          expect(derived(store)).toEqual(derived(oracle.store));
        },
      ),
      { numRuns: fewer(12) },
    );
    expect(moved).toBeGreaterThan(0);
  }, 60_000);

  const step = fc.record({ who: fc.nat(5), into: fc.nat(5), what: fc.nat(3), at: fc.nat(1000) });
  it('again and again, also in a circle, give the same rows followed in batches as built in one pass', () => {
    fc.assert(
      fc.property(world, fc.array(step, { minLength: 1, maxLength: 8 }), fc.nat(1000), (before, steps, cut) => {
        const events = interleaved(before as Event[], steps);
        const built = dumpRows(projectAll(group, events, { building: true, batch: 7 }));
        for (const batch of [1, 5]) expect(dumpRows(projectAll(group, events, { batch }))).toEqual(built);
        const at = cut % (events.length + 1);
        const store = projectAll(group, events.slice(0, at), { building: true });
        projectMore(store, events, { batch: 3 });
        expect(dumpRows(store)).toEqual(built);
      }),
      { numRuns: fewer(12) },
    );
  }, 60_000);
});

/** A world with merges, unmerges and splits in between. */
function interleaved(
  before: readonly Event[],
  steps: readonly { who: number; into: number; what: number; at: number }[],
): RecordedEvent[] {
  let all: RecordedEvent[] = [];
  before.forEach((event, i) => {
    all = recorded(event.stream, [again(event)], all);
    for (const { who, into, what, at } of steps) {
      if (at % before.length !== i || who === into || !all.some((e) => e.stream === stream(who))) continue;
      const touchpoints = all.filter((e) => e.type === 'TouchpointRecorded' && e.stream === stream(who));
      const touchpointIds = touchpoints.slice(0, 1 + (at % 3)).map((e) => e.id);
      const link: ToRecord =
        what === 0 && touchpointIds.length > 0
          ? { type: 'JourneySplit', data: { newJourneyId: journeyId(into), touchpointIds, reason: 'r' } }
          : { type: what === 1 ? 'JourneysUnmerged' : 'JourneysMerged', data: { survivorId: journeyId(into), reason: 'r' } }; // prettier-ignore
      all = recorded(stream(who), [link], all);
    }
  });
  return all;
}

describe('links and matches', () => {
  const opened: ToRecord = { type: 'JourneyOpened', data: { journeyType: 'x' } };
  const doubt = (n: number, of: string, first: string, second: string): [string, ToRecord] => [
    `match-${uuid(n)}`,
    { type: 'MatchDoubted', data: { of, first, second, reason: 'gap-near-limit', gapMs: 5 } },
  ];
  let events: RecordedEvent[] = [];
  const add = (name: string, ...more: ToRecord[]) => (events = recorded(name, more, events));
  for (const n of [0, 1, 2]) add(stream(n), opened);
  const touchpointIds = [uuid(7), uuid(8)];
  const said = { survivorId: journeyId(0), reason: 'r' };
  add(stream(1), { type: 'JourneySplit', data: { newJourneyId: journeyId(2), touchpointIds, reason: 'r' } });
  add(stream(1), { type: 'JourneySplit', data: { newJourneyId: journeyId(0), touchpointIds: [uuid(7)], reason: 'r' } });
  add(stream(1), { type: 'JourneysMerged', data: said }, { type: 'JourneysUnmerged', data: said });
  add(stream(2), { type: 'JourneysMerged', data: said });
  add(...doubt(1, 'journeys', journeyId(0), journeyId(1)));
  add(...doubt(2, 'customers', uuid(1), uuid(2)));
  add(...doubt(3, 'journeys', journeyId(0), journeyId(2)));
  add(...doubt(4, 'customers', uuid(1), uuid(3)));
  add(`match-${uuid(2)}`, { type: 'MatchRejected', data: { reason: 'two meters' } });
  add(`match-${uuid(2)}`, { type: 'MatchConfirmed', data: { reason: 'the same after all' } });

  projectionContract(
    { name: 'links', projections: [journeyLinksProjection, matchesProjection] as never },
    { name: 'journey links', events },
  );

  it('wait in a list, without those whose two are one by now; pages go on where the last ended', async () => {
    const { reads } = readsOf(events);
    const list = async (params: Partial<Parameters<typeof matchesQuery.run>[1]>) =>
      (await reads.run(matchesQuery, { status: 'OPEN', first: 10, ...params })).result;
    const open = await list({});
    expect(open.map(({ id }) => id)).toEqual([uuid(1), uuid(4)]);
    expect(open[0]).toMatchObject({ of: 'JOURNEYS', first: journeyId(0), second: journeyId(1), gapMs: 5, rule: null });
    expect((await list({ after: open[0]!.cursor, first: 1 })).map(({ id }) => id)).toEqual([uuid(4)]);
    expect((await list({ of: 'CUSTOMERS' })).map(({ id }) => id)).toEqual([uuid(4)]);
    expect(await list({ status: 'CONFIRMED' })).toMatchObject([{ settledBecause: 'the same after all' }]);
  });

  it('a person is forgotten with the journeys of nobody that were merged with theirs, and nobody else’s', async () => {
    let log = recorded(`customer-${uuid(1)}`, [{ type: 'CustomerRegistered', data: { identifiers: 'enc:1:x' } }]);
    const open = (n: number, customerId?: string) =>
      (log = recorded(stream(n), [{ type: 'JourneyOpened', data: { journeyType: 'x', ...(customerId && { customerId }) } }], log)); // prettier-ignore
    open(0, uuid(1));
    for (const n of [1, 3]) open(n);
    open(2, uuid(2));
    for (const n of [1, 2]) log = recorded(stream(n), [{ type: 'JourneysMerged', data: said }], log);
    const { result } = await readsOf(log).reads.run(personQuery, { customerId: uuid(1) });
    expect(result!.journeys).toEqual([journeyId(0), journeyId(1)]);
  });

  it('a merged journey is found by its own id, too, and says which it stands for', async () => {
    const { reads } = readsOf(events);
    const ids = [journeyId(2), journeyId(1), journeyId(5)];
    const { result } = await reads.run(journeyQuery, { ids });
    expect(result.map((row) => row && [row.id, row.mergedFrom])).toEqual([
      [journeyId(0), [journeyId(2)]],
      [journeyId(1), []],
      null,
    ]);
  });
});
