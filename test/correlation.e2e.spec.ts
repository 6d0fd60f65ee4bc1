import { runCli } from '../apps/cli/program.js';
import { Output } from '../apps/cli/output.js';
import { Kept } from '../apps/cli/testing.js';
import { TestServer } from '../apps/server/testing.js';

/** From the door to the screen: events that name no journey, what a person decides about them, over HTTP and the CLI. */
describe('journeys that are found, merged and split', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
    const rules = [{ journeyType: 'own', kinds: ['own.*'], objects: ['ticket'], idleGapMs: 86_400_000, doubtfulMs: 3_600_000 }]; // prettier-ignore
    const kinds = ['own.call', 'own.work'].map((id) => ({ id, nameEn: id, contact: id === 'own.call' }));
    const done = await ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { position } }', {
      i: { pack: 'own', nameEn: 'Own', kinds, correlation: rules },
    });
    expect(done.errors).toBeUndefined();
  });
  afterAll(() => server.remove());

  const ask = (query: string, variables?: Record<string, unknown>) => server.ask(query, variables);
  const at = (hour: number) => new Date(Date.parse('2024-05-01T00:00:00Z') + hour * 3_600_000).toISOString();
  /** Sends one event; the answer with its HTTP status. */
  const send = async (id: string, hour: number, data: object) => {
    const response = await fetch(`${server.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({
        specversion: '1.0',
        id,
        source: '/crm',
        type: 'touchpoint.recorded',
        time: at(hour),
        data,
      }),
    });
    const { position, journeyId, touchpointId, ...answer } = (await response.json()) as Record<string, string>;
    const where = { position: position!, journeyId: journeyId!, touchpointId: touchpointId! };
    return { ...answer, ...where, status: response.status };
  };
  const journeys = async (atLeast: string, asOf?: object) =>
    (
      await ask(
        `query ($l: Position, $asOf: AsOfInput) { journeys(filter: { journeyType: "own" }, atLeast: $l, asOf: $asOf, first: 50) {
          edges { node { id touchpointCount mergedFrom timeline(first: 50) { edges { node { entryId journeyId correlation { by rule pack version object { type id } } } } } } } } }`,
        { l: atLeast, asOf },
      )
    ).data.journeys.edges.map((e: { node: object }) => e.node) as {
      id: string;
      touchpointCount: number;
      mergedFrom: string[];
      timeline: { edges: { node: { entryId: string; journeyId: string; correlation: object } }[] };
    }[];
  const matches = async (atLeast: string, status = 'OPEN') =>
    (
      await ask(
        `query ($l: Position, $s: MatchStatus) { matches(status: $s, atLeast: $l) { edges { node { id of first second reason gapMs
          settledBecause rule { journeyType } journeys { id } customers { id } } } } }`,
        { l: atLeast, s: status },
      )
    ).data.matches.edges.map((e: { node: object }) => e.node) as { id: string; reason: string; of: string }[];
  const cli = async (...args: string[]) => {
    const [out, err] = [new Kept(), new Kept()];
    const parts = { out: new Output(out, err), env: {}, signal: new AbortController().signal };
    const code = await runCli([...args, '--server', server.url], parts);
    return { code, out: out.text, err: err.text };
  };

  it('an event finds its journey, comes again, waits in the list, and becomes one with another by a person’s word', async () => {
    const customer = { type: 'phone', value: '13800000001' };
    const first = await send('1', 0, { kind: 'own.call', customer });
    expect(first).toMatchObject({ status: 201, outcome: 'taken' });
    const second = await send('2', 20, { kind: 'own.call', customer });
    expect(second.journeyId).toBe(first.journeyId);
    // Half an hour beyond the gap.
    const third = await send('3', 44.5, { kind: 'own.call', customer, journey: { type: 'own' } });
    expect(third.journeyId).not.toBe(first.journeyId);
    const there = third.position;
    expect(await send('2', 20, { kind: 'own.call', customer })).toMatchObject({ status: 200, outcome: 'known' });
    expect((await journeys(there)).map((j) => j.touchpointCount).sort()).toEqual([1, 2]);

    const listed = await cli('matches', '--json');
    const [match] = (JSON.parse(listed.out) as { matches: { id: string; reason: string }[] }).matches;
    expect(match).toMatchObject({ reason: 'GAP_NEAR_LIMIT', of: 'JOURNEYS', gapMs: 24.5 * 3_600_000 });
    expect(await cli('matches', 'confirm', match!.id)).toMatchObject({ code: 2 });
    const before = await journeys(there);
    const confirmed = await cli('matches', 'confirm', match!.id, '--reason', 'the same fault', '--json');
    expect(confirmed).toMatchObject({ code: 0, err: '' });
    const { position } = JSON.parse(confirmed.out) as { position: string };
    const [one, ...none] = await journeys(position);
    expect(none).toEqual([]);
    expect(one).toMatchObject({ id: first.journeyId, touchpointCount: 3, mergedFrom: [third.journeyId] });
    expect(one!.timeline.edges.map((e) => e.node.correlation)).toEqual([
      { by: 'OPENED', rule: 'own', pack: 'own', version: 1, object: null },
      { by: 'IDLE_GAP', rule: 'own', pack: 'own', version: 1, object: null },
      { by: 'OPENED', rule: 'own', pack: 'own', version: 1, object: null },
    ]);
    expect(await journeys(position, { position: there })).toEqual(before);
    expect(await matches(position)).toEqual([]);
    expect(await matches(position, 'CONFIRMED')).toMatchObject([{ settledBecause: 'the same fault' }]);
    expect(await server.codeOf('mutation ($i: SettleMatchInput!) { rejectMatch(input: $i) { id } }', { i: { matchId: match!.id, reason: 'r' } })).toBe('MATCH_CONFIRMED'); // prettier-ignore

    // A person takes it back; no rule puts it together again, though what comes next lies within the gap of both.
    const undone = await cli('unmerge-journeys', third.journeyId, '--reason', 'two buildings');
    expect(undone).toMatchObject({ code: 0, out: expect.stringContaining('stands for itself') as string });
    const bridge = await send('4', 30, { kind: 'own.call', customer });
    expect((await journeys(bridge.position)).map((j) => j.touchpointCount).sort()).toEqual([1, 3]);
  });

  it('a journey is split, and merged again; what cannot be meant is refused with what to do', async () => {
    const ticket = { objects: [{ type: 'ticket', id: 'T-1' }] };
    const ids: Awaited<ReturnType<typeof send>>[] = [];
    for (const n of [1, 2, 3]) ids.push(await send(`t${n}`, 500 + n, { kind: 'own.work', ...ticket }));
    const [journeyId, touchpoint] = [ids[0]!.journeyId, ids[1]!.touchpointId];
    const split = await cli('split-journey', journeyId, touchpoint, '--reason', 'about the bill', '--json');
    const { newJourneyId, position } = JSON.parse(split.out) as { newJourneyId: string; position: string };
    const counts = async (atLeast: string) =>
      Object.fromEntries((await journeys(atLeast)).map((j) => [j.id, j.touchpointCount]));
    expect(await counts(position)).toMatchObject({ [journeyId]: 2, [newJourneyId]: 1 });
    const again = await cli('split-journey', journeyId, touchpoint, '--reason', 'about the bill', '--json');
    expect(JSON.parse(again.out)).toEqual(JSON.parse(split.out));
    const merged = await cli('merge-journeys', newJourneyId, journeyId, '--reason', 'one after all', '--json');
    const back = (JSON.parse(merged.out) as { position: string }).position;
    expect(await counts(back)).toMatchObject({ [journeyId]: 3 });
    expect((await counts(back))[newJourneyId]).toBeUndefined();

    const merge = (i: object) => server.codeOf('mutation ($i: MergeJourneysInput!) { mergeJourneys(input: $i) { id } }', { i: { reason: 'r', ...i } }); // prettier-ignore
    const nobody = '0190a1b2-0000-7000-8000-000000000fff';
    expect(await merge({ journeyId, survivorId: newJourneyId })).toBe('JOURNEY_MERGE_CYCLE');
    expect(await merge({ journeyId, survivorId: journeyId })).toBe('JOURNEY_MERGE_SELF');
    expect(await merge({ journeyId, survivorId: nobody })).toBe('JOURNEY_UNKNOWN');
    expect(await merge({ journeyId: nobody, survivorId: journeyId })).toBe('JOURNEY_UNKNOWN');
    expect(await merge({ journeyId: newJourneyId, survivorId: journeyId })).toBeUndefined();
    const other = (await ask('mutation { openJourney(input: { journeyType: "bill" }) { id } }')).data.openJourney
      .id as string;
    expect(await merge({ journeyId: other, survivorId: journeyId })).toBe('JOURNEY_TYPES_DIFFER');
    const all = ids.map((each) => each.touchpointId);
    const part = (i: object) => server.codeOf('mutation ($i: SplitJourneyInput!) { splitJourney(input: $i) { id } }', { i: { reason: 'r', ...i } }); // prettier-ignore
    expect(await part({ journeyId, touchpointIds: all })).toBe('JOURNEY_SPLIT_WHOLE');
    expect(await part({ journeyId, touchpointIds: [all[0]], newJourneyId: journeyId })).toBe('JOURNEY_SPLIT_SELF');
    expect(await part({ journeyId, touchpointIds: [nobody] })).toBe('TOUCHPOINT_UNKNOWN');
    expect(await part({ journeyId, touchpointIds: ['x'] })).toBe('INVALID_INPUT');
  });

  it('what rules of moments owe is recorded, also in the part of a merged journey in whose stream it belongs', async () => {
    const customer = { type: 'phone', value: '13800000002' };
    const one = await send('m1', 1000, { kind: 'own.call', customer });
    const other = await send('m2', 1100, { kind: 'own.call', customer });
    const merge = 'mutation ($i: MergeJourneysInput!) { mergeJourneys(input: $i) { position } }';
    const input = { journeyId: other.journeyId, survivorId: one.journeyId, reason: 'one matter' };
    const atLeast = (await ask(merge, { i: input })).data.mergeJourneys.position as string;
    const late = await send('m3', 1101, { kind: 'own.call', customer });
    expect(late.journeyId).toBe(other.journeyId);
    await server.settled();
    const codes = async () => {
      const query = `query ($id: ID!, $l: Position) { timeline(of: { journeyId: $id }, atLeast: $l, first: 50) { edges { node {
        journeyId moments { code } } } } }`;
      const { data } = await ask(query, { id: one.journeyId, l: atLeast });
      const edges = data.timeline.edges as { node: { journeyId: string; moments: { code: string }[] } }[];
      return edges.map(({ node }) => [node.journeyId, node.moments.map(({ code }) => code)]);
    };
    const repeats = [[one.journeyId, []], [other.journeyId, ['NEG-S3']], [other.journeyId, ['NEG-S3']]]; // prettier-ignore
    for (let tries = 0; tries < 100 && JSON.stringify(await codes()) !== JSON.stringify(repeats); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await codes()).toEqual(repeats);
    const { policies } = (await ask('{ policies { name failing lastError { code } } }')).data as { policies: object[] };
    expect(policies).toHaveLength(2);
    for (const policy of policies) expect(policy).toMatchObject({ failing: 0, lastError: null });
  });

  it('what no rule knows waits in quarantine, and says what to do', async () => {
    expect(await send('q1', 0, { kind: 'contact.visit' })).toMatchObject({
      status: 422,
      outcome: 'quarantined',
      code: 'CORRELATION_UNKNOWN',
      message: expect.stringContaining('data.journey.type') as string,
    });
    expect(await send('q2', 0, { kind: 'own.call', journey: { key: 'K' } })).toMatchObject({
      status: 422,
      code: 'CLOUDEVENT_DATA_INVALID',
    });
  });

  it('two identifiers of two customers are a match of customers; confirmed, the two are one', async () => {
    const [phone, account] = [{ type: 'phone', value: '139' }, { type: 'account', value: 'A-9' }]; // prettier-ignore
    await send('i1', 0, { kind: 'own.call', customer: phone });
    await send('i2', 0, { kind: 'own.call', customer: account });
    const { position } = await send('i3', 1, { kind: 'own.call', customer: phone, identifiers: [account] });
    // The match is recorded behind the touchpoint that led to it, and the read model has it a moment later.
    let found = await matches(position!);
    for (let tries = 0; tries < 200 && found.length === 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      found = await matches(position!);
    }
    const [match, ...none] = found;
    expect(none).toEqual([]);
    expect(match).toMatchObject({ of: 'CUSTOMERS', reason: 'IDENTIFIERS', journeys: [], customers: [{}, {}] });
    const settle = 'mutation ($i: SettleMatchInput!) { confirmMatch(input: $i) { position } }';
    const done = await ask(settle, { i: { matchId: match!.id, reason: 'one household, one person' } });
    expect(await matches(done.data.confirmMatch.position as string)).toEqual([]);
    const rules = await ask('{ packs { edges { node { id correlation { journeyType idleGapMs sameCustomer } } } } }');
    const nodes = rules.data.packs.edges.map((e: { node: object }) => e.node) as {
      id: string;
      correlation: object[];
    }[];
    expect(nodes.find(({ id }) => id === 'own')!.correlation).toEqual([
      { journeyType: 'own', idleGapMs: 86_400_000, sameCustomer: 'apart' },
    ]);
    expect(nodes.find(({ id }) => id === 'common')!.correlation).toHaveLength(3);
  });
});
