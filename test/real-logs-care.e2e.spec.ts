import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { TestServer } from '../apps/server/testing.js';
import { describeOnRealData, realData } from './shared-data.js';

/*
 * The figures of care on real logs, against a count of our own: it reads the XES itself and uses nothing of the
 * product but its API.
 */

interface XesEvent {
  readonly trace: string;
  /** Place in the file's trace. */
  readonly sequence: number;
  readonly at: number;
  readonly activity: string;
  readonly unit: string | null;
  readonly customer: string | null;
}

/** Every trace of a log in its order: by time, ties as in the file. */
function tracesOf(name: string, unitKey: string): XesEvent[][] {
  const text = gunzipSync(readFileSync(realData.file(name))).toString('utf8');
  // The few lines below know no entities.
  expect(text.includes('&')).toBe(false);
  const valueOf = (xml: string, key: string) =>
    new RegExp(`<(?:string|date) key="${key}" value="([^"]*)"`).exec(xml)?.[1] ?? null;
  return [...text.matchAll(/<trace>([\s\S]*?)<\/trace>/g)].map(([, xml]) => {
    const trace = valueOf(xml!.slice(0, xml!.indexOf('<event>')), 'concept:name')!;
    const events = [...xml!.matchAll(/<event>([\s\S]*?)<\/event>/g)].map(([, event], sequence): XesEvent => ({
      trace,
      sequence,
      at: Date.parse(valueOf(event!, 'time:timestamp')!),
      activity: valueOf(event!, 'concept:name')!,
      unit: valueOf(event!, unitKey),
      customer: valueOf(event!, 'customer'),
    }));
    return events.sort((a, b) => a.at - b.at || a.sequence - b.sequence);
  });
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/** Where a trace goes on after an activity that had closed it. */
const reopeningsOf = (trace: readonly XesEvent[], closes: string): XesEvent[] =>
  trace.filter((event, i) => i > 0 && trace[i - 1]!.activity === closes && event.activity !== closes);

interface Contact {
  readonly event: XesEvent;
  /** The contact before, when it was within a week. */
  readonly repeatOf: XesEvent | null;
  readonly resolved: boolean;
}

/** Nothing in the log says that it is a contact, so each trace counts its first event; by trace. */
function contactsOf(traces: readonly XesEvent[][]): Map<string, Contact> {
  const byCustomer = new Map<string, XesEvent[][]>();
  for (const trace of traces) {
    const customer = trace[0]!.customer!;
    byCustomer.set(customer, [...(byCustomer.get(customer) ?? []), trace]);
  }
  const contacts = new Map<string, Contact>();
  for (const own of byCustomer.values()) {
    own.sort((a, b) => a[0]!.at - b[0]!.at || a[0]!.sequence - b[0]!.sequence);
    own.forEach((trace, i) => {
      const event = trace[0]!;
      const [before, after] = [own[i - 1]?.[0], own[i + 1]?.[0]];
      const repeatOf = before && event.at - before.at <= WEEK_MS ? before : null;
      const followed = after !== undefined && after.at - event.at <= WEEK_MS;
      const resolved = repeatOf === null && !followed && reopeningsOf(trace, 'Closed').length === 0;
      contacts.set(event.trace, { event, repeatOf, resolved });
    });
  }
  return contacts;
}

interface Moment {
  readonly code: string;
  readonly journeyId: string;
  readonly touchpointId: string;
  readonly observer: string;
  readonly intensity: number;
  readonly occurredAt: string;
  readonly cause: string;
  readonly rule: { id: string; version: number };
  readonly counterpart: { code: string } | null;
}

interface TimelineNode {
  readonly entryId: string;
  readonly journeyId: string;
  readonly occurredAt: string;
  readonly kind: string;
  readonly unit: string | null;
  readonly source: { sequence: number };
  readonly repeatOf: string | null;
  readonly firstContact: boolean | null;
  readonly moments: readonly { code: string }[];
}

interface Journey {
  readonly id: string;
  readonly key: string;
  readonly customerId: string | null;
}

interface Page<T> {
  readonly edges: readonly { readonly node: T }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

describeOnRealData('care figures of real logs', () => {
  let server: TestServer;

  async function ask<T>(query: string, variables: object = {}): Promise<T> {
    const { data, errors } = await server.ask(query, variables as Record<string, unknown>);
    if (errors) throw new Error(JSON.stringify(errors));
    return data as T;
  }

  /** Every node of a connection; `query` takes $after, and `find` gets the page out of the answer. */
  async function all<T>(query: string, variables: object, find: (data: never) => Page<T>): Promise<T[]> {
    const nodes: T[] = [];
    for (let after: string | undefined; ;) {
      const page = find(await ask<never>(query, { ...variables, after }));
      for (const { node } of page.edges) nodes.push(node);
      if (!page.pageInfo.hasNextPage) return nodes;
      after = page.pageInfo.endCursor;
    }
  }

  async function importFile(name: string, options: object): Promise<{ taken: number; journeys: number }> {
    const url = `${server.url}/imports/xes?options=${encodeURIComponent(JSON.stringify(options))}`;
    const body = readFileSync(realData.file(name));
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    });
    const last = (await response.text()).trim().split('\n').at(-1)!;
    return (JSON.parse(last) as { result: { taken: number; journeys: number } }).result;
  }

  /** Waits until the rules have decided whatever they can. */
  async function settled(): Promise<void> {
    for (let tries = 0; tries < 1_200; tries++) {
      await server.ready();
      const { policies } = await ask<{ policies: { due: number | null; state: string; lastError: unknown }[] }>(
        '{ policies { due state lastError { code message } } }',
      );
      const stuck = policies.find(({ state }) => state === 'FAILED');
      if (stuck) throw new Error(JSON.stringify(stuck));
      if (policies.length > 0 && policies.every(({ due, state }) => due === 0 && state === 'LIVE')) return;
      await sleep(50);
    }
    throw new Error('The rules of moments have not come to an end.');
  }

  const journeysOf = (journeyType: string) =>
    all<Journey>(
      `query ($type: String!, $after: String) { journeys(filter: { journeyType: $type }, first: 1000, after: $after) {
         edges { node { id key customerId } } pageInfo { hasNextPage endCursor } } }`,
      { type: journeyType },
      (data: { journeys: Page<Journey> }) => data.journeys,
    );

  const momentsOf = (journeyType: string) =>
    all<Moment>(
      `query ($type: String!, $after: String) { moments(filter: { journeyType: $type }, first: 500, after: $after) {
         edges { node { code journeyId touchpointId observer intensity occurredAt cause rule { id version }
           counterpart { code } } } pageInfo { hasNextPage endCursor } } }`,
      { type: journeyType },
      (data: { moments: Page<Moment> }) => data.moments,
    );

  const figureOf = async (id: string, journeyType: string, more = '') => {
    const { metric } = await ask<{ metric: { total: Figure; groups: Page<Group> } }>(
      `query ($id: ID!, $type: String!) { metric(id: $id, filter: { journeyType: [$type] } ${more}) {
         total { n numerator denominator value provisional figure numeratorFigure
           coverage { observer rule covered of numerator } }
         groups { edges { node { dimensions { id } figure { n numerator } } } pageInfo { hasNextPage endCursor } } } }`,
      { id, type: journeyType },
    );
    return metric;
  };

  const instants = (token: string) =>
    all<{ journeyId: string; counts: boolean | null; events: { eventId: string }[] }>(
      `query ($token: String!, $after: String) { figure(token: $token) { occurrences(first: 1000, after: $after) {
         edges { node { journeyId counts events { eventId } } } pageInfo { hasNextPage endCursor } } } }`,
      { token },
      (data: { figure: { occurrences: Page<never> } }) => data.figure.occurrences,
    );

  interface Figure {
    readonly n: number;
    readonly numerator: number;
    readonly denominator: number;
    readonly value: number;
    readonly provisional: number | null;
    readonly figure: string;
    readonly numeratorFigure: string;
    readonly coverage: readonly { observer: string | null; rule: string | null; covered: number; of: number }[];
  }
  interface Group {
    readonly dimensions: readonly { id: string | null }[];
    readonly figure: { n: number; numerator: number };
  }

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.remove());

  describe('helpdesk', () => {
    let traces: XesEvent[][];
    let contacts: Map<string, Contact>;
    let journeys: Journey[];
    let moments: Moment[];
    /** The file's name of a journey by ours. */
    const traceOf = new Map<string, string>();
    /** Touchpoint ids by the file's name and the place in the file. */
    const placeOf = new Map<string, string>();
    const timelines = new Map<string, TimelineNode[]>();

    beforeAll(async () => {
      traces = tracesOf('helpdesk.xes.gz', 'org:resource');
      contacts = contactsOf(traces);
      const options = { activity: ['concept:name'], unit: 'org:resource', customer: 'customer', closes: ['Closed'] };
      const result = await importFile('helpdesk.xes.gz', { journeyType: 'helpdesk', ...options });
      expect(result).toMatchObject({ taken: traces.flat().length, journeys: traces.length });
      await settled();
      journeys = await journeysOf('helpdesk');
      moments = await momentsOf('helpdesk');
      for (const { id, key } of journeys) traceOf.set(id, key);
      for (const customerId of new Set(journeys.map((journey) => journey.customerId!))) {
        const entries = await all<TimelineNode>(
          `query ($id: ID!, $after: String) { timeline(of: { customerId: $id }, first: 200, after: $after) {
             edges { node { entryId journeyId occurredAt kind unit source repeatOf firstContact moments { code } } }
             pageInfo { hasNextPage endCursor } } }`,
          { id: customerId },
          (data: { timeline: Page<TimelineNode> }) => data.timeline,
        );
        timelines.set(customerId, entries);
        for (const { entryId, journeyId, source } of entries) {
          placeOf.set(entryId, `${traceOf.get(journeyId)} ${source.sequence}`);
        }
      }
    }, 180_000);

    it('the file says what the product is held to', () => {
      const all = [...contacts.values()];
      expect(all.length).toBe(4_580);
      expect(all.filter(({ repeatOf }) => repeatOf).length).toBe(1_519);
      expect(all.filter(({ repeatOf }) => !repeatOf).length).toBe(3_061);
      expect(all.filter(({ resolved }) => resolved).length).toBe(2_385);
      expect(new Set(all.map(({ event }) => event.customer)).size).toBe(394);
    });

    it('the timeline of every customer is what the file has of them', () => {
      expect(timelines.size).toBe(394);
      const journeyOf = new Map(journeys.map((journey) => [journey.key, journey]));
      const byCustomer = new Map<string, XesEvent[]>();
      for (const trace of traces) {
        const customer = trace[0]!.customer!;
        byCustomer.set(customer, [...(byCustomer.get(customer) ?? []), ...trace]);
      }
      expect(byCustomer.size).toBe(394);
      for (const events of byCustomer.values()) {
        const { customerId } = journeyOf.get(events[0]!.trace)!;
        const shown = timelines.get(customerId!)!;
        const rank = ({ at, sequence }: XesEvent) => at * 1e4 + sequence;
        // Two traces may have something of one place at one instant: which comes first is then nobody's business.
        const told = (event: XesEvent) => `${rank(event)} ${event.trace} ${event.activity} ${event.unit}`;
        const got = shown.map(({ journeyId, occurredAt, kind, unit, source }): XesEvent => ({
          trace: traceOf.get(journeyId)!,
          sequence: source.sequence,
          at: Date.parse(occurredAt),
          activity: kind.slice('helpdesk:'.length),
          unit,
          customer: null,
        }));
        expect(got.map(rank)).toEqual([...events].map(rank).sort((a, b) => a - b));
        expect(got.map(told).sort()).toEqual(events.map(told).sort());
      }
    });

    it('repeats are told from first contacts in the timelines', () => {
      let [repeats, firsts] = [0, 0];
      for (const entry of [...timelines.values()].flat()) {
        const { event, repeatOf } = contacts.get(traceOf.get(entry.journeyId)!)!;
        const isContact = entry.source.sequence === event.sequence;
        expect(entry.firstContact).toBe(isContact ? repeatOf === null : null);
        const before = entry.repeatOf && placeOf.get(entry.repeatOf);
        expect(before).toBe(isContact && repeatOf ? `${repeatOf.trace} ${repeatOf.sequence}` : null);
        if (entry.firstContact === false) repeats++;
        if (entry.firstContact === true) firsts++;
      }
      expect([repeats, firsts]).toEqual([1_519, 3_061]);
    });

    it('the moments of the rules are those that follow from the file', () => {
      const reopened = traces.flatMap((trace) => reopeningsOf(trace, 'Closed'));
      const place = ({ trace, sequence }: XesEvent) => `${trace} ${sequence}`;
      const expected = [
        ...[...contacts.values()].filter((c) => c.repeatOf).map(({ event }) => `NEG-S3 ${place(event)}`),
        ...[...contacts.values()].filter((c) => c.resolved).map(({ event }) => `POS-S2 ${place(event)}`),
        ...reopened.map((event) => `NEG-S5 ${place(event)}`),
      ];
      expect(moments.map(({ code, touchpointId }) => `${code} ${placeOf.get(touchpointId)}`).sort()).toEqual(
        expected.sort(),
      );
      expect(reopened.length).toBe(3);
      const counterparts: Record<string, string | null> = { 'NEG-S3': 'POS-S2', 'NEG-S5': 'POS-S4', 'POS-S2': null };
      const atOf = new Map(traces.flat().map((event) => [place(event), event.at]));
      for (const moment of moments) {
        expect(moment).toMatchObject({ observer: 'rule', intensity: 1, rule: { id: moment.code, version: 1 } });
        expect(moment.cause).toBe(moment.touchpointId);
        expect(moment.counterpart?.code ?? null).toBe(counterparts[moment.code]);
        expect(Date.parse(moment.occurredAt)).toBe(atOf.get(placeOf.get(moment.touchpointId)!));
      }
      // In the timelines they stand beside the touchpoints that they judge.
      const shown = [...timelines.values()]
        .flat()
        .flatMap(({ entryId, moments: own }) => own.map(({ code }) => `${code} ${placeOf.get(entryId)}`));
      expect(shown.sort()).toEqual(expected.sort());
    });

    it('M-RPT: 1,519 of 4,580', async () => {
      const { total, groups } = await figureOf('M-RPT', 'helpdesk', ', groupBy: [MONTH, UNIT], first: 1000');
      expect(total).toMatchObject({ n: 4_580, numerator: 1_519, denominator: 4_580, value: 1_519 / 4_580 });
      expect(total.coverage).toEqual([expect.objectContaining({ covered: 4_580, of: 4_580 })]);
      const months = new Map<string, [n: number, repeats: number]>();
      for (const { event, repeatOf } of contacts.values()) {
        const key = `${new Date(event.at).toISOString().slice(0, 7)}-01 ${event.unit}`;
        const [n, repeats] = months.get(key) ?? [0, 0];
        months.set(key, [n + 1, repeats + (repeatOf ? 1 : 0)]);
      }
      expect(groups.pageInfo.hasNextPage).toBe(false);
      const got = groups.edges.map(
        ({ node }) => `${node.dimensions.map((d) => d.id).join(' ')}: ${node.figure.n} ${node.figure.numerator}`,
      );
      expect(got.sort()).toEqual([...months].map(([key, [n, repeats]]) => `${key}: ${n} ${repeats}`).sort());
    });

    it('M-FCR: 2,385 of 3,061, and the figure opens to them', async () => {
      const { total } = await figureOf('M-FCR', 'helpdesk');
      expect(total).toMatchObject({ n: 3_061, numerator: 2_385, denominator: 3_061, provisional: 0 });
      const firsts = [...contacts.values()].filter(({ repeatOf }) => repeatOf === null);
      const opened = await instants(total.figure);
      expect(opened.map(({ journeyId }) => traceOf.get(journeyId)).sort()).toEqual(
        firsts.map(({ event }) => event.trace).sort(),
      );
      const resolved = firsts.filter((contact) => contact.resolved).map(({ event }) => event.trace);
      expect(
        opened.filter(({ counts }) => counts).map(({ journeyId }) => traceOf.get(journeyId)).sort(), // prettier-ignore
      ).toEqual(resolved.sort());
      const numerator = await instants(total.numeratorFigure);
      expect(numerator.map(({ journeyId }) => traceOf.get(journeyId)).sort()).toEqual(resolved.sort());
    });

    it('M-MOTN and M-MOTP count those moments and no others', async () => {
      const negative = await figureOf('M-MOTN', 'helpdesk', ', groupBy: [CODE]');
      expect(negative.total).toMatchObject({ n: 21_348, numerator: 1_522 });
      const byCode = negative.groups.edges.map(({ node }) => [node.dimensions[0]!.id, node.figure.numerator]);
      expect(Object.fromEntries(byCode.filter(([, n]) => n !== 0))).toEqual({ 'NEG-S3': 1_519, 'NEG-S5': 3 });
      const positive = await figureOf('M-MOTP', 'helpdesk');
      expect(positive.total).toMatchObject({ n: 21_348, numerator: 2_385, provisional: 0 });
    });
  });

  describe('BPI 2013', () => {
    let traces: XesEvent[][];

    beforeAll(async () => {
      traces = tracesOf('bpic2013-incidents.xes.gz', 'org:group');
      const options = { activity: ['concept:name'], unit: 'org:group', closes: ['Completed'] };
      const result = await importFile('bpic2013-incidents.xes.gz', { journeyType: 'bpic2013', ...options });
      expect(result).toMatchObject({ taken: traces.flat().length, journeys: traces.length });
      await settled();
    }, 180_000);

    it('580 moments NEG-S5, in as many journeys as were reopened after they were completed', async () => {
      const expected = traces.flatMap((trace) => reopeningsOf(trace, 'Completed'));
      const moments = await momentsOf('bpic2013');
      // Nobody is known, so no rule of contacts says anything.
      expect(new Set(moments.map(({ code }) => code))).toEqual(new Set(['NEG-S5']));
      expect(moments.length).toBe(580);
      const keys = new Map((await journeysOf('bpic2013')).map(({ id, key }) => [id, key]));
      const told = moments.map(({ journeyId, occurredAt }) => `${keys.get(journeyId)} ${Date.parse(occurredAt)}`);
      expect(told.sort()).toEqual(expected.map(({ trace, at }) => `${trace} ${at}`).sort());
      const golden = realData.golden()['bpic2013-incidents']!;
      expect(new Set(moments.map(({ journeyId }) => journeyId)).size).toBe(golden.casesReopenedAfterCompleted);
    });

    it('has no contact of anybody known, and says so instead of a rate', async () => {
      const { total } = await figureOf('M-RPT', 'bpic2013');
      expect(total).toMatchObject({ n: 0, numerator: 0, value: null });
      expect(total.coverage).toEqual([expect.objectContaining({ covered: 0, of: 7_554 })]);
    });
  });
});
