/** How many events a second go in over HTTP: lines of CloudEvents until they are durable and projected. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { Bar } from './progress.js';
import { BenchServer } from './server.js';

const KINDS = [
  'contact.call-received',
  'work.accepted',
  'work.dispatched',
  'crew.arrived',
  'crew.inspected',
  'crew.repaired',
];
const LINES_AT_ONCE = 500;
/** Journeys that are under way at the same time: their events come in turns. */
const UNDER_WAY = 2_000;

/** A server of its own on an empty directory: the others' world would be in the way. */
export async function ingestEventsPerS(options) {
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-bench-ingest-'));
  const server = await BenchServer.start(directory);
  try {
    const bar = new Bar('ingest', options.touchpoints);
    const cpuBefore = server.cpuMs();
    const started = performance.now();
    const answered = await send(server.url, cloudEvents(options.touchpoints), options.touchpoints, bar);
    const durableMs = performance.now() - started;
    await projected(server, answered.position);
    const ms = performance.now() - started;
    bar.end(answered.lines);
    const { taken, lines } = answered;
    if (taken !== options.touchpoints) throw new Error(`Of ${options.touchpoints} events ${taken} were taken in.`);
    const cpuMs = server.cpuMs() - cpuBefore;
    const details = {
      durableEventsPerS: Math.round((lines * 1_000) / durableMs),
      cpuMicrosPerEvent: Math.round((cpuMs * 1_000) / lines),
      bytes: answered.bytes,
    };
    return { figure: Math.round((lines * 1_000) / ms), details };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Lines as a field system would send them: many journeys in turns, customers now and then, some of it personal. */
function* cloudEvents(count) {
  const steps = KINDS.length;
  for (let n = 0; n < count; n++) {
    const block = Math.floor(n / (UNDER_WAY * steps));
    const within = n % (UNDER_WAY * steps);
    const step = Math.floor(within / UNDER_WAY);
    const journey = block * UNDER_WAY + (within % UNDER_WAY);
    const at = new Date(Date.UTC(2024, 0, 1) + journey * 60_000 + step * 1_200_000);
    yield {
      specversion: '1.0',
      id: `e-${n}`,
      source: '/field/oms',
      type: 'touchpoint.recorded',
      time: at.toISOString().replace('Z', '+00:00'),
      sequence: String(step),
      data: {
        journey: { type: 'fault-repair', key: `F-${journey}` },
        kind: KINDS[step],
        channel: step === 0 ? 'hotline' : 'crew',
        unit: `district-${journey % 20}`,
        ...(step === 0 && { customer: { type: 'phone', value: String(13_800_000_000 + (journey % 50_000)) } }),
        ...(step === 5 && journey % 4 === 0 && { personal: { note: `Spoke with the customer of ${journey}.` } }),
        attributes: { eta: 30 + (n % 90), cause: 'cable', severity: n % 3 },
        objects: [{ type: 'work-order', id: `W-${journey}` }],
      },
    };
  }
}

/** Sends as fast as the server reads. */
async function send(url, events, total, bar) {
  const outgoing = request(new URL('/events', url), {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const result = { lines: 0, taken: 0, bytes: 0, position: '' };
  const reading = once(outgoing, 'response').then(async ([response]) => {
    for await (const line of createInterface({ input: response })) {
      const answer = JSON.parse(line);
      if (answer.error) throw new Error(`${answer.error.code}: ${answer.error.message}`);
      result.lines++;
      if (answer.outcome === 'taken') result.taken++;
      if (answer.position > result.position) result.position = answer.position;
      if (result.lines % LINES_AT_ONCE === 0) bar.at(result.lines);
    }
  });
  let text = '';
  let lines = 0;
  for (const event of events) {
    text += `${JSON.stringify(event)}\n`;
    if (++lines % LINES_AT_ONCE && lines < total) continue;
    result.bytes += text.length;
    const more = outgoing.write(text);
    text = '';
    if (!more) await once(outgoing, 'drain');
  }
  outgoing.end();
  await reading;
  return result;
}

async function projected(server, position) {
  for (;;) {
    const { data } = await server.ask('{ projections { checkpoint } }');
    if (data.projections.every(({ checkpoint }) => (checkpoint ?? '') >= position)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
