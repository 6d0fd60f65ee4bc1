import { given } from '@touchstone/eventing/testing';
import type { AttributeSpec, ExperienceLabel, KindSpec, MomentSpec } from './kind.js';
import { checkAttributes, contentHash, extended } from './pack-body.js';
import { PackPublished, packDecider, PackRetired, PublishPack, RetirePack, type PackBody } from './pack.js';

const kind = (id: string, closes = false): KindSpec => ({
  id,
  names: { en: id },
  traits: { closes, contact: false, customerVisible: true },
});
const withAttributes = (id: string, attributes: Record<string, AttributeSpec>): KindSpec => ({
  ...kind(id),
  attributes,
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
  it('names a moment once', () => {
    const moment = { code: 'NEG-01', polarity: 'negative' as const, names: { en: 'Arguing' } };
    given(packDecider, [])
      .when(publish({ ...first, moments: [moment, moment] }))
      .thenRefused('MOMENT_TWICE');
  });
  it.each(['other', 'still-open'])('has no kind %s: a map has such a node of its own', (id) => {
    given(packDecider, [])
      .when(publish(body(kind('a'), kind(id))))
      .thenRefused('KIND_ID_RESERVED');
    given(packDecider, [])
      .when(publish(body(kind(`${id}.x`))))
      .then(published(body(kind(`${id}.x`))));
  });
  it('that ships is changed and retired by the product alone', () => {
    const ship = (of: PackBody) =>
      new PublishPack({ pack: 'p', contentHash: contentHash(of), body: of, shipped: true });
    const shipped = (of: PackBody, version = 1) => {
      const event = published(of, version);
      return { ...event, data: { ...event.data, shipped: true } };
    };
    given(packDecider, []).when(ship(first)).then(shipped(first));
    const here = given(packDecider, [shipped(first)]);
    here.when(ship(first)).thenNothing();
    here.when(ship(second)).then(shipped(second, 2));
    here.when(publish(first)).thenNothing();
    here.when(publish(second)).thenRefused('PACK_SHIPPED');
    here.when(new RetirePack({ pack: 'p', reason: 'r' })).thenRefused('PACK_SHIPPED');
    given(packDecider, [published(first)])
      .when(ship(second))
      .thenRefused('PACK_TAKEN');
    given(packDecider, [published(first), PackRetired({ pack: 'p', reason: 'r' })])
      .when(ship(second))
      .then(shipped(second, 2));
  });
  it('keeps every mark of personal attributes, retired or not, with the kind or after an edition without it', () => {
    const marked = body(withAttributes('a', { phone: { type: 'text', personal: true } }));
    const [dropped, unmarked] = [body(kind('a')), body(withAttributes('a', { phone: { type: 'text' } }))];
    const retired = PackRetired({ pack: 'p', reason: 'r' });
    for (const past of [
      [published(marked)],
      [published(marked), retired],
      [published(marked), published(body(kind('b')), 2)],
    ]) {
      given(packDecider, past).when(publish(dropped)).thenRefused('PERSONAL_MARK_DROPPED');
      given(packDecider, past).when(publish(unmarked)).thenRefused('PERSONAL_MARK_DROPPED');
    }
    given(packDecider, [published(unmarked)])
      .when(publish(marked))
      .then(published(marked, 2));
  });
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

describe('experience labels', () => {
  const label = (id: string, from: number, to = from): ExperienceLabel => ({ id, names: { en: id }, from, to });
  const worded = (...labels: ExperienceLabel[]): PackBody => ({ ...body(), experience: { labels } });
  const all = [label('good', 1, 2), label('fair', 0), label('bad', -2, -1)];

  it('give every gap one word', () => {
    given(packDecider, [])
      .when(publish(worded(...all)))
      .then(published(worded(...all)));
  });
  it.each<[string, ExperienceLabel[]]>([
    ['-2', []],
    ['2', [label('good', 1), ...all.slice(1)]],
    ['0', [all[0]!, all[2]!]],
    ['-1', [...all, label('also', -1)]],
    ['good', [label('good', 2), label('good', 1), ...all.slice(1)]],
    ['1', [...all, label('also', 1)]],
    ['fair', [all[0]!, label('fair', 0, -1), all[2]!]],
  ])('are refused where %s is wrong, which the message names', (what, labels) => {
    const refused = given(packDecider, []).when(publish(worded(...labels)));
    refused.thenRefused('EXPERIENCE_LABELS_INVALID');
    expect(() => refused.thenNothing()).toThrow(new RegExp(`(?<![-0-9a-z])${what}(?![0-9a-z])`));
  });
  it('given again take the place of all that were there; other names stay, and the order does not matter', () => {
    const before = worded(...all.map((l) => ({ ...l, names: { en: l.id, zh: `${l.id}?` } })));
    const content = { pack: 'p', names: { en: 'P' }, kinds: [] };
    expect(extended(before, content).experience).toEqual(before.experience);
    const labels = [label('bad', -2, 0), label('good', 1, 2)];
    const after = extended(before, { ...content, experience: { labels } });
    expect(after.experience).toEqual({
      labels: [
        { id: 'good', names: { en: 'good', zh: 'good?' }, from: 1, to: 2 },
        { id: 'bad', names: { en: 'bad', zh: 'bad?' }, from: -2, to: 0 },
      ],
    });
    const reordered = extended(before, { ...content, experience: { labels: [...labels].reverse() } });
    expect(contentHash(reordered)).toBe(contentHash(after));
    expect(extended(undefined, content)).not.toHaveProperty('experience');
  });
});

describe('a moment that is published again', () => {
  const moment: MomentSpec = { code: 'M', polarity: 'negative', names: { en: 'M' } };
  const over = (before: MomentSpec | undefined, after: MomentSpec) =>
    extended(before && { ...body(), moments: [before] }, { pack: 'p', names: { en: 'P' }, kinds: [], moments: [after] })
      .moments[0];

  it('is as it is given; what its description says in another language stays', () => {
    const description = { en: 'Within a week.', zh: '一周内。' };
    const before = { ...moment, description, counter: 'P', rule: true };
    expect(over(before, moment)).toEqual(moment);
    expect(over(before, { ...moment, description: { en: 'Soon.' } })).toEqual({
      ...moment,
      description: { en: 'Soon.', zh: '一周内。' },
    });
    expect(over(undefined, before)).toEqual(before);
  });
  it('says that no rule derives it by saying nothing', () => {
    expect(over(undefined, { ...moment, rule: false })).toEqual(moment);
  });
});

describe('a kind that is published again', () => {
  const before = body(
    withAttributes('a', {
      phone: { type: 'text', personal: true, required: true },
      waited: { type: 'number', required: true },
    }),
  );
  const attributesAfter = (attributes?: Record<string, AttributeSpec>) => {
    const again = { ...kind('a'), ...(attributes && { attributes }) };
    return extended(before, { pack: 'p', names: { en: 'P' }, kinds: [again] }).kinds[0]!.attributes;
  };

  it.each([[undefined], [{}], [{ phone: { type: 'text' as const, personal: true } }]])(
    'with the attributes %j keeps those it has',
    (attributes) => expect(attributesAfter(attributes)).toEqual(before.kinds[0]!.attributes),
  );
  it('changes what is given, and takes no personal mark back', () => {
    expect(
      attributesAfter({
        phone: { type: 'json', personal: false, required: false },
        waited: { type: 'text', required: false },
        caller: { type: 'text', personal: true },
      }),
    ).toEqual({
      phone: { type: 'json', personal: true },
      waited: { type: 'text' },
      caller: { type: 'text', personal: true },
    });
  });
  it('has the marks of any pack that had it before', () => {
    const marks = new Map([['a', new Map([['phone', { type: 'text' as const, personal: true, required: true }]])]]);
    const content = { pack: 'q', names: { en: 'Q' }, kinds: [kind('a'), kind('b')] };
    expect(extended(undefined, content, marks).kinds.map((k) => k.attributes)).toEqual([
      { phone: { type: 'text', personal: true } },
      undefined,
    ]);
  });
  it('has one hash whether it says what is not so or not', () => {
    const hash = (spec: AttributeSpec) =>
      contentHash(extended(undefined, { pack: 'p', names: { en: 'P' }, kinds: [withAttributes('a', { n: spec })] }));
    expect(hash({ type: 'text', personal: false, required: false })).toBe(hash({ type: 'text' }));
    expect(hash({ type: 'text', personal: true })).not.toBe(hash({ type: 'text' }));
  });
  it('keeps names in another language that are not given: of the pack, the kind, the moment', () => {
    const moment = (names: { en: string; zh?: string }) => ({ code: 'M', polarity: 'positive' as const, names });
    const had = {
      names: { en: 'P', zh: '包' },
      kinds: [{ ...kind('a'), names: { en: 'A', zh: '甲' } }],
      moments: [moment({ en: 'M', zh: '时' })],
    };
    const again = { pack: 'p', names: { en: 'P2' }, kinds: [kind('a')], moments: [moment({ en: 'M2' })] };
    const { names, kinds, moments } = extended(had, again);
    expect([names, kinds[0]!.names, moments[0]!.names]).toEqual([
      { en: 'P2', zh: '包' },
      { en: 'a', zh: '甲' },
      { en: 'M2', zh: '时' },
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
    [{ n: 1, i: '2024-05-01' }, 'i'],
    [{ n: 1, i: '2024-05-01T08:00:00' }, 'i'],
    [{ n: 1, i: '2024-02-30T08:00:00Z' }, 'i'],
  ])('%j: fault %s', (attributes, fault) => {
    const check = () => checkAttributes(spec, attributes);
    if (fault === null) expect(check).not.toThrow();
    else expect(check).toThrow(new RegExp(`The attribute ${fault} of the kind a`));
  });
});
