/** What the memory of a run says: how it stood by the minute, whether it grew, and where. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Memory is flat when its last third is no more than so much above the middle one. */
const GROWTH = 1.1;
/** Samples without which nothing is said: two minutes of them. */
const FEWEST = 24;

/**
 * One sample, in MB. `heap` is what V8 holds for the main thread, used or not; `elsewhere` is all the rest: heaps of
 * other threads, page caches of databases, code. The files that are written ahead (`wal`) are no memory, but grow where
 * somebody reads for too long.
 */
export async function sampleOf(server, directory) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const heap = Math.round(Number(/^nodejs_heap_size_total_bytes (\S+)/m.exec(text)?.[1] ?? 0) / 1_048_576);
  const rss = server.rssMb();
  return { rss, heap, elsewhere: rss - heap, wal: walMb(directory) };
}

function walMb(directory) {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true })) {
    if (!name.endsWith('-wal')) continue;
    // Of one that was folded in meanwhile there is nothing to count.
    bytes += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return Math.round(bytes / 1_048_576);
}

/**
 * Of samples `{ seconds, events, rss, heap, elsewhere, wal }` in their order. `thirds`: the most of each third of the
 * run, so that it does not matter how fast events came. `perMillion`: MB that a million events would add
 * at the pace of the last two thirds; of a short run that is mostly noise. `fault`: null when memory stayed flat.
 */
export function memoryReport(samples) {
  const thirds = thirdsOf(samples);
  const [, middle, last] = thirds.map((third) => most(third, 'rss'));
  const events = last && middle ? thirds[2].at(-1).events - thirds[1].at(-1).events : 0;
  const grown = last && middle ? last.rss - middle.rss : 0;
  const inThirds = (what) => thirds.map((third) => most(third, what)?.[what] ?? 0);
  const report = { rss: inThirds('rss'), heap: inThirds('heap'), elsewhere: inThirds('elsewhere') };
  return {
    thirds: report,
    perMillion: events > 0 ? Math.round((grown / events) * 1e6) : 0,
    byMinute: byMinute(samples),
    fault: faultOf(samples, report),
  };
}

function faultOf({ length }, { rss, heap, elsewhere }) {
  // Silence is no proof.
  if (length < FEWEST) return `Memory was looked at ${length} times, and ${FEWEST} are needed to say that it is flat.`;
  if (rss[2] <= GROWTH * rss[1]) return null;
  return `Memory grew: ${JSON.stringify({ rss, heap, elsewhere })} MB in thirds of the run.`;
}

function thirdsOf(samples) {
  const third = Math.floor(samples.length / 3);
  return [samples.slice(0, third), samples.slice(third, 2 * third), samples.slice(2 * third)];
}

const most = (samples, what) => samples.reduce((a, b) => (a === undefined || b[what] > a[what] ? b : a), undefined);

/** The last sample of each minute. */
function byMinute(samples) {
  const minutes = new Map();
  for (const { seconds, ...sample } of samples) minutes.set(Math.floor(seconds / 60) + 1, sample);
  return [...minutes].map(([minute, sample]) => ({ minute, ...sample }));
}
