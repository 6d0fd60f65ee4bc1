import {
  TouchstoneError,
  type EventLog,
  type EventRegistry,
  type Position,
  type RecordedEvent,
} from '@touchstone/eventing';
import type { EventContexts } from './event-contexts.js';
import { asksForSurroundings, passes, type FeedFilter, type FeedStart } from './feed-filter.js';
import { outgoing, type Delivery } from './outgoing-event.js';
import { RecentEvents, type RecentLimits } from './recent-events.js';

/** Events that are read, looked up and sent together. */
export const PAGE = 200;

/** A part of the feed, in the order of the log. */
export interface FeedPage {
  readonly deliveries: readonly Delivery[];
  /** Everything up to here was seen, for the subscriber or not: a place to read on from once the deliveries are taken. */
  readonly position: Position;
  /** Nothing is behind it now. */
  readonly caughtUp: boolean;
  /** The log gave less than a whole page: most likely nothing is behind it. */
  readonly last: boolean;
}

export interface FeedRequest {
  /** Absent: from the beginning. */
  readonly after?: Position;
  readonly filter: FeedFilter;
  readonly signal: AbortSignal;
}

export interface FeedParts {
  readonly log: Pick<EventLog, 'subscribe' | 'head' | 'comparePositions'>;
  readonly registry: EventRegistry;
  readonly contexts: Pick<EventContexts, 'of'>;
  /** What is kept of the newest events for readers who have caught up. */
  readonly recent?: RecentLimits;
}

/** The log as subscribers see it. It reads on only when it is asked to: whoever takes pages sets the pace. */
export class EventFeed {
  /** What several readers are given goes out as one and the same: single events, and the lists that they share. */
  private readonly made = new WeakMap<RecordedEvent, Delivery>();
  private readonly lists = new WeakMap<readonly RecordedEvent[], Promise<readonly Delivery[]>>();
  private readonly recent: RecentEvents;

  constructor(private readonly parts: FeedParts) {
    this.recent = new RecentEvents(parts.log, PAGE, parts.recent);
  }

  /**
   * The position behind which to begin; undefined: with the first event of all.
   * @throws INVALID_POSITION, also for one beyond the end of the log
   */
  async startOf(start: FeedStart): Promise<Position | undefined> {
    if (start === 'beginning') return undefined;
    const { log } = this.parts;
    const head = await log.head();
    if (start === 'now') return head;
    if (log.comparePositions(start.after, head) <= 0) return start.after;
    throw new TouchstoneError(
      'INVALID_POSITION',
      `The position ${start.after} lies beyond the end of this log, ${head}: give one that an event or an answer of it carried.`,
      'invalid',
      { position: start.after, head },
    );
  }

  /** @throws EVENT_TYPE_UNKNOWN for a type that nobody writes: a subscriber would wait for it in vain */
  check({ types = [] }: FeedFilter): void {
    for (const type of types) this.parts.registry.definition(type);
  }

  /** Ends with the signal or the log. @throws FEED_BEHIND and what the log and the read models throw */
  async *pages({ after, filter, signal }: FeedRequest): AsyncGenerator<FeedPage, void, void> {
    for await (const { events, position, caughtUp, last } of this.recent.follow({ after, filter, signal })) {
      const deliveries = await unlessAborted(signal, this.deliveriesOf(events, filter));
      if (deliveries === null) return;
      yield { deliveries, position, caughtUp, last };
    }
  }

  private async deliveriesOf(events: readonly RecordedEvent[], filter: FeedFilter): Promise<readonly Delivery[]> {
    if (events.length === 0) return [];
    const all = await this.allOf(events);
    return asksForSurroundings(filter) ? all.filter((delivery) => passes(filter, delivery)) : all;
  }

  private async allOf(events: readonly RecordedEvent[]): Promise<readonly Delivery[]> {
    const shared = this.lists.get(events);
    // How long each waits for it is their own: one who came first may have given up.
    if (shared) return shared.catch(() => this.look(events));
    const all = this.look(events);
    this.lists.set(events, all);
    // A fault is not kept: whoever comes next tries again.
    all.catch(() => this.lists.delete(events));
    return all;
  }

  private async look(events: readonly RecordedEvent[]): Promise<readonly Delivery[]> {
    const contexts = await this.parts.contexts.of(events);
    return events.map((recorded, i) => {
      let delivery = this.made.get(recorded);
      if (!delivery) {
        delivery = { ...outgoing(recorded, this.parts.registry), ...contexts[i]! };
        this.made.set(recorded, delivery);
      }
      return delivery;
    });
  }
}

/** Null: the signal was quicker. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  let abort = () => {};
  const aborted = new Promise<null>((resolve) => {
    abort = () => resolve(null);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
