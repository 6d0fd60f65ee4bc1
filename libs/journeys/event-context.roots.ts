/** As which journey something was seen at a position: after the merges and splits that were known there. */
import type { Position } from '@touchstone/eventing/pure';
import type { Read } from '@touchstone/readmodel/query';
import { rootOf } from './customer-roots.js';

/** Journeys or touchpoints per statement. */
const PAGE = 500;

export interface SeenFrom {
  readonly position: Position;
  /** Surrogate of the journey in whose stream it stands; 0: none. */
  readonly journey: number;
  /** The touchpoint that it is about: it may have been split away. */
  readonly touchpointId?: string;
}

interface Version {
  readonly into_journey: number;
  readonly from_pos: Position;
  readonly to_pos: Position | null;
}
interface SplitVersion extends Version {
  readonly touchpoint: string;
  readonly journey: number;
}
interface LinkVersion extends Version {
  readonly journey: number;
}

/** The surrogate of the journey that stood for it, in the order of what is asked; 0: it is in no journey. */
export async function rootsSeenFrom(read: Read, sights: readonly SeenFrom[]): Promise<readonly number[]> {
  const splits = await splitsOf(
    read,
    sights.flatMap(({ touchpointId }) => touchpointId ?? []),
  );
  const starts = sights.map(({ journey, touchpointId, position }) => {
    const away = splits.get(touchpointId ?? '')?.find((each) => each.journey === journey && held(each, position));
    return away ? away.into_journey : journey;
  });
  const links = await linksFrom(read, new Set(starts.filter((journey) => journey !== 0)));
  // Names decide only where merges are a circle.
  const names = await read.namesOf([...links.keys()]);
  return starts.map((journey, i) => {
    const { position } = sights[i]!;
    const into = (each: number) => links.get(each)?.find((link) => held(link, position))?.into_journey ?? null;
    return rootOf(journey, into, (each) => names.get(each)!);
  });
}

/** What the event at a position says holds there already. */
const held = ({ from_pos, to_pos }: Version, position: Position): boolean =>
  from_pos <= position && (to_pos === null || to_pos > position);

async function splitsOf(read: Read, touchpoints: readonly string[]): Promise<ReadonlyMap<string, SplitVersion[]>> {
  const found = new Map<string, SplitVersion[]>();
  if (touchpoints.length === 0 || !(await anyOf(read, 'journey_split'))) return found;
  for (const page of pages(touchpoints)) {
    const rows = await read.db
      .selectFrom('journey_split')
      .select(['touchpoint', 'journey', 'into_journey', 'from_pos', 'to_pos'])
      .where('touchpoint', 'in', page)
      .execute();
    for (const row of rows as SplitVersion[]) found.set(row.touchpoint, [...(found.get(row.touchpoint) ?? []), row]);
    read.checkpointCancel();
  }
  return found;
}

/** Every version of every link on the way from these journeys, by the journey that was absorbed. */
async function linksFrom(read: Read, journeys: ReadonlySet<number>): Promise<ReadonlyMap<number, LinkVersion[]>> {
  const found = new Map<number, LinkVersion[]>();
  if (journeys.size === 0 || !(await anyOf(read, 'journey_link'))) return found;
  const seen = new Set(journeys);
  for (let open = [...journeys]; open.length > 0;) {
    const next = new Set<number>();
    for (const page of pages(open)) {
      const rows = await read.db
        .selectFrom('journey_link')
        .select(['journey', 'into_journey', 'from_pos', 'to_pos'])
        .where('journey', 'in', page)
        .execute();
      for (const row of rows as LinkVersion[]) {
        found.set(row.journey, [...(found.get(row.journey) ?? []), row]);
        if (!seen.has(row.into_journey)) next.add(row.into_journey);
      }
      read.checkpointCancel();
    }
    for (const journey of next) seen.add(journey);
    open = [...next];
  }
  return found;
}

/** Where nothing was ever merged or split, nothing has to be looked up. */
const anyOf = async (read: Read, table: string): Promise<boolean> =>
  (await read.db.selectFrom(table).select('journey').limit(1).executeTakeFirst()) !== undefined;

function* pages<T>(items: readonly T[]): Generator<T[]> {
  const distinct = [...new Set(items)];
  for (let from = 0; from < distinct.length; from += PAGE) yield distinct.slice(from, from + PAGE);
}
