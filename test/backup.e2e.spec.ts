/** A copy that is made while everything goes on, put back elsewhere, and played again from its first event. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backup } from '@touchstone/eventing';
import { runHere } from '../apps/cli/testing.js';
import { TestServer } from '../apps/server/testing.js';
import { repairFact } from './repair-facts.js';

const STATE = `query ($at: AsOfInput) {
  journeys(first: 100, asOf: $at) { edges { node { id status touchpointCount
    customer { id phone } timeline(first: 10) { edges { node { entryId kind occurredAt personal position } } } } } }
  journeyMap(asOf: $at, maxNodes: 50, maxVariants: 20) { cases { value } events { value }
    edges { source target count { value } durations { p50 } } variants { kinds cases { value } } }
}`;

describe('touchstone backup and restore', () => {
  const root = mkdtempSync(join(tmpdir(), 'touchstone-backup-'));
  const at = (name: string) => join(root, name);
  const running: TestServer[] = [];
  const start = async (directory: string) => {
    const server = await TestServer.start({}, directory);
    running.push(server);
    return server;
  };

  afterAll(async () => {
    for (const server of running) await server.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('answers from the copy what the original answered as of its head, personal data included', async () => {
    const server = await start(at('data'));
    let journeys = 0;
    const send = async () => {
      const events = Array.from({ length: 20 }, () => journeys++).flatMap((j) =>
        [0, 1, 2].map((s) => repairFact(j, s)),
      );
      const body = events.map((event) => JSON.stringify(event)).join('\n');
      const headers = { 'content-type': 'application/x-ndjson' };
      const answer = await fetch(`${server.url}/events`, { method: 'POST', headers, body });
      expect((await answer.text()).match(/"outcome":"taken"/g)?.length).toBe(60);
    };
    await send();
    let copying = true;
    const traffic = (async () => {
      while (copying) await send();
    })();
    const { code, out, err } = await runHere('backup', at('copy'), '--data', at('data'), '--json');
    copying = false;
    await traffic;
    expect([code, err]).toEqual([0, '']);
    const { backup } = JSON.parse(out) as { backup: Backup };
    await send();
    await server.settled();
    const original = await server.ask(STATE, { at: { position: backup.head } });
    expect(original.errors).toBeUndefined();

    const restored = await runHere('restore', at('copy'), '--data', at('data-2'));
    expect([restored.code, restored.out]).toEqual([
      0,
      expect.stringContaining(`${at('data-2')}, as they were at ${backup.head}`),
    ]);
    const again = await start(at('data-2'));
    await again.settled();
    const copy = await again.ask(STATE, { at: { position: backup.head } });
    expect(copy.errors).toBeUndefined();
    expect(copy.data).toEqual(original.data);
    expect(copy.data.journeys.edges.length).toBeGreaterThan(0);
    expect(JSON.stringify(copy.data)).toContain('About 3');
    // A repeat finds what is there, and what came after the copy goes in.
    const body = JSON.stringify(repairFact(0, 0));
    const headers = { 'content-type': 'application/cloudevents+json' };
    const repeated = await (await fetch(`${again.url}/events`, { method: 'POST', headers, body })).json();
    expect(repeated).toMatchObject({ outcome: 'known' });
  });

  it('says what is wrong, and copies nothing over anything', async () => {
    const twice = await runHere('backup', at('copy'), '--data', at('data'));
    expect([twice.code, twice.err]).toEqual([1, expect.stringMatching(/^BACKUP_EXISTS: /)]);
    const over = await runHere('restore', at('copy'), '--data', at('data'));
    expect([over.code, over.err]).toEqual([1, expect.stringMatching(/^DATA_DIRECTORY_FULL: /)]);
    const nothing = await runHere('backup', at('other'), '--data', at('nowhere'));
    expect([nothing.code, nothing.err]).toEqual([1, expect.stringMatching(/^NO_LOG_THERE: /)]);
  });
});
