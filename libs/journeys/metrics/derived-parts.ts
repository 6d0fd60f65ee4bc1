/** Journeys that were merged or split, out of a batch's store: what `journey-wholes.ts` is for reads. */
import type { DerivedRows, Row, Value } from '@touchstone/readmodel/projection';
import { EntryColumns } from '../journey-blob.js';
import {
  Closure,
  NO_PARTS,
  wholeState,
  type JourneyLink,
  type JourneyParts,
  type JourneySplitAway,
  type Opening,
  type WholeState,
} from '../journey-parts.js';

/** Rows that are only read. */
export type ReadRows = Pick<DerivedRows, 'all' | 'each' | 'idOf'>;

type AllIn = (rows: ReadRows, sql: string, ids: readonly Value[]) => Row[];

const LINKS = 'select journey, into_journey from journey_link where';
const SPLITS = 'select touchpoint, journey, into_journey from journey_split where';
const OPENINGS =
  'select journey, type, key, opening_ms, opening_customer from journey_state where journey in (?) and to_pos is null';
const NAMED = 'select id, value from name where id in (?)';

/** Whether a journey was ever merged or split: where none was, nothing has to be looked up. */
export const everParted = (rows: ReadRows): boolean =>
  rows.all('select journey from journey_link limit 1').length > 0 ||
  rows.all('select journey from journey_split limit 1').length > 0;

/** Everybody who hangs together with these journeys by merges and splits that hold, and which those are. */
export function partsOf(
  rows: ReadRows,
  journeys: readonly number[],
  allIn: AllIn,
): { parts: JourneyParts; journeys: number[] } {
  if (!everParted(rows)) return { parts: NO_PARTS, journeys: [...journeys] };
  const closure = new Closure(journeys);
  for (let open = closure.journeys; open.length > 0;) {
    const found = (text: string) =>
      ['journey', 'into_journey'].flatMap((by) => allIn(rows, `${text} ${by} in (?) and to_pos is null`, open));
    open = closure.meet(found(LINKS) as unknown as JourneyLink[], found(SPLITS) as unknown as JourneySplitAway[]);
  }
  const names = new Map(
    allIn(rows, NAMED, [...closure.links.keys()]).map((row) => [row['id'] as number, row['value'] as string]),
  );
  return { parts: closure.parts((journey) => names.get(journey)!), journeys: closure.journeys };
}

/** All that was ever merged or split and is so now. */
export function allParts(rows: ReadRows, allIn: AllIn): JourneyParts {
  if (!everParted(rows)) return NO_PARTS;
  const journeys = rows
    .all(
      'select journey from journey_link where to_pos is null union select journey from journey_split where to_pos is null',
    )
    .map((row) => row['journey'] as number);
  return partsOf(rows, journeys, allIn).parts;
}

/** Wholes with these roots, in their order. */
export function wholesOf(
  rows: ReadRows,
  parts: JourneyParts,
  roots: readonly number[],
  allIn: AllIn,
): { state: WholeState; chunks: EntryColumns[] }[] {
  const openings = new Map(
    allIn(rows, OPENINGS, roots).map((row) => [row['journey'] as number, row as unknown as Opening]),
  );
  const blobs = new Map<number, EntryColumns[]>();
  const sources = [...new Set(roots.flatMap((root) => parts.sources(root)))];
  const stored = 'select journey, data from journey_blob where journey in (?) order by journey, chunk';
  for (const row of allIn(rows, stored, sources)) {
    const journey = row['journey'] as number;
    const columns = new EntryColumns(row['data'] as Uint8Array);
    const own = blobs.get(journey);
    if (own) own.push(columns);
    else blobs.set(journey, [columns]);
  }
  return roots.flatMap((root) => {
    const opening = openings.get(root);
    if (!opening) return [];
    const chunks = parts.whole(root, (journey) => blobs.get(journey) ?? []);
    return [{ state: wholeState(root, opening, chunks), chunks }];
  });
}
