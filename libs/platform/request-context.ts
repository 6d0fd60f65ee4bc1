import { AsyncLocalStorage } from 'node:async_hooks';
import { newId, TouchstoneError, type ActingContext, type Actor } from '@touchstone/eventing';

/** On whose behalf a request runs, and the id that ties everything it causes together. */
export type RequestContext = ActingContext;

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const ANONYMOUS: Actor = { id: 'anonymous' };
const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` and everything it awaits in the given context. */
export const runInContext = <R>(context: RequestContext, work: () => R): R => storage.run(context, work);

/** The context of the request that is being served; outside of one: a new correlation id and `anonymous`. */
export const currentContext = (): RequestContext => storage.getStore() ?? { actor: ANONYMOUS, correlationId: newId() };

/** The correlation id of the request that is being served, if one is. */
export const currentCorrelationId = (): string | undefined => storage.getStore()?.correlationId;

/**
 * Reads `x-correlation-id` (1 to 128 visible ASCII characters; made here when absent) and `x-actor` (1 to 128
 * characters, percent-encoded where they are not ASCII; `anonymous` when absent).
 * @throws INVALID_HEADER
 */
export function contextFromHeaders(headers: Headers): RequestContext {
  const correlationId = single(headers, 'x-correlation-id');
  if (correlationId !== undefined && !/^[\x21-\x7e]{1,128}$/.test(correlationId)) {
    throw invalid('x-correlation-id', 'send 1 to 128 visible ASCII characters, or leave it out');
  }
  const actor = single(headers, 'x-actor');
  return {
    actor: actor === undefined ? ANONYMOUS : { id: actorId(actor) },
    correlationId: correlationId ?? newId(),
  };
}

function actorId(text: string): string {
  let id: string;
  try {
    id = decodeURIComponent(text);
  } catch {
    throw invalid('x-actor', 'percent-encode it');
  }
  // Control characters would let a caller forge lines in what is written about him.
  if (id.trim() === '' || id.length > 128 || /[\x00-\x1f\x7f]/.test(id)) {
    throw invalid('x-actor', 'send 1 to 128 characters without control characters, or leave it out');
  }
  return id;
}

function single(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'object' ? value[0] : value;
}

const invalid = (header: string, advice: string) =>
  new TouchstoneError('INVALID_HEADER', `The header ${header} cannot be read: ${advice}.`, 'invalid', { header });
