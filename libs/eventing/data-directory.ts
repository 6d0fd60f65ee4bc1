import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { TouchstoneError } from './errors.js';

const LOCK = 'owner.db';
const CARD = 'owner.json';
const BUSY = 5;
/** Whoever only looks holds the file for a moment; an owner holds it for good. Milliseconds. */
const PATIENCE_MS = 500;

/** What an owner says of itself. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** ISO 8601: since when it has the directory. */
  readonly since: string;
  /** Where it listens, once it does. */
  readonly url: string | null;
}

/** A data directory that this process owns. */
export interface DataDirectory {
  /** Absolute. */
  readonly path: string;
  /** Absolute path of a file in it. @throws INVALID_FILE_NAME for anything but a plain name */
  file(name: string): string;
  /** Tells others where to find this process. */
  announce(at: { url: string }): void;
  /** Gives the directory back. Close everything in it first. */
  release(): Promise<void>;
}

/**
 * Creates the directory if need be (for its owner alone) and takes it: one process at a time. The lock is a file lock
 * held by SQLite, which the operating system frees however the process ends.
 * @throws DATA_DIRECTORY_IN_USE (conflict; details are those of the `Owner`), DATA_DIRECTORY_UNUSABLE (unavailable)
 */
export async function openDataDirectory(directory: string): Promise<DataDirectory> {
  const path = resolve(directory);
  const lock = await Promise.resolve(take(path));
  const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString(), url: null };
  try {
    writeCard(path, owner);
  } catch (error) {
    lock.close();
    throw unusable(path, error);
  }
  return new OwnedDirectory(path, lock, owner);
}

/**
 * Who has, or had, the directory; null when nobody ever announced itself or the last one left in order. `live` is
 * asked of the lock itself: after a crash the card is still there, and `live` is false.
 */
export async function readOwner(directory: string): Promise<(Owner & { readonly live: boolean }) | null> {
  const path = resolve(directory);
  const live = await Promise.resolve(isTaken(path));
  const owner = readCard(path);
  return owner && { ...owner, live };
}

class OwnedDirectory implements DataDirectory {
  constructor(
    readonly path: string,
    private readonly lock: DatabaseSyncInstance,
    private readonly owner: Owner,
  ) {}

  file(name: string): string {
    if (name !== '' && name !== '.' && name !== '..' && basename(name) === name) return join(this.path, name);
    throw new TouchstoneError(
      'INVALID_FILE_NAME',
      `"${name}" is no plain file name. Leave out any directory.`,
      'invalid',
    );
  }

  announce({ url }: { url: string }): void {
    writeCard(this.path, { ...this.owner, url });
  }

  release(): Promise<void> {
    if (this.lock.isOpen) {
      rmSync(join(this.path, CARD), { force: true });
      this.lock.close();
    }
    return Promise.resolve();
  }
}

function take(path: string): DatabaseSyncInstance {
  let lock: DatabaseSyncInstance | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(path, LOCK));
    lock.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
    // Never written and never committed: the open transaction is the lock.
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    throw isBusy(error) ? inUse(path) : unusable(path, error);
  }
}

function isTaken(path: string): boolean {
  let probe: DatabaseSyncInstance | undefined;
  try {
    probe = new DatabaseSync(join(path, LOCK), { readOnly: true });
    // A read needs a shared lock, which an owner does not allow; others who look are not in the way.
    probe.exec('SELECT count(*) FROM sqlite_master');
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    probe?.close();
  }
}

function writeCard(path: string, owner: Owner): void {
  const card = join(path, CARD);
  writeFileSync(`${card}.new`, JSON.stringify(owner), { mode: 0o600 });
  renameSync(`${card}.new`, card);
}

function readCard(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(join(path, CARD), 'utf8')) as Owner;
  } catch {
    // Missing, or of a process that died while it wrote its first card.
    return null;
  }
}

const isBusy = (error: unknown): boolean => ((error as { errcode?: number }).errcode ?? 0) % 256 === BUSY;

function inUse(path: string): TouchstoneError {
  const owner = readCard(path);
  const who = owner
    ? `process ${owner.pid} on ${owner.host} since ${owner.since}${owner.url ? `, listening on ${owner.url}` : ''}`
    : 'another process';
  return new TouchstoneError(
    'DATA_DIRECTORY_IN_USE',
    `${path} is in use by ${who}. Stop it, talk to it, or choose another directory.`,
    'conflict',
    { path, ...owner },
  );
}

const unusable = (path: string, cause: unknown): TouchstoneError =>
  new TouchstoneError(
    'DATA_DIRECTORY_UNUSABLE',
    `${path} cannot be used as a data directory (${cause instanceof Error ? cause.message : String(cause)}). ` +
      'Choose a directory that this user may write to.',
    'unavailable',
    { path },
    { cause },
  );
