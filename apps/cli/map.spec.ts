import { figuresOf, followsOf, namesOf, type JourneyMap, type MapNode } from './map-figures.js';
import { mapText } from './map-text.js';

const H = 3_600_000;
const counted = (value: number) => ({ value });
const node = (
  id: string,
  name: string,
  counts: Partial<Record<'count' | 'starts' | 'ended' | 'stillOpen', number>>,
) => ({
  id,
  nameEn: name,
  nameZh: id === 'b' ? '乙' : null,
  role: (id === 'still-open' ? 'STILL_OPEN' : id === 'other' ? 'OTHER' : 'ACTIVITY') as MapNode['role'],
  count: counted(counts.count ?? 0),
  starts: counted(counts.starts ?? 0),
  ended: counted(counts.ended ?? 0),
  stillOpen: counted(counts.stillOpen ?? 0),
  selfLoops: counted(0),
  reworkCases: counted(0),
});
const edge = (source: string, target: string, count: number, p50: number) => ({
  source,
  target,
  count: counted(count),
  durations: { p50, p90: p50 * 2, p99: p50 * 3 },
});

/** Three journeys: two A-B closed, one A still open. */
const map: JourneyMap = {
  asOf: { position: '0a', instant: '2025-07-21T00:00:00.000Z' },
  exact: true,
  relativeError: 0,
  cases: counted(3),
  closedCases: counted(2),
  events: counted(5),
  transitions: counted(2),
  activityCount: 2,
  edgeCount: 1,
  variantCount: 2,
  selfLoops: counted(0),
  reworkCases: counted(0),
  handovers: counted(1),
  pingPongCases: counted(0),
  caseDurations: { p50: 1.23456 * H, p90: 2 * H, p99: 2 * H },
  nodes: [
    node('a', 'A', { count: 3, starts: 3, stillOpen: 1 }),
    node('b', 'B', { count: 2, ended: 2 }),
    node('still-open', 'Still open', { stillOpen: 1 }),
  ],
  edges: [edge('a', 'b', 2, 1.23456 * H), edge('a', 'still-open', 1, 99 * H)],
  variants: [
    { kinds: ['a', 'b'], cases: counted(2), share: 2 / 3, coverage: 2 / 3 },
    { kinds: ['a'], cases: counted(1), share: 1 / 3, coverage: 1 },
  ],
};

describe('figures of a map', () => {
  it('stand by the names of activities, open journeys under their last touchpoint', () => {
    expect(figuresOf(map)).toEqual({
      cases: 3,
      events: 5,
      activities: 2,
      variants: 2,
      topVariantCases: 2,
      dfgEdges: 1,
      dfgTransitions: 2,
      reworkCases: 0,
      selfLoops: 0,
      handovers: 1,
      pingPongCases: 0,
      caseHoursP50: 1.23,
      caseHoursP90: 2,
      startActivities: { A: 3 },
      endActivities: { B: 2, A: 1 },
      edges: [{ source: 'A', target: 'B', count: 2, p50Hours: 1.2346, p90Hours: 2.4691, p99Hours: 3.7037 }],
      asOf: map.asOf,
    });
  });

  it('do not take standing still for a step', () => {
    expect(followsOf(map).map(({ target }) => target)).toEqual(['b']);
  });

  it('of nothing are nothing', () => {
    const nothing = { ...map, nodes: [], edges: [], variants: [], caseDurations: { p50: null, p90: null, p99: null } };
    expect(figuresOf(nothing)).toMatchObject({
      topVariantCases: 0,
      caseHoursP50: null,
      startActivities: {},
      edges: [],
    });
  });

  it('keep two kinds of one name apart', () => {
    const nameOf = namesOf([...map.nodes, node('a2', 'A', {})]);
    expect(['a', 'a2', 'b', 'unknown'].map(nameOf)).toEqual(['A (a)', 'A (a2)', 'B', 'unknown']);
  });
});

describe('a map for a reader', () => {
  const options = { edges: 25, lang: 'en', columns: 100 } as const;

  it('has its nodes, edges and ways', () => {
    expect(mapText(map, options)).toMatchInlineSnapshot(`
     "3 journeys (2 closed, 1 open), 5 touchpoints of 2 kinds
     From first to last touchpoint: median 74 min, p90 2 h 00 min, p99 2 h 00 min
     1 handover between units, 0 journeys went back and forth, 0 with rework, 0 self-loops
     As of 2025-07-21T00:00:00.000Z, position 0a

     touchpoint  times  first  ended  still open  rework  loops
     A               3      3      0           1       0      0
     B               2      0      2           0       0      0

     from  to  times  median         p90         p99
     A     B       2  74 min  2 h 28 min  3 h 42 min

     journeys   share  together  way
            2  66.7 %    66.7 %  A > B
            1  33.3 %   100.0 %  A"
    `);
  });

  it('says what it leaves out, and how exact it is', () => {
    const text = mapText({ ...map, exact: false, relativeError: 0.02, variantCount: 9 }, { ...options, edges: 0 });
    expect(text).toContain('… and 1 more edges (--edges 1)');
    expect(text).toContain('… and 7 more ways');
    expect(text).toContain('(within 2.0 %)');
  });

  it('speaks Chinese where it has the words, and counts repeats', () => {
    const variants = [{ kinds: ['a', 'b', 'b', 'b'], cases: counted(1), share: 1, coverage: 1 }];
    expect(mapText({ ...map, variants }, { ...options, lang: 'zh' })).toContain('A > 乙 ×3');
  });
});
