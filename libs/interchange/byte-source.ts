import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TouchstoneError } from '@touchstone/eventing';

/** Pieces no larger than this are handed on, so that one giant buffer never holds the event loop for long. */
const PIECE = 64 * 1024;

/**
 * The content of a source: unpacked when its first bytes say gzip (the name does not matter), else as it is.
 * Pieces of at most 64 KB; the consumer sets the pace.
 * @throws GZIP_TRUNCATED, GZIP_CORRUPT; errors of the source itself pass through
 */
export async function* contentOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const head = await firstBytes(iterator, 2);
    const whole = resumed(head, iterator);
    if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) yield* gunzipped(whole);
    else for await (const bytes of whole) yield* pieces(bytes);
  } finally {
    await iterator.return?.();
  }
}

async function firstBytes(iterator: AsyncIterator<Uint8Array>, count: number): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < count) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, asBuffer(next.value)]);
  }
  return head;
}

async function* resumed(head: Buffer, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield asBuffer(next.value);
}

async function* gunzipped(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: PIECE });
  let sourceError: Error | undefined;
  const input = Readable.from(packed, { objectMode: false });
  input.once('error', (error) => (sourceError = error));
  // The callback is there so that an error is not thrown twice: the loop below meets it too.
  pipeline(input, gunzip, () => undefined);
  try {
    for await (const bytes of gunzip) yield bytes as Buffer;
  } catch (error) {
    throw sourceError ?? gzipError(error as NodeJS.ErrnoException);
  } finally {
    gunzip.destroy();
  }
}

function gzipError(error: NodeJS.ErrnoException): Error {
  if (error.code === 'Z_BUF_ERROR') {
    return new TouchstoneError(
      'GZIP_TRUNCATED',
      'The gzip file ends in the middle: copy or download it again.',
      'invalid',
      undefined,
      { cause: error },
    );
  }
  if (error.code?.startsWith('Z_')) {
    return new TouchstoneError(
      'GZIP_CORRUPT',
      `The gzip file is damaged (${error.message}): copy or download it again.`,
      'invalid',
      undefined,
      { cause: error },
    );
  }
  return error;
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  if (bytes.length <= PIECE) {
    if (bytes.length > 0) yield bytes;
    return;
  }
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
