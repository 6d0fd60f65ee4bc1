import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ForgetCustomerInput, ForgettingReceipt, ForgettingReceiptArgs, REMAINDERS } from './forgetting.graphql.js';
import type { ForgettingRecord } from './forgetting-records.js';
import { Forgetting } from './forgetting.service.js';

@Resolver(() => ForgettingReceipt)
export class ForgettingResolver {
  constructor(private readonly forgetting: Forgetting) {}

  @Mutation(() => ForgettingReceipt, {
    description:
      'Forgets a person for good: the keys of all their personal data are destroyed. No figure changes. Asked again, it answers the same.',
  })
  async forgetCustomer(@Args('input') { customerId, reason, basis }: ForgetCustomerInput) {
    return receiptOf(await this.forgetting.forget({ customerId, reason, basis }));
  }

  @Query(() => ForgettingReceipt, {
    nullable: true,
    description: 'What was done when a customer was forgotten; null when they were not, or it is not finished yet.',
  })
  async forgettingReceipt(@Args() { customerId }: ForgettingReceiptArgs) {
    const record = await this.forgetting.record(customerId);
    return record && receiptOf(record);
  }
}

const receiptOf = ({ customers, journeys, repeatedAt, ...record }: ForgettingRecord): ForgettingReceipt => ({
  ...record,
  customerIds: [...customers],
  journeyCount: journeys.length,
  repeatedAt: [...repeatedAt],
  remains: REMAINDERS.map((remains) => ({ ...remains })),
});
