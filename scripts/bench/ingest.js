/** How many events a second go in over HTTP: lines of CloudEvents until they are durable and projected. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cloudEvents, FieldStream } from './field.js';
import { Bar } from './progress.js';
import { BenchServer } from './server.js';

const LINES_AT_ONCE = 500;

/** A server of its own on an empty directory: the others' world would be in the way. */
export async function ingestEventsPerS(options) {
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-bench-ingest-'));
  const server = await BenchServer.start(directory);
  try {
    const bar = new Bar('ingest', options.touchpoints);
    const cpuBefore = server.cpuMs();
    const started = performance.now();
    const answered = { lines: 0, taken: 0, position: '' };
    const stream = new FieldStream(server.url, ({ outcome, position }) => {
      answered.lines++;
      if (outcome === 'taken') answered.taken++;
      if (position > answered.position) answered.position = position;
      if (answered.lines % LINES_AT_ONCE === 0) bar.at(answered.lines);
    });
    const events = cloudEvents();
    for (let left = options.touchpoints; left > 0; left -= LINES_AT_ONCE) {
      await stream.send(Array.from({ length: Math.min(left, LINES_AT_ONCE) }, () => events.next().value));
    }
    await stream.end();
    const durableMs = performance.now() - started;
    await projected(server, answered.position);
    const ms = performance.now() - started;
    bar.end(answered.lines);
    const { taken, lines } = answered;
    if (taken !== options.touchpoints) throw new Error(`Of ${options.touchpoints} events ${taken} were taken in.`);
    const cpuMs = server.cpuMs() - cpuBefore;
    const details = {
      durableEventsPerS: Math.round((lines * 1_000) / durableMs),
      peakMb: server.peakMb(),
      cpuMicrosPerEvent: Math.round((cpuMs * 1_000) / lines),
      bytes: stream.bytes,
    };
    return { figure: Math.round((lines * 1_000) / ms), details };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function projected(server, position) {
  for (;;) {
    const { data } = await server.ask('{ projections { checkpoint } }');
    if (data.projections.every(({ checkpoint }) => (checkpoint ?? '') >= position)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
