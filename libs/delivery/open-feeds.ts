import { setTimeout as sleep } from 'node:timers/promises';
import { TouchstoneError } from '@touchstone/eventing';

/** How long a stop waits for readers who do not take their last word, in ms. */
const STOP_MS = 2_000;

/** How a subscriber reads. */
export type Transport = 'sse' | 'poll' | 'graphql';

/** What is measured of feeds. */
export interface FeedMeter {
  opened(transport: Transport): void;
  refused(transport: Transport): void;
  sent(transport: Transport, events: number): void;
  /** @param reason the code that the subscriber was told; `gone` of one that left by itself, `done` of an answer */
  ended(transport: Transport, reason: string): void;
}

/** One subscriber that reads now. */
export interface OpenFeed {
  readonly transport: Transport;
  /** Aborts when the feed has to end: its reader has gone, or the server stops. */
  readonly signal: AbortSignal;
  /** Why it has to end, for its reader; null of one that has gone. */
  readonly reason: TouchstoneError | null;
  /** For how long it has been behind the log without a break, in ms; 0 when it has caught up. */
  lagMs(): number;
  /** Bytes that were made for its reader and not yet given to the network. */
  buffered(): number;
  /** There is something to send, or to look through. */
  behind(): void;
  caughtUp(): void;
  sent(events: number): void;
  measure(buffered: () => number): void;
  /** Tells it to end. */
  end(reason: TouchstoneError | null): void;
  /** It has ended: its place is free. */
  close(reason: string): void;
}

/** All subscribers of this process: how many there may be, and the end of all of them. */
export class OpenFeeds {
  private readonly feeds = new Set<OpenFeed>();
  private stopping = false;
  private whenEmpty: (() => void)[] = [];

  constructor(
    private readonly limit: number,
    private readonly meter: FeedMeter,
  ) {}

  get all(): ReadonlySet<OpenFeed> {
    return this.feeds;
  }

  /** @throws FEEDS_TOO_MANY (busy), FEEDS_STOPPING (unavailable) */
  open(transport: Transport): OpenFeed {
    if (this.stopping || this.feeds.size >= this.limit) {
      this.meter.refused(transport);
      throw this.stopping ? stopping() : tooMany(this.limit);
    }
    const feed = new Feed(transport, this.meter, () => {
      this.feeds.delete(feed);
      if (this.feeds.size === 0) for (const resolve of this.whenEmpty.splice(0)) resolve();
    });
    this.feeds.add(feed);
    this.meter.opened(transport);
    return feed;
  }

  /** Tells every reader why and takes no more; resolves when all have ended, or had their time to. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const feed of this.feeds) feed.end(stopping());
    if (this.feeds.size === 0) return;
    const over = new AbortController();
    const empty = new Promise<void>((resolve) => this.whenEmpty.push(resolve));
    await Promise.race([empty, sleep(STOP_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
  }
}

class Feed implements OpenFeed {
  private readonly controller = new AbortController();
  private why: TouchstoneError | null = null;
  private since: number | null = performance.now();
  private closed = false;
  private measured = () => 0;

  constructor(
    readonly transport: Transport,
    private readonly meter: FeedMeter,
    private readonly left: () => void,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get reason(): TouchstoneError | null {
    return this.why;
  }

  lagMs(): number {
    return this.since === null ? 0 : performance.now() - this.since;
  }

  buffered(): number {
    return this.measured();
  }

  behind(): void {
    this.since ??= performance.now();
  }

  caughtUp(): void {
    this.since = null;
  }

  sent(events: number): void {
    if (events > 0) this.meter.sent(this.transport, events);
  }

  measure(buffered: () => number): void {
    this.measured = buffered;
  }

  end(reason: TouchstoneError | null): void {
    if (this.signal.aborted) return;
    this.why = reason;
    this.controller.abort();
  }

  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.end(null);
    this.meter.ended(this.transport, reason);
    this.left();
  }
}

const tooMany = (limit: number): TouchstoneError =>
  new TouchstoneError(
    'FEEDS_TOO_MANY',
    `${limit} feeds are open, which is as many as this server serves (FEED_MAX_OPEN): close one, or try again later.`,
    'busy',
    { limit },
  );

const stopping = (): TouchstoneError =>
  new TouchstoneError(
    'FEEDS_STOPPING',
    'The server stops: connect again and read on from your position.',
    'unavailable',
  );
