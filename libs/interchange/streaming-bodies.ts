import type { FastifyInstance } from 'fastify';

/** Content types of a file to import; what it really is, its bytes say. */
const LOG_TYPES = [
  'application/xml',
  'text/xml',
  'application/xes+xml',
  'application/gzip',
  'application/x-gzip',
  'application/octet-stream',
  'application/vnd.sqlite3',
  'text/csv',
  'text/tab-separated-values',
  'multipart/form-data',
];
const PLAIN_JSON = /^\s*application\/json\s*(;|$)/i;
const EVENT_TYPES = /^application\/(x-ndjson|[\w.+-]+\+json)\s*(;|$)/i;

/** Where events come in, in JSON of any kind. */
const EVENTS = '/events';
/** Of these the engine passes the body on as it is; the headers as they were sent stay in `rawHeaders`. */
const UNREAD = 'application/octet-stream';

/**
 * Lets the bodies of the ways in through as streams: their readers have bounds of their own. Plain `application/json`, and
 * a body without a type, are read by the engine everywhere else; at the door of events a body may be packed or faulty,
 * and is not to be read twice. Call it on the Fastify instance before it listens.
 */
export function registerStreamingBodies(fastify: FastifyInstance): void {
  for (const type of [...LOG_TYPES, EVENT_TYPES]) {
    fastify.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { headers, routeOptions } = request;
    const type = headers['content-type'] ?? '';
    if (routeOptions.url === EVENTS && (type === '' || PLAIN_JSON.test(type))) headers['content-type'] = UNREAD;
    done();
  });
}
