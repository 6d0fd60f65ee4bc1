import { randomUUID } from 'node:crypto';
import { TestServer } from '../apps/server/testing.js';

/** What a person may do to a journey or a customer, in the cases that are easily got wrong. */
describe('commands over the API', () => {
  let server: TestServer;

  const send = async (name: string, input: object) => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const { data, errors } = await server.ask(
      `mutation ($i: ${type}!) { ${name}(input: $i) { id entryId revision position } }`,
      { i: input },
    );
    if (errors) return { code: String(errors[0]!.extensions['code']), position: '', id: '', entryId: '', revision: -1 };
    return { code: null, ...(data[name] as { id: string; entryId: string; revision: number; position: string }) };
  };
  const ask = async (query: string, variables: Record<string, unknown> = {}) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const statusOf = async (id: string, atLeast: string): Promise<string> =>
    (await ask('query ($id: ID!, $p: Position) { journey(id: $id, atLeast: $p) { status } }', { id, p: atLeast }))
      .journey.status;
  const entries = async (journeyId: string, atLeast: string) =>
    (
      await ask(
        'query ($j: ID!, $p: Position) { timeline(of: { journeyId: $j }, atLeast: $p) { edges { node { form kind closes version channel unit attributes personal } } } }',
        { j: journeyId, p: atLeast },
      )
    ).timeline.edges.map((e: { node: object }) => e.node);
  const head = async (): Promise<string> =>
    (await ask('{ events(first: 1000) { edges { node { position } } } }')).events.edges.at(-1).node.position;
  const open = async () =>
    (await send('openJourney', { journeyType: 'fault-repair', occurredAt: '2024-05-01T08:00:00Z' })).id;

  beforeAll(async () => {
    server = await TestServer.start();
    const kind = (id: string, closes: boolean) => ({ id, nameEn: id, closes });
    await ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { revision } }', {
      i: { pack: 'own', nameEn: 'Own', kinds: [kind('own.step', false), kind('own.changed', false)] },
    });
  });
  afterAll(() => server.remove());

  it('a closing at the instant of the last touchpoint closes', async () => {
    const journeyId = await open();
    await send('recordTouchpoint', { journeyId, kind: 'own.step', occurredAt: '2024-05-01T09:00:00Z' });
    const close = { journeyId, reason: 'done', occurredAt: '2024-05-01T09:00:00Z' };
    const first = await send('closeJourney', close);
    expect(await statusOf(journeyId, first.position)).toBe('CLOSED');
    expect((await send('closeJourney', close)).revision).toBe(first.revision);
  });

  it('a pause can always be ended', async () => {
    const journeyId = await open();
    const paused = await send('pauseJourney', { journeyId, reason: 'waiting', occurredAt: '2024-05-01T10:00:00Z' });
    expect(await statusOf(journeyId, paused.position)).toBe('PAUSED');
    expect((await send('resumeJourney', { journeyId, occurredAt: '2024-05-01T09:30:00Z' })).code).toBe('NOT_LAST');
    const resumed = await send('resumeJourney', { journeyId, occurredAt: '2024-05-01T10:30:00Z' });
    expect(await statusOf(journeyId, resumed.position)).toBe('OPEN');
  });

  it('corrections at the same time lose nothing of each other', async () => {
    const journeyId = await open();
    const { entryId: touchpointId } = await send('recordTouchpoint', {
      journeyId,
      kind: 'own.step',
      unit: 'a',
      channel: 'x',
    });
    const correct = (change: object) => send('correctTouchpoint', { journeyId, touchpointId, reason: 'r', ...change });
    const done = await Promise.all([
      correct({ unit: 'b' }),
      correct({ channel: 'y' }),
      correct({ attributes: { one: 1 } }),
      correct({ attributes: { two: 2 } }),
    ]);
    expect(done.map((d) => d.code)).toEqual([null, null, null, null]);
    const [entry] = await entries(journeyId, await head());
    expect(entry).toMatchObject({ version: 5, unit: 'b', channel: 'y', attributes: { one: 1, two: 2 } });
    const replaced = await correct({ clear: ['ATTRIBUTES'], attributes: { three: 3 } });
    expect((await entries(journeyId, replaced.position))[0]).toMatchObject({ version: 6, attributes: { three: 3 } });
    const cleared = await correct({ clear: ['UNIT', 'ATTRIBUTES'] });
    expect((await entries(journeyId, cleared.position))[0]).toMatchObject({
      version: 7,
      unit: null,
      channel: 'y',
      attributes: null,
    });
  });

  it('a correction keeps the traits that held when the touchpoint was decided', async () => {
    const journeyId = await open();
    const { entryId: touchpointId } = await send('recordTouchpoint', { journeyId, kind: 'own.changed' });
    await ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { revision } }', {
      i: { pack: 'own', nameEn: 'Own', kinds: [{ id: 'own.changed', nameEn: 'own.changed', closes: true }] },
    });
    const corrected = await send('correctTouchpoint', { journeyId, touchpointId, reason: 'r', unit: 'u' });
    expect(await statusOf(journeyId, corrected.position)).toBe('OPEN');
    const again = await send('correctTouchpoint', {
      journeyId,
      touchpointId,
      reason: 'r',
      kind: 'own.changed',
      unit: 'v',
    });
    expect(await statusOf(journeyId, again.position)).toBe('CLOSED');
  });

  it('a customer is registered with all identifiers or none', async () => {
    const taken = { type: 'account', value: randomUUID() };
    const fresh = { type: 'account', value: randomUUID() };
    const { id } = await send('registerCustomer', { identifiers: [taken] });
    const before = await head();
    expect((await send('registerCustomer', { identifiers: [fresh, taken] })).code).toBe('IDENTIFIER_TAKEN');
    expect(await head()).toBe(before);
    const named = await send('registerCustomer', { identifiers: [taken, fresh] });
    expect(named.id).toBe(id);
    const { customer } = await ask(
      'query ($by: CustomerBy!, $p: Position) { customer(by: $by, atLeast: $p) { id identifiers { type value } } }',
      {
        by: { identifier: fresh },
        p: named.position,
      },
    );
    expect(customer).toEqual({ id, identifiers: [taken, fresh] });
  });

  it('ids that belong to something else, unknown customers and contradictions are refused at once', async () => {
    const [one, two] = [await open(), await open()];
    const { entryId: touchpointId } = await send('recordTouchpoint', { journeyId: one, kind: 'own.step' });
    expect((await send('recordTouchpoint', { journeyId: two, touchpointId, kind: 'own.step' })).code).toBe('ID_TAKEN');
    expect((await send('openJourney', { journeyId: one, journeyType: 'complaint' })).code).toBe('JOURNEY_EXISTS');
    expect((await send('openJourney', { journeyType: 'x', customerId: randomUUID() })).code).toBe('CUSTOMER_UNKNOWN');
  });

  it('one journey has one id, however its letters are written', async () => {
    const journeyId = randomUUID();
    await send('openJourney', { journeyId, journeyType: 'fault-repair' });
    const again = await send('openJourney', { journeyId: journeyId.toUpperCase(), journeyType: 'fault-repair' });
    expect([again.id, again.revision]).toEqual([journeyId, 0]);
  });

  it('a repeat is done already, whatever revision its sender expected', async () => {
    const journeyId = await open();
    const touchpointId = randomUUID();
    const record = { journeyId, touchpointId, kind: 'own.step', expectedRevision: 0 };
    expect(await send('recordTouchpoint', record)).toMatchObject({ code: null, revision: 1 });
    expect(await send('recordTouchpoint', record)).toMatchObject({ code: null, revision: 1 });
    expect((await send('recordTouchpoint', { ...record, touchpointId: randomUUID() })).code).toBe(
      'WRONG_EXPECTED_REVISION',
    );
  });

  it('places that a source gives may be of any size', async () => {
    const key = randomUUID();
    const event = (n: number, sequence: number) => ({
      specversion: '1.0',
      id: `${key}-${n}`,
      source: '/test',
      type: 'touchpoint.recorded',
      time: '2024-05-01T09:00:00Z',
      sequence: String(sequence),
      data: { journey: { type: 'fault-repair', key }, kind: n === 2 ? 'own.step' : 'contact.visit', unit: `u${n}` },
    });
    let journeyId = '';
    for (const [n, sequence] of [
      [1, 1],
      [2, 3_000_000_000],
      [3, 2],
    ] as const) {
      const response = await fetch(`${server.url}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event(n, sequence)),
      });
      const answer = (await response.json()) as { outcome: string; journeyId: string };
      expect([response.status, answer.outcome]).toEqual([201, 'taken']);
      journeyId = answer.journeyId;
    }
    const position = await head();
    const units = (await entries(journeyId, position)).map((e: { unit: string }) => e.unit);
    expect(units).toEqual(['u1', 'u3', 'u2']);
    const { journeyMap } = await ask('{ journeyMap(filter: { unit: "u2" }) { variants { activities } } }');
    expect(journeyMap.variants[0].activities.at(-1)).toBe('own.step');
  });
});
