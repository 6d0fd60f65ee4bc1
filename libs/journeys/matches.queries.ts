/** Doubts whether two are one, and where facts went before. */
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { rootsAt } from './customer-tree.js';
import { partsAt } from './journey-wholes.js';
import type { Doubt } from './match.js';

export const MATCH_STATUSES = ['OPEN', 'CONFIRMED', 'REJECTED'] as const;
export type MatchStatusName = (typeof MATCH_STATUSES)[number];

export interface MatchRow {
  readonly id: string;
  readonly of: 'JOURNEYS' | 'CUSTOMERS';
  /** Ids of the two. */
  readonly first: string;
  readonly second: string;
  readonly status: MatchStatusName;
  readonly reason: Doubt;
  readonly rule: { readonly journeyType: string; readonly pack: string; readonly version: number } | null;
  /** How far apart they were when it was doubted, ms. */
  readonly gapMs: number | null;
  readonly settledBecause: string | null;
  readonly doubtedAt: string;
  /** Where to read on: the match's surrogate. */
  readonly cursor: number;
}

export interface MatchesParams {
  readonly status: MatchStatusName;
  readonly of?: 'JOURNEYS' | 'CUSTOMERS';
  readonly after?: number;
  readonly first: number;
}

interface StoredMatch {
  readonly match: number;
  readonly of: number;
  readonly first: number;
  readonly second: number;
  readonly status: number;
  readonly reason: Doubt;
  readonly body: string;
  readonly doubted_at: string;
}

/** Matches in the order in which they were doubted; an open one whose two have become one anyway is left out. */
export const matchesQuery: ReadQuery<MatchesParams, MatchRow[]> = {
  name: 'matches',
  group: 'journeys',
  run: async (read, { status, of, after = 0, first }) => {
    const found: StoredMatch[] = [];
    for (let last = after; found.length < first;) {
      let query = read.db
        .selectFrom('match')
        .selectAll('match')
        .where(heldAt(read, 'match'))
        .where('status', '=', MATCH_STATUSES.indexOf(status))
        .where('match', '>', last);
      if (of !== undefined) query = query.where('of', '=', of === 'JOURNEYS' ? 0 : 1);
      const page = (await query.orderBy('match').limit(first).execute()) as unknown as StoredMatch[];
      found.push(...(status === 'OPEN' ? await twoStill(read, page) : page));
      if (page.length < first) break;
      last = page.at(-1)!.match;
      read.checkpointCancel();
    }
    const rows = found.slice(0, first);
    const names = await read.namesOf(rows.flatMap((row) => [row.match, row.first, row.second]));
    return rows.map((row) => {
      const body = JSON.parse(row.body) as { rule?: MatchRow['rule']; gapMs?: number; settledBecause?: string };
      return {
        id: names.get(row.match)!,
        of: row.of === 0 ? 'JOURNEYS' : 'CUSTOMERS',
        first: names.get(row.first)!,
        second: names.get(row.second)!,
        status: MATCH_STATUSES[row.status]!,
        reason: row.reason,
        rule: body.rule ?? null,
        gapMs: body.gapMs ?? null,
        settledBecause: body.settledBecause ?? null,
        doubtedAt: row.doubted_at,
        cursor: row.match,
      };
    });
  },
};

async function twoStill(read: Read, rows: readonly StoredMatch[]): Promise<StoredMatch[]> {
  const both = (of: number) => rows.filter((row) => row.of === of).flatMap((row) => [row.first, row.second]);
  const parts = await partsAt(read, both(0));
  const roots = await rootsAt(read, both(1));
  return rows.filter(({ of, first, second }) =>
    of === 0 ? parts.root(first) !== parts.root(second) : roots.get(first) !== roots.get(second),
  );
}

export interface FactPlaceRow {
  readonly factId: string;
  readonly journeyId: string;
  readonly touchpointId: string;
}

const PAGE = 500;

/** Where facts went that named no journey, those that are known. */
export const factPlacesQuery: ReadQuery<{ factIds: readonly string[] }, FactPlaceRow[]> = {
  name: 'factPlaces',
  group: 'journeys',
  run: async (read, { factIds }) => {
    const found: FactPlaceRow[] = [];
    for (let at = 0; at < factIds.length; at += PAGE) {
      const rows = await read.db
        .selectFrom('fact_place')
        .innerJoin('name', 'name.id', 'fact_place.journey')
        .select(['fact', 'touchpoint', 'name.value as journey_id'])
        .where('fact', 'in', factIds.slice(at, at + PAGE))
        .orderBy('fact')
        .orderBy('touchpoint')
        .execute();
      for (const row of rows) {
        found.push({
          factId: row['fact'] as string,
          touchpointId: row['touchpoint'] as string,
          journeyId: row['journey_id'] as string,
        });
      }
    }
    return found;
  },
};
