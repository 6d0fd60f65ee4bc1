import { Inject, Injectable } from '@nestjs/common';
import {
  EventRegistry,
  type EventFilter,
  type EventLog,
  type RecordedEvent,
  type Subscribe,
  type Vault,
} from '@touchstone/eventing';
import { decodeCursor, encodeCursor, endable, EVENT_LOG, pageOf, VAULT, type Page } from '@touchstone/platform';
import type { Event, EventFeedArgs, EventsArgs } from './events.graphql.js';

interface Which {
  readonly types?: readonly string[];
  readonly stream?: string;
}

/** Reads the log for people and for other systems: personal fields opened, or `forgotten`. */
@Injectable()
export class EventReader {
  constructor(
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

  /** Everything after a position, then each event as it is recorded; ends when the consumer stops or the log closes. */
  feed({ after, ...which }: EventFeedArgs): AsyncIterableIterator<Event> {
    return endable((signal) => this.following({ ...filterOf(which), after, signal }, exactly(which)));
  }

  private async *following(options: Subscribe, passes: (event: RecordedEvent) => boolean): AsyncGenerator<Event> {
    for await (const message of this.log.subscribe(options)) {
      if (message.kind !== 'events') continue;
      for (const event of message.events) if (passes(event)) yield this.readable(event);
    }
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
    const { metadata } = event;
    return { ...event, data: this.opened(event), metadata: { ...metadata, historical: metadata.historical ?? false } };
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

/** The log filters by the beginning of a stream's name; a full name must be met exactly. */
const exactly = ({ stream }: Which) =>
  stream === undefined || stream.endsWith('-') ? () => true : (event: RecordedEvent) => event.stream === stream;
