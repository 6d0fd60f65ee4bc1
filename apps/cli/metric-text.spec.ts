import { condition, dimensions, merged, windowOf } from './metric-options.js';
import { comparisonText, metricsText, metricText, valueText, type Comparison, type Figure, type MetricAnswer } from './metric-text.js'; // prettier-ignore
import { runHere } from './testing.js';

const fcr = {
  id: 'M-FCR',
  nameEn: 'First contact resolution',
  nameZh: '首次解决率',
  formulaEn: 'Resolved ÷ first contacts.',
  formulaZh: '解决 ÷ 首次。',
  unit: 'SHARE',
  source: 'service catalogue',
  anchor: 'TOUCHPOINT',
  kind: 'RATE',
  dimensions: ['DAY', 'UNIT'],
};
const share = (numerator: number, n: number, more: Partial<Figure> = {}): Figure => ({
  n,
  numerator,
  denominator: n,
  value: n === 0 ? null : numerator / n,
  interval: n === 0 ? null : { low: 0.25, high: 0.75, level: 0.95 },
  percentiles: [],
  provisional: 0,
  coverage: [],
  extras: [],
  figure: 'token',
  ...more,
});
const unit = (id: string | null) => ({ dimension: 'UNIT', id, nameEn: null, nameZh: null });
const asOf = { position: '0a', instant: '2025-07-21T00:00:00.000Z' };
const answer = (total: Figure, groups: MetricAnswer['groups']['edges'] = [], more = false): MetricAnswer => ({
  asOf,
  metric: fcr,
  timeZone: 'Asia/Shanghai',
  total,
  groups: { edges: groups, pageInfo: { hasNextPage: more, endCursor: more ? 'C' : null } },
});

describe('options of metrics', () => {
  it('group by names, and by no others', () => {
    expect(dimensions('journey-type,code', dimensions('day'))).toEqual(['DAY', 'JOURNEY_TYPE', 'CODE']);
    expect(() => dimensions('colour')).toThrow('"colour" is none of day, week, month, unit');
  });

  it('filter by several values of a name, and by having none', () => {
    const filter = condition('unit=', condition('unit=K1=a', condition('journey-type=repair')));
    expect(filter).toEqual({ journeyType: ['repair'], unit: ['K1=a', null] });
    for (const text of ['unit', 'day=2024-01-01', '=K1', 'colour=red'])
      expect(() => condition(text)).toThrow('unit=K1');
  });

  it('of one side win over those of both', () => {
    expect(merged({ unit: ['a'], tier: ['t'] }, { unit: ['b'] })).toEqual({ unit: ['b'], tier: ['t'] });
    expect(merged(undefined, undefined)).toBeUndefined();
    expect([windowOf(undefined, undefined), windowOf('x', undefined)]).toEqual([undefined, { from: 'x' }]);
  });

  it.each([
    ['metric', 'M-FCR', '--by', 'colour'],
    ['metric', 'M-FCR', '--from', '2024-01-01'],
    ['compare', 'M-FCR', '--a-filter', 'K1'],
    ['metric'],
  ])('are refused: %s %s %s %s', async (...args) => expect((await runHere(...args)).code).toBe(2));
});

describe('values', () => {
  it.each([
    [null, 'SHARE', '-'],
    [0.516, 'SHARE', '51.6 %'],
    [71.29, 'PER_THOUSAND', '71.3 ‰'],
    [5_460_000, 'MS', '91 min'],
    [-90, 'S', '-90 s'],
    [4.659, 'COUNT', '4.66'],
    [-0.2, 'BALANCE', '-0.20'],
    [1.5, 'POINTS', '+1.50'],
  ])('%s %s is %s', (value, of, text) => expect(valueText(value, of)).toBe(text));
});

describe('the text of a metric', () => {
  it('lists metrics in either language', () => {
    expect(metricsText([fcr], 'en')).toContain('M-FCR  First contact resolution  touchpoint  %   Resolved ÷');
    expect(metricsText([fcr], 'zh')).toContain('首次解决率');
  });

  it('says value, n, interval, coverage and what may still change', () => {
    const coverage = [
      { observer: null, rule: null, covered: 8, of: 10, share: 0.8, numerator: 3 },
      { observer: 'rule', rule: 'NEG-S2', covered: 0, of: 0, share: null, numerator: 0 },
    ];
    const text = metricText(answer(share(3, 6, { provisional: 2, coverage })), 'en');
    expect(text).toBe(
      [
        'M-FCR First contact resolution: 50.0 % ~ (3 of 6, 95 % interval 25.0 % to 75.0 %)',
        '  could be judged: 8 of 10 (80.0 %)',
        '  covered by NEG-S2: 0 of 0',
        '  ~ 2 first contacts may still change: 168 h have not passed',
        '',
        'As of 2025-07-21T00:00:00.000Z, position 0a',
      ].join('\n'),
    );
  });

  it('says of journeys that wait to be turned that they are journeys', () => {
    const { metric, ...rest } = answer(share(3, 6, { provisional: 1 }));
    const text = metricText({ ...rest, metric: { ...metric, id: 'M-NPM' } }, 'en');
    expect(text).toContain('~ 1 journey may still change');
  });

  it('has a table of groups and where to read on', () => {
    const day = { dimension: 'DAY', id: '2025-07-14', nameEn: null, nameZh: null };
    const groups = [
      { node: { dimensions: [day, unit('K1')], figure: share(3, 6, { provisional: 1 }) } },
      { node: { dimensions: [day, unit(null)], figure: share(0, 0) } },
    ];
    const text = metricText(answer(share(3, 6), groups, true), 'zh');
    expect(text.split('\n').slice(2)).toEqual([
      'day         unit  n     value     95 % interval',
      '2025-07-14  K1    6  50.0 % ~  25.0 % to 75.0 %',
      '2025-07-14  -     0         -                 -',
      '',
      'More: --after C',
      '',
      'As of 2025-07-21T00:00:00.000Z, position 0a; days of Asia/Shanghai',
    ]);
  });
});

describe('the text of a comparison', () => {
  const comparison: Comparison = {
    metric: fcr,
    a: { asOf, total: share(3, 6) },
    b: { asOf, total: share(4, 6) },
    difference: 1 / 6,
    exactDifference: '0.166666666667',
    interval: { low: -0.1, high: 0.4, level: 0.95 },
    mix: '0.066666666667',
    rate: '0.1',
    parts: [{ dimensions: [unit('K1')], a: share(3, 6), b: null, mix: '0.066666666667', rate: '0', total: '0.066666666667' }], // prettier-ignore
    others: { groups: 2, mix: '0', rate: '0.1', total: '0.1' },
  };

  it('says both sides, the difference and its parts', () => {
    expect(comparisonText(comparison, 'en').split('\n').slice(3)).toEqual([
      '  b - a: +16.67 points (95 % interval -10.00 points to +40.00 points)',
      '  of it mix +6.67 points, rate +10.00 points',
      '',
      'unit       a  b           mix         rate      together',
      'K1    50.0 %  -  +6.67 points  0.00 points  +6.67 points',
      '… and 2 groups more: +10.00 points (--first N)',
    ]);
  });

  it('says so when there is none', () => {
    const none = { ...comparison, b: { asOf, total: share(0, 0) }, difference: null, parts: [], others: null };
    expect(comparisonText(none, 'en')).toContain('One side counts nothing');
  });
});
