/** A journey: one matter of one customer, from its first touchpoint to its last. The rules of its life. */
import {
  command,
  decider,
  instantMs,
  refuse,
  type Decide,
  type DecidedEvent,
  type EventSource,
} from '@touchstone/eventing/pure';
import {
  JourneyClosed,
  JourneyHandedOver,
  JourneyOpened,
  JourneyPaused,
  JourneyReopened,
  JourneyResumed,
  NoteAdded,
  OwnerAssigned,
  TouchpointCorrected,
  TouchpointRecorded,
  TouchpointVoided,
  journeyStream,
  journeySubject,
  type CorrelationSource,
  type JourneyEvent,
  type TouchpointContent,
} from './journey.events.js';
import {
  evolve,
  existing,
  initial,
  isClosed,
  isPaused,
  last,
  lastEnd,
  mustExist,
  subject,
  unknown,
  type Journey,
  type Mark,
  type Party,
} from './journey-state.js';
import {
  learnOfPart,
  LearnOfPart,
  mergeJourneys,
  MergeJourneys,
  SplitJourney,
  splitJourney,
  UnmergeJourneys,
  unmergeJourneys,
} from './journey-merging.js';
import {
  deriveMoment,
  DeriveMoment,
  guideExpectation,
  GuideExpectation,
  observeMoment,
  ObserveMoment,
  rateExperience,
  RateExperience,
  recordExpectation,
  RecordExpectation,
  retractMoment,
  RetractMoment,
  reviewTouchpoint,
  ReviewTouchpoint,
  withdrawMoment,
  WithdrawMoment,
} from './observations.js';
import { asOne, type Whole } from './whole-state.js';

// Commands. A person's command is refused when it makes no sense; a fact is recorded even when it breaks a rule.
// `whole`: what is seen as one with the journey, which then stands for it; absent: it is by itself.

export class OpenJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  journeyType: string;
  key?: string;
  customerId?: string;
  occurredAt?: string;
}>() {}
export class RecordTouchpoint extends command<{
  expectedRevision?: number;
  journeyId: string;
  /** Opens the journey when it does not exist yet; without it an unknown journey is refused. */
  open?: { journeyType: string; key?: string; customerId?: string };
  touchpointId?: string;
  occurredAt?: string;
  source?: EventSource;
  factId?: string;
  correlation?: CorrelationSource;
  content: TouchpointContent;
}>() {}
export class CorrectTouchpoint extends command<{
  expectedRevision?: number;
  journeyId: string;
  touchpointId: string;
  happenedAt: string;
  reason: string;
  content: TouchpointContent;
  /** The content is what the log has already: a repeat. */
  sameAsBefore?: boolean;
}>() {}
export class VoidTouchpoint extends command<{
  expectedRevision?: number;
  journeyId: string;
  touchpointId: string;
  reason: string;
}>() {}
export class AssignOwner extends command<{
  expectedRevision?: number;
  journeyId: string;
  whole?: Whole;
  unit?: string;
  staff?: string;
  reason?: string;
  occurredAt?: string;
}>() {}
export class HandOverJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  whole?: Whole;
  to: Party;
  note?: string;
  customerTold: boolean;
  occurredAt?: string;
}>() {}
export class PauseJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  whole?: Whole;
  reason: string;
  until?: string;
  occurredAt?: string;
}>() {}
export class ResumeJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  whole?: Whole;
  reason?: string;
  occurredAt?: string;
}>() {}
export class CloseJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  whole?: Whole;
  reason: string;
  occurredAt?: string;
}>() {}
export class ReopenJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  whole?: Whole;
  reason: string;
  occurredAt?: string;
}>() {}
export class AddNote extends command<{
  expectedRevision?: number;
  journeyId: string;
  noteId?: string;
  text: string;
}>() {}

export const openJourney: Decide<OpenJourney, Journey> = (c, journey) => {
  const { journeyId, journeyType, key, customerId, occurredAt } = c;
  if (journey.status === 'none') return [JourneyOpened({ journeyType, key, customerId }, { occurredAt })];
  const same = journey.journeyType === journeyType && (customerId === undefined || journey.customerId === customerId);
  if (same) return [];
  const message = `The journey ${journeyId} is open already, of another type or customer; give a new id.`;
  return refuse('JOURNEY_EXISTS', message);
};

export const recordTouchpoint: Decide<RecordTouchpoint, Journey> = (c, journey, { newId }) => {
  const id = c.touchpointId ?? newId();
  if (journey.touchpoints.has(id)) return [];
  mustBeOfType(c, journey);
  const events: DecidedEvent[] = [];
  if (journey.status === 'none') {
    if (!c.open) return unknown(c.journeyId);
    events.push(
      JourneyOpened(c.open, {
        occurredAt: c.occurredAt,
        source: c.source && { system: c.source.system, recordedAt: c.source.recordedAt },
      }),
    );
  }
  events.push(
    TouchpointRecorded(
      {
        ...c.content,
        ...(c.factId !== undefined && { factId: c.factId }),
        ...(c.correlation && { correlation: c.correlation }),
      },
      { id, occurredAt: c.occurredAt, source: c.source, subject: subject(c.journeyId, c.content.customerId) },
    ),
  );
  return events;
};

/** Who names a journey by its id alone says nothing of its type. */
function mustBeOfType({ journeyId, open }: RecordTouchpoint, { status, journeyType }: Journey): void {
  const type = open?.journeyType;
  if (status === 'none' || type === undefined || type === '' || type === journeyType) return;
  const message = `The journey ${journeyId} is of the type ${journeyType}, not ${type}: leave the type out, or name another journey.`;
  refuse('JOURNEY_TYPES_DIFFER', message);
}

export const correctTouchpoint: Decide<CorrectTouchpoint, Journey> = (c, journey) => {
  const known = existing(journey, c.journeyId, c.touchpointId);
  if (c.sameAsBefore) return [];
  return [
    TouchpointCorrected(
      {
        ...c.content,
        touchpointId: c.touchpointId,
        version: known.version + 1,
        happenedAt: c.happenedAt,
        ...(known.mark.sequence !== undefined && { sequence: known.mark.sequence }),
        reason: c.reason,
      },
      { subject: subject(c.journeyId, c.content.customerId) },
    ),
  ];
};

export const voidTouchpoint: Decide<VoidTouchpoint, Journey> = ({ journeyId, touchpointId, reason }, journey) => {
  if (journey.touchpoints.get(touchpointId) === null) return [];
  existing(journey, journeyId, touchpointId);
  return [TouchpointVoided({ touchpointId, reason })];
};

export const assignOwner: Decide<AssignOwner, Journey> = (c, own, { now }) => {
  const { journeyId, unit, staff, reason, occurredAt = now } = c;
  mustExist(own, journeyId);
  const journey = asOne(own, c.whole);
  if (unit === undefined && staff === undefined) refuse('OWNER_MISSING', 'Name the unit, the person, or both.');
  if (sameParty(journey.owner, { unit, staff })) return [];
  mustComeAfter(journey.owned, occurredAt);
  return [OwnerAssigned({ unit, staff, reason }, { occurredAt })];
};

export const handOverJourney: Decide<HandOverJourney, Journey> = (c, own, { now }) => {
  const { journeyId, to, note, customerTold, occurredAt = now } = c;
  mustExist(own, journeyId);
  const journey = asOne(own, c.whole);
  if (!journey.owner) refuse('OWNER_UNKNOWN', `Nobody owns the journey ${journeyId} yet; assign an owner first.`);
  if (to.unit === undefined && to.staff === undefined) refuse('OWNER_MISSING', 'Name the unit, the person, or both.');
  if (sameParty(journey.owner, to)) return [];
  mustComeAfter(journey.owned, occurredAt);
  return [
    JourneyHandedOver(
      { from: { ...journey.owner }, to: { ...to }, ...(isBlank(note) ? {} : { note }), customerTold },
      { subject: journeySubject(journeyId), occurredAt },
    ),
  ];
};

export const pauseJourney: Decide<PauseJourney, Journey> = (c, own, { now }) => {
  const { journeyId, reason, until, occurredAt = now } = c;
  mustExist(own, journeyId);
  const journey = asOne(own, c.whole);
  if (isClosed(journey)) refuse('JOURNEY_CLOSED', `The journey ${journeyId} is closed; reopen it before you pause it.`);
  if (isPaused(journey)) return [];
  mustComeAfter(last(journey.pauses), occurredAt);
  return [JourneyPaused({ reason, until }, { occurredAt })];
};

export const resumeJourney: Decide<ResumeJourney, Journey> = (c, own, { now }) => {
  const { journeyId, reason, occurredAt = now } = c;
  mustExist(own, journeyId);
  const journey = asOne(own, c.whole);
  if (!isPaused(journey)) return [];
  mustComeAfter(last(journey.pauses), occurredAt);
  return [JourneyResumed({ reason }, { occurredAt })];
};

export const closeJourney: Decide<CloseJourney, Journey> = (c, own, { now }) => {
  const { journeyId, reason, occurredAt = now } = c;
  mustExist(own, journeyId);
  const journey = asOne(own, c.whole);
  if (isClosed(journey)) return [];
  mustComeAfter(lastEnd(journey), occurredAt);
  return [JourneyClosed({ reason }, { occurredAt })];
};

export const reopenJourney: Decide<ReopenJourney, Journey> = (c, own, { now }) => {
  const { journeyId, reason, occurredAt = now } = c;
  mustExist(own, journeyId);
  const journey = asOne(own, c.whole);
  if (!isClosed(journey)) return [];
  mustComeAfter(lastEnd(journey), occurredAt);
  return [JourneyReopened({ reason }, { occurredAt })];
};

export const addNote: Decide<AddNote, Journey> = ({ journeyId, noteId, text }, journey) => {
  mustExist(journey, journeyId);
  if (noteId !== undefined && journey.notes.has(noteId)) return [];
  return [NoteAdded({ text }, { id: noteId, subject: journeySubject(journeyId) })];
};

/** A decision before what holds already would decide nothing. */
function mustComeAfter(mark: Mark | undefined, occurredAt: string): void {
  if (!mark || mark.at <= instantMs(occurredAt)) return;
  refuse('NOT_LAST', `The journey has something later, at ${new Date(mark.at).toISOString()}; give a time after that.`);
}

/** A note that says nothing tells nobody anything: the customer would have to tell their story again. */
const isBlank = (note: string | undefined) => note === undefined || note.trim() === '';

const sameParty = (a: Party | undefined, b: Party) => a !== undefined && a.unit === b.unit && a.staff === b.staff;

export const journeyDecider = decider<Journey, JourneyEvent>(
  { name: 'journey', stream: journeyStream, initial, evolve },
  (on) => [
    on(OpenJourney, (c) => c.journeyId, openJourney),
    on(RecordTouchpoint, (c) => c.journeyId, recordTouchpoint),
    on(CorrectTouchpoint, (c) => c.journeyId, correctTouchpoint),
    on(VoidTouchpoint, (c) => c.journeyId, voidTouchpoint),
    on(AssignOwner, (c) => c.journeyId, assignOwner),
    on(HandOverJourney, (c) => c.journeyId, handOverJourney),
    on(PauseJourney, (c) => c.journeyId, pauseJourney),
    on(ResumeJourney, (c) => c.journeyId, resumeJourney),
    on(CloseJourney, (c) => c.journeyId, closeJourney),
    on(ReopenJourney, (c) => c.journeyId, reopenJourney),
    on(AddNote, (c) => c.journeyId, addNote),
    on(ObserveMoment, (c) => c.journeyId, observeMoment),
    on(RetractMoment, (c) => c.journeyId, retractMoment),
    on(DeriveMoment, (c) => c.journeyId, deriveMoment),
    on(WithdrawMoment, (c) => c.journeyId, withdrawMoment),
    on(ReviewTouchpoint, (c) => c.journeyId, reviewTouchpoint),
    on(RecordExpectation, (c) => c.journeyId, recordExpectation),
    on(GuideExpectation, (c) => c.journeyId, guideExpectation),
    on(RateExperience, (c) => c.journeyId, rateExperience),
    on(MergeJourneys, (c) => c.journeyId, mergeJourneys),
    on(UnmergeJourneys, (c) => c.journeyId, unmergeJourneys),
    on(SplitJourney, (c) => c.journeyId, splitJourney),
    on(LearnOfPart, (c) => c.journeyId, learnOfPart),
  ],
);
