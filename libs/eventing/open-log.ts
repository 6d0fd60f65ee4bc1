import type { MessagePort } from 'node:worker_threads';
import type { EventLog } from './event-log.js';
import type { EsdbLogOptions } from './esdb-log.js';
import { openSqliteLog, openSqliteLogReader, type SqliteLogOptions } from './sqlite-log.js';

/** Which log: a file of our own, or a server. */
export type LogSource =
  ({ readonly engine: 'sqlite' } & SqliteLogOptions) | ({ readonly engine: 'eventstoredb' } & EsdbLogOptions);

/** What another thread of the process is given to open the log for reading; the port is to be transferred. */
export type LogForThread =
  | { readonly engine: 'sqlite'; readonly file: string; readonly wake: MessagePort }
  | ({ readonly engine: 'eventstoredb' } & EsdbLogOptions);

/** A log that other threads can read too. */
export interface SharedLog extends EventLog {
  /** For one more thread's `openLogInThread`. */
  forThread(): LogForThread;
}

/**
 * Opens the event log that is named. The client of EventStoreDB is loaded only for it.
 * @throws what `openSqliteLog` or `openEsdbLog` throws
 */
export async function openLog(source: LogSource): Promise<SharedLog> {
  if (source.engine === 'eventstoredb') {
    const { openEsdbLog } = await import('./esdb-log.js');
    return Object.assign(await openEsdbLog(source), { forThread: () => source });
  }
  const log = await openSqliteLog(source);
  return Object.assign(log, {
    forThread: (): LogForThread => ({ engine: 'sqlite', file: log.file, wake: log.headPort() }),
  });
}

const IN_THREAD_PATIENCE_MS = 2_000;

/** Opens the log of the process in another thread, for reading. */
export async function openLogInThread(given: LogForThread): Promise<Omit<EventLog, 'append' | 'appendMany'>> {
  if (given.engine === 'sqlite') return openSqliteLogReader(given.file, { wake: given.wake });
  const { openEsdbLogReader } = await import('./esdb-log.js');
  // Whoever follows a log in a thread tries again by itself, and wants to hear soon that it has to.
  return openEsdbLogReader({ readPatienceMs: IN_THREAD_PATIENCE_MS, ...given });
}

/** What has to be transferred with it. */
export const portsOf = (given: LogForThread): MessagePort[] => (given.engine === 'sqlite' ? [given.wake] : []);
