import { clockAt, EventRegistry, Kernel, type EventLog, type Vault } from '@touchstone/eventing';
import { given, openMemoryLog } from '@touchstone/eventing/testing';
import type { KindSpec } from './kind.js';
import { checkAttributes, contentHash, extended } from './pack-body.js';
import { PackCatalogue } from './pack-catalogue.js';
import { shippedPacks } from './pack-files.js';
import { PackPublished, packDecider, PackRetired, PublishPack, RetirePack, type PackBody } from './pack.js';
import { packEvents } from './read.js';

const kind = (id: string, closes = false): KindSpec => ({
  id,
  names: { en: id },
  traits: { closes, contact: false, customerVisible: true },
});
const body = (...kinds: KindSpec[]): PackBody => ({ names: { en: 'P' }, kinds, moments: [] });
const publish = (of: PackBody) => new PublishPack({ pack: 'p', contentHash: contentHash(of), body: of });
const published = (of: PackBody, version = 1) =>
  PackPublished(
    {
      pack: 'p',
      version,
      contentHash: contentHash(of),
      effectiveFrom: '2024-05-01T08:00:00.000Z',
      body: of,
    },
    { occurredAt: '2024-05-01T08:00:00.000Z' },
  );

describe('a pack', () => {
  const [first, second] = [body(kind('a')), body(kind('a'), kind('b'))];

  it('is published in versions, and not again when nothing differs', () => {
    given(packDecider, []).when(publish(first)).then(published(first));
    given(packDecider, [published(first)])
      .when(publish(first))
      .thenNothing();
    given(packDecider, [published(first)])
      .when(publish(second))
      .then(published(second, 2));
  });
  it('names a kind once', () =>
    given(packDecider, [])
      .when(publish(body(kind('a'), kind('a'))))
      .thenRefused('KIND_TWICE'));
  it('retires once, and can be published again', () => {
    const retire = new RetirePack({ pack: 'p', reason: 'r' });
    const retired = PackRetired({ pack: 'p', reason: 'r' });
    given(packDecider, []).when(retire).thenRefused('PACK_UNKNOWN');
    given(packDecider, [published(first)])
      .when(retire)
      .then(retired);
    given(packDecider, [published(first), retired])
      .when(retire)
      .thenNothing();
    given(packDecider, [published(first), retired])
      .when(publish(first))
      .then(published(first, 2));
  });
  it('has one hash for one content, however it is ordered', () => {
    expect(contentHash({ names: { zh: '包', en: 'P' }, kinds: [], moments: [] })).toBe(
      contentHash({ moments: [], kinds: [], names: { en: 'P', zh: '包' } }),
    );
    expect(contentHash(first)).not.toBe(contentHash(second));
  });
  it('is extended: kinds it has stay, those given again are as given', () => {
    const more = extended(second, { pack: 'p', names: { en: 'Q' }, kinds: [kind('b', true), kind('c')] });
    expect(more.kinds.map((k) => [k.id, k.traits.closes])).toEqual([
      ['a', false],
      ['b', true],
      ['c', false],
    ]);
  });
});

describe('attributes of a kind', () => {
  const spec: KindSpec = {
    ...kind('a'),
    attributes: {
      n: { type: 'number', required: true },
      t: { type: 'text' },
      f: { type: 'flag' },
      i: { type: 'instant' },
      j: { type: 'json' },
    },
  };
  it.each([
    [{ n: 1, t: 'x', f: true, i: '2024-05-01T08:00:00Z', j: { any: 1 }, unknown: 1 }, null],
    [{}, 'n'],
    [{ n: 'x' }, 'n'],
    [{ n: Number.NaN }, 'n'],
    [{ n: 1, t: 2 }, 't'],
    [{ n: 1, f: 'yes' }, 'f'],
    [{ n: 1, i: 'noon' }, 'i'],
  ])('%j: fault %s', (attributes, fault) => {
    const check = () => checkAttributes(spec, attributes);
    if (fault === null) expect(check).not.toThrow();
    else expect(check).toThrow(new RegExp(`The attribute ${fault} of the kind a`));
  });
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

  it('takes the shipped packs as they are, and writes nothing the second time', async () => {
    const packs = await catalogue();
    const shipped = await shippedPacks();
    for (const pack of shipped) await packs.publish(pack);
    const head = await log.head();
    for (const pack of shipped) await (await catalogue()).publish(pack);
    expect(await log.head()).toBe(head);
    const common = shipped.find((p) => p.pack === 'common')!;
    const codes = (polarity: string) => common.moments!.filter((m) => m.polarity === polarity);
    expect([codes('negative').length, codes('positive').length]).toEqual([10, 9]);
    const positive = new Set(codes('positive').map((m) => m.code));
    expect(codes('negative').filter((m) => !positive.has(m.counter!))).toEqual([]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}
