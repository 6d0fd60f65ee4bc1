/** Facts of objects, each in every version that was ever known, with the customers whom they name or list. */
import { instantMs, type RecordedEvent } from '@touchstone/eventing/pure';
import type { IdOf, Name, Projection, Row, RowChange, Value } from '@touchstone/readmodel/projection';
import { Flag } from './journey-blob.js';
import { objectName, type Audience, type ObjectEvent } from './object.events.js';
import { Linked, objectAudience, objectFact, ObjectForm } from './objects.tables.js';

type Recorded = RecordedEvent &
  Extract<ObjectEvent, { type: 'ObjectFactRecorded' | 'ObjectFactCorrected' | 'ObjectFactVoided' }>;
type Told = Exclude<Recorded, { type: 'ObjectFactVoided' }>;

interface FactUnit {
  readonly id: number;
  /** The newest version; its `to_pos` is null unless the fact was voided. */
  newest: Row | null;
  pending: RowChange[];
}

export const objectFactsProjection: Projection<FactUnit> = {
  name: 'objectFacts',
  version: 1,
  tables: [objectFact, objectAudience],
  handles: ['ObjectFactRecorded', 'ObjectFactCorrected', 'ObjectFactVoided'],
  unit: (event): Name => ['objectFact', factIdOf(event as Recorded)],
  names: (recorded) => {
    const event = recorded as Recorded;
    const object: Name = ['object', objectName(event.data.object)];
    if (event.type === 'ObjectFactVoided') return [object];
    const { kind, channel, unit, staff } = event.data;
    return [
      object,
      ['kind', kind],
      ...some(['channel', channel], ['unit', unit], ['staff', staff]),
      ...customersOf(event).map((customer): Name => ['customer', customer]),
    ];
  },
  loads: [{ table: 'object_fact', by: 'fact' }],
  restore: (id, _name, [versions = []]) => ({ id, newest: newestOf(versions), pending: [] }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as Recorded;
    const before = unit.newest;
    if (event.type === 'ObjectFactVoided') {
      if (before && holds(before)) revoke(unit, before, event);
      return;
    }
    const version = event.type === 'ObjectFactCorrected' ? event.data.version : 1;
    if (before && (!holds(before) || (before['version'] as number) >= version)) return;
    tell(unit, event, version, idOf);
  },
  changes: (unit) => unit.pending.splice(0),
};

const factIdOf = (event: Recorded): string => (event.type === 'ObjectFactRecorded' ? event.id : event.data.factId);

const some = (...names: readonly (readonly [string, string | undefined])[]): Name[] =>
  names.filter((name): name is [string, string] => name[1] !== undefined);

const customersOf = ({ data: { customerId, audience } }: Told): string[] => [
  ...new Set([...(customerId === undefined ? [] : [customerId]), ...(audience?.customers ?? [])]),
];

const holds = (row: Row): boolean => row['to_pos'] === null;

/** The mark of a fact that was voided never held, and is the last word. */
const newestOf = (versions: readonly Row[]): Row | null =>
  versions.reduce<Row | null>(
    (newest, row) => (newest && (newest['version'] as number) > (row['version'] as number) ? newest : row),
    null,
  );

function tell(unit: FactUnit, event: Told, version: number, idOf: IdOf): void {
  const { data } = event;
  const corrected = event.type === 'ObjectFactCorrected' ? event.data : null;
  const occurredAt = corrected?.happenedAt ?? event.occurredAt;
  const id = (dictionary: string, value: string | undefined) => (value === undefined ? 0 : idOf(dictionary, value));
  const { attributes, personal, objects } = data;
  if (unit.newest) end(unit, unit.newest, event.position);
  unit.newest = {
    from_pos: event.position,
    to_pos: null,
    fact: unit.id,
    object: idOf('object', objectName(data.object)),
    form: ObjectForm.fact,
    entry_id: factIdOf(event),
    version,
    occurred_ms: instantMs(occurredAt),
    occurred_at: occurredAt,
    sequence: (corrected ? corrected.sequence : event.metadata.source?.sequence) ?? -1,
    kind: idOf('kind', data.kind),
    channel: id('channel', data.channel),
    unit: id('unit', data.unit),
    staff: id('staff', data.staff),
    customer: id('customer', data.customerId),
    flags: flagsOf(data.traits),
    linked: linkedOf(data.audience),
    ...told(event, { attributes, personal, objects, reason: corrected?.reason }),
  };
  unit.pending.push({ op: 'put', table: 'object_fact', row: unit.newest });
  const { from_pos, object, occurred_ms, sequence, entry_id } = unit.newest as Readonly<Record<string, Value>>;
  for (const customerId of customersOf(event)) {
    const row = { from_pos, customer: idOf('customer', customerId), object, occurred_ms, sequence, entry_id } as Row;
    unit.pending.push({ op: 'put', table: 'object_audience', row });
  }
}

function revoke(unit: FactUnit, before: Row, event: Extract<Recorded, { type: 'ObjectFactVoided' }>): void {
  end(unit, before, event.position);
  unit.newest = {
    ...before,
    from_pos: event.position,
    to_pos: event.position,
    form: ObjectForm.voided,
    version: (before['version'] as number) + 1,
    ...told(event, { reason: event.data.reason }),
  };
  unit.pending.push({ op: 'put', table: 'object_fact', row: unit.newest });
}

function end(unit: FactUnit, row: Row, position: string): void {
  unit.pending.push({
    op: 'set',
    table: 'object_fact',
    key: { from_pos: row['from_pos']! },
    set: { to_pos: position },
  });
}

function told(event: Recorded, body: object): Row {
  const { actor, source, subject } = event.metadata;
  return {
    event_id: event.id,
    revision: event.revision,
    recorded_at: event.recordedAt,
    body: JSON.stringify({ ...body, actor, source, subject }),
  };
}

const flagsOf = ({ closes, contact, customerVisible }: Told['data']['traits']): number =>
  (closes ? Flag.closes : 0) | (contact ? Flag.contact : 0) | (customerVisible ? Flag.customerVisible : 0);

function linkedOf(audience: Audience | undefined): number {
  switch (audience?.linked) {
    case 'directly':
      return Linked.directly;
    case 'through-objects':
      return Linked.throughObjects;
    default:
      return Linked.nobody;
  }
}
