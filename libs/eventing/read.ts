/** The light door, for worker threads and the command line: what reads a log or finds its owner, no Nest. */
export { readOwner, type Owner } from './data-directory.js';
export { EventRegistry } from './registry.js';
export { openLogInThread, type LogForThread } from './open-log.js';
export { openSqliteLogReader } from './sqlite-log.js';
export { copyLine } from './postgres-copy.js';
export { openAsyncPostgres, type AsyncPostgres, type AsyncPostgresOptions } from './async-postgres.js';
export {
  openSyncPostgres,
  PostgresError,
  type SqlValue,
  type SyncPostgres,
  type SyncPostgresOptions,
} from './sync-postgres.js';
