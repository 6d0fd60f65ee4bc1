/** A journey: one matter of one customer, from its first touchpoint to its last. The rules of its life. */
import {
  byInstant,
  command,
  decider,
  instantMs,
  refuse,
  type Decide,
  type DecidedEvent,
  type EventSource,
} from '@touchstone/eventing/pure';
import { customerSubject } from './customer.js';
import {
  DECISION_SEQUENCE,
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
  type JourneyEvent,
  type TouchpointContent,
} from './journey.events.js';

/** What stands in the journey's order and turns something on or off: closes it or not, pauses it or not. */
interface Mark {
  readonly id: string;
  readonly at: number;
  readonly sequence?: number;
  readonly on: boolean;
}

export interface Party {
  readonly unit?: string;
  readonly staff?: string;
}

export interface Journey {
  status: 'none' | 'open';
  journeyType?: string;
  customerId?: string;
  /** By touchpoint id; null: voided. A repeat is known by it, on any log. */
  touchpoints: Map<string, { version: number; mark: Mark } | null>;
  /** A person's closings and reopenings. */
  decisions: Mark[];
  /** Pauses and resumptions. */
  pauses: Mark[];
  notes: Set<string>;
  owner?: Party;
  /** The last change of owner in the journey's order. */
  owned?: Mark;
}

export const initial = (): Journey => ({
  status: 'none',
  touchpoints: new Map(),
  decisions: [],
  pauses: [],
  notes: new Set(),
});

export function evolve(journey: Journey, e: JourneyEvent): Journey {
  switch (e.type) {
    case 'JourneyOpened':
      journey.journeyType ??= e.data.journeyType;
      journey.customerId ??= e.data.customerId;
      journey.status = 'open';
      return journey;
    case 'TouchpointRecorded':
      if (!journey.touchpoints.has(e.id)) {
        const mark = {
          id: e.id,
          at: instantMs(e.occurredAt),
          sequence: e.source?.sequence,
          on: e.data.traits.closes,
        };
        journey.touchpoints.set(e.id, { version: 1, mark });
        journey.customerId ??= e.data.customerId;
      }
      return journey;
    case 'TouchpointCorrected': {
      const { touchpointId: id, version, happenedAt, sequence, traits } = e.data;
      journey.touchpoints.set(id, {
        version,
        mark: { id, at: instantMs(happenedAt), sequence, on: traits.closes },
      });
      return journey;
    }
    case 'TouchpointVoided':
      journey.touchpoints.set(e.data.touchpointId, null);
      return journey;
    case 'OwnerAssigned':
      return ownedBy(journey, { unit: e.data.unit, staff: e.data.staff }, e);
    case 'JourneyHandedOver':
      return ownedBy(journey, e.data.to, e);
    case 'JourneyPaused':
    case 'JourneyResumed':
      journey.pauses.push(decision(e, e.type === 'JourneyPaused'));
      return journey;
    case 'JourneyClosed':
    case 'JourneyReopened':
      journey.decisions.push(decision(e, e.type === 'JourneyClosed'));
      return journey;
    case 'NoteAdded':
      journey.notes.add(e.id);
      return journey;
    case 'MomentObserved':
    case 'MomentRetracted':
    case 'TouchpointReviewed':
    case 'ExpectationRecorded':
    case 'ExpectationGuided':
    case 'ExperienceRated':
      return journey;
  }
}

function ownedBy(journey: Journey, owner: Party, e: { id: string; occurredAt: string }): Journey {
  const mark = decision(e, true);
  if (journey.owned && byInstant(journey.owned, mark) > 0) return journey;
  journey.owner = owner;
  journey.owned = mark;
  return journey;
}

const decision = (e: { id: string; occurredAt: string }, on: boolean): Mark => ({
  id: e.id,
  at: instantMs(e.occurredAt),
  sequence: DECISION_SEQUENCE,
  on,
});

/** Closed when the last in the journey's order, touchpoint or person's decision, closes it. */
export const isClosed = (journey: Journey): boolean => lastEnd(journey)?.on ?? false;

/** Paused when the last pause or resumption in the journey's order is a pause. */
export const isPaused = (journey: Journey): boolean => last(journey.pauses)?.on ?? false;

function last(marks: Iterable<Mark>): Mark | undefined {
  let found: Mark | undefined;
  for (const mark of marks) if (!found || byInstant(found, mark) < 0) found = mark;
  return found;
}

function lastEnd(journey: Journey): Mark | undefined {
  const touchpoints = [...journey.touchpoints.values()].flatMap((touchpoint) => (touchpoint ? [touchpoint.mark] : []));
  return last([...touchpoints, ...journey.decisions]);
}

// Commands. A person's command is refused when it makes no sense; a fact is recorded even when it breaks a rule.

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
  unit?: string;
  staff?: string;
  reason?: string;
  occurredAt?: string;
}>() {}
export class HandOverJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  to: Party;
  note?: string;
  customerTold: boolean;
  occurredAt?: string;
}>() {}
export class PauseJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  reason: string;
  until?: string;
  occurredAt?: string;
}>() {}
export class ResumeJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  reason?: string;
  occurredAt?: string;
}>() {}
export class CloseJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
  reason: string;
  occurredAt?: string;
}>() {}
export class ReopenJourney extends command<{
  expectedRevision?: number;
  journeyId: string;
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
  // The data says only what the fact itself knows; whose key seals it may come from the journey.
  const customerId = c.content.customerId ?? journey.customerId ?? c.open?.customerId;
  events.push(
    TouchpointRecorded(
      {
        ...c.content,
        ...(c.factId !== undefined && { factId: c.factId }),
      },
      { id, occurredAt: c.occurredAt, source: c.source, subject: subject(c.journeyId, customerId) },
    ),
  );
  return events;
};

export const correctTouchpoint: Decide<CorrectTouchpoint, Journey> = (c, journey) => {
  const known = existing(journey, c.journeyId, c.touchpointId);
  if (c.sameAsBefore) return [];
  const customerId = c.content.customerId ?? journey.customerId;
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
      { subject: subject(c.journeyId, customerId) },
    ),
  ];
};

export const voidTouchpoint: Decide<VoidTouchpoint, Journey> = ({ journeyId, touchpointId, reason }, journey) => {
  if (journey.touchpoints.get(touchpointId) === null) return [];
  existing(journey, journeyId, touchpointId);
  return [TouchpointVoided({ touchpointId, reason })];
};

export const assignOwner: Decide<AssignOwner, Journey> = (c, journey, { now }) => {
  const { journeyId, unit, staff, reason, occurredAt = now } = c;
  mustExist(journey, journeyId);
  if (unit === undefined && staff === undefined) refuse('OWNER_MISSING', 'Name the unit, the person, or both.');
  if (sameParty(journey.owner, { unit, staff })) return [];
  mustComeAfter(journey.owned, occurredAt);
  return [OwnerAssigned({ unit, staff, reason }, { occurredAt })];
};

export const handOverJourney: Decide<HandOverJourney, Journey> = (c, journey, { now }) => {
  const { journeyId, to, note, customerTold, occurredAt = now } = c;
  mustExist(journey, journeyId);
  if (!journey.owner) refuse('OWNER_UNKNOWN', `Nobody owns the journey ${journeyId} yet; assign an owner first.`);
  if (to.unit === undefined && to.staff === undefined) refuse('OWNER_MISSING', 'Name the unit, the person, or both.');
  if (sameParty(journey.owner, to)) return [];
  mustComeAfter(journey.owned, occurredAt);
  return [
    JourneyHandedOver(
      { from: { ...journey.owner }, to: { ...to }, ...(note !== undefined && { note }), customerTold },
      { subject: subject(journeyId, journey.customerId), occurredAt },
    ),
  ];
};

export const pauseJourney: Decide<PauseJourney, Journey> = (c, journey, { now }) => {
  const { journeyId, reason, until, occurredAt = now } = c;
  mustExist(journey, journeyId);
  if (isClosed(journey)) refuse('JOURNEY_CLOSED', `The journey ${journeyId} is closed; reopen it before you pause it.`);
  if (isPaused(journey)) return [];
  mustComeAfter(last(journey.pauses), occurredAt);
  return [JourneyPaused({ reason, until }, { occurredAt })];
};

export const resumeJourney: Decide<ResumeJourney, Journey> = (c, journey, { now }) => {
  const { journeyId, reason, occurredAt = now } = c;
  mustExist(journey, journeyId);
  if (!isPaused(journey)) return [];
  mustComeAfter(last(journey.pauses), occurredAt);
  return [JourneyResumed({ reason }, { occurredAt })];
};

export const closeJourney: Decide<CloseJourney, Journey> = (c, journey, { now }) => {
  const { journeyId, reason, occurredAt = now } = c;
  mustExist(journey, journeyId);
  if (isClosed(journey)) return [];
  mustComeAfter(lastEnd(journey), occurredAt);
  return [JourneyClosed({ reason }, { occurredAt })];
};

export const reopenJourney: Decide<ReopenJourney, Journey> = (c, journey, { now }) => {
  const { journeyId, reason, occurredAt = now } = c;
  mustExist(journey, journeyId);
  if (!isClosed(journey)) return [];
  mustComeAfter(lastEnd(journey), occurredAt);
  return [JourneyReopened({ reason }, { occurredAt })];
};

export const addNote: Decide<AddNote, Journey> = ({ journeyId, noteId, text }, journey) => {
  mustExist(journey, journeyId);
  if (noteId !== undefined && journey.notes.has(noteId)) return [];
  return [NoteAdded({ text }, { id: noteId, subject: subject(journeyId, journey.customerId) })];
};

/** A decision before what holds already would decide nothing. */
function mustComeAfter(mark: Mark | undefined, occurredAt: string): void {
  if (!mark || mark.at <= instantMs(occurredAt)) return;
  refuse('NOT_LAST', `The journey has something later, at ${new Date(mark.at).toISOString()}; give a time after that.`);
}

const unknown = (id: string): never => refuse('JOURNEY_UNKNOWN', `There is no journey ${id}; open it first.`);

function mustExist(journey: Journey, id: string): void {
  if (journey.status === 'none') unknown(id);
}

function existing(journey: Journey, journeyId: string, touchpointId: string) {
  mustExist(journey, journeyId);
  const known = journey.touchpoints.get(touchpointId);
  if (known === undefined)
    return refuse('TOUCHPOINT_UNKNOWN', `The journey ${journeyId} has no touchpoint ${touchpointId}.`);
  if (known === null) return refuse('TOUCHPOINT_VOID', `The touchpoint ${touchpointId} was voided; record it anew.`);
  return known;
}

const sameParty = (a: Party | undefined, b: Party) => a !== undefined && a.unit === b.unit && a.staff === b.staff;

const subject = (journeyId: string, customerId: string | undefined) =>
  customerId === undefined ? journeySubject(journeyId) : customerSubject(customerId);

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
  ],
);
