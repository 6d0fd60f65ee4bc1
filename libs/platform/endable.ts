/**
 * An iterator that ends at once when its consumer stops. An async generator that waits for its next value keeps whoever
 * ends it waiting too, and so a subscription of someone who has gone would stay open until something happens; here
 * `return` aborts the signal that the source was made with.
 *
 * `return endable((signal) => changesOf(log.subscribe({ after, signal })))`
 */
export function endable<T>(source: (signal: AbortSignal) => AsyncIterable<T>): AsyncIterableIterator<T> {
  const stop = new AbortController();
  const inner = source(stop.signal)[Symbol.asyncIterator]();
  const end = () => {
    stop.abort();
    // Not awaited: it settles once the source has seen the signal.
    inner.return?.().then(undefined, () => undefined);
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => inner.next(),
    return() {
      end();
      return Promise.resolve({ value: undefined, done: true });
    },
    throw(error: unknown) {
      end();
      return Promise.reject(error as Error);
    },
  };
}
