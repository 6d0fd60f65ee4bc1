/** Journeys with all that is told of their touchpoints, page by page: what exports are made of. */
import { sql } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { Form } from './journey-blob.js';
import { select, touchpointsOf, type JourneyFilter } from './journey-rows.js';
import type { ObjectReference } from './journey.events.js';
import { FORM_NAMES, type TimelineCursor } from './timeline-version.js';

/** Where an export reads on: after this journey, or in it after this entry. */
export interface ExportCursor {
  readonly journey: number;
  readonly within?: TimelineCursor;
}

export interface ExportPageParams {
  readonly filter: JourneyFilter;
  readonly after?: ExportCursor;
  /** Touchpoints at most. */
  readonly most: number;
}

/** A touchpoint as it held. Nothing of it is personal: what is, stays encrypted where it is. */
export interface ExportedTouchpoint {
  readonly id: string;
  /** With its original offset. */
  readonly occurredAt: string;
  readonly kind: string;
  readonly channel?: string;
  readonly unit?: string;
  readonly staff?: string;
  readonly customerId?: string;
  readonly source?: { readonly system: string; readonly recordId?: string; readonly recordedAt?: string };
  readonly factId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly objects: readonly ObjectReference[];
  /** There are personal values, which are not given out. */
  readonly personal: boolean;
  /** Whoever it is about was forgotten. */
  readonly forgotten: boolean;
}

export interface ExportedJourney {
  readonly id: string;
  readonly journeyType: string;
  readonly key?: string;
  readonly customerId?: string;
  readonly forgotten: boolean;
  /** The page before had its beginning. */
  readonly continued: boolean;
  /** The page after goes on with it. */
  readonly goesOn: boolean;
  readonly touchpoints: readonly ExportedTouchpoint[];
}

export interface ExportPage {
  readonly journeys: readonly ExportedJourney[];
  /** What else stands in these journeys, by form, such as MOMENT or NOTE; EARLIER_VERSION: what was corrected. */
  readonly besides: Readonly<Record<string, number>>;
  /** Null: that was the last page. */
  readonly next: ExportCursor | null;
}

/** Journeys looked at at a time; fewer where their touchpoints fill the page. */
const JOURNEYS = 200;

/** A page of the journeys that the filter selects, as known at the read's position, in the order of their surrogates. */
export async function exportPage(read: Read, { filter, after, most }: ExportPageParams): Promise<ExportPage> {
  const states = await statesAfter(read, filter, after);
  if (states.length === 0) return { journeys: [], besides: {}, next: null };
  const { rows, cutAt } = await entriesOf(read, states, after?.within, most);
  const last = cutAt ?? states.at(-1)!.journey;
  const whole = states.filter(({ journey }) => journey <= last);
  const firsts = await firstVersions(read, rows);
  const names = await read.namesOf([
    ...whole.flatMap((s) => [s.journey, s.type, s.customer]),
    ...rows.flatMap((r) => [r.kind, r.channel, r.unit, r.staff, r.customer]),
  ]);
  const forgotten = await forgottenAmong(read, [...whole.map((s) => s.customer), ...rows.map((r) => r.customer)]);
  const byJourney = new Map<number, EntryRow[]>();
  for (const row of rows) {
    const own = byJourney.get(row.journey);
    if (own) own.push(row);
    else byJourney.set(row.journey, [row]);
  }
  const journeys = whole.map((state): ExportedJourney => {
    const isForgotten = forgotten.has(state.customer);
    return {
      id: names.get(state.journey)!,
      journeyType: names.get(state.type) ?? '',
      key: state.key ?? undefined,
      customerId: names.get(state.customer),
      forgotten: isForgotten,
      continued: after?.within !== undefined && after.journey === state.journey,
      goesOn: cutAt === state.journey,
      touchpoints: (byJourney.get(state.journey) ?? []).map((row) =>
        touchpointOf(row, firsts.get(row.entry_id), names, forgotten.has(row.customer) || isForgotten),
      ),
    };
  });
  const ended = journeys.flatMap((journey, i) => (journey.goesOn ? [] : [whole[i]!.journey]));
  const cut = cutAt === undefined ? undefined : rows.at(-1)!;
  const next = cut ? { journey: cut.journey, within: [cut.occurred_ms, cut.sequence, cut.entry_id] as const } : { journey: last }; // prettier-ignore
  return { journeys, besides: await besides(read, ended), next };
}

interface State {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
  readonly key: string | null;
}

interface EntryRow {
  journey: number;
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
  body: string;
}

const ENTRY = [
  'journey',
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
  'body',
] as const;

/** The states of the next journeys, that of an unfinished one first. */
async function statesAfter(read: Read, filter: JourneyFilter, after: ExportCursor | undefined): Promise<State[]> {
  const selection = await select(read, filter);
  if (selection.impossible) return [];
  const columns = [
    'journey_state.journey',
    'journey_state.type',
    'journey_state.customer',
    'journey_state.key',
  ] as const;
  // A journey that was begun comes again, so one is looked at that lies before the cursor.
  const from = after === undefined ? 0 : after.within === undefined ? after.journey : after.journey - 1;
  const states = selection.narrow(read.db.selectFrom('journey_state').select([...columns]));
  if (selection.unit === undefined && selection.channel === undefined && !selection.touches) {
    const rows = await states
      .where('journey_state.journey', '>', from)
      .orderBy('journey_state.journey')
      .limit(JOURNEYS)
      .execute();
    return rows as State[];
  }
  const found: number[] = [];
  for await (const { journey } of touchpointsOf(read, selection, { after: from })) {
    if (found.push(journey) >= JOURNEYS) break;
  }
  if (found.length === 0) return [];
  const rows = await states.where('journey_state.journey', 'in', found).orderBy('journey_state.journey').execute();
  return rows as State[];
}

/** Touchpoints of the journeys in their order, at most `most`; `cutAt`: the journey whose touchpoints go on. */
async function entriesOf(
  read: Read,
  states: readonly State[],
  within: TimelineCursor | undefined,
  most: number,
): Promise<{ rows: EntryRow[]; cutAt?: number }> {
  const rows: EntryRow[] = [];
  const held = () =>
    read.db
      .selectFrom('timeline_entry')
      .select([...ENTRY])
      .where(heldAt(read, 'timeline_entry'))
      .where('form', '=', Form.touchpoint)
      .orderBy('journey')
      .orderBy('occurred_ms')
      .orderBy('sequence')
      .orderBy('entry_id');
  let rest = states;
  if (within) {
    const [at, sequence, id] = within;
    const own = await held()
      .where('journey', '=', states[0]!.journey)
      .where(sql<boolean>`(occurred_ms, sequence, entry_id) > (${at}, ${sequence}, ${id})`)
      .limit(most + 1)
      .execute();
    rows.push(...(own as EntryRow[]));
    rest = states.slice(1);
  }
  if (rows.length <= most && rest.length > 0) {
    const ids = rest.map(({ journey }) => journey);
    const more = await held()
      .where('journey', 'in', ids)
      .limit(most + 1 - rows.length)
      .execute();
    rows.push(...(more as EntryRow[]));
  }
  if (rows.length <= most) return { rows };
  const { journey } = rows.pop()!;
  // What was cut off may be the beginning of a journey: then the one before it is whole.
  return rows.at(-1)!.journey === journey ? { rows, cutAt: journey } : { rows, cutAt: rows.at(-1)!.journey };
}

/** A correction does not repeat who told the fact and what it is part of. */
async function firstVersions(read: Read, rows: readonly EntryRow[]): Promise<Map<string, string>> {
  const corrected = rows.filter((row) => row.version > 1).map((row) => row.entry_id);
  if (corrected.length === 0) return new Map();
  const firsts = (await read.db
    .selectFrom('timeline_entry')
    .select(['entry_id', 'body'])
    .where('entry_id', 'in', corrected)
    .where('version', '=', 1)
    .where('form', '=', Form.touchpoint)
    .execute()) as { entry_id: string; body: string }[];
  return new Map(firsts.map(({ entry_id, body }) => [entry_id, body]));
}

/** Customers who are forgotten by now: whoever asks about the past is told so too. */
async function forgottenAmong(read: Read, customers: readonly number[]): Promise<ReadonlySet<number>> {
  const named = [...new Set(customers)].filter((customer) => customer !== 0);
  if (named.length === 0) return new Set();
  const rows = (await read.db
    .selectFrom('customer_state')
    .select('customer')
    .where('customer', 'in', named)
    .where('to_pos', 'is', null)
    .where('forgotten', '=', 1)
    .execute()) as { customer: number }[];
  return new Set(rows.map(({ customer }) => customer));
}

type Body = Pick<ExportedTouchpoint, 'source' | 'factId'> & {
  readonly attributes?: Record<string, unknown>;
  readonly objects?: readonly ObjectReference[];
  readonly personal?: string;
};

function touchpointOf(
  row: EntryRow,
  first: string | undefined,
  names: ReadonlyMap<number, string>,
  forgotten: boolean,
): ExportedTouchpoint {
  const body = JSON.parse(row.body) as Body;
  const { source, factId } = first === undefined ? body : (JSON.parse(first) as Body);
  return {
    id: row.entry_id,
    occurredAt: row.occurred_at,
    kind: names.get(row.kind)!,
    channel: names.get(row.channel),
    unit: names.get(row.unit),
    staff: names.get(row.staff),
    customerId: names.get(row.customer),
    source,
    factId,
    attributes: body.attributes ?? {},
    objects: body.objects ?? [],
    personal: body.personal !== undefined,
    forgotten,
  };
}

const OBSERVED: Readonly<Record<number, string>> = {
  [Form.moment]: 'MOMENT',
  [Form.expectation]: 'EXPECTATION',
  [Form.guided]: 'EXPECTATION_GUIDED',
  [Form.experience]: 'EXPERIENCE',
  [Form.reviewed]: 'REVIEWED',
};

/** Counts what stands in journeys besides the versions of touchpoints that hold. */
async function besides(read: Read, journeys: readonly number[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  if (journeys.length === 0) return counts;
  const count = (name: string, n: number) => {
    if (n > 0) counts[name] = (counts[name] ?? 0) + n;
  };
  const { position } = read.asOf;
  const known = (table: 'timeline_entry' | 'observation') =>
    read.db
      .selectFrom(table)
      .select(['form', (eb) => eb.fn.countAll<number>().as('all')])
      .select(sql<number>`sum(case when ${heldAt(read, table)} then 1 else 0 end)`.as('held'))
      .where('journey', 'in', journeys)
      .where('from_pos', '<=', position)
      .groupBy('form')
      .execute() as Promise<{ form: keyof typeof FORM_NAMES; all: number; held: number }[]>;
  for (const { form, all, held } of await known('timeline_entry')) {
    if (form === Form.touchpoint) count('EARLIER_VERSION', Number(all) - Number(held));
    else count(FORM_NAMES[form], form === Form.voided ? Number(all) : Number(held));
  }
  for (const { form, held } of await known('observation')) {
    if (OBSERVED[form]) count(OBSERVED[form], Number(held));
  }
  return counts;
}
