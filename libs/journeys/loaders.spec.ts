import { loaderOf } from './loaders.js';

describe('loaders', () => {
  const counting = () => {
    const batches: (readonly string[])[] = [];
    const load = (keys: readonly string[]) => {
      batches.push(keys);
      return Promise.resolve(keys.map((key) => key.toUpperCase()));
    };
    return { batches, load };
  };

  it('read at once what is asked for one by one, each key once', async () => {
    const context = {};
    const { batches, load } = counting();
    const ask = (key: string) => loaderOf(context, 'letters', load).load(key);
    expect(await Promise.all([ask('a'), ask('b'), ask('a')])).toEqual(['A', 'B', 'A']);
    expect(batches).toEqual([['a', 'b']]);
  });

  it('keep nothing: a context that lives on reads anew', async () => {
    const context = {};
    const { batches, load } = counting();
    const first = loaderOf(context, 'letters', load);
    await first.load('a');
    await loaderOf(context, 'letters', load).load('a');
    expect(batches).toEqual([['a'], ['a']]);
    expect(loaderOf(context, 'letters', load)).not.toBe(first);
  });

  it('are apart by context and by name', async () => {
    const [one, two] = [{}, {}];
    const { batches, load } = counting();
    await Promise.all([
      loaderOf(one, 'x', load).load('a'),
      loaderOf(two, 'x', load).load('b'),
      loaderOf(one, 'y', load).load('c'),
    ]);
    expect(batches).toEqual([['a'], ['b'], ['c']]);
  });
});
