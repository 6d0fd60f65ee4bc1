import { deterministicId, TouchstoneError } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { CorrelationRule } from '@touchstone/packs';
import type { FactPlace, FactPlaces } from './correlation.js';
import { Company, factAt } from './correlation.spec-kit.js';
import type { FactIntake } from './fact-intake.js';

const rules: CorrelationRule[] = [{ journeyType: 'repair', objects: ['order'], idleGapMs: 48 * 3_600_000 }];
const id = (name: string) => deterministicId('fact', name);
const phone = (value: string) => ({ customer: { type: 'phone', value } });

describe('the same event of a source, sent again', () => {
  let company: Company;
  let intake: FactIntake;
  beforeEach(async () => {
    company = await Company.open(rules, openMemoryLog());
    intake = company.writer({ places });
  });
  afterEach(() => company.close());

  /** By a plain look through the log. */
  const places: FactPlaces = {
    find: async (factIds) => {
      const found = new Map<string, FactPlace[]>();
      for (const { type, id: touchpointId, stream, data } of await company.events(['journey-'])) {
        const { factId } = data as { factId?: string };
        if (type !== 'TouchpointRecorded' || factId === undefined || !factIds.includes(factId)) continue;
        found.set(factId, [{ journeyId: stream.slice('journey-'.length), touchpointId }]);
      }
      return found;
    },
  };
  const none: FactPlaces = { find: () => Promise.resolve(new Map()) };

  const open = (name: string, more: Parameters<typeof factAt>[2] = {}) =>
    factAt(id(name), 0, { ...phone('138'), journey: { type: 'repair' }, ...more });
  const named = (name: string, key: string, more: Parameters<typeof factAt>[2] = {}) => ({
    ...open(name, more),
    alone: true as const,
    touchpointId: deterministicId(id(name), id(key)),
    journey: { id: id(key), type: 'repair', key },
  });
  type Fact = ReturnType<typeof open> | ReturnType<typeof named>;
  const takenBy = async (by: FactIntake, ...facts: Fact[]) =>
    (await by.take(facts)).map((o) => ('code' in o && o.code !== undefined ? `${o.outcome} ${o.code}` : o.outcome));
  const take = (...facts: Fact[]) => takenBy(intake, ...facts);
  const count = async (type: string) => (await company.events()).filter((e) => e.type === type).length;

  const pairs: [string, () => [Fact, Fact]][] = [
    ['naming another journey', () => [named('d', 'a'), named('d', 'b')]],
    ['naming a journey at last', () => [open('d'), named('d', 'a')]],
    ['naming no journey any more', () => [named('d', 'a'), open('d')]],
    ['of another customer', () => [open('d'), open('d', phone('139'))]],
    ['about another object', () => [open('d'), open('d', { objects: [{ type: 'order', id: 'W1' }] })]],
    ['at another time', () => [open('d'), factAt(id('d'), 500, { ...phone('138'), journey: { type: 'repair' } })]],
    ['with other words', () => [named('d', 'a'), named('d', 'a', { attributes: { waited: 3 } })]],
  ];

  it.each(pairs)('goes where the first went, and says that it differs: %s', async (_how, facts) => {
    const [first, again] = facts();
    expect(await take(first, again)).toEqual(['taken', 'known CONTENT_DIFFERS']);
    // Nobody and nothing is claimed for it.
    const seen = (await company.events()).length;
    expect(await take(again)).toEqual(['known CONTENT_DIFFERS']);
    expect(await take(first)).toEqual(['known']);
    expect(await company.events()).toHaveLength(seen);
    expect([await count('TouchpointRecorded'), await count('CustomerRegistered')]).toEqual([1, 1]);
  });

  it.each(pairs)('also while the read models lag behind, and when both come at once: %s', async (_how, facts) => {
    const [first, again] = facts();
    const blind = company.writer({ places: none });
    const [one, other] = await Promise.all([takenBy(blind, first), takenBy(blind, again)]);
    expect([one, other]).toEqual([['taken'], ['known CONTENT_DIFFERS']]);
    expect(await takenBy(blind, again, first)).toEqual(['known CONTENT_DIFFERS', 'known']);
    expect(await count('TouchpointRecorded')).toBe(1);
  });

  it.each(pairs)('also after a restart, by the read models: %s', async (_how, facts) => {
    const [first, again] = facts();
    await take(first);
    expect((await takenBy(company.writer({ places }), again))[0]).toMatch(/^known/);
    expect(await takenBy(company.writer({ places }), first)).toEqual(['known']);
    expect(await count('TouchpointRecorded')).toBe(1);
  });

  it('is taken while there is no read model, where it names its journey', async () => {
    const missing: FactPlaces = {
      find: (ids) =>
        ids.length > 0
          ? Promise.reject(new TouchstoneError('READ_MODEL_NOT_READY', 'None yet.', 'unavailable'))
          : Promise.resolve(new Map()),
    };
    const early = company.writer({ places: missing });
    expect(await takenBy(early, named('d', 'a'), named('e', 'a'), named('d', 'b'))).toEqual([
      'taken',
      'taken',
      'known CONTENT_DIFFERS',
    ]);
    await expect(early.take([open('f')])).rejects.toMatchObject({ code: 'READ_MODEL_NOT_READY' });
    // What failed holds nobody up who comes later.
    expect(await takenBy(early, named('f', 'a'))).toEqual(['taken']);
  });
});
