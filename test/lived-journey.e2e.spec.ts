import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'graphql-ws';
import { TestServer } from '../apps/server/testing.js';

interface Seen {
  type: string;
  position: string;
  stream: string;
}

/** Collects what a subscription sends, until it is told to stop. */
function listen<T>(client: Client, query: string, variables: Record<string, unknown>, field: string) {
  const seen: T[] = [];
  const stop = client.subscribe<Record<string, T>>(
    { query, variables },
    {
      next: ({ data, errors }) => {
        if (errors) throw new Error(JSON.stringify(errors));
        seen.push(data![field]!);
      },
      error: (error) => {
        throw error instanceof Error ? error : new Error(JSON.stringify(error));
      },
      complete: () => undefined,
    },
  );
  return { seen, stop };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(condition()).toBe(true);
}

/** A token that nobody was given: sound but for what is said here. */
function crafted(wrong: object): string {
  const sound = { of: 'cases', filter: {}, position: '0000000000000001', instant: '2024-05-01T08:00:00.000Z' };
  return Buffer.from(JSON.stringify([2, { ...sound, generation: 'journeys-1', ...wrong }])).toString('base64url');
}

const TIMELINE = `query ($of: TimelineOf!, $asOf: AsOfInput, $atLeast: Position) {
  timeline(of: $of, asOf: $asOf, atLeast: $atLeast) { asOf { position instant } edges { node {
    entryId form version occurredAt kind channel unit staff attributes personal note reason
    correctedSince { form version occurredAt kind reason } earlier { version occurredAt }
  } } }
}`;

describe('a journey lived over the API', () => {
  let server: TestServer;
  let client: Client;
  const secrets = {
    name: 'Wang Xiaoming',
    phone: '13912345678',
    note: 'Key is with the neighbour at no. 7',
    caller: 'Frau Wang',
  };

  const mutate = async (
    name: string,
    type: string,
    input: object,
  ): Promise<{ id: string; entryId: string; revision: number; position: string }> => {
    const { data, errors } = await server.ask(
      `mutation ($i: ${type}!) { ${name}(input: $i) { id entryId revision position } }`,
      { i: input },
    );
    if (errors) throw new Error(JSON.stringify(errors));
    return data[name];
  };
  const ask = async (query: string, variables: object) => {
    const { data, errors } = await server.ask(query, variables as Record<string, unknown>);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };

  beforeAll(async () => {
    // The week in which the customer may call again has not passed: no rule speaks in between.
    server = await TestServer.start({ CLOCK_AT: '2024-05-02T08:00:00+08:00' });
    client = server.socket();
  });
  afterAll(async () => {
    await client.dispose();
    await server.remove();
  });

  it('is recorded by mutations while subscribers listen, corrected, asked as of before and after, and counted', async () => {
    const { id: customerId, position: start } = await mutate('registerCustomer', 'RegisterCustomerInput', {
      identifiers: [{ type: 'phone', value: secrets.phone }],
      name: secrets.name,
      phone: secrets.phone,
      segment: 'resident',
      region: 'URBAN',
    });
    const { id: journeyId } = await mutate('openJourney', 'OpenJourneyInput', {
      journeyType: 'fault-repair',
      key: 'T-1',
      customerId,
      occurredAt: '2024-05-01T18:59:00+08:00',
    });

    const feed = listen<Seen>(
      client,
      'subscription ($after: Position) { events(after: $after, stream: "journey-") { type position stream } }',
      { after: start },
      'events',
    );
    const changes = listen<{ status: string; touchpointCount: number; asOf: { position: string } }>(
      client,
      'subscription ($id: ID!) { journeyChanged(id: $id) { status touchpointCount asOf { position } } }',
      { id: journeyId.toUpperCase() },
      'journeyChanged',
    );
    await until(() => feed.seen.length === 1);

    const call = await mutate('recordTouchpoint', 'RecordTouchpointInput', {
      journeyId,
      kind: 'contact.call-received',
      occurredAt: '2024-05-01T19:02:00+08:00',
      channel: 'hotline',
      unit: 'hotline-east',
      staff: 'agent-17',
      attributes: { caller: secrets.caller, waitedSeconds: 41 },
    });
    await mutate('assignOwner', 'AssignOwnerInput', { journeyId, unit: 'hotline-east' });
    await mutate('handOverJourney', 'HandOverJourneyInput', {
      journeyId,
      toUnit: 'crew-3',
      note: secrets.note,
      customerTold: true,
    });
    const arrived = await mutate('recordTouchpoint', 'RecordTouchpointInput', {
      journeyId,
      kind: 'crew.arrived',
      occurredAt: '2024-05-01T20:05:00+08:00',
      channel: 'crew',
      unit: 'crew-3',
    });
    const restored = await mutate('recordTouchpoint', 'RecordTouchpointInput', {
      journeyId,
      kind: 'supply.restored',
      occurredAt: '2024-05-01T20:40:00+08:00',
      channel: 'crew',
      unit: 'crew-3',
    });
    const corrected = await mutate('correctTouchpoint', 'CorrectTouchpointInput', {
      journeyId,
      touchpointId: arrived.entryId,
      occurredAt: '2024-05-01T19:45:00+08:00',
      reason: 'The tablet had no signal; the crew says a quarter to eight.',
    });
    // The same correction once more says nothing new.
    const again = await mutate('correctTouchpoint', 'CorrectTouchpointInput', {
      journeyId,
      touchpointId: arrived.entryId,
      occurredAt: '2024-05-01T19:45:00+08:00',
      reason: 'The tablet had no signal; the crew says a quarter to eight.',
    });
    expect(again.revision).toBe(corrected.revision);

    // The timeline now, and as it was known before the correction.
    const now = (await ask(TIMELINE, { of: { journeyId }, atLeast: corrected.position })).timeline;
    expect(now.edges.map((e: { node: { form: string; kind: string } }) => e.node.kind ?? e.node.form)).toEqual([
      'contact.call-received',
      'crew.arrived',
      'supply.restored',
      'OWNER_ASSIGNED',
      'HANDED_OVER',
    ]);
    const [first, second] = now.edges.map((e: { node: object }) => e.node);
    expect(first).toMatchObject({
      occurredAt: '2024-05-01T19:02:00+08:00',
      attributes: { waitedSeconds: 41 },
      personal: { caller: secrets.caller },
    });
    expect(second).toMatchObject({
      version: 2,
      occurredAt: '2024-05-01T19:45:00+08:00',
      correctedSince: [],
      earlier: [{ version: 1 }],
    });
    expect(now.edges[4].node).toMatchObject({ form: 'HANDED_OVER', unit: 'crew-3', note: secrets.note });

    const before = (await ask(TIMELINE, { of: { journeyId }, asOf: { position: restored.position } })).timeline;
    expect(before.asOf.position).toBe(restored.position);
    expect(
      before.edges.find((e: { node: { entryId: string } }) => e.node.entryId === arrived.entryId).node,
    ).toMatchObject({
      version: 1,
      occurredAt: '2024-05-01T20:05:00+08:00',
      correctedSince: [{ version: 2, occurredAt: '2024-05-01T19:45:00+08:00' }],
    });
    const atFirst = (await ask(TIMELINE, { of: { customerId }, asOf: { position: call.position } })).timeline;
    expect(atFirst.edges.length).toBe(1);

    // The map counts it, and every figure leads back to the events.
    const { journeyMap } = await ask(
      `query ($a: Position) { journeyMap(filter: { journeyType: "fault-repair", segment: "resident" }, atLeast: $a) {
         cases { value } closedCases { value figure } handovers { value } edges { source target count { value figure } durations { p50 } } } }`,
      { a: corrected.position },
    );
    expect([journeyMap.cases.value, journeyMap.closedCases.value, journeyMap.handovers.value]).toEqual([1, 1, 1]);
    const edge = journeyMap.edges.find((e: { source: string }) => e.source === 'contact.call-received');
    expect(edge).toMatchObject({ target: 'crew.arrived', count: { value: 1 }, durations: { p50: 43 * 60_000 } });
    const { figure } = await ask(
      'query ($t: String!) { figure(token: $t) { of node target value generation occurrences { edges { node { journeyId events { eventId touchpointId stream } } } } journeys { edges { node { id customer { name } } } } } }',
      { t: edge.count.figure },
    );
    expect(figure).toMatchObject({
      of: 'edge',
      node: 'contact.call-received',
      target: 'crew.arrived',
      value: 1,
      generation: expect.stringMatching(/^journeys-\d+$/) as string,
      journeys: { edges: [{ node: { id: journeyId, customer: { name: secrets.name } } }] },
    });
    const behind = figure.occurrences.edges[0].node.events;
    expect(behind.map((e: { touchpointId: string }) => e.touchpointId)).toEqual([call.entryId, arrived.entryId]);
    const { events } = await ask(
      'query ($s: String!) { events(stream: $s, first: 100) { edges { node { id type position data } } } }',
      { s: behind[0].stream },
    );
    const log = events.edges.map((e: { node: Seen & { id: string } }) => e.node);
    for (const { eventId } of behind) expect(log.map((e: { id: string }) => e.id)).toContain(eventId);

    // Subscribers saw every event once, in order; the journey's own followed the projections.
    await until(() => feed.seen.length === log.length && changes.seen.at(-1)?.asOf.position === corrected.position);
    expect(feed.seen.map((e) => e.position)).toEqual(log.map((e: Seen) => e.position));
    expect(changes.seen.at(-1)).toMatchObject({ status: 'CLOSED', touchpointCount: 3 });
    feed.stop();
    changes.stop();
  }, 60_000);

  it('is found by an identifier of the customer', async () => {
    const { customer } = await ask(
      'query ($by: CustomerBy!) { customer(by: $by) { name phone identifiers { type value } forgotten segment journeys { edges { node { key status } } } timeline { edges { node { kind } } } } }',
      { by: { identifier: { type: 'phone', value: secrets.phone } } },
    );
    expect(customer).toMatchObject({
      name: secrets.name,
      phone: secrets.phone,
      identifiers: [{ type: 'phone', value: secrets.phone }],
      forgotten: false,
      journeys: { edges: [{ node: { key: 'T-1', status: 'CLOSED' } }] },
    });
    expect(await server.codeOf('{ customer(by: { identifier: { type: "phone", value: "0" } }) { id } }')).toBe(
      'CUSTOMER_UNKNOWN',
    );
  });

  it('knows an id in capitals for the same id, wherever it is given', async () => {
    const { id: customerId } = await mutate('registerCustomer', 'RegisterCustomerInput', {
      identifiers: [{ type: 'account', value: 'A-2' }],
    });
    const journeyId = '0190a1b2-0000-7000-8000-00000000abcd';
    const [ID, CUSTOMER] = [journeyId.toUpperCase(), customerId.toUpperCase()];
    const open = { journeyType: 'fault-repair', key: 'T-2', customerId: CUSTOMER };
    const opened = await mutate('openJourney', 'OpenJourneyInput', { ...open, journeyId: ID });
    expect(opened).toMatchObject({ id: journeyId });
    expect(await mutate('openJourney', 'OpenJourneyInput', { ...open, journeyId })).toEqual(opened);
    const touchpointId = '0190a1b2-0000-7000-8000-00000000abce';
    const call = { journeyId: ID, touchpointId: touchpointId.toUpperCase(), kind: 'contact.call-received' };
    const { entryId } = await mutate('recordTouchpoint', 'RecordTouchpointInput', call);
    expect(entryId).toBe(touchpointId);
    const { position } = await mutate('addNote', 'AddNoteInput', { journeyId: ID, noteId: ID, text: 'Rang again.' });

    const answer = await ask(
      `query ($j: ID!, $c: ID!, $p: Position) {
         journey(id: $j, atLeast: $p) { id touchpointCount customer { id } }
         customer(by: { id: $c }) { id }
         journeys(filter: { customerId: $c }) { edges { node { id } } }
         ofJourney: timeline(of: { journeyId: $j }) { edges { node { form entryId } } }
         ofCustomer: timeline(of: { customerId: $c }) { edges { node { form entryId } } }
       }`,
      { j: ID, c: CUSTOMER, p: position },
    );
    const entries = {
      edges: [{ node: { form: 'TOUCHPOINT', entryId } }, { node: { form: 'NOTE', entryId: journeyId } }],
    };
    expect(answer).toEqual({
      journey: { id: journeyId, touchpointCount: 1, customer: { id: customerId } },
      customer: { id: customerId },
      journeys: { edges: [{ node: { id: journeyId } }] },
      ofJourney: entries,
      ofCustomer: entries,
    });
    const before = { asOf: { position: opened.position } };
    const early = await ask(TIMELINE, { of: { journeyId }, ...before });
    expect(early.timeline.edges).toEqual([]);
  });

  it('a wrong value is taken away by a correction, attributes are laid over what is there', async () => {
    const { id: journeyId } = await mutate('openJourney', 'OpenJourneyInput', { journeyType: 'fault-repair' });
    const call = await mutate('recordTouchpoint', 'RecordTouchpointInput', {
      journeyId,
      kind: 'contact.call-received',
      channel: 'hotline',
      unit: 'hotline-west',
      attributes: { waitedSeconds: 7 },
      personal: { caller: secrets.caller },
    });
    const touchpoint = { journeyId, touchpointId: call.entryId, reason: 'No unit took it.' };
    const corrected = await mutate('correctTouchpoint', 'CorrectTouchpointInput', {
      ...touchpoint,
      clear: ['UNIT', 'CHANNEL'],
      attributes: { rang: 3 },
      personal: { mood: 'calm' },
    });
    const [entry] = (await ask(TIMELINE, { of: { journeyId }, atLeast: corrected.position })).timeline.edges;
    expect(entry.node).toMatchObject({
      version: 2,
      unit: null,
      channel: null,
      attributes: { waitedSeconds: 7, rang: 3 },
      personal: { caller: secrets.caller, mood: 'calm' },
    });
    const query = 'mutation ($i: CorrectTouchpointInput!) { correctTouchpoint(input: $i) { id } }';
    expect(await server.codeOf(query, { i: { ...touchpoint, clear: ['KIND'] } })).toBe('INVALID_INPUT');
  });

  it('nobody has a timeline before they were known', async () => {
    const early = await mutate('registerCustomer', 'RegisterCustomerInput', {
      identifiers: [{ type: 'account', value: 'A-3' }],
    });
    const late = await mutate('registerCustomer', 'RegisterCustomerInput', {
      identifiers: [{ type: 'account', value: 'A-4' }],
    });
    const journey = await mutate('openJourney', 'OpenJourneyInput', { journeyType: 'x', customerId: late.id });
    await ask(TIMELINE, { of: { journeyId: journey.id }, atLeast: journey.position });
    const asOf = { position: early.position };
    expect(await server.codeOf(TIMELINE, { of: { customerId: late.id }, asOf })).toBe('CUSTOMER_UNKNOWN');
    expect(await server.codeOf(TIMELINE, { of: { journeyId: journey.id }, asOf })).toBe('JOURNEY_UNKNOWN');
    expect(await server.codeOf(TIMELINE, { of: { customerId: early.id }, asOf })).toBeUndefined();
  });

  it('resumes a subscription from any position without a gap', async () => {
    const whole = listen<Seen>(client, 'subscription { events { type position stream } }', {}, 'events');
    await until(() => whole.seen.length >= 9);
    const all = [...whole.seen];
    whole.stop();
    for (const at of [0, 3, all.length - 2]) {
      const rest = listen<Seen>(
        client,
        'subscription ($after: Position) { events(after: $after) { type position stream } }',
        { after: all[at]!.position },
        'events',
      );
      await until(() => rest.seen.length === all.length - at - 1);
      expect(rest.seen).toEqual(all.slice(at + 1));
      rest.stop();
    }
  });

  describe('bad input has a code, and leaves the log as it was', () => {
    const uuid = '0190a1b2-0000-7000-8000-000000000001';
    const bad: [string, string, string, object][] = [
      ['JOURNEY_UNKNOWN', 'recordTouchpoint', 'RecordTouchpointInput', { journeyId: uuid, kind: 'crew.arrived' }],
      ['KIND_UNKNOWN', 'recordTouchpoint', 'RecordTouchpointInput', { journeyId: uuid, kind: 'crew.flew' }],
      ['INVALID_INPUT', 'recordTouchpoint', 'RecordTouchpointInput', { journeyId: 'x', kind: 'crew.arrived' }],
      [
        'INVALID_INPUT',
        'recordTouchpoint',
        'RecordTouchpointInput',
        { journeyId: uuid, kind: 'crew.arrived', occurredAt: '2024-05-01T08:00:00' },
      ],
      ['INVALID_INPUT', 'recordTouchpoint', 'RecordTouchpointInput', { journeyId: uuid, kind: 7 }],
      ['INVALID_INPUT', 'openJourney', 'OpenJourneyInput', { journeyType: '' }],
      ['CUSTOMER_UNKNOWN', 'updateCustomer', 'UpdateCustomerInput', { customerId: uuid, name: 'x' }],
      ['INVALID_INPUT', 'registerCustomer', 'RegisterCustomerInput', { identifiers: [] }],
      [
        'WRONG_EXPECTED_REVISION',
        'closeJourney',
        'CloseJourneyInput',
        { journeyId: uuid, reason: 'r', expectedRevision: 4 },
      ],
    ];

    it.each(bad)('%s: %s', async (code, name, type, input) => {
      const head = await ask('{ journeys(first: 1) { asOf { position } } }', {});
      expect(await server.codeOf(`mutation ($i: ${type}!) { ${name}(input: $i) { id } }`, { i: input })).toBe(code);
      expect(await ask('{ journeys(first: 1) { asOf { position } } }', {})).toEqual(head);
    });

    it.each([
      ['INVALID_CURSOR', '{ journeys(after: "nonsense") { asOf { position } } }'],
      ['INVALID_FIGURE', '{ figure(token: "nonsense") { of } }'],
      ['INVALID_FIGURE', `{ figure(token: "${crafted({ filter: { journeyType: {} } })}") { value } }`],
      ['INVALID_FIGURE', `{ figure(token: "${crafted({ filter: { status: 'X' } })}") { value } }`],
      ['INVALID_FIGURE', `{ figure(token: "${crafted({ project: { kinds: 5 } })}") { value } }`],
      ['INVALID_INPUT', '{ journeys(filter: { customerId: "nobody" }) { asOf { position } } }'],
      ['INVALID_INPUT', '{ journeys(first: 0) { asOf { position } } }'],
      ['JOURNEY_UNKNOWN', `{ journey(id: "${uuid}") { id } }`],
      [
        'INVALID_WINDOW',
        '{ journeyMap(filter: { from: "2024-05-02T00:00:00Z", to: "2024-05-01T00:00:00Z" }) { exact } }',
      ],
      ['INVALID_POSITION', '{ journeys(asOf: { position: "nowhere" }) { asOf { position } } }'],
    ])('%s of a query', async (code, query) => expect(await server.codeOf(query)).toBe(code));

    it('what is crafted of a figure is refused for what is wrong with it', async () =>
      expect(await server.codeOf(`{ figure(token: "${crafted({})}") { value } }`)).toBeUndefined());

    it('a payload of 10 MB is refused', async () => {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ journeys { asOf { position } } }', variables: { x: 'x'.repeat(10_000_000) } }),
      });
      expect(response.status).toBe(413);
      expect(await response.text()).toMatch(/"code":"[A-Z_]+"/);
    });
  });

  it('leaves no name, phone or note readable in any byte of the data directory', () => {
    const files = readdirSync(server.directory, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
    expect(files.map((f) => f.name)).toEqual(expect.arrayContaining(['log.db', 'keys.db']));
    for (const file of files) {
      const bytes = readFileSync(join(file.parentPath, file.name));
      for (const [field, value] of Object.entries(secrets)) {
        for (const encoding of ['utf8', 'utf16le'] as const) {
          expect([file.name, field, bytes.includes(Buffer.from(value, encoding))]).toEqual([file.name, field, false]);
        }
        expect([file.name, field, bytes.includes(Buffer.from(value).toString('base64').slice(0, -3))]).toEqual([
          file.name,
          field,
          false,
        ]);
      }
    }
    // The search itself finds what is not personal.
    const all = Buffer.concat(files.map((f) => readFileSync(join(f.parentPath, f.name))));
    expect(all.includes('hotline-east')).toBe(true);
  });
});
