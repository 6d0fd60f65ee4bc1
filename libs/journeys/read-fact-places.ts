import type { Position } from '@touchstone/eventing';
import type { Reads } from '@touchstone/readmodel';
import type { FactPlace, FactPlaces } from './correlation.js';
import { factPlacesQuery } from './matches.queries.js';

/** Where facts went before, by the read models: rebuilt from the log, and as large as the log. */
export class ReadFactPlaces implements FactPlaces {
  constructor(private readonly reads: Pick<Reads, 'run'>) {}

  async find(factIds: readonly string[], atLeast?: Position): Promise<ReadonlyMap<string, readonly FactPlace[]>> {
    const options = atLeast === undefined ? {} : { atLeast };
    const { result } = await this.reads.run(factPlacesQuery, { factIds }, options);
    const found = new Map<string, FactPlace[]>();
    for (const { factId, ...place } of result) found.set(factId, [...(found.get(factId) ?? []), place]);
    return found;
  }
}
