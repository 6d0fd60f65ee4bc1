import { Bell, type EventLog, type Position, type RecordedEvent, type SubscriptionMessage } from '@touchstone/eventing';
import { logFilterOf, mayPass, type FeedFilter } from './feed-filter.js';

/** What is kept for readers near the end of the log: events, and about how many bytes of them. */
export interface RecentLimits {
  readonly events: number;
  readonly bytes: number;
}
const LIMITS: RecentLimits = { events: 5_000, bytes: 16 * 1024 * 1024 };

export interface Following {
  /** Absent: from the beginning. */
  readonly after?: Position;
  readonly filter: FeedFilter;
  readonly signal: AbortSignal;
}

/** A piece of the log as one reader sees it. */
export interface Piece {
  /** Those that the filter may want; readers at the same place who want the same are given the same list. */
  readonly events: readonly RecordedEvent[];
  /** Everything up to here was looked through. */
  readonly position: Position;
  /** Nothing is behind it now. */
  readonly caughtUp: boolean;
  /** The log gave less than a whole page: most likely nothing is behind it. */
  readonly last: boolean;
}

interface Page {
  /** Exclusive. */
  readonly after: Position;
  readonly position: Position;
  readonly events: readonly RecordedEvent[];
  readonly bytes: number;
}

interface Tail {
  readonly messages: AsyncIterator<SubscriptionMessage>;
  readonly stop: AbortController;
}

/**
 * The newest events of the log, read and parsed once for all readers who have caught up. One tail of the log is read on
 * when the first of them asks for what is behind the newest page; the others find it here. Who is further behind than
 * what is kept, or not there yet, reads the log for itself, and comes here when it has caught up. So a reader that is slow
 * holds nothing up and nothing in memory.
 *
 * While nobody has caught up, those behind who want everything share a tail likewise: on a machine that is busy nobody
 * may catch up for long, and readers who each read for themselves then keep it busy. Whoever catches up takes the place.
 */
export class RecentEvents {
  private readonly bell = new Bell();
  /** Each begins where the one before it ends. */
  private pages: Page[] = [];
  private readonly held = { events: 0, bytes: 0 };
  /** Where the newest page ends; null: nobody reads here yet. */
  private tip: Position | null = null;
  /** Little or nothing was behind the tip when the log was last looked at: those who are here have caught up. */
  private live = false;
  private tail: Tail | null = null;
  private reading = false;
  private readers = 0;
  private closed = false;

  constructor(
    private readonly log: Pick<EventLog, 'subscribe' | 'head'>,
    private readonly pageSize: number,
    private readonly limits: RecentLimits = LIMITS,
  ) {}

  /** What is kept now. */
  get size(): RecentLimits {
    return { ...this.held };
  }

  /** Ends with the signal or the log. @throws what the log throws */
  async *follow({ after, filter, signal }: Following): AsyncGenerator<Piece, void, void> {
    let place = after;
    while (!signal.aborted && !this.closed) {
      let told = false;
      if (place === undefined || !this.isHere(place, filter)) {
        let joined = false;
        for await (const piece of this.alone({ after: place, filter, signal })) {
          place = piece.position;
          told = piece.caughtUp;
          yield piece;
          joined = this.joins(piece, filter);
          if (joined) break;
        }
        if (!joined) return;
      }
      for await (const piece of this.together(place!, told, { filter, signal })) {
        place = piece.position;
        yield piece;
      }
    }
  }

  /** Whether a reader who reads for itself goes on with the others; the first to have caught up begins anew. */
  private joins({ position, caughtUp }: Piece, filter: FeedFilter): boolean {
    if (this.isHere(position, filter)) return true;
    const isAhead = this.tip === null || position > this.tip;
    const mayBegin = caughtUp ? isAhead : this.tip === null && wantsAll(filter);
    // Where somebody waits at the tip, it comes up to this place by itself.
    if (!mayBegin || this.reading) return false;
    this.forget();
    this.tip = position;
    this.live = caughtUp;
    return true;
  }

  /** Whether what is behind the place comes from here. Who wants little finds it sooner by the log's own filter. */
  private isHere(place: Position, filter: FeedFilter): boolean {
    return this.holds(place) && (this.live || wantsAll(filter));
  }

  private async *alone({ after, filter, signal }: Following): AsyncGenerator<Piece, void, void> {
    const options = { ...logFilterOf(filter), after, signal, pageSize: this.pageSize };
    for await (const message of this.log.subscribe(options)) {
      if (message.kind === 'events') yield this.piece(message.events, message.events, filter);
      else yield { events: [], position: message.position, caughtUp: message.kind === 'caughtUp', last: true };
    }
  }

  /** Ends when the place is not kept any more, too. @param told it knows already that it has caught up */
  private async *together(
    from: Position,
    told: boolean,
    { filter, signal }: Omit<Following, 'after'>,
  ): AsyncGenerator<Piece, void, void> {
    let place = from;
    this.readers++;
    try {
      while (!signal.aborted && !this.closed && this.holds(place)) {
        const look = this.bell.look();
        const page = this.pageBehind(place);
        if (page) {
          const behind =
            page.events[0]!.position > place ? page.events : page.events.filter((event) => event.position > place);
          place = page.position;
          yield this.piece(page.events, behind, filter);
        } else if (!told && this.live && (await this.isEnd(place))) {
          told = true;
          yield { events: [], position: place, caughtUp: true, last: true };
        } else {
          void this.readOn();
          await this.bell.wait(look, undefined, signal);
        }
      }
    } finally {
      if (--this.readers === 0) this.rest();
    }
  }

  /** @param page as the log gave it */
  private piece(page: readonly RecordedEvent[], events: readonly RecordedEvent[], filter: FeedFilter): Piece {
    const position = page.at(-1)!.position;
    // The same list for everybody who wants all of it: what is made of it is made once.
    const wanted = events.every((event) => mayPass(filter, event))
      ? events
      : events.filter((event) => mayPass(filter, event));
    return { events: wanted, position, caughtUp: false, last: page.length < this.pageSize };
  }

  /** By the log itself: what was at its end when the tail was last read need not be any more. */
  private async isEnd(place: Position): Promise<boolean> {
    return (await this.log.head()) <= place;
  }

  private holds(place: Position): boolean {
    const first = this.pages[0]?.after ?? this.tip;
    return this.tip !== null && place >= first! && place <= this.tip;
  }

  private pageBehind(place: Position): Page | undefined {
    let [low, high] = [0, this.pages.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.pages[middle]!.position <= place) low = middle + 1;
      else high = middle;
    }
    return this.pages[low];
  }

  /** The next page of the tail; one at a time, whoever asks. */
  private async readOn(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    const tail = (this.tail ??= this.openTail());
    try {
      const { value, done } = await tail.messages.next();
      // Given up in the meantime: another tail begins where this one began.
      if (this.tail !== tail) return;
      if (done) this.closed = true;
      else this.take(value);
    } catch {
      // Everybody reads for themselves, and hears from the log what is wrong, if it still is.
      if (this.tail === tail) this.forget();
    } finally {
      this.reading = false;
      this.bell.ring();
    }
  }

  private openTail(): Tail {
    const stop = new AbortController();
    const options = { after: this.tip!, signal: stop.signal, pageSize: this.pageSize };
    return { messages: this.log.subscribe(options)[Symbol.asyncIterator](), stop };
  }

  private take(message: SubscriptionMessage): void {
    if (message.kind !== 'events') {
      this.tip = message.position;
      this.live ||= message.kind === 'caughtUp';
      return;
    }
    const { events } = message;
    // Those who had caught up have, until they fall far behind: a page may be full now and then.
    this.live ||= events.length < this.pageSize;
    const page = { after: this.tip!, position: events.at(-1)!.position, events, bytes: bytesOf(events) };
    this.pages.push(page);
    this.tip = page.position;
    this.held.events += events.length;
    this.held.bytes += page.bytes;
    let gone = 0;
    for (; this.held.events > this.limits.events || this.held.bytes > this.limits.bytes; gone++) {
      const oldest = this.pages[gone]!;
      this.held.events -= oldest.events.length;
      this.held.bytes -= oldest.bytes;
    }
    if (gone > 0) this.pages = this.pages.slice(gone);
  }

  /** Nobody is here: what is new is kept, and nothing is read. */
  private rest(): void {
    if (!this.live) this.clear();
    const { tail } = this;
    this.tail = null;
    tail?.stop.abort();
    // One that waits ends by the signal; one that does not would never hear of it.
    tail?.messages.return?.().then(undefined, () => undefined);
  }

  private forget(): void {
    this.rest();
    this.clear();
  }

  private clear(): void {
    this.pages = [];
    this.held.events = this.held.bytes = 0;
    this.tip = null;
    this.live = false;
  }
}

/** Nothing of the log would be passed over for such a reader. */
const wantsAll = ({ types, streams }: FeedFilter): boolean => types === undefined && streams === undefined;

/** About what an event takes as text: exact is not needed, and to write it out again would cost as much as to read it. */
const AROUND_DATA = 500;
const bytesOf = (events: readonly RecordedEvent[]): number =>
  events.reduce((sum, { data }) => sum + AROUND_DATA + weightOf(data), 0);

function weightOf(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let weight = 2;
  for (const [name, each] of Object.entries(value)) weight += 2 * name.length + 4 + weightOf(each);
  return weight;
}
