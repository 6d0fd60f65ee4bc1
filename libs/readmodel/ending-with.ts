/** The items until the signal aborts, even when the source itself never notices. */
export async function* endingWith<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const items = source[Symbol.asyncIterator]();
  let abort = () => {};
  const aborted = new Promise<{ done: true; value: undefined }>((resolve) => {
    abort = () => resolve({ done: true, value: undefined });
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    for (;;) {
      const item = await Promise.race([aborted, items.next()]);
      if (item.done || signal.aborted) return;
      yield item.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // Not awaited: a source that is stuck would keep us stuck as well.
    items.return?.()?.catch(() => {});
  }
}
