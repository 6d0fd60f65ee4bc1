import type { RecordedEvent, SubscriptionMessage } from '@touchstone/eventing';

/**
 * The events of a subscription, one by one, mapped (`null` leaves one out). The consumer sets the pace. Unlike a
 * generator, which would wait for the next event before it ends, `return` ends the subscription at once.
 */
export function feedOf<T>(
  subscribe: (signal: AbortSignal) => AsyncIterable<SubscriptionMessage>,
  map: (event: RecordedEvent) => T | null,
): AsyncIterableIterator<T> {
  const stop = new AbortController();
  const inner = mapped(subscribe(stop.signal), map);
  const done = { value: undefined, done: true as const };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => inner.next(),
    return() {
      stop.abort();
      // Not awaited: it settles as soon as the subscription has seen the signal.
      inner.return(undefined).catch(() => undefined);
      return Promise.resolve(done);
    },
    throw(error: unknown) {
      stop.abort();
      inner.return(undefined).catch(() => undefined);
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    },
  };
}

async function* mapped<T>(
  messages: AsyncIterable<SubscriptionMessage>,
  map: (event: RecordedEvent) => T | null,
): AsyncGenerator<T, undefined, undefined> {
  for await (const message of messages) {
    if (message.kind !== 'events') continue;
    for (const event of message.events) {
      const value = map(event);
      if (value !== null) yield value;
    }
  }
  return undefined;
}
