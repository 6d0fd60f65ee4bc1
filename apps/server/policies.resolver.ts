import { Inject } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { Policies } from '@touchstone/platform';
import { Policy } from './policies.graphql.js';

@Resolver(() => Policy)
export class PoliciesResolver {
  constructor(@Inject(Policies) private readonly running: Policies) {}

  @Query(() => [Policy], {
    name: 'policies',
    description: 'How the policies keep up, in whichever process of the house.',
  })
  async list() {
    return (await this.running.ofHouse()).map(({ lagMs, ...status }) => ({ ...status, lag: lagMs }));
  }
}
