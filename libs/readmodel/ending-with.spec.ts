import { setImmediate as nextTurn } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { endingWith } from './ending-with.js';

/** Only a collection that surely happened can show what is kept. */
function collector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}

async function* numbered(count: number, each: (item: object) => void) {
  for (let n = 0; n < count; n++) {
    const item = { n };
    each(item);
    yield item;
  }
}

describe('endingWith', () => {
  it('gives every item, and ends with the source', async () => {
    const seen: unknown[] = [];
    for await (const item of endingWith(
      numbered(3, () => {}),
      new AbortController().signal,
    ))
      seen.push(item);
    expect(seen).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  it('ends with the signal, though the source waits for ever', async () => {
    const stop = new AbortController();
    const stuck: AsyncIterable<never> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const items = endingWith(stuck, stop.signal);
    const next = items.next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('asks nothing of the source once the signal has aborted', async () => {
    let asked = 0;
    const source = numbered(3, () => asked++);
    expect(await endingWith(source, AbortSignal.abort()).next()).toEqual({ done: true, value: undefined });
    expect(asked).toBe(0);
  });

  it('passes a fault of the source on', async () => {
    async function* faulty(): AsyncGenerator<number> {
      yield 1;
      throw new Error('The source broke.');
    }
    const items = endingWith(faulty(), new AbortController().signal);
    expect((await items.next()).value).toBe(1);
    await expect(items.next()).rejects.toThrow('The source broke.');
  });

  it('keeps no item that was taken, however long it goes on', async () => {
    const gc = collector();
    const given: WeakRef<object>[] = [];
    const items = endingWith(
      numbered(200, (item) => given.push(new WeakRef(item))),
      new AbortController().signal,
    );
    for (let n = 0; n < 100; n++) await items.next();
    // A weak reference holds its target until the turn in which it was made is over.
    await nextTurn();
    gc();
    expect(given.length).toBe(100);
    expect(given.filter((item) => item.deref() !== undefined).length).toBeLessThanOrEqual(2);
    await items.return();
  });
});
