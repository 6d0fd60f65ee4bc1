import { Output } from '../apps/cli/output.js';
import { runCli } from '../apps/cli/program.js';
import { Kept } from '../apps/cli/testing.js';
import { TestServer } from '../apps/server/testing.js';

/** Objects as people look for them: a list over the API, and the command line. */
describe('things that many share', () => {
  let server: TestServer;
  const customers: string[] = [];
  let factId = '';
  beforeAll(async () => {
    server = await TestServer.start();
    const run = async (name: string, input: object, fields = 'id entryId') => {
      const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
      const { data, errors } = await server.ask(`mutation ($i: ${type}!) { done: ${name}(input: $i) { ${fields} } }`, { i: input }); // prettier-ignore
      expect(errors).toBeUndefined();
      return data.done as { id: string; entryId: string };
    };
    await run('publishPack', { pack: 'o', nameEn: 'O', kinds: [{ id: 'o.down', nameEn: 'Down' }] }, 'id');
    for (const value of ['1', '2', '3']) {
      customers.push((await run('registerCustomer', { identifiers: [{ type: 'phone', value }] }, 'id')).id);
    }
    await run('openJourney', { journeyType: 'o', customerId: customers[0] }, 'id');
    for (const id of ['M-1', 'M-2', 'M%3', 'N-1']) await run('changeObject', { object: { type: 'meter', id }, attributes: { phase: 3 } }); // prettier-ignore
    const outage = { type: 'out-age', id: 'O-1' };
    await run('linkObjects', { object: outage, objects: [{ type: 'meter', id: 'M-1', conveys: true }] });
    await run('linkObjects', { object: { type: 'meter', id: 'M-1' }, customers: customers.map((customerId) => ({ customerId })) }); // prettier-ignore
    factId = (await run('recordObjectFact', { object: outage, kind: 'o.down', audience: { linked: 'THROUGH_OBJECTS' } })).entryId; // prettier-ignore
    await server.ready();
  });
  afterAll(() => server.remove());

  interface Listed {
    readonly edges: { readonly node: { readonly id: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  }
  const ask = (args: string) =>
    server.ask(`{ objects(${args}) { edges { node { type id attributes } } pageInfo { hasNextPage endCursor } } }`);
  const list = async (args: string) => (await ask(args)).data.objects as Listed;
  const ids = (page: Listed) => page.edges.map(({ node }) => node.id);
  const cli = async (...args: string[]) => {
    const [out, err] = [new Kept(), new Kept()];
    const parts = { out: new Output(out, err), env: {}, signal: new AbortController().signal };
    const code = await runCli(['object', ...args, '--server', server.url], parts);
    return { code, out: out.text, err: err.text };
  };

  it('are listed by type and by how their ids begin, page by page', async () => {
    expect(ids(await list('first: 10'))).toEqual(['M%3', 'M-1', 'M-2', 'N-1', 'O-1']);
    expect(ids(await list('type: "meter", first: 10'))).toEqual(['M%3', 'M-1', 'M-2', 'N-1']);
    expect(ids(await list('type: "meter", idPrefix: "M-", first: 10'))).toEqual(['M-1', 'M-2']);
    expect(ids(await list('type: "meter", idPrefix: "M%", first: 10'))).toEqual(['M%3']);
    expect(ids(await list('type: "out-age", first: 10'))).toEqual(['O-1']);
    expect(ids(await list('type: "met", first: 10'))).toEqual([]);
    expect((await ask('idPrefix: "M"')).errors![0]!.extensions['code']).toBe('OBJECT_TYPE_MISSING');
    const found: string[] = [];
    for (let after = ''; ;) {
      const page = await list(`first: 2${after}`);
      found.push(...ids(page));
      if (!page.pageInfo.hasNextPage) break;
      after = `, after: "${page.pageInfo.endCursor}"`;
    }
    expect(found).toEqual(['M%3', 'M-1', 'M-2', 'N-1', 'O-1']);
  });

  it('are shown on the command line, with their facts, whom these concerned, and the journeys of those', async () => {
    const shown = await cli('out-age', 'O-1', '--json');
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(shown.out)).toMatchObject({
      type: 'out-age',
      links: [{ object: { type: 'meter', id: 'M-1' }, conveys: true }],
      timeline: [
        { form: 'LINKED', linkCount: 1 },
        { id: factId, form: 'FACT', fact: { kind: 'o.down', shared: { audienceSize: { size: 3, exact: true } } } },
      ],
      hasNextPage: false,
    });
    const text = await cli('show', 'out-age', 'O-1');
    expect(text.out).toMatch(/conveys to meter M-1/);
    expect(text.out).toMatch(/o\.down .*3 customers/);
    expect((await cli('meter', 'M-2')).out).toMatch(/^meter M-2: phase=3/);
    expect(await cli('meter', 'nowhere')).toMatchObject({ code: 1, err: expect.stringMatching(/^OBJECT_UNKNOWN: /) as string }); // prettier-ignore

    const first = await cli('audience', factId, '--first', '2', '--json');
    const page = JSON.parse(first.out) as { audience: { customerId: string; journeys: object[] }[]; endCursor: string };
    expect(page).toMatchObject({ hasNextPage: true });
    const rest = await cli('audience', factId, '--first', '2', '--after', page.endCursor, '--json');
    const all = [...page.audience, ...(JSON.parse(rest.out) as typeof page).audience];
    expect(all.map(({ customerId }) => customerId)).toEqual(customers);
    expect(all.map(({ journeys }) => journeys.length)).toEqual([1, 0, 0]);
    expect((await cli('audience', factId)).out).toMatch(/linked .*\(open\)/);
    expect(await cli('list', '--type', 'meter', '--prefix', 'M-')).toMatchObject({ code: 0, out: expect.stringMatching(/M-1[\s\S]*M-2/) as string }); // prettier-ignore
    expect((await cli('--help')).out).toMatch(/object audience/);
  });
});
