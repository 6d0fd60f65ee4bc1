/** What the rules of moments still have to observe or to take back, as the derived to-do rows say. */
import { sql } from 'kysely';
import type { Read, ReadQuery } from '@touchstone/readmodel/query';
import { Form, ObserverCode } from './journey-blob.js';
import { hasParts } from './journey-wholes.js';
import { DueAction } from './metrics/care.tables.js';

/** Place behind a row, in the order of due time, journey, code and cause. */
export type DueCursor = readonly [dueMs: number, journey: number, code: string, cause: string];

/** One thing that a rule may decide now. */
export interface DueMoment {
  readonly action: 'observe' | 'withdraw';
  readonly journeyId: string;
  /** Such as `NEG-S3`. */
  readonly code: string;
  /** Id of the entry of the journey that makes it so. */
  readonly cause: string;
  readonly touchpointId: string;
  /** When the judged touchpoint happened, as known now, with its offset; null: it does not hold. */
  readonly occurredAt: string | null;
  /** ms since 1970. */
  readonly dueMs: number;
  /** What is to be withdrawn; '' of what is to be observed. */
  readonly momentId: string;
  /** Why it is withdrawn; '' of what is to be observed. */
  readonly reason: string;
  /** Moments that this rule observed for this cause before, all of them taken back since. */
  readonly before: number;
  /** When the last of those was recorded, ms since 1970; null: there is none. */
  readonly lastRecordedMs: number | null;
}

export interface DuePage {
  readonly due: readonly DueMoment[];
  /** Where to read on; null: there is nothing behind. */
  readonly next: DueCursor | null;
  /** When the next thing may be decided, ms since 1970; null: nothing waits for its time. Told on the last page. */
  readonly nextDueMs: number | null;
}

interface DueRow {
  journey: number;
  code: string;
  cause: string;
  action: number;
  touchpoint: string;
  due_ms: number;
  moment_id: string;
  reason: string;
}

/** What may be decided at an instant (ms since 1970), what has waited longest first. */
export const momentsDueQuery: ReadQuery<{ at: number; after?: DueCursor; first: number }, DuePage> = {
  name: 'momentsDue',
  group: 'journeys',
  run: async (read, { at, after, first }) => {
    let query = read.db.selectFrom('moment_due').selectAll().where('due_ms', '<=', at);
    if (after) {
      const [due, journey, code, cause] = after;
      // The first condition is the one that an index can use.
      query = query
        .where('due_ms', '>=', due)
        .where(sql<boolean>`(due_ms, journey, code, cause) > (${due}, ${journey}, ${code}, ${cause})`);
    }
    const rows = (await query
      .orderBy('due_ms')
      .orderBy('journey')
      .orderBy('code')
      .orderBy('cause')
      .limit(first + 1)
      .execute()) as DueRow[];
    const page = rows.slice(0, first);
    const last = rows.length > first ? page.at(-1)! : null;
    return {
      due: await dueMomentsOf(read, page),
      next: last && [last.due_ms, last.journey, last.code, last.cause],
      nextDueMs: last ? null : await nextDue(read, at),
    };
  },
};

export interface DueCount {
  readonly due: number;
  /** ms since 1970; null: nothing waits for its time. */
  readonly nextDueMs: number | null;
}

/** How much may be decided at an instant (ms since 1970), and when the next thing. */
export const momentsDueCountQuery: ReadQuery<{ at: number }, DueCount> = {
  name: 'momentsDueCount',
  group: 'journeys',
  run: async (read, { at }) => {
    const { n } = (await read.db
      .selectFrom('moment_due')
      .select((eb) => eb.fn.countAll().as('n'))
      .where('due_ms', '<=', at)
      .executeTakeFirstOrThrow()) as { n: number | string };
    return { due: Number(n), nextDueMs: await nextDue(read, at) };
  },
};

async function nextDue(read: Read, at: number): Promise<number | null> {
  const row = await read.db
    .selectFrom('moment_due')
    .select('due_ms')
    .where('due_ms', '>', at)
    .orderBy('due_ms')
    .limit(1)
    .executeTakeFirst();
  return row ? (row['due_ms'] as number) : null;
}

async function dueMomentsOf(read: Read, rows: readonly DueRow[]): Promise<DueMoment[]> {
  if (rows.length === 0) return [];
  const streams = await streamsOf(read, rows);
  const names = await read.namesOf([...rows.map(({ journey }) => journey), ...streams.values()]);
  const streamOf = (row: DueRow) => streams.get(row.moment_id || row.touchpoint) ?? row.journey;
  const observing = rows
    .filter(({ action }) => action === DueAction.observe)
    .map((row) => ({ ...row, journey: streamOf(row) }));
  const times = await timesOf(read, observing);
  const earlier = await earlierOf(read, observing);
  return rows.map((row) => {
    const before = earlier.get(keyOf(streamOf(row), row.code, row.cause));
    return {
      action: row.action === DueAction.withdraw ? 'withdraw' : 'observe',
      journeyId: names.get(streamOf(row))!,
      code: row.code,
      cause: row.cause,
      touchpointId: row.touchpoint,
      occurredAt: times.get(row.touchpoint) ?? null,
      dueMs: row.due_ms,
      momentId: row.moment_id,
      reason: row.reason,
      before: before?.count ?? 0,
      lastRecordedMs: before?.lastRecordedMs ?? null,
    };
  });
}

/** In whose stream what is judged stands, and what is withdrawn: a part of the journey, where that was merged. */
async function streamsOf(read: Read, rows: readonly DueRow[]): Promise<Map<string, number>> {
  const streams = new Map<string, number>();
  if (!(await hasParts(read))) return streams;
  const touchpoints = rows.map(({ touchpoint }) => touchpoint);
  const moments = rows.flatMap(({ moment_id }) => (moment_id === '' ? [] : [moment_id]));
  for (const [table, ids] of [['timeline_entry', touchpoints] as const, ['observation', moments] as const]) {
    if (ids.length === 0) continue;
    const found = await read.db
      .selectFrom(table)
      .select(['entry_id', 'journey'])
      .where('entry_id', 'in', ids)
      .execute();
    for (const row of found) streams.set(row['entry_id'] as string, row['journey'] as number);
  }
  return streams;
}

/** When touchpoints happened, by their ids. */
async function timesOf(read: Read, rows: readonly DueRow[]): Promise<Map<string, string>> {
  if (rows.length === 0) return new Map();
  const held = (await read.db
    .selectFrom('timeline_entry')
    .select(['entry_id', 'occurred_at'])
    .where(
      'entry_id',
      'in',
      rows.map(({ touchpoint }) => touchpoint),
    )
    .where('form', '=', Form.touchpoint)
    .where('to_pos', 'is', null)
    .execute()) as { entry_id: string; occurred_at: string }[];
  return new Map(held.map(({ entry_id, occurred_at }) => [entry_id, occurred_at]));
}

interface Earlier {
  readonly count: number;
  readonly lastRecordedMs: number;
}

/** What rules observed in these journeys before, by journey, code and cause. */
async function earlierOf(read: Read, rows: readonly DueRow[]): Promise<Map<string, Earlier>> {
  const found = new Map<string, Earlier>();
  if (rows.length === 0) return found;
  const moments = (await read.db
    .selectFrom('observation')
    .select(['journey', 'recorded_at', 'body'])
    .where('journey', 'in', [...new Set(rows.map(({ journey }) => journey))])
    .where('form', '=', Form.moment)
    .where('observer', '=', ObserverCode.rule)
    .execute()) as { journey: number; recorded_at: string; body: string }[];
  for (const { journey, recorded_at, body } of moments) {
    const { code, rule } = JSON.parse(body) as { code: string; rule: { cause: string } };
    const key = keyOf(journey, code, rule.cause);
    const before = found.get(key);
    const recordedMs = Date.parse(recorded_at);
    found.set(key, {
      count: (before?.count ?? 0) + 1,
      lastRecordedMs: Math.max(before?.lastRecordedMs ?? recordedMs, recordedMs),
    });
  }
  return found;
}

const keyOf = (journey: number, code: string, cause: string): string => `${journey} ${code} ${cause}`;
