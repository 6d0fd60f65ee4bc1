import { Inject } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { Leadership } from '@touchstone/readmodel';
import { Lease } from './leases.graphql.js';

@Resolver(() => Lease)
export class LeasesResolver {
  constructor(@Inject(Leadership) private readonly leadership: Leadership | null) {}

  @Query(() => [Lease], {
    name: 'leases',
    description: 'Which process does what only one may do; empty where there is only this one.',
  })
  list() {
    return this.leadership?.list() ?? [];
  }
}
