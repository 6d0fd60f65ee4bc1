/**
 * The items until the signal aborts, even when the source itself never notices. Nothing of an item is kept once the
 * next one is asked for: a race against one long-lived promise would keep every item until that promise settled.
 */
export async function* endingWith<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const items = source[Symbol.asyncIterator]();
  let giveUp = () => {};
  const abort = () => giveUp();
  signal.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      const item = await new Promise<IteratorResult<T, unknown>>((resolve, reject) => {
        giveUp = () => resolve({ done: true, value: undefined });
        if (signal.aborted) return giveUp();
        items.next().then(resolve, reject);
      });
      if (item.done || signal.aborted) return;
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // Not awaited: a source that is stuck would keep us stuck as well.
    items.return?.()?.catch(() => {});
  }
}
