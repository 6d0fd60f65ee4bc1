import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inspectLogFile, readLogCard, readOwner, type LogFileFacts } from '@touchstone/eventing';
import { inspectReadStore } from '@touchstone/readmodel';
import { fail, findingsOf, note, ok, reasonOf, warn, type Finding } from './doctor-findings.js';
import { bytes, counted } from './text.js';

export interface DirectoryCheck {
  readonly data: string;
  /** Whether EVENT_LOG_URL and READ_STORE_URL are set. */
  readonly hasLogUrl: boolean;
  readonly hasStoreUrl: boolean;
  /** Read every page of a log however large it is. */
  readonly deep: boolean;
  readonly now?: () => number;
}

/** A log beyond this takes a while to be read through. */
const QUICK_BYTES = 2e9;
/** A write-ahead log beyond this is held up by a reader that does not end. */
const WAL_BYTES = 256e6;
const LITTLE_DISK = 1e9;
const SOME_DISK = 10e9;
const DAY_MS = 86_400_000;

/** What can be seen of a data directory from outside; nothing in it is changed, and its owner is not disturbed. */
export async function directoryFindings(check: DirectoryCheck): Promise<Finding[]> {
  const path = resolve(check.data);
  if (!existsSync(path))
    return [fail('DATA_DIRECTORY', `${path} does not exist: name it with --data, or start the server there once.`)];
  const found = [ok('DATA_DIRECTORY', path), ...modeFindings(path, 'DATA_DIRECTORY_MODE', 'the data directory')];
  const parts: [string, () => Promise<Finding[]> | Finding[]][] = [
    ['OWNER', () => ownerFindings(path)],
    ['LOG_PLACE', () => placeFindings(path, check)],
    ['LOG_FILE', () => logFindings(path, check)],
    ['KEYS', () => keysFindings(path)],
    ['DISK', () => diskFindings(path)],
    ['SPOOL', () => spoolFindings(path, check.now ?? Date.now)],
    ['READ_MODELS', () => readModelFindings(path)],
  ];
  for (const [code, look] of parts) found.push(...(await findingsOf(code, look)));
  return found;
}

async function ownerFindings(path: string): Promise<Finding[]> {
  const owner = await readOwner(path);
  if (owner === null) return [ok('OWNER', 'Nobody has the directory.')];
  const who = `process ${owner.pid} on ${owner.host} since ${owner.since}`;
  if (owner.live) return [ok('OWNER', `${who}, ${owner.url ? `listening on ${owner.url}` : 'not listening yet'}.`)];
  return [note('OWNER', `${who} had it and did not end in order; the next one goes on from what is on the disk.`)];
}

function placeFindings(path: string, { hasLogUrl }: DirectoryCheck): Finding[] {
  const [isHere, card] = [existsSync(join(path, 'log.db')), readLogCard(path)];
  const code = 'LOG_PLACE';
  if (isHere && card !== null)
    return [fail(code, 'The directory has a log of its own and a card of one on a server: a move was broken off. Run `touchstone copy-log … --switch` again.')]; // prettier-ignore
  if (isHere && hasLogUrl)
    return [fail(code, 'Its events are in it, but EVENT_LOG_URL is set: leave that out, or move them with `touchstone copy-log … --switch`.')]; // prettier-ignore
  if (card !== null && !hasLogUrl)
    return [fail(code, 'Its events are on an EventStoreDB: set EVENT_LOG_URL to its address.')];
  if (isHere) return [ok(code, 'The events are in the directory.')];
  if (card !== null) return [ok(code, `The events are on the server that EVENT_LOG_URL names (first: ${card.firstEvent ?? 'none yet'}).`)]; // prettier-ignore
  return [note(code, 'There are no events yet: the first start of a server makes a log.')];
}

function logFindings(path: string, { deep }: DirectoryCheck): Finding[] {
  const file = join(path, 'log.db');
  if (!existsSync(file)) return [];
  const { size } = statSync(file);
  const integrity = deep || size <= QUICK_BYTES;
  let facts: LogFileFacts;
  try {
    facts = inspectLogFile(file, { integrity });
  } catch (error) {
    return [fail('LOG_FILE', `log.db cannot be read (${reasonOf(error)}). Put it back from a backup.`)];
  }
  const found: Finding[] = [];
  if (facts.integrity !== null && facts.integrity !== 'ok')
    found.push(fail('LOG_DAMAGED', `log.db is damaged (${facts.integrity}). Stop the server and put a backup back.`));
  if (facts.journalMode !== 'wal')
    found.push(warn('LOG_JOURNAL', `log.db is in journal mode ${facts.journalMode} instead of wal: the next start sets it.`)); // prettier-ignore
  const wal = existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0;
  if (wal > WAL_BYTES)
    found.push(warn('LOG_WAL', `log.db-wal has ${bytes(wal)}: something reads without an end. Find and end that reader.`)); // prettier-ignore
  if (found.length > 0) return found;
  const looked = integrity ? 'sound' : 'not read through for its size (--deep does)';
  return [ok('LOG_FILE', `log.db, ${bytes(size)}, head ${facts.head || 'none'}, ${looked}; every writer sets and asserts synchronous=FULL.`)]; // prettier-ignore
}

function keysFindings(path: string): Finding[] {
  const file = join(path, 'keys.db');
  if (!existsSync(file)) {
    const hasEvents = existsSync(join(path, 'log.db')) || existsSync(join(path, 'event-log.json'));
    if (!hasEvents) return [];
    return [warn('KEYS', 'keys.db is missing: without it nobody can read what is personal. Put it back from a backup, unless keys are kept in READ_STORE_URL.')]; // prettier-ignore
  }
  const open = modeFindings(file, 'KEYS_MODE', 'keys.db');
  return open.length > 0 ? open : [ok('KEYS', 'keys.db can be read by its owner alone.')];
}

function modeFindings(path: string, code: string, what: string): Finding[] {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  const right = statSync(path).isDirectory() ? '700' : '600';
  return [warn(code, `${what} can be read by others (mode ${mode.toString(8)}): chmod ${right} ${path}`)];
}

/** What of a disk is free, judged. */
export function diskFinding(free: number, total: number): Finding {
  const text = `${bytes(free)} of ${bytes(total)} are free`;
  if (free < LITTLE_DISK) return fail('DISK', `${text}: the log stops taking events when none are. Make room.`);
  if (free < SOME_DISK && free < total / 10) return warn('DISK', `${text}: make room before it is used up.`);
  return ok('DISK', `${text}.`);
}

function diskFindings(path: string): Finding[] {
  const { bavail, blocks, bsize } = statfsSync(path);
  return [diskFinding(bavail * bsize, blocks * bsize)];
}

function spoolFindings(path: string, now: () => number): Finding[] {
  const directory = join(path, 'spool');
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory);
  const old = names.filter((name) => now() - startedAt(join(directory, name)) > DAY_MS);
  if (old.length === 0) return names.length === 0 ? [] : [ok('SPOOL', `${counted(names.length, 'import')} under way.`)];
  return [warn('SPOOL', `${counted(old.length, 'import')} broken off more than a day ago: send the file again, which goes on where it was; after seven days a start removes it.`)]; // prettier-ignore
}

function startedAt(spool: string): number {
  try {
    const { createdAt } = JSON.parse(readFileSync(join(spool, 'manifest.json'), 'utf8')) as { createdAt: string };
    return Date.parse(createdAt);
  } catch {
    // Its file was never read to the end.
    return statSync(spool).mtimeMs;
  }
}

function readModelFindings(path: string): Finding[] {
  const file = join(path, 'log.db');
  const head = existsSync(file) ? inspectLogFile(file, { integrity: false }).head : null;
  return inspectReadStore(join(path, 'read')).flatMap(({ name, checkpoint, parked }) => {
    if (head !== null && checkpoint > head)
      return [fail('READ_MODELS', `${name} stands at ${checkpoint}, beyond the end of this log (${head}): it is of another one. Remove ${join(path, 'read')} while no server runs; a start makes it anew.`)]; // prettier-ignore
    const place = head === null || checkpoint === head ? 'at the head' : 'behind the head; a server catches up';
    const found = [ok('READ_MODELS', `${name} stands at ${checkpoint || 'the beginning'}${head === null ? '' : `, ${place}`}.`)]; // prettier-ignore
    if (parked > 0) found.push(warn('PARKED', `${name} has set ${counted(parked, 'event')} aside: see \`touchstone park list\`.`)); // prettier-ignore
    return found;
  });
}
