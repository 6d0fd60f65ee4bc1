/** Objects that many share: what is known of them and of their links, as it was told. Facts: object-facts.projection.ts. */
import { instantMs, type RecordedEvent } from '@touchstone/eventing/pure';
import type { IdOf, Name, Projection, RowChange } from '@touchstone/readmodel/projection';
import { objectName, type ObjectEvent } from './object.events.js';
import { objectAttribute, objectEntry, ObjectForm, objectKnown, objectLink } from './objects.tables.js';

type Recorded = RecordedEvent & ObjectEvent;
type Changed = Extract<Recorded, { type: 'ObjectChanged' }>;
type LinkedEvent = Extract<Recorded, { type: 'ObjectsLinked' }>;

/** Rows are only ever added, so a unit has no more to remember than whether it is known. */
interface ObjectUnit {
  readonly id: number;
  known: boolean;
  pending: RowChange[];
}

export const objectsProjection: Projection<ObjectUnit> = {
  name: 'objects',
  version: 1,
  tables: [objectKnown, objectEntry, objectAttribute, objectLink],
  handles: ['ObjectFactRecorded', 'ObjectFactCorrected', 'ObjectFactVoided', 'ObjectChanged', 'ObjectsLinked'],
  unit: (event): Name => ['object', objectName((event as Recorded).data.object)],
  names: (recorded) => {
    const event = recorded as Recorded;
    switch (event.type) {
      case 'ObjectChanged':
        return Object.keys(event.data.attributes).map((attribute): Name => ['attribute', attribute]);
      case 'ObjectsLinked':
        return linksOf(event).flatMap(({ other, customer, qualifier }): Name[] => [
          ...(other === undefined ? [] : [['object', other] as const]),
          ...(customer === undefined ? [] : [['customer', customer] as const]),
          ...(qualifier === undefined ? [] : [['qualifier', qualifier] as const]),
        ]);
      default:
        return [];
    }
  },
  loads: [{ table: 'object_known', by: 'object' }],
  restore: (id, _name, [rows = []]) => ({ id, known: rows.length > 0, pending: [] }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as Recorded;
    if (!unit.known) {
      unit.known = true;
      unit.pending.push({ op: 'put', table: 'object_known', row: { object: unit.id, from_pos: event.position } });
    }
    if (event.type === 'ObjectChanged') change(unit, event, idOf);
    else if (event.type === 'ObjectsLinked') link(unit, event, idOf);
  },
  changes: (unit) => unit.pending.splice(0),
};

function change(unit: ObjectUnit, event: Changed, idOf: IdOf): void {
  const { attributes, personal, customerId } = event.data;
  enter(unit, event, ObjectForm.changed, { attributes, personal, customerId });
  Object.entries(attributes).forEach(([attribute, value], nth) =>
    unit.pending.push({
      op: 'put',
      table: 'object_attribute',
      row: {
        from_pos: event.position,
        nth,
        object: unit.id,
        attribute: idOf('attribute', attribute),
        at_ms: instantMs(event.occurredAt),
        sequence: sequenceOf(event),
        event_id: event.id,
        value: JSON.stringify(value ?? null),
      },
    }),
  );
}

function link(unit: ObjectUnit, event: LinkedEvent, idOf: IdOf): void {
  const { objects = [], customers = [], ended } = event.data;
  const counts = { objects: objects.length, customers: customers.length };
  enter(unit, event, ended ? ObjectForm.unlinked : ObjectForm.linked, counts);
  const id = (dictionary: string, value: string | undefined) => (value === undefined ? 0 : idOf(dictionary, value));
  linksOf(event).forEach(({ other, customer, qualifier, conveys }, nth) =>
    unit.pending.push({
      op: 'put',
      table: 'object_link',
      row: {
        from_pos: event.position,
        nth,
        object: unit.id,
        other: id('object', other),
        customer: id('customer', customer),
        qualifier: id('qualifier', qualifier),
        at_ms: instantMs(event.occurredAt),
        ended: ended ? 1 : 0,
        event_id: event.id,
        conveys: conveys ? 1 : 0,
      },
    }),
  );
}

function enter(unit: ObjectUnit, event: Changed | LinkedEvent, form: number, body: object): void {
  const { actor, source, subject } = event.metadata;
  unit.pending.push({
    op: 'put',
    table: 'object_entry',
    row: {
      from_pos: event.position,
      object: unit.id,
      form,
      entry_id: event.id,
      occurred_ms: instantMs(event.occurredAt),
      occurred_at: event.occurredAt,
      sequence: sequenceOf(event),
      revision: event.revision,
      recorded_at: event.recordedAt,
      body: JSON.stringify({ ...body, actor, source, subject }),
    },
  });
}

const sequenceOf = (event: Recorded): number => event.metadata.source?.sequence ?? -1;

interface LinkTo {
  readonly other?: string;
  readonly customer?: string;
  readonly qualifier?: string;
  readonly conveys?: boolean;
}

const linksOf = ({ data: { objects = [], customers = [] } }: LinkedEvent): LinkTo[] => [
  ...objects.map(({ qualifier, conveys, ...other }) => ({ other: objectName(other), qualifier, conveys })),
  ...customers.map(({ customerId, qualifier }) => ({ customer: customerId, qualifier })),
];
