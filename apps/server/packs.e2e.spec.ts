import { TestServer } from './testing.js';

const PUBLISH = 'mutation ($input: PublishPackInput!) { publishPack(input: $input) { id revision position } }';
const RETIRE = 'mutation ($input: RetirePackInput!) { retirePack(input: $input) { id revision position } }';
const READ = `query ($pack: ID, $atLeast: Position) {
  packs(atLeast: $atLeast) { edges { node { id nameEn nameZh version retired shipped } } }
  kinds(pack: $pack) { edges { node { id nameZh version traits { closes } attributes { name type personal required } } } }
  momentCodes(first: 1000) { edges { node { code pack polarity counter } } }
}`;

interface Named {
  readonly id?: string;
  readonly pack?: string;
}

describe('packs over GraphQL', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.remove());

  const publish = (input: object) => server.ask(PUBLISH, { input });
  const nodes = (list: { edges: { node: Named }[] }) => list.edges.map((edge) => edge.node);
  const mine = async (atLeast?: string) => {
    const { data } = await server.ask(READ, { pack: 'mine', atLeast });
    return {
      pack: nodes(data.packs).find((node) => node.id === 'mine'),
      kinds: nodes(data.kinds),
      moments: nodes(data.momentCodes).filter((node) => node.pack === 'mine'),
    };
  };
  const phone = { name: 'phone', type: 'text', personal: true, required: false };
  const visit = { id: 'desk.visit', nameEn: 'Visit at the desk' };

  it('publishes kinds with attributes and moments; what is not given stays, personal marks most of all', async () => {
    const attributes = [
      { name: 'waited', type: 'number', required: true },
      { name: 'phone', type: 'text', personal: true },
    ];
    const moments = [
      { code: 'N-1', polarity: 'negative', nameEn: 'Sent away', counter: 'P-1' },
      { code: 'P-1', polarity: 'positive', nameEn: 'Walked along' },
    ];
    const kinds = [{ ...visit, nameZh: '到访', attributes }];
    const first = await publish({ pack: 'mine', nameEn: 'Mine', nameZh: '自有', kinds, moments });
    expect(first.errors).toBeUndefined();
    expect(first.data.publishPack).toMatchObject({ id: 'mine', revision: 0 });
    const second = await publish({ pack: 'mine', nameEn: 'Mine', kinds: [{ ...visit, closes: true }] });
    expect(await mine(second.data.publishPack.position)).toEqual({
      pack: { id: 'mine', nameEn: 'Mine', nameZh: '自有', version: 2, retired: false, shipped: false },
      kinds: [
        {
          id: 'desk.visit',
          nameZh: '到访',
          version: 2,
          traits: { closes: true },
          attributes: [phone, { name: 'waited', type: 'number', personal: false, required: true }],
        },
      ],
      moments: [
        { code: 'N-1', pack: 'mine', polarity: 'negative', counter: 'P-1' },
        { code: 'P-1', pack: 'mine', polarity: 'positive', counter: null },
      ],
    });
    const again = await publish({ pack: 'mine', nameEn: 'Mine', kinds: [{ ...visit, closes: true }] });
    expect(again.data.publishPack).toEqual(second.data.publishPack);
  });

  it.each([
    ['PACK_SHIPPED', { pack: 'common', nameEn: 'Common', kinds: [{ id: 'x', nameEn: 'X' }] }],
    ['KIND_TAKEN', { pack: 'mine', nameEn: 'Mine', kinds: [{ id: 'crew.arrived', nameEn: 'X' }] }],
    ['KIND_ID_RESERVED', { pack: 'mine', nameEn: 'Mine', kinds: [{ id: 'other', nameEn: 'Other' }] }],
    [
      'ATTRIBUTE_TWICE',
      { pack: 'mine', nameEn: 'Mine', kinds: [{ ...visit, attributes: [{ name: 'a' }, { name: 'a', type: 'text' }] }] },
    ],
    [
      'INVALID_INPUT',
      { pack: 'mine', nameEn: 'Mine', kinds: [{ ...visit, attributes: [{ name: 'a', type: 'date' }] }] },
    ],
    ['INVALID_INPUT', { pack: 'mine', nameEn: 'Mine', kinds: [{ ...visit, attributes: [{ name: '' }] }] }],
    ['INVALID_INPUT', { pack: 'mine', nameEn: '', kinds: [] }],
  ])('refuses with %s', async (code, input) => {
    expect(await server.codeOf(PUBLISH, { input })).toBe(code);
  });

  it('retires a pack with its kinds and moments, but not what ships', async () => {
    const input = { pack: 'mine', reason: 'Not in use.' };
    const { data } = await server.ask(RETIRE, { input });
    expect(data.retirePack).toMatchObject({ id: 'mine', revision: 2 });
    expect(await mine(data.retirePack.position)).toMatchObject({ pack: { retired: true }, kinds: [], moments: [] });
    expect(await server.codeOf(RETIRE, { input: { ...input, pack: 'common' } })).toBe('PACK_SHIPPED');
    expect(await server.codeOf(RETIRE, { input: { ...input, pack: 'nowhere' } })).toBe('PACK_UNKNOWN');
  });

  it('starts again without a word in the log, whatever was published and retired', async () => {
    const edited = await publish({ pack: 'mine', nameEn: 'Mine', kinds: [visit] });
    const head = async () =>
      (await server.ask('{ events(first: 1000) { edges { node { position } } } }')).data.events.edges.length as number;
    const before = await head();
    await server.close();
    server = await TestServer.start({}, server.directory);
    await server.ready();
    expect(await head()).toBe(before);
    expect(await mine(edited.data.publishPack.position)).toMatchObject({
      pack: { version: 3, retired: false },
      kinds: [{ id: 'desk.visit', attributes: [phone] }],
    });
  });
});
