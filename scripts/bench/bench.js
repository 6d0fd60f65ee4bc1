/** Measures what the product promises, on a made-up year of a service organisation. `npm run bench -- --help` tells how. */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { appendRatios } from './append.js';
import { ingestEventsPerS } from './ingest.js';
import { makeLog } from './make-log.js';
import { mapColdMs, mapWarmMs } from './map.js';
import { metricP99Ms, metricPastMs } from './metrics.js';
import { rebuild } from './rebuild.js';
import { replayEventsPerS } from './replay.js';
import { BenchServer } from './server.js';
import { timelines } from './timeline.js';
import { visibleP99Ms } from './visible.js';
import { xesEventsPerS } from './xes.js';

/**
 * What is measured, in this order, by the keys of its figures. `run` answers {figures, details}; `served`: against a
 * server of its own on the year, so that none finds warm what another one left.
 */
const PARTS = [
  { keys: ['append1Ratio', 'append64Ratio', 'batch1000Ratio'], run: ({ options }) => appendRatios(options) },
  { keys: ['replayEventsPerS'], run: ({ directory, world }) => replayEventsPerS(directory, world).then(one) },
  { keys: ['rebuildEventsPerS'], run: ({ built }) => one(built) },
  { keys: ['ingestEventsPerS'], run: ({ options }) => ingestEventsPerS(options).then(one) },
  {
    keys: ['timelineRatio', 'timelineP99Ms'],
    served: async (server, { options, directory }) => {
      const { ratio, p99Ms, details } = await timelines(server, options, directory);
      return { figures: { timelineRatio: ratio, timelineP99Ms: p99Ms }, details };
    },
  },
  {
    keys: ['xesEventsPerS', 'xesPeakMb'],
    run: async ({ options }) => {
      const { figure, peakMb, details } = await xesEventsPerS(options);
      return { figures: { xesEventsPerS: figure, xesPeakMb: peakMb }, details };
    },
  },
  { keys: ['mapColdMs'], served: (server, { options }) => mapColdMs(server, options).then(one) },
  { keys: ['mapWarmMs'], served: (server, { options }) => mapWarmMs(server, options).then(one) },
  { keys: ['metricP99Ms'], served: (server, { options }) => metricP99Ms(server, options).then(one) },
  { keys: ['metricPastMs'], served: (server, { options }) => metricPastMs(server, options).then(one) },
  // The last: it leaves its events in the year.
  { keys: ['visibleP99Ms'], served: (server) => visibleP99Ms(server).then(one) },
];
const KEYS = PARTS.flatMap(({ keys }) => keys);

const HELP = `Measures what the product promises, on a made-up year of a service organisation.

  npm run bench -- [keys] [--touchpoints N] [--seed N] [--data DIR] [--requests N]

  --touchpoints N   of the year, and how many are sent in (100000)
  --seed N          another one makes another year (1)
  --data DIR        keeps the year there, so that a second run need not make it anew; what was measured has
                    left its events in it
  --requests N      questions for metrics (200)

Keys, all when none is named: ${KEYS.join(', ')}.
Progress goes to stderr; stdout gets one JSON with the figures, what lies behind them and the most memory of each part.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    touchpoints: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    data: { type: 'string' },
    requests: { type: 'string', default: '200' },
    help: { type: 'boolean' },
  },
});
if (values.help) process.stdout.write(HELP);
else process.stdout.write(`${JSON.stringify(await measure(), null, 2)}\n`);

async function measure() {
  const unknown = positionals.filter((key) => !KEYS.includes(key));
  if (unknown.length > 0) throw new Error(`There is no figure ${unknown.join(', ')}; there are ${KEYS.join(', ')}.`);
  const asked = (keys) => positionals.length === 0 || keys.some((key) => positionals.includes(key));
  const parts = PARTS.filter(({ keys }) => asked(keys));
  const options = {
    touchpoints: whole('touchpoints', values.touchpoints),
    seed: whole('seed', values.seed),
    requests: whole('requests', values.requests),
  };
  const directory = values.data ?? mkdtempSync(join(tmpdir(), 'touchstone-bench-'));
  try {
    const world = await makeLog(directory, options);
    // Those that ask need a generation that answers, and this is the quick way to one.
    const needsOne = parts.some(({ keys, served }) => served || keys.includes('rebuildEventsPerS'));
    const built = needsOne ? await rebuild(directory, world.events) : undefined;
    const figures = {};
    const details = {};
    for (const part of parts) {
      const measured = await of(part, { options, directory, world, built });
      Object.assign(figures, measured.figures ?? { [part.keys[0]]: measured.figure });
      details[part.keys[0]] = measured.details;
    }
    const { touchpoints, journeys, events } = world;
    const machine = { cpus: cpus().length, model: cpus()[0].model, node: process.version };
    return { ...figures, world: { touchpoints, journeys, events }, details, machine };
  } finally {
    if (values.data === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

async function of({ run, served }, context) {
  if (run) return run(context);
  const server = await BenchServer.start(context.directory);
  try {
    const { details, ...figures } = await served(server, context);
    return { ...figures, details: { ...details, peakMb: server.peakMb() } };
  } finally {
    await server.stop();
  }
}

/** A part with one figure. */
function one({ figure, details }) {
  return { figure, details };
}

function whole(name, text) {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new Error(`--${name} must be a whole number from 1 on; got "${text}".`);
}
