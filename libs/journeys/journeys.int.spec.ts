import fc from 'fast-check';
import { EventRegistry, type RecordedEvent } from '@touchstone/eventing';
import { packEvents, packProjections, packSamples } from '@touchstone/packs';
import type { ProjectionGroup } from '@touchstone/readmodel';
import {
  fewer,
  InlineReads,
  projectAll,
  projectionContract,
  recorded,
  type ToRecord,
} from '@touchstone/readmodel/testing';
import { journeySamples } from './journey.samples.js';
import { objectSamples } from './object.samples.js';
import { journeyDerivations, journeyEvents, journeyProjections } from './read.js';
import {
  figureCountQuery,
  figureJourneysQuery,
  figureQuery,
  journeyMapQuery,
  type OccurrenceCursor,
} from './journey-map.queries.js';
import { journeysQuery } from './journeys.queries.js';
import { timelineQuery } from './timeline.queries.js';
import { OTHER, STILL_OPEN } from './journey-map.js';
import type { Figure, NodeRef } from './figure-token.js';

const registry = new EventRegistry([...journeyEvents, ...packEvents]);
const group: ProjectionGroup = {
  name: 'journeys',
  projections: [...packProjections, ...journeyProjections],
  derivations: journeyDerivations('Asia/Shanghai'),
};

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const stored = (event: ToRecord): ToRecord => {
  const definition = registry.definition(event.type);
  const data = { ...(event.data as Record<string, unknown>) };
  for (const field of definition.personalFields) if (data[field] !== undefined) data[field] = 'enc:1:ciphertext';
  return { ...event, data };
};

/** A touchpoint of the random world: all that a brute force needs to know. */
interface Planned {
  journey: number;
  id: string;
  at: number;
  sequence?: number;
  kind: string;
  unit?: string;
  closes: boolean;
}

const touchpoint = (p: Planned) => ({
  kind: p.kind,
  kindVersion: 1,
  traits: { closes: p.closes, contact: true, customerVisible: true },
  ...(p.unit !== undefined && { unit: p.unit }),
  channel: p.journey % 2 === 0 ? 'hotline' : 'app',
});
const iso = (ms: number) => new Date(ms).toISOString();
const start = Date.parse('2024-03-01T00:00:00Z');

const world = fc
  .record({
    touchpoints: fc.array(
      fc.record({
        journey: fc.integer({ min: 1, max: 6 }),
        minute: fc.integer({ min: 0, max: 30 }),
        sequence: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
        kind: fc.constantFrom('a', 'b', 'c', 'done'),
        unit: fc.constantFrom('u1', 'u2', undefined),
      }),
      { minLength: 1, maxLength: 40 },
    ),
    changes: fc.array(
      fc.record({
        target: fc.nat(39),
        how: fc.constantFrom('correct', 'void'),
        minute: fc.integer({ min: 0, max: 30 }),
        kind: fc.constantFrom('a', 'b', 'done'),
      }),
      { maxLength: 8 },
    ),
  })
  .map(({ touchpoints, changes }) => {
    const planned = touchpoints.map((p, i): Planned => ({
      ...p,
      id: uuid(1000 + i),
      at: start + p.minute * 60_000,
      closes: p.kind === 'done',
    }));
    let events: RecordedEvent[] = [];
    const opened = new Set<number>();
    const add = (journey: number, event: ToRecord) => {
      events = recorded(`journey-${uuid(journey)}`, [event], events);
    };
    const versions = new Map<string, number>();
    const gone = new Set<string>();
    for (const p of planned) {
      if (!opened.has(p.journey)) {
        opened.add(p.journey);
        add(p.journey, {
          type: 'JourneyOpened',
          data: { journeyType: p.journey < 5 ? 'x' : 'y' },
          occurredAt: iso(p.at),
        });
      }
      const source = { system: 's', sequence: p.sequence };
      add(p.journey, { type: 'TouchpointRecorded', id: p.id, data: touchpoint(p), occurredAt: iso(p.at), source });
    }
    for (const change of changes) {
      const p = planned[change.target % planned.length]!;
      if (gone.has(p.id)) continue;
      if (change.how === 'void') {
        gone.add(p.id);
        add(p.journey, { type: 'TouchpointVoided', data: { touchpointId: p.id, reason: 'r' } });
        continue;
      }
      const version = (versions.get(p.id) ?? 1) + 1;
      versions.set(p.id, version);
      const content = touchpoint({ ...p, kind: change.kind, closes: change.kind === 'done' });
      const happenedAt = iso(start + change.minute * 60_000);
      const data = { ...content, touchpointId: p.id, version, happenedAt, sequence: p.sequence, reason: 'r' };
      add(p.journey, { type: 'TouchpointCorrected', data });
    }
    return events;
  });

/** The plainest counting of what the events say, without any product code. */
function bruteForce(events: readonly RecordedEvent[], journeyType?: string) {
  interface Held {
    id: string;
    at: number;
    sequence: number;
    kind: string;
    unit: string;
    closes: boolean;
  }
  const journeys = new Map<string, { type: string; held: Map<string, Held> }>();
  for (const e of events) {
    const id = e.stream.slice('journey-'.length);
    const journey = journeys.get(id) ?? { type: '', held: new Map<string, Held>() };
    journeys.set(id, journey);
    const data = e.data as Record<string, never> & { traits: { closes: boolean }; sequence: never };
    const entry = (touchpointId: string, at: string, sequence: number | undefined) =>
      journey.held.set(touchpointId, {
        id: touchpointId,
        at: new Date(at).getTime(),
        sequence: sequence ?? -1,
        kind: data['kind'] ?? '',
        unit: data['unit'] ?? '',
        closes: data.traits.closes,
      });
    if (e.type === 'JourneyOpened') journey.type = data['journeyType'] ?? '';
    if (e.type === 'TouchpointRecorded') entry(e.id, e.occurredAt, e.metadata.source?.sequence);
    if (e.type === 'TouchpointCorrected') entry(data['touchpointId']!, data['happenedAt']!, data['sequence']);
    if (e.type === 'TouchpointVoided') journey.held.delete(data['touchpointId']!);
  }
  const traces = [...journeys.values()]
    .filter((j) => journeyType === undefined || j.type === journeyType)
    .map((j) => [...j.held.values()].sort((a, b) => a.at - b.at || a.sequence - b.sequence || (a.id < b.id ? -1 : 1)))
    .filter((trace) => trace.length > 0);
  const count = (map: Map<string, number[]>, key: string, value: number) =>
    map.set(key, [...(map.get(key) ?? []), value]);
  const edges = new Map<string, number[]>();
  const variants = new Map<string, number[]>();
  let handovers = 0;
  let pingPong = 0;
  let rework = 0;
  let closed = 0;
  for (const trace of traces) {
    trace.slice(1).forEach((b, i) => {
      const a = trace[i]!;
      count(edges, `${a.kind}>${b.kind}`, b.at - a.at);
      if (a.unit !== b.unit) handovers++;
    });
    const runs = trace.map((t) => t.unit).filter((u, i, all) => i === 0 || all[i - 1] !== u);
    if (runs.some((u, i) => i >= 2 && runs[i - 2] === u)) pingPong++;
    if (new Set(trace.map((t) => t.kind)).size < trace.length) rework++;
    if (trace.at(-1)!.closes) closed++;
    count(variants, trace.map((t) => t.kind).join(','), 1);
  }
  const rank = (values: number[], p: number) => [...values].sort((a, b) => a - b)[Math.ceil(p * values.length) - 1];
  /** Per node of a map in which only these kinds have one of their own: [times a kind followed itself, rework]. */
  const repeats = (named: readonly string[]) => {
    const nodes = new Map<string, [number, number]>();
    for (const trace of traces) {
      const again = new Set<string>();
      trace.forEach((t, i) => {
        const node = named.includes(t.kind) ? t.kind : 'other';
        const tally = nodes.get(node) ?? [0, 0];
        nodes.set(node, tally);
        if (trace[i - 1]?.kind === t.kind) tally[0]++;
        if (trace.slice(0, i).some((earlier) => earlier.kind === t.kind)) again.add(node);
      });
      for (const node of again) nodes.get(node)![1]++;
    }
    return Object.fromEntries(nodes);
  };
  const counts = {
    cases: traces.length,
    closed,
    events: traces.flat().length,
    handovers,
    pingPong,
    rework,
    edges: Object.fromEntries(
      [...edges].sort().map(([k, v]) => [k, [v.length, rank(v, 0.5), rank(v, 0.9), rank(v, 0.99)]]),
    ),
    variants: Object.fromEntries([...variants].sort().map(([k, v]) => [k, v.length])),
  };
  return { counts, repeats };
}

const MAX = { maxNodes: 1000, maxVariants: 1000 };

async function mapOf(reads: InlineReads, filter = {}, options = {}, limits = MAX) {
  const answer = await reads.run(journeyMapQuery, { filter, ...limits }, options);
  const { data, names } = answer.result;
  const name = (kind: number) => names.get(kind)!.id;
  return {
    answer,
    data,
    name,
    counts: {
      cases: data.cases,
      closed: data.closedCases,
      events: data.events,
      handovers: data.handovers,
      pingPong: data.pingPongCases,
      rework: data.reworkCases,
      edges: Object.fromEntries(
        data.edges
          .filter((e) => e.target !== STILL_OPEN)
          .map((e): [string, unknown] => [`${name(e.source)}>${name(e.target)}`, [e.count, e.p50, e.p90, e.p99]])
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
      variants: Object.fromEntries(
        data.variants
          .map((v): [string, number] => [v.kinds.map(name).join(','), v.cases])
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    },
  };
}

/** A log for `asOf`: what InlineReads needs to find a moment. */
const logOf = (events: readonly RecordedEvent[]) => ({
  comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),

  async *readAll({ after = '' }: { after?: string } = {}) {
    const rest = events.filter((e) => e.position > after);
    if (rest.length > 0) yield rest;
  },
});

const all = (events: readonly RecordedEvent[], now = '2024-04-01T00:00:00.000Z') =>
  new InlineReads(projectAll(group, events, { read: registry.read }), { log: logOf(events) as never, now: () => now });

describe('the journeys group', () => {
  const own = uuid(1);
  const journey = (n: number, extra: ToRecord[] = []): ToRecord[] => [
    stored(journeySamples.JourneyOpened_1),
    stored({
      ...journeySamples.TouchpointRecorded_1,
      id: uuid(10 * n),
      occurredAt: '2024-03-01T08:00:00+08:00',
      source: { system: 's', sequence: 0 },
    }),
    stored({
      ...journeySamples.TouchpointRecorded_1,
      id: uuid(10 * n + 1),
      occurredAt: '2024-03-01T08:00:00+08:00',
      source: { system: 's', sequence: 1 },
    }),
    stored({ ...journeySamples.TouchpointRecorded_1, id: uuid(10 * n + 2), occurredAt: '2024-03-01T07:30:00+08:00' }),
    ...extra,
  ];
  const { JourneyOpened_1: _o, TouchpointRecorded_1: _r, ...rest } = journeySamples;
  const inJourney = Object.values(rest).filter((e) => !/^(Customer|Key)/.test(e.type));
  const moment = uuid(777);
  const aimed = inJourney.map((e) => {
    const id = e === rest.MomentObserved_1 ? { id: moment } : {};
    const touchpointId = 'touchpointId' in e.data && { touchpointId: uuid(20) };
    const momentId = 'momentId' in e.data && { momentId: moment };
    return stored({ ...e, ...id, data: { ...e.data, ...touchpointId, ...momentId } });
  });
  const ofCustomer = Object.values(rest).filter((e) => e.type.startsWith('Customer'));
  const factOf = (data: object) => 'factId' in data && { factId: uuid(888) };
  let events = recorded('pack-import-helpdesk', Object.values(packSamples));
  events = recorded(`customer-${own}`, ofCustomer.map(stored), events);
  events = recorded('key-abc', [rest.KeyBound_1, rest.KeyReleased_1, rest.KeyBound_1], events);
  events = recorded(`journey-${uuid(2)}`, journey(2, aimed), events);
  events = recorded(`journey-${uuid(3)}`, journey(3), events);
  const ofObject = Object.values(objectSamples).map((e) => ({ ...e, data: { ...e.data, ...factOf(e.data) } }));
  events = recorded(
    'object-outage-OUT-2024-17',
    [{ ...ofObject[0]!, id: uuid(888) }, ...ofObject.slice(1)].map(stored),
    events,
  );

  projectionContract(group, {
    name: 'packs, customers and journeys together',
    events,
    facts: (e) => ['TouchpointRecorded', 'JourneyOpened', 'ObjectChanged', 'ObjectsLinked'].includes(e.type),
    read: registry.read,
  });
});

describe('the journey map', () => {
  it('equals a brute force, now and as of every moment of the past', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.nat(60), async (events, cut) => {
        const reads = all(events);
        const now = await mapOf(reads);
        expect(now.counts).toEqual(bruteForce(events).counts);
        expect((await mapOf(reads, { journeyType: 'x' })).counts).toEqual(bruteForce(events, 'x').counts);
        const upTo = events.slice(0, 1 + (cut % events.length));
        const past = await mapOf(reads, {}, { asOf: { position: upTo.at(-1)!.position } });
        expect(past.counts).toEqual(bruteForce(upTo).counts);
        // The past equals a replay from zero, byte for byte.
        const replayed = await mapOf(all(upTo, past.answer.asOf.instant));
        expect(past.counts).toEqual(replayed.counts);
      }),
      { numRuns: fewer(60) },
    );
  });

  it('balances every node, folded or not: in = out + ended + still open; rework and self-loops are those of its kinds', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.integer({ min: 1, max: 4 }), async (events, maxNodes) => {
        const { data, name } = await mapOf(all(events), {}, {}, { maxNodes, maxVariants: 5 });
        for (const node of data.nodes)
          expect([node.kind, node.in]).toEqual([node.kind, node.out + node.ended + node.stillOpen]);
        const activities = data.nodes.filter((n) => n.kind !== STILL_OPEN);
        const sum = (f: (n: (typeof activities)[number]) => number) => activities.reduce((s, n) => s + f(n), 0);
        expect(sum((n) => n.starts)).toBe(data.cases);
        expect(sum((n) => n.ended)).toBe(data.closedCases);
        expect(sum((n) => n.ended + n.stillOpen)).toBe(data.cases);
        expect(sum((n) => n.count)).toBe(data.events);
        expect(data.edges.filter((e) => e.target !== STILL_OPEN).reduce((s, e) => s + e.count, 0)).toBe(
          data.transitions,
        );
        const { repeats } = bruteForce(events);
        expect(Object.fromEntries(activities.map((n) => [name(n.kind), [n.selfLoops, n.reworkCases]]))).toEqual(
          repeats(activities.map((n) => name(n.kind))),
        );
      }),
      { numRuns: fewer(60) },
    );
  });

  it('opens every figure to as many occurrences as it counted, with their events', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.integer({ min: 1, max: 4 }), async (events, maxNodes) => {
        const reads = all(events);
        const limits = { maxNodes, maxVariants: 50 };
        const { data, answer, name } = await mapOf(reads, {}, {}, limits);
        // They are opened later too, when there is more than was counted.
        const since = recorded(`journey-${uuid(99_999)}`, [stored(journeySamples.JourneyOpened_1)], events);
        const later = all(since);
        const named = data.nodes.filter((n) => n.kind > 0).map((n) => name(n.kind));
        const counted = { filter: {}, ...answer.asOf, generation: answer.generation, named };
        const ref = (kind: number): NodeRef =>
          kind === OTHER ? { role: 'other' } : kind === STILL_OPEN ? { role: 'still-open' } : { kind: name(kind) };
        const figures: [number, Pick<Figure, 'of' | 'node' | 'target' | 'variant'>][] = [
          [data.cases, { of: 'cases' }],
          [data.closedCases, { of: 'closed' }],
          [data.events, { of: 'events' }],
          [data.transitions, { of: 'transitions' }],
          [data.selfLoops, { of: 'selfLoops' }],
          [data.handovers, { of: 'handovers' }],
          [data.reworkCases, { of: 'rework' }],
          [data.pingPongCases, { of: 'pingPong' }],
        ];
        for (const { source, target, count } of data.edges)
          figures.push([count, { of: 'edge', node: ref(source), target: ref(target) }]);
        for (const n of data.nodes.filter((n) => n.kind !== STILL_OPEN)) {
          const node = ref(n.kind);
          figures.push(
            [n.count, { of: 'node', node }],
            [n.starts, { of: 'starts', node }],
            [n.ended, { of: 'ended', node }],
            [n.stillOpen, { of: 'stillOpen', node }],
            [n.selfLoops, { of: 'selfLoops', node }],
            [n.reworkCases, { of: 'rework', node }],
          );
        }
        data.variants.forEach((v, i) =>
          figures.push([v.cases, { of: 'variant', variant: answer.result.variantHashes[i]! }]),
        );
        expect(data.nodes.some((n) => n.kind === OTHER)).toBe(data.activities > maxNodes);
        for (const [value, about] of figures) {
          const figure: Figure = { ...about, ...counted };
          const options = { asOf: figure };
          for (const at of [reads, later]) {
            expect([about, (await at.run(figureCountQuery, { figure }, options)).result]).toEqual([about, value]);
          }
          const found = [];
          for (let after: OccurrenceCursor | undefined; ;) {
            const { result } = await later.run(figureQuery, { figure, after, first: 3 }, options);
            found.push(...result);
            if (result.length < 3) break;
            after = result.at(-1)!.cursor;
          }
          expect([about, found.length]).toEqual([about, value]);
          for (const { events: behind } of found) {
            for (const event of behind)
              expect(events.some((e) => e.id === event.eventId && e.position === event.position)).toBe(true);
          }
          const journeys = (await later.run(figureJourneysQuery, { figure, first: 100 }, options)).result;
          expect(new Set(journeys.map((j) => j.id))).toEqual(new Set(found.map((f) => f.journeyId)));
        }
      }),
      { numRuns: fewer(15) },
    );
  });
});

describe('names in a map', () => {
  const traits = { closes: false, contact: true, customerVisible: true };
  const pack = (version: number, names: Record<string, string>) => ({
    ...packSamples.PackPublished_1,
    data: {
      ...packSamples.PackPublished_1.data,
      version,
      contentHash: `v${version}`,
      body: {
        ...packSamples.PackPublished_1.data.body,
        kinds: Object.entries(names).map(([id, en]) => ({ id, names: { en, zh: `${en}-zh` }, traits })),
      },
    },
  });
  const call = (n: number, kind: string) => ({
    ...journeySamples.TouchpointRecorded_1,
    id: uuid(n),
    data: touchpoint({ journey: 1, id: uuid(n), at: 0, kind, closes: false }),
  });
  it('are those that were in force then; of a kind published later, the name of now', async () => {
    let events = recorded('pack-p', [pack(1, { a: 'Call' })]);
    events = recorded(
      `journey-${uuid(1)}`,
      [journeySamples.JourneyOpened_1, call(1, 'a'), call(2, 'b'), call(3, 'c')].map(stored),
      events,
    );
    const then = { asOf: { position: events.at(-1)!.position } };
    events = recorded('pack-p', [pack(2, { a: 'Phone call', b: 'Visit' })], events);
    const reads = all(events);
    const namesIn = async (options: object) => {
      const { names } = (await reads.run(journeyMapQuery, { filter: {}, ...MAX }, options)).result;
      return Object.fromEntries([...names.values()].map((n) => [n.id, [n.nameEn, n.nameZh]]));
    };
    expect(await namesIn({})).toMatchObject({
      a: ['Phone call', 'Phone call-zh'],
      b: ['Visit', 'Visit-zh'],
      c: ['c', null],
    });
    expect(await namesIn(then)).toMatchObject({ a: ['Call', 'Call-zh'], b: ['Visit', 'Visit-zh'], c: ['c', null] });
  });
});

describe('journeys and timelines', () => {
  it('a list pages through all journeys of a filter, and says what held then', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (events) => {
        const reads = all(events);
        const every = (await reads.run(journeysQuery, { filter: {}, first: 100 })).result;
        const paged = [];
        for (let after: string | undefined; ;) {
          const { result } = await reads.run(journeysQuery, { filter: {}, after, first: 2 });
          paged.push(...result);
          if (result.length < 2) break;
          after = result.at(-1)!.id;
        }
        expect(paged).toEqual(every);
        const closed = (await reads.run(journeysQuery, { filter: { status: 'CLOSED' }, first: 100 })).result;
        expect(closed.length).toBe(bruteForce(events).counts.closed);
        const onHotline = (await reads.run(journeysQuery, { filter: { channel: 'hotline' }, first: 100 })).result;
        expect(onHotline.every((j) => Number(`0x${j.id.slice(-12)}`) % 2 === 0)).toBe(true);
      }),
      { numRuns: fewer(30) },
    );
  });

  it('the past shows what was known, and what was corrected since', async () => {
    const id = uuid(7);
    const call = { ...journeySamples.TouchpointRecorded_1, id: uuid(70), occurredAt: '2024-03-01T08:00:00+08:00' };
    const corrected = {
      ...journeySamples.TouchpointCorrected_1,
      data: { ...journeySamples.TouchpointCorrected_1.data, touchpointId: uuid(70) },
    };
    const voided = { ...journeySamples.TouchpointVoided_1, data: { touchpointId: uuid(70), reason: 'wrong journey' } };
    const events = recorded(`journey-${id}`, [journeySamples.JourneyOpened_1, call, corrected, voided].map(stored));
    const reads = all(events);
    const at = async (n: number) =>
      (await reads.run(timelineQuery, { journeyId: id, first: 10 }, { asOf: { position: events[n]!.position } }))
        .result;
    const [first] = await at(1);
    expect(first).toMatchObject({ version: 1, occurredAt: '2024-03-01T08:00:00+08:00', earlier: [] });
    expect(first!.correctedSince.map((v) => [v.form, v.version])).toEqual([
      ['TOUCHPOINT', 2],
      ['VOIDED', 3],
    ]);
    const [second] = await at(2);
    expect(second).toMatchObject({ version: 2, occurredAt: '2024-05-01T08:03:00+08:00' });
    expect(second!.earlier.map((v) => v.version)).toEqual([1]);
    expect(second!.correctedSince.map((v) => v.form)).toEqual(['VOIDED']);
    expect(await at(3)).toEqual([]);
    // A moment of the past is found by the recorded time of its events.
    const moment = { asOf: { instant: events[1]!.recordedAt } };
    expect((await reads.run(timelineQuery, { journeyId: id, first: 10 }, moment)).asOf.position).toBe(
      events[1]!.position,
    );
    await expect(reads.run(timelineQuery, { journeyId: uuid(8), first: 10 })).rejects.toMatchObject({
      code: 'JOURNEY_UNKNOWN',
    });
  });

  it('nobody has a timeline before they are known', async () => {
    const journey = (n: number): ToRecord =>
      stored({
        ...journeySamples.JourneyOpened_1,
        data: { ...journeySamples.JourneyOpened_1.data, customerId: uuid(n) },
      });
    let events = recorded('customer-x', [stored(journeySamples.CustomerRegistered_1)]);
    events = recorded(`journey-${uuid(1)}`, [journey(3)], events);
    events = recorded(`customer-${uuid(3)}`, [stored(journeySamples.CustomerRegistered_1)], events);
    events = recorded(`journey-${uuid(2)}`, [journey(3)], events);
    const reads = all(events);
    const timeline = (of: { journeyId: string } | { customerId: string }, event: number) =>
      reads.run(timelineQuery, { ...of, first: 10 }, { asOf: { position: events[event]!.position } });
    await expect(timeline({ journeyId: uuid(1) }, 0)).rejects.toMatchObject({ code: 'JOURNEY_UNKNOWN' });
    expect((await timeline({ journeyId: uuid(1) }, 1)).result).toEqual([]);
    await expect(timeline({ customerId: uuid(3) }, 1)).rejects.toMatchObject({ code: 'CUSTOMER_UNKNOWN' });
    expect((await timeline({ customerId: uuid(3) }, 2)).result).toEqual([]);
  });
});
