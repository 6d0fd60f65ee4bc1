/** The door of the event log and everything that decides: see README.md. */
export * from './pure.js';
export { clockAt, systemClock, type Clock } from './clock.js';
export { Bell } from './follow.js';
export { wrongRevision } from './kernel-errors.js';
export { deterministicId, newId } from './ids.js';
export { EventRegistry } from './registry.js';
export { FORGOTTEN, type BytesVault, type Vault } from './vault.js';
export { handlersFor } from './handlers.js';
export {
  Kernel,
  type Around,
  type Executed,
  type ExecuteOptions,
  type ExpectsRevision,
  type KernelParts,
  type KernelRound,
  type Work,
  type WorkOutcome,
} from './kernel.js';
export type { ActingContext } from './minting.js';
export type { NewEvent } from './envelope.js';
export type * from './event-log.js';
export { backUp, restoreBackup, type Backup, type BackupProgress } from './backup.js';
export { copyLog, type CopiedLog, type CopyLogOptions, type CopyProgress } from './copy-log.js';
export { inspectLogFile, inspectLogServer, type LogFileFacts, type LogServerFacts } from './inspect-log.js';
export { LOG_CARD, LOG_FILE, readLogCard, writeLogCard, type LogCard } from './log-card.js';
export { openDataDirectory, readOwner, type DataDirectory, type Owner } from './data-directory.js';
export { keysOf } from './move-keys.js';
export { openVault, type KeysPlace } from './keys-vault.js';
export { LastingPostgres, type LastingStatement } from './lasting-postgres.js';
export { openSyncPostgres, PostgresError, SyncPostgres, type SqlValue, type SyncStatement } from './sync-postgres.js';
export { openLog, portsOf, type LogForThread, type LogSource, type SharedLog } from './open-log.js';
export {
  openSqliteLog,
  openSqliteLogReader,
  type EventLogReader,
  type HeadSource,
  type SqliteLog,
  type SqliteLogOptions,
} from './sqlite-log.js';
