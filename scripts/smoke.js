/**
 * Starts the built server as a user would, on a free port and an empty directory; asks it whether it is ready and one
 * GraphQL question; stops it by its process id; and wants a clean end.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'touchstone-smoke-'));
const LIMIT_MS = 30_000;

const server = spawn(process.execPath, [main, '--data', directory, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'pipe'],
});
let printed = '';
server.stdout.on('data', (chunk) => (printed += chunk));
server.stderr.on('data', (chunk) => process.stderr.write(chunk));
const exit = new Promise((resolve) => server.once('exit', (code, signal) => resolve({ code, signal })));

async function until(what, look) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (server.exitCode !== null) throw new Error(`The server ended while waiting for ${what}: ${printed}`);
    if (Date.now() > end) throw new Error(`No ${what} within ${LIMIT_MS} ms: ${printed}`);
    await sleep(50);
  }
}

async function ask(url, query) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

try {
  const url = await until('address', () => /http:\/\/[^\s]+/.exec(printed)?.[0]);
  await until('readiness', async () => (await fetch(`${url}/health/ready`)).ok);
  const { data, errors } = await ask(
    url,
    '{ projections { group state lag parked } metrics { id } moments { edges { cursor } } }',
  );
  assert.equal(errors, undefined);
  assert.ok(data.projections.length > 0, 'no projections');
  for (const { group, state, parked } of data.projections) assert.deepEqual([group, state, parked], [group, 'LIVE', 0]);
  assert.ok(data.metrics.length > 0, 'no metrics');
  assert.deepEqual(data.moments.edges, [], 'moments in an empty log');
  process.kill(server.pid, 'SIGTERM');
  const end = await Promise.race([exit, sleep(LIMIT_MS, 'no end', { ref: false })]);
  assert.deepEqual(end, { code: 0, signal: null });
  console.log(`Smoke: ${url} was ready, answered, and ended cleanly.`);
} finally {
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGKILL');
    await exit;
  }
  rmSync(directory, { recursive: true, force: true });
}
