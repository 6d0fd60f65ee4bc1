/** Journeys as they are seen: those that were merged as one, those that were split as two, as known then. */
import { sql } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { EntryColumns, Form, positionKey } from './journey-blob.js';
import {
  Closure,
  NO_PARTS,
  wholeState,
  type JourneyLink,
  type JourneyParts,
  type JourneySplitAway,
  type Opening,
  type WholeState,
} from './journey-parts.js';

/** Journeys per statement. */
const PAGE = 500;

const known = new WeakMap<Read, Promise<boolean>>();

/** Whether anything was merged or split at all: where nothing was, nothing has to be looked up. */
export function hasParts(read: Read): Promise<boolean> {
  let answer = known.get(read);
  if (!answer) known.set(read, (answer = anyParts(read)));
  return answer;
}

async function anyParts(read: Read): Promise<boolean> {
  const some = (table: string) => sql`exists (select 1 from ${sql.table(table)} where ${heldAt(read, table)})`;
  const either = sql<{ found: number }>`select (${some('journey_link')} or ${some('journey_split')}) as found`;
  const { rows } = await either.execute(read.db);
  return rows[0]!.found === 1;
}

/** Merges and splits of these journeys, and of all that hang together with them. */
export async function partsAt(read: Read, journeys: Iterable<number>): Promise<JourneyParts> {
  if (!(await hasParts(read))) return NO_PARTS;
  const closure = new Closure(journeys);
  for (let open = closure.journeys; open.length > 0;) {
    const fresh: number[] = [];
    for (let at = 0; at < open.length; at += PAGE) {
      const page = open.slice(at, at + PAGE);
      const links: JourneyLink[] = [];
      const splits: JourneySplitAway[] = [];
      for (const by of ['journey', 'into_journey']) {
        const [link, split] = [read.db.selectFrom('journey_link'), read.db.selectFrom('journey_split')];
        const into = link.select(['journey', 'into_journey']).where(by, 'in', page).where(heldAt(read, 'journey_link'));
        links.push(...((await into.execute()) as JourneyLink[]));
        const away = split.select(['touchpoint', 'journey', 'into_journey']).where(by, 'in', page);
        splits.push(...((await away.where(heldAt(read, 'journey_split')).execute()) as JourneySplitAway[]));
      }
      fresh.push(...closure.meet(links, splits));
      read.checkpointCancel();
    }
    open = fresh;
  }
  // Names decide only where merges are a circle.
  const names = await read.namesOf([...closure.links.keys()]);
  return closure.parts((journey) => names.get(journey)!);
}

/** The journeys as which these are seen, each once, in the order of their surrogates. */
export async function seenAs(
  read: Read,
  journeys: Iterable<number>,
): Promise<{ roots: number[]; parts: JourneyParts }> {
  const all = [...new Set(journeys)];
  const parts = await partsAt(read, all);
  const roots = new Set([...all.filter((journey) => !parts.has(journey)), ...parts.roots]);
  return { roots: [...roots].sort((a, b) => a - b), parts };
}

/** A whole that consists of parts. */
export interface Whole {
  readonly state: WholeState;
  readonly chunks: readonly EntryColumns[];
  readonly touchpoints: number;
  /** When the last touchpoint was; null: there is none. */
  readonly last_ms: number | null;
}

/** The wholes with these roots, those that were known then, in the order given. */
export async function wholesAt(read: Read, parts: JourneyParts, roots: readonly number[]): Promise<Whole[]> {
  const wholes: Whole[] = [];
  for (let at = 0; at < roots.length; at += PAGE) {
    const page = roots.slice(at, at + PAGE);
    const openings = await openingsOf(read, page);
    const blobs = await blobsOf(read, [...new Set(page.flatMap((root) => parts.sources(root)))]);
    const position = read.past ? positionKey(read.asOf.position) : undefined;
    for (const root of page) {
      const opening = openings.get(root);
      if (!opening) continue;
      const chunks = parts.whole(root, (journey) => blobs.get(journey) ?? []);
      wholes.push({ state: wholeState(root, opening, chunks, position), chunks, ...extentOf(chunks, position) });
    }
    read.checkpointCancel();
  }
  return wholes;
}

function extentOf(chunks: readonly EntryColumns[], position: readonly number[] | undefined) {
  let touchpoints = 0;
  let last_ms: number | null = null;
  for (const columns of chunks) {
    for (let i = 0; i < columns.count; i++) {
      if (columns.form(i) !== Form.touchpoint || !columns.holds(i, position)) continue;
      touchpoints++;
      last_ms = columns.at(i);
    }
  }
  return { touchpoints, last_ms };
}

async function openingsOf(read: Read, roots: readonly number[]): Promise<Map<number, Opening>> {
  const rows = await read.db
    .selectFrom('journey_state')
    .select(['journey', 'type', 'key', 'opening_ms', 'opening_customer'])
    .where('journey', 'in', [...roots])
    .where(heldAt(read, 'journey_state'))
    .execute();
  return new Map(rows.map((row) => [row['journey'] as number, row as unknown as Opening]));
}

async function blobsOf(read: Read, journeys: readonly number[]): Promise<Map<number, EntryColumns[]>> {
  const found = new Map<number, EntryColumns[]>();
  for (let at = 0; at < journeys.length; at += PAGE) {
    const rows = await read.db
      .selectFrom('journey_blob')
      .select(['journey', 'data'])
      .where('journey', 'in', journeys.slice(at, at + PAGE))
      .orderBy('journey')
      .orderBy('chunk')
      .execute();
    for (const row of rows) {
      const journey = row['journey'] as number;
      const columns = new EntryColumns(row['data'] as Uint8Array);
      found.set(journey, [...(found.get(journey) ?? []), columns]);
    }
  }
  return found;
}

/** True of a row of `journey_state` that is seen by itself: nothing was merged with it, nothing split. */
export const isAlone = (read: Read) => {
  const none = (table: string, column: string) =>
    sql<boolean>`not exists (select 1 from ${sql.table(table)} where ${sql.ref(`${table}.${column}`)} = journey_state.journey and ${heldAt(read, table)})`;
  return sql<boolean>`(${none('journey_link', 'journey')} and ${none('journey_link', 'into_journey')}
    and ${none('journey_split', 'journey')} and ${none('journey_split', 'into_journey')})`;
};

/** Of the journeys behind `after` up to `until`, the first that were merged or split, at most `limit`. */
export async function withPartsIn(
  read: Read,
  { after, until, limit }: { after: number; until: number; limit: number },
): Promise<number[]> {
  if (!(await hasParts(read))) return [];
  const found = new Set<number>();
  for (const table of ['journey_link', 'journey_split']) {
    for (const column of ['journey', 'into_journey']) {
      let query = read.db.selectFrom(table).select(`${column} as journey`).distinct().where(column, '>', after);
      if (until !== Infinity) query = query.where(column, '<=', until);
      const rows = await query.where(heldAt(read, table)).orderBy(column).limit(limit).execute();
      for (const row of rows) found.add(row['journey'] as number);
    }
  }
  return [...found].sort((a, b) => a - b).slice(0, limit);
}
