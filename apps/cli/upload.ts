import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ImportProgress, ImportResult } from '@touchstone/interchange';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { errorOf, gone, jsonLines, jsonOf, post } from './http.js';
import type { ImportFile } from './import-file.js';

export type UploadLine = { readonly progress: ImportProgress } | { readonly result: ImportResult };

/**
 * Sends a log to be imported and gives what the server says about it, as it says it.
 * @throws what the server says; SERVER_UNREACHABLE, SERVER_GONE, INTERRUPTED
 */
export function uploadLog(
  api: Api,
  file: ImportFile,
  {
    route,
    mapping,
    dryRun,
  }: {
    readonly route: '/imports/xes' | '/imports/ocel';
    readonly mapping: Readonly<Record<string, unknown>>;
    readonly dryRun: boolean;
  },
): AsyncGenerator<UploadLine, void, void> {
  const url = new URL(route, api.url);
  if (dryRun) url.searchParams.set('dryRun', 'true');
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(file.bytes),
    // Not in the address: a map of kinds may be longer than an address may be, and addresses are logged.
    'x-import-options': encodeURIComponent(JSON.stringify(mapping)),
  };
  return upload(api, url, headers, file.open());
}

/** Sends a table with its mapping, as a form. @throws as `uploadLog` */
export function uploadCsv(
  api: Api,
  file: ImportFile,
  { mapping, query }: { readonly mapping: string; readonly query: Readonly<Record<string, string | undefined>> },
): AsyncGenerator<UploadLine, void, void> {
  const url = new URL('/imports/csv', api.url);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  const boundary = `touchstone-${randomUUID()}`;
  const part = (name: string, type: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\ncontent-type: ${type}\r\n\r\n`;
  const before = Buffer.from(
    `${part('mapping', 'application/yaml')}${mapping}\r\n${part('file', 'application/octet-stream')}`,
  );
  const after = Buffer.from(`\r\n--${boundary}--\r\n`);
  const headers = {
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': String(before.length + file.bytes + after.length),
  };
  return upload(api, url, headers, Readable.from(form(before, file, after), { objectMode: false }));
}

async function* form(before: Buffer, file: ImportFile, after: Buffer): AsyncGenerator<Buffer> {
  yield before;
  for await (const bytes of file.open()) yield bytes as Buffer;
  yield after;
}

async function* upload(
  api: Api,
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: Readable,
): AsyncGenerator<UploadLine, void, void> {
  const answer = await post({ url, headers: { ...api.headers(), ...headers }, body, signal: api.signal });
  if (answer.statusCode === 431) throw tooLong();
  if (answer.statusCode !== 200) {
    await jsonOf(answer);
    throw errorOf({});
  }
  for await (const line of jsonLines(answer, api.signal)) {
    const { error } = line as { error?: unknown };
    if (error !== undefined) throw errorOf(error);
    yield line as UploadLine;
    if ('result' in (line as UploadLine)) return;
  }
  throw gone();
}

const tooLong = (): TouchstoneError =>
  new TouchstoneError(
    'OPTIONS_TOO_LONG',
    'The options, with their map of kinds, are longer than this server takes: start it with ' +
      'NODE_OPTIONS=--max-http-header-size=1048576, or stop it and import with --data.',
    'limit',
  );
