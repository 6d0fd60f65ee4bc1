/** What this server is made of, without Nest: worker threads load it too. */
import { journeyEvents, journeyProjections, journeyQueries } from '@touchstone/journeys/read';
import { packEvents, packProjections, packQueries } from '@touchstone/packs/read';
import type { EventDefinition } from '@touchstone/eventing/pure';
import type { ProjectionGroup } from '@touchstone/readmodel/projection';

/** Journeys and the kinds they are made of share a place in the log, so that figures on one screen agree. */
const journeys: ProjectionGroup = { name: 'journeys', projections: [...packProjections, ...journeyProjections] };

export const groups: readonly ProjectionGroup[] = [journeys];
/** Every event type there is; their payload types differ, so the list forgets them. */
export const events = [...packEvents, ...journeyEvents] as readonly unknown[] as readonly EventDefinition[];
export const queries = [...packQueries, ...journeyQueries];
