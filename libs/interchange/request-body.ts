import { PassThrough, pipeline, type Readable } from 'node:stream';
import { TouchstoneError } from '@touchstone/eventing';

/**
 * The body of a request, listened to from now on: iterating a request that broke off before the first read would wait
 * for ever. Reading it fails with CLIENT_GONE when the client goes away before its end.
 */
export function bodyOf(request: Readable): AsyncIterable<Uint8Array> {
  const body = new PassThrough();
  // Without a listener of its own the error would end the process before anybody reads.
  body.on('error', () => undefined);
  if (request.destroyed) body.destroy(gone());
  else pipeline(request, body, (error) => error && body.destroy(error));
  return readUntilGone(body);
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
