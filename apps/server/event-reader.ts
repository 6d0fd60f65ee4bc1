import { Inject, Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import { Feeds, type Delivery } from '@touchstone/delivery';
import { EventRegistry, type EventFilter, type EventLog, type RecordedEvent, type Vault } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, EVENT_LOG, pageOf, VAULT, type Page } from '@touchstone/platform';
import type { Event, EventContext, EventFeedArgs, EventsArgs } from './events.graphql.js';

interface Which {
  readonly types?: readonly string[];
  readonly stream?: string;
}

/** The log for people, personal fields opened or `forgotten`, and the event feed over GraphQL, without them. */
@Injectable()
export class EventReader {
  /** By GraphQL context: what the events of a page are asked for one by one is looked up at once. */
  private readonly loaders = new WeakMap<object, DataLoader<Event, EventContext>>();

  constructor(
    @Inject(Feeds) private readonly feeds: Feeds,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(EventRegistry) private readonly registry: EventRegistry,
  ) {}

  /** @throws INVALID_CURSOR */
  async page(args: EventsArgs): Promise<Page<Event>> {
    const found: RecordedEvent[] = [];
    for await (const event of this.matching(args)) {
      found.push(event);
      if (found.length > args.first) break;
    }
    return pageOf(
      found,
      args,
      (event) => encodeCursor('events', [event.position, event.revision]),
      (event) => this.readable(event),
    );
  }

  /**
   * Everything after a position, then each event as it is recorded; ends when the consumer stops.
   * @throws what `Feeds.items` throws
   */
  async feed({ after, stream, ...filter }: EventFeedArgs): Promise<AsyncIterableIterator<Event>> {
    const start = after === undefined ? 'beginning' : { after };
    return mapped(await this.feeds.items(start, { ...filter, ...(stream !== undefined && { streams: [stream] }) }));
  }

  /** What stood around an event of a page. */
  contextOf(event: Event, request: object): Promise<EventContext> {
    let loader = this.loaders.get(request);
    if (!loader) {
      loader = new DataLoader<Event, EventContext>(async (events) => {
        const found = await this.feeds.contextsOf(events as readonly RecordedEvent[]);
        return found.map(({ context, supersedes }) => ({ ...context, supersedes }));
      });
      this.loaders.set(request, loader);
    }
    return loader.load(event);
  }

  private async *matching({ after, first, ...which }: EventsArgs): AsyncGenerator<RecordedEvent> {
    const [position, revision] =
      after === undefined ? [] : (decodeCursor('events', after, ['string', 'number']) as [string, number]);
    const { stream, types } = which;
    if (stream !== undefined && !stream.endsWith('-')) {
      const from = revision === undefined ? 0 : revision + 1;
      for await (const event of this.log.readStream(stream, { from })) {
        if (!types || types.includes(event.type)) yield event;
      }
      return;
    }
    const pageSize = Math.min(first + 1, 1_000);
    for await (const events of this.log.readAll({ ...filterOf(which), after: position, pageSize })) yield* events;
  }

  private readable(event: RecordedEvent): Event {
    return { ...shown(event), data: this.opened(event) };
  }

  private opened({ id, type, data, metadata: { subject } }: RecordedEvent): unknown {
    // A type that a newer release wrote has no description here: its personal fields stay ciphertext.
    if (subject === undefined || !this.registry.types.includes(type)) return data;
    const opened = { ...(data as Record<string, unknown>) };
    for (const field of this.registry.definition(type).personalFields) {
      const sealed = opened[field];
      if (typeof sealed === 'string') opened[field] = this.vault.open(subject, id, field, sealed);
    }
    return opened;
  }
}

const filterOf = ({ types, stream }: Which): EventFilter => ({
  ...(types && { types }),
  ...(stream !== undefined && { streams: [stream] }),
});

/** The iterator of a feed ends at once when its consumer stops: a generator around it would not. */
function mapped(feed: AsyncIterableIterator<Delivery>): AsyncIterableIterator<Event> {
  const result = ({ value, done }: IteratorResult<Delivery>): IteratorResult<Event> =>
    done ? { value: undefined, done } : { value: delivered(value), done: false };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => result(await feed.next()),
    return: async () => result(await feed.return!()),
    throw: async (error: unknown) => result(await feed.throw!(error)),
  };
}

const delivered = ({ event, context, supersedes }: Delivery): Event => ({
  ...shown(event),
  context: { ...context, supersedes },
});

const shown = (event: RecordedEvent): Event => ({
  ...event,
  metadata: { ...event.metadata, historical: event.metadata.historical ?? false },
});
