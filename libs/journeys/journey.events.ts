/** What can happen in a journey. Names and shapes are the storage format: frozen, see journey.samples.ts. */
import { event, t, type EventOf, type Static } from '@touchstone/eventing/pure';

export const journeyStream = (id: string) => `journey-${id}`;
export const journeySubject = (id: string) => `journey:${id}`;

/**
 * What a person decides at an instant comes after what the customer lived at that instant: a decision has no place given
 * by a source, so it sorts as the last.
 */
export const DECISION_SEQUENCE = Number.MAX_SAFE_INTEGER;

// The traits as packs describe them; a pure file takes no more than types from another lib.
const traitsSchema = t.object({
  closes: t.flag(),
  contact: t.flag(),
  customerVisible: t.flag(),
  actor: t.optional(t.oneOf(['customer', 'staff', 'system'])),
  stage: t.optional(t.code()),
});

const objectSchema = t.object({ type: t.code(), id: t.id(), qualifier: t.optional(t.code()) });
/** A thing that a touchpoint touches: a work order, an outage, a meter. */
export type ObjectReference = Static<typeof objectSchema>;

/** The content of a touchpoint, whole in its first version and in every corrected one. */
const touchpoint = {
  kind: t.code(),
  /** Version of the pack that the traits were resolved from. */
  kindVersion: t.integer({ minimum: 1 }),
  traits: traitsSchema,
  channel: t.optional(t.code()),
  unit: t.optional(t.code()),
  staff: t.optional(t.id()),
  customerId: t.optional(t.uuid()),
  attributes: t.optional(t.record(t.json())),
  personal: t.optional(t.personal(t.record(t.json()))),
  objects: t.optional(t.array(objectSchema, { maxItems: 1000 })),
};

export const JourneyOpened = event(
  'JourneyOpened',
  t.object({
    journeyType: t.code(),
    /** The source's own name of the journey: a ticket number, a trace id. */
    key: t.optional(t.id()),
    customerId: t.optional(t.uuid()),
  }),
);
export const TouchpointRecorded = event(
  'TouchpointRecorded',
  t.object({
    ...touchpoint,
    /** The fact behind it, where one fact touches several journeys. */
    factId: t.optional(t.uuid()),
  }),
);
export const TouchpointCorrected = event(
  'TouchpointCorrected',
  t.object({
    touchpointId: t.uuid(),
    /** 2 for the first correction; the highest version holds. */
    version: t.integer({ minimum: 2 }),
    /** When the touchpoint happened, as known now; the event's own time is that of the correction. */
    happenedAt: t.instant(),
    sequence: t.optional(t.integer({ minimum: 0 })),
    reason: t.text(),
    ...touchpoint,
  }),
);
export const TouchpointVoided = event('TouchpointVoided', t.object({ touchpointId: t.uuid(), reason: t.text() }));
const party = { unit: t.optional(t.code()), staff: t.optional(t.id()) };
export const OwnerAssigned = event('OwnerAssigned', t.object({ ...party, reason: t.optional(t.text()) }));
export const JourneyHandedOver = event(
  'JourneyHandedOver',
  t.object({
    from: t.object(party),
    to: t.object(party),
    /** What the next one has to know. */
    note: t.optional(t.personal(t.text())),
    customerTold: t.flag(),
  }),
);
export const JourneyPaused = event('JourneyPaused', t.object({ reason: t.code(), until: t.optional(t.instant()) }));
export const JourneyResumed = event('JourneyResumed', t.object({ reason: t.optional(t.text()) }));
export const JourneyClosed = event('JourneyClosed', t.object({ reason: t.text() }));
export const JourneyReopened = event('JourneyReopened', t.object({ reason: t.text() }));
export const NoteAdded = event('NoteAdded', t.object({ text: t.personal(t.text({ maxLength: 20_000 })) }));

export type JourneyEvent = EventOf<
  | typeof JourneyOpened
  | typeof TouchpointRecorded
  | typeof TouchpointCorrected
  | typeof TouchpointVoided
  | typeof OwnerAssigned
  | typeof JourneyHandedOver
  | typeof JourneyPaused
  | typeof JourneyResumed
  | typeof JourneyClosed
  | typeof JourneyReopened
  | typeof NoteAdded
>;

/** The content of a touchpoint as a decision gives it. */
export interface TouchpointContent {
  kind: string;
  kindVersion: number;
  traits: Static<typeof traitsSchema>;
  channel?: string;
  unit?: string;
  staff?: string;
  customerId?: string;
  attributes?: Record<string, unknown>;
  /** Encrypted before append, as one value. */
  personal?: Record<string, unknown>;
  objects?: ObjectReference[];
}
