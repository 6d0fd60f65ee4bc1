/**
 * The thread that talks to PostgreSQL for one that waits. It answers one message at a time on the port; the waiting thread
 * sleeps on the flag.
 */
import { workerData, type MessagePort } from 'node:worker_threads';
import pg from 'pg';
import { CopyIn } from './postgres-copy.js';
import { faultOf, TYPES } from './postgres-values.js';
import type { Answer, Query, SqlValue, ToServer, WireFault } from './sync-postgres.wire.js';

const { port, flag } = workerData as { port: MessagePort; flag: SharedArrayBuffer };
const signal = new Int32Array(flag);

interface Connection {
  readonly client: pg.Client;
  readonly url: string;
  /** What went wrong with something that nobody waited for. */
  fault: WireFault | null;
  ended: boolean;
}

const connections = new Map<number, Connection>();

/** Messages are worked off in their order, each once the one before it is done. */
let last: Promise<void> = Promise.resolve();

port.on('message', (message: ToServer) => {
  if (message.kind === 'cancel') return void cancel(message.connection);
  last = last.then(() => take(message));
});

async function take(message: ToServer): Promise<void> {
  let answer: Answer;
  try {
    answer = await serve(message);
  } catch (error) {
    answer = { error: faultOf(error) };
  }
  if (connections.get(message.connection)?.ended) answer = { ...answer, ended: true };
  if (message.kind === 'send' || message.kind === 'copy') {
    const connection = connections.get(message.connection);
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
    await client.end().catch(() => {});
    return {};
  }
  if (message.kind === 'exec' && /^\s*rollback/i.test(message.text)) {
    // It is the answer to whatever went wrong.
    connection.fault = null;
    await client.query(message.text);
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
      return fault ? {} : run(client, message.query);
    case 'copy':
      if (!fault) await client.query(new CopyIn(message.text, message.rows)).done;
      return {};
    case 'exec':
      await client.query(message.text);
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

async function open({ connection, url, settings }: Extract<ToServer, { kind: 'open' }>): Promise<Answer> {
  const client = new pg.Client({ connectionString: url, types: TYPES, keepAlive: true });
  // A connection that breaks while nobody asks is told at the next question.
  client.on('error', (error) => {
    const known = connections.get(connection);
    if (known) known.fault ??= faultOf(error);
  });
  try {
    await client.connect();
    await client.query(settings);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  const opened: Connection = { client, url, fault: null, ended: false };
  client.on('end', () => (opened.ended = true));
  connections.set(connection, opened);
  return {};
}

/** From a connection of its own: the one that is busy does not listen. */
async function cancel(connection: number): Promise<void> {
  const known = connections.get(connection);
  const pid = (known?.client as unknown as { processID?: number } | undefined)?.processID;
  if (known === undefined || pid === undefined) return;
  const other = new pg.Client({ connectionString: known.url });
  try {
    await other.connect();
    await other.query('select pg_cancel_backend($1)', [pid]);
  } catch {
    // Whoever waits goes on waiting, and asks again.
  } finally {
    await other.end().catch(() => {});
  }
}
