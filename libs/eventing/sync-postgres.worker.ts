/**
 * The thread that talks to PostgreSQL for one that waits. It answers one message at a time on the port; the waiting thread
 * sleeps on the flag.
 */
import { workerData, type MessagePort } from 'node:worker_threads';
import pg from 'pg';
import { CopyIn } from './postgres-copy.js';
import { faultOf, TYPES } from './postgres-values.js';
import { breakOff, cancel, goodbye, within, type Breakable } from './sync-postgres.limits.js';
import type { Answer, Query, SqlValue, ToServer, WireFault } from './sync-postgres.wire.js';

const { port, flag } = workerData as { port: MessagePort; flag: SharedArrayBuffer };
const signal = new Int32Array(flag);

interface Connection extends Breakable {
  /** What went wrong with something that nobody waited for. */
  fault: WireFault | null;
  ended: boolean;
  /** How many of its messages were begun, and how many were worked off. */
  begun: number;
  done: number;
}

/** How long an ended statement may take to end. */
const CANCELLED_MS = 10_000;
/** How long a peer that has gone without a word is believed to be there. */
const KEEP_ALIVE_MS = 10_000;

const connections = new Map<number, Connection>();

/**
 * The messages of a connection are worked off in their order, each once the one before it is done. Those of others do not
 * wait for them: a connection that hangs holds up nobody else.
 */
const last = new Map<number, Promise<void>>();

port.on('message', (message: ToServer) => {
  const { kind, connection } = message;
  if (kind === 'cancel') return void end(connection);
  const turn = (last.get(connection) ?? Promise.resolve()).then(() => take(message));
  last.set(connection, turn);
  if (kind === 'close') void turn.then(() => last.delete(connection));
});

/** The statement under way, whatever it takes. */
async function end(id: number): Promise<void> {
  const connection = connections.get(id);
  if (!connection || connection.done === connection.begun) return;
  const { done } = connection;
  setTimeout(() => {
    if (connection.done === done) breakOff(connection, `no answer for ${CANCELLED_MS} ms after it was to end`);
  }, CANCELLED_MS).unref();
  await cancel(connection);
}

async function take(message: ToServer): Promise<void> {
  let answer: Answer;
  const begun = connections.get(message.connection);
  if (begun) begun.begun++;
  try {
    answer = await serve(message);
  } catch (error) {
    answer = { error: connections.get(message.connection)?.brokenOff ?? faultOf(error) };
  }
  const connection = connections.get(message.connection);
  if (begun) begun.done++;
  if (connection?.ended || connection?.brokenOff) answer = { ...answer, ended: true };
  if (message.kind === 'send' || message.kind === 'copy') {
    if (connection && answer.error) connection.fault ??= answer.error;
    return;
  }
  port.postMessage(answer);
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
}

async function serve(message: ToServer): Promise<Answer> {
  if (message.kind === 'open') return open(message);
  const connection = connections.get(message.connection);
  if (!connection) return { error: { code: 'CLOSED', message: 'The connection is closed.' } };
  const { client, fault } = connection;
  if (message.kind === 'close') {
    connections.delete(message.connection);
    await goodbye(client);
    return {};
  }
  const limitMs = message.kind === 'cancel' || message.isLong ? null : connection.limits.answerMs;
  if (message.kind === 'exec' && /^\s*rollback/i.test(message.text)) {
    // It is the answer to whatever went wrong.
    connection.fault = null;
    await within(connection, limitMs, () => client.query(message.text));
    return {};
  }
  // What was sent before it has failed: PostgreSQL refuses the rest of the transaction too, and says less of why.
  if (fault && message.kind !== 'send' && message.kind !== 'copy') {
    connection.fault = null;
    return { error: fault };
  }
  switch (message.kind) {
    case 'query':
    case 'send':
      return fault ? {} : within(connection, limitMs, () => run(client, message.query));
    case 'copy':
      if (!fault) await within(connection, limitMs, () => client.query(new CopyIn(message.text, message.rows)).done);
      return {};
    case 'exec':
      await within(connection, limitMs, () => client.query(message.text));
      return {};
    case 'cancel':
      return {};
  }
}

async function run(client: pg.Client, { text, values, name }: Query): Promise<Answer> {
  const { fields, rows, rowCount } = await client.query<SqlValue[]>({
    text,
    values: values as unknown[],
    name,
    rowMode: 'array',
  });
  return { columns: fields.map((field) => field.name), rows, changes: rowCount ?? 0 };
}

async function open(message: Extract<ToServer, { kind: 'open' }>): Promise<Answer> {
  const { connection, url, settings, limits } = message;
  const client = new pg.Client({
    connectionString: url,
    types: TYPES,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: limits.connectMs,
  });
  const opened: Connection = { client, url, limits, fault: null, ended: false, brokenOff: null, begun: 0, done: 0 };
  // A connection that breaks while nobody asks is told at the next question.
  client.on('error', (error) => (opened.fault ??= faultOf(error)));
  client.on('end', () => (opened.ended = true));
  try {
    await within(opened, limits.connectMs, async () => {
      await client.connect();
      await client.query(settings);
    });
  } catch (error) {
    await goodbye(client);
    if (opened.brokenOff) return { error: opened.brokenOff };
    throw /timeout expired/.test(String(error)) ? Object.assign(error as Error, { code: 'ETIMEDOUT' }) : error;
  }
  connections.set(connection, opened);
  return {};
}
