import { deterministicId, type RecordedEvent } from '@touchstone/eventing';
import { packProjections, type CorrelationRule } from '@touchstone/packs';
import type { ProjectionGroup } from '@touchstone/readmodel';
import { dumpCurrent, dumpRows, InlineReads, projectAll, seeded, type Dump } from '@touchstone/readmodel/testing';
import { Company, factAt, factsByJourney } from './correlation.spec-kit.js';
import { journeyMapQuery } from './journey-map.queries.js';
import { journeysQuery, type JourneyRow } from './journeys.queries.js';
import { journeyDerivations, journeyProjections } from './read.js';
import { timelineQuery } from './timeline.queries.js';
import type { UnplacedFact } from './touchpoint-fact.js';

/**
 * An import delivered twice, shuffled within an hour, a tenth of it late by a day, by four writers at once, with journeys
 * found by objects and by idle gaps: the same journeys as by a count made without the product, and the same rows as in
 * order.
 */
const GAP_HOURS = 30;
const rules: CorrelationRule[] = [
  { journeyType: 'repair', objects: ['order', 'report'], idleGapMs: GAP_HOURS * 3_600_000 },
  { journeyType: 'joined', objects: ['order'], idleGapMs: GAP_HOURS * 3_600_000, sameCustomer: 'join' },
  { journeyType: 'enquiry', idleGapMs: GAP_HOURS * 3_600_000 },
];
const id = (n: number) => deterministicId('fact', String(n));

interface Told {
  readonly fact: UnplacedFact;
  readonly hour: number;
  readonly type: string;
  readonly customer: number;
  readonly objects: readonly string[];
}

/** Some months of a small company, in the order of time. */
function world(seed: number, count: number): Told[] {
  const random = seeded(seed);
  const pick = (n: number) => Math.floor(random() * n);
  const hours = Array.from({ length: count }, () => random() * count * 1.2).sort((a, b) => a - b);
  return hours.map((hour, n) => {
    const type = ['repair', 'joined', 'enquiry'][pick(3)]!;
    const customer = pick(12);
    const named = type === 'enquiry' ? 0 : pick(4);
    // Objects of one time, so that they come again: an order, a report, or both.
    const period = Math.floor(hour / 60);
    const objects = [
      ...(named === 1 || named === 3 ? [`order:O${period}-${pick(3)}`] : []),
      ...(named >= 2 ? [`report:R${period}-${pick(4)}`] : []),
    ];
    const unit = `u${pick(3)}`;
    const kind = ['call', 'work', 'done'][pick(3)]!;
    const known = objects.length === 0 || pick(2) === 0;
    const fact = factAt(id(n), hour, {
      kind,
      unit,
      channel: ['phone', 'app'][pick(2)],
      journey: { type },
      ...(known && { customer: { type: 'phone', value: String(customer) } }),
      objects: objects.map((each) => ({ type: each.split(':')[0]!, id: each.split(':')[1]! })),
    });
    return { fact, hour, type, customer: known ? customer : -1, objects };
  });
}

/** Journeys without the product: facts hang together by objects of the rules, and by time; all pairs are looked at. */
function plainly(told: readonly Told[]): string[][] {
  const group = told.map((_, i) => i);
  const join = (a: number, b: number) => {
    const [from, to] = [group[a]!, group[b]!];
    if (from !== to) group.forEach((each, i) => each === from && (group[i] = to));
  };
  const correlating = ({ type, objects }: Told) =>
    objects.filter((object) => object.startsWith('order:') || (type === 'repair' && object.startsWith('report:')));
  const timed = (t: Told) => t.customer >= 0 && (t.type !== 'repair' || correlating(t).length === 0);
  told.forEach((a, i) =>
    told.forEach((b, j) => {
      if (j <= i || a.type !== b.type) return;
      const objects = correlating(a).some((object) => correlating(b).includes(object));
      const near = timed(a) && timed(b) && a.customer === b.customer && b.hour - a.hour <= GAP_HOURS;
      if (objects || near) join(i, j);
    }),
  );
  const wholes = new Map<number, string[]>();
  told.forEach(({ fact }, i) => wholes.set(group[i]!, [...(wholes.get(group[i]!) ?? []), fact.factId].sort()));
  return [...wholes.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}

const group: ProjectionGroup = {
  name: 'journeys',
  projections: [...packProjections, ...journeyProjections],
  derivations: journeyDerivations('Asia/Shanghai'),
};

const logOf = (events: readonly RecordedEvent[]) => ({
  comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
  async *readAll({ after = '' }: { after?: string } = {}) {
    const rest = events.filter((event) => event.position > after);
    if (rest.length > 0) yield rest;
    await Promise.resolve();
  },
});

/** What analysts see, by natural keys: journeys by their facts, touchpoints by theirs, customers by their phones. */
async function seen(company: Company, events: readonly RecordedEvent[]) {
  const store = projectAll(group, events, { batch: 97 });
  const reads = new InlineReads(store, { log: logOf(events) as never, now: () => '2024-12-01T00:00:00.000Z' });
  const run = async <P, R>(query: Parameters<typeof reads.run<P, R>>[0], params: P) =>
    (await reads.run(query, params)).result;
  const phones = new Map<string, string>();
  for (let n = 0; n < 12; n++)
    phones.set(await company.writer().customer({ type: 'phone', value: String(n) }), `p${n}`);
  const factOf = new Map(
    events.flatMap((e) => (e.type === 'TouchpointRecorded' ? [[e.id, (e.data as { factId: string }).factId]] : [])),
  );
  const journeys: object[] = [];
  const lists: JourneyRow[] = [];
  for (let after: string | undefined; ;) {
    const page = await run(journeysQuery, { filter: {}, after, first: 50 });
    lists.push(...page);
    if (page.length < 50) break;
    after = page.at(-1)!.id;
  }
  for (const { id: journeyId, journey: _journey, mergedFrom: _merged, customerId, ...row } of lists) {
    const timeline = await run(timelineQuery, { journeyId, first: 1000 });
    const entries = timeline.map((e) => [factOf.get(e.entryId), e.occurredAt, e.kind, e.unit, e.channel, e.firstContact, e.repeatOf && factOf.get(e.repeatOf), e.channelChange]); // prettier-ignore
    journeys.push({ ...row, customer: customerId && phones.get(customerId), entries });
  }
  const timelines: object[] = [];
  for (const [customerId, phone] of phones) {
    const timeline = await run(timelineQuery, { customerId, first: 2000 });
    timelines.push([phone, timeline.map((e) => factOf.get(e.entryId))]);
  }
  const { data: map, names } = await run(journeyMapQuery, { filter: {}, maxNodes: 20, maxVariants: 500 });
  const kindOf = (kind: number) => names.get(kind)!.id;
  return {
    journeys: sorted(journeys),
    timelines: sorted(timelines),
    map: {
      ...map,
      variants: sorted(map.variants.map((v) => ({ ...v, kinds: [...v.kinds].map(kindOf) }))),
      nodes: sorted(map.nodes.map((n) => ({ ...n, kind: kindOf(n.kind) }))),
      edges: sorted(map.edges.map((e) => ({ ...e, source: kindOf(e.source), target: kindOf(e.target) }))),
    },
    cubes: Object.fromEntries(Object.entries(dumpCurrent(store)).filter(([table]) => table.startsWith('cube_'))),
    rows: dumpRows(store),
  };
}

const sorted = <T>(values: readonly T[]): T[] =>
  [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Twice, shuffled within an hour, a tenth late by a day. */
function delivered(told: readonly Told[], seed: number): UnplacedFact[] {
  const random = seeded(seed);
  return [...told, ...told]
    .map(({ fact, hour }) => ({ fact, at: hour + random() + (random() < 0.1 ? 24 : 0) }))
    .sort((a, b) => a.at - b.at)
    .map(({ fact }) => fact);
}

async function deliver(
  company: Company,
  facts: readonly UnplacedFact[],
  writers: number,
  chunk: number,
): Promise<number> {
  const queue = Array.from({ length: Math.ceil(facts.length / chunk) }, (_, i) =>
    facts.slice(i * chunk, (i + 1) * chunk),
  );
  let refused = 0;
  const work = async () => {
    const writer = company.writer();
    for (let next = queue.shift(); next; next = queue.shift()) {
      for (const { outcome } of await writer.take(next)) if (outcome === 'refused') refused++;
    }
  };
  await Promise.all(Array.from({ length: writers }, work));
  return refused;
}

/** Facts without which more journeys would be two come after all the rest: however the writers race, they merge. */
function bridgesLast(told: readonly Told[]): [Told[], Told[]] {
  let early = [...told];
  const late: Told[] = [];
  let journeys = plainly(early).length;
  for (const each of told) {
    const without = early.filter((other) => other !== each);
    const count = plainly(without).length;
    if (count <= journeys) continue;
    [early, journeys] = [without, count];
    late.push(each);
  }
  return [early, late];
}

describe('journeys found by objects and by idle gaps', () => {
  const told = world(7, 320);
  const [early, late] = bridgesLast(told);
  let straight: Company;
  let disorderly: Company;
  beforeAll(async () => {
    [straight, disorderly] = await Promise.all([Company.open(rules), Company.open(rules)]);
    expect(await deliver(straight, told.map(({ fact }) => fact), 1, 100)).toBe(0); // prettier-ignore
    expect(await deliver(disorderly, delivered(early, 11), 4, 7)).toBe(0);
    expect(await deliver(disorderly, delivered(late, 12), 4, 7)).toBe(0);
  }, 60_000);
  afterAll(async () => {
    await straight.close();
    await disorderly.close();
  });

  it('are those that a plain count finds, in any order, twice, late and by four writers at once', async () => {
    const expected = plainly(told);
    // A world that shows something: many journeys of several facts, found by several facts that bridge.
    expect(expected.length).toBeGreaterThan(60);
    expect(expected.filter((facts) => facts.length > 2).length).toBeGreaterThan(20);
    expect(factsByJourney(await straight.events())).toEqual(expected);
    expect(factsByJourney(await disorderly.events())).toEqual(expected);
    const touchpoints = (await disorderly.events()).filter((e) => e.type === 'TouchpointRecorded');
    expect(touchpoints).toHaveLength(told.length);
    // Journeys that were apart when the first part was in, and are one: each but one of them had to be merged.
    const wholeOf = new Map(expected.flatMap((facts, i) => facts.map((fact) => [fact, i] as const)));
    const apart = plainly(early);
    const bridged = apart.length - new Set(apart.map(([fact]) => wholeOf.get(fact!))).size;
    expect(bridged).toBeGreaterThan(10);
    const merges = (await disorderly.events()).filter((e) => e.type === 'JourneysMerged');
    expect(merges.length).toBeGreaterThanOrEqual(bridged);
  });

  it('and everything that is seen of them is the same: lists, timelines, map and care figures', async () => {
    const { rows: _rows, ...inOrder } = await seen(straight, await straight.events());
    const { rows: _other, ...anyhow } = await seen(disorderly, await disorderly.events());
    expect(inOrder.journeys).toHaveLength(plainly(told).length);
    expect(anyhow).toEqual(inOrder);
  });

  it('and a rebuild says what was followed', async () => {
    const events = await disorderly.events();
    const { rows } = await seen(disorderly, events);
    const rebuilt: Dump = dumpRows(projectAll(group, events, { building: true, batch: 50 }));
    expect(rebuilt).toEqual(rows);
  });
});
