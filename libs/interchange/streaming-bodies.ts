import type { FastifyInstance } from 'fastify';
import { LARGEST_CLOUD_EVENT } from './cloudevents.js';

/** Content types of a log to import; what it really is, its bytes say. */
const LOG_TYPES = [
  'application/xml',
  'text/xml',
  'application/xes+xml',
  'application/gzip',
  'application/x-gzip',
  'application/octet-stream',
  'application/vnd.sqlite3',
];

/**
 * Lets the bodies of the ways in through: logs and lines as streams, whose readers have bounds of their own, and a
 * single CloudEvent as text. Call it on the Fastify instance before it listens.
 */
export function registerStreamingBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser([...LOG_TYPES, 'application/x-ndjson'], (_request, payload, done) =>
    done(null, payload),
  );
  fastify.addContentTypeParser(
    'application/cloudevents+json',
    { parseAs: 'string', bodyLimit: LARGEST_CLOUD_EVENT },
    (_request, body, done) => done(null, body),
  );
}
