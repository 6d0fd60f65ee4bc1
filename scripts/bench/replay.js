/** How fast the log is read from its beginning: every event through the port, in today's shape, into a fold. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EventRegistry, openSqliteLogReader } from '@touchstone/eventing/read';
import { events as definitions } from '../../apps/server/dist/composition.js';
import { Bar } from './progress.js';

const self = fileURLToPath(import.meta.url);

/** In a process of its own: what others left in memory would slow it. */
export async function replayEventsPerS(directory, { events }) {
  const bar = new Bar('replay', events);
  const child = spawn(process.execPath, [self, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`The replay ended with ${code}.`);
  const result = JSON.parse(printed);
  bar.end(result.events);
  if (result.events < events) throw new Error(`Of ${events} events only ${result.events} were read.`);
  const { ms, cpuMs, peakMb } = result;
  return { figure: Math.round((result.events * 1_000) / ms), details: { events: result.events, cpuMs, peakMb } };
}

async function replay(directory) {
  const log = openSqliteLogReader(join(directory, 'log.db'));
  const { read } = new EventRegistry(definitions);
  const types = new Map();
  const started = performance.now();
  let count = 0;
  for await (const page of log.readAll()) {
    for (const recorded of page) {
      const { type } = read(recorded);
      types.set(type, (types.get(type) ?? 0) + 1);
      count++;
    }
  }
  const ms = performance.now() - started;
  await log.close();
  const { user, system } = process.cpuUsage();
  const cpuMs = Math.round((user + system) / 1_000);
  console.log(JSON.stringify({ events: count, ms, cpuMs, peakMb: Math.round(process.resourceUsage().maxRSS / 1024) }));
}

if (process.argv[1] === self) await replay(process.argv[2]);
