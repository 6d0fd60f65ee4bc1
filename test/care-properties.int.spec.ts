import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { FigureReader, journeyDerivations, journeyProjections } from '@touchstone/journeys';
import { MetricReader, type MetricRequest } from '@touchstone/journeys/metrics/metric-reader';
import { packProjections } from '@touchstone/packs';
import type { AsOfInput, ProjectionGroup } from '@touchstone/readmodel';
import {
  dumpCurrent,
  dumpRows,
  inOrder,
  InlineReads,
  otherOrder,
  projectAll,
  projectMore,
  recorded,
  seeded,
} from '@touchstone/readmodel/testing';
import { Count, type Once } from './care-count.js';
import { BEGIN, worlds } from './care-world.js';

const ZONE = 'Asia/Shanghai';
const OFFSET = 8 * 3_600_000;
const DAY = 86_400_000;
const group: ProjectionGroup = {
  name: 'journeys',
  projections: [...packProjections, ...journeyProjections],
  derivations: journeyDerivations(ZONE),
};
/** More than the usual rounds: `CARE_ROUNDS=20`. */
const ROUNDS = Number(process.env['CARE_ROUNDS'] ?? 1);
const METRICS = ['M-JLT', 'M-TCH', 'M-HND', 'M-RPT', 'M-FCR', 'M-XCH', 'M-SI', 'M-FCO', 'M-MOTP', 'M-MOTN', 'M-MOTB', 'M-NPM', 'M-EEG', 'M-LAG']; // prettier-ignore
/** Some of them may still change only because time passes. */
const AWAITING = new Set(['M-FCR', 'M-MOTP', 'M-MOTB', 'M-NPM']);
const OF_MOMENTS = new Set(['M-MOTP', 'M-MOTN', 'M-MOTB', 'M-EEG']);

/** A house over a log that is projected: what is asked is answered as the API does. */
function houseOf(events: readonly RecordedEvent[], now: string) {
  const log = {
    comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
    async *readAll({ after = '' }: { after?: string } = {}) {
      const rest = events.filter((event) => event.position > after);
      if (rest.length > 0) yield rest;
      await Promise.resolve();
    },
  };
  const reads = new InlineReads(projectAll(group, events), { log: log as never, now: () => now });
  const metrics = new MetricReader(reads);
  return { metrics, figures: new FigureReader(reads, null as never, metrics) };
}
type House = ReturnType<typeof houseOf>;

type Dimension = 'unit' | 'channel' | 'journeyType' | 'stage' | 'segment' | 'region' | 'tier' | 'source';
const VALUES: Record<Dimension, (string | null)[]> = {
  unit: ['east', 'west', 'crew', null],
  channel: ['hotline', 'app', 'hall', null],
  journeyType: ['fault', 'bill'],
  stage: ['F1', 'F2', null],
  segment: ['home', 'firm', null],
  region: ['north', 'south', null],
  tier: ['key', 'plain', null],
  source: ['crm', 'tablet', null],
};
const dimensionsOf = (metric: string): Dimension[] =>
  metric === 'M-LAG'
    ? ['unit', 'channel', 'journeyType', 'source']
    : ['unit', 'channel', 'journeyType', 'stage', 'segment', 'region', 'tier'];

// What fails is told in time: making it smaller may take for ever, and all memory.
fc.configureGlobal({ interruptAfterTimeLimit: 60_000 * ROUNDS, markInterruptAsFailure: true });

interface Cut {
  readonly metric: string;
  readonly window?: { from?: string; to?: string };
  readonly filter?: Record<string, (string | null)[]>;
  readonly groupBy: string[];
}

/** A random question: some days or hours, some values, and some dimensions to group by. */
const cut: fc.Arbitrary<Cut> = fc.constantFrom(...METRICS).chain((metric) => {
  const filters = dimensionsOf(metric).map((dimension) =>
    fc
      .tuple(fc.integer({ min: 0, max: 4 }), fc.subarray(VALUES[dimension], { minLength: 1 }))
      .map(([wanted, values]) => (wanted === 0 ? [[dimension, values] as const] : [])),
  );
  const observed = OF_MOMENTS.has(metric)
    ? [
        fc
          .tuple(
            fc.integer({ min: 0, max: 3 }),
            fc.subarray(['customer', 'qa', 'auditor', 'staff', 'rule'], { minLength: 1 }),
          ) // prettier-ignore
          .map(([wanted, values]) => (wanted === 0 ? [['observer', values] as const] : [])),
      ]
    : [];
  const edge = fc.oneof(
    fc.constant(undefined),
    // Midnights of the zone, and any other time.
    fc.integer({ min: -2, max: 40 }).map((day) => BEGIN + day * DAY - OFFSET),
    fc.integer({ min: 0, max: 40 * 24 * 60 }).map((minute) => BEGIN + minute * 60_000),
  );
  return fc.record({
    metric: fc.constant(metric),
    window: fc.tuple(edge, edge).map(([a, b]) => {
      const [from, to] = a !== undefined && b !== undefined && a >= b ? [b, a + 1] : [a, b];
      const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
      return Object.fromEntries(Object.entries({ from: iso(from), to: iso(to) }).filter(([, v]) => v !== undefined));
    }),
    filter: fc.tuple(...filters, ...observed).map((parts) => Object.fromEntries(parts.flat())),
    groupBy: fc
      .tuple(
        fc.constantFrom([], ['day'], ['week'], ['month']),
        fc.subarray<string>(dimensionsOf(metric), { maxLength: 2 }),
      ) // prettier-ignore
      .map((parts) => parts.flat()),
  }) as fc.Arbitrary<Cut>;
});

interface Sums {
  n: number;
  numerator: number;
  denominator: number;
  provisional: number;
}

/** What the cut says by our own count: the whole, and each group by its key. */
function counted(count: Count, { metric, window = {}, filter = {}, groupBy }: Cut, instant: number) {
  const [from, to] = [Date.parse(window.from ?? '') || -Infinity, Date.parse(window.to ?? '') || Infinity];
  const wanted = (once: Once) =>
    once.at >= from &&
    once.at < to &&
    Object.entries(filter).every(
      ([dimension, values]) =>
        // Who observed chooses what was observed, never what there was to be observed.
        (dimension === 'observer' && !once.observed) || values.includes((once[dimension as keyof Once] ?? null) as string | null), // prettier-ignore
    );
  const whole: Sums = { n: 0, numerator: 0, denominator: 0, provisional: 0 };
  const groups = new Map<string, Sums>();
  for (const once of count.of(metric).filter(wanted)) {
    const key = JSON.stringify(groupBy.map((dimension) => valueOf(once, dimension)));
    const own = groups.get(key) ?? { n: 0, numerator: 0, denominator: 0, provisional: 0 };
    groups.set(key, own);
    for (const sums of [whole, own]) {
      sums.n += once.n;
      sums.numerator += once.numerator;
      sums.denominator += once.denominator;
      if ((once.provisionalUntil ?? -Infinity) > instant) sums.provisional++;
    }
  }
  return { whole, groups };
}

function valueOf(once: Once, dimension: string): string | null {
  const date = new Date(once.at + OFFSET);
  date.setUTCHours(0, 0, 0, 0);
  if (dimension === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  if (dimension === 'month') date.setUTCDate(1);
  if (['day', 'week', 'month'].includes(dimension)) return date.toISOString().slice(0, 10);
  return (once[dimension as keyof Once] ?? null) as string | null;
}

async function asked({ metrics }: House, { metric: id, window, filter, groupBy }: Cut, asOf?: AsOfInput) {
  const request = { id, window, filter, groupBy, asOf, first: 1_000, wants: { total: true, groups: true } };
  const { total, groups } = await metrics.metric(request as never as MetricRequest);
  return { total: total!, groups: groups!.edges.map(({ node }) => node) };
}

const sumsOf = ({ n, numerator, denominator }: Pick<Sums, 'n' | 'numerator' | 'denominator'>) => ({
  n,
  numerator,
  denominator,
});
const withOpen = (of: Pick<Sums, 'n' | 'numerator' | 'denominator'> & { provisional: number | null }) => ({
  ...sumsOf(of),
  provisional: of.provisional ?? 0,
});
/** A group in which nothing was counted need not be shown. */
const isSomething = ({ n, numerator, denominator }: Pick<Sums, 'n' | 'numerator' | 'denominator'>) =>
  n !== 0 || numerator !== 0 || denominator !== 0;

const instant = fc.constantFrom(0, 5, 12, 20, 30, 60).map((days) => new Date(BEGIN + days * DAY).toISOString());

describe('care figures of random lives', () => {
  it('are what a plain count by the definitions finds, in every cut, and parts make the whole', () =>
    fc.assert(
      fc.asyncProperty(
        worlds(90),
        fc.array(cut, { minLength: 12, maxLength: 12 }),
        instant,
        async (events, cuts, now) => {
          // prettier-ignore
          const house = houseOf(events, now);
          const count = new Count(events);
          for (const each of cuts) {
            const { total, groups } = await asked(house, each);
            const expected = counted(count, each, Date.parse(now));
            expect({ each, ...sumsOf(total) }).toEqual({ each, ...sumsOf(expected.whole) });
            const scale = ['M-MOTP', 'M-MOTN'].includes(each.metric) ? 1000 : 1;
            const { numerator, denominator } = expected.whole;
            expect(total.value).toBe(denominator > 0 ? (scale * numerator) / denominator : null);
            const open = AWAITING.has(each.metric) ? expected.whole.provisional : null;
            expect({ each, provisional: total.provisional }).toEqual({ each, provisional: open });
            if (each.groupBy.length === 0) continue;
            const got = groups
              .filter(({ figure }) => isSomething(figure))
              .map(({ dimensions, figure }) => [JSON.stringify(dimensions.map(({ id }) => id)), withOpen(figure)]);
            const all = [...expected.groups].filter(([, sums]) => isSomething(sums)).map(([key, sums]) => [key, withOpen(sums)]); // prettier-ignore
            expect({ each, groups: Object.fromEntries(got) }).toEqual({ each, groups: Object.fromEntries(all) });
            const parts = groups.reduce(
              (sum, { figure }) => ({ n: sum.n + figure.n, numerator: sum.numerator + figure.numerator, denominator: sum.denominator + figure.denominator }), // prettier-ignore
              { n: 0, numerator: 0, denominator: 0 },
            );
            expect(parts).toEqual(sumsOf(total));
          }
        },
      ),
      { numRuns: 40 * ROUNDS },
    ));

  it('by observer and code have numerators that make the whole, and coverage that a count finds', () =>
    fc.assert(
      fc.asyncProperty(worlds(90), async (events) => {
        const house = houseOf(events, '2024-06-01T00:00:00Z');
        const count = new Count(events);
        for (const metric of ['M-MOTN', 'M-MOTP', 'M-MOTB']) {
          const { total, groups } = await asked(house, { metric, groupBy: ['observer', 'code'] });
          const expected = new Map<string, number>();
          for (const { observer, code, numerator, observed, provisionalUntil } of count.of(metric)) {
            const key = `${observer} ${code}`;
            // What is still to come is none yet.
            if (observed && provisionalUntil === undefined) expected.set(key, (expected.get(key) ?? 0) + numerator);
          }
          const got = groups.map(({ dimensions, figure }) => [dimensions.map(({ id }) => id).join(' '), figure.numerator]); // prettier-ignore
          expect(Object.fromEntries(got)).toEqual(Object.fromEntries(expected));
          expect(total.numerator).toBe([...expected.values()].reduce((sum, n) => sum + n, 0));
          if (metric !== 'M-MOTN') continue;
          const covered = total.coverage.map(({ observer, rule, covered: n }) => [rule ?? observer, n]);
          expect(Object.fromEntries(covered)).toEqual(count.coverage());
        }
      }),
      { numRuns: 15 * ROUNDS },
    ));

  it('say how much of them is undecided, of now and of the moment before', () =>
    fc.assert(
      fc.asyncProperty(worlds(90), fc.array(cut, { minLength: 8, maxLength: 8 }), instant, async (lived, cuts, now) => {
        // The last event changes no figure: as of the one before, everything is counted from the journeys themselves.
        const events = recorded('customer-nobody', [{ type: 'CustomerRegistered', data: {}, recordedAt: now }], lived);
        const before = { position: lived.at(-1)!.position, instant: now };
        const house = houseOf(events, now);
        const count = new Count(events);
        for (const [i, any] of cuts.entries()) {
          const { window, groupBy, filter } = { ...any, ...(any.metric === 'M-LAG' && { groupBy: [], filter: {} }) };
          const { observer: _observer, ...plain } = filter ?? {};
          const each = { metric: [...AWAITING][i % 4]!, window, groupBy, filter: plain };
          const expected = counted(count, each, Date.parse(now));
          for (const asOf of [undefined, before]) {
            const { total, groups } = await asked(house, each, asOf);
            expect({ each, asOf, open: total.provisional }).toEqual({ each, asOf, open: expected.whole.provisional });
            for (const { dimensions, figure } of groups) {
              const own = expected.groups.get(JSON.stringify(dimensions.map(({ id }) => id)));
              expect({ each, asOf, open: figure.provisional }).toEqual({ each, asOf, open: own?.provisional ?? 0 });
            }
          }
        }
      }),
      { numRuns: 30 * ROUNDS },
    ));

  it('open to as many occurrences as they counted', () =>
    fc.assert(
      fc.asyncProperty(worlds(70), fc.array(cut, { minLength: 8, maxLength: 8 }), async (events, cuts) => {
        const house = houseOf(events, '2024-03-20T00:00:00Z');
        for (const each of cuts) {
          const { total, groups } = await asked(house, each);
          for (const figure of [total, ...groups.slice(0, 3).map((node) => node.figure)]) {
            expect([each, await house.figures.count(figure.figure)]).toEqual([each, figure.n]);
            if (figure.numeratorFigure === null) continue;
            expect([each, await house.figures.count(figure.numeratorFigure)]).toEqual([each, figure.numerator]);
          }
        }
      }),
      { numRuns: 20 * ROUNDS },
    ));

  it('of before a person took a moment of a rule back do not know of it', async () => {
    const id = (n: number) => `0190a1b2-0000-7000-8000-00000000000${n}`;
    const at = '2024-03-01T08:00:00Z';
    const traits = { closes: true, contact: true, customerVisible: true };
    const moment = { touchpointId: id(3), code: 'POS-S2', polarity: 'positive', intensity: 1, observer: 'rule' };
    const events = recorded(`journey-${id(2)}`, [
      { type: 'JourneyOpened', occurredAt: at, data: { journeyType: 'fault', customerId: id(1) } },
      { type: 'TouchpointRecorded', id: id(3), occurredAt: at, data: { kind: 'call', kindVersion: 1, traits } },
      { type: 'MomentObserved', id: id(4), occurredAt: at, data: { ...moment, rule: { version: 1, cause: id(3) } } },
      { type: 'MomentRetracted', data: { momentId: id(4), reason: 'r' } },
    ]);
    const now = '2024-03-02T00:00:00Z';
    const position = events[1]!.position;
    const cut: Cut = { metric: 'M-MOTB', groupBy: [] };
    const then = await asked(houseOf(events, now), cut, { position });
    const replayed = await asked(houseOf(events.slice(0, 2), now), cut);
    expect([then.total.provisional, replayed.total.provisional]).toEqual([1, 1]);
  });

  it('as of any position are those of a replay from zero to it', () =>
    fc.assert(
      fc.asyncProperty(worlds(80), fc.array(cut, { minLength: 8, maxLength: 8 }), fc.nat(), async (events, cuts, n) => {
        const house = houseOf(events, '2024-03-20T00:00:00Z');
        const known = events.slice(0, 1 + (n % events.length));
        const position = known.at(-1)!.position;
        const now = known.reduce((latest, { recordedAt }) => (recordedAt > latest ? recordedAt : latest), '');
        const early = houseOf(known, now);
        for (const each of cuts) {
          const then = await asked(house, each, { position });
          const replayed = await asked(early, each);
          const plain = ({ total, groups }: typeof then) => ({
            total: { ...total, figure: null, numeratorFigure: null },
            groups: groups
              .filter(({ figure }) => isSomething(figure))
              .map(({ dimensions, figure }) => ({ dimensions, ...figure, figure: null, numeratorFigure: null })),
          });
          expect({ each, ...plain(then) }).toEqual({ each, ...plain(replayed) });
        }
      }),
      { numRuns: 20 * ROUNDS },
    ));
});

/** Of a row of what is due: journey, code and cause. */
const keyOf = ({ journey, code, cause }: Readonly<Record<string, unknown>>) =>
  `${String(journey).slice('journey:'.length)} ${String(code)} ${String(cause)}`;

describe('what is derived of random lives', () => {
  it('is the same row for row, whether followed in any batches or built at once', () =>
    fc.assert(
      fc.property(worlds(90), fc.integer({ min: 1, max: 2 ** 30 }), (events, seed) => {
        const random = seeded(seed);
        const built = dumpRows(projectAll(group, events, { building: true }));
        const longest = 1 + Math.floor(random() * 12);
        const half = Math.floor(random() * (events.length + 1));
        // Built up to somewhere, followed from there; now and then everything in memory is forgotten.
        const store = projectAll(group, events.slice(0, half), { building: random() < 0.5 });
        projectMore(store, events, {
          batch: () => 1 + Math.floor(random() * longest),
          between: (applier) => random() < 0.3 && applier.forgetUnits(),
        });
        expect(dumpRows(store)).toEqual(built);
      }),
      { numRuns: 40 * ROUNDS },
    ));

  it('is the same whatever order facts came in, once or twice', () =>
    fc.assert(
      fc.property(worlds(90), fc.integer({ min: 1, max: 2 ** 30 }), (events, seed) => {
        const random = seeded(seed);
        const isFact = (event: RecordedEvent) =>
          ['TouchpointRecorded', 'ExperienceRated', 'TouchpointReviewed', 'OwnerAssigned'].includes(event.type);
        const doubled = events.flatMap((event) => (isFact(event) && random() < 0.2 ? [event, event] : [event]));
        // A correction and a voiding come after what they are about, or not at all.
        const told = new Set<string>();
        const mixed = otherOrder(doubled, isFact, random).filter(({ id, type, data }) => {
          if (type === 'TouchpointRecorded') told.add(id);
          if (type !== 'TouchpointCorrected' && type !== 'TouchpointVoided') return true;
          return told.has((data as { touchpointId: string }).touchpointId);
        });
        const kept = new Set(mixed.map(({ id }) => id));
        const straight = dumpCurrent(projectAll(group, inOrder(events.filter(({ id }) => kept.has(id)))));
        const store = projectAll(group, inOrder(mixed), { batch: () => 1 + Math.floor(random() * 9) });
        expect(dumpCurrent(store)).toEqual(straight);
      }),
      { numRuns: 30 * ROUNDS },
    ));

  it('asks the rules for what follows from the facts, and for nothing else', () =>
    fc.assert(
      fc.property(worlds(90), (events) => {
        const rows = dumpCurrent(projectAll(group, events))['moment_due']!;
        const due = new Count(events).due();
        expect(rows.map(keyOf).sort()).toEqual([...due.keys()].sort());
        const all = dumpRows(projectAll(group, events))['moment_due']!;
        expect(all.length).toBe(rows.length);
        for (const row of rows) {
          const expected = due.get(keyOf(row))!;
          if ('observe' in expected) expect(row).toMatchObject({ action: 1, touchpoint: expected.observe });
          else expect(row['action']).toBe(2);
        }
        const withdrawn = all.filter((row) => row['action'] === 2).map((row) => row['moment_id']);
        const may = [...due.values()].flatMap((each) => ('withdraw' in each ? [each.withdraw] : []));
        expect(withdrawn.length).toBe(may.length);
        for (const moments of may) expect(withdrawn.filter((id) => moments.includes(String(id))).length).toBe(1);
      }),
      { numRuns: 60 * ROUNDS },
    ));
});
