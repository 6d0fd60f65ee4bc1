import { Inject } from '@nestjs/common';
import { Args, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Quarantine } from './quarantine.js';
import { QuarantineArgs, QuarantineConnection, QuarantinedRecord } from './quarantine.graphql.js';

@Resolver(() => QuarantinedRecord)
export class QuarantineResolver {
  constructor(@Inject(Quarantine) private readonly records: Quarantine) {}

  @Query(() => QuarantineConnection, { description: 'What could not be taken in, in the order in which it came.' })
  quarantine(@Args() args: QuarantineArgs) {
    return { ...this.records.list(args), totalCount: this.records.count(args) };
  }

  @ResolveField(() => String, { description: 'The record as it came; it may hold personal data.' })
  raw(@Parent() { id }: QuarantinedRecord) {
    return this.records.raw(id);
  }
}
