import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestServer } from '../apps/server/testing.js';

interface Sent {
  readonly code: string | null;
  readonly id: string;
  readonly entryId: string;
  readonly revision: number;
  readonly position: string;
}
interface LoggedEvent {
  readonly id: string;
  readonly type: string;
  readonly occurredAt: string;
  readonly data: Record<string, unknown>;
  readonly metadata: { readonly policyVersion: string | null; readonly causationId: string | null };
}

/** What people note at touchpoints, how it stands beside what rules say, and who turns out to be one customer. */
describe('observations over the API', () => {
  let server: TestServer;

  const send = async (name: string, input: object): Promise<Sent> => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const mutation = `mutation ($i: ${type}!) { ${name}(input: $i) { id entryId revision position } }`;
    const { data, errors } = await server.ask(mutation, { i: input });
    if (errors) return { code: String(errors[0]!.extensions['code']), position: '', id: '', entryId: '', revision: -1 };
    return { code: null, ...(data[name] as Omit<Sent, 'code'>) };
  };
  const done = async (name: string, input: object): Promise<Sent> => {
    const sent = await send(name, input);
    expect([name, sent.code]).toEqual([name, null]);
    return sent;
  };
  const ask = async (query: string, variables: Record<string, unknown> = {}) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const publish = (input: object) =>
    ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { position } }', { i: input });
  const history = async (journeyId: string): Promise<LoggedEvent[]> => {
    const query = `query ($s: String) { events(first: 1000, stream: $s) {
      edges { node { id type occurredAt data metadata { policyVersion causationId } } } } }`;
    const { events } = await ask(query, { s: `journey-${journeyId}` });
    return events.edges.map((edge: { node: LoggedEvent }) => edge.node);
  };
  const open = async (customerId?: string) =>
    (await done('openJourney', { journeyType: 'fault-repair', customerId, occurredAt: '2024-05-01T08:00:00+08:00' }))
      .id;
  const callAt = '2024-05-01T09:00:00+08:00';
  const lived = async (journeyId: string, kind = 'own.step', occurredAt = callAt) =>
    (await done('recordTouchpoint', { journeyId, kind, occurredAt })).entryId;

  beforeAll(async () => {
    server = await TestServer.start();
    const kind = (id: string, closes = false) => ({ id, nameEn: id, closes });
    await publish({ pack: 'own', nameEn: 'Own', kinds: [kind('own.step'), kind('own.done', true)] });
  });
  afterAll(() => server.remove());

  it('are recorded beside their touchpoint, in words that only the key opens, and once', async () => {
    const journeyId = await open();
    const touchpointId = await lived(journeyId);
    const at = { journeyId, touchpointId };
    const [momentId, expectationId, guidanceId, ratingId] = [1, 2, 3, 4].map(() => randomUUID());
    const [half, hour] = [
      { value: 30, unit: 'min' },
      { value: 60, unit: 'min' },
    ];
    const commands: [string, object, string][] = [
      [
        'observeMoment',
        {
          ...at,
          momentId,
          code: 'NEG-07',
          intensity: 2,
          observer: 'qa',
          note: 'passed on without a word',
          evidence: 'rec-1',
        },
        momentId!,
      ],
      ['reviewTouchpoint', { ...at, observer: 'auditor' }, touchpointId],
      [
        'recordExpectation',
        { ...at, expectationId, aspect: 'time', kind: 'explicit', desired: half, adequate: hour, observer: 'customer' },
        expectationId!,
      ],
      [
        'guideExpectation',
        {
          ...at,
          guidanceId,
          aspect: 'time',
          expectationId,
          to: hour,
          accepted: true,
          statement: 'agreed to wait at the gate',
        },
        guidanceId!,
      ],
      [
        'rateExperience',
        { ...at, ratingId, observer: 'customer', experience: 1, expectation: 0, comment: 'quicker than they had said' },
        ratingId!,
      ],
    ];
    for (const [name, input, entryId] of commands) {
      const first = await done(name, input);
      expect(first.entryId).toBe(entryId);
      expect(await done(name, input)).toEqual(first);
    }
    const common = (await ask('{ packs { edges { node { id version } } } }')).packs.edges[0].node;
    const noted = (await history(journeyId)).slice(2);
    expect(noted.map(({ type, occurredAt }) => [type, occurredAt])).toEqual(
      ['MomentObserved', 'TouchpointReviewed', 'ExpectationRecorded', 'ExpectationGuided', 'ExperienceRated'].map(
        (type) => [type, callAt],
      ),
    );
    expect(noted.map(({ data }) => data)).toEqual([
      {
        touchpointId,
        code: 'NEG-07',
        polarity: 'negative',
        intensity: 2,
        observer: 'qa',
        note: 'passed on without a word',
        evidence: 'rec-1',
      },
      { touchpointId, observer: 'auditor' },
      { touchpointId, aspect: 'time', kind: 'explicit', desired: half, adequate: hour, observer: 'customer' },
      {
        touchpointId,
        aspect: 'time',
        expectationId,
        to: hour,
        accepted: true,
        statement: 'agreed to wait at the gate',
      },
      {
        touchpointId,
        observer: 'customer',
        experience: 1,
        expectation: 0,
        gap: 1,
        label: 'very-satisfied',
        comment: 'quicker than they had said',
      },
    ]);
    expect(noted.at(-1)!.metadata.policyVersion).toBe(`common@${common.version}`);
    await server.ready();
    const files = readdirSync(server.directory, { recursive: true, withFileTypes: true });
    const bytes = files.flatMap((f) => (f.isFile() ? [readFileSync(join(f.parentPath, f.name), 'latin1')] : []));
    const holding = (text: string) => bytes.filter((content) => content.includes(text)).length;
    expect(holding('NEG-07')).toBeGreaterThan(0);
    expect(['passed on without', 'agreed to wait', 'quicker than they'].map(holding)).toEqual([0, 0, 0]);
  });

  it('belong to the last touchpoint lived by then, where none is named', async () => {
    const journeyId = await open();
    const observe = { journeyId, code: 'POS-07', observer: 'customer' };
    expect((await send('observeMoment', observe)).code).toBe('TOUCHPOINT_MISSING');
    const first = await lived(journeyId);
    const second = await lived(journeyId, 'own.step', '2024-05-01T10:00:00+08:00');
    await done('observeMoment', { ...observe, occurredAt: '2024-05-01T09:30:00+08:00' });
    await done('observeMoment', observe);
    const moments = (await history(journeyId)).filter((event) => event.type === 'MomentObserved');
    expect(moments.map((event) => [event.data['touchpointId'], event.data['polarity'], event.occurredAt])).toEqual([
      [first, 'positive', '2024-05-01T09:30:00+08:00'],
      [second, 'positive', '2024-05-01T10:00:00+08:00'],
    ]);
    expect((await send('observeMoment', { ...observe, occurredAt: '2024-05-01T08:30:00+08:00' })).code).toBe(
      'TOUCHPOINT_MISSING',
    );
  });

  it('that make no sense are refused, and leave nothing', async () => {
    const journeyId = await open();
    const touchpointId = await lived(journeyId);
    const voided = await lived(journeyId);
    await done('voidTouchpoint', { journeyId, touchpointId: voided, reason: 'twice' });
    const before = await history(journeyId);
    const at = { journeyId, touchpointId };
    const moment = { ...at, code: 'NEG-01', observer: 'qa' };
    const rating = { ...at, observer: 'customer' };
    const refused: [string, string, object][] = [
      ['MOMENT_UNKNOWN', 'observeMoment', { ...moment, code: 'NEG-99' }],
      ['TOUCHPOINT_UNKNOWN', 'observeMoment', { ...moment, touchpointId: randomUUID() }],
      ['TOUCHPOINT_VOID', 'observeMoment', { ...moment, touchpointId: voided }],
      ['JOURNEY_UNKNOWN', 'observeMoment', { ...moment, journeyId: randomUUID() }],
      ['WRONG_EXPECTED_REVISION', 'observeMoment', { ...moment, expectedRevision: 0 }],
      ['INVALID_INPUT', 'observeMoment', { ...moment, intensity: 4 }],
      ['INVALID_INPUT', 'observeMoment', { ...moment, momentId: 'one' }],
      ['INVALID_INPUT', 'observeMoment', { ...moment, observer: 'rule' }],
      ['MOMENT_UNKNOWN', 'retractMoment', { journeyId, momentId: randomUUID(), reason: 'r' }],
      ['TOUCHPOINT_UNKNOWN', 'reviewTouchpoint', { journeyId, touchpointId: randomUUID(), observer: 'qa' }],
      ['TOUCHPOINT_VOID', 'recordExpectation', { ...rating, touchpointId: voided, aspect: 'cost', kind: 'latent' }],
      [
        'INVALID_INPUT',
        'recordExpectation',
        { ...rating, aspect: 'cost', kind: 'latent', desired: { value: 1, unit: '' } },
      ],
      ['EXPECTATION_UNKNOWN', 'guideExpectation', { ...at, aspect: 'time', expectationId: randomUUID() }],
      ['RATING_EMPTY', 'rateExperience', { ...rating, expectation: 1 }],
      ['RATING_CONTRADICTORY', 'rateExperience', { ...rating, experience: 1, expectation: 0, gap: -1 }],
      ['INVALID_INPUT', 'rateExperience', { ...rating, experience: 3 }],
    ];
    for (const [code, name, input] of refused) {
      expect([name, input, (await send(name, input)).code]).toEqual([name, input, code]);
    }
    expect(await history(journeyId)).toEqual(before);
  });

  it("a person's word stands before a rule's, and what a person took back stays so", async () => {
    const journeyId = await open();
    await lived(journeyId, 'own.done');
    const again = await lived(journeyId, 'own.step', '2024-05-02T09:00:00+08:00');
    /** Moments that stand, in the order of the log, and what the rule was about. */
    const standing = async () => {
      await server.settled();
      const events = await history(journeyId);
      const gone = new Set(events.flatMap((e) => (e.type === 'MomentRetracted' ? [e.data['momentId']] : [])));
      return events.filter((e) => e.type === 'MomentObserved' && !gone.has(e.id));
    };
    const names = async () =>
      (await standing()).map((e) => `${String(e.data['code'])} by ${String(e.data['observer'])}`);

    const [derived] = await standing();
    expect(derived).toMatchObject({
      occurredAt: '2024-05-02T09:00:00+08:00',
      data: {
        touchpointId: again,
        code: 'NEG-S5',
        polarity: 'negative',
        intensity: 1,
        rule: { version: 1, cause: again },
      },
      metadata: { policyVersion: 'NEG-S5@1', causationId: again },
    });
    const observe = { journeyId, touchpointId: again, observer: 'customer' };
    await done('observeMoment', { ...observe, code: 'POS-01' });
    expect(await names()).toEqual(['NEG-S5 by rule', 'POS-01 by customer']);
    const { entryId: momentId } = await done('observeMoment', { ...observe, code: 'NEG-07' });
    expect(await names()).toEqual(['POS-01 by customer', 'NEG-07 by customer']);
    await done('retractMoment', { journeyId, momentId, reason: 'said of another call' });
    expect(await names()).toEqual(['POS-01 by customer', 'NEG-S5 by rule']);

    const anew = (await standing()).find((e) => e.data['observer'] === 'rule')!;
    expect(anew.id).not.toBe(derived!.id);
    const retracted = await done('retractMoment', { journeyId, momentId: anew.id, reason: 'asked for something else' });
    expect(await names()).toEqual(['POS-01 by customer']);
    const repeat = { journeyId, momentId: anew.id, reason: 'asked for something else' };
    expect((await done('retractMoment', repeat)).revision).toBe(retracted.revision);
    expect((await history(journeyId)).filter((e) => e.type === 'MomentRetracted').map((e) => e.data)).toEqual([
      { momentId: derived!.id, reason: expect.any(String) as string, byRule: true },
      { momentId, reason: 'said of another call' },
      { momentId: anew.id, reason: 'asked for something else' },
    ]);
  });

  it('codes say which of them rules derive and what answers them; words for experience may be your own', async () => {
    const codes = `{ momentCodes(first: 1000) { edges { node { code polarity counter rule descriptionEn descriptionZh } } } }`;
    const { momentCodes } = await ask(codes);
    const nodes = (momentCodes as { edges: { node: { code: string; rule: boolean } }[] }).edges.map(
      (edge) => edge.node,
    );
    expect(nodes.filter((node) => node.rule).map((node) => node.code)).toEqual([
      'NEG-S2',
      'NEG-S3',
      'NEG-S5',
      'POS-S2',
    ]);
    expect(nodes.find((node) => node.code === 'NEG-S3')).toMatchObject({
      polarity: 'negative',
      counter: 'POS-S2',
      descriptionEn: expect.stringContaining('168 hours') as string,
      descriptionZh: expect.stringContaining('168') as string,
    });
    const words = `query ($p: Position, $asOf: AsOfInput) { experienceLabels(atLeast: $p, asOf: $asOf) {
      pack labels { id nameEn nameZh from to } asOf { position } } }`;
    const shipped = (await ask(words)).experienceLabels;
    expect([shipped.pack, ...shipped.labels.map((l: { id: string; from: number }) => [l.id, l.from])]).toEqual([
      'common',
      ['very-satisfied', 1],
      ['satisfied', 0],
      ['dissatisfied', -1],
      ['very-dissatisfied', -2],
    ]);
    const label = (id: string, from: number, to: number) => ({ id, nameEn: id, from, to });
    const own = { pack: 'own', nameEn: 'Own', experienceLabels: [label('fine', 0, 2), label('poor', -2, -1)] };
    const { publishPack } = await publish(own);
    const now = (await ask(words, { p: publishPack.position })).experienceLabels;
    expect([now.pack, now.labels[0]]).toEqual(['own', { ...label('fine', 0, 2), nameZh: null }]);
    const then = (await ask(words, { asOf: { position: shipped.asOf.position } })).experienceLabels;
    expect(then.pack).toBe('common');

    const journeyId = await open();
    const touchpointId = await lived(journeyId);
    await done('rateExperience', { journeyId, touchpointId, observer: 'customer', gap: -1 });
    const rated = (await history(journeyId)).at(-1)!;
    expect([rated.data['label'], rated.metadata.policyVersion]).toEqual(['poor', 'own@2']);

    const PUBLISH = 'mutation ($i: PublishPackInput!) { publishPack(input: $i) { id } }';
    const refuse = (input: object) => server.codeOf(PUBLISH, { i: { nameEn: 'X', ...input } });
    const gap = [label('fine', 1, 2), label('poor', -2, -1)];
    expect(await refuse({ ...own, experienceLabels: gap })).toBe('EXPERIENCE_LABELS_INVALID');
    expect(await refuse({ ...own, experienceLabels: [label('all', -3, 2)] })).toBe('INVALID_INPUT');
    expect(await refuse({ ...own, pack: 'other' })).toBe('EXPERIENCE_LABELS_TAKEN');
    const moments = [{ code: 'X-1', polarity: 'negative', nameEn: 'X', descriptionZh: '无' }];
    expect(await refuse({ pack: 'own', moments })).toBe('DESCRIPTION_INCOMPLETE');
  });

  it('customers who turn out to be one live one life, until they turn out not to be', async () => {
    const register = async () =>
      (await done('registerCustomer', { identifiers: [{ type: 'phone', value: randomUUID() }] })).id;
    const [first, second, third] = [await register(), await register(), await register()];
    const journeys = [await open(first), await open(second)];
    for (const journeyId of journeys) await lived(journeyId);
    const life = async (customerId: string, atLeast: string): Promise<string[]> => {
      const query = `query ($c: ID!, $p: Position) {
        timeline(of: { customerId: $c }, atLeast: $p) { edges { node { form journeyId } } } }`;
      const { timeline } = await ask(query, { c: customerId, p: atLeast });
      const nodes = (timeline as { edges: { node: { form: string; journeyId: string } }[] }).edges.map((e) => e.node);
      return nodes.filter((node) => node.form === 'TOUCHPOINT').map((node) => node.journeyId);
    };
    const merge = { customerId: first, survivorId: second, reason: 'same meter' };
    const merged = await done('mergeCustomers', merge);
    expect(merged.id).toBe(first);
    expect((await life(second, merged.position)).sort()).toEqual([...journeys].sort());
    expect(await done('mergeCustomers', merge)).toEqual(merged);
    const codes: [string, object][] = [
      ['CUSTOMER_MERGE_SELF', { customerId: first, survivorId: first }],
      ['CUSTOMER_MERGE_CYCLE', { customerId: second, survivorId: first }],
      ['CUSTOMER_MERGED', { customerId: first, survivorId: third }],
      ['CUSTOMER_UNKNOWN', { customerId: first, survivorId: randomUUID() }],
      ['CUSTOMER_UNKNOWN', { customerId: randomUUID(), survivorId: first }],
      ['WRONG_EXPECTED_REVISION', { customerId: third, survivorId: first, expectedRevision: 7 }],
    ];
    for (const [code, input] of codes) {
      expect([input, (await send('mergeCustomers', { reason: 'r', ...input })).code]).toEqual([input, code]);
    }
    const unmerge = { customerId: first, reason: 'father and son' };
    const unmerged = await done('unmergeCustomers', unmerge);
    expect(await life(second, unmerged.position)).toEqual([journeys[1]]);
    expect(await done('unmergeCustomers', unmerge)).toEqual(unmerged);
    expect((await send('unmergeCustomers', { customerId: randomUUID(), reason: 'r' })).code).toBe('CUSTOMER_UNKNOWN');
    expect((await done('mergeCustomers', { customerId: second, survivorId: first, reason: 'r' })).id).toBe(second);
  });
});
