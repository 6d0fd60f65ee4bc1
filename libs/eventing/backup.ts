/** Copies of a data directory that can be put back: made while a server writes, checked, and whole or not there at all. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { copyFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Position } from './envelope.js';
import { openReadOnly, pragma } from './durable.js';
import { TouchstoneError } from './errors.js';
import { assertLayout, toPosition } from './sqlite-log.rows.js';

/**
 * What a data directory cannot do without, in the order of copying: a key is durable before the event or the record that
 * needs it, so keys come last and open all that came before. Read models are made anew from the log.
 */
const FILES = ['log.db', 'quarantine.db', 'keys.db'] as const;
/** Written last: a directory without it is no backup. */
const CARD = 'backup.json';
const LOOK_MS = 100;

/** What a backup says of itself. */
export interface Backup {
  readonly form: 1;
  /** ISO 8601 UTC. */
  readonly madeAt: string;
  /** Events in it; `head` is the position of the last, '' of an empty log. */
  readonly events: number;
  readonly head: Position;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** Bytes copied so far, of about so many. */
export type BackupProgress = (done: number, total: number) => void;

/**
 * Copies log, quarantine and keys of a data directory into a new directory, whoever writes there meanwhile. Each file is
 * copied as it was at one moment.
 * @throws NO_LOG_THERE (notFound), BACKUP_EXISTS (conflict), BACKUP_FAILED (unavailable): nothing is left of it then
 */
export async function backUp(
  from: string,
  to: string,
  { madeAt, onProgress = () => undefined }: { madeAt: string; onProgress?: BackupProgress },
): Promise<Backup> {
  const [source, target] = [resolve(from), resolve(to)];
  if (!existsSync(join(source, 'log.db'))) throw noLog(source);
  if (existsSync(target) && readdirSync(target).length > 0) throw exists(target);
  const names = FILES.filter((name) => existsSync(join(source, name)));
  const total = names.reduce((sum, name) => sum + statSync(join(source, name)).size, 0);
  // Under another name until it is whole.
  const making = `${target}.making`;
  try {
    rmSync(making, { recursive: true, force: true });
    mkdirSync(making, { recursive: true, mode: 0o700 });
    let done = 0;
    for (const name of names) {
      const copy = join(making, name);
      await copied(join(source, name), copy, (bytes) => onProgress(Math.min(total, done + bytes), total));
      onToDisk(copy);
      done += statSync(copy).size;
    }
    const files = names.map((name) => ({ name, bytes: statSync(join(making, name)).size }));
    const card: Backup = { form: 1, madeAt, ...contentOf(join(making, 'log.db')), files };
    writeFileSync(join(making, CARD), `${JSON.stringify(card, null, 2)}\n`, { mode: 0o600 });
    onToDisk(join(making, CARD));
    onToDisk(making);
    // An empty directory may be there; it gives way.
    rmSync(target, { recursive: true, force: true });
    renameSync(making, target);
    onToDisk(dirname(target));
    onProgress(total, total);
    return card;
  } catch (error) {
    // Where nothing could be made there may be nothing to remove either.
    if (existsSync(making)) rmSync(making, { recursive: true, force: true });
    if (error instanceof TouchstoneError) throw error;
    throw failed(target, error);
  }
}

/**
 * Puts a backup into a data directory that has no log yet, after a look through every file. The server that starts there
 * makes the read models anew and forgets again whom the log says are forgotten.
 * @throws BACKUP_UNREADABLE (invalid), DATA_DIRECTORY_FULL (conflict), BACKUP_FAILED (unavailable)
 */
export function restoreBackup(from: string, to: string): Backup {
  const [source, target] = [resolve(from), resolve(to)];
  const card = cardOf(source);
  const there = [...FILES, 'read'].find((name) => existsSync(join(target, name)));
  if (there !== undefined) throw full(target, there);
  for (const { name, bytes } of card.files) check(source, name, bytes);
  const { events, head } = contentOf(join(source, 'log.db'));
  if (events !== card.events || head !== card.head) throw unreadable(source, 'its log is not the one that it names');
  try {
    mkdirSync(target, { recursive: true, mode: 0o700 });
    // The log last: where there is none, nothing was put back.
    for (const { name } of [...card.files].reverse()) {
      const copy = join(target, name);
      copyFileSync(join(source, name), `${copy}.making`);
      onToDisk(`${copy}.making`);
      renameSync(`${copy}.making`, copy);
    }
    onToDisk(target);
    return card;
  } catch (error) {
    for (const name of FILES) {
      rmSync(join(target, name), { force: true });
      rmSync(join(target, `${name}.making`), { force: true });
    }
    throw failed(target, error);
  }
}

/** In a thread of its own, since SQLite copies in one go; the copy has no free pages, and no bytes of what was erased. */
async function copied(from: string, to: string, onBytes: (bytes: number) => void): Promise<void> {
  const worker = new Worker(workerUrl(), { workerData: { from, to }, execArgv: [] });
  let fault: Error | null = null;
  let over = false;
  worker.on('error', (error) => (fault = error));
  const ended = new Promise<void>((resolved) =>
    worker.once('exit', () => {
      over = true;
      resolved();
    }),
  );
  while (!over) {
    await Promise.race([ended, sleep(LOOK_MS, undefined, { ref: false })]);
    if (existsSync(to)) onBytes(statSync(to).size);
  }
  if (fault) throw fault as Error;
}

function contentOf(log: string): Pick<Backup, 'events' | 'head'> {
  const db = openReadOnly(log);
  try {
    assertLayout(db, log);
    const row = db.prepare('SELECT count(*) AS events, max(position) AS head FROM event').get() as {
      events: number;
      head: number | null;
    };
    return { events: row.events, head: row.head === null ? '' : toPosition(row.head) };
  } finally {
    db.close();
  }
}

function cardOf(source: string): Backup {
  let card: Partial<Backup>;
  try {
    card = JSON.parse(readFileSync(join(source, CARD), 'utf8')) as Partial<Backup>;
  } catch {
    throw unreadable(source, `it has no ${CARD} that can be read`);
  }
  const { form, files } = card;
  if (form !== 1) throw unreadable(source, `its form is ${String(form)}, and this version reads form 1`);
  const names = Array.isArray(files) ? files.map(({ name }) => name) : [];
  if (!names.includes('log.db') || names.some((name) => !(FILES as readonly string[]).includes(basename(name)))) {
    throw unreadable(source, 'it does not name the files that it should have');
  }
  return card as Backup;
}

function check(source: string, name: string, bytes: number): void {
  const file = join(source, name);
  if (!existsSync(file)) throw unreadable(source, `${name} is missing`);
  const { size } = statSync(file);
  if (size !== bytes) throw unreadable(source, `${name} has ${size} bytes, and had ${bytes}`);
  const db = openReadOnly(file);
  try {
    const answer = String(pragma(db, 'quick_check'));
    if (answer !== 'ok') throw unreadable(source, `${name} is damaged (${answer})`);
  } catch (error) {
    if (error instanceof TouchstoneError) throw error;
    throw unreadable(source, `${name} is no database`, error);
  } finally {
    db.close();
  }
}

function onToDisk(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Workers run compiled: under a test runner that loads the sources, the build beside them has the thread's file. */
function workerUrl(): URL {
  const inSources = import.meta.url.endsWith('.ts');
  return new URL(inSources ? './dist/backup.worker.js' : './backup.worker.js', import.meta.url);
}

const noLog = (source: string) =>
  new TouchstoneError(
    'NO_LOG_THERE',
    `${source} holds no log: name the data directory of the server. An EventStoreDB that EVENT_LOG_URL names is backed up by its own means.`,
    'notFound',
  );

const exists = (target: string) =>
  new TouchstoneError('BACKUP_EXISTS', `${target} is there already and not empty: name a new directory.`, 'conflict');

const full = (target: string, name: string) =>
  new TouchstoneError(
    'DATA_DIRECTORY_FULL',
    `${target} has a ${name} already, and nothing is written over it: name a new directory.`,
    'conflict',
  );

const unreadable = (source: string, why: string, cause?: unknown) =>
  new TouchstoneError(
    'BACKUP_UNREADABLE',
    `${source} is no backup that can be put back: ${why}. Nothing was copied; take another backup.`,
    'invalid',
    undefined,
    { cause },
  );

const failed = (target: string, cause: unknown) =>
  new TouchstoneError(
    'BACKUP_FAILED',
    `Copying to ${target} failed and nothing of it is left: ${cause instanceof Error ? cause.message : String(cause)}. Check the disk and try again.`,
    'unavailable',
    undefined,
    { cause },
  );
