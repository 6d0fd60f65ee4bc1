/**
 * Builds the journeys group of a data directory from position 0, in threads like those of the server, and makes it the
 * generation that answers. Run by the bench in a process of its own: `node build.js DIRECTORY`; prints one JSON line
 * per batch and phase, the last with `result`.
 */
import { join } from 'node:path';
import { isMainThread, MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';
import { EventRegistry, openSqliteLogReader } from '@touchstone/eventing/read';
import { ReadStore } from '@touchstone/readmodel';
import { buildGeneration, serveBuild } from '@touchstone/readmodel/build-generation';
import { BUILDER_LIMITS } from '@touchstone/readmodel/projector-host';
import { events, groupsIn } from '../../apps/server/dist/composition.js';

const group = groupsIn('UTC').find(({ name }) => name === 'journeys');
const { read } = new EventRegistry(events);
const openLog = (directory) => openSqliteLogReader(join(directory, 'log.db'));

async function help({ directory, port }) {
  const log = openLog(directory);
  await serveBuild(port, { group, log, read });
  await log.close();
}

async function build({ directory, port }, say) {
  const now = () => new Date().toISOString();
  const log = openLog(directory);
  const store = await ReadStore.open(process.env.READ_STORE_URL || join(directory, 'read'), now);
  store.removeObsolete(group.name);
  const generation = store.create(group, 'building');
  const phases = new Phases();
  let last = null;
  await buildGeneration(
    { group, log, read, now, helper: port },
    { group: group.name, generation: generation.name, file: store.fileOf(generation), skipped: [] },
    (progress) => {
      last = progress;
      phases.enter(progress.phase);
      say({ phase: progress.phase, events: progress.events });
    },
    new AbortController().signal,
  );
  const result = { events: last.events, ...phases.end(), rssMb: process.resourceUsage().maxRSS / 1024 };
  store.activate(group.name, generation.number, { reached: last.position, mustReach: '' });
  store.removeObsolete(group.name);
  store.close();
  await log.close();
  say({ result });
}

/** How long each phase took, by the clock and by the cpu. */
class Phases {
  #phases = {};
  #cpu = {};
  #phase = 'reading';
  #started = performance.now();
  #since = this.#started;
  #spent = cpuMs();

  enter(phase) {
    if (phase === this.#phase) return;
    const [now, spent] = [performance.now(), cpuMs()];
    this.#phases[this.#phase] = (this.#phases[this.#phase] ?? 0) + now - this.#since;
    this.#cpu[this.#phase] = (this.#cpu[this.#phase] ?? 0) + spent - this.#spent;
    this.#phase = phase;
    this.#since = now;
    this.#spent = spent;
  }

  end() {
    this.enter('done');
    return { ms: this.#since - this.#started, phases: this.#phases, cpu: this.#cpu };
  }
}

/** Of all threads of this process, which is what counts where others share the machine. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

if (isMainThread) {
  const { port1, port2 } = new MessageChannel();
  const thread = (role, port) =>
    new Worker(new URL(import.meta.url), {
      workerData: { role, directory: process.argv[2], port },
      transferList: [port],
      resourceLimits: BUILDER_LIMITS,
    });
  thread('helper', port1);
  thread('builder', port2).on('message', (what) => process.stdout.write(`${JSON.stringify(what)}\n`));
} else if (workerData.role === 'helper') {
  await help(workerData);
} else {
  await build(workerData, (what) => parentPort.postMessage(what));
}
