import { workerData } from 'node:worker_threads';
import { openSqliteLogReader } from '@touchstone/eventing';
import { runProjectorWorker } from '../projector-worker.js';
import { readToy, toyGroup } from './toy.js';

/** What the tests hand to their projector thread. */
export interface ToyData {
  readonly file: string;
  readonly version?: number;
  /** The thread dies as soon as it meets a step with this label. */
  readonly dieOn?: string;
}

const { version, dieOn } = (workerData as { data: ToyData }).data;

runProjectorWorker({
  groups: [toyGroup({ version })],
  read: (event) => {
    if (dieOn !== undefined && (event.data as { label?: string }).label === dieOn) process.exit(7);
    return readToy(event);
  },
  openLog: (data, onHead) => openSqliteLogReader((data as ToyData).file, { wake: onHead, pollMs: 50 }),
});
