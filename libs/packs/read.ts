/** The light door, for worker threads: projections and queries, no Nest. */
import { inGroup } from '@touchstone/readmodel/projection';
import { PackPublished, PackRetired } from './pack.js';
import { packsProjection } from './packs.projection.js';
import { experienceQuery, kindsQuery, momentsQuery, packsQuery } from './packs.queries.js';

export const packEvents = [PackPublished, PackRetired];
export const packProjections = [inGroup(packsProjection)];
export const packQueries = [packsQuery, kindsQuery, momentsQuery, experienceQuery];
