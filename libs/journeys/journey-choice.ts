/** Which journeys of columns a filter chooses. */
import { sql } from 'kysely';
import { heldAt, listOf, type Read } from '@touchstone/readmodel/query';
import type { JourneyColumns } from './journey-columns.js';
import type { Selection } from './journey-rows.js';
import { numbersIn } from './journey-scan.js';

/** The customers of a segment, by surrogate. */
export type Customers = (customer: number) => boolean;

/**
 * Makes the test of a slot for a selection that asks for no person. Conditions stand in the order of their cost: what
 * state says first, then what any touchpoint says.
 * @param members of the segment, where one is asked for
 */
export function chooser(selection: Selection, members: Customers | null) {
  const { type, status, opened } = selection.state;
  return (columns: JourneyColumns, slot: number): boolean =>
    columns.count[slot] !== 0 &&
    (type == null || columns.type[slot] === type) &&
    (status === undefined || columns.status[slot] === status) &&
    (opened === null || (columns.openedMs[slot]! >= opened[0] && columns.openedMs[slot]! < opened[1])) &&
    (members === null || members(columns.customer[slot]!)) &&
    touched(selection, columns, slot);
}

function touched({ unit, channel, touches }: Selection, columns: JourneyColumns, slot: number): boolean {
  const first = columns.start[slot]!;
  const end = first + columns.count[slot]!;
  if (unit !== undefined && !includes(columns.unit, unit, first, end)) return false;
  if (channel !== undefined && !includes(columns.channel, channel, first, end)) return false;
  return touches === undefined || isWithin(columns.at, touches, first, end);
}

function includes(values: Int32Array, value: number, first: number, end: number): boolean {
  for (let i = first; i < end; i++) if (values[i] === value) return true;
  return false;
}

function isWithin(at: Float64Array, [from, to]: readonly [number, number], first: number, end: number): boolean {
  for (let i = first; i < end; i++) if (at[i]! >= from && at[i]! < to) return true;
  return false;
}

/** Who belonged to a segment at the read's position. */
export async function membersOf(read: Read, segment: number): Promise<Customers> {
  const { rows } = await sql<{ list: string | null }>`
    select ${listOf(read, sql`customer`)} as list from customer_state
    where segment = ${segment} and ${heldAt(read, 'customer_state')}`.execute(read.db);
  const customers = numbersIn(rows[0]!.list);
  const marks = new Uint8Array(customers.reduce((most, customer) => Math.max(most, customer), 0) + 1);
  for (const customer of customers) marks[customer] = 1;
  return (customer) => marks[customer] === 1;
}
