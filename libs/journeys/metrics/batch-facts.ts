/** Rows of journeys that a batch holds from before its changes are written: what it changes, the changes say themselves. */
import type { Row, RowChange } from '@touchstone/readmodel/projection';
import { everParted, type ReadRows } from './derived-parts.js';
import { Customers, factsOf, loadBlobs, loadFacts, loadStates } from './derived-rows.js';
import type { JourneyFacts } from './facts.js';

/** Facts of the journeys of a batch, before its rows are written and after. */
export class BatchFacts {
  private readonly customers: Customers;
  /** Null: a journey was merged or split, so what belongs together has to be read anew. */
  private readonly held: { readonly states: Row[]; readonly blobs: Row[] } | null;

  /** With the rows as they were; the journeys in the order of their surrogates. */
  constructor(
    private readonly journeys: readonly number[],
    private readonly changes: readonly RowChange[],
    private readonly rows: ReadRows,
  ) {
    this.customers = new Customers(rows);
    const parted = touches(changes, ['journey_link', 'journey_split']) || everParted(rows);
    this.held = parted ? null : { states: loadStates(rows, journeys), blobs: loadBlobs(rows, journeys) };
  }

  before(): JourneyFacts[] {
    const { held, customers } = this;
    return held ? factsOf(held.states, held.blobs, customers) : loadFacts(this.rows, customers, this.journeys);
  }

  /** With the rows as they are now; also what stands for customers now. */
  after(rows: ReadRows): { facts: JourneyFacts[]; customers: Customers } {
    const { held, customers, changes } = this;
    customers.changed(changes);
    const now = held && changed(held, changes);
    const facts = now ? factsOf(now.states, now.blobs, customers) : loadFacts(rows, customers, this.journeys);
    return { facts, customers };
  }
}

const touches = (changes: readonly RowChange[], tables: readonly string[]): boolean =>
  changes.some(({ table }) => tables.includes(table));

/** Both lists as they are once the changes are written. Null: they say too little. */
function changed(
  held: { readonly states: readonly Row[]; readonly blobs: readonly Row[] },
  changes: readonly RowChange[],
) {
  const states = new Map(held.states.map((row) => [row['journey'] as number, row]));
  const blobs = new Map<number, Row[]>();
  for (const row of held.blobs) {
    const own = blobs.get(row['journey'] as number);
    if (own) own.push(row);
    else blobs.set(row['journey'] as number, [row]);
  }
  for (const change of changes) {
    if (change.table !== 'journey_state' && change.table !== 'journey_blob') continue;
    if (change.op === 'set' && change.table === 'journey_state') continue;
    if (change.op !== 'put') return null;
    const { row } = change;
    const journey = row['journey'] as number;
    if (change.table === 'journey_blob') blobs.set(journey, withChunk(blobs.get(journey) ?? [], row));
    // One that has ended was followed by another, whose put is among the changes, too.
    else if (row['to_pos'] === null) states.set(journey, row);
  }
  const inOrder = [...states.keys()].sort((a, b) => a - b);
  return {
    states: inOrder.map((journey) => states.get(journey)!),
    blobs: inOrder.flatMap((journey) => blobs.get(journey) ?? []),
  };
}

function withChunk(chunks: readonly Row[], row: Row): Row[] {
  const chunk = row['chunk'] as number;
  const others = chunks.filter((each) => each['chunk'] !== chunk);
  const after = others.findIndex((each) => (each['chunk'] as number) > chunk);
  return after < 0 ? [...others, row] : others.toSpliced(after, 0, row);
}
