import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOwner } from '@touchstone/eventing';
import { killAll, Server } from './chaos.children.js';
import { Ledger } from './chaos.ledger.js';
import { traffic } from './chaos.traffic.js';
import { findings } from './chaos.verify.js';

let root: string;
let directory: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'touchstone-stop-'));
  directory = join(root, 'data');
});
afterAll(async () => {
  await killAll();
  rmSync(root, { recursive: true, force: true });
});

const ledger = new Ledger();

async function timed(work: () => Promise<Server>): Promise<{ server: Server; ms: number }> {
  const start = performance.now();
  return { server: await work(), ms: performance.now() - start };
}

/** The write-ahead log of a database that was closed in order has nothing left in it. */
const leftIn = (file: string): number => (existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0);

describe('a server that is asked to stop while it is at work', () => {
  let firstStartMs: number;

  it.each([
    ['at the end of its streams', 400, {}],
    ['once more, on the same directory', 700, {}],
    // The streams go on: they are cut off when their time is over.
    ['with streams that never end', 400, { SHUTDOWN_MS: '300' }],
  ])(
    'ends in order and has all it acknowledged: %s',
    async (_how, afterMs, env: Record<string, string>) => {
      const { server, ms } = await timed(() => Server.start(directory, env));
      firstStartMs ??= ms;
      const ending = { enough: false, expected: false };
      const before = ledger.claims.length;
      const sending = traffic(server, before + afterMs, ledger, ending);
      while (ledger.claims.length === before) await sleep(5);
      await sleep(afterMs);
      const claimsAtStop = ledger.claims.length;
      ending.expected = true;
      ending.enough = !('SHUTDOWN_MS' in env);
      server.signal('SIGTERM');
      const exit = await server.exit;
      ending.enough = true;
      await sending;
      expect(exit).toEqual({ code: 0, signal: null });
      // An end in time, without a defect on the way; whoever goes on for ever is told so and cut off.
      expect(server.printed).not.toContain(' error ');
      expect(server.printed.includes('they are cut off')).toBe('SHUTDOWN_MS' in env);
      expect(claimsAtStop).toBeGreaterThan(before);
      expect(await readOwner(directory)).toBeNull();
      expect(['log.db', 'keys.db', 'quarantine.db'].map((name) => leftIn(join(directory, name)))).toEqual([0, 0, 0]);
      expect(await findings(directory, ledger)).toEqual([]);
    },
    60_000,
  );

  it('starts again as quickly as the first time, and stands at the head', async () => {
    const { server, ms } = await timed(() => Server.start(directory));
    await server.settled();
    expect(ms).toBeLessThan(2 * firstStartMs + 1_000);
    server.signal('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(ledger.quarantined.length).toBeGreaterThan(0);
    expect(await findings(directory, ledger, { settled: true })).toEqual([]);
  }, 60_000);
});
