import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { TouchstoneError, type ErrorKind } from '@touchstone/eventing/pure';
import { interrupted } from './cli-errors.js';

export interface Call {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable;
  readonly method?: 'GET' | 'POST';
  readonly signal?: AbortSignal;
}

/** As `post`, without a body. */
export const get = (call: Omit<Call, 'body' | 'method'>): Promise<IncomingMessage> =>
  post({ ...call, body: '', method: 'GET' });

/**
 * Posts and gives the answer once its head is there, which may be before the whole body was sent. No time-outs: an
 * import or a rebuild takes as long as it takes, and a server that has gone is noticed by its socket.
 * @throws SERVER_UNREACHABLE, SERVER_GONE, INTERRUPTED and what reading the body throws
 */
export function post({ url, headers, body, method = 'POST', signal }: Call): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method, headers, signal });
    request.once('response', (response) => {
      answered = true;
      resolve(response);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // A server that refuses early answers and hangs up; the rest of the body has nowhere to go then.
      if (!answered) reject(signal?.aborted ? interrupted() : unreachable(url, error));
    });
    if (typeof body === 'string') {
      request.end(body);
      return;
    }
    body.once('error', (error) => {
      reject(error);
      request.destroy();
    });
    request.once('close', () => body.destroy());
    body.pipe(request);
  });
}

/** The lines of an answer in lines of JSON. @throws SERVER_GONE when it breaks off */
export async function* jsonLines(answer: IncomingMessage, signal?: AbortSignal): AsyncGenerator<unknown, void, void> {
  let rest = '';
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as unknown;
    }
  } catch (error) {
    if (signal?.aborted) throw interrupted();
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') throw gone();
    throw error;
  }
  if (rest !== '') throw gone();
}

/** An answer that is one JSON document; an error in it is thrown. */
export async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  const body = await text(answer).catch(() => {
    throw gone();
  });
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new TouchstoneError(
      'SERVER_UNKNOWN',
      `What answers there (HTTP ${answer.statusCode}) does not speak like Touchstone: check the address.`,
      'unavailable',
    );
  }
  const { error } = value as { error?: unknown };
  if (error !== undefined) throw errorOf(error);
  return value;
}

/** An error as the server told it. */
export function errorOf(report: unknown): TouchstoneError {
  const { code, message, kind, details } = report as Partial<TouchstoneError>;
  return new TouchstoneError(
    code ?? 'SERVER_FAILED',
    message ?? 'The server failed and did not say why.',
    kind ?? ('internal' satisfies ErrorKind),
    details,
  );
}

export const gone = (): TouchstoneError =>
  new TouchstoneError(
    'SERVER_GONE',
    'The server went away in the middle of the answer: try again; an import goes on where it was.',
    'unavailable',
  );

function unreachable(url: URL, { code, message }: NodeJS.ErrnoException): TouchstoneError {
  if (code === 'ECONNRESET' || code === 'EPIPE') return gone();
  return new TouchstoneError(
    'SERVER_UNREACHABLE',
    `No server answers at ${url.origin} (${code ?? message}): start it, or check the address.`,
    'unavailable',
  );
}
