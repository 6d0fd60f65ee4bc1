/** The thread that copies one database as it is at this moment: it ends by itself. */
import { workerData } from 'node:worker_threads';
import { openReadOnly } from './durable.js';

const { from, to } = workerData as { from: string; to: string };
const db = openReadOnly(from);
try {
  db.prepare('VACUUM INTO ?').run(to);
} finally {
  db.close();
}
