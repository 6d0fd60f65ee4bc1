/** What is answered to a fact, from what became of its touchpoints. */
import type { WorkOutcome } from '@touchstone/eventing';
import { faultOf } from './fact-faults.js';
import type { RecordTouchpoint } from './journey.js';
import type { Journey } from './journey-state.js';
import type { FactOutcome } from './touchpoint-fact.js';

/** A touchpoint to be recorded for a fact. */
export interface Recording {
  readonly index: number;
  readonly journeyId: string;
  readonly touchpointId: string;
  readonly command: RecordTouchpoint;
  /** The fact is known, and says something else than the first. */
  readonly differs?: boolean;
}

/** What became of a recording. @throws a fault of the house */
export function outcomeOf(outcome: WorkOutcome, { journeyId, touchpointId, command, differs }: Recording): FactOutcome {
  if (!outcome.ok) return refused(outcome.error);
  const { events, revision, position, state } = outcome.done;
  const done = { journeyId, touchpointId, revision, position };
  if (events.length > 0) return { outcome: 'taken', ...done };
  const held = (state as Journey).touchpoints.get(touchpointId);
  const isAtAnotherTime = held?.version === 1 && held.occurredAt !== command.occurredAt;
  return differs || isAtAnotherTime ? { outcome: 'known', ...done, ...CONTENT_DIFFERS } : { outcome: 'known', ...done };
}

const CONTENT_DIFFERS = {
  code: 'CONTENT_DIFFERS',
  message:
    'An event with this id came before and said something else; it stays as it is. Correct the touchpoint, or send under an id of its own.',
} as const;

/** Of a fact that touches several journeys: refused where one refuses it, known where all know it. */
export function together(before: FactOutcome | undefined, next: FactOutcome): FactOutcome {
  if (!before) return next;
  if (before.outcome === 'refused') return halfRecorded(before, next);
  if (next.outcome === 'refused') return halfRecorded(next, before);
  return before.outcome === 'known' && next.outcome === 'taken' ? next : before;
}

/** The refusal says where the fact stands all the same: a repeat finds it there, and only the rest is open. */
function halfRecorded(refusal: Extract<FactOutcome, { outcome: 'refused' }>, other: FactOutcome): FactOutcome {
  const own = other.outcome === 'refused' ? (other.recordedIn ?? []) : [other];
  const recordedIn = [...(refusal.recordedIn ?? []), ...own].map(({ journeyId, touchpointId }) => ({
    journeyId,
    touchpointId,
  }));
  return recordedIn.length > 0 ? { ...refusal, recordedIn } : refusal;
}

/** A person reads the message, not the list. */
export function toldWhole(outcome: FactOutcome): FactOutcome {
  if (outcome.outcome !== 'refused' || !outcome.recordedIn) return outcome;
  const journeys = outcome.recordedIn.map(({ journeyId }) => journeyId).join(', ');
  return { ...outcome, message: `${outcome.message} It stands in ${journeys} all the same.` };
}

/** A fault of the fact itself; anything else is a fault of the house and goes to the caller. */
export function refused(error: unknown): FactOutcome {
  const { code, message } = faultOf(error);
  return { outcome: 'refused', code, message };
}
