import fc from 'fast-check';
import { knownMetric, resolve, spanEnd, spanOf, windowOf, type MetricQuestion } from './metric-ask.js';
import { METRIC_IDS } from './metric-definitions.js';

const DAY = 86_400_000;
const read = { settings: { care: 'UTC' }, idOf: (dictionary: string, name: string) => Promise.resolve(name === 'unheard' ? null : `${dictionary}${name}`.length) }; // prettier-ignore
const ask = (question: Partial<MetricQuestion>) => resolve(read as never, { metric: 'M-FCR', ...question });

describe('a question about a metric', () => {
  it('names one that there is', () => {
    expect(knownMetric('M-FCR').id).toBe('M-FCR');
    expect(() => knownMetric('M-FC')).toThrow(
      expect.objectContaining({ code: 'METRIC_UNKNOWN', message: expect.stringContaining(METRIC_IDS.join(', ')) }),
    );
  });

  it.each<[string, Partial<MetricQuestion>]>([
    ['grouped by code', { groupBy: ['code'] }],
    ['grouped by source', { groupBy: ['unit', 'source'] }],
    ['grouped twice by the same', { groupBy: ['unit', 'unit'] }],
    ['more than one of day, week and month', { groupBy: ['day', 'week'] }],
    ['filtered by observer', { filter: { observer: ['qa'] } }],
    ['filtered by day', { filter: { day: ['2024-01-01'] } as never }],
    ['filtered by colour', { filter: { colour: ['red'] } as never }],
  ])('cannot be %s', async (what, question) => {
    const message = expect.stringMatching(new RegExp(`^M-FCR cannot be .*${what}; it has day, week, month, unit`));
    await expect(ask(question)).rejects.toMatchObject({ code: 'METRIC_DIMENSION', message });
  });

  it('has a window that ends after it begins', () => {
    expect(windowOf({})).toEqual({ fromMs: -Infinity, toMs: Infinity });
    expect(windowOf({ from: '2024-05-01T08:00:00+08:00' }).fromMs).toBe(Date.parse('2024-05-01T00:00:00Z'));
    const backwards = { from: '2024-05-01T08:00:00+08:00', to: '2024-05-01T00:00:00Z' };
    for (const window of [backwards, { from: 'yesterday' }]) {
      expect(() => windowOf(window)).toThrow(expect.objectContaining({ code: 'INVALID_WINDOW' }));
    }
  });

  it('wants names, none, and nothing in place of what nobody ever named', async () => {
    const { filter, observed } = await ask({
      metric: 'M-MOTN',
      filter: { unit: ['a', null, 'unheard'], journeyType: ['unheard'], code: ['NEG-01'] },
    });
    expect([...filter]).toEqual([
      ['unit', [5, 0]],
      ['journey_type', []],
    ]);
    expect(observed).toEqual({ code: new Set(['NEG-01']) });
  });
});

describe('spans of days', () => {
  const date = (day: number) => new Date(day * DAY).toISOString().slice(0, 10);

  it.each([
    ['2024-05-01', '2024-04-29', '2024-05-06', '2024-05-01', '2024-06-01'],
    ['1970-01-01', '1969-12-29', '1970-01-05', '1970-01-01', '1970-02-01'],
    ['1969-12-28', '1969-12-22', '1969-12-29', '1969-12-01', '1970-01-01'],
    ['2024-02-29', '2024-02-26', '2024-03-04', '2024-02-01', '2024-03-01'],
  ])('around %s', (text, monday, next, first, following) => {
    const day = Date.parse(text) / DAY;
    const [week, month] = [spanOf('week', day), spanOf('month', day)];
    expect([date(week), date(spanEnd('week', week))]).toEqual([monday, next]);
    expect([date(month), date(spanEnd('month', month))]).toEqual([first, following]);
    expect([spanOf('day', day), spanEnd('day', day)]).toEqual([day, day + 1]);
  });

  it('hold their days and follow one another', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: -50_000, max: 50_000 }),
        fc.constantFrom('week' as const, 'month' as const),
        (day, by) => {
          const start = spanOf(by, day);
          const end = spanEnd(by, start);
          expect(start <= day && day < end).toBe(true);
          expect([spanOf(by, start), spanOf(by, end - 1), spanOf(by, end)]).toEqual([start, start, end]);
        },
      ),
    ));
});
