import { once } from 'node:events';
import { endable } from './endable.js';

/** Gives what it is told to, then waits for a signal that never comes from elsewhere. */
async function* source(values: readonly number[], signal: AbortSignal, ended: () => void) {
  try {
    yield* values;
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    ended();
  }
}

describe('endable', () => {
  it('gives what its source gives, and ends with it', async () => {
    const seen: number[] = [];
    const finite = async function* () {
      yield* [1, 2, 3];
    };
    for await (const value of endable(finite)) seen.push(value);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('ends a source that waits, which a bare generator does not', async () => {
    let ended = 0;
    const iterator = endable((signal) => source([1], signal, () => ended++));
    expect(await iterator.next()).toEqual({ value: 1, done: false });
    const waiting = iterator.next();
    expect(await iterator.return!()).toEqual({ value: undefined, done: true });
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(ended).toBe(1);

    const stuck = source([], new AbortController().signal, () => ended++);
    const next = stuck.next();
    const returned = Promise.race([stuck.return(undefined), new Promise((r) => setTimeout(r, 50, 'still waiting'))]);
    expect(await returned).toBe('still waiting');
    void next;
  });

  it('passes a fault of its source on', async () => {
    const broken = endable(() => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('log closed')) }),
    }));
    await expect(broken.next()).rejects.toThrow('log closed');
  });
});
