import { clockAt, EventRegistry, Kernel, type EventLog, type RecordedEvent, type Vault } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { ExperiencePolicy, KindSpec, MomentSpec } from './kind.js';
import { PackCatalogue } from './pack-catalogue.js';
import { shippedPacks } from './pack-files.js';
import { packDecider, RetirePack } from './pack.js';
import { packEvents } from './read.js';

const kind = (id: string, closes = false): KindSpec => ({
  id,
  names: { en: id },
  traits: { closes, contact: false, customerVisible: true },
});
const phone = { phone: { type: 'text' as const, personal: true } };
const moment = (code: string, polarity: MomentSpec['polarity'], counter?: string): MomentSpec => ({
  code,
  polarity,
  names: { en: code },
  ...(counter && { counter }),
});
/** One word for gaps from 0 on, one for those below. */
const words = (good: string, bad: string): ExperiencePolicy => ({
  labels: [
    { id: good, names: { en: good }, from: 0, to: 2 },
    { id: bad, names: { en: bad }, from: -2, to: -1 },
  ],
});
const content = (pack: string, kinds: KindSpec[], moments: MomentSpec[] = []) => ({
  pack,
  names: { en: pack },
  kinds,
  moments,
});

describe('the catalogue', () => {
  let log: EventLog;
  const kernel = () =>
    new Kernel({
      log,
      vault: {} as Vault,
      clock: clockAt('2024-05-01T08:00:00Z', { still: true }),
      registry: new EventRegistry(packEvents),
    });
  const recorded = async () => {
    const events: RecordedEvent[] = [];
    for await (const page of log.readAll()) events.push(...page);
    return events;
  };
  const started: PackCatalogue[] = [];
  const catalogue = async () => {
    const made = new PackCatalogue(log, kernel());
    await made.start();
    started.push(made);
    return made;
  };

  beforeEach(() => {
    log = openMemoryLog();
  });
  afterEach(async () => {
    for (const one of started.splice(0)) await one.stop();
    await log.close();
  });

  it('knows what was published, here or by another process, and forgets what was retired', async () => {
    const [here, there] = [await catalogue(), await catalogue()];
    await here.publish({ pack: 'p', names: { en: 'P' }, kinds: [kind('a', true)] });
    expect(here.kind('a')).toMatchObject({ pack: 'p', version: 1, traits: { closes: true } });
    await until(() => there.has('a'));
    await kernel().execute(packDecider, new RetirePack({ pack: 'p', reason: 'r' }));
    await until(() => !there.has('a') && !here.has('a'));
    expect(() => here.kind('a')).toThrow(expect.objectContaining({ code: 'KIND_UNKNOWN' }));
    expect((await catalogue()).has('a')).toBe(false);
  });

  it('publishes kinds of two callers at once into one pack, losing none', async () => {
    const [here, there] = [await catalogue(), await catalogue()];
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((id, i) =>
        (i % 2 ? here : there).publish({ pack: 'p', names: { en: 'P' }, kinds: [kind(id)] }),
      ),
    );
    const fresh = await catalogue();
    expect(['a', 'b', 'c', 'd'].map((id) => fresh.has(id))).toEqual([true, true, true, true]);
  });

  it('lets no pack take a kind of another', async () => {
    const packs = await catalogue();
    await packs.publish({ pack: 'p', names: { en: 'P' }, kinds: [kind('a')] });
    await expect(packs.publish({ pack: 'q', names: { en: 'Q' }, kinds: [kind('a')] })).rejects.toMatchObject({
      code: 'KIND_TAKEN',
    });
  });

  it('keeps what is personal when a kind is published without attributes, by the same pack or a later one', async () => {
    const packs = await catalogue();
    const personal = () => packs.kind('call').attributes?.['phone']?.personal;
    await packs.publish(content('p', [{ ...kind('call'), attributes: phone }]));
    await packs.publish(content('p', [kind('call', true)]));
    expect([packs.kind('call').traits.closes, personal()]).toEqual([true, true]);
    await packs.retire('p', 'gone');
    await packs.publish(content('p', [kind('call')]));
    expect(personal()).toBe(true);
    await packs.retire('p', 'gone');
    await (await catalogue()).publish(content('q', [kind('call')]));
    await until(() => packs.has('call') && packs.kind('call').pack === 'q');
    expect(personal()).toBe(true);
  });

  it('retires a pack: its kinds and moments are unknown at once, and free for another', async () => {
    const packs = await catalogue();
    const [kinds, moments] = [[kind('a')], [moment('POS-01', 'positive')]];
    await packs.publish(content('p', kinds, moments));
    await expect(packs.publish(content('q', [], moments))).rejects.toMatchObject({ code: 'MOMENT_TAKEN' });
    const { revision } = await packs.retire('p', 'gone');
    expect([revision, packs.has('a')]).toEqual([1, false]);
    expect((await packs.retire('p', 'gone')).events).toEqual([]);
    await packs.publish(content('q', kinds, moments));
    expect(packs.kind('a').pack).toBe('q');
    await expect(packs.retire('nothing', 'gone')).rejects.toMatchObject({ code: 'PACK_UNKNOWN' });
  });

  it('knows the moments in force, and says what to do about one that is not', async () => {
    const [here, there] = [await catalogue(), await catalogue()];
    await here.publish(content('p', [], [moment('N1', 'negative', 'P1'), moment('P1', 'positive')]));
    expect(here.moment('N1')).toMatchObject({ polarity: 'negative', counter: 'P1', pack: 'p', version: 1 });
    await here.publish(content('p', [kind('a')]));
    await until(() => there.has('a'));
    expect(there.moment('P1').version).toBe(2);
    const unknown = { code: 'MOMENT_UNKNOWN', message: expect.stringMatching(/"N9".*publish/) as string };
    expect(() => here.moment('N9')).toThrow(expect.objectContaining(unknown));
    await here.retire('p', 'gone');
    expect(() => here.moment('N1')).toThrow(expect.objectContaining({ code: 'MOMENT_UNKNOWN' }));
  });

  it('puts experience into the words in force: those of a pack of your own before those that ship', async () => {
    const packs = await catalogue();
    const gaps = (of: PackCatalogue) => [-2, -1, 0, 1, 2].map((gap) => of.experienceLabel(gap)?.id);
    expect(packs.experienceLabel(1)).toBeNull();
    await packs.ship({ ...content('z-shipped', []), experience: words('fine', 'poor') });
    expect(gaps(packs)).toEqual(['poor', 'poor', 'fine', 'fine', 'fine']);
    await packs.publish({ ...content('zz-own', []), experience: words('liked', 'disliked') });
    await packs.publish(content('zz-own', [kind('a')]));
    const other = await catalogue();
    expect(gaps(other)).toEqual(['disliked', 'disliked', 'liked', 'liked', 'liked']);
    expect(other.experienceLabel(0)).toEqual({ id: 'liked', pack: 'zz-own', version: 2 });
    const second = { ...content('a-own', []), experience: words('a', 'b') };
    const taken = { code: 'EXPERIENCE_LABELS_TAKEN', message: expect.stringMatching(/zz-own/) as string };
    await expect(packs.publish(second)).rejects.toMatchObject(taken);
    await packs.retire('zz-own', 'the shipped words will do');
    expect(packs.experienceLabel(-1)).toEqual({ id: 'poor', pack: 'z-shipped', version: 1 });
    await packs.publish(second);
    expect(packs.experienceLabel(-1)?.id).toBe('b');
  });

  it('needs no subscription to know what it has done itself', async () => {
    const packs = new PackCatalogue(log, kernel());
    await packs.publish(content('p', [kind('a')]));
    expect(packs.has('a')).toBe(true);
    await packs.retire('p', 'gone');
    expect(packs.has('a')).toBe(false);
  });

  it.each([
    ['KIND_TWICE', content('p', [kind('a'), kind('a', true)])],
    ['MOMENT_TWICE', content('p', [], [moment('M', 'positive'), moment('M', 'negative')])],
    ['KIND_ID_RESERVED', content('p', [kind('still-open')])],
    ['EXPERIENCE_LABELS_INVALID', { ...content('p', []), experience: { labels: [] } }],
    ['MOMENT_COUNTER_INVALID', content('p', [], [moment('N', 'negative', 'P')])],
    ['MOMENT_COUNTER_INVALID', content('p', [], [moment('N', 'negative', 'M'), moment('M', 'negative')])],
    ['MOMENT_COUNTER_INVALID', content('p', [], [moment('P', 'positive', 'Q'), moment('Q', 'positive')])],
  ])('refuses %s and writes nothing', async (code, wrong) => {
    const packs = await catalogue();
    await expect(packs.publish(wrong)).rejects.toMatchObject({ code });
    expect(await log.head()).toBe(await openMemoryLog().head());
  });

  it('lets a negative moment name a positive one, of the same pack or another', async () => {
    const packs = await catalogue();
    await packs.publish(content('p', [], [moment('N1', 'negative', 'P1'), moment('P1', 'positive')]));
    await packs.publish(content('q', [], [moment('N2', 'negative', 'P1')]));
    expect(await recorded()).toHaveLength(2);
  });

  it('does not guess at what a newer Touchstone has published', async () => {
    const packs = await catalogue();
    await packs.publish(content('p', [kind('a')]));
    const [event] = await recorded();
    const newer = { ...event!, id: '018cc251-f400-7000-8000-000000000001', schemaVersion: 99 };
    await log.append('pack-p', 'any', [newer]);
    const code = (asked: () => unknown = () => packs.kind('a').id) => {
      try {
        return asked();
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    await until(() => code() === 'EVENT_VERSION_UNKNOWN');
    expect(code(() => packs.moment('N1'))).toBe('EVENT_VERSION_UNKNOWN');
    expect(code(() => packs.experienceLabel(0))).toBe('EVENT_VERSION_UNKNOWN');
    await expect(new PackCatalogue(log, kernel()).start()).rejects.toMatchObject({ code: 'EVENT_VERSION_UNKNOWN' });
  });

  describe('of what ships', () => {
    const v1 = content('common', [{ ...kind('call'), attributes: phone }], [moment('POS-01', 'positive')]);
    const v2 = content('common', [{ ...kind('call', true), attributes: phone }, kind('visit')]);
    const stamps = async () =>
      (await recorded()).map(({ occurredAt, recordedAt, metadata }) => [
        occurredAt,
        recordedAt,
        metadata.historical ?? false,
      ]);
    const since = (at: string, historical: boolean) => [at, at, historical];

    it('writes nothing at a second start, and what changed since from then on', async () => {
      const shipped = { pack: 'common', inForce: true, leftOut: [] };
      expect(await (await catalogue()).ship(v1)).toEqual(shipped);
      expect(await (await catalogue()).ship(v1)).toEqual(shipped);
      expect(await stamps()).toEqual([since('1970-01-01T00:00:00.000Z', true)]);
      const packs = await catalogue();
      await packs.ship(v2);
      expect(await stamps()).toEqual([
        since('1970-01-01T00:00:00.000Z', true),
        since('2024-05-01T08:00:00.000Z', false),
      ]);
      expect([packs.kind('call').traits.closes, packs.kind('call').version, packs.has('visit')]).toEqual([
        true,
        2,
        true,
      ]);
      expect((await recorded())[1]!.data).toMatchObject({ effectiveFrom: '2024-05-01T08:00:00.000Z', shipped: true });
    });

    it('lets nobody else change or retire it', async () => {
      const packs = await catalogue();
      await packs.ship(v1);
      for (const attempt of [
        packs.publish(content('common', [kind('mine')])),
        packs.publish(content('common', [kind('call', true)])),
        packs.retire('common', 'not wanted'),
      ]) {
        await expect(attempt).rejects.toMatchObject({ code: 'PACK_SHIPPED' });
      }
      const taken = { code: 'KIND_TAKEN', message: expect.stringMatching(/ships in the pack common/) as string };
      await expect(packs.publish(content('mine', [kind('call')]))).rejects.toMatchObject(taken);
      expect([packs.has('call'), packs.has('mine'), (await recorded()).length]).toEqual([true, false, 1]);
    });

    it('takes nothing from packs that were here first', async () => {
      const packs = await catalogue();
      await packs.publish(content('mine', [kind('call', true)], [moment('POS-01', 'positive')]));
      expect(
        await packs.ship(content('common', [kind('call'), kind('visit')], [moment('POS-01', 'positive')])),
      ).toEqual({
        pack: 'common',
        inForce: true,
        leftOut: ['call', 'POS-01'],
      });
      expect([packs.kind('call').pack, packs.kind('visit').pack]).toEqual(['mine', 'common']);
      expect(await packs.ship(content('mine', [kind('other.call')]))).toMatchObject({ inForce: false });
      expect([packs.kind('call').pack, packs.has('other.call')]).toEqual(['mine', false]);
      await packs.retire('mine', 'for the shipped one');
      expect(await packs.ship(content('mine', [kind('other.call')]))).toMatchObject({ inForce: true });
      expect((await stamps()).at(-1)).toEqual(since('2024-05-01T08:00:00.000Z', false));
    });

    it('has the files of the product: moments with their answers, rules and words for experience', async () => {
      const packs = await catalogue();
      const files = await shippedPacks();
      for (const pack of files) expect(await packs.ship(pack)).toMatchObject({ inForce: true, leftOut: [] });
      const head = await log.head();
      for (const pack of files) await (await catalogue()).ship(pack);
      expect(await log.head()).toBe(head);
      expect(packs.kind('contact.call-received').attributes?.['phone']).toEqual({ type: 'text', personal: true });
      const common = files.find((p) => p.pack === 'common')!;
      const codes = (polarity: string) => common.moments!.filter((m) => m.polarity === polarity);
      expect([codes('negative').length, codes('positive').length]).toEqual([15, 14]);
      expect(common.moments!.filter((m) => m.names.zh === undefined)).toEqual([]);
      const pairs = codes('negative').map((m) => [m.code, m.counter]);
      expect(pairs.slice(0, 10)).toEqual(
        ['01', '02', '03', '04', '05', '06', '07', '08', '08', '09'].map((answer, i) => [
          `NEG-${String(i + 1).padStart(2, '0')}`,
          `POS-${answer}`,
        ]),
      );
      expect(pairs.slice(10)).toEqual([
        ['NEG-S1', undefined],
        ['NEG-S2', 'POS-05'],
        ['NEG-S3', 'POS-S2'],
        ['NEG-S4', undefined],
        ['NEG-S5', 'POS-S4'],
      ]);
      const positive = new Set(codes('positive').map((m) => m.code));
      expect(pairs.filter(([, answer]) => answer !== undefined && !positive.has(answer))).toEqual([]);
      const derived = common.moments!.filter((m) => m.rule);
      expect(derived.map((m) => [m.code, m.description?.zh !== undefined])).toEqual(
        ['NEG-S2', 'NEG-S3', 'NEG-S5', 'POS-S2'].map((code) => [code, true]),
      );
      expect([-2, -1, 0, 1, 2].map((gap) => packs.experienceLabel(gap)?.id)).toEqual([
        'very-dissatisfied',
        'dissatisfied',
        'satisfied',
        'very-satisfied',
        'very-satisfied',
      ]);
    });
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}
