import { seeded } from '@touchstone/readmodel/testing';
import { TestServer } from '../apps/server/testing.js';

interface Logged {
  type: string;
  recordedAt: string;
  metadata: { historical: boolean };
}

/** A small log whose traces overlap in time: 30 journeys of 8 customers over ten days. */
function madeUpLog(seed = 11, begin = '2023-05-01T00:00:00Z'): { xes: string; times: number[] } {
  const random = seeded(seed);
  const times: number[] = [];
  const trace = (n: number) => {
    let at = Date.parse(begin) + Math.floor(random() * 8 * 86_400_000);
    const events = Array.from({ length: 3 + Math.floor(random() * 4) }, () => {
      at += Math.floor(random() * 20 * 3_600_000);
      times.push(at);
      return `<event><string key="concept:name" value="Step ${Math.floor(random() * 4)}"/><date key="time:timestamp" value="${new Date(at).toISOString()}"/></event>`;
    });
    return `<trace><string key="concept:name" value="T${seed}-${n}"/><string key="who" value="C${n % 8}"/>${events.join('')}</trace>`;
  };
  const traces = Array.from({ length: 30 }, (_, n) => trace(n)).join('');
  return { xes: `<log xes.version="1849-2016">${traces}</log>`, times: times.sort((a, b) => a - b) };
}

async function load(server: TestServer, { xes, times }: { xes: string; times: number[] }): Promise<void> {
  const options = JSON.stringify({ journeyType: 'history', customer: 'who', asHistory: true });
  const response = await fetch(`${server.url}/imports/xes?options=${encodeURIComponent(options)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body: xes,
  });
  expect(await response.text()).toContain(`"taken":${times.length}`);
}

describe('a historical load', () => {
  let server: TestServer;
  const { xes, times } = madeUpLog();
  const startedAt = Date.now();
  const ask = async (query: string, variables?: Record<string, unknown>) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };

  beforeAll(async () => {
    server = await TestServer.start();
    await load(server, { xes, times });
    await server.settled();
  });
  afterAll(() => server.remove());

  it('can be asked as of any moment of its own time: what was recorded by then, no more and no less', async () => {
    for (const share of [0, 0.2, 0.5, 0.8, 1]) {
      const moment = times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
      const { journeyMap } = await ask(
        'query ($t: Instant!) { journeyMap(filter: { journeyType: "history" }, asOf: { instant: $t }) { events { value } asOf { instant } } }',
        { t: new Date(moment).toISOString() },
      );
      expect(journeyMap.asOf.instant).toBe(new Date(moment).toISOString());
      expect([share, journeyMap.events.value]).toEqual([share, times.filter((t) => t <= moment).length]);
    }
  });

  it('stands in the log in the order of its recorded times, marked as history, its customers and kinds too', async () => {
    const { events } = await ask(
      '{ events(first: 1000) { edges { node { type recordedAt metadata { historical } } } } }',
    );
    const all: Logged[] = events.edges.map((e: { node: Logged }) => e.node);
    const recorded = all.map((e) => Date.parse(e.recordedAt));
    expect(recorded).toEqual([...recorded].sort((a, b) => a - b));
    // What rules find in it comes after the whole of it, is recorded when they found it, and is no history.
    const end = all.findIndex(({ metadata }) => !metadata.historical);
    const [log, found] = [all.slice(0, end), all.slice(end)];
    expect(log.length).toBeGreaterThan(times.length);
    expect(new Set(log.map(({ type }) => type))).toEqual(
      new Set(['PackPublished', 'KeyBound', 'CustomerRegistered', 'JourneyOpened', 'TouchpointRecorded']),
    );
    expect(new Set(found.map(({ type }) => type))).toEqual(new Set(['MomentObserved']));
    expect(found.filter(({ metadata }) => metadata.historical)).toEqual([]);
    expect(Date.parse(found[0]!.recordedAt)).toBeGreaterThanOrEqual(startedAt);
  });
});

describe('several historical loads', () => {
  let server: TestServer;
  afterAll(() => server.remove());

  const all = async (): Promise<Logged[]> => {
    const query = '{ events(first: 1000) { edges { node { type recordedAt metadata { historical } } } } }';
    const { data, errors } = await server.ask(query);
    expect(errors).toBeUndefined();
    return data.events.edges.map((e: { node: Logged }) => e.node);
  };

  it('stand together in the log while history is said to be open: rules speak after the last of them', async () => {
    const early = madeUpLog(11, '2023-05-01T00:00:00Z');
    const late = madeUpLog(12, '2023-06-01T00:00:00Z');
    server = await TestServer.start({ HISTORY_OPEN: 'true' });
    await load(server, early);
    await server.ready();
    const { data } = await server.ask('{ policies { name state due } }');
    const policies = data.policies as { name: string; state: string; due: number }[];
    const policy = policies.find(({ name }) => name === 'rule-moments')!;
    expect(policy.state).toBe('WAITING');
    expect(policy.due).toBeGreaterThan(0);
    // Whether it is the same process or another that goes on.
    await server.close();
    server = await TestServer.start({ HISTORY_OPEN: 'true' }, server.directory);
    await load(server, late);
    await server.ready();
    expect((await all()).filter(({ metadata }) => !metadata.historical)).toEqual([]);
    await server.close();
    server = await TestServer.start({}, server.directory);
    await server.settled();
    const logged = await all();
    const end = logged.findIndex(({ type }) => type === 'MomentObserved');
    expect(logged.slice(end).every(({ type }) => type === 'MomentObserved')).toBe(true);
    expect(logged.filter(({ type }) => type === 'TouchpointRecorded')).toHaveLength(early.times.length + late.times.length); // prettier-ignore
    const recorded = logged.slice(0, end).map((e) => Date.parse(e.recordedAt));
    expect(recorded).toEqual([...recorded].sort((a, b) => a - b));
    // As of the last of the second load, nothing of the rules was known, and all of both loads was.
    const instant = new Date(Math.max(...late.times)).toISOString();
    const asOf = `asOf: { instant: "${instant}" }`;
    const then = await server.ask(`{ moments(first: 1, ${asOf}) { edges { cursor } }
      journeyMap(filter: { journeyType: "history" }, ${asOf}) { events { value } } }`);
    expect(then.data.moments.edges).toEqual([]);
    expect(then.data.journeyMap.events.value).toBe(early.times.length + late.times.length);
  });
});
