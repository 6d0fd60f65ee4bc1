import { sql, type RawBuilder } from 'kysely';
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { contactMarks, NO_CONTACT, type ContactMarks } from './contact-marks.js';
import { rootAt, treeBelow } from './customer-tree.js';
import { Flag, Form } from './journey-blob.js';
import type { WholeState } from './journey-parts.js';
import { select } from './journey-rows.js';
import { hasParts, isAlone, partsAt, seenAs, wholesAt } from './journey-wholes.js';
import { notKnown } from './journeys.queries.js';
import { NOTHING_OBSERVED, observedAt, type ObservedAt } from './observation-rows.js';
import { anyFacts, factRows, factsAbout, type SharedPage, type SharedWith } from './shared-facts.js';

/** What an entry of a timeline is. */
export const FORM_NAMES = {
  [Form.touchpoint]: 'TOUCHPOINT',
  [Form.closed]: 'CLOSED',
  [Form.reopened]: 'REOPENED',
  [Form.paused]: 'PAUSED',
  [Form.resumed]: 'RESUMED',
  [Form.ownerAssigned]: 'OWNER_ASSIGNED',
  [Form.handedOver]: 'HANDED_OVER',
  [Form.note]: 'NOTE',
  [Form.voided]: 'VOIDED',
} as const;

/** One version of an entry, as some event said it. */
export interface TimelineVersion {
  readonly entryId: string;
  readonly form: (typeof FORM_NAMES)[keyof typeof FORM_NAMES] | 'OBJECT_FACT';
  readonly version: number;
  /** Null: it is a fact of an object, and belongs to everybody whom it concerns. */
  readonly journeyId: string | null;
  /** With its original offset. */
  readonly occurredAt: string;
  readonly kind: string | null;
  readonly channel: string | null;
  readonly unit: string | null;
  readonly staff: string | null;
  readonly customerId: string | null;
  readonly closes: boolean;
  readonly contact: boolean;
  readonly customerVisible: boolean;
  readonly eventId: string;
  readonly revision: number;
  readonly position: string;
  readonly recordedAt: string;
  /** What else the event said; the fields `personal`, `note` and `text` are ciphertext, sealed for `subject`. */
  readonly body: Readonly<Record<string, unknown>>;
}

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

export type TimelineCursor = readonly [at: number, sequence: number, entryId: string];

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
    const showsShared = params.shared !== false && (await anyFacts(read));
    const wanted = new Set(params.parts ?? TIMELINE_PARTS);
    let query = read.db
      .selectFrom('timeline_entry')
      .select(wanted.has('content') ? [...COLUMNS, 'body'] : COLUMNS)
      .where(heldAt(read, 'timeline_entry'))
      .where('form', '!=', Form.voided);
    if (journeyId !== undefined) {
      const journey = await knownThen(read, 'journey', journeyId);
      if (showsShared) shared = await sharedOfJourney(read, journey);
      query = query.where(await ofJourney(read, journey));
    } else {
      const customer = await knownThen(read, 'customer', customerId!);
      if (showsShared) shared = { customers: await personOf(read, customer), span: ALWAYS };
      query = query.where(await ofCustomer(read, customer, customerId!));
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
      facts.map((fact): TimelineRow => ({ ...fact, ...NOTHING_OBSERVED, ...NO_CONTACT })),
    ).slice(0, first);
  },
};

/** Entries of the journey, of all that was merged with it, and of what was split into it. */
async function ofJourney(read: Read, journey: number): Promise<RawBuilder<boolean>> {
  const parts = await partsAt(read, [journey]);
  return parts.has(journey)
    ? ofWholes(read, parts.members(parts.root(journey)))
    : sql<boolean>`timeline_entry.journey = ${journey}`;
}

/** Entries of everything that is seen as the customer's. */
async function ofCustomer(read: Read, customer: number, customerId: string): Promise<RawBuilder<boolean>> {
  const own = read.db
    .selectFrom('journey_state')
    .select('journey_state.journey')
    .where('customer', 'in', treeBelow(read, await rootAt(read, customer)))
    .where(heldAt(read, 'journey_state'));
  if (!(await hasParts(read))) return sql<boolean>`timeline_entry.journey in ${own}`;
  const parted = await own.where(sql<boolean>`not ${isAlone(read)}`).execute();
  const { roots, parts } = await seenAs(
    read,
    parted.map((row) => row['journey'] as number),
  );
  const { choose } = await select(read, { customerId });
  const wholes = await choose(await wholesAt(read, parts, roots));
  const members = wholes.flatMap(({ state }) => parts.members(state.journey));
  const alone = sql<boolean>`timeline_entry.journey in ${own.where(isAlone(read))}`;
  return members.length === 0 ? alone : sql<boolean>`(${alone} or ${ofWholes(read, members)})`;
}

/** Entries of wholes by all their members: without what was split away, with what was split into them. */
function ofWholes(read: Read, journeys: readonly number[]): RawBuilder<boolean> {
  const members = sql.join(journeys);
  const away = sql`exists (select 1 from journey_split where journey_split.touchpoint = timeline_entry.entry_id
    and journey_split.journey = timeline_entry.journey and journey_split.into_journey not in (${members})
    and ${heldAt(read, 'journey_split')})`;
  const into = sql`timeline_entry.entry_id in (select journey_split.touchpoint from journey_split
    where journey_split.into_journey in (${members}) and ${heldAt(read, 'journey_split')})`;
  return sql<boolean>`((timeline_entry.journey in (${members}) and not ${away}) or ${into})`;
}

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

interface EntryRow {
  from_pos: string;
  journey: number;
  form: keyof typeof FORM_NAMES;
  entry_id: string;
  version: number;
  occurred_ms: number;
  occurred_at: string;
  sequence: number;
  kind: number;
  channel: number;
  unit: number;
  staff: number;
  customer: number;
  flags: number;
  event_id: string;
  revision: number;
  recorded_at: string;
  body: string;
}

// The same one everywhere: on their way between threads they are told once.
const NONE: readonly TimelineVersion[] = [];
const NO_CONTENT: Readonly<Record<string, unknown>> = {};
const NO_ROWS: readonly EntryRow[] = [];

async function timelineRows(
  read: Read,
  rows: readonly EntryRow[],
  wanted: ReadonlySet<TimelinePart>,
): Promise<TimelineRow[]> {
  if (rows.length === 0) return [];
  const versions = wanted.has('versions') ? await versionsOf(read, rows) : [];
  const names = await read.namesOf(
    [...rows, ...versions].flatMap((r) => [r.journey, r.kind, r.channel, r.unit, r.staff, r.customer]),
  );
  const touchpoints = rows.filter((row) => row.form === Form.touchpoint);
  const ids = touchpoints.map((row) => row.entry_id);
  const observed = wanted.has('observed') ? await observedAt(read, ids) : null;
  const marks = wanted.has('marks') ? await contactMarks(read, touchpoints) : null;
  const byEntry = new Map<string, EntryRow[]>();
  for (const row of versions) byEntry.set(row.entry_id, [...(byEntry.get(row.entry_id) ?? []), row]);
  const withContent = wanted.has('content');
  const shown = (row: EntryRow) => versionOf(row, names, withContent);
  return rows.map((row) => {
    const others = (byEntry.get(row.entry_id) ?? NO_ROWS)
      .filter((v) => v.from_pos !== row.from_pos)
      .sort((a, b) => (a.from_pos < b.from_pos ? -1 : 1));
    return {
      ...shown(row),
      ...(observed?.get(row.entry_id) ?? NOTHING_OBSERVED),
      ...(marks?.get(row.entry_id) ?? NO_CONTACT),
      correctedSince: others.length === 0 ? NONE : others.filter((v) => v.from_pos > read.asOf.position).map(shown),
      earlier: others.length === 0 ? NONE : others.filter((v) => v.from_pos <= read.asOf.position).map(shown),
      shared: null,
      cursor: [row.occurred_ms, row.sequence, row.entry_id],
    };
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

function versionOf(row: EntryRow, names: ReadonlyMap<number, string>, withContent: boolean): TimelineVersion {
  return {
    entryId: row.entry_id,
    form: FORM_NAMES[row.form],
    version: row.version,
    journeyId: names.get(row.journey)!,
    occurredAt: row.occurred_at,
    kind: names.get(row.kind) ?? null,
    channel: names.get(row.channel) ?? null,
    unit: names.get(row.unit) ?? null,
    staff: names.get(row.staff) ?? null,
    customerId: names.get(row.customer) ?? null,
    closes: (row.flags & Flag.closes) !== 0,
    contact: (row.flags & Flag.contact) !== 0,
    customerVisible: (row.flags & Flag.customerVisible) !== 0,
    eventId: row.event_id,
    revision: row.revision,
    position: row.from_pos,
    recordedAt: row.recorded_at,
    body: withContent ? (JSON.parse(row.body) as Record<string, unknown>) : NO_CONTENT,
  };
}
