/** A house that moves from its own log to a server, and is looked after there. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clockAt } from '@touchstone/eventing';
import { runHere, runWith } from '../apps/cli/testing.js';
import { TestServer } from '../apps/server/testing.js';
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { freshSchema, postgresForSuite } from '../scripts/postgres.js';
import { repairFact } from './repair-facts.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

const CLOCK = clockAt('2025-08-01T00:00:00Z', { still: true });
const STATE = `{ journeys(first: 100) { edges { node { id status touchpointCount customer { id phone }
  timeline(first: 10) { edges { node { entryId kind occurredAt personal } } } } } }
  journeyMap { cases { value } edges { source target count { value } } } }`;

describe('moving a house to another log', () => {
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-move-'));
  const data = join(directory, 'data');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const send = async (server: TestServer, journeys: number[]) => {
    const body = JSON.stringify(journeys.flatMap((j) => [0, 1, 2].map((step) => repairFact(j, step))));
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    const answer = await fetch(`${server.url}/events`, { method: 'POST', headers, body });
    return (await answer.text()).match(/"outcome":"(\w+)"/g) ?? [];
  };
  const stateOf = async (server: TestServer) => {
    await server.settled();
    const { data: state, errors } = await server.ask(STATE);
    expect(errors).toBeUndefined();
    return state as unknown;
  };

  it('answers from the server what it answered from its file, personal data included, and goes on', async () => {
    const esdb = await FaultyEsdb.start();
    let server = await TestServer.start({}, data, CLOCK);
    try {
      await send(server, [1, 2, 3, 4]);
      await server.settled();
      // The long part is done while it runs.
      const running = await runHere('copy-log', '--from', data, '--to', esdb.url);
      expect([running.code, running.out]).toEqual([0, expect.stringMatching(/^Copied \d+ events; equal: /)]);
      const early = await runHere('copy-log', '--from', data, '--to', esdb.url, '--switch');
      expect([early.code, early.err]).toEqual([1, expect.stringMatching(/^DATA_DIRECTORY_IN_USE: /m)]);
      await send(server, [5]);
      const before = await stateOf(server);
      expect(JSON.stringify(before)).toContain('About 5');
      await server.close();
      const moved = await runHere('copy-log', '--from', data, '--to', esdb.url, '--switch', '--json');
      expect(moved.code).toBe(0);
      const { copy } = JSON.parse(moved.out) as { copy: { copied: number; digest: { events: number } } };
      expect(copy.copied).toBeGreaterThan(0);
      expect(copy.copied).toBeLessThan(copy.digest.events);
      const there = readdirSync(data);
      for (const name of ['log.db', 'read', 'policies']) expect(there).not.toContain(name);
      for (const name of ['keys.db', 'quarantine.db', 'event-log.json', 'former-log']) expect(there).toContain(name);

      const env = { EVENT_LOG_URL: esdb.url };
      server = await TestServer.start(env, data, CLOCK);
      expect(await stateOf(server)).toEqual(before);
      // A repeat is known, and what is new goes in.
      expect(new Set(await send(server, [1]))).toEqual(new Set(['"outcome":"known"']));
      expect(new Set(await send(server, [6]))).toEqual(new Set(['"outcome":"taken"']));
      await server.settled();
      const healthy = await runWith(env, 'doctor', '--data', data, '--json');
      const { findings } = JSON.parse(healthy.out) as { findings: { level: string; code: string }[] };
      expect(findings.filter(({ level }) => level === 'fail')).toEqual([]);
      const codes = findings.map(({ code }) => code);
      for (const code of ['OWNER', 'LOG_PLACE', 'EVENT_LOG', 'SERVER', 'PROJECTION', 'POLICY', 'QUARANTINE'])
        expect(codes).toContain(code);
      const after = await stateOf(server);
      await server.close();

      const back = await runHere('copy-log', '--from', esdb.url, '--to', data, '--switch');
      expect([back.code, back.out]).toEqual([0, expect.stringContaining('start its server without EVENT_LOG_URL')]);
      server = await TestServer.start({}, data, CLOCK);
      expect(await stateOf(server)).toEqual(after);
    } finally {
      await server.close();
      await esdb.down();
    }
  }, 60_000);

  it('takes a PostgreSQL along, which is of no other log', async () => {
    if (!postgres) return;
    const esdb = await FaultyEsdb.start();
    const env = { READ_STORE_URL: freshSchema(postgres, 'moved') };
    const at = join(directory, 'shared');
    let server = await TestServer.start(env, at, CLOCK);
    try {
      await send(server, [1, 2]);
      const before = await stateOf(server);
      await server.close();
      const other = TestServer.start(env, join(directory, 'other'), CLOCK);
      await expect(other).rejects.toMatchObject({ code: 'READ_STORE_OF_OTHER_LOG' });
      const moved = await runHere('copy-log', '--from', at, '--to', esdb.url, '--switch');
      expect(moved.code).toBe(0);
      server = await TestServer.start({ ...env, EVENT_LOG_URL: esdb.url }, at, CLOCK);
      expect(server.log.join()).toContain('READ_STORE_ANEW');
      expect(await stateOf(server)).toEqual(before);
      expect(new Set(await send(server, [3]))).toEqual(new Set(['"outcome":"taken"']));
    } finally {
      await server.close();
      await esdb.down();
    }
  }, 60_000);
});
