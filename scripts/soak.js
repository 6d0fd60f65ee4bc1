/**
 * Ten minutes of everything at once: events at a steady rate, people who ask, subscribers who follow, and one who has
 * stopped reading. Usage: `npm run soak -- [--minutes N] [--rate N] [--data DIR]`. Progress goes to stderr, one JSON to
 * stdout. Exit code 0: memory stayed flat, the lag bounded, nothing was parked, and every reader saw everything once.
 * 2: all that holds, but the machine did not hold the rate, so nothing is said about that rate. 1: something does not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Asking, Follower, StoppedReader } from './bench/company.js';
import { cloudEvents, FieldStream, paced } from './bench/field.js';
import { memoryReport, sampleOf } from './bench/memory.js';
import { Bar, percentile } from './bench/progress.js';
import { BenchServer } from './bench/server.js';

const HELP = `Ten minutes of events, questions and subscribers at once.

  --minutes N   how long (10)
  --rate N      events a second (5000)
  --data DIR    keep the data there; a new directory when absent
`;
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '5000' },
    data: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const EVERY_MS = 20;
const FOLLOWERS = 3;
const ASKERS = 2;
const SAMPLE_MS = 5_000;
const LAG_MS = 10_000;
/** The rate was held when so much of it came in. */
const HELD = 0.98;

if (values.help) process.stdout.write(HELP);
else await soak(Number(values.minutes), Number(values.rate));

async function soak(minutes, rate) {
  if (!(minutes > 0) || !(rate > 0)) throw new Error('--minutes and --rate must be positive numbers.');
  const directory = values.data ?? mkdtempSync(join(tmpdir(), 'touchstone-soak-'));
  const server = await BenchServer.start(directory);
  try {
    const report = await run(server, directory, minutes * 60, rate);
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    process.exitCode = report.faults.length > 0 ? 1 : report.machine === null ? 0 : 2;
  } finally {
    await server.stop();
    if (values.data === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

async function run(server, directory, seconds, rate) {
  const bar = new Bar('soak', seconds * rate);
  const samples = [];
  const answers = { taken: 0, other: 0 };
  const known = [];
  const stream = new FieldStream(server.url, ({ outcome, journeyId }) => {
    if (outcome === 'taken') answers.taken++;
    else answers.other++;
    if (known.length < 10_000) known.push(journeyId);
  });
  const followers = Array.from({ length: FOLLOWERS }, () => new Follower(server.url));
  const stopped = new StoppedReader(server.url);
  const asking = Array.from({ length: ASKERS }, () => new Asking(server, known));
  const events = cloudEvents({ name: 'soak', underWay: 5_000 });
  const each = (rate * EVERY_MS) / 1_000;
  let sent = 0;
  const started = performance.now();
  const sampling = setInterval(() => {
    const at = { seconds: (performance.now() - started) / 1_000, events: sent };
    sample(server, directory).then(
      (sampled) => samples.push({ ...at, ...sampled }),
      () => undefined,
    );
  }, SAMPLE_MS);
  try {
    await paced(EVERY_MS, (seconds * 1_000) / EVERY_MS, async () => {
      const until = Math.round(((performance.now() - started) / 1_000) * rate);
      const some = Math.max(1, Math.min(until - sent, 5 * each));
      await stream.send(Array.from({ length: some }, () => events.next().value));
      sent += some;
      bar.at(sent, `${samples.at(-1)?.rss ?? 0} MB, lag ${samples.at(-1)?.lagMs ?? 0} ms`);
    });
    await stream.end();
  } finally {
    clearInterval(sampling);
  }
  const tookS = (performance.now() - started) / 1_000;
  const asked = (await Promise.all(asking.map((one) => one.end()))).flat();
  const status = await settled(server);
  const followed = await Promise.all(followers.map((follower) => follower.end(sent)));
  const whyStopped = await stopped.end();
  bar.end(sent);
  return reported({ sent, rate, tookS, answers, samples, asked, status, followed, whyStopped });
}

async function sample(server, directory) {
  const { data } = await server.ask('{ projections { state lag parked } }');
  const lagMs = Math.max(...data.projections.map((projection) => projection.lag ?? 0));
  return { lagMs, ...(await sampleOf(server, directory)) };
}

/** Waits until everything is projected. */
async function settled(server) {
  for (;;) {
    const { data } = await server.ask('{ projections { state lag parked } }');
    if (data.projections.every(({ lag }) => lag === 0)) return data.projections;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function reported({ sent, rate, tookS, answers, samples, asked, status, followed, whyStopped }) {
  const lags = samples.map(({ lagMs }) => lagMs);
  const { fault: grown, ...memory } = memoryReport(samples);
  const parked = status.reduce((sum, projection) => sum + projection.parked, 0);
  const perS = Math.round(sent / tookS);
  const ms = (p) => Math.round(percentile(asked, p) * 10) / 10;
  const faults = [
    answers.taken !== sent && `Of ${sent} events ${answers.taken} were taken.`,
    grown,
    Math.max(...lags) > LAG_MS && `Read models were ${Math.max(...lags)} ms behind.`,
    parked > 0 && `${parked} events are parked.`,
    ...followed.map(({ fault }) => fault),
  ].filter(Boolean);
  return {
    events: sent,
    eventsPerS: perS,
    seconds: Math.round(tookS),
    memoryMb: memory,
    lagMs: { p50: percentile(lags, 0.5), p99: percentile(lags, 0.99), max: Math.max(...lags) },
    queries: { asked: asked.length, p50Ms: ms(0.5), p99Ms: ms(0.99), maxMs: ms(1) },
    followers: followed,
    stoppedReader: whyStopped,
    parked,
    // Not a fault of what is tried: senders wait where it takes no more, and what came in is judged all the same.
    machine: perS < HELD * rate ? `The machine did not hold the rate: ${perS} of ${rate} events a second.` : null,
    faults,
  };
}
