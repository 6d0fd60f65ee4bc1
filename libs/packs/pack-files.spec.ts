import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPackFile, shippedPacks } from './pack-files.js';

describe('a pack file', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'touchstone-packs-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const read = async (text: string) => {
    const file = join(directory, 'own.yaml');
    await writeFile(file, text);
    return readPackFile(file);
  };
  const head = 'pack: own\nnames: { en: Own, zh: 自有 }\n';

  it('says kinds, moments and the words for experience', async () => {
    const pack = await read(`${head}
kinds:
  desk.visit:
    names: { en: Visit }
    contact: true
    visible: false
    actor: staff
    stage: F1
    attributes: &attributes { phone: { type: text, personal: true } }
  desk.return: { names: { en: Return }, attributes: *attributes }
moments:
  N-1: { polarity: negative, names: { en: N }, counter: P-1, description: { en: So. }, rule: true }
experience:
  labels: [{ id: any, names: { en: Any, zh: 皆 }, from: -2, to: 2 }]
`);
    const attributes = { phone: { type: 'text', personal: true } };
    const traits = { closes: false, contact: false, customerVisible: true };
    expect(pack).toEqual({
      pack: 'own',
      names: { en: 'Own', zh: '自有' },
      kinds: [
        {
          id: 'desk.visit',
          names: { en: 'Visit' },
          traits: { closes: false, contact: true, customerVisible: false, actor: 'staff', stage: 'F1' },
          attributes,
        },
        { id: 'desk.return', names: { en: 'Return' }, traits, attributes },
      ],
      moments: [
        {
          code: 'N-1',
          polarity: 'negative',
          names: { en: 'N' },
          counter: 'P-1',
          description: { en: 'So.' },
          rule: true,
        },
      ],
      experience: { labels: [{ id: 'any', names: { en: 'Any', zh: '皆' }, from: -2, to: 2 }] },
    });
  });

  it('may have headings with nothing below', async () => {
    expect(await read(`${head}kinds:\nmoments:\n`)).toMatchObject({ kinds: [], moments: [] });
  });

  it.each([
    ['an unknown key', `${head}kind: {}\n`, 'line 3: a pack has no key "kind"'],
    [
      'a slip in a kind',
      `${head}kinds:\n  a:\n    names: { en: A }\n    visble: false\n`,
      'line 6: kinds.a has no key "visble"; it may have names, closes, contact, visible, actor, stage, attributes',
    ],
    [
      'a slip in an attribute',
      `${head}kinds:\n  a:\n    names: { en: A }\n    attributes: { phone: { type: text, private: true } }\n`,
      'line 6: kinds.a.attributes.phone has no key "private"',
    ],
    ['a slip in names', `pack: own\nnames: { en: Own, cn: 自有 }\n`, 'line 2: names has no key "cn"'],
    [
      'a slip in a moment',
      `${head}moments:\n  N: { polarity: negative, names: { en: N }, rules: true }\n`,
      'line 4: moments.N has no key "rules"',
    ],
    [
      'a slip in a label',
      `${head}experience:\n  labels:\n    - { id: any, names: { en: Any }, form: -2, to: 2 }\n`,
      'line 5: experience.labels[0] has no key "form"',
    ],
    [
      'a slip in a rule',
      `${head}correlation:\n  repair:\n    objects: [order]\n    idlegap: 3d\n`,
      'line 6: correlation.repair has no key "idlegap"; it may have kinds, objects, idleGap, doubtful, sameCustomer',
    ],
    [
      'a gap that is no duration',
      `${head}correlation:\n  repair:\n    idleGap: 3 days\n`,
      'line 5: correlation.repair.idleGap must be a number of minutes, hours or days',
    ],
    [
      'a rule that finds nothing',
      `${head}correlation:\n  bill: { idleGap: 1d }\n  repair: { kinds: [crew.*] }\n`,
      'line 5: the rule of repair can find no journey: a second touchpoint of the same customer would open another one',
    ],
    [
      'a kind of two types',
      `${head}correlation:\n  a: { idleGap: 1d, kinds: [crew.arrived] }\n  b: { idleGap: 1d, kinds: [crew.*] }\n`,
      'line 5: the rule of b claims the kind crew.arrived, and so does the rule of a',
    ],
    [
      'a doubt without a gap',
      `${head}correlation:\n  a: { objects: [o], doubtful: 1d }\n`,
      'line 4: the rule of a says what is doubtful beyond an idle gap, but has no idle gap',
    ],
    [
      'a star in the middle',
      `${head}correlation:\n  a: { idleGap: 1d, kinds: [crew.*.done] }\n`,
      'line 4: the rule of a has the kind "crew.*.done"; a star may only stand at the end',
    ],
    [
      'joining nothing',
      `${head}correlation:\n  a: { idleGap: 1d, sameCustomer: join }\n`,
      'line 4: the rule of a says "join"',
    ],
    [
      'a default that claims kinds',
      `${head}correlation:\n  default: { idleGap: 1d, kinds: [crew.*] }\n`,
      'line 4: the rule of default is for every type of journey',
    ],
    [
      'an object twice',
      `${head}correlation:\n  a: { objects: [o, p, o] }\n`,
      'line 4: the rule of a names the object o twice',
    ],
    ['a key of every object', `${head}constructor: 1\n`, 'line 3: a pack has no key "constructor"'],
    ['a list of kinds', `${head}kinds:\n  - a\n`, 'line 4: kinds must have keys'],
    ['a kind that is a word', `${head}kinds:\n  a: visit\n`, 'line 4: kinds.a must have keys'],
    ['labels that are no list', `${head}experience: { labels: {} }\n`, 'line 3: experience.labels must be a list'],
    ['nothing', '', 'line 1: the file must have keys'],
    [
      'a value of another type',
      `${head}kinds:\n  a: { names: { en: A }, closes: often }\n`,
      '/body/kinds/0/traits/closes',
    ],
    ['no id', 'names: { en: Own }\n', 'pack'],
    ['a key twice', `${head}pack: other\n`, 'line 3: Map keys must be unique'],
    ['what is no YAML', 'pack: "own\n', 'line 2: Missing closing'],
  ])('is refused with %s, and says where', async (_case, text, fault) => {
    const message = expect.stringContaining(fault) as string;
    await expect(read(text)).rejects.toMatchObject({ code: 'PACK_FILE_INVALID', message });
    const error = (await read(text).catch((e: unknown) => e)) as Error;
    expect(error.message).toContain(join(directory, 'own.yaml'));
  });

  it('of the product can be read, each one', async () => {
    expect((await shippedPacks()).map((pack) => pack.pack)).toContain('common');
  });
});
