/**
 * Builds the journeys group of a data directory from position 0, as the server does in a thread of its own, and makes it
 * the generation that answers. Run by the bench in a process of its own: `node build.js DIRECTORY`; prints one JSON
 * line per batch and phase, the last with `result`.
 */
import { join } from 'node:path';
import { EventRegistry, openSqliteLogReader } from '@touchstone/eventing/read';
import { buildGeneration } from '@touchstone/readmodel/build-generation';
import { ReadStore } from '@touchstone/readmodel';
import { events, groupsIn } from '../../apps/server/dist/composition.js';

const directory = process.argv[2];
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const now = () => new Date().toISOString();

const group = groupsIn('UTC').find(({ name }) => name === 'journeys');
const log = openSqliteLogReader(join(directory, 'log.db'));
const store = await ReadStore.open(join(directory, 'read'), now);
store.removeObsolete(group.name);
const generation = store.create(group, 'building');
const phases = {};
const cpu = {};
let phase = 'reading';
let since = performance.now();
let spent = cpuMs();
let last = null;
const enter = (next) => {
  phases[phase] = (phases[phase] ?? 0) + (performance.now() - since);
  cpu[phase] = (cpu[phase] ?? 0) + (cpuMs() - spent);
  since = performance.now();
  spent = cpuMs();
  phase = next;
};
const started = performance.now();
await buildGeneration(
  { group, log, read: new EventRegistry(events).read, now },
  { group: group.name, generation: generation.name, file: store.fileOf(generation), skipped: [] },
  (progress) => {
    last = progress;
    if (progress.phase !== phase) enter(progress.phase);
    say({ phase, events: progress.events });
  },
  new AbortController().signal,
);
enter('done');
const ms = performance.now() - started;
store.activate(group.name, generation.number, { reached: last.position, mustReach: '' });
store.removeObsolete(group.name);
store.close();
await log.close();
say({ result: { events: last.events, ms, phases, cpu, cpuMs: cpuMs(), rssMb: process.resourceUsage().maxRSS / 1024 } });

/** Of all threads of this process, which is what counts where others share the machine. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
