import { checkCorrelation, durationMs, matchesKind, type CorrelationRule } from './correlation-rule.js';
import { CorrelationRules } from './correlation-rules.js';

const rule = (journeyType: string, more: Partial<CorrelationRule> = {}): CorrelationRule => ({
  journeyType,
  idleGapMs: 1000,
  ...more,
});
const codeOf = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return null;
};

describe('rules of correlation', () => {
  it('hold for their type, else the default does; a kind that a rule claims is of its type', () => {
    const rules = new CorrelationRules();
    rules.put('common', { version: 4, shipped: true, rules: [rule('default'), rule('repair', { kinds: ['crew.*'] })] });
    expect(rules.find('any', 'repair')).toMatchObject({ journeyType: 'repair', rule: { journeyType: 'repair' } });
    expect(rules.find('any', 'bill')).toMatchObject({
      journeyType: 'bill',
      rule: { journeyType: 'default', version: 4 },
    });
    expect(rules.find('crew.arrived')?.journeyType).toBe('repair');
    // What is said of the type stands before what is said of the kind.
    expect(rules.find('crew.arrived', 'bill')?.journeyType).toBe('bill');
    expect(rules.find('call')).toBeNull();
  });

  it('of one’s own come before those that ship, until their pack is retired', () => {
    const rules = new CorrelationRules();
    rules.put('own', { version: 1, shipped: false, rules: [rule('repair', { idleGapMs: 7 }), rule('own', { kinds: ['crew.arrived'] })] }); // prettier-ignore
    rules.put('common', { version: 1, shipped: true, rules: [rule('repair', { kinds: ['crew.*'] })] });
    expect(rules.find('any', 'repair')?.rule).toMatchObject({ pack: 'own', idleGapMs: 7 });
    expect(rules.find('crew.arrived')?.journeyType).toBe('own');
    rules.drop('own');
    expect(rules.find('crew.arrived')).toMatchObject({ journeyType: 'repair', rule: { pack: 'common' } });
    expect(rules.find('any', 'own')).toBeNull();
  });

  it('are refused twice, of another pack of one’s own, and where they say nothing', () => {
    const rules = new CorrelationRules();
    rules.put('common', { version: 1, shipped: true, rules: [rule('repair')] });
    rules.put('own', { version: 1, shipped: false, rules: [rule('bill')] });
    expect(codeOf(() => rules.check('other', [rule('repair')]))).toBeNull();
    expect(codeOf(() => rules.check('own', [rule('bill')]))).toBeNull();
    expect(codeOf(() => rules.check('other', [rule('bill')]))).toBe('CORRELATION_TAKEN');
    expect(codeOf(() => rules.check('other', [rule('a'), rule('a')]))).toBe('CORRELATION_TWICE');
    expect(codeOf(() => checkCorrelation('p', [{ journeyType: 'a' }]))).toBe('CORRELATION_INVALID');
    expect(codeOf(() => checkCorrelation('p', [rule('a'), { journeyType: 'b', objects: ['o'] }]))).toBeNull();
  });

  it('know durations and kinds', () => {
    expect(['90m', '72h', '7d', '0h', '3 d', 'd', 7].map(durationMs)).toEqual([
      5_400_000,
      259_200_000,
      604_800_000,
      null,
      null,
      null,
      null,
    ]);
    expect([matchesKind('crew.*', 'crew.arrived'), matchesKind('crew.*', 'crew'), matchesKind('crew', 'crew')]).toEqual(
      [true, false, true],
    );
  });
});
