import { CommandBus } from '@nestjs/cqrs';
import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { newId, type Executed } from '@touchstone/eventing';
import { Recorded } from './commands.graphql.js';
import { MergeCustomers, UnmergeCustomers } from './customer.js';
import {
  GuideExpectationInput,
  MergeCustomersInput,
  ObserveMomentInput,
  RateExperienceInput,
  RecordExpectationInput,
  RetractMomentInput,
  ReviewTouchpointInput,
  UnmergeCustomersInput,
} from './observations.graphql.js';
import { ReportExperience, ReportMoment } from './observations.handlers.js';
import { GuideExpectation, RecordExpectation, RetractMoment, ReviewTouchpoint } from './observations.js';

/** What people observe at touchpoints, and who turns out to be the same customer. */
@Resolver(() => Recorded)
export class ObservationsResolver {
  constructor(private readonly commands: CommandBus) {}

  @Mutation(() => Recorded, {
    description:
      "Observes a moment of truth at a touchpoint. A person's word stands before what a rule says of the touchpoint.",
  })
  observeMoment(@Args('input') input: ObserveMomentInput) {
    const momentId = input.momentId ?? newId();
    return this.execute(new ReportMoment({ ...input, momentId }), momentId);
  }

  @Mutation(() => Recorded, { description: 'Takes a moment back; that it was observed stays readable.' })
  retractMoment(@Args('input') input: RetractMomentInput) {
    return this.execute(new RetractMoment(input), input.momentId);
  }

  @Mutation(() => Recorded, {
    description: 'Says that somebody looked at a touchpoint and found nothing to note, so that it counts as observed.',
  })
  reviewTouchpoint(@Args('input') input: ReviewTouchpointInput) {
    return this.execute(new ReviewTouchpoint(input), input.touchpointId);
  }

  @Mutation(() => Recorded, { description: 'Records what the customer expects.' })
  recordExpectation(@Args('input') input: RecordExpectationInput) {
    const expectationId = input.expectationId ?? newId();
    return this.execute(new RecordExpectation({ ...input, expectationId }), expectationId);
  }

  @Mutation(() => Recorded, { description: 'Records that the customer was told what can be expected.' })
  guideExpectation(@Args('input') input: GuideExpectationInput) {
    const guidanceId = input.guidanceId ?? newId();
    return this.execute(new GuideExpectation({ ...input, guidanceId }), guidanceId);
  }

  @Mutation(() => Recorded, {
    description: 'Rates how a touchpoint was lived; the words for the gap are those of the packs in force.',
  })
  rateExperience(@Args('input') input: RateExperienceInput) {
    const ratingId = input.ratingId ?? newId();
    return this.execute(new ReportExperience({ ...input, ratingId }), ratingId);
  }

  @Mutation(() => Recorded, {
    description: 'Says that two customers are one; the events of both stay as they are, and it can be undone.',
  })
  mergeCustomers(@Args('input') input: MergeCustomersInput) {
    return this.execute(new MergeCustomers(input));
  }

  @Mutation(() => Recorded, { description: 'Says that a customer who was merged is somebody else after all.' })
  unmergeCustomers(@Args('input') input: UnmergeCustomersInput) {
    return this.execute(new UnmergeCustomers(input));
  }

  private async execute(command: object, entryId?: string): Promise<Recorded> {
    const { id, revision, position } = await this.commands.execute<never, Executed>(command as never);
    return { id, entryId: entryId ?? null, revision, position };
  }
}
