/** The two ends of a copy: what is read, and what is written in a given order. */
import { answering } from './answering.js';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { addressInvalid, needsSwitch } from './copy-errors.js';
import { openDataDirectory, type DataDirectory } from './data-directory.js';
import { esdbAddress, isEsdbAddress } from './esdb-address.js';
import type { Appended, AppendRequest, EventLog } from './event-log.js';
import { LOG_COPY_FILE, LOG_FILE, readLogCard } from './log-card.js';
import { openSqliteLog, openSqliteLogReader } from './sqlite-log.js';

/** Where a log is: on a server, or in a file of a data directory. */
export type LogPlace =
  | { readonly kind: 'server'; readonly url: string; readonly shown: string }
  | { readonly kind: 'file'; readonly file: string; readonly directory: string; readonly shown: string };

export interface Waits {
  /** Milliseconds that one answer of a server is waited for. */
  readonly timeoutMs?: number;
}

export type CopySource = Pick<EventLog, 'readAll' | 'readStream' | 'head' | 'close'>;

export interface CopyTarget extends CopySource {
  /**
   * Appends all of them in this order, and in no other; whether some were written when it throws is not known. The same
   * call again is answered as the first time.
   */
  appendInOrder(requests: readonly AppendRequest[]): Promise<readonly Appended[]>;
}

/** @throws COPY_ADDRESS_INVALID, LOG_ADDRESS_INVALID */
export function placeOf(text: string): LogPlace {
  if (isEsdbAddress(text)) return { kind: 'server', url: text.trim(), shown: esdbAddress(text).shown };
  if (text.trim() === '') throw addressInvalid('it names no place');
  if (/^[a-z][a-z+]*:\/\//i.test(text)) throw addressInvalid(`${text.split('://')[0]}:// is no log that is known`);
  const path = resolve(text);
  const isFile = existsSync(path) ? statSync(path).isFile() : path.endsWith('.db');
  const file = isFile ? path : join(path, LOG_FILE);
  return { kind: 'file', file, directory: dirname(file), shown: path };
}

/** @throws COPY_ADDRESS_INVALID for two places that cannot be the ends of one copy */
export function assertEnds(from: LogPlace, to: LogPlace): void {
  if (from.kind === 'server' && to.kind === 'server')
    throw addressInvalid('both are servers; copy to a directory first, and from there');
  if (from.kind === 'file' && to.kind === 'file' && from.directory === to.directory)
    throw addressInvalid('both are the same directory');
  if (to.kind === 'file' && basename(to.file) !== LOG_FILE)
    throw addressInvalid(`the target has to be a data directory, or its ${LOG_FILE}`);
}

/** Opens a log for reading, whoever writes to it meanwhile. @throws LOG_NOT_FOUND, LOG_UNAVAILABLE, LOG_ACCESS_DENIED */
export async function openSource(place: LogPlace, { timeoutMs }: Waits = {}): Promise<CopySource> {
  if (place.kind === 'file') return openSqliteLogReader(place.file);
  const { openEsdbLogReader } = await import('./esdb-log.js');
  return answering(openEsdbLogReader({ url: place.url, timeoutMs }));
}

/**
 * Opens a log to be copied to. That of a directory is written under its lock, and under another name as long as the
 * directory still belongs to a log on a server.
 */
export async function openTarget(place: LogPlace, file: string, { timeoutMs }: Waits = {}): Promise<CopyTarget> {
  if (place.kind === 'server') {
    const { openEsdbInOrder } = await import('./esdb-in-order.js');
    return answering(openEsdbInOrder({ url: place.url, timeoutMs }));
  }
  const log = await openSqliteLog({ file });
  return Object.assign(log, {
    appendInOrder: async (requests: readonly AppendRequest[]) =>
      (await log.appendMany(requests)).map((outcome) => {
        if (!outcome.ok) throw outcome.error;
        return outcome.appended;
      }),
  });
}

/** Takes the directory that is written to. @throws DATA_DIRECTORY_IN_USE, COPY_TARGET_HAS_LOG */
export async function takeTarget(place: LogPlace, switching: boolean): Promise<DataDirectory | null> {
  if (place.kind === 'server') return null;
  if (!switching && readLogCard(place.directory) !== null) throw needsSwitch(place.directory);
  return openDataDirectory(place.directory);
}

/** The file that a copy to this place is written to. */
export function targetFile(place: LogPlace): string {
  if (place.kind === 'server') return '';
  const belongsToServer = readLogCard(place.directory) !== null && !existsSync(place.file);
  return belongsToServer ? join(place.directory, LOG_COPY_FILE) : place.file;
}
