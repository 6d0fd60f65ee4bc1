/** Writes a made-up year into a data directory, or finds it there already. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clockAt, EventRegistry, Kernel, openSqliteLog, openVault } from '@touchstone/eventing';
import { PackCatalogue, packEvents, shippedPacks } from '@touchstone/packs';
import { Bar } from './progress.js';
import { BEGIN, worldOf } from './world.js';

/** Another number makes another log: raise it with every change of the world. */
const FORM = 1;
const BATCH = 2_000;

/** Answers what is in the directory: {touchpoints, journeys, events, seed}. */
export async function makeLog(directory, { touchpoints, seed }) {
  const manifest = join(directory, 'bench.json');
  const wanted = { form: FORM, asked: touchpoints, seed };
  if (existsSync(manifest)) {
    const there = JSON.parse(readFileSync(manifest, 'utf8'));
    if (Object.keys(wanted).every((key) => there[key] === wanted[key])) return there;
    throw new Error(`${directory} holds another world; remove it or name another directory.`);
  }
  if (existsSync(join(directory, 'log.db'))) throw new Error(`${directory} holds a log of somebody else's.`);
  mkdirSync(directory, { recursive: true });
  try {
    const made = { ...wanted, ...(await write(directory, touchpoints, seed)) };
    writeFileSync(manifest, JSON.stringify(made));
    return made;
  } catch (error) {
    // Half a log would be taken for somebody's.
    for (const name of ['log.db', 'log.db-wal', 'log.db-shm']) rmSync(join(directory, name), { force: true });
    throw error;
  }
}

async function write(directory, touchpoints, seed) {
  const vault = await openVault({ file: join(directory, 'keys.db') });
  const log = await openSqliteLog({ file: join(directory, 'log.db') });
  try {
    await ship(log, vault);
    return await append(log, worldOf({ touchpoints, seed }), touchpoints);
  } finally {
    await log.close();
    await vault.close();
  }
}

/** The packs that come with the product, as a server would have published them on its first day. */
async function ship(log, vault) {
  const registry = new EventRegistry(packEvents);
  const clock = clockAt(new Date(BEGIN).toISOString(), { still: true });
  const packs = new PackCatalogue(log, new Kernel({ log, vault, registry, clock }));
  await packs.start();
  for (const content of await shippedPacks()) await packs.ship(content);
  await packs.stop();
}

async function append(log, events, touchpoints) {
  const bar = new Bar('log', touchpoints);
  const counts = { events: 0, touchpoints: 0, journeys: 0, types: {} };
  const last = new Map();
  let requests = [];
  let size = 0;
  let underWay = Promise.resolve();
  const send = async () => {
    const sent = requests;
    requests = [];
    size = 0;
    await underWay;
    underWay = log.appendMany(sent).then((outcomes) => {
      const failed = outcomes.find((outcome) => !outcome.ok);
      if (failed) throw failed.error;
    });
    underWay.catch(() => {});
    bar.at(counts.touchpoints, `${counts.events} events`);
  };
  for (const { stream, event } of events) {
    const before = last.get(stream);
    last.set(stream, (before ?? -1) + 1);
    const run = requests.at(-1);
    if (run?.stream === stream) run.events.push(event);
    else requests.push({ stream, expected: before ?? 'none', events: [event] });
    counts.events++;
    if (event.type === 'TouchpointRecorded') counts.touchpoints++;
    counts.types[event.type] = (counts.types[event.type] ?? 0) + 1;
    if (++size >= BATCH) await send();
  }
  await send();
  await underWay;
  counts.touchpoints = counts.types.TouchpointRecorded;
  counts.journeys = counts.types.JourneyOpened;
  bar.end(counts.touchpoints, `${counts.events} events`);
  return counts;
}
