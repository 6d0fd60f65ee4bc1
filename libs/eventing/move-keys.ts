import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { TouchstoneError } from './errors.js';
import { NEVER_MADE } from './key-table.js';
import { openPostgresKeys } from './key-table.postgres.js';
import type { KeysPlace } from './keys-vault.js';
import { syncDirectory } from './log-card.js';
import { postgresAddress } from './postgres-address.js';

/** The keys of a data directory that is alone. */
const KEYS_FILE = 'keys.db';
/** Kept in a data directory whose keys are in PostgreSQL: without it a start would make new ones, which open nothing. */
const KEYS_CARD = 'keys-in-postgres.json';
const PAGE = 500;

interface StoredKey {
  readonly subject: string;
  readonly key: Uint8Array | null;
  readonly created_at: string;
}

/**
 * Where the keys of a data directory are. Those that it has in a file move to PostgreSQL at the first start with one; the
 * file stays as it was then.
 * @throws KEYS_IN_POSTGRES (conflict) without an address where they have moved; KEYS_OF_ANOTHER_HOUSE (conflict);
 * READ_STORE_UNREACHABLE
 */
export function keysOf(directory: string, url: string | undefined): KeysPlace {
  const file = join(directory, KEYS_FILE);
  const card = join(directory, KEYS_CARD);
  if (url === undefined) {
    if (existsSync(card)) throw inPostgres(directory);
    return { file };
  }
  if (!existsSync(card)) {
    if (existsSync(file)) moveKeys(file, url);
    writeFileSync(`${card}.new`, JSON.stringify({ at: postgresAddress(url).shown }), { mode: 0o600, flush: true });
    renameSync(`${card}.new`, card);
    syncDirectory(directory);
  }
  return { url };
}

/** Keys that are there stay; a second time changes nothing. @throws KEYS_OF_ANOTHER_HOUSE, READ_STORE_UNREACHABLE */
export function moveKeys(file: string, url: string): void {
  const from = new DatabaseSync(file, { readOnly: true });
  try {
    const to = openPostgresKeys(url);
    try {
      for (const { name, value } of from.prepare('SELECT name, value FROM secret').all() as unknown as Secret[]) {
        // Lookup keys in the log were made with it.
        if (!Buffer.from(value).equals(Buffer.from(to.secret(name, value)))) throw ofAnotherHouse(file, url);
      }
      const page = from.prepare('SELECT * FROM subject_key WHERE subject > ? ORDER BY subject LIMIT ?');
      for (let last = ''; ;) {
        const keys = page.all(last, PAGE) as unknown as StoredKey[];
        if (keys.length === 0) return;
        last = keys.at(-1)!.subject;
        const now = new Date().toISOString();
        // A destroyed one that there was is put in and destroyed, so that it is known that there was one.
        const had = keys.filter(({ key, created_at }) => key !== null || created_at !== NEVER_MADE);
        to.insert(
          had.map(({ subject, key }) => ({ subject, key: key ?? new Uint8Array(1) })),
          now,
        );
        const destroyed = keys.filter(({ key }) => key === null).map(({ subject }) => subject);
        if (destroyed.length > 0) to.destroy(destroyed, now);
      }
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}

interface Secret {
  readonly name: string;
  readonly value: Uint8Array;
}

const inPostgres = (directory: string): TouchstoneError =>
  new TouchstoneError(
    'KEYS_IN_POSTGRES',
    `The keys of ${directory} are in PostgreSQL, and without them nothing personal can be read: set READ_STORE_URL to that.`,
    'conflict',
    { directory },
  );

const ofAnotherHouse = (file: string, url: string): TouchstoneError =>
  new TouchstoneError(
    'KEYS_OF_ANOTHER_HOUSE',
    `${file} cannot move to ${postgresAddress(url).shown}: keys of another house are there. Name another schema in READ_STORE_URL, or start without it.`,
    'conflict',
    { file },
  );
