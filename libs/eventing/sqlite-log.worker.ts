/**
 * The writer thread of an SQLite log: one connection, one transaction per drained queue, answers after COMMIT.
 * It ends by itself: a thread that is terminated inside the driver takes the whole process down.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { closeDurable, openDurable } from './durable.js';
import { TouchstoneError } from './errors.js';
import { ensureLayout } from './sqlite-log.rows.js';
import type { FromWriter, ToWriter, WriteBatch } from './sqlite-log.wire.js';
import { SqliteWriter } from './sqlite-log.writer.js';

/**
 * Ids of facts are hashes, so every append touches pages all over the indexes: with SQLite's own 2 MB most of them are
 * read again each time.
 */
const CACHE_KB = 65_536;

const port = parentPort!;
const { file } = workerData as { file: string };
const say = (message: FromWriter) => port.postMessage(message);

function open(): DatabaseSyncInstance | null {
  let db: DatabaseSyncInstance | undefined;
  try {
    db = openDurable(file);
    db.exec(`PRAGMA cache_size = -${CACHE_KB}`);
    ensureLayout(db, file);
    return db;
  } catch (error) {
    db?.close();
    const code = error instanceof TouchstoneError ? error.code : 'LOG_UNREADABLE';
    say({ kind: 'refused', code, message: error instanceof Error ? error.message : String(error) });
    port.close();
    return null;
  }
}

function serve(db: DatabaseSyncInstance): void {
  const writer = new SqliteWriter(db);
  port.on('message', (first: ToWriter) => {
    const batches: WriteBatch[] = [];
    let closing = false;
    for (let message: ToWriter | undefined = first; message !== undefined; message = next()) {
      if (message.kind === 'write') batches.push(message);
      else closing = true;
    }
    if (batches.length > 0) for (const answer of writer.write(batches)) say(answer);
    if (!closing) return;
    closeDurable(db);
    port.close();
  });
  say({ kind: 'ready', head: writer.head() });
}

const next = () => receiveMessageOnPort(port)?.message as ToWriter | undefined;

const db = open();
if (db !== null) serve(db);
