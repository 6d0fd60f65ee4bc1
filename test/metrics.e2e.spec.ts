import { TestServer } from '../apps/server/testing.js';

const FIGURE = 'n numerator denominator value interval { low high method } provisional figure numeratorFigure';
const METRIC = `query ($id: ID!, $window: MetricWindowInput, $groupBy: [MetricDimension!]!, $filter: MetricFilterInput,
                       $asOf: AsOfInput, $first: Int, $after: String) {
  metric(id: $id, window: $window, groupBy: $groupBy, filter: $filter, asOf: $asOf, first: $first, after: $after) {
    asOf { position instant } timeZone metric { id nameZh unit }
    total { ${FIGURE} coverage { observer rule covered of share numerator } }
    groups { edges { node { dimensions { dimension id nameEn nameZh } figure { ${FIGURE} } } }
             pageInfo { hasNextPage endCursor } }
  } }`;
const COMPARE = `query ($id: ID!, $a: MetricSideInput!, $b: MetricSideInput!, $groupBy: [MetricDimension!]!, $first: Int) {
  compareMetric(id: $id, a: $a, b: $b, groupBy: $groupBy, first: $first) {
    difference exactDifference interval { low high method } mix rate
    a { asOf { position } total { n value } } b { asOf { position } total { n value } }
    parts { dimensions { id } a { n numerator value figure } b { n numerator value } mix rate total }
    others { groups mix rate total }
  } }`;
const OPENED = `query ($t: String!) { figure(token: $t) { of metric part value
  occurrences { edges { node { journeyId value counts events { eventId kind } } } }
  journeys { edges { node { id } } } } }`;

/** An exact decimal of at most 12 places, as a whole number of the last of them. */
const exact = (decimal: string): bigint => {
  const [, sign, whole = '', part = ''] = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(decimal)!;
  return BigInt(`${sign}${whole}${part.padEnd(12, '0')}`);
};

describe('metrics over the API', () => {
  let server: TestServer;
  let moment: { id: string; journeyId: string };
  let before: string;

  const ask = async (query: string, variables: Record<string, unknown> = {}) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const send = async (name: string, input: object) => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const data = await ask(`mutation ($i: ${type}!) { ${name}(input: $i) { id entryId position } }`, { i: input });
    return data[name] as { id: string; entryId: string; position: string };
  };
  const metric = async (id: string, more: object = {}) => (await ask(METRIC, { id, groupBy: [], ...more })).metric;
  const compare = async (id: string, more: object) => (await ask(COMPARE, { id, groupBy: [], ...more })).compareMetric;
  const opened = async (t: string) => (await ask(OPENED, { t })).figure;
  const codeOf = (more: object) => server.codeOf(METRIC, { id: 'M-MOTN', groupBy: [], ...more });

  beforeAll(async () => {
    server = await TestServer.start({ TIME_ZONE: 'asia/shanghai' });
    const kinds = [
      { id: 'own.call', nameEn: 'Call', contact: true },
      { id: 'own.done', nameEn: 'Done', closes: true },
    ];
    await ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { position } }', {
      i: { pack: 'own', nameEn: 'Own', kinds },
    });
    // Four journeys: two days in Shanghai, one in UTC. Three of unit K1, one of nobody's.
    const opening = '2024-05-01T20:00:00+08:00';
    for (const [i, unit] of ['K1', 'K1', undefined, 'K1'].entries()) {
      const { id: journeyId } = await send('openJourney', {
        journeyType: i < 2 ? 'repair' : 'move',
        occurredAt: opening,
      });
      const call = { journeyId, kind: 'own.call', unit, channel: 'hotline', occurredAt: opening };
      const { entryId: touchpointId } = await send('recordTouchpoint', call);
      const at = '2024-05-02T01:00:00+08:00';
      await send('recordTouchpoint', { journeyId, kind: 'own.done', unit, occurredAt: at });
      if (i > 1) continue;
      const observed = { journeyId, touchpointId, code: i === 0 ? 'NEG-01' : 'NEG-07', observer: 'qa', intensity: 3 };
      const { entryId: id, position } = await send('observeMoment', observed);
      if (i === 0) before = position;
      moment = { id, journeyId };
    }
    await server.ready();
  });
  afterAll(() => server.remove());

  it('are listed, with their words and what they can be asked by', async () => {
    const { metrics } = await ask(
      '{ metrics { id nameEn nameZh formulaEn formulaZh unit source anchor kind dimensions } }',
    );
    expect(metrics).toHaveLength(14);
    expect(metrics[3]).toEqual({
      id: 'M-RPT',
      nameEn: 'Repeat contact rate',
      nameZh: '重复来电率',
      formulaEn: expect.stringContaining('168 h'),
      formulaZh: expect.stringContaining('168小时'),
      unit: 'SHARE',
      source: 'service catalogue §3.4, journey shape and ownership',
      anchor: 'TOUCHPOINT',
      kind: 'RATE',
      dimensions: 'DAY WEEK MONTH UNIT CHANNEL JOURNEY_TYPE STAGE SEGMENT REGION TIER'.split(' '),
    });
  });

  it('answer together and in groups, whose figures open to their events', async () => {
    const answer = await metric('M-MOTN', { groupBy: ['DAY', 'UNIT'] });
    expect(answer).toMatchObject({ timeZone: 'Asia/Shanghai', metric: { id: 'M-MOTN', nameZh: '消极真理瞬间率' } });
    expect(answer.total).toMatchObject({ n: 8, numerator: 2, value: 250, interval: { method: 'poisson-score' } });
    expect(answer.total.coverage).toContainEqual({ observer: 'qa', rule: null, covered: 2, of: 8, share: 0.25, numerator: 2 }); // prettier-ignore
    const groups = answer.groups.edges.map(({ node: { dimensions, figure } }: never) => [
      ...(dimensions as { id: string | null }[]).map(({ id }) => id),
      (figure as { n: number }).n,
      (figure as { numerator: number }).numerator,
    ]);
    expect(groups).toHaveLength(4);
    expect(groups).toEqual(
      expect.arrayContaining([
        ['2024-05-01', 'K1', 3, 2],
        ['2024-05-01', null, 1, 0],
        ['2024-05-02', 'K1', 3, 0],
        ['2024-05-02', null, 1, 0],
      ]),
    );
    const { figure } = answer.groups.edges.find(({ node }: never) => (node as { figure: { numerator: number } }).figure.numerator === 2).node; // prettier-ignore
    const all = await opened(figure.figure);
    expect(all).toMatchObject({ of: 'metric', metric: 'M-MOTN', part: 'all', value: 3 });
    expect(all.occurrences.edges.map(({ node }: { node: { value: number } }) => node.value).sort()).toEqual([0, 1, 1]);
    const moments = await opened(figure.numeratorFigure);
    expect(moments).toMatchObject({ part: 'numerator', value: 2 });
    expect(moments.journeys.edges.map(({ node }: { node: { id: string } }) => node.id)).toContain(moment.journeyId);
    const events = moments.occurrences.edges.flatMap(({ node }: { node: { events: object[] } }) => node.events);
    expect(events).toContainEqual({ eventId: moment.id, kind: 'NEG-07' });
  });

  it('call codes by their names, and take filters of nothing', async () => {
    const { groups } = await metric('M-MOTN', { groupBy: ['CODE'], filter: { code: ['NEG-01'] } });
    expect(groups.edges.map(({ node }: { node: { dimensions: object[] } }) => node.dimensions)).toEqual([
      [
        {
          dimension: 'CODE',
          id: 'NEG-01',
          nameEn: expect.stringMatching(/./),
          nameZh: expect.stringMatching(/[\u4e00-\u9fff]/),
        },
      ],
    ]);
    expect((await metric('M-MOTN', { filter: { unit: [null] } })).total).toMatchObject({ n: 2, numerator: 0 });
    expect((await metric('M-MOTN', { filter: { unit: ['K9'] } })).total).toMatchObject({ n: 0, value: null });
    expect((await metric('M-LAG')).total).toMatchObject({ n: 8, numeratorFigure: null });
  });

  it('come page by page', async () => {
    const seen: unknown[] = [];
    const groupBy = ['UNIT', 'JOURNEY_TYPE'];
    // A token says as of when each page was counted.
    const shown = (groups: { edges: { node: { dimensions: object[]; figure: { n: number; value: number } } }[] }) =>
      groups.edges.map(({ node: { dimensions, figure } }) => ({ dimensions, n: figure.n, value: figure.value }));
    for (let after: string | null = null; ;) {
      const { groups } = await metric('M-TCH', { groupBy, first: 2, after });
      seen.push(...shown(groups));
      if (!groups.pageInfo.hasNextPage) break;
      after = groups.pageInfo.endCursor;
    }
    expect(seen).toEqual(shown((await metric('M-TCH', { groupBy })).groups));
    expect(seen).toHaveLength(3);
  });

  it('say what they said, as of then', async () => {
    const then = await metric('M-MOTN', { asOf: { position: before }, groupBy: ['CODE'] });
    expect([then.asOf.position, then.total.numerator, then.groups.edges.length]).toEqual([before, 1, 1]);
    expect(await opened(then.total.numeratorFigure)).toMatchObject({ value: 1 });
  });

  it.each([
    [{ id: 'M-NONE' }, 'METRIC_UNKNOWN'],
    [{ id: 'M-JLT', groupBy: ['CODE'] }, 'METRIC_DIMENSION'],
    [{ id: 'M-JLT', filter: { observer: ['qa'] } }, 'METRIC_DIMENSION'],
    [{ window: { from: '2024-05-02T00:00:00Z', to: '2024-05-01T00:00:00Z' } }, 'INVALID_WINDOW'],
    [{ groupBy: ['UNIT'], after: 'nonsense' }, 'INVALID_CURSOR'],
    [{ filter: { unit: ['x'.repeat(513)] } }, 'INVALID_INPUT'],
    [{ first: 1001 }, 'INVALID_INPUT'],
  ])('refuse %j with %s', async (more, code) => expect(await codeOf(more)).toBe(code));

  it('are compared, in parts that add up to the last digit', async () => {
    const a = { asOf: { position: before } };
    const window = { to: '2024-05-01T17:00:01Z' };
    for (const [id, groupBy, first] of [
      ['M-MOTN', ['CODE', 'UNIT'], 50],
      ['M-MOTN', ['JOURNEY_TYPE', 'UNIT', 'DAY'], 2],
      ['M-TCH', ['UNIT'], 1],
      ['M-JLT', [], 1],
    ] as const) {
      const answer = await compare(id, { a, b: { window }, groupBy, first });
      const parts = [...answer.parts, ...(answer.others ? [answer.others] : [])] as Record<'mix' | 'rate' | 'total', string>[]; // prettier-ignore
      const sum = (of: 'mix' | 'rate' | 'total') => parts.reduce((all, part) => all + exact(part[of]), 0n);
      expect([sum('mix'), sum('rate')]).toEqual([exact(answer.mix), exact(answer.rate)]);
      expect(sum('total')).toBe(exact(answer.exactDifference));
      expect(Number(answer.exactDifference)).toBeCloseTo(answer.difference, 9);
      expect(answer.difference).toBeCloseTo(answer.b.total.value - answer.a.total.value, 9);
    }
    const codes = await compare('M-MOTN', { a, b: {}, groupBy: ['CODE'] });
    // The larger part first; what was not observed then was not observed at all there was.
    expect(codes.parts).toMatchObject([
      { dimensions: [{ id: 'NEG-01' }], a: { n: 2, value: 500 }, b: { n: 8, value: 125 }, mix: '0', total: '-375' },
      { dimensions: [{ id: 'NEG-07' }], a: { n: 2, value: 0 }, b: { n: 8, value: 125 }, mix: '0', total: '125' },
    ]);
    expect(codes.interval).toMatchObject({ method: 'hybrid-poisson-score' });
    expect((await opened(codes.parts[0].a.figure)).value).toBe(codes.parts[0].a.n);
  });

  it('say so when a side counts nothing', async () => {
    const answer = await compare('M-MOTN', { a: { filter: { unit: ['K9'] } }, b: {}, groupBy: ['CODE'] });
    expect(answer).toMatchObject({ difference: null, exactDifference: null, interval: null, mix: null, parts: [] });
  });
});
