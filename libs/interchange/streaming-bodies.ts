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
/** Plain `application/json` stays with the HTTP engine, which keeps its text too. */
const EVENT_TYPES = /^application\/(x-ndjson|[\w.+-]+\+json)\s*(;|$)/i;

/**
 * Lets the bodies of the ways in through as streams: their readers have bounds of their own. Call it on the Fastify
 * instance before it listens.
 */
export function registerStreamingBodies(fastify: FastifyInstance): void {
  for (const type of [...LOG_TYPES, EVENT_TYPES]) {
    fastify.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }
}
