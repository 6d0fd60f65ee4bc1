import fc from 'fast-check';
import {
  besides,
  evolve,
  matterDecider,
  MatterSpanExtended,
  MatterSpanOpened,
  placeInMatter,
  spanAt,
} from './matter.js';
import type { Matter, MatterEvent, Neighbour } from './matter.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const at = (n: number) => new Date(n).toISOString();
const GAP = 10;
const placing = (journey: number, n: number, more: { apart?: boolean } = {}) => ({
  matterId: uuid(1),
  customerId: uuid(2),
  journeyType: 'x',
  journeyId: uuid(journey),
  idleGapMs: GAP,
  occurredAt: at(n),
  policyVersion: 'x@p/1',
  ...more,
});
const opened = (journey: number, n: number) =>
  MatterSpanOpened(
    { customerId: uuid(2), journeyType: 'x', journeyId: uuid(journey) },
    { occurredAt: at(n), source: undefined, policyVersion: 'x@p/1' },
  );
const context = { now: at(0), actor: { id: 'test' }, newId: () => uuid(99) };

/** Places touchpoints one after another, each named after its time; answers the matter and the journey of each. */
function placed(times: readonly number[]): { matter: Matter; events: number } {
  let matter = matterDecider.initial();
  let events = 0;
  for (const n of times) {
    for (const event of placeInMatter(placing(n, n) as never, matter, context)) {
      matter = evolve(matter, { ...event, id: uuid(0) } as unknown as MatterEvent);
      events++;
    }
  }
  return { matter, events };
}

/** Clusters of single linkage, from all pairs. */
function clusters(times: readonly number[]): number[][] {
  const sorted = [...new Set(times)].sort((a, b) => a - b);
  return sorted.reduce<number[][]>((found, n) => {
    const last = found.at(-1);
    if (last && n - last.at(-1)! <= GAP) last.push(n);
    else found.push([n]);
    return found;
  }, []);
}

/** The same from the spans: those whose neighbours are within the gap belong together. */
function joined(matter: Matter, times: readonly number[]): number[][] {
  const sorted = [...new Set(times)].sort((a, b) => a - b);
  const found: number[][] = [];
  matter.spans.forEach((span, i) => {
    const before = matter.spans[i - 1];
    const own = sorted.filter((n) => n >= span.from && n <= span.to);
    if (before && span.from - before.to <= GAP) found.at(-1)!.push(...own);
    else found.push(own);
  });
  return found;
}

const times = fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 25 });

describe('a matter', () => {
  it('opens a span, extends it, and decides nothing for what lies within', () => {
    const first = placeInMatter(placing(3, 5) as never, matterDecider.initial(), context);
    expect(first).toEqual([opened(3, 5)]);
    const { matter } = placed([5, 15]);
    expect(matter.spans).toEqual([{ journeyId: uuid(5), from: 5, to: 15 }]);
    expect(placeInMatter(placing(9, 9) as never, matter, context)).toEqual([]);
    const about = { occurredAt: at(25), source: undefined, policyVersion: 'x@p/1' };
    expect(placeInMatter(placing(9, 25) as never, matter, context)).toEqual([
      MatterSpanExtended({ journeyId: uuid(5) }, about),
    ]);
    expect(placeInMatter(placing(9, 26) as never, matter, context)).toEqual([opened(9, 26)]);
  });

  it('watches journeys of objects apart, where they may overlap', () => {
    let matter = placed([5]).matter;
    for (const n of [1, 30]) {
      for (const event of placeInMatter(placing(7, n, { apart: true }) as never, matter, context)) {
        matter = evolve(matter, { ...event, id: uuid(0) } as unknown as MatterEvent);
      }
    }
    expect(matter.spans).toEqual([{ journeyId: uuid(5), from: 5, to: 5 }]);
    expect([...matter.apart.values()]).toEqual([{ journeyId: uuid(7), from: 1, to: 30 }]);
    expect(placeInMatter(placing(7, 20, { apart: true }) as never, matter, context)).toEqual([]);
  });

  it('is the same clusters in any order, and what comes again decides nothing and finds the same journey', () => {
    fc.assert(
      fc.property(times, (order) => {
        const { matter } = placed(order);
        expect(joined(matter, order)).toEqual(clusters(order));
        const journeys = order.map((n) => spanAt(matter, n)!.journeyId);
        const again = placed([...order, ...order.slice().reverse()]);
        expect(again.events).toBe(placed(order).events);
        expect(order.map((n) => spanAt(again.matter, n)!.journeyId)).toEqual(journeys);
      }),
    );
  });

  it('has spans in order that never overlap, and never takes a touchpoint to another journey later', () => {
    fc.assert(
      fc.property(times, times, (before, after) => {
        const first = placed(before).matter;
        const then = placed([...before, ...after]).matter;
        for (const n of before) expect(spanAt(then, n)!.journeyId).toBe(spanAt(first, n)!.journeyId);
        then.spans.forEach((span, i) => {
          expect(span.from).toBeLessThanOrEqual(span.to);
          if (i > 0) expect(span.from).toBeGreaterThan(then.spans[i - 1]!.to);
        });
      }),
    );
  });

  it('tells of each span what stands beside it', () => {
    const { matter } = placed([100, 0, 50, 8]);
    const gaps = (n: number) => besides(matter, n).map(({ journeyId, gapMs }: Neighbour) => [journeyId, gapMs]);
    expect(gaps(50)).toEqual([[uuid(0), 42], [uuid(100), 50]]); // prettier-ignore
    expect(gaps(4)).toEqual([[uuid(50), 42]]);
    expect(gaps(20)).toEqual([]);
  });
});
