import fc from 'fast-check';
import { bucketOf } from '@touchstone/readmodel/cube';
import { CUBES } from './care.tables.js';
import { columnOf } from './metric-ask.js';
import { baseMeasures, observedMeasures } from './metric-cells.js';
import { METRIC_IDS, METRICS, metricOf, type MetricId } from './metric-definitions.js';
import { figureOf, type ObservedFilter, type Sums } from './metric-figure.js';

const none: Sums = { base: {}, buckets: [], observed: [], provisional: 0 };
const figure = (id: MetricId, sums: Partial<Sums>, filter?: ObservedFilter) =>
  figureOf(metricOf(id)!, { ...none, ...sums }, filter);
const extra = (id: MetricId, sums: Partial<Sums>, name: string) =>
  figure(id, sums).extras.find((each) => each.id === name)!.value;

describe('the metrics', () => {
  it('are the fourteen, in order, each with all its words', () => {
    expect(METRICS.map(({ id }) => id)).toEqual(METRIC_IDS);
    for (const { name, formula, source } of METRICS) {
      for (const text of [name.en, formula.en, source]) expect(text).toMatch(/^[\x20-\x7e÷×§]+$/);
      for (const text of [name.zh, formula.zh]) expect(text).toMatch(/[\u4e00-\u9fff]/);
      expect(formula.en).toMatch(/\.$/);
      expect(formula.zh).toMatch(/。$/);
    }
    expect(new Set(METRICS.flatMap(({ name }) => [name.en, name.zh])).size).toBe(28);
  });

  it.each(METRICS)('$id finds its dimensions and measures in its cubes', (metric) => {
    const cube: { dims: readonly string[]; measures: readonly string[] } = CUBES[metric.cube];
    const columns = metric.dimensions.map(columnOf);
    const observed = metric.observes === undefined ? [] : CUBES.moment.dims;
    expect([...cube.dims, ...observed]).toEqual(expect.arrayContaining(columns));
    expect(cube.measures).toEqual(expect.arrayContaining([...baseMeasures(metric)]));
    expect(CUBES.moment.measures).toEqual(expect.arrayContaining([...observedMeasures(metric)]));
  });

  it.each(METRIC_IDS)('%s of nothing is unknown, not zero', (id) =>
    expect(figure(id, {})).toMatchObject({ n: 0, numerator: 0, denominator: 0, value: null, interval: null }),
  );
});

describe('a figure', () => {
  it('of durations is a mean with percentiles and without its pauses', () => {
    const hour = 3_600_000;
    const buckets = [1, 2, 3, 100].map((hours) => [bucketOf(hours * hour), 1] as const);
    const sums = { base: { closed: 4, gross_ms: 106 * hour, net_ms: 53 * hour }, buckets: buckets.reverse() };
    const { value, percentiles, n } = figure('M-JLT', sums);
    expect([n, value]).toEqual([4, 26.5 * hour]);
    expect(percentiles.map(({ percent }) => percent)).toEqual([50, 90, 95, 99]);
    const [p50, p90, p95, p99] = percentiles.map((p) => p.value! / hour);
    expect(Math.abs(p50! / 2 - 1)).toBeLessThanOrEqual(0.01);
    for (const p of [p90, p95, p99]) expect(Math.abs(p! / 100 - 1)).toBeLessThanOrEqual(0.01);
    expect([extra('M-JLT', sums, 'net'), extra('M-JLT', sums, 'paused')]).toEqual([13.25 * hour, 0.5]);
  });

  it.each<[MetricId, Record<string, number>]>([
    ['M-JLT', { closed: 40, gross_ms: 123_456_789, net_ms: 99 }],
    ['M-LAG', { n: 40, seconds: 123_457 }],
  ])('%s is the same to the last digit, in whatever order its buckets were gathered', (id, base) => {
    const sign = id === 'M-LAG' ? -1_000 : 1;
    const bucket = fc.tuple(fc.integer({ min: sign, max: 10 ** 9 }).map(bucketOf), fc.integer({ min: 1, max: 999 }));
    const orders = fc
      .uniqueArray(bucket, { minLength: 2, maxLength: 40, selector: ([number]) => number })
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(orders, ([one, other]) => {
        expect(JSON.stringify(figure(id, { base, buckets: other }))).toBe(
          JSON.stringify(figure(id, { base, buckets: one })),
        );
      }),
    );
  });

  it('of lags is in seconds, negative ones too', () => {
    const buckets = [
      [bucketOf(-5_000), 1],
      [bucketOf(60_000), 3],
    ] as const;
    const { value, percentiles } = figure('M-LAG', { base: { n: 4, seconds: 175 }, buckets });
    expect(value).toBe(43.75);
    expect(percentiles[0]!.value).toBeCloseTo(60, -1);
  });

  it.each<[MetricId, Record<string, number>, number, number]>([
    ['M-TCH', { closed: 4, touchpoints: 18, touchpoint_squares: 90 }, 4.5, 4],
    ['M-HND', { journeys: 10, owner_changes: 4, owner_change_squares: 6 }, 0.4, 10],
    ['M-RPT', { contacts_all: 12, contacts: 8, repeats: 2 }, 0.25, 8],
    ['M-FCR', { contacts_all: 12, contacts: 8, firsts: 5, resolved: 4 }, 0.8, 5],
    ['M-XCH', { changes: 4, in_context: 1 }, 0.25, 4],
    ['M-SI', { journeys: 10, untold: 3 }, 0.7, 10],
    ['M-FCO', { closed: 20, owned: 8, owner_kept: 6 }, 0.75, 8],
    ['M-NPM', { with_negative: 8, turned: 2 }, 0.25, 8],
  ])('%s is numerator by denominator', (id, base, value, n) => {
    const made = figure(id, { base });
    expect(made).toMatchObject({ value, n, denominator: n });
    expect(made.interval!.low).toBeLessThan(value);
    expect(made.interval!.high).toBeGreaterThan(value);
  });

  it('says how much could be judged', () => {
    const base = { contacts_all: 12, contacts: 8, repeats: 2, firsts: 6, resolved: 5, closed: 20, owned: 8, owner_kept: 6 }; // prettier-ignore
    const judged = (id: MetricId) =>
      figure(id, { base }).coverage.map(({ covered, of, share }) => [covered, of, share]);
    expect(judged('M-RPT')).toEqual([[8, 12, 2 / 3]]);
    expect(judged('M-FCR')).toEqual([[8, 12, 2 / 3]]);
    expect(judged('M-FCO')).toEqual([[8, 20, 0.4]]);
    expect(judged('M-XCH')).toEqual([]);
  });

  const moments: Partial<Sums> = {
    base: { touchpoints: 1000, owned: 200, known: 800 },
    provisional: 7,
    observed: [
      { observer: 'qa', code: '', measures: { covered: 50 } },
      { observer: 'qa', code: 'NEG-01', measures: { neg: 4, neg_weight: 10, weight_squares: 26 } },
      { observer: 'customer', code: '', measures: { covered: 10 } },
      { observer: 'customer', code: 'POS-05', measures: { pos: 3, pos_weight: 6, weight_squares: 14 } },
      { observer: 'rule', code: 'NEG-S3', measures: { neg: 6, neg_weight: 6, weight_squares: 6 } },
      { observer: 'rule', code: 'POS-S2', measures: { pos: 2, pos_weight: 2, weight_squares: 2 } },
    ],
  };
  const coverage = (id: MetricId, filter?: ObservedFilter) =>
    figure(id, moments, filter).coverage.map((c) => [c.rule ?? c.observer, c.covered, c.of, c.numerator]);

  it('of moments is per thousand touchpoints, observers told apart', () => {
    expect(figure('M-MOTN', moments)).toMatchObject({ n: 1000, numerator: 10, value: 10, provisional: null });
    expect(figure('M-MOTP', moments)).toMatchObject({ n: 1000, numerator: 5, value: 5, provisional: 7 });
    expect(extra('M-MOTN', moments, 'weighted')).toBe(16);
    expect(coverage('M-MOTN')).toEqual([
      ['customer', 10, 1000, 0],
      ['qa', 50, 1000, 4],
      ['auditor', 0, 1000, 0],
      ['staff', 0, 1000, 0],
      ['NEG-S2', 200, 1000, 0],
      ['NEG-S3', 800, 1000, 6],
      ['NEG-S5', 1000, 1000, 0],
    ]);
    expect(coverage('M-MOTP').at(-1)).toEqual(['POS-S2', 800, 1000, 2]);
  });

  it('of chosen moments keeps what there was to be observed', () => {
    const filter = { observer: new Set(['qa', 'rule']), code: new Set(['NEG-S3']) };
    expect(figure('M-MOTN', moments, filter)).toMatchObject({ n: 1000, numerator: 6, value: 6 });
    expect(coverage('M-MOTN', filter)).toEqual([
      ['qa', 50, 1000, 0],
      ['NEG-S3', 800, 1000, 6],
    ]);
  });

  it('of their balance is of weights', () => {
    expect(figure('M-MOTB', moments)).toMatchObject({ n: 15, numerator: -8, denominator: 24, value: -1 / 3 });
    expect(coverage('M-MOTB')).toContainEqual(['NEG-S3', 800, 1000, -6]);
  });

  it('of ratings is their mean, with the share of each', () => {
    const sums: Partial<Sums> = {
      base: { touchpoints: 100 },
      observed: [
        { observer: 'customer', code: '', measures: { rated_m2: 1, rated_p1: 2, covered: 3 } },
        { observer: 'qa', code: '', measures: { rated_0: 1, covered: 9 } },
      ],
    };
    const { n, numerator, value, coverage: by, extras } = figure('M-EEG', sums);
    expect([n, numerator, value]).toEqual([4, 0, 0]);
    expect(extras.map((each) => [each.id, each.value])).toEqual([
      ['share-2', 0.25],
      ['share-1', 0],
      ['share0', 0.25],
      ['share+1', 0.5],
      ['share+2', 0],
    ]);
    expect(by.map((c) => [c.observer, c.covered, c.numerator])).toEqual([
      ['customer', 3, 3],
      ['qa', 9, 1],
      ['auditor', 0, 0],
      ['staff', 0, 0],
    ]);
  });
});
