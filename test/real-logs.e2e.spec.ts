import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TestServer } from '../apps/server/testing.js';
import { describeOnRealData, realData, type GoldenEntry } from './shared-data.js';

const bin = fileURLToPath(new URL('../bin/touchstone.js', import.meta.url));

const MAP = `query ($type: String!, $asOf: AsOfInput) {
  journeyMap(filter: { journeyType: $type }, maxNodes: 1000, maxVariants: 1000, asOf: $asOf) {
    exact asOf { position instant }
    cases { value figure } closedCases { value } events { value } transitions { value } activityCount edgeCount variantCount
    selfLoops { value } reworkCases { value } handovers { value figure } pingPongCases { value figure }
    caseDurations { p50 p90 }
    nodes { id nameEn role count { value } starts { value } ended { value } stillOpen { value } in out }
    edges { source target count { value figure } durations { p50 p90 p99 } }
    variants { activities cases { value figure } coverage }
  }
}`;

interface Counted {
  value: number;
  figure: string;
}
interface MapAnswer {
  exact: boolean;
  asOf: { position: string; instant: string };
  cases: Counted;
  closedCases: Counted;
  events: Counted;
  transitions: Counted;
  activityCount: number;
  edgeCount: number;
  variantCount: number;
  selfLoops: Counted;
  reworkCases: Counted;
  handovers: Counted;
  pingPongCases: Counted;
  caseDurations: { p50: number; p90: number };
  nodes: {
    id: string;
    nameEn: string;
    role: string;
    count: Counted;
    starts: Counted;
    ended: Counted;
    stillOpen: Counted;
    in: number;
    out: number;
  }[];
  edges: { source: string; target: string; count: Counted; durations: { p50: number; p90: number; p99: number } }[];
  variants: { activities: string[]; cases: Counted; coverage: number }[];
}

/** Sends a file to the server; the last line of its answer is the result. */
async function importFile(server: TestServer, name: string, options: object): Promise<Record<string, never>> {
  const url = `${server.url}/imports/xes?options=${encodeURIComponent(JSON.stringify(options))}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: readFileSync(realData.file(name)),
  });
  const lines = (await response.text()).trim().split('\n');
  const last = JSON.parse(lines.at(-1)!) as { result?: Record<string, never> };
  if (!last.result) throw new Error(lines.at(-1));
  return last.result;
}

const hours = (ms: number, digits: number) => Number((ms / 3_600_000).toFixed(digits));

/** The figures of an answer in the form of the golden ones. */
function figuresOf(map: MapAnswer, edges: number): GoldenEntry {
  const name = new Map(map.nodes.map((node) => [node.id, node.nameEn]));
  const activities = map.nodes.filter((node) => node.role === 'ACTIVITY');
  const nonZero = (of: (node: MapAnswer['nodes'][number]) => number) =>
    Object.fromEntries(activities.map((n): [string, number] => [n.nameEn, of(n)]).filter(([, n]) => n > 0));
  const dfg = map.edges.filter((edge) => edge.target !== 'still-open');
  return {
    cases: map.cases.value,
    events: map.events.value,
    activities: map.activityCount,
    variants: map.variantCount,
    topVariantCases: map.variants[0]!.cases.value,
    dfgEdges: map.edgeCount,
    dfgTransitions: map.transitions.value,
    reworkCases: map.reworkCases.value,
    selfLoops: map.selfLoops.value,
    handovers: map.handovers.value,
    pingPongCases: map.pingPongCases.value,
    caseHoursP50: hours(map.caseDurations.p50, 2),
    caseHoursP90: hours(map.caseDurations.p90, 2),
    startActivities: nonZero((n) => n.starts.value),
    endActivities: nonZero((n) => n.ended.value + n.stillOpen.value),
    edges: dfg.slice(0, edges).map(({ source, target, count, durations }) => ({
      source: name.get(source)!,
      target: name.get(target)!,
      count: count.value,
      p50Hours: hours(durations.p50, 4),
      p90Hours: hours(durations.p90, 4),
      p99Hours: hours(durations.p99, 4),
    })),
  };
}

const LOGS = [
  {
    file: 'helpdesk.xes.gz',
    golden: 'helpdesk',
    options: {
      journeyType: 'helpdesk',
      activity: ['concept:name'],
      unit: 'org:resource',
      customer: 'customer',
      closes: ['Closed'],
    },
  },
  {
    file: 'bpic2013-incidents.xes.gz',
    golden: 'bpic2013-incidents',
    options: { journeyType: 'bpic2013', activity: ['concept:name'], unit: 'org:group', closes: ['Completed'] },
  },
];

describeOnRealData('real logs, from the file to the figures', () => {
  let server: TestServer;
  const map = async (type: string, asOf?: object) => {
    const { data, errors } = await server.ask(MAP, { type, asOf });
    if (errors) throw new Error(JSON.stringify(errors));
    return data.journeyMap as MapAnswer;
  };

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.remove());

  describe.each(LOGS)('$file', ({ file, golden: entry, options }) => {
    const golden = realData.present ? realData.golden()[entry]! : ({} as GoldenEntry);
    let result: Record<string, unknown>;

    beforeAll(async () => {
      result = await importFile(server, file, options);
      await server.ready();
    }, 120_000);

    it('goes in whole', () => {
      expect(result).toMatchObject({
        sent: golden.events,
        taken: golden.events,
        known: 0,
        quarantined: 0,
        journeys: golden.cases,
      });
      const others = (result['losses'] as { what: string; count: number }[]).find((l) => l.what === 'other-customer');
      expect(others?.count).toBe(entry === 'helpdesk' ? 7 : undefined);
    });

    it('has the figures that two other programs counted', async () => {
      const answer = await map(options.journeyType);
      const comparable = Object.fromEntries(Object.keys(golden).map((key) => [key, true]));
      const figures = figuresOf(answer, golden.edges.length);
      expect(Object.keys(figures).filter((key) => !(key in comparable))).toEqual([]);
      for (const key of Object.keys(figures) as (keyof GoldenEntry)[])
        expect([key, figures[key]]).toEqual([key, golden[key]]);
      expect(answer.exact).toBe(true);
    });

    it('has them on the command line, too', async () => {
      const args = ['map', '--journey-type', options.journeyType, '--json', '--server', server.url];
      const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], { maxBuffer: 1e8 });
      const printed = JSON.parse(stdout) as GoldenEntry;
      // The promises and reopened journeys have figures of their own.
      const {
        waitUserCases: _w,
        waitUserShareOfCaseTime: _s,
        casesReopenedAfterCompleted: _c,
        ...comparable
      } = golden as never as Record<string, unknown>;
      expect({ ...printed, edges: printed.edges.slice(0, golden.edges.length) }).toMatchObject(comparable);
      expect(Object.keys(printed.startActivities).sort()).toEqual(Object.keys(golden.startActivities).sort());
      expect(Object.keys(printed.endActivities).sort()).toEqual(Object.keys(golden.endActivities).sort());
      expect(printed.edges.length).toBe(golden.dfgEdges);
    });

    it('balances every node, and every journey closed by its last touchpoint', async () => {
      const answer = await map(options.journeyType);
      for (const n of answer.nodes) expect([n.id, n.in]).toEqual([n.id, n.out + n.ended.value + n.stillOpen.value]);
      expect(answer.closedCases.value).toBe(golden.endActivities[options.closes[0]!]);
    });

    it('opens figures to their events, as many as were counted', async () => {
      const answer = await map(options.journeyType);
      const rare = answer.edges.filter((e) => e.count.value < 50).slice(0, 3);
      expect(rare.length).toBe(3);
      for (const { value, figure } of [...rare.map((e) => e.count), answer.variants.at(-1)!.cases]) {
        const { data } = await server.ask(
          `query ($token: String!) { figure(token: $token) { value
             occurrences(first: 1000) { edges { node { journeyId events { eventId stream position } } } }
             journeys(first: 1000) { edges { node { id journeyType } } } } }`,
          { token: figure },
        );
        const { occurrences, journeys } = data.figure as {
          occurrences: { edges: { node: { journeyId: string; events: { eventId: string; stream: string }[] } }[] };
          journeys: { edges: { node: { id: string; journeyType: string } }[] };
        };
        expect([data.figure.value, occurrences.edges.length]).toEqual([value, value]);
        const [first] = occurrences.edges;
        const { data: log } = await server.ask(
          `query ($s: String!) { events(stream: $s, first: 1000) { edges { node { id type } } } }`,
          {
            s: first!.node.events[0]!.stream,
          },
        );
        const ids = log.events.edges.map((e: { node: { id: string } }) => e.node.id);
        for (const event of first!.node.events) expect(ids).toContain(event.eventId);
        expect(new Set(journeys.edges.map((e) => e.node.id))).toEqual(
          new Set(occurrences.edges.map((e) => e.node.journeyId)),
        );
      }
    });

    it('adds nothing the second time, and leaves the figures as they were', async () => {
      const before = await map(options.journeyType);
      const again = await importFile(server, file, options);
      expect(again).toMatchObject({ sent: golden.events, taken: 0, known: golden.events, quarantined: 0 });
      await server.ready();
      const after = await map(options.journeyType);
      expect(after.asOf.position).toBe(before.asOf.position);
      expect(figuresOf(after, 1000)).toEqual(figuresOf(before, 1000));
    }, 120_000);
  });

  it('BPI 2013 by its own classifier', async () => {
    const golden = realData.golden()['bpic2013-incidents(name+lifecycle)']!;
    await importFile(server, 'bpic2013-incidents.xes.gz', { journeyType: 'bpic2013-classified', unit: 'org:group' });
    await server.ready();
    const answer = await map('bpic2013-classified');
    expect({ activities: answer.activityCount, variants: answer.variantCount, dfgEdges: answer.edgeCount }).toEqual(
      golden,
    );
    // Nothing was said to close a journey, so none is closed.
    expect(answer.closedCases.value).toBe(0);
  }, 120_000);

  it('a figure of the past still adds up when more was recorded since', async () => {
    const [{ options }] = LOGS as [(typeof LOGS)[0]];
    const before = await map(options.journeyType);
    const journey = await server.ask(
      '{ journeys(filter: { journeyType: "helpdesk" }, first: 1) { edges { node { id } } } }',
    );
    const { id } = journey.data.journeys.edges[0].node;
    const recorded = await server.ask(
      'mutation ($i: RecordTouchpointInput!) { recordTouchpoint(input: $i) { position } }',
      { i: { journeyId: id, kind: 'contact.call-received', occurredAt: '2024-01-01T00:00:00Z' } },
    );
    await server.ask('query ($p: Position!) { journeys(first: 1, atLeast: $p) { asOf { position } } }', {
      p: recorded.data.recordTouchpoint.position,
    });
    expect((await map(options.journeyType)).events.value).toBe(before.events.value + 1);
    expect(figuresOf(await map(options.journeyType, { position: before.asOf.position }), 1000)).toEqual(
      figuresOf(before, 1000),
    );
    const opened = await server.ask('query ($t: String!) { figure(token: $t) { value } }', {
      t: before.handovers.figure,
    });
    expect(opened.data.figure.value).toBe(before.handovers.value);
  });
});
