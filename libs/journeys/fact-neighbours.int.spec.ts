import { deterministicId } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { CorrelationRule } from '@touchstone/packs';
import { Company, factAt } from './correlation.spec-kit.js';
import { customerDecider, ForgetCustomer } from './customer.js';
import { JourneyJoining, matchOf } from './journey-joining.js';
import { ConfirmMatchHandler } from './journey-linking.handlers.js';
import { MergeJourneys } from './journey-merging.js';
import { BindKey, keyDecider } from './lookup-key.js';
import { OpenEnds } from './open-ends.js';
import { ConfirmMatch, DoubtMatch, matchDecider, RejectMatch } from './match.js';

const HOUR = 3_600_000;
const rules: CorrelationRule[] = [
  { journeyType: 'repair', objects: ['order', 'report'], idleGapMs: 48 * HOUR, doubtfulMs: 6 * HOUR },
];
const id = (name: string) => deterministicId('fact', name);
const phone = { type: 'phone', value: '138' };
const account = { type: 'account', value: 'A' };
const order = (...ids: string[]) => ({ objects: ids.map((each) => ({ type: 'order', id: each })) });

describe('a fact among others', () => {
  let company: Company;
  beforeEach(async () => (company = await Company.open(rules, openMemoryLog())));
  afterEach(() => company.close());

  const fact = (name: string, hour: number, more: Parameters<typeof factAt>[2] = {}) =>
    factAt(id(name), hour, { customer: phone, journey: { type: 'repair' }, ...more });
  const take = async (...facts: Parameters<ReturnType<Company['writer']>['take']>[0]) =>
    (await company.writer().take(facts)).map((o) => (o.outcome === 'refused' ? o.code : o.outcome));
  const bind = (type: string, value: string, to: { customerId?: string; journeyId?: string }) => {
    const hash = company.vault.lookupHash(type, value);
    return company.kernel().execute(keyDecider, new BindKey({ hash, keyType: type, ...to }));
  };
  const types = async (...streams: string[]) => (await company.events(streams)).map((e) => e.type);

  it('is refused alone where its object or its identifier is bound to another sort, and its neighbours are taken', async () => {
    const ofObject = JSON.stringify(['object', 'repair', 'order']);
    // As a log may have it that was written before such types were refused.
    await bind(ofObject, 'W9', { customerId: id('somebody') });
    await bind('phone', '7', { journeyId: id('something') });
    const seven = { customer: { type: 'phone', value: '7' } };
    const facts = [
      fact('a', 0),
      fact('b', 1, order('W9')),
      fact('c', 2, seven),
      fact('d', 3, { ...seven, identifiers: [account] }),
      fact('e', 4, order('W8')),
    ];
    expect(await take(...facts)).toEqual(['taken', 'KEY_TAKEN', 'KEY_TAKEN', 'KEY_TAKEN', 'taken']);
    expect((await types('journey-')).filter((type) => type === 'TouchpointRecorded')).toHaveLength(2);
    const named = { ...facts[1]!, touchpointId: id('t'), journey: { id: id('own'), type: 'repair' } };
    expect(await take(named, fact('f', 5))).toEqual(['taken', 'taken']);
  });

  it('may name nobody by what stands for objects, nor by what cannot be a name', async () => {
    const posing = { customer: { type: JSON.stringify(['object', 'repair', 'order']), value: 'W1' } };
    const nameless = { customer: { type: 'phone', value: '' } };
    const facts = [fact('a', 0, posing), fact('b', 1, nameless), fact('c', 2, order('W1'))];
    expect(await take(...facts)).toEqual(['IDENTIFIER_TYPE_RESERVED', 'EVENT_INVALID', 'taken']);
  });

  it('is about somebody new where whom it names is being forgotten', async () => {
    const both = { identifiers: [account] };
    await take(fact('a', 0));
    const gone = (await company.events(['customer-']))[0]!.stream.slice('customer-'.length);
    // The keys are not let go of yet.
    await company.kernel().execute(customerDecider, new ForgetCustomer({ customerId: gone, reason: 'r' }));
    expect(await take(fact('b', 1, both), fact('c', 2, { customer: { type: 'phone', value: '5' } }))).toEqual([
      'taken',
      'taken',
    ]);
    const [told] = (await company.events(['journey-'])).filter(
      (e) => (e.data as { factId?: string }).factId === id('b'),
    );
    expect((told!.data as { customerId: string }).customerId).not.toBe(gone);
    const bound = await company.kernel().look(keyDecider, company.vault.lookupHash('account', 'A'));
    expect(bound.state).toMatchObject({ customerId: (told!.data as { customerId: string }).customerId });
  });

  it('names all identifiers that lead to its customer, also those that a crash left unnamed, and each once', async () => {
    await take(fact('a', 0));
    const [registered] = await company.events(['customer-']);
    const customerId = registered!.stream.slice('customer-'.length);
    // Claimed for them, and broken off before they were named.
    await bind('account', 'A', { customerId });
    const meter = { type: 'meter', value: 'M' };
    await take(fact('b', 1, { identifiers: [account] }));
    expect(await types('customer-')).toEqual(['CustomerRegistered', 'CustomerUpdated']);
    const [, updated] = await company.events(['customer-']);
    const names = company.vault.open(
      `customer:${customerId}`,
      updated!.id,
      'identifiers',
      (updated!.data as { identifiers: string }).identifiers,
    );
    expect(names).toEqual([account]);
    await take(fact('c', 2, { identifiers: [account] }), fact('d', 3, { identifiers: [account] }));
    expect(await types('customer-')).toHaveLength(2);
    await take(fact('e', 4, { identifiers: [account, meter] }));
    await take(fact('f', 5, { identifiers: [meter] }), fact('g', 6, { identifiers: [account, meter] }));
    expect((await types('customer-')).length).toBeLessThanOrEqual(4);
  });

  it('may not name a journey of another type, and poisons nothing for those that come later', async () => {
    const named = (name: string, type: string) => ({
      ...fact(name, 1, order('W1')),
      touchpointId: id(`t${name}`),
      journey: { id: id('own'), type },
    });
    expect(await take(named('a', 'fault'), named('b', 'repair'), named('c', ''))).toEqual([
      'taken',
      'JOURNEY_TYPES_DIFFER',
      'taken',
    ]);
    expect(await take(fact('d', 2, order('W1')))).toEqual(['taken']);
    const stream = (await company.events(['journey-'])).at(-1)!.stream;
    expect(stream).not.toBe(`journey-${id('own')}`);
  });

  it('tells where it stands though one of its journeys refuses it', async () => {
    // Of another type by a log that was written before that was refused.
    const journeyId = id('other');
    const other = { ...fact('x', 0), touchpointId: id('tx'), journey: { id: journeyId, type: 'fault' } };
    await take(other);
    await bind(JSON.stringify(['object', 'repair', 'order']), 'W2', { journeyId });
    const [outcome] = await company.writer().take([fact('a', 1, order('W1', 'W2'))]);
    const touchpoints = (await company.events(['journey-'])).filter(
      ({ type, data }) => type === 'TouchpointRecorded' && (data as { factId?: string }).factId === id('a'),
    );
    expect(touchpoints).toHaveLength(1);
    const recordedIn = touchpoints.map((e) => ({ journeyId: e.stream.slice('journey-'.length), touchpointId: e.id }));
    expect(outcome).toMatchObject({ outcome: 'refused', code: 'JOURNEY_TYPES_DIFFER', recordedIn });
    expect((outcome as { message: string }).message).toContain(recordedIn[0]!.journeyId);
  });

  describe('near another one', () => {
    const journeys = async () => [
      ...new Set((await company.events(['journey-'])).map(({ stream }) => stream.slice('journey-'.length))),
    ];
    const doubted = async () => {
      await take(fact('a', 0), fact('b', 50));
      const [first, second] = (await journeys()).sort() as [string, string];
      return { matchId: matchOf('journeys', first, second), first, second };
    };

    it('is not put together with it by a rule after a person said that they are two', async () => {
      const { matchId, first } = await doubted();
      await company.kernel().execute(matchDecider, new RejectMatch({ matchId, reason: 'two' }));
      expect(await take(fact('bridge', 25))).toEqual(['taken']);
      expect(await types('journey-')).not.toContain('JourneysMerged');
      // Nor by way of a part of one of them.
      const part = id('part');
      await take({ ...fact('c', 600), touchpointId: id('tc'), journey: { id: part, type: 'repair' } });
      const merge = new MergeJourneys({ journeyId: first, survivorId: part, reason: 'one' });
      await new JourneyJoining(company.kernel()).merge(merge);
      await take(fact('d', 26));
      expect((await types('journey-')).filter((type) => type === 'JourneysMerged')).toHaveLength(1);
    });

    it('is merged by a person only if what they have seen still holds', async () => {
      const { matchId } = await doubted();
      const kernel = company.kernel();
      const handler = new ConfirmMatchHandler(kernel, new JourneyJoining(kernel), {} as never, new OpenEnds());
      const stale = handler.execute(new ConfirmMatch({ matchId, reason: 'one', expectedRevision: 5 }));
      await expect(stale).rejects.toMatchObject({ code: 'WRONG_EXPECTED_REVISION' });
      const wordless = handler.execute(new ConfirmMatch({ matchId, reason: 1 as never }));
      await expect(wordless).rejects.toMatchObject({ code: 'EVENT_INVALID' });
      expect(await types('journey-')).not.toContain('JourneysMerged');
      await handler.execute(new ConfirmMatch({ matchId, reason: 'one', expectedRevision: 0 }));
      expect(await types('match-')).toEqual(['MatchDoubted', 'MatchConfirmed']);
      expect(await types('journey-')).toContain('JourneysMerged');
    });

    it('is one with it by nobody’s word where their types differ', async () => {
      await doubted();
      await take({ ...fact('x', 0), touchpointId: id('tx'), journey: { id: id('fault'), type: 'fault' } });
      const [first, second] = [(await journeys())[0]!, id('fault')];
      const matchId = matchOf('journeys', first, second);
      const doubt = { matchId, of: 'journeys', first, second, reason: 'object-of-another-journey' } as const;
      const kernel = company.kernel();
      await kernel.execute(matchDecider, new DoubtMatch(doubt));
      const handler = new ConfirmMatchHandler(kernel, new JourneyJoining(kernel), {} as never, new OpenEnds());
      const confirmed = handler.execute(new ConfirmMatch({ matchId, reason: 'one' }));
      await expect(confirmed).rejects.toMatchObject({ code: 'JOURNEY_TYPES_DIFFER' });
      const joined = await new JourneyJoining(kernel).join({
        journeyType: 'repair',
        one: { journeyId: first, from: 0 },
        other: { journeyId: second, from: 0 },
        rule: { by: 'object', rule: 'repair', pack: 'p', version: 1 },
      });
      expect(joined).toBe(0);
    });
  });
});
