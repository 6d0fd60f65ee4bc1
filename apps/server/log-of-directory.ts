import { existsSync } from 'node:fs';
import {
  LOG_FILE,
  openLog,
  readLogCard,
  TouchstoneError,
  writeLogCard,
  type DataDirectory,
  type EventLog,
  type RecordedEvent,
  type SharedLog,
} from '@touchstone/eventing';
import type { Config } from '@touchstone/platform';
import type { LogIdentity } from '@touchstone/readmodel';

/**
 * Opens the log that belongs to a data directory: the one inside it, or the server that the configuration names. Keys
 * and read models are worth nothing beside another log, so a directory stays with the log it began with.
 * @throws DATA_DIRECTORY_OF_OTHER_LOG (conflict), and what opening the log throws
 */
export async function openLogOf(directory: DataDirectory, { eventLogUrl: url }: Config): Promise<SharedLog> {
  const file = directory.file(LOG_FILE);
  const card = readLogCard(directory.path);
  if (url === undefined) {
    if (card !== null) throw ofOtherLog(directory, 'its events are on an EventStoreDB: set EVENT_LOG_URL to that');
    return openLog({ engine: 'sqlite', file });
  }
  if (existsSync(file)) throw ofOtherLog(directory, 'its events are in it: leave EVENT_LOG_URL out');
  const log = await openLog({ engine: 'eventstoredb', url });
  try {
    const firstEvent = (await firstEventOf(log))?.id ?? null;
    if (card !== null && card.firstEvent !== null && card.firstEvent !== firstEvent) {
      throw ofOtherLog(directory, 'the log at EVENT_LOG_URL is not the one it was made from');
    }
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Keeps with a data directory which log on a server it belongs to, once nothing speaks against it. */
export function keepLogCard(directory: DataDirectory, { eventLogUrl }: Config, log: LogIdentity | null): void {
  const firstEvent = log?.firstEvent ?? null;
  const card = readLogCard(directory.path);
  if (eventLogUrl === undefined || (card !== null && card.firstEvent === firstEvent)) return;
  writeLogCard(directory.path, { engine: 'eventstoredb', firstEvent });
}

/** What tells a log from every other; null while it has no event. */
export async function identityOf(log: EventLog, { eventLogUrl: url }: Config): Promise<LogIdentity | null> {
  const first = await firstEventOf(log);
  const engine = url === undefined ? 'sqlite' : 'eventstoredb';
  return first && { engine, firstEvent: first.id, firstPosition: first.position };
}

async function firstEventOf(log: EventLog): Promise<RecordedEvent | null> {
  for await (const [event] of log.readAll({ max: 1 })) return event!;
  return null;
}

const ofOtherLog = ({ path }: DataDirectory, why: string): TouchstoneError =>
  new TouchstoneError(
    'DATA_DIRECTORY_OF_OTHER_LOG',
    `${path} belongs to another event log (${why}), or choose another data directory.`,
    'conflict',
    { path },
  );
