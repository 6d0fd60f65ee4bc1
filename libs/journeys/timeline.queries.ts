import { sql } from 'kysely';
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { contactMarks, NO_CONTACT, type ContactMarks } from './contact-marks.js';
import { rootAt, treeBelow } from './customer-tree.js';
import { Form } from './journey-blob.js';
import type { WholeState } from './journey-parts.js';
import { hasParts, partsAt, wholesAt } from './journey-wholes.js';
import { notKnown } from './journeys.queries.js';
import { NOTHING_OBSERVED, observedAt, type ObservedAt } from './observation-rows.js';
import { ENTRIES, ofCustomer, ofJourney } from './seen-entries.js';
import {
  FORM_NAMES,
  versionOf as versionOfRow,
  type TimelineCursor,
  type TimelineVersion,
  type VersionRow,
} from './timeline-version.js';
import { anyFacts, factRows, factsAbout, type SharedPage, type SharedWith } from './shared-facts.js';

/** `moments` and the like: what was observed at the touchpoint by the read's position; of other entries nothing. */
export interface TimelineRow extends TimelineVersion, ObservedAt, ContactMarks {
  /** Versions that came after the read's position: what was corrected since. */
  readonly correctedSince: readonly TimelineVersion[];
  /** Versions that had been superseded by then. */
  readonly earlier: readonly TimelineVersion[];
  /** Of a fact that many share: which, and of what. */
  readonly shared: SharedWith | null;
  /** Where to read on. */
  readonly cursor: TimelineCursor;
}

/** What an entry says beyond its own row: only what is asked for is looked for. */
export const TIMELINE_PARTS = ['content', 'observed', 'marks', 'versions'] as const;
export type TimelinePart = (typeof TIMELINE_PARTS)[number];

export interface TimelineParams {
  readonly journeyId?: string;
  readonly customerId?: string;
  /** False: without the facts of objects that concern the customer. */
  readonly shared?: boolean;
  /** What of the entries is wanted; absent: everything. What is not reads as nothing at all. */
  readonly parts?: readonly TimelinePart[];
  readonly after?: TimelineCursor;
  readonly first: number;
}

/**
 * What a journey, or a customer across all journeys and channels, went through, in the journey's order; with the facts of
 * objects that concerned them then, of a journey those between its beginning and its end.
 * @throws JOURNEY_UNKNOWN, CUSTOMER_UNKNOWN
 */
export const timelineQuery: ReadQuery<TimelineParams, TimelineRow[]> = {
  name: 'timeline',
  group: 'journeys',
  run: async (read, params) => {
    const { journeyId, customerId, after, first } = params;
    let shared: Pick<SharedPage, 'customers' | 'span'> | null = null;
    // None of these needs another's answer; the last one is for later.
    const [showsShared, whose] = await Promise.all([
      params.shared !== false && anyFacts(read),
      journeyId === undefined ? knownThen(read, 'customer', customerId!) : knownThen(read, 'journey', journeyId),
      hasParts(read),
    ]);
    const wanted = new Set(params.parts ?? TIMELINE_PARTS);
    let query = read.db
      .selectFrom('timeline_entry')
      .select(wanted.has('content') ? [...COLUMNS, 'body'] : COLUMNS)
      .where(heldAt(read, 'timeline_entry'))
      .where('form', '!=', Form.voided);
    if (journeyId !== undefined) {
      if (showsShared) shared = await sharedOfJourney(read, whose);
      query = query.where(await ofJourney(read, whose, ENTRIES));
    } else {
      if (showsShared) shared = { customers: await personOf(read, whose), span: ALWAYS };
      query = query.where(await ofCustomer(read, customerId!, whose, ENTRIES));
    }
    if (after) {
      const [at, sequence, id] = after;
      query = query.where(sql<boolean>`(occurred_ms, sequence, entry_id) > (${at}, ${sequence}, ${id})`);
    }
    const rows = await query.orderBy('occurred_ms').orderBy('sequence').orderBy('entry_id').limit(first).execute();
    const own = await timelineRows(read, rows as EntryRow[], wanted);
    if (!shared) return own;
    const facts = await factRows(read, await factsAbout(read, { ...shared, after, first }));
    return merged(
      own,
      facts.map((fact) => Object.assign(fact, NOTHING_OBSERVED, NO_CONTACT)),
    ).slice(0, first);
  },
};

const ALWAYS = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/** Everybody who is one person with the customer, as was known then. */
async function personOf(read: Read, customer: number): Promise<number[]> {
  const tree = treeBelow(read, await rootAt(read, customer));
  const { rows } = await sql<{ customer: number }>`select customer from ${tree} as person`.execute(read.db);
  return rows.map((row) => row.customer);
}

/** What concerned the customer between the beginning and the end of the journey, as it is seen: with all its parts. */
async function sharedOfJourney(read: Read, journey: number): Promise<Pick<SharedPage, 'customers' | 'span'> | null> {
  const state = await extentOf(read, journey);
  if (state.customer === 0) return null;
  const end = state.ended_ms === null ? ALWAYS[1] : state.ended_ms + 1;
  return { customers: await personOf(read, state.customer), span: [state.opened_ms, end] };
}

type Extent = Pick<WholeState, 'customer' | 'opened_ms' | 'ended_ms'>;

async function extentOf(read: Read, journey: number): Promise<Extent> {
  const parts = await partsAt(read, [journey]);
  const [whole] = parts.has(journey) ? await wholesAt(read, parts, [parts.root(journey)]) : [];
  if (whole) return whole.state;
  return (await read.db
    .selectFrom('journey_state')
    .select(['customer', 'opened_ms', 'ended_ms'])
    .where('journey', '=', journey)
    .where(heldAt(read, 'journey_state'))
    .executeTakeFirstOrThrow()) as unknown as Extent;
}

/** Two lists in the order of timelines, as one. */
function merged(a: readonly TimelineRow[], b: readonly TimelineRow[]): TimelineRow[] {
  return [...a, ...b].sort(
    ({ cursor: [at, sequence, id] }, { cursor: [otherAt, otherSequence, otherId] }) =>
      at - otherAt || sequence - otherSequence || (id < otherId ? -1 : 1),
  );
}

/** Surrogate of who was known at the read's position: a name alone may be of later. */
async function knownThen(read: Read, what: 'journey' | 'customer', id: string): Promise<number> {
  const table = `${what}_state`;
  const surrogate = await read.idOf(what, id);
  const state =
    surrogate !== null &&
    (await read.db
      .selectFrom(table)
      .select(what)
      .where(what, '=', surrogate)
      .where(heldAt(read, table))
      .executeTakeFirst());
  return state ? surrogate : notKnown(what, id);
}

const COLUMNS = [
  'from_pos',
  'journey',
  'form',
  'entry_id',
  'version',
  'occurred_ms',
  'occurred_at',
  'sequence',
  'kind',
  'channel',
  'unit',
  'staff',
  'customer',
  'flags',
  'event_id',
  'revision',
  'recorded_at',
] as const satisfies readonly (keyof EntryRow)[];

interface EntryRow extends VersionRow {
  readonly journey: number;
  readonly form: keyof typeof FORM_NAMES;
}

// The same one everywhere: on their way between threads they are told once.
const NONE: readonly TimelineVersion[] = [];
const NO_ROWS: readonly EntryRow[] = [];

async function timelineRows(
  read: Read,
  rows: readonly EntryRow[],
  wanted: ReadonlySet<TimelinePart>,
): Promise<TimelineRow[]> {
  if (rows.length === 0) return [];
  const touchpoints = rows.filter((row) => row.form === Form.touchpoint);
  const ids = touchpoints.map((row) => row.entry_id);
  const [versions, observed, marks] = await Promise.all([
    wanted.has('versions') ? versionsOf(read, rows) : [],
    wanted.has('observed') ? observedAt(read, ids) : null,
    wanted.has('marks') ? contactMarks(read, touchpoints) : null,
  ]);
  const names = await read.namesOf(
    [...rows, ...versions].flatMap((r) => [r.journey, r.kind, r.channel, r.unit, r.staff, r.customer]),
  );
  const byEntry = new Map<string, EntryRow[]>();
  for (const row of versions) byEntry.set(row.entry_id, [...(byEntry.get(row.entry_id) ?? []), row]);
  const withContent = wanted.has('content');
  const shown = (row: EntryRow) => versionOf(row, names, withContent);
  return rows.map((row) => {
    const others = (byEntry.get(row.entry_id) ?? NO_ROWS)
      .filter((v) => v.from_pos !== row.from_pos)
      .sort((a, b) => (a.from_pos < b.from_pos ? -1 : 1));
    // Assigned to one that is new, not spread into another: see record 23.
    return Object.assign(
      shown(row),
      observed?.get(row.entry_id) ?? NOTHING_OBSERVED,
      marks?.get(row.entry_id) ?? NO_CONTACT,
      {
        correctedSince: others.length === 0 ? NONE : others.filter((v) => v.from_pos > read.asOf.position).map(shown),
        earlier: others.length === 0 ? NONE : others.filter((v) => v.from_pos <= read.asOf.position).map(shown),
        shared: null,
        cursor: [row.occurred_ms, row.sequence, row.entry_id] as const,
      },
    );
  });
}

/** All versions of these entries but those that hold today in a read of today. */
async function versionsOf(read: Read, rows: readonly EntryRow[]): Promise<EntryRow[]> {
  const others = (await read.db
    .selectFrom('timeline_entry')
    .selectAll('timeline_entry')
    .where(
      'entry_id',
      'in',
      rows.map((r) => r.entry_id),
    )
    .where('to_pos', 'is not', null)
    .orderBy('from_pos')
    .execute()) as EntryRow[];
  // In a read of the past the version that holds today is one of the others.
  const today = read.past
    ? ((await read.db
        .selectFrom('timeline_entry')
        .selectAll('timeline_entry')
        .where(
          'entry_id',
          'in',
          rows.map((r) => r.entry_id),
        )
        .where('to_pos', 'is', null)
        .execute()) as EntryRow[])
    : [];
  return [...others, ...today];
}

/** Without its content, which was not read. */
const versionOf = (row: EntryRow, names: ReadonlyMap<number, string>, withContent: boolean): TimelineVersion =>
  versionOfRow(row, FORM_NAMES[row.form], names.get(row.journey)!, names, withContent);
