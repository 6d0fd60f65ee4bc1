/** The light door, for worker threads: events, projections and queries, no Nest. */
import { inGroup } from '@touchstone/readmodel/projection';
import { CustomerRegistered, CustomerUpdated } from './customer.js';
import { customersProjection, keysProjection } from './customers.projection.js';
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
} from './journey.events.js';
import { figureCountQuery, figureJourneysQuery, figureQuery, journeyMapQuery } from './journey-map.queries.js';
import { journeysProjection } from './journeys.projection.js';
import { customersQuery, journeyQuery, journeysQuery } from './journeys.queries.js';
import { KeyBound } from './lookup-key.js';
import { timelineQuery } from './timeline.queries.js';

export const journeyEvents = [
  CustomerRegistered,
  CustomerUpdated,
  KeyBound,
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
];
export const journeyProjections = [inGroup(journeysProjection), inGroup(customersProjection), inGroup(keysProjection)];
export const journeyQueries = [
  journeysQuery,
  journeyQuery,
  customersQuery,
  timelineQuery,
  journeyMapQuery,
  figureQuery,
  figureCountQuery,
  figureJourneysQuery,
];
