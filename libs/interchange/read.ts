/** The light door, for worker threads: queries, no Nest. */
import { xesPageQuery } from './xes-export.queries.js';

export const interchangeQueries = [xesPageQuery];
