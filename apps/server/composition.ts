/** What this server is made of, without Nest: worker threads load it too. */
import { interchangeQueries } from '@touchstone/interchange/read';
import { journeyDerivations, journeyEvents, journeyProjections, journeyQueries } from '@touchstone/journeys/read';
import { packEvents, packProjections, packQueries } from '@touchstone/packs/read';
import type { EventDefinition } from '@touchstone/eventing/pure';
import type { ProjectionGroup } from '@touchstone/readmodel/projection';

/**
 * Journeys and the kinds they are made of share a place in the log, so that figures on one screen agree.
 *
 * @param timeZone IANA name of the tenant's zone, in which days begin and end
 */
export const groupsIn = (timeZone: string): readonly ProjectionGroup[] => [
  {
    name: 'journeys',
    projections: [...packProjections, ...journeyProjections],
    derivations: journeyDerivations(timeZone),
  },
];

export const groupNames = groupsIn('UTC').map((group) => group.name);
/** Every event type there is; their payload types differ, so the list forgets them. */
export const events = [...packEvents, ...journeyEvents] as readonly unknown[] as readonly EventDefinition[];
export const queries = [...packQueries, ...journeyQueries, ...interchangeQueries];
