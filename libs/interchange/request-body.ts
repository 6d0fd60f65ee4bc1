import { PassThrough, type Readable } from 'node:stream';
import { TouchstoneError } from '@touchstone/eventing';
import { contentOf } from './byte-source.js';

/** The body of a request, read piece by piece. */
export interface RequestBody extends AsyncIterable<Uint8Array> {
  /** Reads no more of it; whoever waits for the next piece hears why, by default CLIENT_GONE. The request can still be answered. */
  stop(why?: TouchstoneError): void;
}

/**
 * The body of a request, listened to from now on: iterating a request that broke off before the first read would wait
 * for ever. Reading it fails with CLIENT_GONE when the client goes away before its end. What comes while nobody reads is
 * held up to `ahead` bytes and given in one piece; beyond, the socket is not read.
 */
export function bodyOf(request: Readable, { ahead = 64 * 1024 }: { ahead?: number } = {}): RequestBody {
  const body = new PassThrough({ readableHighWaterMark: ahead, writableHighWaterMark: 64 * 1024 });
  // Without a listener of its own the error would end the process before anybody reads.
  body.on('error', () => undefined);
  if (request.destroyed) body.destroy(gone());
  else {
    request.once('error', (error) => body.destroy(gone(error)));
    request.once('close', () => !request.readableEnded && body.destroy(gone()));
    request.pipe(body);
  }
  return { [Symbol.asyncIterator]: () => readUntilGone(body), stop: (why) => void body.destroy(why ?? gone()) };
}

/**
 * A whole body of at most `limit` bytes.
 * @throws PAYLOAD_TOO_LARGE as soon as there is more, CLIENT_GONE, GZIP_TRUNCATED, GZIP_CORRUPT
 */
export async function wholeBody(body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > limit) throw tooLarge(limit);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The body as it was before it was encoded for the way. @throws CONTENT_ENCODING_UNKNOWN */
export function decodedBody(body: AsyncIterable<Uint8Array>, encoding: string | undefined): AsyncIterable<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return body;
  if (name === 'gzip' || name === 'x-gzip') return contentOf(body);
  throw new TouchstoneError(
    'CONTENT_ENCODING_UNKNOWN',
    `The content encoding ${name} is not understood here: send the body as it is, or packed with gzip.`,
    'invalid',
  );
}

async function* readUntilGone(body: PassThrough): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of body) yield bytes as Uint8Array;
  } catch (error) {
    throw error instanceof TouchstoneError ? error : gone(error);
  }
}

const gone = (cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'CLIENT_GONE',
    'The client went away before it had sent everything; what came before is undone or safe to send again.',
    'refused',
    undefined,
    { cause },
  );

const tooLarge = (limit: number): TouchstoneError =>
  new TouchstoneError(
    'PAYLOAD_TOO_LARGE',
    `The body is larger than ${limit} bytes: send it in parts, or one event a line as application/x-ndjson.`,
    'limit',
  );
