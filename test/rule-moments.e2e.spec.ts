import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteLogReader } from '@touchstone/eventing';
import { MovableClock } from '@touchstone/eventing/testing';
import { TestServer } from '../apps/server/testing.js';
import { killAll, Server } from './chaos.children.js';

const START = Date.parse('2024-03-01T00:00:00Z');
/** Hours after the start, as somebody in China writes it. */
const hour = (n: number) => `${new Date(START + (n + 8) * 3_600_000).toISOString().slice(0, 19)}+08:00`;
const utc = (n: number) => new Date(START + n * 3_600_000).toISOString();

interface RuleEvent {
  id: string;
  type: 'MomentObserved' | 'MomentRetracted';
  stream: string;
  occurredAt: string;
  recordedAt: string;
  data: {
    code: string;
    touchpointId: string;
    observer: string;
    momentId: string;
    reason: string;
    byRule?: boolean;
    rule?: { version: number; cause: string };
  };
  metadata: {
    causationId: string | null;
    policyVersion: string | null;
    historical: boolean;
    actor: { id: string; role: string | null };
  };
}

const EVENTS = `query ($after: String) {
  events(types: ["MomentObserved", "MomentRetracted"], first: 1000, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { node { id type stream occurredAt recordedAt data
      metadata { causationId policyVersion historical actor { id role } } } }
  }
}`;

// Tests know what they asked for.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Ask = (query: string, variables: Record<string, unknown>) => Promise<any>;

/** Every moment and retraction in the log, in its order. */
async function ruleEvents(ask: Ask): Promise<RuleEvent[]> {
  const found: RuleEvent[] = [];
  for (let after: string | null = null; ;) {
    const { events } = (await ask(EVENTS, { after })) as {
      events: { pageInfo: { hasNextPage: boolean; endCursor: string }; edges: { node: RuleEvent }[] };
    };
    found.push(...events.edges.map(({ node }) => node));
    if (!events.pageInfo.hasNextPage) return found;
    after = events.pageInfo.endCursor;
  }
}

/** Code and touchpoint of what holds. */
function held(events: readonly RuleEvent[]): { code: string; touchpointId: string }[] {
  const gone = new Set(events.filter(({ type }) => type === 'MomentRetracted').map(({ data }) => data.momentId));
  return events
    .filter(({ type, id }) => type === 'MomentObserved' && !gone.has(id))
    .map(({ data: { code, touchpointId } }) => ({ code, touchpointId }));
}

const asking =
  (server: TestServer): Ask =>
  async (query, variables) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };

describe('the rules of moments, over the API', () => {
  const clock = new MovableClock(utc(0));
  let server: TestServer;
  let ask: Ask;
  const mutate = async (name: string, input: object): Promise<{ id: string; entryId: string }> => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const answer = await ask(`mutation ($i: ${type}!) { ${name}(input: $i) { id entryId } }`, { i: input });
    return answer[name]!;
  };
  const customer = async (phone: string) =>
    (await mutate('registerCustomer', { identifiers: [{ type: 'phone', value: phone }] })).id;
  const journeyOf = async (customerId: string) =>
    (await mutate('openJourney', { journeyType: 'fault-repair', customerId, occurredAt: hour(0) })).id;
  const touchpoint = async (journeyId: string, at: number, kind = 'contact.call-received') => {
    if (clock.now().getTime() < Date.parse(hour(at))) clock.move(hour(at));
    return (await mutate('recordTouchpoint', { journeyId, kind, occurredAt: hour(at) })).entryId;
  };
  const heldNow = async () => {
    await server.settled();
    return held(await ruleEvents(ask));
  };

  beforeAll(async () => {
    server = await TestServer.start({}, undefined, clock);
    ask = asking(server);
  });
  afterAll(() => server.remove());

  it('four rules observe, with their version and their cause; what rests on absence waits for the clock', async () => {
    const [calls, story, again] = [await customer('1'), await customer('2'), await customer('3')];
    const first = await journeyOf(calls);
    await touchpoint(first, 1);
    const repeat = await touchpoint(await journeyOf(calls), 40);

    const told = await journeyOf(story);
    const call = await touchpoint(told, 41);
    await mutate('assignOwner', { journeyId: told, unit: 'hotline' });
    await mutate('handOverJourney', { journeyId: told, toUnit: 'crew', customerTold: false });

    const reopened = await journeyOf(again);
    await touchpoint(reopened, 42, 'contact.call-received');
    await touchpoint(reopened, 43, 'supply.restored');
    const after = await touchpoint(reopened, 44, 'contact.call-made');

    expect(await heldNow()).toEqual(
      expect.arrayContaining([
        { code: 'NEG-S3', touchpointId: repeat },
        { code: 'NEG-S2', touchpointId: call },
        { code: 'NEG-S5', touchpointId: after },
      ]),
    );
    const events = await ruleEvents(ask);
    for (const { data, metadata, occurredAt } of events) {
      expect(data).toMatchObject({ observer: 'rule', rule: { version: 1, cause: metadata.causationId } });
      expect(metadata).toMatchObject({
        policyVersion: `${data.code}@1`,
        historical: false,
        actor: { id: 'rule-moments', role: 'policy' },
      });
      expect(occurredAt).toMatch(/\+08:00$/);
    }
    expect(events.find(({ data }) => data.code === 'NEG-S3')).toMatchObject({ occurredAt: hour(40) });
    expect(events.map(({ data }) => data.code)).not.toContain('POS-S2');

    const { policies } = (await ask(
      '{ policies { name state due nextDue decided failed failing lag lastError { code } } }',
      {},
    )) as {
      policies: { name: string; nextDue: string; decided: number }[];
    };
    // The story's first contact: nobody has called again so far.
    expect(policies.map(({ name }) => name).sort()).toEqual(['follow-ups', 'rule-moments']);
    expect(policies.filter(({ name }) => name === 'rule-moments')).toEqual([
      {
        name: 'rule-moments',
        state: 'LIVE',
        due: 0,
        nextDue: utc(41 + 168),
        decided: events.length,
        failed: expect.any(Number),
        failing: 0,
        lag: 0,
        lastError: null,
      },
    ]);
    clock.move(utc(41 + 168 - 0.001));
    expect(await heldNow()).not.toContainEqual({ code: 'POS-S2', touchpointId: call });
    clock.move(utc(41 + 168));
    expect(await heldNow()).toContainEqual({ code: 'POS-S2', touchpointId: call });

    const scraped = await (await fetch(`${server.url}/metrics`)).text();
    expect(scraped).toContain('touchstone_policy_due{policy="rule-moments"} 0\n');
    expect(scraped).toContain(`touchstone_policy_decided_total{policy="rule-moments"} ${events.length + 1}\n`);
    expect(scraped).toContain('touchstone_policy_up{policy="rule-moments"} 1\n');
  });

  it('a late fact takes back what does not hold any more', async () => {
    const calls = await customer('4');
    const first = await touchpoint(await journeyOf(calls), 300);
    clock.move(utc(300 + 168));
    expect(await heldNow()).toContainEqual({ code: 'POS-S2', touchpointId: first });
    const late = await touchpoint(await journeyOf(calls), 310);
    const now = await heldNow();
    expect(now).toContainEqual({ code: 'NEG-S3', touchpointId: late });
    expect(now).not.toContainEqual({ code: 'POS-S2', touchpointId: first });
    const events = await ruleEvents(ask);
    const { id } = events.find(({ data }) => data.code === 'POS-S2' && data.touchpointId === first)!;
    const retraction = events.find(({ data }) => data.momentId === id)!;
    expect(retraction.data).toMatchObject({ byRule: true, reason: expect.any(String) });
    expect(retraction.metadata.actor.id).toBe('rule-moments');
  });

  it('a person stands before the rule, and what a person takes back stays so, also after a restart', async () => {
    const calls = await customer('5');
    const journeyId = await journeyOf(calls);
    await touchpoint(journeyId, 600);
    const [second, third] = [await touchpoint(journeyId, 601), await touchpoint(journeyId, 602)];
    expect(await heldNow()).toEqual(
      expect.arrayContaining([
        { code: 'NEG-S3', touchpointId: second },
        { code: 'NEG-S3', touchpointId: third },
      ]),
    );
    await mutate('observeMoment', { journeyId, touchpointId: second, code: 'NEG-07', observer: 'qa' });
    const byRule = (await ruleEvents(ask)).find(({ data }) => data.touchpointId === third)!;
    await mutate('retractMoment', { journeyId, momentId: byRule.id, reason: 'another matter' });
    const expected = await heldNow();
    expect(expected.filter(({ touchpointId }) => [second, third].includes(touchpointId))).toEqual([
      { code: 'NEG-07', touchpointId: second },
    ]);
    const { directory } = server;
    await server.close();
    server = await TestServer.start({}, directory, clock);
    ask = asking(server);
    const before = await ruleEvents(ask);
    await mutate('addNote', { journeyId, text: 'Something happens, so that the rules look again.' });
    await server.settled();
    await sleep(100);
    expect(await ruleEvents(ask)).toEqual(before);
  });
});

/** Traces of one customer each: contacts on the given hours. */
function xes(traces: readonly { customer: string; hours: readonly number[] }[], name = 'T'): string {
  const body = traces.map(
    ({ customer, hours }, n) =>
      `<trace><string key="concept:name" value="${name}${n}"/><string key="who" value="${customer}"/>${hours
        .map(
          (at) =>
            `<event><string key="concept:name" value="Call"/><date key="time:timestamp" value="${utc(at)}"/></event>`,
        )
        .join('')}</trace>`,
  );
  return `<log xes.version="1849-2016">${body.join('')}</log>`;
}

const importOptions = (more: object = {}) =>
  encodeURIComponent(JSON.stringify({ journeyType: 'calls', customer: 'who', contacts: ['Call'], ...more }));

describe('the rules of moments after a load', () => {
  it('decide once the whole file is in, now and not as history', async () => {
    const clock = new MovableClock('2024-06-01T00:00:00Z');
    const server = await TestServer.start({}, undefined, clock);
    try {
      // Half a week apart: by half of what is appended everybody seems to have called only once.
      const customers = Array.from({ length: 2_000 }, (_, n) => `C${n}`);
      const traces = [
        ...customers.map((customer) => ({ customer, hours: [84] })),
        ...customers.map((customer) => ({ customer, hours: [0] })),
      ];
      const response = await fetch(`${server.url}/imports/xes?options=${importOptions({ asHistory: true })}`, {
        method: 'POST',
        headers: { 'content-type': 'application/xml' },
        body: xes(traces),
      });
      expect(await response.text()).toContain('"taken":4000');
      await server.settled();
      const events = await ruleEvents(asking(server));
      // None was observed too early and taken back.
      expect(events.map(({ type, data }) => `${type} ${data.code}`)).toEqual(
        customers.map(() => 'MomentObserved NEG-S3'),
      );
      for (const { occurredAt, recordedAt, metadata } of events) {
        expect(Date.parse(occurredAt)).toBe(Date.parse(utc(84)));
        expect([recordedAt, metadata.historical]).toEqual(['2024-06-01T00:00:00.000Z', false]);
      }
    } finally {
      await server.remove();
    }
  });
});

describe('the rules of moments in a server that is killed', () => {
  const KILLS = 4;
  const CUSTOMERS = 400;
  const root = mkdtempSync(join(tmpdir(), 'touchstone-rules-'));
  const directory = join(root, 'data');
  afterAll(async () => {
    await killAll();
    rmSync(root, { recursive: true, force: true });
  });

  /** What a server had recorded of its rules by now. */
  async function recordedByThen(): Promise<number> {
    const log = openSqliteLogReader(join(directory, 'log.db'));
    let found = 0;
    for await (const page of log.readAll({ types: ['MomentObserved', 'MomentRetracted'] })) found += page.length;
    await log.close();
    return found;
  }

  /** A call, a repeat, and long after that another first one, each: one NEG-S3 and one POS-S2. */
  const load = (round: number) =>
    xes(
      Array.from({ length: CUSTOMERS }, (_, n) => ({ customer: `C${round}-${n}`, hours: [0, 24, 1_000] })),
      `R${round}-`,
    );

  it(`neither double one nor lose one, killed ${KILLS} times`, async () => {
    let struck = 0;
    for (let round = 0; round < KILLS; round++) {
      const server = await Server.start(directory);
      let last = {};
      await server.post(
        `/imports/xes?options=${importOptions()}`,
        { 'content-type': 'application/xml', accept: 'application/x-ndjson' },
        [load(round)],
        (line) => (last = line),
      );
      expect(JSON.stringify(last)).toContain(`"taken":${CUSTOMERS * 3}`);
      // The first at once, the others as soon as something more is recorded: in the midst of the work.
      const before = await recordedByThen();
      while (round > 0 && (await recordedByThen()) === before && before < (round + 1) * CUSTOMERS * 2) await sleep(2);
      await server.kill();
      const recorded = await recordedByThen();
      if (recorded > 0 && recorded < (round + 1) * CUSTOMERS * 2) struck++;
    }
    const server = await Server.start(directory);
    const ask: Ask = async (query, variables) => {
      const answer = await server.ask(query, variables);
      if (!answer?.data) throw new Error(JSON.stringify(answer));
      return answer.data;
    };
    for (let state = ''; state !== 'LIVE 0'; await sleep(20)) {
      const policies = (await ask('{ policies { name state due } }', {}))['policies'] as {
        name: string;
        state: string;
        due: number;
      }[];
      const policy = policies.find(({ name }) => name === 'rule-moments');
      state = `${policy!.state} ${policy!.due}`;
    }
    const events = await ruleEvents(ask);
    expect(events.filter(({ type }) => type !== 'MomentObserved')).toEqual([]);
    const known = events.map(({ data }) => `${data.code} ${data.rule!.cause}`);
    expect(new Set(known).size).toBe(known.length);
    for (const code of ['NEG-S3', 'POS-S2']) {
      expect(events.filter(({ data }) => data.code === code)).toHaveLength(KILLS * CUSTOMERS);
    }
    // Kills that found all or nothing done would prove nothing.
    expect(struck).toBeGreaterThan(0);
  }, 240_000);
});
