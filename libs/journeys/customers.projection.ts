/** Customers, whom they were merged into, and the keys that lead to them. Personal fields stay ciphertext. */
import { unreachable, type RecordedEvent } from '@touchstone/eventing/pure';
import type { IdOf, Name, Projection, Row, RowChange } from '@touchstone/readmodel/projection';
import type { CustomerEvent } from './customer.js';
import { boundKey, customerLink, customerState } from './journeys.tables.js';
import type { KeyEvent } from './lookup-key.js';

type Recorded = RecordedEvent & CustomerEvent;
type Profile = Extract<Recorded, { type: 'CustomerRegistered' | 'CustomerUpdated' }>;

const PREFIX = 'customer-';
const PERSONAL = ['identifiers', 'name', 'phone'] as const;
const GROUPS = ['segment', 'region', 'tier'] as const;

interface CustomerUnit {
  readonly id: number;
  state: Row | null;
  /** The version of the link that holds. */
  link: Row | null;
  pending: RowChange[];
}

export const customersProjection: Projection<CustomerUnit> = {
  name: 'customers',
  version: 2,
  tables: [customerState, customerLink],
  handles: ['CustomerRegistered', 'CustomerUpdated', 'CustomersMerged', 'CustomersUnmerged', 'CustomerForgotten'],
  unit: (event): Name => ['customer', event.stream.slice(PREFIX.length)],
  names: (recorded) => {
    const event = recorded as Recorded;
    switch (event.type) {
      case 'CustomerRegistered':
      case 'CustomerUpdated':
        return GROUPS.flatMap((group) =>
          event.data[group] === undefined ? [] : [[group, event.data[group]] as const],
        );
      case 'CustomersMerged':
        return [['customer', event.data.survivorId]];
      default:
        return [];
    }
  },
  loads: [
    { table: 'customer_state', by: 'customer' },
    { table: 'customer_link', by: 'customer' },
  ],
  restore: (id, _name, [states, links]) => ({ id, state: held(states), link: held(links), pending: [] }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as Recorded;
    // The newest event always leaves its revision in the state, so an older one is a repeat.
    if (unit.state && event.revision <= (unit.state['revision'] as number)) return;
    switch (event.type) {
      case 'CustomerRegistered':
      case 'CustomerUpdated':
        return replaceState(unit, event, profileOf(unit, event, idOf));
      case 'CustomersMerged':
        endLink(unit, event);
        unit.link = {
          customer: unit.id,
          into_customer: idOf('customer', event.data.survivorId),
          from_pos: event.position,
          to_pos: null,
        };
        unit.pending.push({ op: 'put', table: 'customer_link', row: unit.link });
        return replaceState(unit, event, {});
      case 'CustomersUnmerged':
        endLink(unit, event);
        return replaceState(unit, event, {});
      case 'CustomerForgotten':
        return replaceState(unit, event, { forgotten: 1 });
      default:
        return unreachable(event);
    }
  },
  changes: (unit) => unit.pending.splice(0),
};

const held = (rows: readonly Row[] | undefined): Row | null => rows?.find((row) => row['to_pos'] === null) ?? null;

function endLink(unit: CustomerUnit, event: Recorded): void {
  if (!unit.link) return;
  const key = { customer: unit.id, from_pos: unit.link['from_pos']! };
  unit.pending.push({ op: 'set', table: 'customer_link', key, set: { to_pos: event.position } });
  unit.link = null;
}

function profileOf({ state }: CustomerUnit, event: Profile, idOf: IdOf): Row {
  const personal = JSON.parse((state?.['personal'] as string | undefined) ?? '{}') as Record<string, unknown>;
  for (const field of PERSONAL) {
    if (event.data[field] === undefined) continue;
    const sealed = { eventId: event.id, sealed: event.data[field] };
    // Identifiers add up; of a name or a phone the newest holds.
    personal[field] =
      field === 'identifiers' ? [...((personal[field] as object[] | undefined) ?? []), sealed] : [sealed];
  }
  const groups = GROUPS.flatMap((group) => {
    const value = event.data[group];
    return value === undefined ? [] : [[group, idOf(group, value)] as const];
  });
  return { ...Object.fromEntries(groups), personal: JSON.stringify(personal) };
}

function replaceState(unit: CustomerUnit, event: Recorded, change: Row): void {
  const before = unit.state;
  if (before) {
    const key = { customer: unit.id, from_pos: before['from_pos']! };
    unit.pending.push({ op: 'set', table: 'customer_state', key, set: { to_pos: event.position } });
  }
  unit.state = {
    ...(before ?? { segment: 0, region: 0, tier: 0, forgotten: 0, registered_at: event.recordedAt, personal: '{}' }),
    ...change,
    customer: unit.id,
    from_pos: event.position,
    to_pos: null,
    revision: event.revision,
  };
  unit.pending.push({ op: 'put', table: 'customer_state', row: unit.state });
}

interface KeyUnit {
  readonly id: number;
  /** The version that holds. */
  bound: Row | null;
  revision: number;
  pending: RowChange[];
}

export const keysProjection: Projection<KeyUnit> = {
  name: 'keys',
  version: 2,
  tables: [boundKey],
  handles: ['KeyBound', 'KeyReleased'],
  unit: (event): Name => ['key', event.stream.slice('key-'.length)],
  names: (recorded) => {
    const event = recorded as RecordedEvent & KeyEvent;
    return event.type === 'KeyReleased' || event.data.customerId === undefined
      ? []
      : [['customer', event.data.customerId]];
  },
  loads: [{ table: 'bound_key', by: 'key' }],
  restore: (id, _name, [rows = []]) => ({
    id,
    bound: held(rows),
    revision: Math.max(-1, ...rows.map((row) => row['revision'] as number)),
    pending: [],
  }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as RecordedEvent & KeyEvent;
    if (event.type === 'KeyReleased') {
      if (!unit.bound || event.revision <= unit.revision) return;
      const key = { key: unit.id, from_pos: unit.bound['from_pos']! };
      unit.pending.push({ op: 'set', table: 'bound_key', key, set: { to_pos: event.position } });
      unit.bound = null;
      return;
    }
    const { customerId, keyType } = event.data;
    if (unit.bound || event.revision <= unit.revision || customerId === undefined) return;
    unit.revision = event.revision;
    unit.bound = {
      key: unit.id,
      customer: idOf('customer', customerId),
      key_type: keyType,
      revision: event.revision,
      from_pos: event.position,
      to_pos: null,
    };
    unit.pending.push({ op: 'put', table: 'bound_key', row: unit.bound });
  },
  changes: (unit) => unit.pending.splice(0),
};
