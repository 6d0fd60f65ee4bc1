/** From what could not be read to what it should have been: over HTTP, GraphQL and the command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHere } from '../apps/cli/testing.js';
import { TestServer } from '../apps/server/testing.js';

let server: TestServer;
let files: string;
beforeAll(async () => {
  server = await TestServer.start();
  files = mkdtempSync(join(tmpdir(), 'touchstone-mend-'));
});
afterAll(async () => {
  await server.remove();
  rmSync(files, { recursive: true, force: true });
});

const event = (id: string, more: object = {}, data: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/oms',
  type: 'touchpoint.recorded',
  time: '2025-05-01T08:00:00+08:00',
  data: { journey: { type: 'repair', key: 'F1' }, kind: 'crew.arrived', ...data },
  ...more,
});
type Answer = Record<string, string>;
async function send(...events: object[]): Promise<Answer[]> {
  const body = events.map((e) => JSON.stringify(e)).join('\n');
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await fetch(`${server.url}/events`, { method: 'POST', headers, body });
  return (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}
const run = (...args: string[]) => runHere('--server', server.url, '--actor', 'anna', 'quarantine', ...args);
async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await run(...args, '--json');
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as T;
}
async function kinds(journeyId: string, position: string): Promise<string[]> {
  const query = `query ($of: TimelineOf!, $p: Position) {
    timeline(of: $of, atLeast: $p) { edges { node { occurredAt kind } } }
  }`;
  const { data } = await server.ask(query, { of: { journeyId }, p: position });
  return data.timeline.edges.map(({ node }: { node: Answer }) => `${node['occurredAt']} ${node['kind']}`);
}

it('an event that was sent broken is mended by hand, driven in, and seen in its timeline', async () => {
  const [good, bad] = await send(event('1'), event('2', { time: '2025-05-01T09:00:00' }));
  expect([good!['outcome'], bad!['outcome']]).toEqual(['taken', 'quarantined']);
  const id = bad!['quarantineId']!;
  const shown = await run('show', id);
  expect(shown.out).toContain('CLOUDEVENT_TIME_WITHOUT_ZONE: time has no zone offset.');
  expect(shown.out).toContain('"time":"2025-05-01T09:00:00"');

  const file = join(files, 'event.json');
  writeFileSync(file, JSON.stringify(event('2', { time: '2025-05-01T09:30:00+08:00' })));
  const mended = await run('mend', id, '--payload', file, '--note', 'asked the crew', '--seen', '0');
  expect(mended).toEqual({ code: 0, out: '1 record mended.\n', err: '' });
  expect((await run('mend', id, '--payload', file)).out).toBe('0 records mended.\n');
  const late = await run('mend', id, '--zone', '+09:00', '--seen', '0');
  expect([late.code, late.err]).toEqual([1, expect.stringMatching(/^QUARANTINED_CHANGED: /)]);
  expect((await run('retry', id)).out).toBe('1 record taken, 0 already known, 0 still waiting.\n');
  expect((await run('retry', id)).out).toBe('0 records taken, 1 already known, 0 still waiting.\n');

  type Shown = { state: string; position: string; journeyId: string; deeds: Answer[] };
  const record = await json<Shown>('show', id);
  expect(record).toMatchObject({ state: 'TAKEN', journeyId: good!['journeyId'] });
  expect(record.deeds.map(({ actorId, what, note }) => [actorId, what, note])).toEqual([
    ['anna', 'mended', 'asked the crew'],
    ['anna', 'taken', null],
  ]);
  expect(await kinds(record.journeyId, record.position)).toEqual([
    '2025-05-01T08:00:00+08:00 crew.arrived',
    '2025-05-01T09:30:00+08:00 crew.arrived',
  ]);
  expect((await send(event('2', { time: '2025-05-01T09:00:00' })))[0]).toMatchObject({ outcome: 'known' });
});

it('all of a code are mended and driven in page by page, and the rest keeps waiting with its reason', async () => {
  const lost = Array.from({ length: 30 }, (_, i) => event(`k-${i}`, {}, { kind: i % 10 ? 'team.came' : 'team.lost' }));
  expect((await send(...lost)).every(({ outcome }) => outcome === 'quarantined')).toBe(true);
  const choose = ['--code', 'KIND_UNKNOWN', '--source', '/oms'];
  const mended = await run('mend', ...choose, '--kind', 'team.came=crew.arrived');
  expect(mended).toMatchObject({ code: 0, out: '30 records mended.\n' });
  const retried = await run('retry', ...choose);
  expect(retried.out).toBe('27 records taken, 0 already known, 3 still waiting.\n');
  expect(retried.err.match(/KIND_UNKNOWN: No published pack has the touchpoint kind "team.lost"/g)).toHaveLength(3);
  expect((await json<{ quarantine: Answer[] }>(...choose)).quarantine).toHaveLength(3);
  expect((await run('discard', ...choose, '--reason', 'a test of theirs')).out).toBe('3 records given up.\n');
  expect((await json<{ quarantine: Answer[] }>('list', ...choose)).quarantine).toEqual([]);
  const given = await json<{ quarantine: Answer[] }>('list', ...choose, '--state', 'discarded');
  expect(given.quarantine).toHaveLength(3);
  const page = `query ($after: String) {
    quarantine(code: "KIND_UNKNOWN", state: ALL, first: 7, after: $after) {
      totalCount edges { node { id } } pageInfo { hasNextPage endCursor }
    }
  }`;
  const seen = new Set<string>();
  for (let after: string | null = null; ;) {
    const { data, errors } = await server.ask(page, { after });
    expect(errors).toBeUndefined();
    expect(data.quarantine.totalCount).toBe(30);
    for (const { node } of data.quarantine.edges) seen.add(node.id as string);
    if (!data.quarantine.pageInfo.hasNextPage) break;
    after = data.quarantine.pageInfo.endCursor as string;
  }
  expect(seen.size).toBe(30);
});

it('records of an imported log are mended as a whole', async () => {
  const xes = `<log><trace><string key="concept:name" value="T1"/>${['08', '09']
    .map(
      (h) =>
        `<event><string key="concept:name" value="Call"/><date key="time:timestamp" value="2025-05-01T${h}:00:00"/></event>`,
    )
    .join('')}</trace></log>`;
  const options = encodeURIComponent(JSON.stringify({ journeyType: 'ticket' }));
  const response = await fetch(`${server.url}/imports/xes?options=${options}`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body: xes,
  });
  const last = (await response.text()).trim().split('\n').at(-1)!;
  const { result } = JSON.parse(last) as { result: { id: string; quarantined: number } };
  expect(result.quarantined).toBe(2);
  expect((await run('mend', '--import', result.id, '--zone', 'Asia/Shanghai')).out).toBe('2 records mended.\n');
  expect((await run('retry', '--import', result.id)).out).toMatch(/^2 records taken/);
  type Listed = { quarantine: { id: string }[] };
  const { quarantine } = await json<Listed>('list', '--import', result.id, '--state', 'taken');
  const record = await json<{ journeyId: string; position: string }>('show', quarantine[1]!.id);
  expect(await kinds(record.journeyId, record.position)).toEqual([
    '2025-05-01T08:00:00+08:00 ticket:Call',
    '2025-05-01T09:00:00+08:00 ticket:Call',
  ]);
});

it.each([
  [2, 'USAGE', ['retry']],
  [2, 'USAGE', ['mend', '1', '--all', '--zone', 'Z']],
  [1, 'MEND_EMPTY', ['mend', '--all']],
  [1, 'QUARANTINED_UNKNOWN', ['show', '987654']],
  [1, 'ZONE_UNKNOWN', ['mend', '--all', '--zone', 'Mars']],
  [1, 'INVALID_INPUT', ['retry', 'one']],
])('exits with %i and says %s for %j', async (code, error, args) => {
  const ran = await run(...args);
  expect([ran.code, ran.err.split(':')[0]]).toEqual([code, error]);
});
