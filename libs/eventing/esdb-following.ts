import type { AllStreamResolvedEvent } from '@eventstore/db-client';
import type { Position, RecordedEvent } from './envelope.js';
import type { EventFilter, Subscribe, SubscriptionMessage } from './event-log.js';
import type { EsdbClient } from './esdb-client.js';
import { recordedFrom, textSize } from './esdb-envelope.js';
import { isPassing, translated } from './esdb-errors.js';
import { passes, serverFilter } from './esdb-filter.js';
import { BEFORE_ALL, fromPosition, isPlace, toPosition, type EsdbPlace } from './esdb-position.js';
import { logClosed } from './log-input.js';
import { items, type ClientStream, type EsdbHead, type ReadParts, type Waiting } from './esdb-reading.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** A page of text, in characters. */
export const PAGE_TEXT = 4_000_000;
export const pageSizeOf = (asked: number | undefined): number => Math.min(asked ?? 1_000, 10_000);

/** What a subscription of the client says, in the order in which it says it. */
export type Heard =
  | { readonly kind: 'event'; readonly resolved: AllStreamResolvedEvent }
  | { readonly kind: 'checkpoint'; readonly position: Position }
  | { readonly kind: 'caughtUp' }
  | { readonly kind: 'fellBehind' };

/**
 * One subscription of the client, as long as it lasts, as much at a time as has come. That it has caught up it tells by
 * a listener that may be ahead of what has been read: what it tells is put into the same line.
 */
export async function* listen(
  client: EsdbClient,
  after: Position,
  filter: EventFilter,
  waiting: Waiting,
): AsyncGenerator<readonly Heard[]> {
  const line: { push(heard: Heard): unknown } = { push: () => undefined };
  const checkpointReached = (_: unknown, place: EsdbPlace) => {
    if (isPlace(place)) line.push({ kind: 'checkpoint', position: toPosition(place) });
  };
  const subscription = client.subscribe({
    fromPosition: after === BEFORE_ALL ? 'start' : fromPosition(after),
    filter: { ...serverFilter(filter), checkpointReached },
  });
  line.push = (heard) => subscription.push(heard);
  subscription.on('caughtUp', () => line.push({ kind: 'caughtUp' }));
  subscription.on('fellBehind', () => line.push({ kind: 'fellBehind' }));
  const stream: ClientStream<Heard | AllStreamResolvedEvent> = Object.assign(subscription, {
    cancel: () => subscription.unsubscribe(),
  });
  for await (const come of items(stream, waiting)) {
    yield come.map((item) => ('kind' in item ? item : { kind: 'event', resolved: item }));
  }
}

export interface FollowParts extends ReadParts {
  readonly head: EsdbHead;
  /** When nothing is heard for so long, it is looked whether something should have been. */
  readonly quietMs: number;
}

/**
 * `EventLog.subscribe`: the client's subscriptions, one after the other. It never takes one up again by itself: here
 * each that breaks, or is quiet while the log goes on, is followed by another one from our own position.
 */
export async function* follow(
  parts: FollowParts,
  options: Subscribe,
  start: Position,
): AsyncGenerator<SubscriptionMessage> {
  const closing = options.signal ? AbortSignal.any([options.signal, parts.closing]) : parts.closing;
  const following = new Following({ ...parts, closing }, options, start);
  let pause = FIRST_PAUSE_MS;
  while (!closing.aborted) {
    try {
      for await (const message of following.once()) {
        pause = FIRST_PAUSE_MS;
        yield message;
        if (closing.aborted) return;
      }
    } catch (error) {
      if (closing.aborted) return;
      const fault = translated(error, 'following the log');
      if (!isPassing(fault)) throw fault;
    }
    await parts.client.pulse.pause(pause, closing);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}

/** Where a subscription stands, over all the client's subscriptions that it is made of. */
class Following {
  private page: RecordedEvent[] = [];
  private size = 0;
  private isLive = false;

  constructor(
    private readonly parts: FollowParts,
    private readonly options: Subscribe,
    /** Everything up to here was given, or passed over by the filter. */
    private reached: Position,
  ) {}

  /** One subscription of the client, as long as it lasts. What came before it broke came in order, and is given. */
  async *once(): AsyncGenerator<SubscriptionMessage> {
    this.isLive = false;
    const { client, head, quietMs, closing } = this.parts;
    // Asked first: whoever has caught up afterwards has passed this.
    const headBefore = await unlessClosing(head.read(), closing);
    const waiting = { ...this.parts, silenceMs: quietMs, isFault: () => this.isMissingSomething() };
    try {
      for await (const come of listen(client, this.reached, this.options, waiting)) {
        for (const heard of come) {
          if (heard.kind === 'event') this.take(heard.resolved);
          if (heard.kind !== 'event' || this.isFull()) yield* this.given();
          if (heard.kind === 'checkpoint') yield* this.checkpoint(heard.position);
          else if (heard.kind === 'fellBehind') this.isLive = false;
          else if (heard.kind === 'caughtUp' && !this.isLive) yield* this.caughtUp(headBefore);
        }
        // While it catches up, more is sure to come.
        if (this.isLive) yield* this.given();
      }
    } catch (error) {
      yield* this.given();
      throw error;
    }
    yield* this.given();
  }

  /** An idle log is quiet too. */
  private async isMissingSomething(): Promise<boolean> {
    return !this.isLive || (await this.parts.head.read()) > this.reached;
  }

  private take(resolved: AllStreamResolvedEvent): void {
    const event = recordedFrom(resolved);
    if (event === null || event.position <= this.reached || !passes(event, this.options)) return;
    this.page.push(event);
    this.size += textSize(event.data);
  }

  private isFull(): boolean {
    return this.page.length >= pageSizeOf(this.options.pageSize) || this.size >= PAGE_TEXT;
  }

  private *given(): Generator<SubscriptionMessage> {
    if (this.page.length === 0) return;
    const events = this.page;
    this.page = [];
    this.size = 0;
    this.reached = events.at(-1)!.position;
    this.parts.head.saw(this.reached);
    if (!this.parts.closing.aborted) yield { kind: 'events', events };
  }

  private *checkpoint(position: Position): Generator<SubscriptionMessage> {
    if (position <= this.reached) return;
    this.reached = position;
    yield { kind: 'checkpoint', position };
  }

  private *caughtUp(headBefore: Position): Generator<SubscriptionMessage> {
    this.isLive = true;
    if (headBefore > this.reached) this.reached = headBefore;
    yield { kind: 'caughtUp', position: this.reached };
  }
}

/** Whoever leaves does not wait for a server that does not answer. @throws LOG_CLOSED */
function unlessClosing<T>(work: Promise<T>, closing: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const close = () => reject(logClosed());
    if (closing.aborted) close();
    closing.addEventListener('abort', close, { once: true });
    void work.then(resolve, reject).finally(() => closing.removeEventListener('abort', close));
  });
}
