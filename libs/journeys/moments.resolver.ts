import { Args, Context, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { JourneyReader } from './journey-reader.js';
import { Journey } from './journeys.graphql.js';
import { loaderOf } from './loaders.js';
import { LedgerMoment, MomentArgs, MomentConnection, MomentsArgs } from './moments.graphql.js';
import { MomentReader } from './moments.reader.js';

@Resolver(() => LedgerMoment)
export class MomentsResolver {
  constructor(
    private readonly ledger: MomentReader,
    private readonly journeys: JourneyReader,
  ) {}

  @Query(() => MomentConnection, {
    description: 'The ledger: moments of truth across journeys, in the order in which they happened.',
  })
  moments(@Args() { filter, ...page }: MomentsArgs) {
    return this.ledger.ledger({ ...filter }, page);
  }

  @Query(() => LedgerMoment, { description: 'One moment of truth; one that was taken back says so.' })
  moment(@Args() { id, ...when }: MomentArgs) {
    return this.ledger.moment(id, when);
  }

  @ResolveField(() => Journey, { description: 'Its journey.' })
  journey(@Parent() { journeyId, asOf }: LedgerMoment, @Context() context: object) {
    return loaderOf(context, `journeys ${asOf.position} ${asOf.instant}`, (ids: readonly string[]) =>
      this.journeys.journeysById(ids, { asOf }),
    ).load(journeyId);
  }
}
