/**
 * Measures what the product promises, on a made-up year of a service organisation:
 *
 *   npm run bench -- [keys] [--touchpoints N] [--seed N] [--data DIR] [--requests N]
 *
 * Keys: rebuildEventsPerS, ingestEventsPerS, mapColdMs, metricP99Ms, metricPastMs (all when none is named). `--data` keeps the directory,
 * so that a second run need not write the log anew; the rules of moments then have recorded there what they still owed. Progress goes to stderr; stdout gets one JSON with the figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ingestEventsPerS } from './ingest.js';
import { makeLog } from './make-log.js';
import { mapColdMs } from './map.js';
import { metricP99Ms, metricPastMs } from './metrics.js';
import { rebuild } from './rebuild.js';
import { BenchServer } from './server.js';

const SERVED = { mapColdMs, metricP99Ms, metricPastMs };
const KEYS = ['rebuildEventsPerS', 'ingestEventsPerS', ...Object.keys(SERVED)];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    touchpoints: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    data: { type: 'string' },
    requests: { type: 'string', default: '200' },
  },
});
const unknown = positionals.filter((key) => !KEYS.includes(key));
if (unknown.length > 0) throw new Error(`There is no figure ${unknown.join(', ')}; there are ${KEYS.join(', ')}.`);
const keys = positionals.length > 0 ? positionals : KEYS;
const options = {
  touchpoints: whole('touchpoints', values.touchpoints),
  seed: whole('seed', values.seed),
  requests: whole('requests', values.requests),
};

const directory = values.data ?? mkdtempSync(join(tmpdir(), 'touchstone-bench-'));
try {
  const { touchpoints, journeys, events } = await makeLog(directory, options);
  const figures = {};
  const details = {};
  // The others need a generation to ask, and this is the quick way to one.
  const built = await rebuild(directory, events);
  if (keys.includes('rebuildEventsPerS')) figures.rebuildEventsPerS = built.figure;
  details.rebuild = built.details;
  if (keys.includes('ingestEventsPerS')) {
    const ingested = await ingestEventsPerS(options);
    figures.ingestEventsPerS = ingested.figure;
    details.ingestEventsPerS = ingested.details;
  }
  const served = keys.filter((key) => key in SERVED);
  if (served.length > 0) {
    for (const key of served) {
      // Each against a server of its own, so that none finds warm what another one left.
      const server = await BenchServer.start(directory);
      try {
        const { figure, details: more } = await SERVED[key](server, options);
        figures[key] = figure;
        details[key] = more;
      } finally {
        await server.stop();
      }
    }
  }
  const machine = { cpus: cpus().length, model: cpus()[0].model, node: process.version };
  console.log(JSON.stringify({ ...figures, world: { touchpoints, journeys, events }, details, machine }, null, 2));
} finally {
  if (values.data === undefined) rmSync(directory, { recursive: true, force: true });
}

function whole(name, text) {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new Error(`--${name} must be a whole number from 1 on; got "${text}".`);
}
