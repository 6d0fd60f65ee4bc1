import type { GenerationStore } from './generation-store.js';
import type { Projection, Row } from './projection.js';

/** Which other units a batch may ask for next. */
export interface Neighbours {
  /** That of the unit's name. */
  readonly dictionary: string;
  /** Names of the batch, dictionaries and values in turns. */
  readonly names: readonly string[];
  /** Whether a unit is in memory already. */
  isHeld(id: number): boolean;
}

/** The stored rows of units that a batch brings back: read together where that saves questions, and kept until it is over. */
export class StoredUnits {
  private readonly fetched = new Map<Projection<never>, ReadonlyMap<number, readonly Row[][]>>();

  constructor(private readonly store: Pick<GenerationStore, 'rows' | 'names'>) {}

  of(projection: Projection<never>, id: number, { dictionary, names, isHeld }: Neighbours): readonly Row[][] {
    const known = this.fetched.get(projection)?.get(id);
    if (known) return known;
    const { rows, names: table } = this.store;
    if (!rows.loadMany) return rows.load(projection, id);
    const ids = new Set([id]);
    for (let i = 0; i < names.length; i += 2) {
      if (names[i] !== dictionary) continue;
      const other = table.peek(dictionary, names[i + 1]!);
      if (other !== undefined && !table.isFresh(other) && !isHeld(other)) ids.add(other);
    }
    const found = rows.loadMany(projection, [...ids]);
    this.fetched.set(projection, found);
    return found.get(id)!;
  }

  /** Rows are written, or taken back. */
  forget(): void {
    this.fetched.clear();
  }
}
