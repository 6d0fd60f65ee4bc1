import { Inject } from '@nestjs/common';
import { Args, Context, Parent, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { EventReader } from './event-reader.js';
import { Event, EventConnection, EventContext, EventFeedArgs, EventsArgs } from './events.graphql.js';

@Resolver(() => Event)
export class EventsResolver {
  constructor(@Inject(EventReader) private readonly events: EventReader) {}

  @Query(() => EventConnection, { name: 'events', description: 'The event log, in its order.' })
  page(@Args() args: EventsArgs) {
    return this.events.page(args);
  }

  @ResolveField(() => EventContext, { description: 'What stood around it, as known at its position.' })
  context(@Parent() event: Event, @Context() context: object) {
    return event.context ?? this.events.contextOf(event, context);
  }

  @Subscription(() => Event, {
    name: 'events',
    description:
      'The event log after a position, then each event as it is recorded: none is missed, none comes twice. Personal fields are left out.',
    resolve: (event: Event) => event,
  })
  feed(@Args() args: EventFeedArgs) {
    return this.events.feed(args);
  }
}
