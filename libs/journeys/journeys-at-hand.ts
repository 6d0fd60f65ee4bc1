/**
 * The journeys that hold now, at hand in each reader thread: read once, and before each use brought up to the read's
 * position by what has changed since. What is kept is what blobs say, never an answer.
 */
import { sql } from 'kysely';
import { among, listOf, parkedAt, type Read } from '@touchstone/readmodel/query';
import type { Position } from '@touchstone/eventing/pure';
import { JourneyColumns } from './journey-columns.js';
import { aloneAlong, aloneOf, numbersIn, partedJourneys, wholesOf, type Span } from './journey-scan.js';
import { partsAt } from './journey-wholes.js';

const KEY = 'journeys.atHand';

/** Reading a journey again costs more than reading along over it: so large a share of changed ones is not caught up. */
const CAUGHT_UP = 1 / 4;
/** Of few journeys, all may have changed. */
const ALWAYS_CAUGHT_UP = 1_000;

/** What is kept of a generation that holds more than may be kept. */
const TOO_MUCH = 'too much';

/** All journeys that held at a position, as columns; `isWhole` once all are there. */
export class JourneysAtHand {
  readonly columns = new JourneyColumns({ touchpoints: 1 << 16, journeys: 1 << 13 });
  isWhole = false;
  private position: Position = '';
  private parked: ReadonlySet<string> = new Set();
  /** Journeys whose opening is not known: it may come without an entry in a timeline. */
  private readonly unopened = new Set<number>();
  /** Slots of the journeys that were read again; before them, those that were read along are in order. */
  private readonly slots = new Map<number, number>();
  private inOrder = 0;
  /** Touchpoints of slots that were given up. */
  private wasted = 0;

  /** Whether it takes no more than so many bytes; a number in a set or a map takes about 40. */
  fits(limit: number): boolean {
    const rest = limit - 40 * (this.slots.size + this.unopened.size);
    if (this.columns.bytes > rest) this.columns.trim();
    return this.columns.bytes <= rest;
  }

  /**
   * Reads everything, and yields it as it comes: in spans, each journey once. Where it becomes more than may be kept, a
   * span holds until the next one comes, and `isWhole` stays false.
   */
  async *fill(read: Read): AsyncGenerator<Span> {
    const { columns } = this;
    let isTooMuch = false;
    const room = () => {
      isTooMuch ||= columns.usedBytes > read.memory.limit;
      if (isTooMuch) columns.clear();
      return columns;
    };
    const parted = await partedJourneys(read);
    yield* aloneAlong(read, new Set(parted), room);
    this.inOrder = columns.slots;
    const unknown = new Set<number>();
    yield* wholesOf(read, parted, room, unknown);
    room();
    if (isTooMuch) return;
    this.isWhole = true;
    for (let slot = this.inOrder; slot < columns.slots; slot++) this.slots.set(columns.journey[slot]!, slot);
    this.noteUnopened(0, unknown);
    columns.trim();
    this.position = read.asOf.position;
    this.parked = await parkedAt(read);
  }

  /** Brings it up to the read's position. False: that would take longer than reading everything again. */
  async catchUp(read: Read): Promise<boolean> {
    const parked = await parkedAt(read);
    for (const event of this.parked) if (!parked.has(event)) return false;
    this.parked = parked;
    if (this.position === read.asOf.position) return true;
    const most = Math.max(ALWAYS_CAUGHT_UP, Math.floor(this.columns.slots * CAUGHT_UP));
    const changed = await this.changedSince(read, most);
    if (changed === null || changed.size > most) return false;
    if (changed.size > 0) await this.readAgain(read, changed);
    this.position = read.asOf.position;
    return this.wasted <= Math.max(this.columns.touchpoints * CAUGHT_UP, ALWAYS_CAUGHT_UP);
  }

  /** Journeys of which something may be otherwise; null: more than so many. */
  private async changedSince(read: Read, most: number): Promise<Set<number> | null> {
    const { position, unopened } = this;
    // In the order of the key: what is asked for is at its end.
    const entries = await sql<{ list: string | null; n: number }>`
      select ${listOf(read, sql`journey`)} as list, count(*) as n from (
        select journey from timeline_entry where from_pos > ${position} order by from_pos limit ${16 * most}
      ) as fresh`.execute(read.db);
    const { list, n } = entries.rows[0]!;
    if (n === 16 * most) return null;
    const changed = new Set(numbersIn(list));
    for (const table of ['journey_link', 'journey_split']) {
      const { rows } = await sql<{ list: string | null }>`
        select ${listOf(read, sql`journey`, sql`into_journey`)} as list from ${sql.table(table)}
        where from_pos > ${position} or to_pos > ${position}`.execute(read.db);
      for (const journey of numbersIn(rows[0]!.list)) changed.add(journey);
    }
    if (unopened.size > 0) {
      const { rows } = await sql<{ list: string | null }>`
        select ${listOf(read, sql`journey`)} as list from journey_state
        where journey in ${among(read, unopened)}
          and to_pos is null and type <> 0`.execute(read.db);
      for (const journey of numbersIn(rows[0]!.list)) changed.add(journey);
    }
    return changed;
  }

  /** These, and all that is now seen as one with them. What was so before is among them, where it is not any more. */
  private async readAgain(read: Read, changed: ReadonlySet<number>): Promise<void> {
    const { columns } = this;
    const parts = await partsAt(read, changed);
    const parted = parts.roots.flatMap((root) => parts.members(root));
    const isPart = new Set(parted);
    const alone = [...changed].filter((journey) => !isPart.has(journey)).sort((a, b) => a - b);
    for (const journey of [...alone, ...parted]) this.giveUp(journey);
    const first = columns.slots;
    const unknown = new Set<number>();
    await taken(
      read,
      aloneOf(read, isPart, alone, () => columns),
    );
    await taken(
      read,
      wholesOf(read, parted, () => columns, unknown),
    );
    for (let slot = first; slot < columns.slots; slot++) this.slots.set(columns.journey[slot]!, slot);
    this.noteUnopened(first, unknown);
  }

  private noteUnopened(first: number, unknown: Iterable<number>): void {
    const { journey, type, slots } = this.columns;
    for (let slot = first; slot < slots; slot++) if (type[slot] === 0) this.unopened.add(journey[slot]!);
    for (const root of unknown) this.unopened.add(root);
  }

  private giveUp(journey: number): void {
    this.unopened.delete(journey);
    const slot = this.slots.get(journey) ?? this.slotInOrder(journey);
    if (slot === undefined) return;
    this.slots.delete(journey);
    this.wasted += this.columns.count[slot]!;
    this.columns.count[slot] = 0;
  }

  private slotInOrder(journey: number): number | undefined {
    let [low, high] = [0, this.inOrder];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.columns.journey[middle]! < journey) low = middle + 1;
      else high = middle;
    }
    return low < this.inOrder && this.columns.journey[low] === journey ? low : undefined;
  }
}

/** Lets spans come to where they are added. */
async function taken(read: Read, spans: AsyncGenerator<Span>): Promise<void> {
  while (!(await spans.next()).done) read.checkpointCancel();
}

/**
 * Brings the journeys at hand up to the read's position; null: none are, so they have to be read. Only of the present.
 */
export async function atHand(read: Read): Promise<JourneysAtHand | null> {
  const { kept } = read.memory;
  const known = kept.get(KEY);
  if (!(known instanceof JourneysAtHand)) return null;
  // A read that is given up half-way leaves nothing behind.
  kept.delete(KEY);
  if (!(await known.catchUp(read))) return null;
  // With what it gave up it may have outgrown the bound: then the next read begins anew.
  if (known.fits(read.memory.limit)) kept.set(KEY, known);
  return known;
}

/** Whether anything may be kept: no more once there was too much. */
export const canKeep = (read: Read): boolean => read.memory.limit > 0 && read.memory.kept.get(KEY) !== TOO_MUCH;

/** Keeps the journeys for the next read, or nothing from now on if they are too many. */
export function keep({ memory: { kept, limit } }: Read, journeys: JourneysAtHand): void {
  kept.set(KEY, journeys.isWhole && journeys.fits(limit) ? journeys : TOO_MUCH);
}
