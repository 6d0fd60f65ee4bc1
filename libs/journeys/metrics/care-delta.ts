/** What a change of journeys and contacts does to the sums. */
import { CubeDelta } from '@touchstone/readmodel/cube';
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

  /** Whole rows for cubes that are empty. */
  fill(insert: (table: string, values: number[]) => void): void {
    for (const delta of Object.values(this.deltas)) delta.fill(insert);
  }

  *changes(): Iterable<RowChange> {
    for (const delta of Object.values(this.deltas)) yield* delta.changes();
  }
}
