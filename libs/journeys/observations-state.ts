/** What a journey remembers of its moments, expectations and ratings: no more than decisions need. */
import type {
  ExpectationGuided,
  ExpectationRecorded,
  ExperienceRated,
  MomentObserved,
  MomentRetracted,
  Observer,
  TouchpointReviewed,
} from './journey.events.js';
import type { EventOf } from '@touchstone/eventing/pure';

export interface Moment {
  readonly touchpointId: string;
  readonly code: string;
  readonly polarity: 'negative' | 'positive';
  /** What made a rule observe it; absent: a person did. */
  readonly cause?: string;
  readonly held: boolean;
  /** A person took it back, which binds the rule: it does not come again for this cause. */
  readonly refuted: boolean;
}

export interface Observations {
  /** By id; those taken back stay known. */
  readonly moments: Map<string, Moment>;
  readonly expectations: Set<string>;
  /** Ids of guidance and of ratings, so that a repeat is known. */
  readonly others: Set<string>;
  /** Who found nothing to note, where: see `reviewKey`. */
  readonly reviews: Set<string>;
}

export const noObservations = (): Observations => ({
  moments: new Map(),
  expectations: new Set(),
  others: new Set(),
  reviews: new Set(),
});

export const reviewKey = (touchpointId: string, observer: Observer): string => `${touchpointId} ${observer}`;

type ObservationEvent = EventOf<
  | typeof MomentObserved
  | typeof MomentRetracted
  | typeof TouchpointReviewed
  | typeof ExpectationRecorded
  | typeof ExpectationGuided
  | typeof ExperienceRated
>;

export function observed(observations: Observations, e: ObservationEvent): Observations {
  const { moments, expectations, others, reviews } = observations;
  switch (e.type) {
    case 'MomentObserved': {
      const { touchpointId, code, polarity, rule } = e.data;
      const moment = { touchpointId, code, polarity, held: true, refuted: false };
      moments.set(e.id, rule ? { ...moment, cause: rule.cause } : moment);
      return observations;
    }
    case 'MomentRetracted': {
      const { momentId, byRule = false } = e.data;
      const moment = moments.get(momentId);
      if (moment?.held) moments.set(momentId, { ...moment, held: false, refuted: !byRule });
      return observations;
    }
    case 'TouchpointReviewed':
      reviews.add(reviewKey(e.data.touchpointId, e.data.observer));
      return observations;
    case 'ExpectationRecorded':
      expectations.add(e.id);
      return observations;
    case 'ExpectationGuided':
    case 'ExperienceRated':
      others.add(e.id);
      return observations;
  }
}
