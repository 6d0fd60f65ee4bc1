import { randomUUID } from 'node:crypto';
import { TestServer } from '../apps/server/testing.js';

interface Recorded {
  readonly id: string;
  readonly entryId: string;
  readonly position: string;
}
interface Entry {
  readonly entryId: string;
  readonly form: string;
  readonly kind: string;
  readonly journeyId: string | null;
  readonly personal: unknown;
  readonly shared: {
    readonly object: { readonly type: string; readonly id: string };
    readonly audienceSize: { readonly size: number; readonly exact: boolean };
  } | null;
}

const at = (time: string) => `2024-05-01T${time}+08:00`;

/** What happens to things that many share: stored once, seen by those whom it concerned. */
describe('facts that many share', () => {
  let server: TestServer;
  const customers: string[] = [];
  const outage = { type: 'outage', id: 'OUT-17' };
  const feeder = { type: 'feeder', id: 'F-12' };
  const meter = { type: 'meter', id: 'M-1' };

  const ask = async (query: string, variables: Record<string, unknown> = {}) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const inputOf = (name: string) =>
    name === 'unlinkObjects' ? 'LinkObjectsInput' : `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  const mutation = (name: string) =>
    `mutation ($i: ${inputOf(name)}!) { ${name}(input: $i) { id entryId revision position } }`;
  const send = async (name: string, input: object): Promise<Recorded> =>
    (await ask(mutation(name), { i: input }))[name] as Recorded;
  const codeOf = (name: string, input: object) => server.codeOf(mutation(name), { i: input });
  const timeline = async (of: object, atLeast?: string, more: object = {}): Promise<Entry[]> => {
    const query = `query ($of: TimelineOf!, $p: Position, $asOf: AsOfInput, $shared: Boolean! = true) {
      timeline(of: $of, atLeast: $p, asOf: $asOf, shared: $shared) { edges { node {
        entryId form kind journeyId personal shared { object { type id } audienceSize { size exact } } } } } }`;
    const { timeline: page } = await ask(query, { of, p: atLeast, ...more });
    return page.edges.map((edge: { node: Entry }) => edge.node);
  };
  const seenBy = async (atLeast: string, asOf?: object) => {
    const seen = [];
    for (const customerId of customers) {
      seen.push((await timeline({ customerId }, atLeast, { asOf })).map(({ entryId }) => entryId));
    }
    return seen;
  };

  beforeAll(async () => {
    server = await TestServer.start();
    const kind = (id: string, closes = false) => ({ id, nameEn: id, closes });
    const pack = {
      pack: 'own',
      nameEn: 'Own',
      kinds: [kind('outage.notified'), kind('own.step'), kind('own.done', true)],
    };
    await ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { position } }', { i: pack });
    for (const value of ['138-1', '138-2', '138-3']) {
      customers.push((await send('registerCustomer', { identifiers: [{ type: 'phone', value }] })).id);
    }
    const since = { occurredAt: at('00:00:00') };
    await send('linkObjects', { object: outage, objects: [{ ...feeder, qualifier: 'affects' }], ...since });
    await send('linkObjects', { object: feeder, objects: [{ ...meter, qualifier: 'supplies' }], ...since });
    await send('linkObjects', {
      object: meter,
      customers: [{ customerId: customers[0], qualifier: 'holder' }],
      ...since,
    });
    await send('linkObjects', { object: outage, customers: [{ customerId: customers[1] }], ...since });
  });
  afterAll(() => server.remove());

  it('stand in the timelines of all who were linked then, in order, marked as shared', async () => {
    const journeyId = (
      await send('openJourney', { journeyType: 'x', customerId: customers[0], occurredAt: at('08:00:00') })
    ).id;
    const touch = async (kind: string, time: string) =>
      (await send('recordTouchpoint', { journeyId, kind, occurredAt: at(time) })).entryId;
    const first = await touch('own.step', '08:00:00');
    const fact = async (time: string, linked?: string) =>
      send('recordObjectFact', {
        object: outage,
        kind: 'outage.notified',
        occurredAt: at(time),
        ...(linked && { audience: { linked } }),
      });
    const early = await fact('07:00:00', 'THROUGH_OBJECTS');
    const wide = await fact('08:30:00', 'THROUGH_OBJECTS');
    const narrow = await fact('08:40:00', 'DIRECTLY');
    const nobodys = await fact('08:45:00');
    const last = await touch('own.done', '09:00:00');
    const late = await fact('10:00:00', 'THROUGH_OBJECTS');
    const own = await timeline({ customerId: customers[0] }, late.position);
    expect(own.map(({ entryId }) => entryId)).toEqual(
      [early, wide, late]
        .map((r) => r.entryId)
        .toSpliced(1, 0, first)
        .toSpliced(3, 0, last),
    );
    expect(own[2]).toMatchObject({
      form: 'OBJECT_FACT',
      kind: 'outage.notified',
      journeyId: null,
      shared: { object: outage, audienceSize: { size: 2, exact: true } },
    });
    expect(own[1]).toMatchObject({ form: 'TOUCHPOINT', journeyId, shared: null });
    // Of a journey, what happened between its beginning and its end.
    const ofJourney = await timeline({ journeyId });
    expect(ofJourney.map(({ entryId }) => entryId)).toEqual([first, wide.entryId, last]);
    expect((await timeline({ customerId: customers[0] }, undefined, { shared: false })).length).toBe(2);
    expect((await seenBy(late.position))[1]).toEqual([early, wide, narrow, late].map((r) => r.entryId));
    expect((await seenBy(late.position))[2]).toEqual([]);

    // Whoever is unlinked since does not see what comes, and still sees what was. A correction may move a fact there.
    const ended = { object: feeder, objects: [{ ...meter, qualifier: 'supplies' }], occurredAt: at('08:35:00') };
    const end = await send('unlinkObjects', ended);
    expect((await seenBy(end.position))[0]).toEqual([early.entryId, first, wide.entryId, last]);
    const moved = await send('correctObjectFact', {
      object: outage,
      factId: wide.entryId,
      occurredAt: at('08:36:00'),
      reason: 'late',
    });
    expect((await seenBy(moved.position))[0]).toEqual([early.entryId, first, last]);
    expect((await seenBy(moved.position, { position: end.position }))[0]).toEqual([
      early.entryId,
      first,
      wide.entryId,
      last,
    ]);
    expect((await seenBy(moved.position, { position: late.position }))[0]).toEqual(own.map(({ entryId }) => entryId));
    const repeat = await send('correctObjectFact', {
      object: outage,
      factId: wide.entryId,
      occurredAt: at('08:36:00'),
      reason: 'late',
    });
    expect(repeat.position).toBe(moved.position);
    const gone = await send('voidObjectFact', { object: outage, factId: early.entryId, reason: 'wrong feeder' });
    expect((await seenBy(gone.position))[0]).toEqual([first, last]);

    // The object tells all of it, and who was concerned.
    const query = `query ($of: ObjectKeyInput!, $p: Position) { object(of: $of, atLeast: $p) { type id attributes
      timeline { edges { node { id form linkCount links { object { type id } customerId qualifier conveys } fact { version kind } } } }
      links { edges { node { object { id } customerId } } }
      incoming: links(direction: INCOMING) { edges { node { object { id } } } } } }`;
    const changed = await send('changeObject', {
      object: outage,
      attributes: { cause: 'storm', crew: null },
      occurredAt: at('09:30:00'),
    });
    const { object } = await ask(query, { of: outage, p: changed.position });
    expect(object.attributes).toEqual({ cause: 'storm' });
    const told = object.timeline.edges.map((edge: { node: { id: string; form: string } }) => edge.node);
    expect(told.map((entry: { form: string; id: string }) => (entry.form === 'FACT' ? entry.id : entry.form))).toEqual([
      'LINKED',
      'LINKED',
      wide.entryId,
      narrow.entryId,
      nobodys.entryId,
      'CHANGED',
      late.entryId,
    ]);
    expect(told[2].fact).toEqual({ version: 2, kind: 'outage.notified' });
    expect(object.links.edges).toHaveLength(2);
    expect((await ask(query, { of: feeder })).object).toMatchObject({
      links: { edges: [] },
      incoming: { edges: [{ node: { object: { id: outage.id } } }] },
    });
    const members = `query ($id: ID!) { objectFact(id: $id) { shared { audience(first: 1) {
      edges { node { customerId listed forgotten } } pageInfo { hasNextPage } } } } }`;
    expect((await ask(members, { id: wide.entryId })).objectFact.shared.audience).toEqual({
      edges: [{ node: { customerId: customers[1], listed: false, forgotten: false } }],
      pageInfo: { hasNextPage: false },
    });
  });

  it('come from other systems once, with customers named as those know them; what is wrong is in quarantine', async () => {
    const event = (id: string, data: object) => ({
      specversion: '1.0',
      id,
      source: '/scada',
      type: 'object-fact.recorded',
      time: at('12:00:00'),
      data: { object: { type: 'hall', id: 'H-1' }, kind: 'outage.notified', ...data },
    });
    const phone = (value: string) => ({ type: 'phone', value });
    const named = event('e-1', {
      customer: phone('138-3'),
      personal: { reportedBy: 'Zhang San' },
      audience: { customers: [phone('138-1'), phone('138-new')] },
    });
    const post = async (lines: readonly object[]) => {
      const response = await fetch(`${server.url}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: lines.map((line) => JSON.stringify(line)).join('\n'),
      });
      return (await response.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((answer) => 'line' in answer);
    };
    const long = event('e-3', { object: { type: 'a', id: 'x'.repeat(499) } });
    const answers = await post([named, event('e-2', { kind: 'no.such' }), named, long]);
    expect(answers).toMatchObject([
      { outcome: 'taken', factId: expect.any(String) as string },
      { outcome: 'quarantined', code: 'KIND_UNKNOWN' },
      { outcome: 'known', factId: answers[0]!['factId'] },
      { outcome: 'quarantined', code: 'OBJECT_NAME_TOO_LONG' },
    ]);
    const position = answers[2]!['position'] as string;
    const [fact] = (await timeline({ customerId: customers[2] }, position)) as [Entry];
    expect(fact).toMatchObject({
      entryId: answers[0]!['factId'],
      personal: { reportedBy: 'Zhang San' },
      shared: { object: { type: 'hall', id: 'H-1' }, audienceSize: { size: 3, exact: true } },
    });
    expect((await timeline({ customerId: customers[0] })).at(-1)!.entryId).toBe(fact.entryId);

    // Who is forgotten still is whom it concerned; what it says about them is gone.
    await ask('mutation ($i: ForgetCustomerInput!) { forgetCustomer(input: $i) { position } }', {
      i: { customerId: customers[2], reason: 'asked to' },
    });
    const [after] = (await timeline({ customerId: customers[0] })).slice(-1) as [Entry];
    expect(after).toMatchObject({ personal: 'forgotten', shared: { audienceSize: { size: 3 } } });
    const members = `query ($id: ID!) { objectFact(id: $id) { shared { audience { edges { node { customerId forgotten } } } } } }`;
    const { objectFact } = await ask(members, { id: fact.entryId });
    expect(objectFact.shared.audience.edges).toContainEqual({ node: { customerId: customers[2], forgotten: true } });
    expect(objectFact.shared.audience.edges).toContainEqual({ node: { customerId: customers[0], forgotten: false } });
  });

  it('are refused with a reason where a person made a mistake', async () => {
    const fact = { object: outage, kind: 'outage.notified' };
    const nobody = randomUUID();
    expect(await codeOf('recordObjectFact', { ...fact, kind: 'no.such' })).toBe('KIND_UNKNOWN');
    expect(await codeOf('recordObjectFact', { ...fact, audience: { customerIds: [nobody] } })).toBe('CUSTOMER_UNKNOWN');
    expect(await codeOf('recordObjectFact', { ...fact, audience: { customerIds: ['x'] } })).toBe('INVALID_INPUT');
    expect(await codeOf('recordObjectFact', { ...fact, customerId: nobody })).toBe('CUSTOMER_UNKNOWN');
    expect(await codeOf('recordObjectFact', { ...fact, expectedRevision: 1 })).toBe('WRONG_EXPECTED_REVISION');
    expect(await codeOf('linkObjects', { object: outage })).toBe('LINKS_MISSING');
    expect(await codeOf('linkObjects', { object: outage, customers: [{ customerId: nobody }] })).toBe(
      'CUSTOMER_UNKNOWN',
    );
    expect(await codeOf('voidObjectFact', { object: outage, factId: nobody, reason: 'r' })).toBe('OBJECT_FACT_UNKNOWN');
    expect(await codeOf('voidObjectFact', { object: { type: 'o', id: '1' }, factId: nobody, reason: 'r' })).toBe(
      'OBJECT_UNKNOWN',
    );
    expect(await codeOf('correctObjectFact', { object: outage, factId: nobody, reason: 'r' })).toBe(
      'OBJECT_FACT_UNKNOWN',
    );
    expect(await server.codeOf('{ object(of: { type: "o", id: "1" }) { id } }')).toBe('OBJECT_UNKNOWN');
    expect(await server.codeOf(`{ objectFact(id: "${nobody}") { entryId } }`)).toBe('OBJECT_FACT_UNKNOWN');
    const page = '{ object(of: { type: "outage", id: "OUT-17" }) { timeline(after: "x") { edges { cursor } } } }';
    expect(await server.codeOf(page)).toBe('INVALID_CURSOR');
  });
});
