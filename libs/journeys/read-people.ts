import type { Position } from '@touchstone/eventing';
import type { Reads } from '@touchstone/readmodel';
import type { People } from './customer-lines.js';
import { peopleQuery } from './customers.queries.js';

/** Who is one person with whom, by the read models, and at least by what this process has merged itself. */
export class ReadPeople implements People {
  private known: Position | undefined;

  constructor(private readonly reads: Pick<Reads, 'run'>) {}

  /** Customers were merged, or taken apart, at this position. */
  changed(position: Position): void {
    if (this.known === undefined || position > this.known) this.known = position;
  }

  async others(customerIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const options = this.known === undefined ? {} : { atLeast: this.known };
    const { result } = await this.reads.run(peopleQuery, { customerIds }, options);
    return new Map(result.map(({ customerId, others }) => [customerId, others]));
  }
}
