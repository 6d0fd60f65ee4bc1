/** One thing that is due as a command, and what makes it wait or fail. */
import { deterministicId, TouchstoneError, type Work } from '@touchstone/eventing';
import { journeyDecider } from './journey.js';
import { RULE_VERSION, RULES, type RuleCode } from './metrics/due-moments.js';
import { DeriveMoment, WithdrawMoment } from './observations.js';
import type { DueMoment } from './rule-moments.queries.js';

/** So often a rule may change its mind about one cause before it has to think ever longer: 1 s, 2 s … 1 h. */
const FREE_CHANGES = 8;
const LONGEST_THOUGHT_MS = 3_600_000;

/** What the rules know a moment by. */
export const keyOf = ({ journeyId, code, cause }: DueMoment): string => `${journeyId} ${code} ${cause}`;

/** By the clock, ms: a rule that changed its mind about one cause again and again is not followed at once any more. */
export function thoughtUntil({ action, before, lastRecordedMs }: DueMoment): number {
  if (action === 'withdraw' || before < FREE_CHANGES || lastRecordedMs === null) return 0;
  return lastRecordedMs + Math.min(1_000 * 2 ** (before - FREE_CHANGES), LONGEST_THOUGHT_MS);
}

/** The command; its ids are the same until it is recorded. */
export function workOf(row: DueMoment): Work {
  const { journeyId, touchpointId, code, cause, occurredAt, momentId, reason, before } = row;
  const command =
    row.action === 'withdraw'
      ? new WithdrawMoment({ journeyId, momentId, reason })
      : new DeriveMoment({
          journeyId,
          touchpointId,
          code,
          polarity: RULES[code as RuleCode].polarity,
          cause,
          ruleVersion: RULE_VERSION,
          occurredAt: occurredAt!,
          // The same until it is recorded, so that a repeat after a crash is known as one.
          momentId: deterministicId('rule-moment', journeyId, code, cause, String(before)),
        });
  return { decider: journeyDecider as unknown as Work['decider'], command };
}

export const touchpointGone = ({ touchpointId, code }: DueMoment): TouchstoneError =>
  new TouchstoneError(
    'TOUCHPOINT_UNKNOWN',
    `The touchpoint ${touchpointId}, which ${code} judges, does not hold any more.`,
    'notFound',
  );

export const nothingDecided = ({ journeyId, code, action, cause }: DueMoment): TouchstoneError =>
  new TouchstoneError(
    'RULE_UNSETTLED',
    `The read models ask to ${action} ${code} because of ${cause} in the journey ${journeyId}, and the journey sees nothing to do: look for parked events of it, else rebuild the read models.`,
    'internal',
  );
