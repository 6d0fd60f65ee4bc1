import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { interrupted } from './cli-errors.js';
import { errorOf, gone } from './http.js';

/** How long the server may take to answer the first word of a subscription, in ms. */
const GREETING_MS = 10_000;

/**
 * What a subscription of the server brings, as it comes, until the caller stops or interrupts.
 * @throws the error of the server with its code; SERVER_GONE, INTERRUPTED
 */
export async function* feedOf<T extends object>(
  api: Api,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): AsyncGenerator<T, void, void> {
  const headers = api.headers();
  class Socket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { headers, handshakeTimeout: GREETING_MS });
    }
  }
  const url = api.url.replace(/^http/, 'ws');
  const client = createClient({ url: `${url}/graphql`, webSocketImpl: Socket, retryAttempts: 0, lazy: true });
  const known = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));
  const answers = client.iterate<T>({ query, variables: known });
  const stop = () => void client.dispose();
  api.signal.addEventListener('abort', stop, { once: true });
  try {
    if (api.signal.aborted) return;
    for await (const { data, errors } of answers) {
      const [error] = errors ?? [];
      if (error) throw errorOf({ message: error.message, ...error.extensions });
      if (data) yield data;
    }
  } catch (error) {
    throw api.signal.aborted ? interrupted() : familyOf(error);
  } finally {
    api.signal.removeEventListener('abort', stop);
    await client.dispose();
  }
}

/** What the socket says when it cannot go on: a list of GraphQL errors, a closing, or a fault of the network. */
function familyOf(error: unknown): TouchstoneError {
  if (error instanceof TouchstoneError) return error;
  const [first] = Array.isArray(error) ? (error as { message: string; extensions?: object }[]) : [];
  return first ? errorOf({ message: first.message, ...first.extensions }) : gone();
}
