import fc from 'fast-check';
import { decimal, splitDifference, type ComparedGroup, type Split } from './comparison.js';

const ratio = fc
  .record({ denominator: fc.nat(1_000_000), share: fc.integer({ min: -2_000, max: 3_000 }) })
  .map(({ denominator, share }) => ({ denominator, numerator: Math.round((denominator * share) / 1_000) }));
const group: fc.Arbitrary<ComparedGroup> = fc.record({ a: ratio, b: ratio });
const groups = fc.array(group, { minLength: 1, maxLength: 30 });

const total = ({ parts }: Split) => parts.reduce((sum, { mix, rate }) => sum + mix + rate, 0n);
const totalOf = (split: Split, kind: 'mix' | 'rate') => split.parts.reduce((sum, part) => sum + part[kind], 0n);
const near = (x: bigint, y: bigint, by: number) => expect(Math.abs(Number(x - y))).toBeLessThanOrEqual(by);

describe('a difference split over groups', () => {
  it('is what the formulas say', () => {
    // Weights 0.8/0.2 and 0.5/0.5, rates 0.5/0.1 and 0.6/0.1: 0.42 and 0.35.
    const split = splitDifference([
      [
        { a: { numerator: 40, denominator: 80 }, b: { numerator: 30, denominator: 50 } },
        { a: { numerator: 2, denominator: 20 }, b: { numerator: 5, denominator: 50 } },
      ],
    ])!;
    expect(decimal(split.difference)).toBe('-0.07');
    expect(split.parts.map(({ mix, rate }) => [decimal(mix), decimal(rate)])).toEqual([
      ['-0.0495', '0.065'],
      ['-0.0855', '0'],
    ]);
  });

  it('adds up to the last digit, whatever the groups', () =>
    fc.assert(
      fc.property(groups, fc.constantFrom(1, 1000), (all, scale) => {
        const split = splitDifference([all], scale);
        if (split === null) return;
        expect(total(split)).toBe(split.difference);
        const side = (of: 'a' | 'b') =>
          all.reduce((sum, g) => sum + g[of].numerator, 0) / all.reduce((sum, g) => sum + g[of].denominator, 0);
        expect(Number(decimal(split.difference))).toBeCloseTo(scale * (side('b') - side('a')), 8);
      }),
    ));

  it('turns its signs when the sides are exchanged', () =>
    fc.assert(
      fc.property(groups, (all) => {
        const there = splitDifference([all]);
        const back = splitDifference([all.map(({ a, b }) => ({ a: b, b: a }))]);
        expect(back).toEqual(
          there && {
            difference: -there.difference,
            parts: there.parts.map(({ mix, rate }) => ({ mix: -mix, rate: -rate })),
          },
        );
      }),
    ));

  it('comes out the same when a group is cut in two equal ones', () =>
    fc.assert(
      fc.property(groups, fc.nat(), (all, which) => {
        const double = ({ numerator, denominator }: ComparedGroup['a']) => ({
          numerator: 2 * numerator,
          denominator: 2 * denominator,
        });
        const whole = all.map(({ a, b }) => ({ a: double(a), b: double(b) }));
        const cut = which % all.length;
        const halves = [...whole.slice(0, cut), all[cut]!, all[cut]!, ...whole.slice(cut + 1)];
        const [one, two] = [splitDifference([whole]), splitDifference([halves])];
        if (one === null || two === null) return expect(one).toBe(two);
        expect(two.difference).toBe(one.difference);
        // Rounding of each part apart.
        for (const kind of ['mix', 'rate'] as const) near(totalOf(one, kind), totalOf(two, kind), 2 * halves.length);
      }),
    ));

  it('calls all of it mix for a group that only one side has, and all of it rate for a single group', () => {
    const shared = { a: { numerator: 5, denominator: 10 }, b: { numerator: 5, denominator: 10 } };
    const only = { a: { numerator: 0, denominator: 0 }, b: { numerator: 9, denominator: 10 } };
    const split = splitDifference([[shared, only]])!;
    expect(split.parts[1]!.rate).toBe(0n);
    expect(decimal(split.difference)).toBe('0.2');
    const single = splitDifference([[{ a: shared.a, b: { numerator: 7, denominator: 21 } }]])!;
    expect(single.parts).toEqual([{ mix: 0n, rate: single.difference }]);
  });

  it('adds up over strands of the numerators', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ a: fc.nat(1000), b: fc.nat(1000), x: fc.nat(50), y: fc.nat(50) }), { minLength: 1 }),
        (all) => {
          const strand = (of: 'x' | 'y') =>
            all.map((g) => ({
              a: { numerator: g.a === 0 ? 0 : g[of], denominator: g.a },
              b: { numerator: g.b === 0 ? 0 : g[of === 'x' ? 'y' : 'x'], denominator: g.b },
            }));
          const together = strand('x').map((g, i) => ({
            a: { ...g.a, numerator: g.a.numerator + strand('y')[i]!.a.numerator },
            b: { ...g.b, numerator: g.b.numerator + strand('y')[i]!.b.numerator },
          }));
          const [split, whole] = [splitDifference([strand('x'), strand('y')]), splitDifference([together])];
          if (split === null || whole === null) return expect(split).toBe(whole);
          expect(total(split)).toBe(split.difference);
          expect(split.difference).toBe(whole.difference);
        },
      ),
    ));

  it('is unknown where a side counts nothing', () => {
    const none = { numerator: 0, denominator: 0 };
    expect(splitDifference([[{ a: none, b: { numerator: 1, denominator: 2 } }]])).toBeNull();
    expect(splitDifference([[]])).toBeNull();
  });
});

describe('a decimal', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000000001'],
    [-1_500_000_000_000n, '-1.5'],
    [123_000_000_000_000n, '123'],
  ])('of %s is %s', (amount, text) => expect(decimal(amount)).toBe(text));
});
