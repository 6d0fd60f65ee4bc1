import { Inject } from '@nestjs/common';
import { Args, Context, Info, Int, Parent, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { TouchstoneError, type EventLog } from '@touchstone/eventing';
import { endable, EVENT_LOG, fieldsOf, PageArgs } from '@touchstone/platform';
import type { GraphQLResolveInfo } from 'graphql';
import { FigureReader } from './figure-reader.js';
import { journeyChanges } from './journey-changes.js';
import { Figure, JourneyMap, JourneyMapArgs, OccurrenceConnection } from './journey-map.graphql.js';
import { JourneyReader } from './journey-reader.js';
import {
  Customer,
  CustomerArgs,
  CustomerConnection,
  CustomersArgs,
  Journey,
  JourneyArgs,
  JourneyChangedArgs,
  JourneyConnection,
  JourneysArgs,
} from './journeys.graphql.js';
import { loaderOf } from './loaders.js';
import { TimelineArgs, TimelineConnection, timelineParts } from './timeline.graphql.js';

/** What of a timeline's entries a query asks for. */
const partsIn = (info: GraphQLResolveInfo) => timelineParts(fieldsOf(info, true));

@Resolver(() => Journey)
export class JourneysResolver {
  constructor(
    private readonly reader: JourneyReader,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {}

  @Query(() => JourneyConnection, { description: 'Journeys, in the order in which they came to be known.' })
  journeys(@Args() { filter, ...page }: JourneysArgs) {
    return this.reader.journeys({ ...filter }, page);
  }

  @Query(() => Journey, { description: 'One journey.' })
  journey(@Args() { id, ...when }: JourneyArgs) {
    return this.reader.journey(id, when);
  }

  @Query(() => TimelineConnection, {
    description: 'What a journey, or a customer across journeys, went through, in order.',
  })
  timeline(@Args() { of, shared, ...page }: TimelineArgs, @Info() info: GraphQLResolveInfo) {
    const { journeyId, customerId } = of;
    return this.reader.timeline({ journeyId, customerId, shared, parts: partsIn(info) }, page);
  }

  @ResolveField(() => TimelineConnection, { name: 'timeline', description: 'What it went through, in order.' })
  timelineOf(@Parent() { id, asOf }: Journey, @Args() page: PageArgs, @Info() info: GraphQLResolveInfo) {
    return this.reader.timeline({ journeyId: id, parts: partsIn(info) }, { ...page, asOf });
  }

  @ResolveField(() => Customer, { nullable: true, description: 'Its customer.' })
  customer(@Parent() { customerId, asOf }: Journey, @Context() context: object) {
    const loader = loaderOf(context, `customers ${asOf.position} ${asOf.instant}`, (ids: readonly string[]) =>
      this.reader.customersById(ids, { asOf }),
    );
    return customerId === null ? null : loader.load(customerId);
  }

  @Subscription(() => Journey, {
    description:
      'The journey after changes to it or to what is merged with it, each once it is projected; changes that come together show as one. What is merged or taken apart meanwhile is followed, too. It follows the log, in any process.',
    resolve: (journey: Journey) => journey,
  })
  async journeyChanged(@Args() { id }: JourneyChangedArgs) {
    const after = await this.log.head();
    return endable((signal) => journeyChanges(this.log, this.reader, { id, after, signal }));
  }
}

@Resolver(() => Customer)
export class CustomersResolver {
  constructor(private readonly reader: JourneyReader) {}

  @Query(() => CustomerConnection, { description: 'Customers, in the order in which they came to be known.' })
  customers(@Args() { segment, ...page }: CustomersArgs) {
    return this.reader.customers({ segment }, page);
  }

  @Query(() => Customer, { description: 'One customer.' })
  async customer(@Args() { by, ...when }: CustomerArgs) {
    const found =
      by.id === undefined
        ? await this.reader.customerByIdentifier(by.identifier!, when)
        : (await this.reader.customersById([by.id], when))[0];
    if (found) return found;
    throw new TouchstoneError(
      'CUSTOMER_UNKNOWN',
      'No such customer is known there; check the id or the identifier, and the "asOf".',
      'notFound',
    );
  }

  @ResolveField(() => JourneyConnection, { description: 'Their journeys.' })
  journeys(@Parent() { id, asOf }: Customer, @Args() page: PageArgs) {
    return this.reader.journeys({ customerId: id }, { ...page, asOf });
  }

  @ResolveField(() => TimelineConnection, { description: 'What they went through, across journeys and channels.' })
  timeline(@Parent() { id, asOf }: Customer, @Args() page: PageArgs, @Info() info: GraphQLResolveInfo) {
    return this.reader.timeline({ customerId: id, parts: partsIn(info) }, { ...page, asOf });
  }
}

@Resolver(() => Figure)
export class FiguresResolver {
  constructor(private readonly figures: FigureReader) {}

  @Query(() => JourneyMap, { description: 'What follows what in the chosen journeys, how often and how long.' })
  journeyMap(@Args() args: JourneyMapArgs) {
    return this.figures.map(args);
  }

  @Query(() => Figure, { description: 'Opens a figure of an answer.' })
  figure(@Args('token', { description: 'The figure field of the answer.' }) token: string) {
    return this.figures.figure(token);
  }

  @ResolveField(() => Int, { description: 'What it says: counted again over the same events.' })
  value(@Parent() { token }: Figure) {
    return this.figures.count(token);
  }

  @ResolveField(() => OccurrenceConnection, { description: 'What it counted.' })
  occurrences(@Parent() { token }: Figure, @Args() page: PageArgs) {
    return this.figures.occurrences(token, page);
  }

  @ResolveField(() => JourneyConnection, { description: 'The journeys behind it.' })
  async journeys(@Parent() { token, asOf }: Figure, @Args() page: PageArgs) {
    return { ...(await this.figures.journeysOf(token, page)), asOf };
  }
}
