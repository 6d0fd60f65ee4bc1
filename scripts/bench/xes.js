/**
 * How many events a second an XES log brings in, and how much memory that takes: a file as large as real ones are, sent
 * to a server over HTTP as the command line does, until the import says that all of it is durable.
 */
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { diceOf } from './dice.js';
import { Bar } from './progress.js';
import { BenchServer } from './server.js';

const MB = 1_000_000;
const FILE_MB = 75;
const OPTIONS = { journeyType: 'permit', source: 'registry', unit: 'org:group', staff: 'org:resource' };
const ACTIVITIES = [
  'Register application',
  'Confirm receipt',
  'Check completeness',
  'Request documents',
  'Receive documents',
  'Assess application',
  'Ask for advice',
  'Decide',
  'Send decision',
  'Close case',
];

/**
 * @param options `seed`; `fileMb`: size of the file in MB, 75 when it is left out
 * @returns the figure in events a second, and beside it `peakMb`, the most memory (MB) that the server's process held
 */
export async function xesEventsPerS({ seed, fileMb = FILE_MB }) {
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-bench-xes-'));
  try {
    const file = join(directory, 'log.xes');
    const made = await writeLog(file, seed, fileMb * MB);
    const data = join(directory, 'data');
    mkdirSync(data);
    const server = await BenchServer.start(data);
    try {
      const restingMb = server.peakMb();
      const cpuBefore = server.cpuMs();
      const bar = new Bar('xes', made.events);
      const started = performance.now();
      const { result, readMs } = await send(server.url, file, bar);
      const ms = performance.now() - started;
      bar.end(made.events);
      if (result.taken !== made.events) throw new Error(`Of ${made.events} events ${result.taken} were taken in.`);
      const cpuMs = server.cpuMs() - cpuBefore;
      const details = {
        ...made,
        readMs: Math.round(readMs),
        appendMs: Math.round(ms - readMs),
        cpuMicrosPerEvent: Math.round((cpuMs * 1_000) / made.events),
        restingMb,
      };
      return { figure: Math.round((made.events * 1_000) / ms), peakMb: server.peakMb(), details };
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writes a log of that size, trace by trace. The same seed gives the same bytes. */
async function writeLog(file, seed, bytes) {
  const dice = diceOf(seed);
  const out = createWriteStream(file);
  const sum = { bytes: 0, cases: 0, events: 0 };
  const write = async (text) => {
    sum.bytes += Buffer.byteLength(text);
    if (!out.write(text)) await once(out, 'drain');
  };
  await write(HEAD);
  while (sum.bytes < bytes) {
    const events = 6 + dice.upTo(9);
    await write(traceText(dice, sum.cases++, events));
    sum.events += events;
  }
  await write('</log>\n');
  out.end();
  await once(out, 'close');
  return sum;
}

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xmlns="http://www.xes-standard.org/">
\t<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
\t<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
\t<classifier name="Activity" keys="concept:name"/>
`;

function traceText(dice, n, count) {
  let at = Date.UTC(2022, 0, 3) + n * 90_000;
  let text = `\t<trace>\n\t\t<string key="concept:name" value="case-${n}"/>\n`;
  text += `\t\t<date key="REG_DATE" value="${timeText(at)}"/>\n`;
  text += `\t\t<string key="region" value="district ${dice.upTo(40)}"/>\n`;
  for (let i = 0; i < count; i++) {
    at += 60_000 * (1 + dice.upTo(3_000));
    text +=
      `\t\t<event>\n\t\t\t<string key="concept:name" value="${ACTIVITIES[i % ACTIVITIES.length]}"/>\n` +
      `\t\t\t<date key="time:timestamp" value="${timeText(at)}"/>\n` +
      `\t\t\t<string key="lifecycle:transition" value="complete"/>\n` +
      `\t\t\t<string key="org:resource" value="clerk &amp; team ${dice.upTo(300)}"/>\n` +
      `\t\t\t<string key="org:group" value="Group ${dice.upTo(25)}"/>\n` +
      `\t\t\t<float key="cost" value="${(dice.upTo(100_000) / 100).toFixed(2)}"/>\n` +
      `\t\t\t<int key="documents" value="${dice.upTo(12)}"/>\n` +
      (dice.upTo(2) ? `\t\t\t<boolean key="express" value="${dice.upTo(2) === 0}"/>\n` : '') +
      '\t\t</event>\n';
  }
  return `${text}\t</trace>\n`;
}

const timeText = (at) => new Date(at + 3_600_000).toISOString().replace('Z', '+01:00');

/** Sends the file as fast as the server reads it. Answers the result, and after how many ms the file was read. */
async function send(url, file, bar) {
  const target = new URL('/imports/xes', url);
  target.searchParams.set('options', JSON.stringify(OPTIONS));
  const headers = { 'content-type': 'application/xml', 'content-length': statSync(file).size };
  const outgoing = request(target, { method: 'POST', headers });
  const started = performance.now();
  const answered = once(outgoing, 'response').then(async ([response]) => {
    let readMs = 0;
    for await (const line of createInterface({ input: response })) {
      const { progress, result, error } = JSON.parse(line);
      if (error) throw new Error(`${error.code}: ${error.message}`);
      if (result) return { result, readMs };
      if (progress?.phase !== 'append') continue;
      readMs ||= performance.now() - started;
      bar.at(progress.done);
    }
    throw new Error('The server ended its answer without a result.');
  });
  await pipeline(createReadStream(file), outgoing);
  return answered;
}
