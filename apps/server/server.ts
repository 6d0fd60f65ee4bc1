import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { TouchstoneError, type Clock } from '@touchstone/eventing';
import { registerStreamingBodies } from '@touchstone/interchange';
import { openTraces, StructuredLogger, type Config, type DefectSink, type TraceExport } from '@touchstone/platform';
import { serveExplorer } from './explorer.js';
import { openFoundation, type Foundation } from './foundation.js';
import { graphqlOptions } from './graphql.options.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { guardHttp } from './http-guard.js';
import { ServerModule } from './server.module.js';

/** A server that listens. */
export interface RunningServer {
  /** Such as http://127.0.0.1:4000 */
  readonly url: string;
  /**
   * Takes no new requests, finishes those under way, ends subscriptions, then closes projections, readers and the log in
   * this order and gives the directory back. A second call waits for the first.
   */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly logger?: StructuredLogger;
  /** Instead of the one that the configuration names. */
  readonly clock?: Clock;
}

/**
 * Opens the data directory and serves it.
 * @throws DATA_DIRECTORY_IN_USE, ADDRESS_IN_USE and what opening the log or the read models throws; nothing stays open
 */
export async function startServer(config: Config, options: ServerOptions = {}): Promise<RunningServer> {
  const logger = options.logger ?? new StructuredLogger({ level: config.logLevel, format: config.logFormat });
  const warn = (message: string, event: string) => logger.warn(message, { event }, 'Traces');
  const traces = await openTraces({ shutdownMs: config.shutdownMs, warn });
  let house: House | undefined;
  let app: NestFastifyApplication | undefined;
  try {
    const foundation = await openFoundation(config, logger, options.clock, traces);
    house = { config, foundation, logger, traces };
    app = await createApp(house);
    await app.listen(config.port, config.host);
    const url = urlOf(app, config.host);
    foundation.directory.announce({ url });
    logger.log(`Listening on ${url}.`, { event: 'SERVER_STARTED', url, traces: traces !== null }, 'Server');
    return { url, close: once(closing(app, house)) };
  } catch (error) {
    await app?.close();
    await house?.foundation.close();
    await traces?.close(config.shutdownMs);
    throw inOurWords(error, config);
  }
}

/** What a server is made of and has to give back. */
interface House {
  readonly config: Config;
  readonly foundation: Foundation;
  readonly logger: StructuredLogger;
  readonly traces: TraceExport | null;
}

async function createApp({ config, foundation, logger, traces }: House) {
  const tracing = traces?.tracing;
  const { metrics } = foundation;
  const sink: DefectSink = (error, correlationId) =>
    logger.error(error instanceof Error ? error : String(error), { event: 'DEFECT', correlationId }, 'Server');
  const adapter = new FastifyAdapter({ forceCloseConnections: 'idle' });
  const module = ServerModule.with(foundation.providers, graphqlOptions(config, sink, tracing));
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger,
    abortOnError: false,
  });
  const fastify = adapter.getInstance();
  guardHttp(fastify, { metrics, sink, roles: config.roles, tracing });
  registerStreamingBodies(fastify);
  serveExplorer(fastify);
  app.useGlobalFilters(new HttpErrorFilter(sink));
  return app;
}

/** How often a stopping server looks for connections that have become idle, in milliseconds. */
const IDLE_EVERY_MS = 50;

function closing(app: NestFastifyApplication, { config, foundation, logger, traces }: House) {
  return async () => {
    const start = performance.now();
    logger.log('Stopping.', { event: 'SERVER_STOPPING', withinMs: config.shutdownMs }, 'Server');
    foundation.readiness.stop();
    // What there is goes out now, so that at the end there is little left.
    void traces?.flush();
    const { server } = app.getHttpAdapter().getInstance();
    const closed = app.close();
    // Idle connections are closed once, at the beginning; those whose request was under way then stay open after it.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_EVERY_MS);
    try {
      // Whoever holds a connection open beyond the time must not hold up the durable part.
      const late = await Promise.race([closed.then(() => false), sleep(config.shutdownMs, true, { ref: false })]);
      if (late) {
        const message = 'Requests were still under way at the end of their time; they are cut off.';
        logger.warn(message, { event: 'REQUESTS_CUT_OFF', afterMs: config.shutdownMs }, 'Server');
        server.closeAllConnections();
        await closed;
      }
    } finally {
      clearInterval(idle);
    }
    try {
      await foundation.close();
    } finally {
      await traces?.close(Math.max(0, config.shutdownMs - (performance.now() - start)));
    }
    logger.log('Stopped.', { event: 'SERVER_STOPPED', ms: Math.round(performance.now() - start) }, 'Server');
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

/** The address as a client has to write it, with the port that the system chose. */
function urlOf(app: NestFastifyApplication, host: string): string {
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://${host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host}:${port}`;
}

function inOurWords(error: unknown, { host, port }: Config): unknown {
  if ((error as { code?: unknown }).code !== 'EADDRINUSE') return error;
  return new TouchstoneError(
    'ADDRESS_IN_USE',
    `Something else listens on ${host}:${port} already: stop it, or choose another --port (0 takes a free one).`,
    'unavailable',
    { host, port },
  );
}
