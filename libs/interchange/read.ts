/** The light door, for worker threads: queries, no Nest. */
import { ocelKnownObjectsQuery, ocelObjectsQuery, ocelPageQuery } from './ocel-export.queries.js';
import { xesPageQuery } from './xes-export.queries.js';

export const interchangeQueries = [xesPageQuery, ocelPageQuery, ocelObjectsQuery, ocelKnownObjectsQuery];
