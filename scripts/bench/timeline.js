/** How many timelines a second are answered, beside an app of the same framework that reads nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSqliteLogReader } from '@touchstone/eventing/read';
import { diceOf } from './dice.js';
import { load } from './load.js';
import { Bar, percentile } from './progress.js';

const CONNECTIONS = 16;
const ROUNDS = 5;
const ROUND_MS = 4_000;
const ASKED = 20_000;
const SELECTION = `asOf { position instant }
  edges { node { entryId form kind channel unit occurredAt } } pageInfo { hasNextPage endCursor }`;
const OURS = `query ($id: ID!) { timeline(of: { journeyId: $id }, first: 20) { ${SELECTION} } }`;
const BARE = `query ($id: ID!) { timeline(journeyId: $id, first: 20) { ${SELECTION} } }`;

/** Answers {ratio, p99Ms, details}: each question is about another journey of the whole log. */
export async function timelines(server, { seed }, directory) {
  const ids = await someJourneys(directory, seed);
  const bare = await bareApp();
  const bar = new Bar('timeline', ROUNDS * 2);
  const rounds = [];
  const latencies = [];
  let cpuMs = 0;
  let requests = 0;
  try {
    for (let round = -1; round < ROUNDS; round++) {
      const its = await ask(bare.url, BARE, ids);
      const before = server.cpuMs();
      const ours = await ask(server.url, OURS, ids);
      // The first is to warm both up.
      if (round < 0) continue;
      cpuMs += server.cpuMs() - before;
      requests += ours.requests;
      rounds.push({ ours: ours.perS, bare: its.perS });
      latencies.push(...ours.latencies);
      bar.at(2 * (round + 1));
    }
  } finally {
    await bare.stop();
  }
  bar.end(2 * ROUNDS);
  const median = (of) => percentile(rounds.map(of), 0.5);
  const ms = (p) => Math.round(percentile(latencies, p) * 10) / 10;
  return {
    ratio: Math.round(median(({ ours, bare: raw }) => ours / raw) * 100) / 100,
    p99Ms: ms(0.99),
    details: {
      connections: CONNECTIONS,
      perS: Math.round(median((round) => round.ours)),
      barePerS: Math.round(median((round) => round.bare)),
      cpuMicrosEach: Math.round((cpuMs * 1_000) / requests),
      p50Ms: ms(0.5),
      maxMs: ms(1),
    },
  };
}

function ask(url, query, ids) {
  const bodyOf = (n) => JSON.stringify({ query, variables: { id: ids[n % ids.length] } });
  const check = (text) => {
    if (!text.startsWith('{"data":{"timeline":{') || !text.includes('"edges":[{')) throw new Error(text.slice(0, 500));
  };
  return load(url, { connections: CONNECTIONS, ms: ROUND_MS, bodyOf, check });
}

async function someJourneys(directory, seed) {
  const log = openSqliteLogReader(join(directory, 'log.db'));
  const ids = [];
  for await (const page of log.readAll({ types: ['JourneyOpened'] })) {
    for (const { stream } of page) ids.push(stream.slice('journey-'.length));
  }
  await log.close();
  const dice = diceOf(seed);
  return Array.from({ length: Math.min(ASKED, ids.length) }, () => dice.pick(ids));
}

async function bareApp() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('bare-app.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const said = await Promise.race([once(child.stdout, 'data'), exit.then(() => null)]);
  if (!said) throw new Error('The bare app did not start.');
  const stop = async () => {
    child.kill('SIGTERM');
    await exit;
  };
  return { url: String(said[0]).trim(), stop };
}
