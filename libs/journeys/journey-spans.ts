/** Where journeys with their touchpoints come from for a read: from those at hand, along the blobs, or one by one. */
import { sql } from 'kysely';
import { listOf, type Read } from '@touchstone/readmodel/query';
import { chooser, membersOf } from './journey-choice.js';
import { JourneyColumns } from './journey-columns.js';
import type { Selection } from './journey-rows.js';
import { aloneAlong, aloneOf, numbersIn, partedJourneys, wholesOf, type Span } from './journey-scan.js';
import { atHand, canKeep, JourneysAtHand, keep } from './journeys-at-hand.js';

/** So few journeys are read by themselves when none are at hand: all of them would take longer. */
const FEW = 2_000;
/** Slots between two looks whether the read is to end early. */
const SLOTS_AT_ONCE = 4_096;

/** What takes the chosen journeys: each as a slot of columns that hold until the next is told. */
export type TakeSlot = (columns: JourneyColumns, slot: number) => void;

/** Tells of each journey that a selection chooses, once, in no order. The selection must not ask for a person. */
export async function eachChosen(read: Read, selection: Selection, take: TakeSlot): Promise<void> {
  if (selection.impossible) return;
  const { segment } = selection.state;
  const isChosen = chooser(selection, segment == null ? null : await membersOf(read, segment));
  for await (const { columns, first, end } of spansFor(read, selection)) {
    for (let from = first; from < end; from += SLOTS_AT_ONCE) {
      read.checkpointCancel();
      const to = Math.min(end, from + SLOTS_AT_ONCE);
      for (let slot = from; slot < to; slot++) if (isChosen(columns, slot)) take(columns, slot);
    }
  }
}

/** Slots among which all are that the selection chooses. */
async function* spansFor(read: Read, selection: Selection): AsyncGenerator<Span> {
  const mayKeep = !read.past && canKeep(read);
  const known = mayKeep ? await atHand(read) : null;
  if (known) return yield { columns: known.columns, first: 0, end: known.columns.slots };
  const { type, opened } = selection.state;
  const byIndex = type != null || opened !== null;
  const journeys = byIndex ? await narrowed(read, selection, mayKeep ? FEW : null) : null;
  if (journeys !== null || !mayKeep) return yield* passingSpans(read, journeys);
  const filled = new JourneysAtHand();
  yield* filled.fill(read);
  keep(read, filled);
}

/** Journeys that the selection chooses by their own states; null: more than so many. */
async function narrowed(read: Read, selection: Selection, atMost: number | null): Promise<number[] | null> {
  const all = selection.narrow(read.db.selectFrom('journey_state').select('journey'));
  const some = atMost === null ? all : all.limit(atMost + 1);
  const { rows } = await sql<{ list: string | null }>`
    select ${listOf(read, sql`journey`)} as list from ${some} as narrowed`.execute(read.db);
  const journeys = numbersIn(rows[0]!.list);
  return atMost !== null && journeys.length > atMost ? null : journeys.sort((a, b) => a - b);
}

/** Reads page by page into one set of columns, so that memory does not grow. `journeys`: only these, and all wholes. */
async function* passingSpans(read: Read, journeys: readonly number[] | null): AsyncGenerator<Span> {
  const columns = new JourneyColumns();
  const emptied = () => {
    columns.clear();
    return columns;
  };
  const parted = await partedJourneys(read);
  const isPart = new Set(parted);
  yield* journeys === null ? aloneAlong(read, isPart, emptied) : aloneOf(read, isPart, journeys, emptied);
  yield* wholesOf(read, parted, emptied, new Set());
}
