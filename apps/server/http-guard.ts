import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Span } from '@opentelemetry/api';
import { TouchstoneError } from '@touchstone/eventing';
import {
  contextFromHeaders,
  httpStatusOf,
  isLoopback,
  reportOf,
  failSpan,
  runInContext,
  traceParentOf,
  type DefectSink,
  type Metrics,
  type RequestContext,
  type Role,
  type Tracing,
} from '@touchstone/platform';
import { notServedHere, roleOfPath } from './roles.js';

/** The name in a Host header, without its port. */
const hostName = (host: string) => host.replace(/:\d+$/, '');

/**
 * True when a request is addressed to this machine by a name of its own: a page elsewhere whose name was made to
 * resolve to 127.0.0.1 still sends its own name.
 */
const isAddressedHere = ({ host }: IncomingHttpHeaders) => host !== undefined && isLoopback(hostName(host));

/** True for a program, or a page that this server served: browsers let any page open a socket to anywhere. */
export function isOwnPage(headers: IncomingHttpHeaders): boolean {
  if (!isAddressedHere(headers)) return false;
  const { origin, host } = headers;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** What a request runs in. */
interface Running {
  readonly context: RequestContext;
  readonly span?: Span;
}

export interface HttpObservers {
  readonly metrics: Metrics;
  readonly sink: DefectSink;
  /** What this process answers. */
  readonly roles: readonly Role[];
  readonly tracing?: Tracing;
}

/** Every HTTP request: is it for us, on whose behalf and in which trace does it run, how long did it take. */
export function guardHttp(fastify: FastifyInstance, { metrics, sink, roles, tracing }: HttpObservers): void {
  const running = new WeakMap<FastifyRequest, Running>();
  const within = ({ context, span }: Running, work: () => void) =>
    runInContext(context, span && tracing ? () => tracing.within(span, work) : work);
  fastify.addHook('onRequest', (request, reply, done) => {
    let context: RequestContext;
    try {
      if (!isAddressedHere(request.headers)) throw notAddressedHere(request.headers.host);
      const role = roleOfPath(request.url);
      if (role !== null && !roles.includes(role)) throw notServedHere(role, roles);
      context = contextFromHeaders(request.headers);
    } catch (error) {
      answerError(request, reply, error, sink);
      return;
    }
    const run = { context, span: tracing && spanOf(request, context, tracing) };
    running.set(request, run);
    // Not when it is answered: of whoever goes before the end there is no answer.
    if (run.span) reply.raw.once('close', () => endSpan(run.span!, reply));
    reply.header('x-correlation-id', context.correlationId).header('x-content-type-options', 'nosniff');
    within(run, done);
  });
  // Reading the body happens in the socket's own context; what follows must be back in the request's.
  fastify.addHook('preValidation', (request, _reply, done) => within(running.get(request)!, done));
  fastify.addHook('onResponse', (request, reply, done) => {
    metrics.observeRequest(request.method, routeOf(request), reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
}

const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? 'unmatched';

/** Routes that only watch over the process: a trace of each scrape would bury the others. */
const UNTRACED = new Set(['/health/live', '/health/ready', '/metrics']);

/** The route, never the path or the query: these may name somebody. */
function spanOf(request: FastifyRequest, { correlationId }: RequestContext, tracing: Tracing): Span | undefined {
  const route = routeOf(request);
  if (UNTRACED.has(route)) return undefined;
  const attributes = {
    'http.request.method': request.method,
    'http.route': route,
    'touchstone.correlation_id': correlationId,
  };
  const name = `${request.method} ${route}`;
  return tracing.begin(name, { kind: 'server', attributes, parent: traceParentOf(request.headers) });
}

function endSpan(span: Span, reply: FastifyReply): void {
  span.setAttribute('http.response.status_code', reply.statusCode);
  if (!reply.raw.writableFinished) span.setAttribute('touchstone.cut_off', true);
  if (reply.statusCode >= 500) failSpan(span, String(reply.statusCode));
  span.end();
}

/** Errors that the HTTP engine finds, in our words. */
const ENGINE_ERRORS: Readonly<Record<string, TouchstoneError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: new TouchstoneError(
    'PAYLOAD_TOO_LARGE',
    'The body is larger than 1 MiB: send it in parts, or as lines to POST /events.',
    'limit',
  ),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: new TouchstoneError(
    'CONTENT_TYPE_UNKNOWN',
    'The content type is not understood here: send application/json.',
    'invalid',
  ),
  FST_ERR_CTP_EMPTY_JSON_BODY: new TouchstoneError('INVALID_JSON', 'The body is empty: send a JSON object.', 'invalid'),
  FST_ERR_CTP_INVALID_JSON_BODY: new TouchstoneError('INVALID_JSON', 'The body is not JSON: mend it.', 'invalid'),
};

/** Answers an error in the shape of the route: GraphQL's under its path, `{error}` elsewhere. */
export function answerError(request: FastifyRequest, reply: FastifyReply, error: unknown, sink: DefectSink): void {
  const { message, ...rest } = reportOf(inOurWords(error), sink);
  const status = httpStatusOf(rest);
  const body = request.url.startsWith('/graphql')
    ? { errors: [{ message, extensions: rest }] }
    : { error: { message, ...rest } };
  if (rest.kind === 'busy') reply.header('retry-after', '1');
  void reply.code(status).type('application/json; charset=utf-8').send(body);
}

function inOurWords(error: unknown): unknown {
  const { status, message, cause } = error as { status?: unknown; message?: unknown; cause?: unknown };
  const { code } = (cause ?? error) as { code?: unknown };
  if (typeof code === 'string' && code in ENGINE_ERRORS) return ENGINE_ERRORS[code];
  if (status === 404) return new TouchstoneError('NOT_FOUND', `${String(message)}.`, 'notFound');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new TouchstoneError('BAD_REQUEST', `${String(message)}.`, 'invalid');
  }
  return error;
}

const notAddressedHere = (host: string | undefined) =>
  new TouchstoneError(
    'WRONG_HOST',
    `This server answers to localhost only, not to "${host ?? ''}", until access control is configured.`,
    'refused',
  );
