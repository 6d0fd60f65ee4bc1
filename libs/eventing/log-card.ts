import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TouchstoneError } from './errors.js';

/** The embedded log of a data directory. */
export const LOG_FILE = 'log.db';
/** Kept in a data directory whose events are on a server: whose keys, read models and quarantine these are. */
export const LOG_CARD = 'event-log.json';
/** A copy on its way into a directory whose events are still on a server. */
export const LOG_COPY_FILE = 'log.copy.db';

export interface LogCard {
  readonly engine: 'eventstoredb';
  /** Id of the log's first event; null while it had none. */
  readonly firstEvent: string | null;
}

/** The card of a data directory; null when its events are in it, or it has none yet. @throws LOG_CARD_UNREADABLE */
export function readLogCard(directory: string): LogCard | null {
  const path = join(directory, LOG_CARD);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LogCard;
  } catch (error) {
    throw new TouchstoneError(
      'LOG_CARD_UNREADABLE',
      `${path} cannot be read, so nobody knows which log this directory belongs to. Put it back from a backup.`,
      'unavailable',
      { path },
      { cause: error },
    );
  }
}

export function writeLogCard(directory: string, card: LogCard): void {
  const path = join(directory, LOG_CARD);
  writeFileSync(`${path}.new`, JSON.stringify(card), { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  syncDirectory(directory);
}

export function removeLogCard(directory: string): void {
  const path = join(directory, LOG_CARD);
  rmSync(path, { force: true });
  syncDirectory(dirname(path));
}

/** What was made, moved or removed in a directory survives a power cut. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
