import { setTimeout as sleep } from 'node:timers/promises';
import { TestServer } from '../apps/server/testing.js';

/** What is said to a part of a merged journey, and what is heard of it, over the API. */
describe('a merged journey', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
    const kinds = ['m.call', 'm.work', 'm.done'].map((id) => ({ id, nameEn: id, closes: id === 'm.done' }));
    await run('publishPack', 'PublishPackInput', { pack: 'm', nameEn: 'M', kinds });
  });
  afterAll(() => server.remove());

  interface Recorded {
    readonly id: string;
    readonly entryId: string;
    readonly position: string;
    readonly revision: number;
    readonly code?: string;
  }
  const run = async (name: string, type: string, input: object, fields = 'id revision position'): Promise<Recorded> => {
    const { data, errors } = await server.ask(`mutation ($i: ${type}!) { done: ${name}(input: $i) { ${fields} } }`, { i: input }); // prettier-ignore
    if (errors) return { code: errors[0]!.extensions['code'] } as Recorded;
    return data.done as Recorded;
  };
  const say = (name: string, input: object, fields?: string) =>
    run(name, `${name[0]!.toUpperCase()}${name.slice(1)}Input`, { ...input }, fields);
  const open = async () => (await say('openJourney', { journeyType: 'm' })).id;
  const touch = async (journeyId: string, kind: string, hour: number) =>
    (await say('recordTouchpoint', { journeyId, kind, occurredAt: at(hour) }, 'id entryId position')).entryId;
  const at = (hour: number) => new Date(Date.parse('2024-05-01T00:00:00Z') + hour * 3_600_000).toISOString();
  const journey = async (id: string, atLeast: string) =>
    (
      await server.ask(
        `query ($id: ID!, $l: Position) { journey(id: $id, atLeast: $l) { id status ownerUnit mergedFrom touchpointCount
          timeline(first: 50) { edges { node { entryId form journeyId unit moments { id code } } } } } }`,
        { id, l: atLeast },
      )
    ).data.journey;
  const forms = (found: { timeline: { edges: { node: { form: string; journeyId: string } }[] } }) =>
    found.timeline.edges.map(({ node }) => [node.form, node.journeyId]);

  it('is closed, reopened, paused and owned as a whole, whichever part is named', async () => {
    const [root, part] = [await open(), await open()];
    await touch(root, 'm.call', 0);
    await touch(part, 'm.done', 5);
    await say('assignOwner', { journeyId: part, unit: 'hall' });
    await say('mergeJourneys', { journeyId: part, survivorId: root, reason: 'one' });
    // The part's last touchpoint closes the whole: the root by itself would see nothing to reopen.
    const reopened = await say('reopenJourney', { journeyId: part, reason: 'again', occurredAt: at(6) });
    expect(reopened).toMatchObject({ id: root });
    const seen = await journey(part, reopened.position);
    expect(seen).toMatchObject({ id: root, status: 'OPEN', ownerUnit: 'hall', mergedFrom: [part] });
    expect(forms(seen).filter(([form]) => form === 'REOPENED')).toEqual([['REOPENED', root]]);
    // Said again, to either, it decides nothing.
    for (const journeyId of [root, part]) {
      expect(await say('reopenJourney', { journeyId, reason: 'again' })).toMatchObject({ position: reopened.position });
    }
    const paused = await say('pauseJourney', { journeyId: part, reason: 'waits', occurredAt: at(7) });
    expect((await journey(root, paused.position)).status).toBe('PAUSED');
    const resumed = await say('resumeJourney', { journeyId: root, occurredAt: at(8) });
    expect((await journey(root, resumed.position)).status).toBe('OPEN');
    // The owner that the part had is the owner of the whole.
    expect(await say('assignOwner', { journeyId: root, unit: 'hall' })).toMatchObject({ position: resumed.position });
    const handed = await say('handOverJourney', { journeyId: root, toUnit: 'crew', customerTold: true });
    expect(await journey(part, handed.position)).toMatchObject({ ownerUnit: 'crew' });
    const closed = await say('closeJourney', { journeyId: part, reason: 'over' });
    expect(await journey(root, closed.position)).toMatchObject({ status: 'CLOSED' });
    expect(await say('pauseJourney', { journeyId: root, reason: 'r' })).toMatchObject({ code: 'JOURNEY_CLOSED' });
  });

  it('checks what its sender has seen of the part that they named', async () => {
    const [root, part] = [await open(), await open()];
    for (const id of [root, part]) await touch(id, 'm.call', 0);
    const merged = await say('mergeJourneys', { journeyId: part, survivorId: root, reason: 'one' });
    const stale = { journeyId: part, reason: 'r', expectedRevision: merged.revision - 1 };
    expect(await say('closeJourney', stale)).toMatchObject({ code: 'WRONG_EXPECTED_REVISION' });
    const seen = { ...stale, expectedRevision: merged.revision };
    expect(await say('closeJourney', seen)).toMatchObject({ id: root });
  });

  it('is corrected, voided, observed and rated where the touchpoint stands, whichever part is named', async () => {
    const [root, part, split] = [await open(), await open(), await open()];
    const call = await touch(root, 'm.call', 0);
    const [work, away] = [await touch(part, 'm.work', 3), await touch(part, 'm.work', 4)];
    await say('splitJourney', { journeyId: part, touchpointIds: [away], newJourneyId: split, reason: 'r' }, 'id');
    await say('mergeJourneys', { journeyId: part, survivorId: root, reason: 'one' });
    const moment = await say('observeMoment', { journeyId: root, touchpointId: work, code: 'NEG-01', observer: 'qa' }, 'id entryId position'); // prettier-ignore
    expect(moment).toMatchObject({ id: part });
    // The last touchpoint of the whole, where none is named.
    const last = await say('observeMoment', { journeyId: root, code: 'NEG-02', observer: 'qa' }, 'id position');
    expect(last.id).toBe(part);
    expect((await say('correctTouchpoint', { journeyId: root, touchpointId: work, unit: 'crew-9', reason: 'r' })).id).toBe(part); // prettier-ignore
    const rated = await say('rateExperience', { journeyId: root, touchpointId: work, observer: 'customer', gap: 1 });
    expect(rated.id).toBe(part);
    const found = await journey(root, rated.position);
    const node = found.timeline.edges.map((e: { node: object }) => e.node).find((n: { entryId: string }) => n.entryId === work); // prettier-ignore
    expect(node).toMatchObject({ unit: 'crew-9', moments: [{ code: 'NEG-01' }, { code: 'NEG-02' }] });
    const taken = await say('retractMoment', { journeyId: root, momentId: moment.entryId, reason: 'no' });
    expect(taken.id).toBe(part);
    // Of a split: the other journey knows where the touchpoint was recorded.
    expect((await say('voidTouchpoint', { journeyId: split, touchpointId: away, reason: 'twice' })).id).toBe(part);
    const voided = await say('voidTouchpoint', { journeyId: part, touchpointId: call, reason: 'twice' });
    expect(voided.id).toBe(root);
    expect(await journey(root, voided.position)).toMatchObject({ touchpointCount: 1 });
    const nobody = '0190a1b2-0000-7000-8000-000000000fff';
    expect(await say('voidTouchpoint', { journeyId: root, touchpointId: nobody, reason: 'r' })).toMatchObject({ code: 'TOUCHPOINT_UNKNOWN' }); // prettier-ignore
    const both = { journeyId: root, touchpointIds: [call, work], reason: 'r' };
    expect(await say('splitJourney', both, 'id')).toMatchObject({ code: 'TOUCHPOINTS_OF_SEVERAL_JOURNEYS' });
    // A note stays where it was written, and is seen in the whole.
    const note = await say('addNote', { journeyId: part, text: 'n' });
    expect(note.id).toBe(part);
    expect(forms(await journey(root, note.position))).toContainEqual(['NOTE', part]);
  });

  it('is heard of by who asked for any part, through merges and unmerges while they listen', async () => {
    const ids = [await open(), await open(), await open()] as const;
    for (const id of ids) await touch(id, 'm.call', 0);
    await server.ready();
    const [root, part, third] = ids;
    const client = server.socket();
    const heard = ids.map((): { id: string; touchpointCount: number; mergedFrom: string[] }[] => []);
    const stops = ids.map((id, i) =>
      client.subscribe<{ journeyChanged: (typeof heard)[number][number] }>(
        { query: `subscription { journeyChanged(id: "${id}") { id touchpointCount mergedFrom } }` },
        {
          next: ({ data }) => void heard[i]!.push(data!.journeyChanged),
          error: () => undefined,
          complete: () => undefined,
        },
      ),
    );
    const until = async (who: readonly number[], wanted: object) => {
      const last = () => who.map((i) => heard[i]!.at(-1));
      for (let tries = 0; tries < 400; tries++) {
        if (last().every((each) => each && Object.entries(wanted).every(([k, v]) => JSON.stringify(each[k as 'id']) === JSON.stringify(v)))) break; // prettier-ignore
        await sleep(10);
      }
      expect(last()).toEqual(who.map(() => expect.objectContaining(wanted) as object));
    };
    await sleep(300);
    await say('mergeJourneys', { journeyId: part, survivorId: root, reason: 'one' });
    await until([0, 1], { id: root, touchpointCount: 2 });
    // Told of either part, both hear it.
    await touch(part, 'm.work', 1);
    await until([0, 1], { touchpointCount: 3 });
    await touch(root, 'm.work', 2);
    await until([0, 1], { touchpointCount: 4 });
    // One that comes later, by way of the part.
    await say('mergeJourneys', { journeyId: third, survivorId: part, reason: 'one' });
    await until([0, 1, 2], { id: root, touchpointCount: 5 });
    await touch(third, 'm.work', 3);
    await until([0, 1, 2], { touchpointCount: 6 });
    await say('unmergeJourneys', { journeyId: third, reason: 'two' });
    await until([0, 1], { id: root, touchpointCount: 4 });
    await until([2], { id: third, touchpointCount: 2 });
    const quiet = heard[0]!.length;
    await touch(third, 'm.work', 4);
    await until([2], { touchpointCount: 3 });
    await sleep(50);
    expect(heard[0]!.length).toBe(quiet);
    for (const stop of stops) stop();
    await client.dispose();
  });

  it('and its customers are found in the ledger by whose it is now', async () => {
    const customer = (await say('registerCustomer', { identifiers: [{ type: 'phone', value: '139' }] })).id;
    const root = (await say('openJourney', { journeyType: 'm', customerId: customer })).id;
    const part = await open();
    await touch(root, 'm.call', 0);
    const work = await touch(part, 'm.work', 1);
    const { position } = await say('observeMoment', { journeyId: part, touchpointId: work, code: 'NEG-03', observer: 'qa' }); // prettier-ignore
    const ledger = async (atLeast: string) => {
      const { data } = await server.ask(
        `query ($c: ID!, $l: Position) { moments(filter: { customerId: $c, code: "NEG-03" }, atLeast: $l) { edges { node { code journeyId } } } }`,
        { c: customer, l: atLeast },
      );
      return data.moments.edges.map((e: { node: object }) => e.node) as object[];
    };
    expect(await ledger(position)).toEqual([]);
    const merged = await say('mergeJourneys', { journeyId: part, survivorId: root, reason: 'one' });
    expect(await ledger(merged.position)).toEqual([{ code: 'NEG-03', journeyId: root }]);
    await server.settled();
    expect(server.log).toEqual([]);
  });
});
