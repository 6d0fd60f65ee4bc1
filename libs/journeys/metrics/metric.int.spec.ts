import fc from 'fast-check';
import { fewer } from '@touchstone/readmodel/testing';
import type { RecordedEvent } from '@touchstone/eventing';
import type { InlineReads } from '@touchstone/readmodel/testing';
import type { MetricFigureRef } from '../figure-token.js';
import type { MetricFilter, MetricWindow } from './metric-ask.js';
import { METRICS, metricOf, type MetricDefinition, type MetricDimension } from './metric-definitions.js';
import {
  metricCountQuery,
  metricJourneysQuery,
  metricOccurrencesQuery,
  type MetricOccurrenceRow,
} from './metric-occurrences.queries.js';
import { FIGURE_PARTS, type MetricFigure } from './metric-figure.js';
import { metricQuery, type GroupCursor, type MetricGroupRow } from './metric.queries.js';
import { metricReads, START, world } from './metric.spec-kit.js';

const ZONES = ['UTC', 'Asia/Shanghai', 'America/New_York'];
const instant = (minute: number) => new Date(START + minute * 60_000).toISOString();

/** A question that a metric takes. */
const questionOf = (metric: MetricDefinition) => {
  const may = <T>(dimension: MetricDimension, values: T[]) =>
    metric.dimensions.includes(dimension)
      ? fc.option(fc.subarray(values, { minLength: 1 }), { nil: undefined, freq: 3 })
      : fc.constant(undefined);
  const time = fc.constantFrom<MetricDimension[]>([], ['day'], ['day'], ['week'], ['month']);
  const others = metric.dimensions.filter((d) => !['day', 'week', 'month'].includes(d));
  return fc.record({
    window: fc
      .tuple(fc.integer({ min: -100, max: 16_100 }), fc.integer({ min: 1, max: 16_100 }), fc.constantFrom(0, 1, 2, 3))
      .map(([from, length, ends]): MetricWindow => {
        // Midnights of the zones too.
        const [start, end] = ends === 3 ? [from - (from % 60), from - (from % 60) + 60 * Math.ceil(length / 60)] : [from, from + length]; // prettier-ignore
        return { ...(ends !== 1 && { from: instant(start) }), ...(ends !== 2 && { to: instant(end) }) };
      }),
    filter: fc
      .record({
        unit: may<string | null>('unit', ['u1', 'u2', null]),
        journeyType: may<string | null>('journeyType', ['x', 'nobody']),
        segment: may<string | null>('segment', ['home', null]),
        source: may<string | null>('source', ['crm', null]),
        observer: may('observer', ['qa', 'customer', 'rule']),
        code: may('code', ['NEG-01', 'POS-05', 'POS-S2']),
      })
      .map((all) => Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined)) as MetricFilter),
    groupBy: fc
      .tuple(time, fc.subarray(others, { maxLength: 3 }), fc.boolean())
      .map(([first, rest, swap]) => (swap ? [...rest, ...first] : [...first, ...rest])),
  });
};

const asked = fc
  .constantFrom(...METRICS)
  .chain((metric) => questionOf(metric).map((question) => ({ metric: metric.id, ...question })));

interface Built {
  readonly events: RecordedEvent[];
  readonly timeZone: string;
  readonly now: string;
  readonly reads: InlineReads;
}
const built: fc.Arbitrary<Built> = fc
  .record({
    events: world,
    timeZone: fc.constantFrom(...ZONES),
    now: fc.constantFrom(2_000, 11_000, 17_000, 40_000).map(instant),
  })
  .map(({ events, timeZone, now }) => ({ events, timeZone, now, reads: metricReads(events, timeZone, now) }));

const run = async ({ reads }: Built, question: object, asOf?: object) => {
  const params = { total: true, page: { first: 10_000 }, metric: '', ...question };
  const { result, asOf: stands } = await reads.run(metricQuery, params, asOf ? { asOf } : {});
  return { ...result, asOf: stands };
};

/** The same log, read by a model with other surrogates. */
const rebuilt = ({ events, timeZone, now }: Built) => metricReads(events, timeZone, now, { shifted: true });

/** Where the past says what now says, but from superseded rows: nothing that comes after it counts. */
const justBefore = ({ events, now }: Built) => ({ position: events.at(-2)!.position, instant: now });

describe('a metric', () => {
  it('says of now what it says of the moment before', () =>
    fc.assert(
      fc.asyncProperty(built, fc.array(asked, { minLength: 5, maxLength: 10 }), async (house, questions) => {
        for (const question of questions) {
          const now = await run(house, question);
          const then = await run(house, question, justBefore(house));
          expect(then.asOf.position).not.toBe(now.asOf.position);
          expect(now.total).toEqual(then.total);
          expect(now.groups).toEqual(then.groups);
        }
      }),
      { numRuns: fewer(25) },
    ));

  it('says of then what it said then', () =>
    fc.assert(
      fc.asyncProperty(
        built,
        fc.array(asked, { minLength: 3, maxLength: 6 }),
        fc.nat(),
        async (house, questions, n) => {
          const { events, timeZone, now } = house;
          const known = events.slice(0, 1 + (n % events.length));
          const early = { ...house, events: known, reads: metricReads(known, timeZone, now) };
          const asOf = { position: known.at(-1)!.position, instant: now };
          for (const question of questions) {
            const then = await run(house, question, asOf);
            const replayed = await run(early, question);
            expect(then.total).toEqual(replayed.total);
            expect(then.groups.map(({ values, figure }) => [values, figure])).toEqual(
              replayed.groups.map(({ values, figure }) => [values, figure]),
            );
          }
        },
      ),
      { numRuns: fewer(20) },
    ));

  it('says the same whichever of its parts are wanted, and leaves the others empty', () =>
    fc.assert(
      fc.asyncProperty(
        built,
        fc.array(fc.tuple(asked, fc.subarray([...FIGURE_PARTS])), { minLength: 4, maxLength: 8 }),
        fc.boolean(),
        async (house, questions, past) => {
          for (const [question, parts] of questions) {
            const asOf = past ? justBefore(house) : undefined;
            const whole = await run(house, question, asOf);
            const some = await run(house, { ...question, parts }, asOf);
            const pruned = (figure: MetricFigure): MetricFigure => ({
              ...figure,
              interval: parts.includes('interval') ? figure.interval : null,
              percentiles: parts.includes('percentiles') ? figure.percentiles : [],
              coverage: parts.includes('coverage') ? figure.coverage : [],
              extras: parts.includes('extras') ? figure.extras : [],
            });
            expect(some.total).toEqual(pruned(whole.total!));
            expect(some.groups).toEqual(whole.groups.map((group) => ({ ...group, figure: pruned(group.figure) })));
          }
        },
      ),
      { numRuns: fewer(15) },
    ));

  it('comes in pages that make the whole', () =>
    fc.assert(
      fc.asyncProperty(
        built,
        asked,
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (house, question, first, past) => {
          const whole = await run(house, question, past ? justBefore(house) : undefined);
          const pages: MetricGroupRow[] = [];
          // A read model may be made anew between two pages.
          const houses = [house, { ...house, reads: rebuilt(house) }];
          for (let after: GroupCursor | undefined; ;) {
            houses.reverse();
            const { groups } = await run(houses[0]!, { ...question, total: false, page: { first, after } }, past ? justBefore(house) : undefined); // prettier-ignore
            pages.push(...groups);
            if (groups.length < first) break;
            after = { values: groups.at(-1)!.values.map(({ id }) => id), timeZone: house.timeZone };
          }
          expect(pages).toEqual(whole.groups);
        },
      ),
      { numRuns: fewer(25) },
    ));

  it('adds up: parts to the whole, n and numerator to what they open to', () =>
    fc.assert(
      fc.asyncProperty(built, asked, fc.boolean(), async (house, question, past) => {
        const { total, groups, asOf } = await run(house, question, past ? justBefore(house) : undefined);
        const { kind } = metricOf(question.metric)!;
        const byObserved = question.groupBy.some((d) => d === 'observer' || d === 'code');
        const sum = (of: 'n' | 'numerator' | 'denominator' | 'provisional') =>
          groups.reduce((all, { figure }) => all + (figure[of] ?? 0), 0);
        if (question.groupBy.length > 0) {
          expect(sum('numerator')).toBe(total!.numerator);
          if (kind !== 'perThousand' || !byObserved) {
            expect([sum('n'), sum('denominator')]).toEqual([total!.n, total!.denominator]);
          }
          if (!byObserved) expect(sum('provisional')).toBe(total!.provisional ?? 0);
        }
        await opens(house, { ...question, ...question.window }, total!, asOf);
        const group = groups.at(groups.length >> 1);
        if (!group) return;
        const own = group.values.filter(({ dimension }) => !['day', 'week', 'month'].includes(dimension));
        const filter = { ...question.filter, ...Object.fromEntries(own.map(({ dimension, id }) => [dimension, [id]])) };
        const window = group.window ?? question.window;
        await opens(house, { metric: question.metric, filter, ...window }, group.figure, asOf);
      }),
      { numRuns: fewer(40) },
    ));
});

it('is asked of worlds that have what it counts', async () => {
  const houses = fc.sample(built, { numRuns: 30, seed: 7 });
  for (const { id, awaits } of METRICS) {
    const seen = { n: 0, numerator: 0, provisional: 0, groups: 0 };
    for (const house of houses) {
      const { total, groups } = await run(house, { metric: id, groupBy: ['unit'] });
      seen.n += total!.n;
      seen.numerator += Math.abs(total!.numerator);
      seen.provisional += total!.provisional ?? 0;
      seen.groups = Math.max(seen.groups, groups.length);
    }
    expect([id, seen.n > 10, seen.numerator > 0, seen.groups > 1]).toEqual([id, true, true, true]);
    expect([id, seen.provisional > 0]).toEqual([id, awaits !== undefined]);
  }
});

/** The figure's occurrences are n of them, their values the numerator, page by page. */
async function opens(
  house: Built,
  asked: { metric: string; filter: MetricFilter } & MetricWindow,
  figure: { n: number; numerator: number },
  asOf: { position: string; instant: string },
): Promise<void> {
  const { reads, events } = house;
  const models = [reads, rebuilt(house)];
  const { metric, filter, from, to } = asked;
  const { kind } = metricOf(metric)!;
  const parts = kind === 'rate' || kind === 'perThousand' ? (['all', 'numerator'] as const) : (['all'] as const);
  for (const part of parts) {
    const token = { of: 'metric', metric, part, filter, ...(from && { from }), ...(to && { to }), ...asOf, generation: 'g' } as MetricFigureRef; // prettier-ignore
    const params = { figure: token };
    const n = part === 'all' ? figure.n : figure.numerator;
    expect((await reads.run(metricCountQuery, params, { asOf })).result).toBe(n);
    const found: MetricOccurrenceRow[] = [];
    for (;;) {
      const after: MetricOccurrenceRow['cursor'] | undefined = found.at(-1)?.cursor;
      models.reverse();
      const { result } = await models[0]!.run(metricOccurrencesQuery, { ...params, after, first: 3 }, { asOf });
      found.push(...result);
      if (result.length < 3) break;
    }
    expect(found).toHaveLength(n);
    const isNumber = kind !== 'rate' && kind !== 'perThousand';
    if (part === 'all' || isNumber) {
      expect(found.reduce((sum, { value }) => sum + value, 0)).toBe(figure.numerator);
    }
    expect(found.every(({ value, counts }) => counts === (value !== 0))).toBe(true);
    const known = new Map(events.map((event) => [event.position, event]));
    for (const { events: behind, journeyId } of found) {
      expect(behind.length).toBeGreaterThan(0);
      for (const event of behind) {
        expect(known.get(event.position)).toMatchObject({ id: event.eventId, stream: event.stream, revision: event.revision }); // prettier-ignore
        expect(event.position <= asOf.position).toBe(true);
      }
      expect(behind.some(({ stream }) => stream === `journey-${journeyId}`)).toBe(true);
    }
    const journeys: string[] = [];
    for (;;) {
      models.reverse();
      const { result } = await models[0]!.run(metricJourneysQuery, { ...params, after: journeys.at(-1), first: 2 }, { asOf }); // prettier-ignore
      journeys.push(...result.map(({ id }) => id));
      if (result.length < 2) break;
    }
    expect(journeys).toEqual([...new Set(found.map(({ journeyId }) => journeyId))]);
  }
}
