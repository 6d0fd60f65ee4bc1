import { TouchstoneError } from '@touchstone/eventing';
import { endable } from '@touchstone/platform';
import type { Opened } from './feeds.js';
import type { Delivery } from './outgoing-event.js';

/**
 * The events of a feed one by one. Whoever takes them sets the pace, but must not stand still: when the next one is not
 * asked for in time, the feed ends and says so.
 *
 * @param codeOf the code of what went wrong, for the books
 */
export function paced(
  { feed, pages }: Opened,
  slowMs: number,
  codeOf: (error: unknown) => string,
): AsyncIterableIterator<Delivery> {
  return endable((left) => {
    // Also when it is left before it was ever read, which no `finally` would notice.
    left.addEventListener('abort', () => feed.close('gone'), { once: true });
    return itemsOf({ feed, pages }, slowMs, codeOf);
  });
}

async function* itemsOf(
  { feed, pages }: Pick<Opened, 'feed' | 'pages'>,
  slowMs: number,
  codeOf: (error: unknown) => string,
): AsyncGenerator<Delivery, void, void> {
  let ended = 'FEEDS_STOPPING';
  try {
    for await (const { deliveries, caughtUp, last } of pages) {
      if (!caughtUp) feed.behind();
      for (const delivery of deliveries) {
        const timer = setTimeout(() => feed.end(tooSlow(slowMs, delivery.event.position)), slowMs);
        try {
          feed.sent(1);
          yield delivery;
        } finally {
          clearTimeout(timer);
        }
        if (feed.signal.aborted) break;
      }
      if (feed.signal.aborted) break;
      if (last) feed.caughtUp();
    }
    if (feed.reason) throw feed.reason;
  } catch (error) {
    ended = codeOf(error);
    throw error;
  } finally {
    feed.close(ended);
  }
}

const tooSlow = (slowMs: number, position: string): TouchstoneError =>
  new TouchstoneError(
    'FEED_TOO_SLOW',
    `The reader asked for nothing for ${slowMs} ms (FEED_SLOW_MS) and was cut off: read faster, and read on from its position.`,
    'limit',
    { slowMs, position },
  );
