/** Customers and the keys that lead to them. Personal fields stay ciphertext. */
import type { RecordedEvent } from '@touchstone/eventing/pure';
import type { Name, Projection, Row, RowChange } from '@touchstone/readmodel/projection';
import type { CustomerEvent } from './customer.js';
import { boundKey, customerState } from './journeys.tables.js';
import type { KeyEvent } from './lookup-key.js';

const PREFIX = 'customer-';
const PERSONAL = ['identifiers', 'name', 'phone'] as const;

interface CustomerUnit {
  readonly id: number;
  state: Row | null;
  pending: RowChange[];
}

export const customersProjection: Projection<CustomerUnit> = {
  name: 'customers',
  version: 1,
  tables: [customerState],
  handles: ['CustomerRegistered', 'CustomerUpdated'],
  unit: (event): Name => ['customer', event.stream.slice(PREFIX.length)],
  names: (event) => {
    const { segment, region, tier } = (event as RecordedEvent & CustomerEvent).data;
    const given = [
      ['segment', segment],
      ['region', region],
      ['tier', tier],
    ] as const;
    return given.filter((name): name is [(typeof name)[0], string] => name[1] !== undefined);
  },
  loads: [{ table: 'customer_state', by: 'customer' }],
  restore: (id, _name, [rows]) => ({ id, state: rows?.find((row) => row['to_pos'] === null) ?? null, pending: [] }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as RecordedEvent & CustomerEvent;
    const before = unit.state;
    if (before && event.revision <= (before['revision'] as number)) return;
    const { segment, region, tier } = event.data;
    const personal = JSON.parse((before?.['personal'] as string | undefined) ?? '{}') as Record<string, unknown>;
    for (const field of PERSONAL) {
      if (event.data[field] === undefined) continue;
      const sealed = { eventId: event.id, sealed: event.data[field] };
      // Identifiers add up; of a name or a phone the newest holds.
      personal[field] =
        field === 'identifiers' ? [...((personal[field] as object[] | undefined) ?? []), sealed] : [sealed];
    }
    if (before) {
      const key = { customer: unit.id, from_pos: before['from_pos']! };
      unit.pending.push({ op: 'set', table: 'customer_state', key, set: { to_pos: event.position } });
    }
    unit.state = {
      customer: unit.id,
      from_pos: event.position,
      to_pos: null,
      segment: segment === undefined ? ((before?.['segment'] as number) ?? 0) : idOf('segment', segment),
      region: region === undefined ? ((before?.['region'] as number) ?? 0) : idOf('region', region),
      tier: tier === undefined ? ((before?.['tier'] as number) ?? 0) : idOf('tier', tier),
      revision: event.revision,
      registered_at: (before?.['registered_at'] as string) ?? event.recordedAt,
      personal: JSON.stringify(personal),
    };
    unit.pending.push({ op: 'put', table: 'customer_state', row: unit.state });
  },
  changes: (unit) => unit.pending.splice(0),
};

interface KeyUnit {
  readonly id: number;
  bound: boolean;
  pending: RowChange[];
}

export const keysProjection: Projection<KeyUnit> = {
  name: 'keys',
  version: 1,
  tables: [boundKey],
  handles: ['KeyBound'],
  unit: (event): Name => ['key', event.stream.slice('key-'.length)],
  names: (event) => {
    const { customerId } = (event as RecordedEvent & KeyEvent).data;
    return customerId === undefined ? [] : [['customer', customerId]];
  },
  loads: [{ table: 'bound_key', by: 'key' }],
  restore: (id, _name, [rows]) => ({ id, bound: (rows?.length ?? 0) > 0, pending: [] }),
  apply: (unit, recorded, idOf) => {
    const { customerId, keyType } = (recorded as RecordedEvent & KeyEvent).data;
    if (unit.bound || customerId === undefined) return;
    unit.bound = true;
    const row = {
      key: unit.id,
      customer: idOf('customer', customerId),
      key_type: keyType,
      from_pos: recorded.position,
    };
    unit.pending.push({ op: 'put', table: 'bound_key', row });
  },
  changes: (unit) => unit.pending.splice(0),
};
