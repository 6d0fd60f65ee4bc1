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
export const traitsSchema = t.object({
  closes: t.flag(),
  contact: t.flag(),
  customerVisible: t.flag(),
  actor: t.optional(t.oneOf(['customer', 'staff', 'system'])),
  stage: t.optional(t.code()),
});

export const objectSchema = t.object({ type: t.code(), id: t.id(), qualifier: t.optional(t.code()) });
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
// By what a touchpoint that named no journey found one, and by which edition of which rule.
const correlationSchema = t.object({
  /** `object`: a shared one; `idle-gap`: the customer's last touchpoints were near; `opened`: nothing, so it opened one. */
  by: t.oneOf(['object', 'idle-gap', 'opened']),
  /** Type of journey that the rule is for, or `default`. */
  rule: t.code(),
  pack: t.id(),
  version: t.integer({ minimum: 1 }),
  object: t.optional(t.object({ type: t.code(), id: t.id() })),
});
/** How a touchpoint found its journey. */
export type CorrelationSource = Static<typeof correlationSchema>;

export const TouchpointRecorded = event(
  'TouchpointRecorded',
  t.object({
    ...touchpoint,
    /** The fact behind it, where one fact touches several journeys. */
    factId: t.optional(t.uuid()),
    correlation: t.optional(correlationSchema),
  }),
  // Version 2 may say how the touchpoint found its journey; what version 1 says is read as it is.
  { version: 2, upcasters: { 1: (data) => data } },
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

/** The journey is part of the survivor; it stands in the stream of the one that is absorbed. No fact is rewritten. */
export const JourneysMerged = event(
  'JourneysMerged',
  t.object({
    survivorId: t.uuid(),
    reason: t.text(),
    /** What a rule went by; absent: a person said so. */
    rule: t.optional(correlationSchema),
  }),
);
/** They are not one after all. */
export const JourneysUnmerged = event('JourneysUnmerged', t.object({ survivorId: t.uuid(), reason: t.text() }));
/** Touchpoints of this stream belong to another journey, with what was observed at them. */
export const JourneySplit = event(
  'JourneySplit',
  t.object({
    newJourneyId: t.uuid(),
    touchpointIds: t.array(t.uuid(), { minItems: 1, maxItems: 1000 }),
    reason: t.text(),
  }),
);

/**
 * What the other journey says of this one, learned: it was merged into this one, or touchpoints of it were split away to
 * here. It says where to look; whether it still holds is said by the other's own stream alone.
 */
export const JourneyPartAdded = event(
  'JourneyPartAdded',
  t.object({
    /** The other one. */
    journeyId: t.uuid(),
    /** Of a split: which touchpoints; absent: all of it. */
    touchpointIds: t.optional(t.array(t.uuid(), { minItems: 1, maxItems: 1000 })),
  }),
);

/** Who saw a moment of truth or rated an experience; a rule is told apart from people. */
export const OBSERVERS = ['customer', 'qa', 'auditor', 'staff', 'rule'] as const;
export type Observer = (typeof OBSERVERS)[number];
const person = () => t.oneOf(['customer', 'qa', 'auditor', 'staff']);

/** What the customer has an expectation or an experience of. */
const aspect = () => t.oneOf(['time', 'result', 'cost', 'attitude', 'information']);
/** From -2 (far below) to +2 (far above). */
const level = () => t.integer({ minimum: -2, maximum: 2 });
const measured = () => t.object({ value: t.number(), unit: t.code() });
const remark = () => t.optional(t.personal(t.text()));

/** A moment of truth (真理瞬间) at a touchpoint. The event's id is the moment's. */
export const MomentObserved = event(
  'MomentObserved',
  t.object({
    touchpointId: t.uuid(),
    /** From a pack. */
    code: t.code(),
    polarity: t.oneOf(['negative', 'positive']),
    intensity: t.integer({ minimum: 1, maximum: 3 }),
    observer: t.oneOf([...OBSERVERS]),
    note: remark(),
    /** A recording, a form, a photo in another system. */
    evidence: t.optional(t.id()),
    /** Exactly when a rule decided it: the rule's version, and the entry of the journey that made it so. */
    rule: t.optional(t.object({ version: t.integer({ minimum: 1 }), cause: t.uuid() })),
  }),
);
export const MomentRetracted = event(
  'MomentRetracted',
  t.object({
    momentId: t.uuid(),
    reason: t.text(),
    /** The rule itself took it back, since what it rested on does not hold any more. */
    byRule: t.optional(t.flag()),
  }),
);
/** Somebody looked at the touchpoint and found nothing to note. */
export const TouchpointReviewed = event('TouchpointReviewed', t.object({ touchpointId: t.uuid(), observer: person() }));
/** What the customer expects, said or inferred. */
export const ExpectationRecorded = event(
  'ExpectationRecorded',
  t.object({
    touchpointId: t.uuid(),
    aspect: aspect(),
    kind: t.oneOf(['explicit', 'latent', 'inferred']),
    /** What they would like, and what would still do. */
    desired: t.optional(measured()),
    adequate: t.optional(measured()),
    statement: remark(),
    observer: person(),
  }),
);
/** The customer was told what can be expected. */
export const ExpectationGuided = event(
  'ExpectationGuided',
  t.object({
    touchpointId: t.uuid(),
    aspect: aspect(),
    expectationId: t.optional(t.uuid()),
    from: t.optional(measured()),
    to: t.optional(measured()),
    script: t.optional(t.code()),
    accepted: t.optional(t.flag()),
    statement: remark(),
  }),
);
/** How a touchpoint was lived, against what was expected. */
export const ExperienceRated = event(
  'ExperienceRated',
  t.object({
    touchpointId: t.uuid(),
    aspect: t.optional(aspect()),
    observer: person(),
    experience: t.optional(level()),
    expectation: t.optional(level()),
    /** Experience less expectation, within -2 to +2: from both sides, or as given. Absent: one side is unknown. */
    gap: t.optional(level()),
    /** The gap in words, by the policy of the pack that was in force. */
    label: t.optional(t.code()),
    comment: remark(),
  }),
);

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
  | typeof MomentObserved
  | typeof MomentRetracted
  | typeof TouchpointReviewed
  | typeof ExpectationRecorded
  | typeof ExpectationGuided
  | typeof ExperienceRated
  | typeof JourneysMerged
  | typeof JourneysUnmerged
  | typeof JourneySplit
  | typeof JourneyPartAdded
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
