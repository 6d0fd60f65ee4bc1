/** A thing that many share: an outage, a feeder, a meter. What happened to it is stored once, with its audience. */
import { command, decider, refuse, type Decide, type EventSource } from '@touchstone/eventing/pure';
import { customerSubject } from './customer.js';
import {
  ObjectChanged,
  ObjectFactCorrected,
  ObjectFactRecorded,
  ObjectFactVoided,
  objectName,
  ObjectsLinked,
  objectStream,
  objectSubject,
  type CustomerLink,
  type ObjectEvent,
  type ObjectFactContent,
  type ObjectKey,
  type ObjectLink,
} from './object.events.js';

/** Only what tells a repeat: all that is said of an object holds in the order of its own times, whatever came first. */
export interface SharedObject {
  status: 'none' | 'known';
  /** By fact id, with the revision at which it was last said what it is; null: voided. */
  facts: Map<string, { version: number; sequence?: number; revision: number } | null>;
  /** Events of the stream so far. */
  events: number;
  /** Ids of changes and links. */
  said: Set<string>;
}

export const initial = (): SharedObject => ({ status: 'none', facts: new Map(), events: 0, said: new Set() });

export function evolve(object: SharedObject, e: ObjectEvent): SharedObject {
  object.status = 'known';
  const revision = object.events++;
  switch (e.type) {
    case 'ObjectFactRecorded':
      if (!object.facts.has(e.id)) object.facts.set(e.id, { version: 1, sequence: e.source?.sequence, revision });
      return object;
    case 'ObjectFactCorrected':
      object.facts.set(e.data.factId, { version: e.data.version, sequence: e.data.sequence, revision });
      return object;
    case 'ObjectFactVoided':
      object.facts.set(e.data.factId, null);
      return object;
    case 'ObjectChanged':
    case 'ObjectsLinked':
      object.said.add(e.id);
      return object;
  }
}

interface AboutObject {
  object: ObjectKey;
  expectedRevision?: number;
}

interface Given {
  /** Absent: now. */
  occurredAt?: string;
  source?: EventSource;
}

/** A fact is recorded even when the object is new. */
export class RecordObjectFact extends command<
  AboutObject & Given & { factId?: string; content: ObjectFactContent }
>() {}
export class CorrectObjectFact extends command<
  AboutObject & {
    factId: string;
    happenedAt: string;
    reason: string;
    content: ObjectFactContent;
    /** The content is what the log has already: a repeat. */
    sameAsBefore?: boolean;
  }
>() {}
export class VoidObjectFact extends command<AboutObject & { factId: string; reason: string }>() {}
/** Says what attributes of the object are from a time on; without any, that the object is there. */
export class ChangeObject extends command<
  AboutObject &
    Given & {
      changeId?: string;
      attributes: Record<string, unknown>;
      customerId?: string;
      personal?: Record<string, unknown>;
    }
>() {}
/** Links the object from a time on, or ends links. */
export class LinkObjects extends command<
  AboutObject &
    Given & {
      linkId?: string;
      objects?: readonly ObjectLink[];
      customers?: readonly CustomerLink[];
      /** The links end. Which: those of the same ends and qualifier. */
      ended?: boolean;
    }
>() {}

export const recordObjectFact: Decide<RecordObjectFact, SharedObject> = (c, state, { newId }) => {
  const { object, content, occurredAt, source } = c;
  const id = c.factId ?? newId();
  if (state.facts.has(id)) return [];
  const about = { id, occurredAt, source, subject: subject(object, content.customerId) };
  return [ObjectFactRecorded({ object, ...content }, about)];
};

export const correctObjectFact: Decide<CorrectObjectFact, SharedObject> = (c, state) => {
  const { object, factId, happenedAt, reason, content } = c;
  const { version, sequence } = mustHave(state, object, factId);
  if (c.sameAsBefore) return [];
  return [
    ObjectFactCorrected(
      {
        object,
        ...content,
        factId,
        version: version + 1,
        happenedAt,
        ...(sequence !== undefined && { sequence }),
        reason,
      },
      { subject: subject(object, content.customerId) },
    ),
  ];
};

export const voidObjectFact: Decide<VoidObjectFact, SharedObject> = ({ object, factId, reason }, state) => {
  if (state.facts.get(factId) === null) return [];
  mustHave(state, object, factId);
  return [ObjectFactVoided({ object, factId, reason })];
};

export const changeObject: Decide<ChangeObject, SharedObject> = (c, state, { newId }) => {
  const { object, attributes, customerId, personal, occurredAt, source } = c;
  const id = c.changeId ?? newId();
  const nothing = Object.keys(attributes).length === 0 && personal === undefined;
  if (state.said.has(id) || (nothing && state.status === 'known')) return [];
  const data = {
    object,
    attributes,
    ...(customerId !== undefined && { customerId }),
    ...(personal !== undefined && { personal }),
  };
  return [ObjectChanged(data, { id, occurredAt, source, subject: subject(object, customerId) })];
};

export const linkObjects: Decide<LinkObjects, SharedObject> = (c, state, { newId }) => {
  const { object, objects = [], customers = [], ended, occurredAt, source } = c;
  const id = c.linkId ?? newId();
  if (objects.length === 0 && customers.length === 0) {
    refuse('LINKS_MISSING', 'Name the objects, the customers, or both, to which the object is linked.');
  }
  if (state.said.has(id)) return [];
  // What is named only by its links must have a name that fits a stream, too.
  for (const other of objects) objectName(other);
  const data = {
    object,
    ...(objects.length > 0 && { objects: objects.map((other) => ({ ...other })) }),
    ...(customers.length > 0 && { customers: customers.map((customer) => ({ ...customer })) }),
    ...(ended && { ended }),
  };
  return [ObjectsLinked(data, { id, occurredAt, source })];
};

/** The fact as it is known. @throws OBJECT_UNKNOWN, OBJECT_FACT_UNKNOWN, OBJECT_FACT_VOID */
export function mustHave({ status, facts }: SharedObject, { type, id }: ObjectKey, factId: string) {
  if (status === 'none') return refuse('OBJECT_UNKNOWN', `Nothing is known of the ${type} ${id}; record a fact first.`);
  const known = facts.get(factId);
  if (known === undefined) return refuse('OBJECT_FACT_UNKNOWN', `The ${type} ${id} has no fact ${factId}.`);
  if (known === null) return refuse('OBJECT_FACT_VOID', `The fact ${factId} was voided; record it anew.`);
  return known;
}

/** Whose key seals what is personal: that of the customer who is named, else the object's own. */
const subject = (object: ObjectKey, customerId: string | undefined) =>
  customerId === undefined ? objectSubject(object) : customerSubject(customerId);

export const objectDecider = decider<SharedObject, ObjectEvent>(
  { name: 'object', stream: objectStream, initial, evolve },
  (on) => [
    on(RecordObjectFact, (c) => objectName(c.object), recordObjectFact),
    on(CorrectObjectFact, (c) => objectName(c.object), correctObjectFact),
    on(VoidObjectFact, (c) => objectName(c.object), voidObjectFact),
    on(ChangeObject, (c) => objectName(c.object), changeObject),
    on(LinkObjects, (c) => objectName(c.object), linkObjects),
  ],
);
