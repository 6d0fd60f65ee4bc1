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
export async function* uploadFile(
  api: Api,
  file: ImportFile,
  {
    route = '/imports/xes',
    mapping,
    dryRun,
  }: {
    readonly route?: string;
    readonly mapping: Readonly<Record<string, unknown>>;
    readonly dryRun: boolean;
  },
): AsyncGenerator<UploadLine, void, void> {
  const url = new URL(route, api.url);
  if (dryRun) url.searchParams.set('dryRun', 'true');
  const answer = await post({
    url,
    headers: {
      ...api.headers(),
      'content-type': 'application/octet-stream',
      'content-length': String(file.bytes),
      // Not in the address: a map of kinds may be longer than an address may be, and addresses are logged.
      'x-import-options': encodeURIComponent(JSON.stringify(mapping)),
    },
    body: file.open(),
    signal: api.signal,
  });
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
