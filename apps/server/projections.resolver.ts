import { Inject } from '@nestjs/common';
import { Args, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { currentContext } from '@touchstone/platform';
import { Projections, type ProjectionStatus } from '@touchstone/readmodel';
import {
  GroupArgs,
  ParkedArgs,
  ParkedEvent,
  ParkedListArgs,
  Projection,
  SkipParkedArgs,
  Unparked,
} from './projections.graphql.js';

@Resolver(() => Projection)
export class ProjectionsResolver {
  constructor(@Inject(Projections) private readonly host: Projections) {}

  @Query(() => [Projection], { name: 'projections', description: 'How the read models follow the log.' })
  async list() {
    return (await this.host.status()).map(projectionOf);
  }

  @ResolveField(() => [ParkedEvent], { description: 'Events that were set aside, in the order of the log.' })
  parkedEvents(@Parent() { group }: Projection, @Args() { stream, first }: ParkedListArgs) {
    return this.host.parked(group, { stream, limit: first });
  }

  @Mutation(() => Unparked, { description: 'Tries parked events again, read from the log anew.' })
  retryParked(@Args() { group, stream }: ParkedArgs) {
    return this.host.retryParked(group, stream);
  }

  @Mutation(() => Unparked, { description: 'Gives a parked event up and goes on with those behind it.' })
  skipParked(@Args() { group, stream, revision, reason }: SkipParkedArgs) {
    return this.host.skipParked(group, stream, revision, reason, currentContext().actor);
  }

  @Mutation(() => Projection, {
    description:
      'Builds a group of read models anew from the whole log, beside the one that answers, and swaps them once it has caught up.',
  })
  async rebuildProjection(@Args() { group }: GroupArgs) {
    await this.host.rebuild(group);
    return (await this.list()).find((projection) => projection.group === group);
  }
}

const projectionOf = ({ lagMs, checkpoint, head, ...status }: ProjectionStatus) => ({
  ...status,
  lag: lagMs,
  // Before the first event there is no place to name.
  checkpoint: checkpoint || null,
  head: head || null,
});
