import { parseValue } from 'graphql';
import { InstantScalar, JsonScalar, LongScalar, PositionScalar } from './scalars.js';

const refused = expect.objectContaining({ extensions: { code: 'INVALID_INPUT', kind: 'invalid' } });

describe('scalars', () => {
  it.each([
    [PositionScalar, '000000000000001f'],
    [InstantScalar, '2024-05-01T08:00:00.123+08:00'],
    [LongScalar, 9_007_199_254_740_991],
    [LongScalar, -1],
  ])('%s takes %j as variable and as literal', (scalar, value) => {
    expect(scalar.parseValue(value)).toBe(value);
    expect(scalar.parseLiteral(parseValue(JSON.stringify(value)), undefined)).toBe(value);
  });

  it.each([
    [PositionScalar, 12],
    [PositionScalar, ''],
    [PositionScalar, "'; drop"],
    [InstantScalar, '2024-05-01T08:00:00'],
    [InstantScalar, '2024-05-01'],
    [InstantScalar, 1714500000000],
    [LongScalar, 1.5],
    [LongScalar, '1'],
    [LongScalar, 9_007_199_254_740_993],
  ])('%s refuses %j', (scalar, value) => {
    expect(() => scalar.parseValue(value)).toThrow(refused);
    expect(() => scalar.parseLiteral(parseValue(JSON.stringify(value)), undefined)).toThrow(refused);
  });

  it('JSON reads literals with variables in them', () => {
    const literal = parseValue('{ a: [1, $x], b: { c: null } }');
    expect(JsonScalar.parseLiteral(literal, { x: 'y' })).toEqual({ a: [1, 'y'], b: { c: null } });
  });
});
