import type { Position } from '@touchstone/eventing';
import { Alarm, RANG } from './alarm.js';
import { cloudEventOf } from './cloud-event.js';
import type { FeedPage } from './event-feed.js';
import type { OpenFeed } from './open-feeds.js';

/** Text of one answer, about: large events make it shorter. */
const ANSWER_TEXT = 4 * 1024 * 1024;
/** How long one answer looks through a log in which nothing is for its reader, in ms. */
const LOOK_MS = 2_000;

/** One answer of a long poll. */
export interface Polled {
  /** CloudEvents as JSON texts. */
  readonly events: readonly string[];
  /** Where to read on; null: from the beginning, for the log is empty. */
  readonly next: Position | null;
  /** Nothing is behind it now. */
  readonly caughtUp: boolean;
}

export interface Poll {
  readonly feed: OpenFeed;
  readonly pages: AsyncGenerator<FeedPage, void, void>;
  readonly after: Position | undefined;
  readonly first: number;
  /** How long to wait for the first event, in ms. */
  readonly waitMs: number;
}

/** Events that are there, at most `first`; when there are none, those that come first within the time. */
export async function poll({ feed, pages, after, first, waitMs }: Poll): Promise<Polled> {
  // Until it has caught up it may look a little longer than it was told to wait, so that it gets on.
  const [waited, looked] = [new Alarm(waitMs), new Alarm(Math.max(waitMs, LOOK_MS))];
  const answer: Answer = { events: [], size: 0, next: after ?? null };
  let live = false;
  let caughtUp = false;
  try {
    for (;;) {
      const result = await (live ? waited : looked).or(pages.next());
      if (result === RANG || result.done) break;
      const page: FeedPage = result.value;
      const whole = take(answer, page, first);
      live ||= page.caughtUp;
      caughtUp = whole && live && page.last;
      if (!whole || (live && (answer.events.length > 0 || waitMs === 0))) break;
    }
  } finally {
    waited.stop();
    looked.stop();
    feed.end(null);
    void pages.return();
  }
  feed.sent(answer.events.length);
  return { events: answer.events, next: answer.next, caughtUp };
}

interface Answer {
  readonly events: string[];
  size: number;
  next: Position | null;
}

/** False: the answer is full before the end of the page. */
function take(answer: Answer, page: FeedPage, first: number): boolean {
  for (const delivery of page.deliveries) {
    if (answer.events.length >= first || answer.size >= ANSWER_TEXT) return false;
    const text = JSON.stringify(cloudEventOf(delivery));
    answer.events.push(text);
    answer.size += text.length;
    answer.next = delivery.event.position;
  }
  answer.next = page.position;
  return true;
}
