/**
 * Moments of truth, expectations and experience at the touchpoints of a journey: what people note, and what rules
 * derive. A person's word stands before a rule's.
 */
import { byInstant, command, instantMs, refuse, type Decide } from '@touchstone/eventing/pure';
import {
  ExpectationGuided,
  ExpectationRecorded,
  ExperienceRated,
  MomentObserved,
  MomentRetracted,
  TouchpointReviewed,
  journeySubject,
  type Observer,
} from './journey.events.js';
import { existing, mustExist, type Journey, type Mark } from './journey-state.js';
import { reviewKey, type Moment } from './observations-state.js';

export type Person = Exclude<Observer, 'rule'>;
export type Aspect = 'time' | 'result' | 'cost' | 'attitude' | 'information';
export interface Measured {
  readonly value: number;
  readonly unit: string;
}

interface OnTouchpoint {
  expectedRevision?: number;
  journeyId: string;
  touchpointId: string;
  /** When the customer lived it, ISO 8601; absent: the time of the touchpoint. */
  occurredAt?: string;
}

export class ObserveMoment extends command<
  Omit<OnTouchpoint, 'touchpointId'> & {
    /** The caller's own id, so that a repeat is known. */
    momentId?: string;
    /** Absent: the last touchpoint not after `occurredAt`, or now. */
    touchpointId?: string;
    /** From a pack, which gives the polarity. */
    code: string;
    polarity: Moment['polarity'];
    /** 1 to 3; absent: 1. */
    intensity?: number;
    observer: Person;
    note?: string;
    evidence?: string;
  }
>() {}
export class RetractMoment extends command<{
  expectedRevision?: number;
  journeyId: string;
  momentId: string;
  reason: string;
}>() {}
/** A rule observes a moment; it is known by its code and its cause. */
export class DeriveMoment extends command<{
  journeyId: string;
  touchpointId: string;
  code: string;
  polarity: Moment['polarity'];
  /** The entry of the journey (or the change of its owner) that made it so. */
  cause: string;
  ruleVersion: number;
  /** That of the touchpoint it judges. */
  occurredAt: string;
  /** A new one each time: the id of a moment that was withdrawn does not come back. Absent: one is made. */
  momentId?: string;
}>() {}
/** A rule takes its moment back: what it rested on does not hold any more. */
export class WithdrawMoment extends command<{ journeyId: string; momentId: string; reason: string }>() {}
/** Somebody looked, and there is nothing to note. */
export class ReviewTouchpoint extends command<OnTouchpoint & { observer: Person }>() {}
export class RecordExpectation extends command<
  OnTouchpoint & {
    expectationId?: string;
    aspect: Aspect;
    kind: 'explicit' | 'latent' | 'inferred';
    desired?: Measured;
    adequate?: Measured;
    statement?: string;
    observer: Person;
  }
>() {}
export class GuideExpectation extends command<
  OnTouchpoint & {
    guidanceId?: string;
    aspect: Aspect;
    /** The expectation that is guided, where it was recorded. */
    expectationId?: string;
    /** It stands in another journey that is seen as one with this one. */
    expectedElsewhere?: boolean;
    from?: Measured;
    to?: Measured;
    script?: string;
    accepted?: boolean;
    statement?: string;
  }
>() {}

/** -2 (far below) to +2 (far above). */
export interface Rating {
  readonly experience?: number;
  readonly expectation?: number;
  /** Experience less expectation, kept within -2 to +2. */
  readonly gap?: number;
}
export class RateExperience extends command<
  OnTouchpoint &
    Rating & {
      ratingId?: string;
      aspect?: Aspect;
      observer: Person;
      /** The gap in words, and the edition of the policy that has the words, such as `common@2`. */
      label?: string;
      policyVersion?: string;
      comment?: string;
    }
>() {}

export const observeMoment: Decide<ObserveMoment, Journey> = (c, journey, { now }) => {
  const { journeyId, momentId, code, polarity, intensity = 1, observer, note, evidence } = c;
  if (momentId !== undefined && journey.observations?.moments.has(momentId)) return [];
  const touchpointId = c.touchpointId ?? lastTouchpoint(journey, journeyId, c.occurredAt ?? now);
  const data = { touchpointId, code, polarity, intensity, observer, note, evidence };
  return [MomentObserved(data, about({ ...c, touchpointId }, journey, momentId))];
};

export const retractMoment: Decide<RetractMoment, Journey> = ({ journeyId, momentId, reason }, journey) =>
  momentOf(journey, journeyId, momentId).held ? [MomentRetracted({ momentId, reason })] : [];

export const deriveMoment: Decide<DeriveMoment, Journey> = (c, journey) => {
  const { journeyId, touchpointId, code, polarity, cause, ruleVersion, occurredAt, momentId } = c;
  if (journey.touchpoints.get(touchpointId) === null) return [];
  existing(journey, journeyId, touchpointId);
  const moments = journey.observations?.moments ?? new Map<string, Moment>();
  if (momentId !== undefined && moments.has(momentId)) return [];
  for (const moment of moments.values()) {
    const same = moment.code === code && moment.cause === cause;
    if (same && (moment.held || moment.refuted)) return [];
    const byPerson = moment.cause === undefined && moment.held;
    if (byPerson && moment.touchpointId === touchpointId && moment.polarity === polarity) return [];
  }
  const rule = { version: ruleVersion, cause };
  const policy = { policyVersion: `${code}@${ruleVersion}`, causationId: cause };
  return [
    MomentObserved(
      { touchpointId, code, polarity, intensity: 1, observer: 'rule', rule },
      { id: momentId, occurredAt, ...policy },
    ),
  ];
};

export const withdrawMoment: Decide<WithdrawMoment, Journey> = ({ journeyId, momentId, reason }, journey) => {
  const moment = momentOf(journey, journeyId, momentId);
  if (moment.cause === undefined) {
    refuse('MOMENT_OF_A_PERSON', `A person observed the moment ${momentId}; only a person takes it back.`);
  }
  return moment.held ? [MomentRetracted({ momentId, reason, byRule: true })] : [];
};

export const reviewTouchpoint: Decide<ReviewTouchpoint, Journey> = (c, journey) => {
  const { touchpointId, observer } = c;
  if (journey.observations?.reviews.has(reviewKey(touchpointId, observer))) return [];
  return [TouchpointReviewed({ touchpointId, observer }, about(c, journey))];
};

export const recordExpectation: Decide<RecordExpectation, Journey> = (c, journey) => {
  const { expectationId, touchpointId, aspect, kind, desired, adequate, statement, observer } = c;
  if (expectationId !== undefined && journey.observations?.expectations.has(expectationId)) return [];
  const data = { touchpointId, aspect, kind, desired, adequate, statement, observer };
  return [ExpectationRecorded(data, about(c, journey, expectationId))];
};

export const guideExpectation: Decide<GuideExpectation, Journey> = (c, journey) => {
  const { journeyId, guidanceId, touchpointId, aspect, expectationId, from, to, script, accepted, statement } = c;
  if (guidanceId !== undefined && journey.observations?.others.has(guidanceId)) return [];
  const occasion = about(c, journey, guidanceId);
  const known =
    c.expectedElsewhere || expectationId === undefined || journey.observations?.expectations.has(expectationId);
  if (!known) {
    const message = `The journey ${journeyId} has no expectation ${expectationId}; record it first, or leave it out.`;
    refuse('EXPECTATION_UNKNOWN', message);
  }
  const data = { touchpointId, aspect, expectationId, from, to, script, accepted, statement };
  return [ExpectationGuided(data, occasion)];
};

export const rateExperience: Decide<RateExperience, Journey> = (c, journey) => {
  const { ratingId, touchpointId, aspect, observer, experience, expectation, label, policyVersion, comment } = c;
  if (ratingId !== undefined && journey.observations?.others.has(ratingId)) return [];
  const occasion = about(c, journey, ratingId);
  if (experience === undefined && c.gap === undefined) {
    refuse('RATING_EMPTY', 'Say how it was lived: give the experience (with the expectation if known), or the gap.');
  }
  const gap = gapOf(c);
  if (c.gap !== undefined && c.gap !== gap) {
    const message = `An experience of ${experience} against an expectation of ${expectation} is a gap of ${gap}, not ${c.gap}; correct one of them, or leave the gap out.`;
    refuse('RATING_CONTRADICTORY', message);
  }
  const data = { touchpointId, aspect, observer, experience, expectation, gap, label, comment };
  return [ExperienceRated(data, { ...occasion, policyVersion })];
};

/** Experience less expectation, kept within -2 to +2; what is given where one of them is unknown. */
export function gapOf({ experience, expectation, gap }: Rating): number | undefined {
  if (experience === undefined || expectation === undefined) return gap;
  return Math.max(-2, Math.min(2, experience - expectation));
}

/** When and of whom: beside the touchpoint, unless another time is given. @throws what `existing` refuses */
function about({ journeyId, touchpointId, occurredAt }: OnTouchpoint, journey: Journey, id?: string) {
  const touchpoint = existing(journey, journeyId, touchpointId);
  return {
    id,
    occurredAt: occurredAt ?? touchpoint.occurredAt,
    subject: journeySubject(journeyId),
  };
}

/** @throws JOURNEY_UNKNOWN, TOUCHPOINT_MISSING */
export function lastTouchpoint(journey: Journey, journeyId: string, instant: string): string {
  mustExist(journey, journeyId);
  const until = instantMs(instant);
  let found: Mark | undefined;
  for (const touchpoint of journey.touchpoints.values()) {
    if (!touchpoint || touchpoint.mark.at > until) continue;
    if (!found || byInstant(found, touchpoint.mark) < 0) found = touchpoint.mark;
  }
  if (found) return found.id;
  const message = `The journey ${journeyId} has no touchpoint up to ${instant}; name the touchpoint, or give a later time.`;
  return refuse('TOUCHPOINT_MISSING', message);
}

function momentOf(journey: Journey, journeyId: string, momentId: string): Moment {
  mustExist(journey, journeyId);
  const moment = journey.observations?.moments.get(momentId);
  return moment ?? refuse('MOMENT_UNKNOWN', `The journey ${journeyId} has no moment ${momentId}.`);
}
