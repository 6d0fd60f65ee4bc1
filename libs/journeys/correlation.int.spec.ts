import { deterministicId } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { CorrelationRule } from '@touchstone/packs';
import { Company, factAt, factsByJourney } from './correlation.spec-kit.js';

const HOUR = 3_600_000;
const rules: CorrelationRule[] = [
  { journeyType: 'repair', kinds: ['work', 'done'], objects: ['order', 'report'], idleGapMs: 48 * HOUR, doubtfulMs: 6 * HOUR }, // prettier-ignore
  { journeyType: 'joined', objects: ['order'], idleGapMs: 48 * HOUR, sameCustomer: 'join' },
  { journeyType: 'asked', objects: ['order'], idleGapMs: 48 * HOUR, sameCustomer: 'ask' },
  { journeyType: 'bare', objects: ['order'] },
];
const id = (name: string) => deterministicId('fact', name);
const customer = { type: 'phone', value: '138' };
const journey = { type: 'repair' };
const order = (n: string) => ({ objects: [{ type: 'order', id: n }] });

describe('a fact that names no journey', () => {
  let company: Company;
  beforeEach(async () => (company = await Company.open(rules, openMemoryLog())));
  afterEach(() => company.close());

  const fact = (name: string, hour: number, more: Parameters<typeof factAt>[2] = {}) =>
    factAt(id(name), hour, { customer, journey, ...more });
  const take = async (...facts: ReturnType<typeof fact>[]) => {
    const outcomes = await company.writer().take(facts);
    return outcomes.map((o) => ('code' in o ? o.code : o.outcome));
  };
  const journeys = async () => factsByJourney(await company.events());
  const wholes = (...names: string[][]) =>
    names.map((own) => own.map(id).sort()).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
  const reasons = async () =>
    (await company.events(['journey-']))
      .filter((e) => e.type === 'TouchpointRecorded')
      .map((e) => (e.data as { correlation: { by: string } }).correlation.by);
  const doubts = async () =>
    (await company.events(['match-'])).map((e) => (e.data as { reason: string }).reason).sort();

  it('finds it by a shared object, whoever the customer is, in a journey of a name that follows from the object', async () => {
    await take(fact('a', 0, order('W1')), fact('b', 2000, { ...order('W1'), customer: undefined }));
    await take(fact('c', 1, order('W2')));
    expect(await journeys()).toEqual(wholes(['a', 'b'], ['c']));
    const opened = (await company.events(['journey-'])).find((e) => e.type === 'JourneyOpened')!;
    expect(opened.stream).toBe(`journey-${deterministicId('journey', 'repair', 'order', 'W1')}`);
    const recorded = (await company.events(['journey-'])).find((e) => e.type === 'TouchpointRecorded')!;
    expect(recorded.data).toMatchObject({
      factId: id('a'),
      correlation: { by: 'object', rule: 'repair', pack: 'p', version: 1, object: { type: 'order', id: 'W1' } },
    });
  });

  it('else by customer, type and idle gap, to the millisecond; else it opens one, and says so', async () => {
    await take(fact('a', 0), fact('b', 48), fact('c', 96 + 1 / 3_600_000));
    await take(
      fact('d', 0, { customer: { type: 'phone', value: '139' } }),
      fact('e', 1, { journey: { type: 'joined' } }),
    );
    expect(await journeys()).toEqual(wholes(['a', 'b'], ['c'], ['d'], ['e']));
    expect(await reasons()).toEqual(['opened', 'idle-gap', 'opened', 'opened', 'opened']);
  });

  it('takes the type from the rule that claims its kind; without a type, a rule or a customer it says what to do', async () => {
    await take(fact('a', 0, { journey: undefined, kind: 'work' }), fact('b', 1));
    expect(await journeys()).toEqual(wholes(['a', 'b']));
    expect(await take(fact('c', 0, { journey: undefined }), fact('d', 0, { journey: { type: 'other' } }))).toEqual([
      'CORRELATION_UNKNOWN',
      'CORRELATION_UNKNOWN',
    ]);
    // Nobody knows whose it is: each is a journey of its own.
    expect(await take(fact('e', 0, { customer: undefined }), fact('f', 0, { customer: undefined }))).toEqual([
      'taken',
      'taken',
    ]);
    expect(await journeys()).toHaveLength(3);
  });

  it('that bridges two merges them into the earlier one, by one event in the stream of the later', async () => {
    await take(fact('b', 80), fact('a', 0));
    expect(await journeys()).toHaveLength(2);
    await take(fact('c', 40));
    expect(await journeys()).toEqual(wholes(['a', 'b', 'c']));
    const merges = (await company.events()).filter((e) => e.type === 'JourneysMerged');
    expect(merges).toMatchObject([
      {
        stream: `journey-${deterministicId('journey', id('b'))}`,
        data: { survivorId: deterministicId('journey', id('a')), rule: { by: 'idle-gap', rule: 'repair', version: 1 } },
        metadata: { policyVersion: 'repair@p/1' },
      },
    ]);
  });

  it('is known when it comes again, also after a merge, to whomever it comes', async () => {
    const facts = [fact('b', 80), fact('a', 0), fact('c', 40), fact('d', 3, order('W1'))];
    await take(...facts);
    const before = (await company.events()).length;
    expect(await take(...facts)).toEqual(['known', 'known', 'known', 'known']);
    expect(await take(...[...facts].reverse())).toEqual(['known', 'known', 'known', 'known']);
    expect(await company.events()).toHaveLength(before);
  });

  it('goes where it went before, even if the rules have changed since', async () => {
    await take(fact('a', 0), fact('b', 40));
    await company.publish([{ journeyType: 'repair', idleGapMs: HOUR }]);
    const recorded = (await company.events(['journey-'])).filter((e) => e.type === 'TouchpointRecorded');
    const asked: (string | undefined)[] = [];
    const places = {
      find: (factIds: readonly string[], atLeast?: string) => {
        asked.push(atLeast);
        const found = recorded.filter((e) => factIds.includes((e.data as { factId: string }).factId));
        const placeOf = (e: (typeof recorded)[number]) => ({ journeyId: e.stream.slice(8), touchpointId: e.id });
        return Promise.resolve(new Map(found.map((e) => [(e.data as { factId: string }).factId, [placeOf(e)]])));
      },
    };
    const length = (await company.events()).length;
    const outcomes = await company.writer({ places }).take([fact('b', 40), fact('a', 0)]);
    expect(outcomes.map((o) => o.outcome)).toEqual(['known', 'known']);
    expect(await company.events()).toHaveLength(length);
    // Everything that older rules decided is in the answer.
    const publications = (await company.events(['pack-'])).map((e) => e.position);
    expect(asked).toEqual([publications.at(-1)]);
  });

  it('touches a journey for each object of the strongest sort, as one fact', async () => {
    const both = { objects: [{ type: 'order', id: 'W1' }, { type: 'order', id: 'W2' }, { type: 'report', id: 'R' }] }; // prettier-ignore
    await take(fact('a', 0, both), fact('b', 1, order('W1')), fact('c', 1, order('W2')));
    expect((await journeys()).map((own) => own.length)).toEqual([2, 2]);
    const ids = (await company.events(['journey-'])).filter((e) => e.type === 'TouchpointRecorded').map((e) => e.id);
    expect(new Set(ids).size).toBe(4);
    const many = { objects: Array.from({ length: 21 }, (_, n) => ({ type: 'order', id: String(n) })) };
    expect(await take(fact('d', 0, many))).toEqual(['FACT_TOUCHES_TOO_MANY']);
  });

  it('that names objects of two journeys makes them one', async () => {
    await take(fact('a', 0, order('W1')), fact('b', 500, { objects: [{ type: 'report', id: 'R1' }] }));
    expect(await journeys()).toHaveLength(2);
    await take(
      fact('c', 900, {
        objects: [
          { type: 'report', id: 'R1' },
          { type: 'order', id: 'W1' },
        ],
      }),
    );
    expect(await journeys()).toEqual(wholes(['a', 'b', 'c']));
  });

  it('with and without an object: apart, one, or a doubt, as the rule says', async () => {
    await take(fact('a', 0), fact('b', 1, order('W1')));
    const joined = { journey: { type: 'joined' } };
    await take(fact('c', 0, joined), fact('d', 1, { ...joined, ...order('W1') }));
    const asked = { journey: { type: 'asked' } };
    await take(fact('e', 0, asked), fact('f', 1, { ...asked, ...order('W1') }));
    await take(fact('g', 300, { ...asked, ...order('W2') }), fact('h', 301, asked));
    expect(await journeys()).toEqual(wholes(['a'], ['b'], ['c', 'd'], ['e'], ['f'], ['g'], ['h']));
    expect(await doubts()).toEqual(['near-object-journey', 'near-object-journey']);
  });

  it('a little beyond the idle gap is left to a person, and only as long as they are two', async () => {
    await take(fact('a', 0), fact('b', 54), fact('c', 200), fact('d', 255));
    expect(await journeys()).toHaveLength(4);
    const [match, ...none] = await company.events(['match-']);
    expect(none).toEqual([]);
    expect(match).toMatchObject({
      type: 'MatchDoubted',
      data: { of: 'journeys', reason: 'gap-near-limit', gapMs: 54 * HOUR, rule: { pack: 'p', version: 1 } },
    });
  });

  it('with an object that a named journey has claimed joins it; two named journeys with one object are a doubt', async () => {
    const named = (name: string, key: string) => ({
      ...factAt(id(name), 0, order('W9')),
      touchpointId: id(`touchpoint ${name}`),
      journey: { id: id(key), type: 'repair', key },
    });
    await company.writer().take([named('a', 'J1')]);
    await take(fact('b', 5, order('W9')));
    const streams = (await company.events(['journey-'])).map((e) => e.stream);
    expect(new Set(streams)).toEqual(new Set([`journey-${id('J1')}`]));
    await company.writer().take([named('c', 'J2')]);
    expect(await doubts()).toEqual(['object-of-another-journey']);
  });

  it('may have several identifiers: the free ones become the customer’s, two customers are a doubt and not merged', async () => {
    const account = { type: 'account', value: 'A' };
    const meter = { type: 'meter', value: 'M' };
    await take(fact('a', 0, { identifiers: [account] }), fact('b', 1, { customer: account }));
    expect(await journeys()).toEqual(wholes(['a', 'b']));
    expect(await doubts()).toEqual([]);
    await take(fact('c', 2, { customer: meter }));
    await take(fact('d', 3, { customer: meter, identifiers: [account] }));
    expect(await doubts()).toEqual(['identifiers']);
    const types = (await company.events(['customer-'])).map((e) => e.type);
    expect(types).toEqual(['CustomerRegistered', 'CustomerUpdated', 'CustomerRegistered']);
    expect(await take(fact('d', 3, { customer: meter, identifiers: [account] }))).toEqual(['known']);
    expect(await doubts()).toEqual(['identifiers']);
  });

  it('that cannot be recorded claims nothing: no object, no time', async () => {
    const long = { attributes: { text: 'x'.repeat(1_000_000) } };
    const sealed = { personal: { text: 'x'.repeat(800_000) } };
    const odd = { unit: '' };
    const stamp = { source: { system: 'test', recordedAt: 'yesterday' } };
    const before = (await company.events(['key-', 'matter-', 'journey-', 'match-'])).length;
    for (const more of [long, sealed, odd, stamp]) {
      const codes = await take(fact('a', 0, more), fact('b', 0, { ...more, ...order('W1') }));
      expect(codes).toEqual(Array(2).fill(more === long || more === sealed ? 'EVENT_TOO_LARGE' : 'EVENT_INVALID'));
    }
    expect(await company.events(['key-', 'matter-', 'journey-', 'match-'])).toHaveLength(before);
  });

  it('makes good what a crash broke off between the touchpoint and the merge', async () => {
    await take(fact('b', 80), fact('a', 0));
    const writer = company.writer({ joining: { join: () => Promise.reject(new Error('crash')) } as never });
    await expect(writer.take([fact('c', 40)])).rejects.toThrow('crash');
    expect(await journeys()).toHaveLength(2);
    expect(await take(fact('c', 40))).toEqual(['known']);
    expect(await journeys()).toEqual(wholes(['a', 'b', 'c']));
  });
});
