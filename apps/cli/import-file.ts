import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { TouchstoneError } from '@touchstone/eventing/pure';

/** A file that can be read. */
export interface ImportFile {
  readonly path: string;
  readonly bytes: number;
  open(): Readable;
}

/** @throws FILE_NOT_FOUND, FILE_IS_DIRECTORY, FILE_EMPTY, FILE_UNREADABLE */
export async function importFileOf(path: string): Promise<ImportFile> {
  const about = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (about.isDirectory()) {
    throw new TouchstoneError('FILE_IS_DIRECTORY', `${path} is a directory: name the file itself.`, 'invalid');
  }
  if (about.isFile() && about.size === 0) {
    throw new TouchstoneError('FILE_EMPTY', `${path} is empty: name a log.`, 'invalid');
  }
  // Whether we may read it is known only by trying, and before a server is started for it.
  const handle = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  await handle.close();
  return { path, bytes: about.size, open: () => createReadStream(path, { highWaterMark: 256 * 1024 }) };
}

export function unreadable(path: string, error: unknown): TouchstoneError {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? new TouchstoneError('FILE_NOT_FOUND', `There is no file ${path}: check its name.`, 'notFound')
    : new TouchstoneError('FILE_UNREADABLE', `${path} cannot be read (${code ?? message}).`, 'invalid');
}
