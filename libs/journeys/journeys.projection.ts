/** Journeys: their state, their timeline and their columns, each in every version that was ever known. */
import type { Name, Projection } from '@touchstone/readmodel/projection';
import { foldJourneyEvent, writeJourneyEvent } from './journeys.digest.js';
import { JourneyUnit } from './journey-unit.js';
import { factPlace, journeyBlob, journeyState, observation, timelineEntry } from './journeys.tables.js';

const PREFIX = 'journey-';

export const journeysProjection: Projection<JourneyUnit> = {
  name: 'journeys',
  version: 3,
  tables: [journeyState, timelineEntry, observation, journeyBlob, factPlace],
  handles: [
    'JourneyOpened',
    'TouchpointRecorded',
    'TouchpointCorrected',
    'TouchpointVoided',
    'OwnerAssigned',
    'JourneyHandedOver',
    'JourneyPaused',
    'JourneyResumed',
    'JourneyClosed',
    'JourneyReopened',
    'NoteAdded',
    'MomentObserved',
    'MomentRetracted',
    'TouchpointReviewed',
    'ExpectationRecorded',
    'ExpectationGuided',
    'ExperienceRated',
  ],
  unit: (event): Name | null =>
    event.stream.startsWith(PREFIX) ? ['journey', event.stream.slice(PREFIX.length)] : null,
  loads: [
    { table: 'journey_state', by: 'journey' },
    { table: 'journey_blob', by: 'journey' },
  ],
  restore: (id, _name, [states, blobs]) => new JourneyUnit(id, states ?? [], blobs ?? []),
  digest: { write: writeJourneyEvent, fold: foldJourneyEvent },
  changes: (unit) => unit.changes(),
  newest: (unit) => unit.newest(),
};
