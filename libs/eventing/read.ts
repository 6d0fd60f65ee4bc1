/** The light door, for worker threads: what reads a log and lifts its events, no Nest. */
export { EventRegistry } from './registry.js';
export { openSqliteLogReader } from './sqlite-log.js';
