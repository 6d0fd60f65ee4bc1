/** What can happen to a thing that many share. Names and shapes are the storage format: frozen, see object.samples.ts. */
import { event, refuse, t, type EventOf, type Static } from '@touchstone/eventing/pure';
import { objectSchema, traitsSchema, type TouchpointContent } from './journey.events.js';

const keySchema = t.object({ type: t.code(), id: t.id() });
/** A thing by type and id, as touchpoints name it: an outage, a feeder, a meter, an order. */
export type ObjectKey = Static<typeof keySchema>;

/** What a stream is called must be plain text of at most this many characters. */
const LONGEST_NAME = 500;

/**
 * The name of an object in stream names and answers: `{type}-{id}`. What would make two objects one, or no plain text,
 * is escaped (`%` and four hexadecimal digits): a hyphen in the type, a per cent sign, control characters.
 * @throws OBJECT_NAME_TOO_LONG
 */
export function objectName({ type, id }: ObjectKey): string {
  const name = `${escaped(type).replaceAll('-', '%002d')}-${escaped(id)}`;
  if (name.length <= LONGEST_NAME) return name;
  const message = `Type and id of an object have at most ${LONGEST_NAME} characters together; these have ${name.length}.`;
  return refuse('OBJECT_NAME_TOO_LONG', message);
}

/** The object of a name that `objectName` made. */
export function objectOfName(name: string): ObjectKey {
  const hyphen = name.indexOf('-');
  return { type: unescaped(name.slice(0, hyphen)), id: unescaped(name.slice(hyphen + 1)) };
}

const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}%]/gu, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const unescaped = (text: string): string =>
  text.replace(/%([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** @param name of `objectName` */
export const objectStream = (name: string) => `object-${name}`;
export const namedSubject = (name: string) => `object:${name}`;
export const objectSubject = (object: ObjectKey) => namedSubject(objectName(object));

/** Customers of one list at most; more are linked to an object, and are the audience by their links. */
export const MOST_LISTED = 10_000;
/** Links of one event at most. */
export const MOST_LINKS = 5_000;

const audienceSchema = t.object({
  /** These customers. */
  customers: t.optional(t.array(t.uuid(), { maxItems: MOST_LISTED })),
  /**
   * And those who are linked to the object when the fact happens: to itself, or also to the objects to which its links
   * convey what concerns it.
   */
  linked: t.optional(t.oneOf(['directly', 'through-objects'])),
});
/** Whom a fact concerns: a list, all who are linked to the object, or both. */
export type Audience = Static<typeof audienceSchema>;

/** The content of a fact, whole in its first version and in every corrected one: that of a touchpoint, for many. */
const fact = {
  object: keySchema,
  kind: t.code(),
  kindVersion: t.integer({ minimum: 1 }),
  traits: traitsSchema,
  channel: t.optional(t.code()),
  unit: t.optional(t.code()),
  staff: t.optional(t.id()),
  /** Whom the fact names, such as who reported it; whom the personal values are about. */
  customerId: t.optional(t.uuid()),
  attributes: t.optional(t.record(t.json())),
  personal: t.optional(t.personal(t.record(t.json()))),
  /** Further things that the fact touches. */
  objects: t.optional(t.array(objectSchema, { maxItems: 1000 })),
  audience: t.optional(audienceSchema),
};

/** The event's id is the fact's. */
export const ObjectFactRecorded = event('ObjectFactRecorded', t.object(fact));
export const ObjectFactCorrected = event(
  'ObjectFactCorrected',
  t.object({
    factId: t.uuid(),
    /** 2 for the first correction; the highest version holds. */
    version: t.integer({ minimum: 2 }),
    /** When the fact happened, as known now; the event's own time is that of the correction. */
    happenedAt: t.instant(),
    sequence: t.optional(t.integer({ minimum: 0 })),
    reason: t.text(),
    ...fact,
  }),
);
export const ObjectFactVoided = event(
  'ObjectFactVoided',
  t.object({ object: keySchema, factId: t.uuid(), reason: t.text() }),
);
/** Attributes of the object have these values from the event's time on; null: none any more. */
export const ObjectChanged = event(
  'ObjectChanged',
  t.object({
    object: keySchema,
    attributes: t.record(t.json()),
    /** Whom the personal values are about, where the object itself does not tell. */
    customerId: t.optional(t.uuid()),
    personal: t.optional(t.personal(t.record(t.json()))),
  }),
);
/** The object is linked to others and to customers from the event's time on; `ended`: it is not any more. */
export const ObjectsLinked = event(
  'ObjectsLinked',
  t.object({
    object: keySchema,
    objects: t.optional(
      t.array(
        t.object({
          type: t.code(),
          id: t.id(),
          /** What the other is to this one, such as `supplies`. A link is known by both ends and its qualifier. */
          qualifier: t.optional(t.code()),
          /** What concerns this object concerns the customers of the other one too. */
          conveys: t.optional(t.flag()),
        }),
        { maxItems: MOST_LINKS },
      ),
    ),
    customers: t.optional(
      t.array(t.object({ customerId: t.uuid(), qualifier: t.optional(t.code()) }), { maxItems: MOST_LINKS }),
    ),
    ended: t.optional(t.flag()),
  }),
);

export type ObjectEvent = EventOf<
  | typeof ObjectFactRecorded
  | typeof ObjectFactCorrected
  | typeof ObjectFactVoided
  | typeof ObjectChanged
  | typeof ObjectsLinked
>;

/** The content of a fact as a decision gives it. */
export interface ObjectFactContent extends TouchpointContent {
  audience?: Audience;
}

export interface ObjectLink extends ObjectKey {
  qualifier?: string;
  conveys?: boolean;
}

export interface CustomerLink {
  customerId: string;
  qualifier?: string;
}
