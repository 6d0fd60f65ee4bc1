import { TestServer } from '../apps/server/testing.js';

const METRIC = `{ metric(id: "M-LAG", groupBy: [DAY], first: 10) { timeZone
  total { n } groups { edges { node { dimensions { id } figure { n } } } } } }`;
/** Twenty touchpoints a trace, all of 23:30 on one day in UTC. */
const TRACES = 300;
const xes = () => {
  const event = '<event><string key="concept:name" value="A"/><date key="time:timestamp" value="2024-05-01T23:30:00Z"/></event>'; // prettier-ignore
  const trace = (n: number) => `<trace><string key="concept:name" value="T${n}"/>${event.repeat(20)}</trace>`;
  return `<log xes.version="1849-2016">${Array.from({ length: TRACES }, (_, n) => trace(n)).join('')}</log>`;
};
const DAY_IN: Record<string, string> = { UTC: '2024-05-01', 'Asia/Shanghai': '2024-05-02' };

describe('another time zone', () => {
  let server: TestServer;
  afterAll(() => server.remove());

  const asked = async () => {
    const { data, errors } = await server.ask(METRIC);
    expect(errors).toBeUndefined();
    const { timeZone, total, groups } = data.metric;
    const days = groups.edges.map(({ node }: { node: { dimensions: { id: string }[]; figure: { n: number } } }) => [
      node.dimensions[0]!.id,
      node.figure.n,
    ]);
    expect({ timeZone, n: total.n, days }).toEqual({
      timeZone,
      n: 20 * TRACES,
      days: [[DAY_IN[timeZone as string], 20 * TRACES]],
    });
    return timeZone as string;
  };

  it('is told with the answer from the moment on at which its days are counted, and not before', async () => {
    server = await TestServer.start();
    const options = encodeURIComponent(JSON.stringify({ journeyType: 'night' }));
    const headers = { 'content-type': 'application/xml' };
    const response = await fetch(`${server.url}/imports/xes?options=${options}`, { method: 'POST', headers, body: xes() }); // prettier-ignore
    expect(await response.text()).toContain(`"taken":${20 * TRACES}`);
    await server.ready();
    expect(await asked()).toBe('UTC');
    await server.close();

    server = await TestServer.start({ TIME_ZONE: 'Asia/Shanghai' }, server.directory);
    const seen = new Set<string>();
    const until = performance.now() + 60_000;
    while (!seen.has('Asia/Shanghai') && performance.now() < until) seen.add(await asked());
    // The read model of before answers while the new one is being made: in its own days.
    expect([...seen]).toEqual(['UTC', 'Asia/Shanghai']);
  });
});
