/** Which rows that stand in journeys are seen as part of a journey or of a customer's, after merges and splits. */
import { sql, type RawBuilder } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { rootAt, treeBelow } from './customer-tree.js';
import { select } from './journey-rows.js';
import { hasParts, isAlone, partsAt, seenAs, wholesAt } from './journey-wholes.js';

/** Rows that stand in a journey. */
export interface Seen {
  readonly table: string;
  /** Column of the touchpoint with which a row may be split away; an entry that is none has an id that no split names. */
  readonly touchpoint: string;
}

export const ENTRIES: Seen = { table: 'timeline_entry', touchpoint: 'entry_id' };
export const OBSERVATIONS: Seen = { table: 'observation', touchpoint: 'touchpoint' };

/** Rows of the journey, of all that was merged with it, and of what was split into it. */
export async function ofJourney(read: Read, journey: number, seen: Seen): Promise<RawBuilder<boolean>> {
  const parts = await partsAt(read, [journey]);
  return parts.has(journey)
    ? ofWholes(read, parts.members(parts.root(journey)), seen)
    : sql<boolean>`${column(seen, 'journey')} = ${journey}`;
}

/** Rows of everything that is seen as the customer's, or as that of anybody who is one person with them. */
export async function ofCustomer(
  read: Read,
  customerId: string,
  customer: number,
  seen: Seen,
): Promise<RawBuilder<boolean>> {
  const own = read.db
    .selectFrom('journey_state')
    .select('journey_state.journey')
    .where('customer', 'in', treeBelow(read, await rootAt(read, customer)))
    .where(heldAt(read, 'journey_state'));
  const journey = column(seen, 'journey');
  if (!(await hasParts(read))) return sql<boolean>`${journey} in ${own}`;
  const parted = await own.where(sql<boolean>`not ${isAlone(read)}`).execute();
  const { roots, parts } = await seenAs(
    read,
    parted.map((row) => row['journey'] as number),
  );
  const { choose } = await select(read, { customerId });
  const wholes = await choose(await wholesAt(read, parts, roots));
  const members = wholes.flatMap(({ state }) => parts.members(state.journey));
  const alone = sql<boolean>`${journey} in ${own.where(isAlone(read))}`;
  return members.length === 0 ? alone : sql<boolean>`(${alone} or ${ofWholes(read, members, seen)})`;
}

const column = ({ table }: Seen, name: string) => sql.ref(`${table}.${name}`);

/** Rows of wholes by all their members: without what was split away, with what was split into them. */
function ofWholes(read: Read, journeys: readonly number[], seen: Seen): RawBuilder<boolean> {
  const [journey, touchpoint] = [column(seen, 'journey'), column(seen, seen.touchpoint)];
  const members = sql.join(journeys);
  const away = sql`exists (select 1 from journey_split where journey_split.touchpoint = ${touchpoint}
    and journey_split.journey = ${journey} and journey_split.into_journey not in (${members})
    and ${heldAt(read, 'journey_split')})`;
  const into = sql`${touchpoint} in (select journey_split.touchpoint from journey_split
    where journey_split.into_journey in (${members}) and ${heldAt(read, 'journey_split')})`;
  return sql<boolean>`((${journey} in (${members}) and not ${away}) or ${into})`;
}
