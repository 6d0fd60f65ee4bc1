/** The light door, for worker threads: events, projections and queries, no Nest. */
import { inGroup } from '@touchstone/readmodel/projection';
import { audienceQuery, audienceSizesQuery, objectFactQuery } from './audience.queries.js';
import {
  CustomerForgotten,
  CustomerRegistered,
  CustomersMerged,
  CustomersUnmerged,
  CustomerUpdated,
} from './customer.js';
import { peopleQuery } from './customers.queries.js';
import { customersProjection, keysProjection } from './customers.projection.js';
import { eventContextsQuery } from './event-context.queries.js';
import { factRevisionsQuery } from './fact-versions.queries.js';
import { ForgettingCompleted } from './forgetting.js';
import { personQuery } from './forgetting.queries.js';
import {
  ExpectationGuided,
  ExpectationRecorded,
  ExperienceRated,
  JourneyClosed,
  JourneyHandedOver,
  JourneyOpened,
  JourneyPartAdded,
  JourneyPaused,
  JourneyReopened,
  JourneyResumed,
  JourneysMerged,
  JourneysUnmerged,
  JourneySplit,
  MomentObserved,
  MomentRetracted,
  NoteAdded,
  OwnerAssigned,
  TouchpointCorrected,
  TouchpointRecorded,
  TouchpointReviewed,
  TouchpointVoided,
} from './journey.events.js';
import { figureCountQuery, figureJourneysQuery, figureQuery, journeyMapQuery } from './journey-map.queries.js';
import { journeysProjection } from './journeys.projection.js';
import { customersQuery, journeyPartsQuery, journeyQuery, journeysQuery } from './journeys.queries.js';
import { journeyLinksProjection, matchesProjection } from './journey-links.projection.js';
import { KeyBound, KeyReleased } from './lookup-key.js';
import { MatchConfirmed, MatchDoubted, MatchRejected } from './match.js';
import { MatterSpanExtended, MatterSpanOpened } from './matter.js';
import { careDerivation } from './metrics/care.derivation.js';
import { metricCountQuery, metricJourneysQuery, metricOccurrencesQuery } from './metrics/metric-occurrences.queries.js';
import { metricQuery } from './metrics/metric.queries.js';
import { factPlacesQuery, matchesQuery } from './matches.queries.js';
import { momentsDueCountQuery, momentsDueQuery } from './rule-moments.queries.js';
import { momentLedgerQuery, momentsByIdQuery } from './moments.queries.js';
import {
  ObjectChanged,
  ObjectFactCorrected,
  ObjectFactRecorded,
  ObjectFactVoided,
  ObjectsLinked,
} from './object.events.js';
import { objectFactsProjection } from './object-facts.projection.js';
import { objectLinksQuery, objectQuery, objectsQuery, objectTimelineQuery } from './objects.queries.js';
import { objectsProjection } from './objects.projection.js';
import { timelineQuery } from './timeline.queries.js';
export { eventContextsQuery } from './event-context.queries.js';
export { factRevisionsQuery } from './fact-versions.queries.js';
export {
  contextAskOf,
  NO_CONTEXT,
  supersededFact,
  supersededInStream,
  supersedingAsk,
  type ContextAsk,
  type EventContext,
  type EventInContext,
} from './event-context.js';
export {
  exportPage,
  type ExportCursor,
  type ExportedJourney,
  type ExportedTouchpoint,
  type ExportPage,
  type ExportPageParams,
} from './journey-export.js';
export {
  exportObjects,
  sharedFactCounts,
  knownObjects,
  type ExportedFact,
  type ExportedObject,
} from './object-export.js';
export type { ObjectKey } from './object.events.js';
export type { JourneyFilter } from './journey-rows.js';

export const journeyEvents = [
  CustomerRegistered,
  CustomerUpdated,
  CustomersMerged,
  CustomersUnmerged,
  CustomerForgotten,
  ForgettingCompleted,
  KeyBound,
  KeyReleased,
  JourneyOpened,
  TouchpointRecorded,
  TouchpointCorrected,
  TouchpointVoided,
  OwnerAssigned,
  JourneyHandedOver,
  JourneyPaused,
  JourneyResumed,
  JourneyClosed,
  JourneyReopened,
  NoteAdded,
  MomentObserved,
  MomentRetracted,
  TouchpointReviewed,
  ExpectationRecorded,
  ExpectationGuided,
  ExperienceRated,
  JourneysMerged,
  JourneysUnmerged,
  JourneySplit,
  JourneyPartAdded,
  MatterSpanOpened,
  MatterSpanExtended,
  MatchDoubted,
  MatchConfirmed,
  MatchRejected,
  ObjectFactRecorded,
  ObjectFactCorrected,
  ObjectFactVoided,
  ObjectChanged,
  ObjectsLinked,
];
export const journeyProjections = [
  inGroup(journeysProjection),
  inGroup(journeyLinksProjection),
  inGroup(matchesProjection),
  inGroup(customersProjection),
  inGroup(keysProjection),
  inGroup(objectsProjection),
  inGroup(objectFactsProjection),
];
/** Figures across units of the journeys group. @param timeZone IANA name: which day something lies in */
export const journeyDerivations = (timeZone: string) => [careDerivation(timeZone)];
export const journeyQueries = [
  journeysQuery,
  journeyQuery,
  journeyPartsQuery,
  customersQuery,
  peopleQuery,
  personQuery,
  timelineQuery,
  momentLedgerQuery,
  momentsByIdQuery,
  journeyMapQuery,
  figureQuery,
  figureCountQuery,
  figureJourneysQuery,
  metricQuery,
  metricOccurrencesQuery,
  metricCountQuery,
  metricJourneysQuery,
  momentsDueQuery,
  momentsDueCountQuery,
  matchesQuery,
  factPlacesQuery,
  objectQuery,
  objectsQuery,
  objectTimelineQuery,
  objectLinksQuery,
  objectFactQuery,
  audienceQuery,
  audienceSizesQuery,
  eventContextsQuery,
  factRevisionsQuery,
];
