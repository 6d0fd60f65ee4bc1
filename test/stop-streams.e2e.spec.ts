import { createClient } from 'graphql-ws';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { killAll, Server } from './chaos.children.js';

let directory: string;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'touchstone-streams-'))));
afterAll(async () => {
  await killAll();
  rmSync(directory, { recursive: true, force: true });
});

interface Heard {
  readonly id: string;
  readonly position: string;
}

/** Listens to the log after a position, until it ends or somebody stops it. */
function listening(server: Server, after?: string) {
  const client = createClient({ url: `${server.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 }); // prettier-ignore
  const heard: Heard[] = [];
  const query = 'subscription ($after: Position) { events(after: $after) { id position } }';
  const ended = new Promise<void>((resolve) => {
    const next = ({ data }: { data?: { events: Heard } | null }) => void (data && heard.push(data.events));
    client.subscribe<{ events: Heard }>(
      { query, variables: { after } },
      { next, error: () => resolve(), complete: resolve },
    );
  });
  return { heard, ended, stop: () => client.dispose() };
}

const lineOf = (n: number) =>
  `${JSON.stringify({
    specversion: '1.0',
    id: `e-${n}`,
    source: '/crm',
    type: 'touchpoint.recorded',
    time: new Date(Date.parse('2026-02-01T00:00:00Z') + n * 1_000).toISOString(),
    data: {
      kind: 'crew.arrived',
      channel: 'crew',
      journey: { id: `0190a1b2-0000-7000-8000-${String(n % 97).padStart(12, '0')}`, type: 'repair' },
    },
  })}\n`;

const SHUTDOWN_MS = 1_000;
const env = { LOG_LEVEL: 'info', LOG_FORMAT: 'json', SLOW_QUERY_MS: '1', SHUTDOWN_MS: String(SHUTDOWN_MS) };

describe('a server that is told to stop while a stream brings events and a subscriber listens', () => {
  it('loses none and gives none twice, ends in time, and says what happened in lines with codes', async () => {
    const server = await Server.start(directory, env);
    const subscriber = listening(server);
    const answers: Record<string, unknown>[] = [];
    let sent = 0;
    async function* lines() {
      // Without end: it is the server that has to end it.
      for (; ; sent++) {
        yield sent === 3 ? '{"specversion":"1.0","id":"bad","source":"/crm"}\n' : lineOf(sent);
        if (sent % 20 === 0) await sleep(10);
      }
    }
    const streaming = server.post('/events', { 'content-type': 'application/x-ndjson' }, lines(), (answer) =>
      answers.push(answer),
    );
    while (answers.length < 600 || subscriber.heard.length < 300) await sleep(5);
    await server.ask('{ journeys(first: 5) { edges { node { id } } } }', {});
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const before = answers.length;
    const told = performance.now();
    server.signal('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - told).toBeLessThan(SHUTDOWN_MS + 2_000);
    await Promise.all([streaming, subscriber.ended]);
    expect(answers.length).toBeGreaterThanOrEqual(before);

    const again = await Server.start(directory, env);
    const whole = listening(again);
    const rest = listening(again, subscriber.heard.at(-1)!.position);
    const head = ((await again.ask('{ projections { head } }', {}))!.data!['projections'] as { head: string }[])[0]!
      .head;
    while (whole.heard.at(-1)?.position !== head || rest.heard.at(-1)?.position !== head) await sleep(10);
    // What the subscriber had, and what it reads on with, are together the log: nothing is missing, nothing comes twice.
    expect([...subscriber.heard, ...rest.heard]).toEqual(whole.heard);
    expect(new Set(whole.heard.map(({ id }) => id)).size).toBe(whole.heard.length);
    const taken = answers.filter(({ outcome }) => outcome === 'taken');
    const inLog = new Set(whole.heard.map(({ id }) => id));
    expect(taken.filter(({ touchpointId }) => !inLog.has(String(touchpointId)))).toEqual([]);
    // Whoever sends all of it again, since it does not know how far it came, doubles nothing that was answered.
    const repeated: Record<string, unknown>[] = [];
    const known = Array.from({ length: 200 }, (_, n) => lineOf(n)).filter((_, n) => n !== 3);
    await again.post('/events', { 'content-type': 'application/x-ndjson' }, known, (answer) => repeated.push(answer));
    expect(new Set(repeated.map(({ outcome }) => outcome))).toEqual(new Set(['known']));
    for (const { stop } of [whole, rest]) await stop();
    again.signal('SIGTERM');
    expect(await again.exit).toEqual({ code: 0, signal: null });

    saysWhatHappened(server);
    measuresWhatHappened(metrics);
  }, 40_000);
});

function saysWhatHappened({ printed }: Server): void {
  const lines = printed.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
  for (const { time, level, message } of lines)
    expect([time, level, message].every((x) => typeof x === 'string')).toBe(true);
  const events = new Map(lines.map((line) => [line['event'], line]));
  expect(events.get('SERVER_STARTED')).toMatchObject({ level: 'info', url: expect.stringMatching(/^http/) as string });
  expect(events.get('QUARANTINED')).toMatchObject({ records: 1, codes: { CLOUDEVENT_TYPE_UNKNOWN: 1 } });
  expect(events.get('QUARANTINED')!['correlationId']).toMatch(/./);
  expect(events.get('SLOW_QUERY')).toMatchObject({ level: 'warn', ms: expect.any(Number) as number, query: expect.any(String) as string }); // prettier-ignore
  expect(events.get('SERVER_STOPPING')).toMatchObject({ withinMs: SHUTDOWN_MS });
  expect(lines.at(-1)).toMatchObject({ event: 'SERVER_STOPPED', ms: expect.any(Number) as number });
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
}

/** Of every figure that an operator is to watch: there is one, and it has moved where it should. */
function measuresWhatHappened(metrics: string): void {
  const value = (name: string) =>
    Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(metrics)?.[1]);
  expect(value('touchstone_appended_events_total')).toBeGreaterThan(600);
  expect(value('touchstone_append_duration_seconds_count')).toBeGreaterThan(1);
  expect(value('touchstone_projection_lag_seconds{group="journeys"}')).toBeGreaterThanOrEqual(0);
  expect(value('touchstone_projection_parked_events{group="journeys"}')).toBe(0);
  expect(value('touchstone_projection_up{group="journeys"}')).toBe(1);
  expect(value('touchstone_policy_up{policy="follow-ups"}')).toBe(1);
  expect(value('touchstone_policy_up{policy="rule-moments"}')).toBe(1);
  expect(value('touchstone_quarantine_open_records')).toBe(1);
  expect(value('touchstone_feeds_open{transport="graphql"}')).toBe(1);
  expect(value('touchstone_read_threads')).toBe(2);
  expect(value('touchstone_read_queue_length')).toBeGreaterThanOrEqual(0);
  expect(metrics).toMatch(/^touchstone_read_duration_seconds_count\{query="\w+"\} [1-9]/m);
}
