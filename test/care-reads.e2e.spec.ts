import { TestServer } from '../apps/server/testing.js';

// Input in the way of the API, answers as it gives them.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

describe('what was observed, over the API', () => {
  let server: TestServer;
  const ids: Record<string, string> = {};
  let position = '';

  const mutate = async (name: string, input: Record<string, unknown>): Promise<Any> => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const query = `mutation M($input: ${type}!) { ${name}(input: $input) { id entryId position } }`;
    const { data, errors } = await server.ask(query, { input });
    expect(errors).toBeUndefined();
    position = data[name].position as string;
    return data[name];
  };
  const ask = async (query: string, variables: Record<string, unknown> = {}): Promise<Any> => {
    const { data, errors } = await server.ask(query, { atLeast: position, ...variables });
    expect(errors).toBeUndefined();
    return data;
  };

  beforeAll(async () => {
    // Nothing that rests on absence is due yet, so people alone have observed.
    server = await TestServer.start({ CLOCK_AT: '2025-07-10T09:00:00+08:00' });
    const customer = async (value: string) =>
      (await mutate('registerCustomer', { identifiers: [{ type: 'phone', value }], name: `N ${value}` })).id as string;
    ids['one'] = await customer('1');
    ids['two'] = await customer('2');
    for (const [name, who, channel, at] of [
      ['first', 'one', 'app', '2025-07-08T08:00:00+08:00'],
      ['second', 'two', 'hotline', '2025-07-10T08:00:00+08:00'],
    ] as const) {
      const opened = await mutate('openJourney', { journeyType: 'repair', customerId: ids[who], occurredAt: at });
      ids[`${name} journey`] = opened.id as string;
      const kind = 'contact.call-received';
      const content = { kind, channel, unit: `desk-${name}`, staff: 'agent-1' };
      const call = await mutate('recordTouchpoint', { journeyId: opened.id, occurredAt: at, ...content });
      ids[`${name} call`] = call.entryId as string;
    }
    const at = { journeyId: ids['first journey'], touchpointId: ids['first call'] };
    const note = 'Interrupted Mrs N twice.';
    const moment = { ...at, code: 'NEG-01', observer: 'qa', intensity: 3, note, evidence: 'rec-1' };
    ids['moment'] = (await mutate('observeMoment', moment)).entryId as string;
    const wanted = { desired: { value: 30, unit: 'min' }, statement: 'Before noon.', observer: 'staff' };
    const expected = await mutate('recordExpectation', { ...at, aspect: 'time', kind: 'explicit', ...wanted });
    const guided = { expectationId: expected.entryId, to: { value: 45, unit: 'min' }, accepted: true };
    await mutate('guideExpectation', { ...at, aspect: 'time', ...guided });
    await mutate('rateExperience', { ...at, observer: 'customer', experience: -1, expectation: 1, comment: 'Slow.' });
    await mutate('reviewTouchpoint', { ...at, observer: 'auditor' });
  });
  afterAll(() => server.remove());

  const TIMELINE = `query T($of: TimelineOf!, $asOf: AsOfInput, $atLeast: Position) {
    timeline(of: $of, asOf: $asOf, atLeast: $atLeast) {
      edges { node {
        entryId repeatOf firstContact channelChange { from to inContext }
        moments { id code nameZh polarity intensity observer note evidence rule { id } retracted { reason }
          retractedSince { reason byRule } counterpart { code nameEn nameZh } }
        retractedMoments { id retracted { reason byRule } }
        expectations { aspect kind desired { value unit } statement observer }
        guidances { expectationId to { value unit } accepted }
        experience { gap level expectation label { id nameEn nameZh } comment observer }
        reviews { observer }
      } }
    }
  }`;
  const entries = async (of: object, asOf?: object): Promise<Any[]> =>
    (await ask(TIMELINE, { of, ...(asOf ? { asOf, atLeast: undefined } : {}) })).timeline.edges.map((e: Any) => e.node);

  it('stands beside the touchpoint, in the words of the packs, personal fields opened', async () => {
    const [call] = await entries({ journeyId: ids['first journey'] });
    expect(call).toMatchObject({
      moments: [
        {
          id: ids['moment'],
          code: 'NEG-01',
          nameZh: '争辩/争吵/打断',
          polarity: 'negative',
          intensity: 3,
          observer: 'qa',
          note: 'Interrupted Mrs N twice.',
          evidence: 'rec-1',
          rule: null,
          retracted: null,
          counterpart: { code: 'POS-01', nameZh: '倾听以问代辩' },
        },
      ],
      expectations: [
        { aspect: 'time', kind: 'explicit', desired: { value: 30, unit: 'min' }, statement: 'Before noon.' },
      ],
      guidances: [{ to: { value: 45, unit: 'min' }, accepted: true }],
      experience: [
        {
          gap: -2,
          level: -1,
          expectation: 1,
          label: { id: 'very-dissatisfied', nameZh: '很不满意' },
          comment: 'Slow.',
        },
      ],
      reviews: [{ observer: 'auditor' }],
    });
  });

  const LEDGER = `query L($filter: MomentFilterInput, $asOf: AsOfInput, $atLeast: Position, $first: Int, $after: String) {
    moments(filter: $filter, asOf: $asOf, atLeast: $atLeast, first: $first, after: $after) {
      edges { cursor node { id code journeyType customerId journey { id status } touchpoint { kind channel unit staff }
        retracted { reason byRule } retractedSince { reason } } }
      pageInfo { hasNextPage }
    }
  }`;

  it('is listed in the ledger, page by page, and stays readable when it is taken back', async () => {
    const more = { journeyId: ids['second journey'], touchpointId: ids['second call'], observer: 'staff' };
    const praise = (await mutate('observeMoment', { ...more, code: 'POS-05' })).entryId as string;
    const held = position;
    const page = (await ask(LEDGER, { first: 1, filter: { journeyType: 'repair' } })).moments;
    expect(page).toMatchObject({ pageInfo: { hasNextPage: true }, edges: [{ node: { id: ids['moment'] } }] });
    expect(page.edges[0].node).toMatchObject({
      journeyType: 'repair',
      customerId: ids['one'],
      journey: { id: ids['first journey'], status: 'OPEN' },
      touchpoint: { kind: 'contact.call-received', channel: 'app', unit: 'desk-first', staff: 'agent-1' },
    });
    const next = await ask(LEDGER, { first: 5, after: page.edges[0].cursor });
    expect(next.moments.edges.map((e: Any) => e.node.id)).toEqual([praise]);

    await mutate('retractMoment', { journeyId: ids['second journey'], momentId: praise, reason: 'wrong call' });
    const ledger = async (variables: object) =>
      (await ask(LEDGER, variables as Record<string, unknown>)).moments.edges.map((e: Any) => e.node);
    expect((await ledger({})).map((m: Any) => m.id)).toEqual([ids['moment']]);
    expect((await ledger({ filter: { includeRetracted: true, unit: null } }))[1]).toMatchObject({
      id: praise,
      retracted: { reason: 'wrong call', byRule: false },
    });
    const then = await ledger({ asOf: { position: held }, atLeast: undefined, filter: { observer: 'staff' } });
    expect(then).toMatchObject([{ id: praise, retracted: null, retractedSince: { reason: 'wrong call' } }]);
    const one = `query O($id: ID!, $atLeast: Position) { moment(id: $id, atLeast: $atLeast) { retracted { reason } } }`;
    expect((await ask(one, { id: praise })).moment).toEqual({ retracted: { reason: 'wrong call' } });
    const [call] = await entries({ journeyId: ids['second journey'] });
    expect(call).toMatchObject({ moments: [], retractedMoments: [{ id: praise, retracted: { byRule: false } }] });
  });

  it('shows one life of two who are one, from then on, and never before', async () => {
    const apart = position;
    const [one, two] = [ids['one']!, ids['two']!];
    await mutate('mergeCustomers', { customerId: two, survivorId: one, reason: 'same meter' });
    const both = [ids['first call'], ids['second call']];
    for (const customerId of [one, two]) {
      expect((await entries({ customerId })).map((e) => e.entryId)).toEqual(both);
    }
    const [, second] = await entries({ customerId: one });
    expect(second).toMatchObject({ repeatOf: ids['first call'], firstContact: false });
    const [before] = await entries({ customerId: two }, { position: apart });
    expect(before).toMatchObject({ entryId: ids['second call'], repeatOf: null, firstContact: true });
    const CUSTOMER = `query C($by: CustomerBy!, $asOf: AsOfInput) {
      customer(by: $by, asOf: $asOf) { id mergedInto mergedFrom forgotten journeys { edges { node { id } } } }
    }`;
    const journeys = [ids['first journey'], ids['second journey']].map((id) => ({ node: { id } }));
    expect((await ask(CUSTOMER, { by: { id: two } })).customer).toEqual({
      id: two,
      mergedInto: one,
      mergedFrom: [],
      forgotten: false,
      journeys: { edges: journeys },
    });
    expect((await ask(CUSTOMER, { by: { id: one } })).customer.mergedFrom).toEqual([two]);
    const then = await ask(CUSTOMER, { by: { id: two }, asOf: { position: apart } });
    expect(then.customer).toMatchObject({ mergedInto: null, journeys: { edges: journeys.slice(1) } });
    await mutate('unmergeCustomers', { customerId: two, reason: 'two meters after all' });
    expect((await entries({ customerId: one })).map((e) => e.entryId)).toEqual(both.slice(0, 1));
  });

  it('refuses what it cannot answer, with a code', async () => {
    const unknown = '0190a1b2-0000-7000-8000-000000000009';
    expect(await server.codeOf(`{ moment(id: "${unknown}") { id } }`)).toBe('MOMENT_UNKNOWN');
    expect(await server.codeOf('{ moments(after: "x") { edges { cursor } } }')).toBe('INVALID_CURSOR');
    const window = 'from: "2025-07-09T00:00:00Z", to: "2025-07-08T00:00:00Z"';
    expect(await server.codeOf(`{ moments(filter: { ${window} }) { edges { cursor } } }`)).toBe('INVALID_WINDOW');
    expect(await server.codeOf('{ moments(filter: { customerId: "x" }) { edges { cursor } } }')).toBe('INVALID_INPUT');
  });
});
