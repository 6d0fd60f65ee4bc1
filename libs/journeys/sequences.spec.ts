import fc from 'fast-check';
import { Sequences } from './sequences.js';

/** Sequences of few numbers, some of them alike at the beginning, as numbers and as texts. */
const sequence = fc.array(fc.constantFrom(1, 2, 12, 121, 13, 2_000_000), { maxLength: 5 });

describe('sequences', () => {
  it('are counted as their texts would be, and ranked like them', () =>
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 600, size: 'max' }), fc.nat(50), (all, max) => {
        const counted = new Sequences();
        const texts = new Map<string, number>();
        for (const values of all) {
          // They stand among others.
          counted.add(Int32Array.of(7, ...values, 7), 1, 1 + values.length);
          texts.set(values.join(), (texts.get(values.join()) ?? 0) + 1);
        }
        expect([counted.size, counted.total]).toEqual([texts.size, all.length]);
        const told = (n: number) => [counted.valuesOf(n).join(), counted.count(n)];
        const ranked = [...texts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
        expect(counted.top(max).map(told)).toEqual(ranked.slice(0, max));
        expect(counted.top(all.length).map(told)).toEqual(ranked);
      }),
      { numRuns: 60 },
    ));

  it('are found again among very many', () => {
    const counted = new Sequences();
    const numbers = (n: number) => Int32Array.of(n % 10, n, n % 7);
    for (let round = 0; round < 2; round++) for (let n = 0; n < 20_000; n++) counted.add(numbers(n), 0, 3);
    expect([counted.size, counted.total]).toEqual([20_000, 40_000]);
    expect(counted.top(20_000).every((n) => counted.count(n) === 2)).toBe(true);
    expect(counted.valuesOf(19_999)).toEqual([...numbers(19_999)]);
  });
});
