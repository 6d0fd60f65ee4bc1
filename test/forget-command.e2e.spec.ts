import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestServer } from '../apps/server/testing.js';

const bin = fileURLToPath(new URL('../bin/touchstone.js', import.meta.url));
const base = mkdtempSync(join(tmpdir(), 'touchstone-forget-'));
let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  await server.remove();
  rmSync(base, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env['PATH'], TMPDIR: base, TOUCHSTONE_ACTOR: 'clerk' };
  const child = spawn(process.execPath, [bin, '--server', server.url, ...args], {
    cwd: base,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...texts };
}

const event = (name: string, at: string, more = '') =>
  `<event><string key="concept:name" value="${name}"/><date key="time:timestamp" value="${at}"/>${more}</event>`;
const LOG =
  '<log><trace><string key="concept:name" value="T1"/><string key="who" value="Anna Wang"/>' +
  event('Call', '2025-07-16T08:00:00+08:00', '<string key="phone" value="13800138001"/>') +
  event('Call', '2025-07-16T09:00:00', '<string key="phone" value="13800138001"/>') +
  '</trace></log>';

it('a person is forgotten from the command line, and the receipt can be read again', async () => {
  writeFileSync(join(base, 'log.xes'), LOG);
  expect(
    (await run('import', 'log.xes', '--journey-type', 'fault', '--customer', 'who', '--personal', 'phone')).code,
  ).toBe(0);
  const { out } = await run('journeys', '--json');
  const id = /"customerId": "([^"]+)"/.exec(out)![1]!;

  expect(await run('forget', id, '--receipt')).toMatchObject({
    code: 1,
    err: expect.stringContaining('RECEIPT_UNKNOWN: ') as string,
  });
  const unasked = await run('forget', id, '--reason', 'request 17');
  expect([unasked.code, unasked.out]).toEqual([1, '']);
  expect(unasked.err).toMatch(/^CONFIRMATION_NEEDED: /m);

  const done = await run('forget', id, '--reason', 'request 17', '--basis', 'PIPL-47', '--yes', '--json');
  expect([done.code, JSON.parse(done.out)]).toMatchObject([
    0,
    { customerIds: [id], journeyCount: 1, keysDestroyed: 1, keysReleased: 1, quarantineRemoved: 1, importsRemoved: 0 },
  ]);
  const said = (await run('events', '--type', 'CustomerForgotten', '--json')).out;
  expect(said).toContain('"request 17"');
  expect(said).toContain('"clerk"');

  const again = await run('forget', id, '--receipt', '--lang', 'zh');
  expect(again.out).toContain('  1 key destroyed, 1 identifier released\n  1 record removed from quarantine');
  expect(again.out).toContain('仍然保留');
}, 60_000);
