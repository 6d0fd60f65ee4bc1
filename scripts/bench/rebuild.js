/** How fast the journeys group is projected from the beginning of the log, indexes and derived rows included. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Bar } from './progress.js';

const entry = fileURLToPath(new URL('build.js', import.meta.url));

export async function rebuild(directory, events) {
  const bar = new Bar('rebuild', events);
  const child = spawn(process.execPath, [entry, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  let result;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line);
    if (said.result) result = said.result;
    else bar.at(said.events, said.phase);
  }
  const end = await ended;
  if (!result || end !== 0) throw new Error(`The build ended with ${end}.`);
  bar.end(result.events, 'done');
  const rounded = (byPhase) =>
    Object.fromEntries(Object.entries(byPhase).map(([phase, ms]) => [phase, Math.round(ms)]));
  const [phases, cpuMs] = [rounded(result.phases), rounded(result.cpu)];
  const figure = Math.round((result.events * 1_000) / result.ms);
  return {
    figure,
    details: { events: result.events, ms: Math.round(result.ms), phases, cpuMs, peakMb: Math.round(result.rssMb) },
  };
}
