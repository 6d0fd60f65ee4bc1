import { seeded } from '@touchstone/readmodel/testing';
import { TestServer } from '../apps/server/testing.js';

interface Logged {
  type: string;
  recordedAt: string;
  metadata: { historical: boolean };
}

/** A small log whose traces overlap in time: 30 journeys of 8 customers over ten days. */
function madeUpLog(): { xes: string; times: number[] } {
  const random = seeded(11);
  const times: number[] = [];
  const trace = (n: number) => {
    let at = Date.parse('2023-05-01T00:00:00Z') + Math.floor(random() * 8 * 86_400_000);
    const events = Array.from({ length: 3 + Math.floor(random() * 4) }, () => {
      at += Math.floor(random() * 20 * 3_600_000);
      times.push(at);
      return `<event><string key="concept:name" value="Step ${Math.floor(random() * 4)}"/><date key="time:timestamp" value="${new Date(at).toISOString()}"/></event>`;
    });
    return `<trace><string key="concept:name" value="T${n}"/><string key="who" value="C${n % 8}"/>${events.join('')}</trace>`;
  };
  const traces = Array.from({ length: 30 }, (_, n) => trace(n)).join('');
  return { xes: `<log xes.version="1849-2016">${traces}</log>`, times: times.sort((a, b) => a - b) };
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
    const options = JSON.stringify({ journeyType: 'history', customer: 'who', asHistory: true });
    const response = await fetch(`${server.url}/imports/xes?options=${encodeURIComponent(options)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/xml' },
      body: xes,
    });
    expect(await response.text()).toContain(`"taken":${times.length}`);
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
