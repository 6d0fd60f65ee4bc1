/** A data directory gets another log, with the same events: what leans on the former one goes. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { closeDurable, openDurable } from './durable.js';
import { LOG_COPY_FILE, LOG_FILE, removeLogCard, syncDirectory, writeLogCard } from './log-card.js';

/**
 * What holds positions of a log: read models, and how far policies have come. A server makes the first anew, and a policy
 * that finds no place begins at the beginning and decides nothing twice.
 */
const OF_THE_LOG = ['read', 'policies'] as const;
const SIDE_FILES = ['-wal', '-shm'] as const;
const FORMER = 'former-log';

/**
 * The events of a directory are on a server from now on. The former log moves aside and is deleted by whoever wants to.
 * The caller owns the directory. Whatever breaks this off, the same again ends it: until the last step the directory takes
 * neither log, rather than the wrong one.
 * @returns the path of the former log
 */
export function logToServer(directory: string, firstEvent: string | null): string {
  forgetPlaces(directory);
  writeLogCard(directory, { engine: 'eventstoredb', firstEvent });
  const file = join(directory, LOG_FILE);
  // All of it in one file before that is moved.
  closeDurable(openDurable(file));
  const aside = newDirectory(directory);
  renameSync(file, join(aside, LOG_FILE));
  removeSideFiles(file);
  syncDirectory(aside);
  syncDirectory(directory);
  return join(aside, LOG_FILE);
}

/** The events of a directory, which were on a server, are in it from now on. The caller owns the directory. */
export function logIntoDirectory(directory: string): void {
  forgetPlaces(directory);
  const [copy, file] = [join(directory, LOG_COPY_FILE), join(directory, LOG_FILE)];
  if (existsSync(copy) && !existsSync(file)) {
    closeDurable(openDurable(copy));
    renameSync(copy, file);
    removeSideFiles(copy);
  }
  syncDirectory(directory);
  removeLogCard(directory);
}

function forgetPlaces(directory: string): void {
  for (const name of OF_THE_LOG) rmSync(join(directory, name), { recursive: true, force: true });
  syncDirectory(directory);
}

function newDirectory(directory: string): string {
  for (let n = 1; ; n++) {
    const path = join(directory, n === 1 ? FORMER : `${FORMER}-${n}`);
    if (existsSync(path)) continue;
    mkdirSync(path, { mode: 0o700 });
    return path;
  }
}

function removeSideFiles(file: string): void {
  for (const suffix of SIDE_FILES) rmSync(file + suffix, { force: true });
}
