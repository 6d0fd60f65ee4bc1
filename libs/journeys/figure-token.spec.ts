import { figureToken, readFigure, type Figure, type MetricFigureRef } from './figure-token.js';

const counted = {
  filter: {},
  position: '0000000000000007',
  instant: '2024-05-01T08:00:00.000Z',
  generation: 'journeys-1',
} satisfies Partial<Figure>;
const edge: Figure = { of: 'edge', node: { kind: 'crew.arrived' }, target: { role: 'still-open' }, ...counted };

const craft = (figure: unknown, version: unknown = 2) =>
  Buffer.from(JSON.stringify([version, figure])).toString('base64url');

describe('the token of a figure', () => {
  it.each<[string, Figure]>([
    ['a total', { of: 'cases', ...counted }],
    ['an edge', edge],
    ['a node, folded', { of: 'rework', node: { role: 'other' }, named: ['a', '故障报修'], ...counted }],
    ['a kind that is called as the folded node is', { of: 'node', node: { kind: 'other' }, ...counted }],
    ['a variant', { of: 'variant', variant: '0123456789abcdef', ...counted }],
    [
      'every filter, with empty names too',
      {
        of: 'handovers',
        ...counted,
        filter: {
          journeyType: '',
          customerId: 'c',
          segment: 's',
          unit: 'u',
          channel: 'x',
          status: 'PAUSED',
          from: '2024-05-01T08:00:00+08:00',
          to: '2024-05-02T08:00:00+08:00',
          window: 'TOUCHES',
        },
        project: { kinds: ['a'], units: [], channels: ['b'] },
      },
    ],
  ])('says all of %s', (_name, figure) => expect(readFigure(figureToken(figure))).toEqual(figure));

  it.each<[string, string]>([
    ['text', 'nonsense'],
    ['nothing', ''],
    ['no pair', Buffer.from('7').toString('base64url')],
    ['null', craft(null)],
    ['another version', craft(edge, 1)],
    ['named: a number', craft({ of: 'node', node: { role: 'other' }, ...counted, named: 5 })],
    ['filter: an object for a name', craft({ of: 'cases', ...counted, filter: { journeyType: {} } })],
    ['filter: a status of its own', craft({ of: 'cases', ...counted, filter: { status: 'X' } })],
    ['filter: a day that is none', craft({ of: 'cases', ...counted, filter: { from: '2024-02-30T08:00:00Z' } })],
    ['filter: something else', craft({ of: 'cases', ...counted, filter: { colour: 'red' } })],
    ['filter: a list', craft({ of: 'cases', ...counted, filter: [] })],
    ['project: a number for a list', craft({ of: 'cases', ...counted, project: { kinds: 5 } })],
    ['a count of its own', craft({ of: 'sum', ...counted })],
    ['a count that every object has', craft({ of: 'constructor', ...counted })],
    ['no generation', craft({ ...edge, generation: undefined })],
    ['no position', craft({ ...edge, position: undefined })],
    ['an instant without a zone', craft({ ...edge, instant: '2024-05-01T08:00:00' })],
    ['an edge without a target', craft({ ...edge, target: undefined })],
    ['a node by its name alone', craft({ ...edge, node: 'crew.arrived' })],
    ['a node with two meanings', craft({ ...edge, node: { kind: 'a', role: 'other' }, named: [] })],
    ['a node with no meaning', craft({ ...edge, node: {} })],
    ['a total with a node', craft({ ...edge, of: 'cases' })],
    ['the folded node without what is not in it', craft({ of: 'node', node: { role: 'other' }, ...counted })],
  ])('refuses %s', (_name, token) =>
    expect(() => readFigure(token)).toThrow(expect.objectContaining({ code: 'INVALID_FIGURE', kind: 'invalid' })),
  );
});

describe('the token of a figure of a metric', () => {
  const { filter: _filter, ...asOf } = counted;
  const rate: MetricFigureRef = { of: 'metric', metric: 'M-FCR', part: 'all', filter: {}, ...asOf };
  const from = '2024-05-01T08:00:00+08:00';
  const moments = { ...rate, metric: 'M-MOTN', filter: { unit: ['K1', null], code: ['NEG-01'], observer: ['qa'] } };

  it.each<[string, MetricFigureRef]>([
    ['a whole', rate],
    ['a numerator in a window', { ...rate, part: 'numerator', from, to: '2024-05-02T00:00:00.000Z' }],
    ['what was observed, at some and at those without', moments as MetricFigureRef],
  ])('says all of %s', (_name, figure) => expect(readFigure(figureToken(figure))).toEqual(figure));

  it.each<[string, string]>([
    ['another metric', craft({ ...rate, metric: 'M-XX' })],
    ['no metric', craft({ ...rate, metric: undefined })],
    ['a part of its own', craft({ ...rate, part: 'half' })],
    ['a numerator that counts nothing', craft({ ...rate, metric: 'M-JLT', part: 'numerator' })],
    ['a dimension that the metric has not', craft({ ...rate, filter: { code: ['NEG-01'] } })],
    ['a dimension of nothing', craft({ ...rate, filter: { colour: ['red'] } })],
    ['a span of time for a filter', craft({ ...rate, filter: { day: ['2024-05-01'] } })],
    ['a name for a list', craft({ ...rate, filter: { unit: 'K1' } })],
    ['a number for a name', craft({ ...rate, filter: { unit: [5] } })],
    ['no filter', craft({ ...rate, filter: undefined })],
    ['a window that ends before it begins', craft({ ...rate, from, to: '2024-05-01T00:00:00Z' })],
    ['a window from no day', craft({ ...rate, from: '2024-02-30T00:00:00Z' })],
    ['a node', craft({ ...rate, node: { kind: 'a' } })],
    ['no position', craft({ ...rate, position: undefined })],
  ])('refuses %s', (_name, token) =>
    expect(() => readFigure(token)).toThrow(expect.objectContaining({ code: 'INVALID_FIGURE', kind: 'invalid' })),
  );
});
