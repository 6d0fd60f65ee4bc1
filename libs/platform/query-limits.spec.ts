import { buildSchema, getIntrospectionQuery, parse, specifiedRules, validate } from 'graphql';
import { costFault, depthLimit } from './query-limits.js';

const schema = buildSchema(`
  type Query { journeys(first: Int = 50): JourneyConnection, one: Journey, named: Named }
  type JourneyConnection { nodes: [Journey] }
  interface Named { name: String }
  type Journey implements Named { name: String, next: Journey, touchpoints(first: Int = 50): [Touchpoint] }
  type Touchpoint { id: ID, journey: Journey }
`);

const depthFaults = (query: string, max = 4) => validate(schema, parse(query), [...specifiedRules, depthLimit(max)]);

describe('depthLimit', () => {
  it.each([
    ['{ one { next { next { name } } } }'],
    ['{ one { ...F } } fragment F on Journey { next { next { name } } }'],
    ['{ ... on Query { one { ... { next { next { name } } } } } }'],
    [getIntrospectionQuery()],
  ])('lets %.60s pass', (query) => expect(depthFaults(query)).toEqual([]));

  it.each([
    ['plain', '{ one { next { next { next { name } } } } }'],
    ['through a fragment', '{ one { next { ...F } } } fragment F on Journey { next { next { name } } }'],
    ['through an inline fragment', '{ one { ... on Named { ... on Journey { next { next { next { name } } } } } } }'],
    ['in the second operation', 'query A { one { name } } query B { one { next { next { next { name } } } } }'],
    ['under an alias', '{ a: one { b: next { c: next { d: next { name } } } } }'],
    ['in types', `{ __type(name: "A") { ${'ofType { '.repeat(25)} name ${'} '.repeat(25)} } }`],
  ])('refuses what is too deep, %s', (_where, query) => {
    const [fault] = depthFaults(query);
    expect(fault?.extensions).toMatchObject({ code: 'QUERY_TOO_DEEP', kind: 'limit' });
  });

  it('ends on fragments in a circle, which another rule reports', () => {
    const faults = depthFaults(
      '{ one { ...A } } fragment A on Journey { next { ...B } } fragment B on Journey { ...A }',
    );
    expect(faults.map((f) => f.message).join()).toContain('Cannot spread fragment');
  });

  it('measures a thousand nested fields without overflowing', () => {
    const query = `{ one ${'{ next '.repeat(1_000)} { name } ${'}'.repeat(1_000)} }`;
    expect(depthFaults(query)[0]?.message).toContain('1002 fields deep');
  });
});

describe('costFault', () => {
  const fault = (query: string, max: number, variables?: Record<string, unknown>) =>
    costFault({ schema, document: parse(query), variables }, max);
  /** The exact cost: the largest limit that is refused, plus nothing. */
  const cost = (query: string, variables?: Record<string, unknown>) =>
    Number(/up to (\d+)/.exec(fault(query, 0, variables)?.message ?? '')?.[1] ?? 0);

  it.each([
    ['{ one { name } }', 2],
    ['{ a: one { name } b: one { name } }', 4],
    ['{ journeys(first: 10) { nodes { name } } }', 1 + 10 * 2],
    ['{ journeys { nodes { name } } }', 1 + 50 * 2],
    ['{ journeys(first: 10) { nodes { touchpoints(first: 100) { id } } } }', 1 + 10 * (1 + 1 + 100)],
    ['{ one { ...F } again: one { ...F } } fragment F on Journey { touchpoints(first: 5) { id } }', 2 * (1 + 1 + 5)],
    ['{ __schema { types { name } } }', 0],
    ['{ one { __typename } }', 1],
  ])('of %s is %i', (query, expected) => expect(cost(query)).toBe(expected));

  it('reads "first" from variables and from their defaults', () => {
    const query = 'query Q($n: Int = 7) { journeys(first: $n) { nodes { name } } }';
    expect(cost(query)).toBe(1 + 7 * 2);
    expect(cost(query, { n: 1_000 })).toBe(1 + 1_000 * 2);
  });

  it('counts a document that comes again with the variables of each time', () => {
    const document = parse(
      'query Q($n: Int = 7, $all: Boolean = true) { journeys(first: $n) { nodes { name @include(if: $all) } } }',
    );
    const costs = (variables: Record<string, unknown>) =>
      [15, 14, 8, 7, 3, 2].find((max) => costFault({ schema, document, variables }, max) !== null);
    for (let again = 0; again < 2; again++) {
      expect(costs({})).toBe(14);
      expect(costs({ n: 1 })).toBe(2);
      expect(costs({ all: false })).toBe(7);
      // What does not fit is told by the engine.
      expect(costFault({ schema, document, variables: { n: 'many' } }, 1_000)).toBeNull();
    }
  });

  it('refuses above the limit only', () => {
    const query = '{ journeys(first: 10) { nodes { name } } }';
    expect(fault(query, 21)).toBeNull();
    expect(fault(query, 20)?.extensions).toMatchObject({ code: 'QUERY_TOO_COSTLY', kind: 'limit' });
  });

  it('refuses a document that doubles with every fragment', () => {
    const layers = Array.from(
      { length: 20 },
      (_, i) => `fragment F${i} on Journey { next { ...F${i + 1} } b: next { ...F${i + 1} } }`,
    );
    const query = `{ one { ...F0 } } ${layers.join(' ')} fragment F20 on Journey { name }`;
    expect(fault(query, 100_000)?.extensions['code']).toBe('QUERY_TOO_COSTLY');
  });
});
