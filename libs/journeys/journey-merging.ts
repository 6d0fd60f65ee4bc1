/** Journeys that turn out to be one, or to be two: rules of merging, unmerging and splitting. */
import { command, refuse, type Decide } from '@touchstone/eventing/pure';
import {
  JourneyPartAdded,
  JourneysMerged,
  JourneysUnmerged,
  JourneySplit,
  type CorrelationSource,
} from './journey.events.js';
import { existing, mustExist, type Journey } from './journey-state.js';

/** The journey is part of the survivor from now on; whether the survivor can be one is looked up before. */
export class MergeJourneys extends command<{
  /** The one that is absorbed. */
  journeyId: string;
  survivorId: string;
  reason: string;
  /** A rule found out; absent: a person says so. */
  rule?: CorrelationSource;
  /** Id of the event, where the same merge may be found out again and again. */
  mergeId?: string;
  expectedRevision?: number;
}>() {}
export class UnmergeJourneys extends command<{ journeyId: string; reason: string; expectedRevision?: number }>() {}
/** Moves touchpoints of the journey's own stream, with what was observed at them, to another journey. */
export class SplitJourney extends command<{
  journeyId: string;
  touchpointIds: readonly string[];
  /** Has to be open already. */
  newJourneyId: string;
  reason: string;
  expectedRevision?: number;
}>() {}

/** The journey learns that another one, or touchpoints of it, are part of it. */
export class LearnOfPart extends command<{
  journeyId: string;
  partId: string;
  /** Of a split. */
  touchpointIds?: readonly string[];
  /** Id of the event, which follows from the merge or the split: it is learned once. */
  learnedId: string;
  /** Of the merge or the split. */
  causeId: string;
}>() {}

export const mergeJourneys: Decide<MergeJourneys, Journey> = (
  { journeyId, survivorId, reason, rule, mergeId },
  journey,
) => {
  if (journeyId === survivorId) {
    refuse('JOURNEY_MERGE_SELF', 'Both are the same journey already; name the one that is absorbed and the other.');
  }
  mustExist(journey, journeyId);
  const { mergedInto } = journey;
  if (mergedInto === survivorId) return [];
  // What a person took apart, no rule puts together again.
  if (rule && journey.keptApart) return [];
  if (mergedInto !== undefined) {
    const message = `The journey ${journeyId} was merged into ${mergedInto}; unmerge them first, or merge ${mergedInto}.`;
    refuse('JOURNEY_MERGED', message, { mergedInto });
  }
  const policyVersion = rule && `${rule.rule}@${rule.pack}/${rule.version}`;
  return [JourneysMerged({ survivorId, reason, ...(rule && { rule }) }, { id: mergeId, policyVersion })];
};

export const unmergeJourneys: Decide<UnmergeJourneys, Journey> = ({ journeyId, reason }, journey) => {
  mustExist(journey, journeyId);
  if (journey.mergedInto === undefined) return [];
  return [JourneysUnmerged({ survivorId: journey.mergedInto, reason })];
};

export const splitJourney: Decide<SplitJourney, Journey> = (c, journey) => {
  const { journeyId, newJourneyId, reason } = c;
  if (journeyId === newJourneyId) {
    refuse('JOURNEY_SPLIT_SELF', `The touchpoints are in the journey ${journeyId} already; name another one, or none.`);
  }
  const asked = [...new Set(c.touchpointIds)];
  if (asked.length === 0) refuse('TOUCHPOINTS_MISSING', 'Name the touchpoints that belong to another journey.');
  for (const id of asked) existing(journey, journeyId, id);
  const touchpointIds = asked.filter((id) => journey.movedTo?.get(id) !== newJourneyId);
  if (touchpointIds.length === 0) return [];
  const moving = new Set(touchpointIds);
  const stays = [...journey.touchpoints].some(([id, held]) => held && !moving.has(id) && !journey.movedTo?.has(id));
  if (!stays) {
    const message = `Nothing would be left of the journey ${journeyId}; leave a touchpoint in it, or merge the whole journey.`;
    refuse('JOURNEY_SPLIT_WHOLE', message);
  }
  return [JourneySplit({ newJourneyId, touchpointIds, reason })];
};

/** Also of a journey that nobody opened yet: what was said of it is true all the same. */
export const learnOfPart: Decide<LearnOfPart, Journey> = (c, journey) => {
  const { partId, touchpointIds, learnedId, causeId } = c;
  const known = touchpointIds
    ? touchpointIds.every((id) => journey.received?.get(id) === partId)
    : journey.absorbed?.has(partId);
  if (known) return [];
  const data = { journeyId: partId, ...(touchpointIds && { touchpointIds: [...touchpointIds] }) };
  return [JourneyPartAdded(data, { id: learnedId, causationId: causeId })];
};
