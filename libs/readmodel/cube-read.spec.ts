import fc from 'fast-check';
import type { CubeAsk, CubeGroup } from './cube.js';
import { ask, brute, contribution, emptyStore, onePass, spec, type Contribution } from './spec/visits.js';

describe('what is asked of a cube', () => {
  const groupBy = fc.shuffledSubarray([...spec.dims]);
  const values = fc.uniqueArray(fc.integer({ min: -2, max: 3 }), { maxLength: 4 });
  const day = fc.option(fc.integer({ min: 19_980, max: 20_110 }), { nil: undefined });
  const asks: fc.Arbitrary<CubeAsk> = fc.record({
    from: day,
    to: day,
    filter: fc.option(fc.dictionary(fc.constantFrom('unit', 'channel', 'kind'), values, { noNullPrototype: true }), {
      nil: undefined,
    }),
    groupBy,
    measures: fc.shuffledSubarray([...spec.measures], { minLength: 1 }),
  });

  it('equals a brute force over the contributions, whole and page by page, whichever table answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(contribution, { maxLength: 80 }),
        asks,
        fc.integer({ min: 1, max: 5 }),
        async (contributions, question, first) => {
          const store = onePass(contributions);
          const expected = brute(contributions, question);
          expect(await ask(store, question)).toEqual(expected);
          const paged: CubeGroup[] = [];
          for (;;) {
            const page = await ask(store, { ...question, first, after: paged.at(-1)?.key });
            expect(page.length).toBeLessThanOrEqual(first);
            paged.push(...page);
            if (page.length < first) break;
          }
          expect(paged).toEqual(expected);
        },
      ),
    );
  });

  it('spreads a measure over the values of a dimension, whichever table answers', async () => {
    const over = fc.constantFrom('unit', 'channel', 'kind');
    await fc.assert(
      fc.asyncProperty(fc.array(contribution, { maxLength: 80 }), asks, over, async (contributions, question, dim) => {
        const store = onePass(contributions);
        const plain = { ...question, groupBy: question.groupBy.filter((d) => d !== dim) };
        const finer = brute(contributions, { ...plain, groupBy: [...plain.groupBy, dim], measures: ['n'] });
        const groups = await ask(store, { ...plain, spread: { of: 'n', over: dim } });
        expect(groups.map(({ key, measures }) => ({ key, measures }))).toEqual(brute(contributions, plain));
        for (const { key, spread } of groups) {
          const sums = new Map<number, number>();
          for (let i = 0; i < spread!.length; i += 2) {
            sums.set(spread![i]!, (sums.get(spread![i]!) ?? 0) + spread![i + 1]!);
          }
          const expected = finer.filter((group) => key.every((part, i) => group.key[i] === part));
          const own = [...sums].sort(([a], [b]) => a - b);
          expect(own).toEqual(expected.map((group) => [group.key.at(-1), group.measures[0]]));
        }
      }),
    );
  });

  it('is read from the smallest table that can answer, and by day only as far as the page goes', async () => {
    const store = onePass([
      [
        [1, 1, 1, 1],
        [1, 0, 0],
      ],
    ]);
    const statements: string[] = [];
    const asked = async (question: CubeAsk) => {
      statements.length = 0;
      await ask(store, question, (text) => statements.push(text));
      return [...new Set(statements.map((text) => /from "(\w+)"/.exec(text)![1]))];
    };
    expect(await asked({ groupBy: ['day'], measures: ['n'] })).toEqual(['visits_per_day']);
    expect(await asked({ groupBy: [], measures: ['n'], from: 3 })).toEqual(['visits_per_day']);
    expect(await asked({ groupBy: ['day', 'unit'], measures: ['n'], first: 2 })).toEqual(['visits_per_unit']);
    expect(await asked({ groupBy: ['channel'], measures: ['n'] })).toEqual(['visits_per_channel_unit']);
    expect(await asked({ groupBy: ['day'], filter: { unit: [1], kind: [1] }, measures: ['n'] })).toEqual(['visits']);

    const long = onePass(
      Array.from({ length: 1_000 }, (_, i): Contribution => [
        [i, i % 4, i % 3, 1],
        [1, 1, 1],
      ]),
    );
    statements.length = 0;
    const page = await ask(long, { groupBy: ['day', 'channel'], measures: ['n'], after: [99, 9], first: 20 }, (text) =>
      statements.push(text),
    );
    expect(page[0]).toEqual({ key: [100, 100 % 3], measures: [1] });
    expect(page).toHaveLength(20);
    // Two to find the days, one for the days of the page.
    expect(statements).toHaveLength(3);
  });

  it('names what the cube has', async () => {
    const store = emptyStore();
    const wrong: Partial<CubeAsk>[] = [
      { groupBy: ['region'] },
      { groupBy: ['unit', 'unit'] },
      { measures: ['m'] },
      { measures: [] },
      { filter: { region: [1] } },
      { groupBy: ['unit'], after: [1, 2] },
      { spread: { of: 'm', over: 'unit' } },
      { spread: { of: 'n', over: 'region' } },
    ];
    for (const part of wrong) {
      await expect(ask(store, { groupBy: [], measures: ['n'], ...part })).rejects.toMatchObject({ code: 'CUBE_ASK' });
    }
    expect(await ask(store, { groupBy: [], measures: ['n'] })).toEqual([]);
    expect(await ask(store, { groupBy: ['day'], measures: ['n'], first: 5 })).toEqual([]);
  });
});
