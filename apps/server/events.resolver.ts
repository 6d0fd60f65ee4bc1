import { Inject } from '@nestjs/common';
import { Args, Query, Resolver, Subscription } from '@nestjs/graphql';
import { EventReader } from './event-reader.js';
import { Event, EventConnection, EventFeedArgs, EventsArgs } from './events.graphql.js';

@Resolver(() => Event)
export class EventsResolver {
  constructor(@Inject(EventReader) private readonly events: EventReader) {}

  @Query(() => EventConnection, { name: 'events', description: 'The event log, in its order.' })
  page(@Args() args: EventsArgs) {
    return this.events.page(args);
  }

  @Subscription(() => Event, {
    name: 'events',
    description: 'The event log after a position, then each event as it is recorded: none is missed, none comes twice.',
    resolve: (event: Event) => event,
  })
  feed(@Args() args: EventFeedArgs) {
    return this.events.feed(args);
  }
}
