import { sql } from 'kysely';
import type { Position } from '@touchstone/eventing/pure';
import type { Read, ReadQuery } from '@touchstone/readmodel/query';
import type { ContextAsk, EventContext, EventInContext } from './event-context.js';
import { rootsSeenFrom } from './event-context.roots.js';
import { EntryColumns, Form } from './journey-blob.js';

/** Ids, or pairs of an id and a position, per statement. */
const PAGE = 500;

/**
 * What stood around events, each as known at its own position: the read model has to have come as far as the last of
 * them, and may have gone on since. Each thing is looked up by key at its position, however many versions it has.
 */
export const eventContextsQuery: ReadQuery<{ asks: readonly ContextAsk[] }, EventInContext[]> = {
  name: 'eventContexts',
  group: 'journeys',
  run: async (read, { asks }) => {
    const moments = await momentsOf(read, asks);
    const touchpoints = await touchpointsOf(read, asks, moments);
    const surrogates = await surrogatesOf(read, asks);
    const sights = asks.map((ask) => sightsOf(ask, surrogates, moments, touchpoints));
    const contexts = await contextsOf(
      read,
      sights.flatMap(({ now, before }) => (before ? [now, before] : [now])),
    );
    return sights.map(({ now, before, supersedes }) => ({
      context: contexts.get(now)!,
      supersedes,
      before: before && contexts.get(before)!,
    }));
  },
};

interface Moment {
  readonly touchpoint: string;
  readonly from: Position;
}

/** A version of a touchpoint. */
interface Version {
  readonly id: string;
  readonly version: number;
  readonly from: Position;
  readonly to: Position | null;
  readonly journey: number;
  readonly at: number;
  readonly unit: number;
  readonly channel: number;
  readonly eventId: string;
}

/** Something as seen from a position. */
interface Sight {
  readonly position: Position;
  /** Surrogates; 0: none. */
  readonly journey: number;
  readonly customer: number;
  /** As the event has it. */
  readonly journeyId?: string;
  /** The touchpoint that it is about. */
  readonly touchpointId?: string;
  readonly own?: ContextAsk['own'];
  readonly touchpoint: Version | null;
}

interface Sights {
  readonly now: Sight;
  readonly before: Sight | null;
  readonly supersedes: string | null;
}

/** Surrogates of the journeys and customers that are asked for, by dictionary and name; what no event ever named has none. */
async function surrogatesOf(read: Read, asks: readonly ContextAsk[]): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const lookUp = async (dictionary: string, id: string | undefined) => {
    const name = `${dictionary} ${id}`;
    if (id !== undefined && !found.has(name)) found.set(name, (await read.idOf(dictionary, id)) ?? 0);
  };
  for (const { journeyId, customerId } of asks) {
    await lookUp('journey', journeyId);
    await lookUp('customer', customerId);
  }
  return found;
}

function sightsOf(
  ask: ContextAsk,
  surrogates: ReadonlyMap<string, number>,
  moments: ReadonlyMap<string, Moment>,
  touchpoints: ReadonlyMap<string, readonly Version[]>,
): Sights {
  const { position, own, undoes } = ask;
  const moment = ask.momentId === undefined ? undefined : moments.get(ask.momentId);
  const touchpointId = ask.touchpointId ?? moment?.touchpoint;
  const versions = touchpoints.get(touchpointId ?? '') ?? [];
  const journey = surrogates.get(`journey ${ask.journeyId}`) ?? 0;
  const customer = surrogates.get(`customer ${ask.customerId}`) ?? 0;
  const { journeyId } = ask;
  const about = { journey, customer, journeyId, touchpointId };
  const seen = (at: Position, touchpoint: Version | null): Sight => ({ ...about, position: at, touchpoint });
  const now = { ...seen(position, heldAt(versions, position)), own };
  if (undoes) {
    return { now, before: { ...seen(undoes.position, null), own: undoes.own }, supersedes: undoes.eventId };
  }
  if (!ask.corrects) return { now, before: null, supersedes: null };
  if (ask.momentId !== undefined) {
    const before = moment ? seen(moment.from, heldAt(versions, moment.from)) : null;
    return { now, before, supersedes: ask.momentId };
  }
  const earlier = heldBefore(versions, position);
  const before = earlier && seen(earlier.from, earlier);
  // What could not be projected is unknown here, but the touchpoint's own event was sent for sure.
  return { now, before, supersedes: earlier?.eventId ?? ask.touchpointId ?? null };
}

/** The version that held at a position; of a touchpoint that was voided by then, the last that did. */
const heldAt = (versions: readonly Version[], position: Position): Version | null =>
  versions.findLast(({ from, to }) => from <= position && (to === null || to > from)) ?? null;

const heldBefore = (versions: readonly Version[], position: Position): Version | null =>
  versions.findLast(({ from, to }) => from < position && (to === null || to > from)) ?? null;

async function momentsOf(read: Read, asks: readonly ContextAsk[]): Promise<ReadonlyMap<string, Moment>> {
  const found = new Map<string, Moment>();
  for (const ids of pages(asks.flatMap(({ momentId }) => momentId ?? []))) {
    const rows = await read.db
      .selectFrom('observation')
      .select(['entry_id', 'touchpoint', 'from_pos'])
      .where('entry_id', 'in', ids)
      .where('form', '=', Form.moment)
      .execute();
    for (const row of rows) found.set(row['entry_id'], { touchpoint: row['touchpoint'], from: row['from_pos'] });
  }
  return found;
}

/** All versions of the touchpoints that are asked for, by id, in the order of the log. */
async function touchpointsOf(
  read: Read,
  asks: readonly ContextAsk[],
  moments: ReadonlyMap<string, Moment>,
): Promise<ReadonlyMap<string, readonly Version[]>> {
  const asked = asks.flatMap(
    ({ touchpointId, momentId }) => touchpointId ?? (momentId && moments.get(momentId)?.touchpoint) ?? [],
  );
  const found = new Map<string, Version[]>();
  for (const ids of pages(asked)) {
    const rows = await read.db
      .selectFrom('timeline_entry')
      .select(['entry_id as id', 'version', 'from_pos as from', 'to_pos as to', 'journey'])
      .select(['occurred_ms as at', 'unit', 'channel', 'event_id as eventId'])
      .where('entry_id', 'in', ids)
      .where('form', '=', Form.touchpoint)
      .orderBy('from_pos')
      .execute();
    for (const row of rows as Version[]) found.set(row.id, [...(found.get(row.id) ?? []), row]);
  }
  return found;
}

async function contextsOf(read: Read, sights: readonly Sight[]): Promise<ReadonlyMap<Sight, EventContext>> {
  const inJourneys = sights.map(({ journey: id, position }) => ({ id, position }));
  const journeys = await statesThen(read, 'journey', ['type', 'customer'], inJourneys);
  const whose = sights.map(({ customer, position }, i) => ({
    id: customer || (journeys.get(i)?.customer ?? 0),
    position,
  }));
  const customers = await statesThen(read, 'customer', ['region', 'tier'], whose);
  const roots = await rootsSeenFrom(read, sights);
  const stages = await stagesOf(
    read,
    sights.flatMap(({ own, touchpoint }) => (own === undefined && touchpoint ? [touchpoint] : [])),
  );
  const names = await read.namesOf([
    ...[...journeys.values()].map(({ type }) => type),
    ...[...customers.values()].flatMap(({ region, tier }) => [region, tier]),
    ...sights.flatMap(({ touchpoint }) => (touchpoint ? [touchpoint.unit, touchpoint.channel] : [])),
    ...stages.values(),
    ...roots,
  ]);
  const named = (id: number | undefined) => names.get(id ?? 0) ?? null;
  return new Map(
    sights.map((sight, i) => {
      const { own, touchpoint, journeyId = null } = sight;
      const context: EventContext = {
        journeyId,
        // What the read model never heard of is itself.
        rootJourneyId: named(roots[i]) ?? journeyId,
        journeyType: named(journeys.get(i)?.type),
        stage: own ? (own.stage ?? null) : touchpoint && named(stages.get(touchpoint)),
        unit: own ? (own.unit ?? null) : touchpoint && named(touchpoint.unit),
        channel: own ? (own.channel ?? null) : touchpoint && named(touchpoint.channel),
        region: named(customers.get(i)?.region),
        tier: named(customers.get(i)?.tier),
      };
      return [sight, context];
    }),
  );
}

/** Columns of the rows of a state table, each as it was at a position, by the place in the list; 0 asks for nothing. */
async function statesThen<C extends string>(
  read: Read,
  of: 'journey' | 'customer',
  columns: readonly C[],
  asked: readonly { readonly id: number; readonly position: Position }[],
): Promise<ReadonlyMap<number, Readonly<Record<C, number>>>> {
  const found = new Map<number, Record<C, number>>();
  const [table, key] = [sql.table(`${of}_state`), sql.ref(of)];
  const known = asked.flatMap((each, n) => (each.id === 0 ? [] : [{ ...each, n }]));
  for (const page of pages(known)) {
    const { rows } = await sql<Record<C, number> & { n: number }>`with ${askedRows(page)}
      select asked.n, ${sql.join(columns.map((column) => sql.ref(`state.${column}`)))}
      from asked join ${table} as state on state.${key} = asked.id and state.from_pos =
        (select max(from_pos) from ${table} where ${key} = asked.id and from_pos <= asked.position)`.execute(read.db);
    for (const row of rows) found.set(row.n, row);
    read.checkpointCancel();
  }
  return found;
}

const askedRows = (page: readonly { readonly n: number; readonly id: number; readonly position: Position }[]) =>
  sql`asked (n, id, position) as (values ${sql.join(
    page.map(({ n, id, position }) => sql`(cast(${n} as bigint), cast(${id} as bigint), ${position})`),
  )})`;

/** Surrogates of stages: they stand in the columns of the journey only. */
async function stagesOf(read: Read, versions: readonly Version[]): Promise<ReadonlyMap<Version, number>> {
  const stages = new Map<Version, number>();
  for (const version of new Set(versions)) {
    const { journey, at } = version;
    const chunks = await read.db
      .selectFrom('journey_blob')
      .select('data')
      .where('journey', '=', journey)
      .where('first_ms', '<=', at)
      .where('last_ms', '>=', at)
      .execute();
    for (const { data } of chunks) {
      const columns = new EntryColumns(data as Uint8Array);
      const i = placeOf(columns, version);
      if (i >= 0) stages.set(version, columns.stage(i));
    }
    read.checkpointCancel();
  }
  return stages;
}

function placeOf(columns: EntryColumns, { id, version, at }: Version): number {
  for (let i = 0; i < columns.count; i++) {
    // Only few are of that very moment: no id is spelled out for the others.
    if (columns.at(i) === at && columns.version(i) === version && columns.id(i) === id) return i;
  }
  return -1;
}

function* pages<T>(items: readonly T[]): Generator<T[]> {
  const distinct = [...new Set(items)];
  for (let from = 0; from < distinct.length; from += PAGE) yield distinct.slice(from, from + PAGE);
}
