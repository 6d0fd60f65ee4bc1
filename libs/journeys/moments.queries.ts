/** The ledger of moments of truth: all of them across journeys, as known at any time. */
import { sql } from 'kysely';
import { heldAt, unindexed, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { Form } from './journey-blob.js';
import { OBSERVERS, type Observer } from './journey.events.js';
import { instantOf, orderedWindow } from './journey-rows.js';
import { partsAt, wholesAt } from './journey-wholes.js';
import { knownAt, momentsOf, type ObservationRow, type ObservedMoment } from './observation-rows.js';
import { OBSERVATIONS, ofCustomer } from './seen-entries.js';

/** Which moments: all conditions together. Times are ISO instants, the window is [from, to). */
export interface MomentFilter {
  readonly code?: string;
  readonly polarity?: 'negative' | 'positive';
  readonly observer?: Observer;
  readonly journeyType?: string;
  /** Of this person: of everybody who was merged with the customer, as known then. */
  readonly customerId?: string;
  /** Of the touchpoint. */
  readonly unit?: string;
  readonly from?: string;
  readonly to?: string;
  /** Those that had been taken back, and those whose touchpoint had been voided, too. */
  readonly includeRetracted?: boolean;
}

/** The touchpoint of a moment as it held at the read's position. */
export interface TouchpointOfMoment {
  readonly occurredAt: string;
  readonly kind: string | null;
  readonly channel: string | null;
  readonly unit: string | null;
  readonly staff: string | null;
}

export interface MomentInLedger extends ObservedMoment {
  /** The journey as which that of its stream is seen: after merges and splits. */
  readonly journeyId: string;
  readonly journeyType: string | null;
  /** Of the journey. */
  readonly customerId: string | null;
  /** Null: it had been voided. */
  readonly touchpoint: TouchpointOfMoment | null;
  /** Where to read on. */
  readonly cursor: MomentCursor;
}

export type MomentCursor = readonly [at: number, id: string];

export interface LedgerParams {
  readonly filter: MomentFilter;
  readonly after?: MomentCursor;
  readonly first: number;
}

/** Moments in the order in which they happened, the newest last. @throws INVALID_WINDOW */
export const momentLedgerQuery: ReadQuery<LedgerParams, MomentInLedger[]> = {
  name: 'momentLedger',
  group: 'journeys',
  run: async (read, params) => {
    const page = await ledgerPage(read, params);
    return page ? ledgerRows(read, (await page.execute()) as ObservationRow[]) : [];
  },
};

/** The statement of a page. Null: the filter names something that no event ever named. */
export async function ledgerPage(read: Read, { filter, after, first }: LedgerParams) {
  const chosen = await narrow(read, filter);
  if (!chosen) return null;
  const { at, id } = orderOf(read, filter);
  const page = chosen.orderBy(at).orderBy(id).limit(first);
  return after ? page.where(sql<boolean>`(${at}, ${id}) > (${after[0]}, ${after[1]})`) : page;
}

/**
 * Of one person there are few moments, and their journeys lead to them; else the order itself is walked. SQLite is
 * kept from taking an index by the other.
 */
const orderOf = (read: Read, { customerId }: MomentFilter) =>
  customerId == null
    ? {
        at: sql<number>`occurred_ms`,
        id: sql<string>`entry_id`,
        journey: sql<number>`${unindexed(read, sql`observation.journey`)}`,
      }
    : {
        at: sql<number>`${unindexed(read, sql`occurred_ms`)}`,
        id: sql<string>`${unindexed(read, sql`entry_id`)}`,
        journey: sql<number>`observation.journey`,
      };

/** Moments by id, in the order of the ids; null: not known at the read's position. Those that were taken back too. */
export const momentsByIdQuery: ReadQuery<{ ids: readonly string[] }, (MomentInLedger | null)[]> = {
  name: 'momentsById',
  group: 'journeys',
  run: async (read, { ids }) => {
    const rows = await read.db
      .selectFrom('observation')
      .selectAll('observation')
      .where('entry_id', 'in', ids)
      .where('form', '=', Form.moment)
      .where(knownAt(read))
      .execute();
    const moments = await ledgerRows(read, rows as ObservationRow[]);
    const byId = new Map(moments.map((moment) => [moment.id, moment]));
    return ids.map((id) => byId.get(id) ?? null);
  },
};

async function narrow(read: Read, filter: MomentFilter) {
  const { polarity, observer, includeRetracted = false } = filter;
  const window = orderedWindow(instantOf(filter.from, -Infinity), instantOf(filter.to, Infinity));
  const [code, type, customer, unit] = await Promise.all([
    known(read, 'moment', filter.code),
    known(read, 'journeyType', filter.journeyType),
    known(read, 'customer', filter.customerId),
    known(read, 'unit', filter.unit),
  ]);
  if (code === null || type === null || customer === null || unit === null) return null;
  const order = orderOf(read, filter);
  let query = read.db
    .selectFrom('observation')
    .selectAll('observation')
    .where('form', '=', Form.moment)
    .where(includeRetracted ? knownAt(read) : heldAt(read, 'observation'));
  if (code !== undefined) query = query.where('code', '=', code);
  if (polarity !== undefined) query = query.where('score', polarity === 'negative' ? '<' : '>', 0);
  if (observer !== undefined) query = query.where('observer', '=', OBSERVERS.indexOf(observer) + 1);
  if (window[0] !== -Infinity) query = query.where(order.at, '>=', window[0]);
  if (window[1] !== Infinity) query = query.where(order.at, '<', window[1]);
  if (type !== undefined) {
    // Only journeys of one type are ever merged, and a split keeps the type.
    const ofType = read.db.selectFrom('journey_state').select('journey_state.journey').where('type', '=', type);
    query = query.where(order.journey, 'in', ofType.where(heldAt(read, 'journey_state')));
  }
  if (customer !== undefined) query = query.where(await ofCustomer(read, filter.customerId!, customer, OBSERVATIONS));
  // A moment at a touchpoint that should not have been recorded counts nowhere.
  if (includeRetracted && unit === undefined) return query;
  let touchpoint = read.db
    .selectFrom('timeline_entry')
    .select(sql`1`.as('one'))
    .whereRef('timeline_entry.entry_id', '=', 'observation.touchpoint')
    .where(heldAt(read, 'timeline_entry'));
  if (unit !== undefined) touchpoint = touchpoint.where('timeline_entry.unit', '=', unit);
  return query.where(({ exists }) => exists(touchpoint));
}

const known = async (read: Read, dictionary: string, name: string | undefined) =>
  name == null ? undefined : read.idOf(dictionary, name);

const PAGE = 500;

async function ledgerRows(read: Read, rows: readonly ObservationRow[]): Promise<MomentInLedger[]> {
  const moments = await momentsOf(read, rows);
  const touchpoints = new Map<string, TouchpointRow>();
  for (let i = 0; i < rows.length; i += PAGE) {
    for (const row of await touchpointRows(read, rows.slice(i, i + PAGE))) touchpoints.set(row.entry_id, row);
  }
  const journeys = await journeysOf(read, rows);
  const names = await read.namesOf([
    ...journeys.flatMap(({ journey, type, customer }) => [journey, type, customer]),
    ...[...touchpoints.values()].flatMap((t) => [t.kind, t.channel, t.unit, t.staff]),
  ]);
  const nameOf = (surrogate: number | undefined) => names.get(surrogate ?? 0) ?? null;
  return rows.map((row, i) => {
    const { journey, type, customer } = journeys[i]!;
    const touchpoint = touchpoints.get(row.touchpoint);
    return {
      ...moments[i]!,
      journeyId: names.get(journey)!,
      journeyType: nameOf(type),
      customerId: nameOf(customer),
      touchpoint: touchpoint
        ? {
            occurredAt: touchpoint.occurred_at,
            kind: nameOf(touchpoint.kind),
            channel: nameOf(touchpoint.channel),
            unit: nameOf(touchpoint.unit),
            staff: nameOf(touchpoint.staff),
          }
        : null,
      cursor: [row.occurred_ms, row.entry_id],
    };
  });
}

interface JourneyOfMoment {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
}

/** The journeys as which those of the moments are seen, in the order of the moments. */
async function journeysOf(read: Read, rows: readonly ObservationRow[]): Promise<JourneyOfMoment[]> {
  const parts = await partsAt(read, new Set(rows.map((row) => row.journey)));
  const roots = rows.map((row) => parts.rootOfTouchpoint(row.journey, row.touchpoint));
  const distinct = [...new Set(roots)];
  const found = new Map<number, JourneyOfMoment>();
  for (const { state } of await wholesAt(
    read,
    parts,
    distinct.filter((root) => parts.has(root)),
  )) {
    found.set(state.journey, state);
  }
  const alone = distinct.filter((root) => !found.has(root));
  for (let i = 0; i < alone.length; i += PAGE) {
    const states = await read.db
      .selectFrom('journey_state')
      .select(['journey', 'type', 'customer'])
      .where('journey', 'in', alone.slice(i, i + PAGE))
      .where(heldAt(read, 'journey_state'))
      .execute();
    for (const state of states as unknown as JourneyOfMoment[]) found.set(state.journey, state);
  }
  return roots.map((journey) => found.get(journey) ?? { journey, type: 0, customer: 0 });
}

interface TouchpointRow {
  entry_id: string;
  occurred_at: string;
  kind: number;
  channel: number;
  unit: number;
  staff: number;
}

async function touchpointRows(read: Read, rows: readonly ObservationRow[]): Promise<TouchpointRow[]> {
  return (await read.db
    .selectFrom('timeline_entry')
    .select(['entry_id', 'occurred_at', 'kind', 'channel', 'unit', 'staff'])
    .where('entry_id', 'in', [...new Set(rows.map((row) => row.touchpoint))])
    .where(heldAt(read, 'timeline_entry'))
    .execute()) as TouchpointRow[];
}
