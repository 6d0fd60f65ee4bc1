import { TouchstoneError } from '@touchstone/eventing/pure';
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { placeOf } from './cursor-place.js';
import { neighboursAt } from './customer-tree.js';
import { Form } from './journey-blob.js';
import { chosenJourneys, select, touchpointsOf, type Chosen, type JourneyFilter } from './journey-rows.js';
import { partsAt, wholesAt } from './journey-wholes.js';

export interface JourneyRow {
  readonly id: string;
  readonly journeyType: string | null;
  readonly key: string | null;
  readonly customerId: string | null;
  readonly status: 'OPEN' | 'PAUSED' | 'CLOSED';
  /** ISO 8601 UTC. */
  readonly openedAt: string;
  readonly endedAt: string | null;
  readonly ownerUnit: string | null;
  readonly ownerStaff: string | null;
  readonly touchpointCount: number;
  readonly lastTouchpointAt: string | null;
  /** The journeys that were merged into it, directly or by way of others. */
  readonly mergedFrom: readonly string[];
  /** The journey's surrogate. */
  readonly journey: number;
}

const STATUSES = ['OPEN', 'PAUSED', 'CLOSED'] as const;

/** Journeys in the order in which the log first named them. */
export const journeysQuery: ReadQuery<{ filter: JourneyFilter; after?: string; first: number }, JourneyRow[]> = {
  name: 'journeys',
  group: 'journeys',
  run: async (read, { filter, after: last, first }) => {
    const selection = await select(read, filter);
    if (selection.impossible) return [];
    const after = await placeOf(read, 'journey', last);
    if (selection.unit !== undefined || selection.channel !== undefined || selection.touches) {
      return journeysByTouchpoint(read, filter, after, first);
    }
    const rows = async (last: number, limit: number) =>
      (await selection
        .narrow(read.db.selectFrom('journey_state').selectAll('journey_state'))
        .where('journey_state.journey', '>', last)
        .orderBy('journey_state.journey')
        .limit(limit)
        .execute()) as StateRow[];
    const found: Chosen<StateRow>[] = [];
    for await (const page of chosenJourneys(read, selection, { after, page: first, rows })) {
      found.push(...page);
      if (found.length >= first) break;
    }
    return journeyRows(read, found.slice(0, first));
  },
};

/** Journeys by their ids, or null; of one that was merged, the journey that it is part of. */
export const journeyQuery: ReadQuery<{ ids: readonly string[] }, (JourneyRow | null)[]> = {
  name: 'journeysById',
  group: 'journeys',
  run: async (read, { ids }) => {
    const surrogates = await Promise.all(ids.map((id) => read.idOf('journey', id)));
    const known = surrogates.filter((id): id is number => id !== null);
    if (known.length === 0) return ids.map(() => null);
    const parts = await partsAt(read, known);
    const roots = surrogates.map((id) => (id === null ? null : parts.root(id)));
    const rows = await journeyRows(read, await chosenOf(read, new Set(roots.filter((id) => id !== null))));
    const byJourney = new Map(rows.map((row) => [row.journey, row]));
    return roots.map((id) => (id === null ? null : (byJourney.get(id) ?? null)));
  },
};

/**
 * Ids of the journeys in whose streams something of the journey stands, as it is seen: it and all that was merged with it,
 * and those from which touchpoints were split away to it.
 */
export const journeyPartsQuery: ReadQuery<{ id: string }, string[]> = {
  name: 'journeyParts',
  group: 'journeys',
  run: async (read, { id }) => {
    const journey = await read.idOf('journey', id);
    if (journey === null) return [id];
    const parts = await partsAt(read, [journey]);
    const all = new Set([journey, ...parts.sources(parts.root(journey))]);
    const names = await read.namesOf([...all]);
    return [...all].map((each) => names.get(each)!);
  },
};

/** The journeys that stand for themselves or for others with these surrogates, in their order. */
async function chosenOf(read: Read, journeys: ReadonlySet<number>): Promise<Chosen<StateRow>[]> {
  const parts = await partsAt(read, journeys);
  const alone = [...journeys].filter((journey) => !parts.has(journey));
  const rows = (await read.db
    .selectFrom('journey_state')
    .selectAll('journey_state')
    .where('journey', 'in', alone)
    .where(heldAt(read, 'journey_state'))
    .execute()) as StateRow[];
  const wholes = await wholesAt(
    read,
    parts,
    [...journeys].filter((journey) => parts.has(journey)),
  );
  const chosen: Chosen<StateRow>[] = [
    ...rows.map((row) => ({ journey: row.journey, row })),
    ...wholes.map((whole) => ({ journey: whole.state.journey, whole })),
  ];
  return chosen.sort((a, b) => a.journey - b.journey);
}

async function journeysByTouchpoint(
  read: Read,
  filter: JourneyFilter,
  after: number,
  first: number,
): Promise<JourneyRow[]> {
  const found: number[] = [];
  for await (const { journey } of touchpointsOf(read, await select(read, filter), { after })) {
    found.push(journey);
    if (found.length >= first) break;
  }
  if (found.length === 0) return [];
  return journeyRows(read, await chosenOf(read, new Set(found)));
}

interface StateRow {
  journey: number;
  type: number;
  customer: number;
  status: number;
  key: string | null;
  opened_ms: number;
  ended_ms: number | null;
  owner_unit: number;
  owner_staff: number;
}

async function journeyRows(read: Read, chosen: readonly Chosen<StateRow>[]): Promise<JourneyRow[]> {
  if (chosen.length === 0) return [];
  const rows = chosen.map(({ row, whole }): StateRow => row ?? whole.state);
  const wholes = new Map(chosen.flatMap(({ journey, whole }) => (whole ? [[journey, whole] as const] : [])));
  const parts = await partsAt(read, wholes.keys());
  const merged = [...wholes.keys()].flatMap((root) => parts.members(root));
  const names = await read.namesOf([
    ...rows.flatMap((r) => [r.journey, r.type, r.customer, r.owner_unit, r.owner_staff]),
    ...merged,
  ]);
  const counts = await read.db
    .selectFrom('timeline_entry')
    .select((eb) => ['journey', eb.fn.countAll<number>().as('count'), eb.fn.max('occurred_ms').as('last')])
    .where(
      'journey',
      'in',
      rows.map((r) => r.journey),
    )
    .where('form', '=', Form.touchpoint)
    .where(heldAt(read, 'timeline_entry'))
    .groupBy('journey')
    .execute();
  const countOf = new Map(counts.map((c) => [c.journey as number, c]));
  return rows.map((row) => {
    const whole = wholes.get(row.journey);
    const count = whole ? { count: whole.touchpoints, last: whole.last_ms } : countOf.get(row.journey);
    return {
      id: names.get(row.journey)!,
      journeyType: names.get(row.type) ?? null,
      key: row.key,
      customerId: names.get(row.customer) ?? null,
      status: STATUSES[row.status]!,
      openedAt: new Date(row.opened_ms).toISOString(),
      endedAt: row.ended_ms === null ? null : new Date(row.ended_ms).toISOString(),
      ownerUnit: names.get(row.owner_unit) ?? null,
      ownerStaff: names.get(row.owner_staff) ?? null,
      touchpointCount: Number(count?.count ?? 0),
      lastTouchpointAt: count && count.last !== null ? new Date(Number(count.last)).toISOString() : null,
      mergedFrom: parts
        .members(row.journey)
        .filter((journey) => journey !== row.journey)
        .map((journey) => names.get(journey)!)
        .sort(),
      journey: row.journey,
    };
  });
}

export interface CustomerRow {
  readonly id: string;
  readonly segment: string | null;
  readonly region: string | null;
  readonly tier: string | null;
  readonly registeredAt: string;
  /** Whom they were merged into, and who was merged into them, as known then: one step either way. */
  readonly mergedInto: string | null;
  readonly mergedFrom: readonly string[];
  /** The key of everything personal was destroyed by then. */
  readonly forgotten: boolean;
  /** Ciphertexts by field, each with the event that it is bound to; a field may have several. */
  readonly personal: Readonly<Record<string, readonly { eventId: string; sealed: string }[]>>;
}

/** Customers by id, by the hash of an identifier, or all in the order of their registration. */
export const customersQuery: ReadQuery<
  { ids?: readonly string[]; hash?: string; segment?: string; after?: string; first: number },
  CustomerRow[]
> = {
  name: 'customers',
  group: 'journeys',
  run: async (read, { ids, hash, segment, after, first }) => {
    let query = read.db.selectFrom('customer_state').selectAll('customer_state').where(heldAt(read, 'customer_state'));
    if (ids) {
      const surrogates = (await Promise.all(ids.map((id) => read.idOf('customer', id)))).filter((id) => id !== null);
      if (surrogates.length === 0) return [];
      query = query.where('customer', 'in', surrogates);
    }
    if (hash !== undefined) {
      const key = await read.idOf('key', hash);
      if (key === null) return [];
      query = query.where(
        'customer',
        'in',
        read.db.selectFrom('bound_key').select('customer').where('key', '=', key).where(heldAt(read, 'bound_key')),
      );
    }
    if (segment !== undefined) {
      const id = await read.idOf('segment', segment);
      if (id === null) return [];
      query = query.where('segment', '=', id);
    }
    const last = await placeOf(read, 'customer', after);
    const rows = await query.where('customer', '>', last).orderBy('customer').limit(first).execute();
    const { into, from } = await neighboursAt(
      read,
      rows.map((row) => row.customer),
    );
    const names = await read.namesOf([
      ...rows.flatMap((r) => [r.customer, r.segment, r.region, r.tier] as number[]),
      ...into.values(),
      ...[...from.values()].flat(),
    ]);
    return rows.map((row) => ({
      id: names.get(row.customer)!,
      mergedInto: names.get(into.get(row.customer) ?? 0) ?? null,
      mergedFrom: (from.get(row.customer) ?? []).map((customer) => names.get(customer)!).sort(),
      forgotten: row.forgotten === 1,
      segment: names.get(row.segment) ?? null,
      region: names.get(row.region) ?? null,
      tier: names.get(row.tier) ?? null,
      registeredAt: row.registered_at,
      personal: JSON.parse(row.personal) as CustomerRow['personal'],
    }));
  },
};

/** @throws JOURNEY_UNKNOWN, CUSTOMER_UNKNOWN: nothing of that name was known at the read's position */
export function notKnown(what: 'journey' | 'customer', id: string): never {
  throw new TouchstoneError(
    `${what.toUpperCase()}_UNKNOWN`,
    `No ${what} ${id} is known there; check the id and the \`asOf\`.`,
    'notFound',
  );
}
