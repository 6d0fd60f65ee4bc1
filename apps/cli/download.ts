import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { ExportReport } from '@touchstone/interchange';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { interrupted } from './cli-errors.js';
import { errorOf, get, gone, jsonOf } from './http.js';

export interface Download {
  /** `/exports/…` with its parameters. */
  readonly url: URL;
  /** By which the server knows the export. */
  readonly id: string;
  readonly path: string;
  /** Bytes so far, and what the server says of it now. */
  readonly onProgress: (bytes: number, report: ExportReport | null) => void;
}

const POLL_MS = 500;

/**
 * Writes what the server sends to the file, which is there only when it is whole, and gives the server's report.
 * @throws what the server says, FILE_UNWRITABLE, SERVER_GONE, INTERRUPTED
 */
export async function download(api: Api, { url, id, path, onProgress }: Download): Promise<ExportReport> {
  const draft = `${path}.part`;
  const file = await open(draft, 'w').catch((error: unknown) => {
    throw unwritable(path, error);
  });
  let bytes = 0;
  const poll = setInterval(() => void reportOf(api, id).then((report) => onProgress(bytes, report)), POLL_MS);
  try {
    const answer = await get({ url, headers: api.headers(), signal: api.signal });
    if (answer.statusCode !== 200) {
      await jsonOf(answer);
      throw errorOf({});
    }
    answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await pipeline(answer, createWriteStream(draft, { fd: file.fd, autoClose: false, start: 0 }));
    await file.sync();
    await file.close();
    await rename(draft, path);
    return (await reportOf(api, id))!;
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw await inOurWords(api, id, path, error);
  } finally {
    clearInterval(poll);
  }
}

/** Null while the server does not know it yet. */
async function reportOf(api: Api, id: string): Promise<ExportReport | null> {
  try {
    const answer = await get({ url: new URL(`/exports/${id}`, api.url), headers: api.headers() });
    return (await jsonOf(answer)) as ExportReport;
  } catch {
    return null;
  }
}

/** A server that breaks off knows why. */
async function inOurWords(api: Api, id: string, path: string, error: unknown): Promise<unknown> {
  if (api.signal?.aborted) return interrupted();
  if (error instanceof TouchstoneError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'write' || code === 'ENOSPC') return unwritable(path, error);
  const report = await reportOf(api, id);
  return report?.error ? errorOf(report.error) : gone();
}

function unwritable(path: string, error: unknown): TouchstoneError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new TouchstoneError('FILE_UNWRITABLE', `${path} cannot be written (${code ?? message}).`, 'invalid');
}
