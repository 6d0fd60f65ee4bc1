/** What a change of journeys and contacts does to the sums. */
import { buffersOf, CubeDelta, type CubeSums } from '@touchstone/readmodel/cube';
import type { RowChange } from '@touchstone/readmodel/projection';
import { CUBES, type CubeName } from './care.tables.js';
import { contactContribution, journeyContributions, type Emit } from './contributions.js';
import type { JourneyFacts } from './facts.js';
import type { Contact } from './matter.js';

/** The sums of every cube, to be added to or taken from. */
export class CareDelta {
  private readonly deltas = Object.fromEntries(
    Object.entries(CUBES).map(([name, cube]) => [name, new CubeDelta(cube)]),
  ) as Record<CubeName, CubeDelta>;

  journey(facts: JourneyFacts, dayOf: (ms: number) => number, sign: 1 | -1): void {
    const emit: Emit = (cube, _at, dims, measures) => this.deltas[cube].add(dims, measures, sign);
    journeyContributions(facts, dayOf, emit);
  }

  contact(row: Contact, sign: 1 | -1): void {
    contactContribution(row, (dims, measures) => this.deltas.touchpoint.add(dims, measures, sign));
  }

  get size(): number {
    return Object.values(this.deltas).reduce((sum, delta) => sum + delta.size, 0);
  }

  /** All sums, for another delta to absorb; this one is empty then. */
  handOver(): CareSums {
    return Object.fromEntries(
      Object.entries(this.deltas).map(([name, delta]) => [name, delta.handOver()]),
    ) as unknown as CareSums;
  }

  absorb(sums: CareSums): void {
    for (const [name, delta] of Object.entries(this.deltas)) delta.absorb(sums[name as CubeName]);
  }

  /** Whole rows for cubes that are empty. */
  fill(insert: (table: string, values: number[]) => void): void {
    for (const delta of Object.values(this.deltas)) delta.fill(insert);
  }

  *changes(): Iterable<RowChange> {
    for (const delta of Object.values(this.deltas)) yield* delta.changes();
  }
}

export type CareSums = Readonly<Record<CubeName, CubeSums>>;

export const buffersOfSums = (sums: CareSums): ArrayBuffer[] => Object.values(sums).flatMap(buffersOf);
