import fc from 'fast-check';
import { rootOf } from './customer-roots.js';

const nameOf = (customer: number) => String.fromCharCode(97 + ((customer * 7) % 26));

describe('the root of merged customers', () => {
  const root = (links: ReadonlyMap<number, number>, customer: number) =>
    rootOf(customer, (c) => links.get(c) ?? null, nameOf);

  it('is the customer where nothing was merged, and the end of a chain', () => {
    const links = new Map([
      [1, 2],
      [2, 5],
      [3, 5],
    ]);
    expect([1, 2, 3, 5, 9].map((c) => root(links, c))).toEqual([5, 5, 5, 5, 9]);
  });

  it('is the smallest id of a circle, from wherever one comes', () => {
    const links = new Map([
      [4, 1],
      [1, 2],
      [2, 3],
      [3, 1],
    ]);
    const smallest = [1, 2, 3].reduce((a, b) => (nameOf(b) < nameOf(a) ? b : a));
    expect([1, 2, 3, 4].map((c) => root(links, c))).toEqual([smallest, smallest, smallest, smallest]);
  });

  it('is the same for all who hang together, and itself its own root', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 12 }), (pairs) => {
        const links = new Map(pairs.filter(([a, b]) => a !== b));
        for (const [from, to] of links) expect(root(links, from)).toBe(root(links, to));
        for (let c = 0; c <= 8; c++) expect(root(links, root(links, c))).toBe(root(links, c));
      }),
    ));
});
