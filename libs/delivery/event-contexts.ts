import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { TouchstoneError, type EventLog, type Position, type RecordedEvent } from '@touchstone/eventing';
import {
  contextAskOf,
  eventContextsQuery,
  factRevisionsQuery,
  supersededFact,
  supersededInStream,
  supersedingAsk,
  type ContextAsk,
  type EventInContext,
} from '@touchstone/journeys';
import type { ReadOptions, Reads } from '@touchstone/readmodel';

/** Contexts kept, so that subscribers who are at the same place look things up once together. */
const KEPT = 5_000;
/** How long one try waits for the read model, and how long until the next after another fault, in ms. */
const TRY_MS = 5_000;
const PAUSE_MS = 200;
/** How long subscribers wait for a read model that does not come as far as their events, in ms. */
const PATIENCE_MS = 60_000;

export interface ContextParts {
  readonly log: Pick<EventLog, 'readStream'>;
  readonly reads: Pick<Reads, 'run'>;
  readonly patienceMs?: number;
}

/**
 * What stood around events, as known at their positions, a page of them at a time, from the read model. It never answers
 * from a read model that has not come as far: it waits, and gives up after a time.
 */
export class EventContexts {
  private readonly kept = new LRUCache<Position, Promise<EventInContext>>({ max: KEPT });

  constructor(private readonly parts: ContextParts) {}

  /**
   * In the order of the events. A look-up is shared by all who want the same; how long each waits for it is their own.
   * @param patienceMs default a minute
   * @throws FEED_BEHIND (unavailable) when the read model has not come so far within that time, and what it throws
   */
  async of(
    events: readonly RecordedEvent[],
    patienceMs = this.parts.patienceMs ?? PATIENCE_MS,
  ): Promise<readonly EventInContext[]> {
    const until = performance.now() + patienceMs;
    for (;;) {
      try {
        return await within(until - performance.now(), this.shared(events));
      } catch (error) {
        if (!passesByItself(error)) throw error;
        if (performance.now() + PAUSE_MS >= until) throw behind(lastOf(events), error);
        await sleep(PAUSE_MS);
      }
    }
  }

  /** One try; of what somebody else is looking up already, theirs. */
  private shared(events: readonly RecordedEvent[]): Promise<readonly EventInContext[]> {
    const missing = events.filter(({ position }) => !this.kept.has(position));
    const found = missing.length > 0 ? this.look(missing) : Promise.resolve([]);
    const asked = new Map(missing.map(({ position }, i) => [position, found.then((contexts) => contexts[i]!)]));
    const all = events.map(({ position }) => asked.get(position) ?? this.kept.get(position)!);
    for (const [position, context] of asked) {
      this.kept.set(position, context);
      // A fault is not kept: whoever comes next tries again.
      context.catch(() => this.kept.peek(position) === context && this.kept.delete(position));
    }
    return Promise.all(all);
  }

  private async look(events: readonly RecordedEvent[]): Promise<readonly EventInContext[]> {
    const options = { atLeast: lastOf(events), timeoutMs: TRY_MS };
    const said = await this.saidAt(events, options);
    const asks = await Promise.all(events.map((event, i) => this.askOf(event, said.get(i))));
    return (await this.parts.reads.run(eventContextsQuery, { asks }, options)).result;
  }

  /** By the place of the event among these: the revision at which what it supersedes stands, where that is a fact. */
  private async saidAt(events: readonly RecordedEvent[], options: ReadOptions): Promise<ReadonlyMap<number, number>> {
    const asked = events.flatMap((event, i) => {
      const factId = supersededFact(event);
      return factId === undefined ? [] : [{ i, factId, position: event.position }];
    });
    if (asked.length === 0) return new Map();
    const facts = asked.map(({ factId, position }) => ({ factId, position }));
    const { result } = await this.parts.reads.run(factRevisionsQuery, { facts }, options);
    return new Map(asked.flatMap(({ i }, n) => (result[n] == null ? [] : [[i, result[n]]])));
  }

  /** What supersedes an earlier event of its stream need not say which: the log tells it. */
  private async askOf(event: RecordedEvent, saidAt: number | undefined): Promise<ContextAsk> {
    const ask = contextAskOf(event);
    const isSuperseded = supersededInStream(event);
    if (isSuperseded === undefined || event.revision === 0) return ask;
    if (saidAt !== undefined) {
      const there = this.parts.log.readStream(event.stream, { from: saidAt, max: 1 });
      for await (const each of there) if (isSuperseded(each)) return supersedingAsk(ask, each);
    }
    // What the read model does not know, and what takes back the last merge: seldom far away.
    const earlier = this.parts.log.readStream(event.stream, { from: event.revision - 1, direction: 'backwards' });
    for await (const each of earlier) if (isSuperseded(each)) return supersedingAsk(ask, each);
    return ask;
  }
}

const lastOf = (events: readonly RecordedEvent[]): Position =>
  events.reduce((last, { position }) => (position > last ? position : last), '');

/** @throws QUERY_TIMEOUT when it takes longer, and what the work throws; the work goes on for whoever else waits */
async function within<R>(ms: number, work: Promise<R>): Promise<R> {
  const stop = new AbortController();
  const late = sleep(Math.max(1, ms), undefined, { signal: stop.signal }).then(() => {
    throw new TouchstoneError(
      'QUERY_TIMEOUT',
      'The look-up takes longer than its asker waits; ask again.',
      'unavailable',
    );
  });
  // Nobody waits for it any more once the work is done.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
  }
}

/** The read model is behind, busy, being set up, or its thread has to be started again. */
const passesByItself = (error: unknown): boolean =>
  error instanceof TouchstoneError &&
  (error.kind === 'busy' ||
    error.code === 'QUERY_TIMEOUT' ||
    error.code === 'READ_WORKER_DIED' ||
    error.code === 'READ_MODEL_NOT_READY');

const behind = (position: Position, cause: unknown): TouchstoneError =>
  new TouchstoneError(
    'FEED_BEHIND',
    `The read models did not come as far as the event at ${position} in time: read on later from where you are.`,
    'unavailable',
    undefined,
    { cause },
  );
