import { openSqliteLogReader } from '@touchstone/eventing';
import { GroupProjector } from '../group-projector.js';
import { ReadStore } from '../read-store.js';
import { readToy, toyGroup } from './toy.js';

/** A process that projects a log, and rebuilds while it does, until somebody kills it: `child LOG DIRECTORY`. */
const [file, directory] = process.argv.slice(2) as [string, string];
const now = () => new Date().toISOString();
const log = openSqliteLogReader(file, { pollMs: 5 });
const readStore = await ReadStore.open(directory, now);
const tuning = { batchSize: 20 };
const projector = GroupProjector.start({ group: toyGroup(), readStore, log, read: readToy, now, tuning });
process.stdout.write('projecting\n');
for (;;) await projector.rebuild();
