import { EventRegistry, type DecidedEvent } from '@touchstone/eventing';
import { inGroup, type ProjectionGroup } from '@touchstone/readmodel';
import { InlineReads, positionOf, projectAll, projectionContract, recorded } from '@touchstone/readmodel/testing';
import type { ExperiencePolicy, KindSpec, MomentSpec } from './kind.js';
import { PackPublished, PackRetired } from './pack.js';
import { packSamples } from './pack.samples.js';
import { packsProjection } from './packs.projection.js';
import { experienceQuery, kindsQuery, momentsQuery, packsQuery } from './packs.queries.js';
import { packEvents } from './read.js';

const group: ProjectionGroup = { name: 'journeys', projections: [inGroup(packsProjection)] };
const registry = new EventRegistry(packEvents);

const kind = (id: string, more: Partial<KindSpec> = {}): KindSpec => ({
  id,
  names: { en: id },
  traits: { closes: false, contact: true, customerVisible: true },
  ...more,
});
const moment = (code: string): MomentSpec => ({ code, polarity: 'positive', names: { en: code } });
const words = (all: string): ExperiencePolicy => ({ labels: [{ id: all, names: { en: all }, from: -2, to: 2 }] });
const published = (
  pack: string,
  version: number,
  kinds: KindSpec[],
  moments: MomentSpec[] = [],
  { experience, shipped }: { experience?: ExperiencePolicy; shipped?: boolean } = {},
) =>
  PackPublished({
    pack,
    version,
    contentHash: `${pack}${version}`,
    effectiveFrom: '2024-01-01T00:00:00Z',
    ...(shipped && { shipped }),
    body: { names: { en: pack }, kinds, moments, ...(experience && { experience }) },
  });
const retired = (pack: string) => PackRetired({ pack, reason: 'gone' });
/** Of several packs, each event in the stream of its own. */
const log = (...events: readonly DecidedEvent[]) =>
  events.reduce<ReturnType<typeof recorded>>(
    (before, event) => recorded(`pack-${(event.data as { pack: string }).pack}`, [event], before),
    [],
  );

const call = kind('call', {
  attributes: { waited: { type: 'number', required: true }, phone: { type: 'text', personal: true } },
});
const events = log(
  packSamples.PackPublished_1,
  published('p', 1, [call, kind('visit')], [moment('POS-20')]),
  published('p', 2, [call, kind('visit', { names: { en: 'Visit', zh: '到厅' } })], [moment('POS-20')]),
  retired('p'),
  published('q', 1, [kind('call')], [moment('POS-20')]),
  published('p', 3, [kind('visit')]),
);

projectionContract(group, { name: 'packs', events, read: registry.read });
projectionContract(group, {
  name: 'packs with rules and words for experience',
  events: log(
    packSamples.PackPublished_1,
    packSamples.PackPublished_2,
    published('p', 1, [call], [], { experience: words('own') }),
    retired('p'),
  ),
  read: registry.read,
});

describe('packs as they are read', () => {
  const reads = new InlineReads(projectAll(group, events, { read: registry.read }), {
    log: {
      comparePositions: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
      readAll: async function* () {
        yield events;
      },
    },
  });
  const at = (n: number) => (n > events.length ? {} : { asOf: { position: positionOf(n) } });
  const kindsAt = async (n: number, pack?: string) => {
    const { result } = await reads.run(kindsQuery, { first: 10, pack }, at(n));
    return result.filter((row) => row.pack !== 'common').map((row) => `${row.pack}.${row.id}@${row.version}`);
  };
  const momentsAt = async (n: number) => {
    const { result } = await reads.run(momentsQuery, { first: 10 }, at(n));
    return result.filter((row) => row.pack !== 'common').map((row) => `${row.pack}.${row.code}`);
  };
  const packsAt = async (n: number) => {
    const { result } = await reads.run(packsQuery, { first: 10 }, at(n));
    return result.map((row) => [row.id, row.version, row.retired, row.shipped]);
  };

  it('have kinds and moments while they are in force: retiring ends them, then another pack may have them', async () => {
    expect([await kindsAt(1), await momentsAt(1)]).toEqual([[], []]);
    expect([await kindsAt(2), await momentsAt(2)]).toEqual([['p.call@1', 'p.visit@1'], ['p.POS-20']]);
    expect(await kindsAt(3)).toEqual(['p.call@1', 'p.visit@2']);
    expect([await kindsAt(4), await momentsAt(4)]).toEqual([[], []]);
    expect([await kindsAt(5), await momentsAt(5)]).toEqual([['q.call@1'], ['q.POS-20']]);
    for (const n of [6, 99]) {
      expect([await kindsAt(n), await momentsAt(n)]).toEqual([['q.call@1', 'p.visit@3'], ['q.POS-20']]);
      expect(await kindsAt(n, 'p')).toEqual(['p.visit@3']);
    }
  });

  it('say whether they have retired, and whether they ship', async () => {
    const common = ['common', 1, false, true];
    expect(await packsAt(3)).toEqual([common, ['p', 2, false, false]]);
    expect(await packsAt(4)).toEqual([common, ['p', 2, true, false]]);
    expect(await packsAt(99)).toEqual([common, ['p', 3, false, false], ['q', 1, false, false]]);
  });

  it('show what is known of the attributes of a kind, by name', async () => {
    const { result } = await reads.run(kindsQuery, { first: 10, ids: ['call', 'visit'] }, at(3));
    expect(result.map((row) => row.attributes)).toEqual([
      [
        { name: 'phone', type: 'text', personal: true, required: false },
        { name: 'waited', type: 'number', personal: false, required: true },
      ],
      [],
    ]);
  });

  it('say what a moment consists in, and whether a rule derives it', async () => {
    const told = { description: { en: 'Within a week.', zh: '一周内。' }, rule: true };
    const store = projectAll(
      group,
      log(
        published('p', 1, [], [moment('POS-30'), moment('POS-31')]),
        published('p', 2, [], [{ ...moment('POS-30'), ...told }, moment('POS-31')]),
      ),
    );
    const { result } = await new InlineReads(store).run(momentsQuery, { first: 10 });
    expect(result).toMatchObject([
      { code: 'POS-30', ...told },
      { code: 'POS-31', description: null, rule: false },
    ]);
  });

  it('have the words for experience: of a pack of your own before those that ship, while it is in force', async () => {
    const told = log(
      published('a', 1, [kind('x')], [], { experience: words('shipped'), shipped: true }),
      published('p', 1, [call]),
      published('p', 2, [call], [], { experience: words('own') }),
      published('p', 3, [call], [], { experience: words('other') }),
      retired('p'),
    );
    const page = async function* () {
      await Promise.resolve();
      yield told;
    };
    const known = new InlineReads(projectAll(group, told), {
      log: { comparePositions: (a, b) => (a < b ? -1 : a > b ? 1 : 0), readAll: page },
    });
    const at5 = async (n: number) => {
      const { result } = await known.run(experienceQuery, {}, { asOf: { position: positionOf(n) } });
      return result && `${result.pack}.${result.labels[0]!.id}@${result.version}`;
    };
    const all = [];
    for (let n = 1; n <= told.length; n++) all.push(await at5(n));
    expect(all).toEqual(['a.shipped@1', 'a.shipped@1', 'p.own@2', 'p.other@3', 'a.shipped@1']);
    const { result } = await new InlineReads(projectAll(group, log(published('p', 1, [call])))).run(
      experienceQuery,
      {},
    );
    expect(result).toBeNull();
  });

  it('stay in force when an earlier retirement is delivered once more', () => {
    const [first, gone, again] = log(published('p', 1, [call]), retired('p'), published('p', 2, [call]));
    const unit = packsProjection.restore(1, 'p', [[], [], []]);
    for (const event of [first!, gone!, again!]) packsProjection.apply(unit, event, () => 2);
    expect(packsProjection.changes(unit).length).toBeGreaterThan(0);
    for (const event of [gone!, first!, again!]) packsProjection.apply(unit, event, () => 2);
    expect(packsProjection.changes(unit)).toEqual([]);
  });

  it('have a new version of a kind when only a personal mark of it has changed', async () => {
    const marked = kind('a', { attributes: { phone: { type: 'text', personal: true } } });
    const plain = kind('a', { attributes: { phone: { type: 'text' } } });
    const store = projectAll(group, log(published('p', 1, [plain]), published('p', 2, [marked])));
    const { result } = await new InlineReads(store).run(kindsQuery, { first: 10 });
    expect(result.map((row) => [row.version, row.attributes[0]!.personal])).toEqual([[2, true]]);
  });
});
