import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestServer } from './testing.js';

const REGISTER = `mutation R($input: RegisterCustomerInput!) { registerCustomer(input: $input) { id position } }`;
const EVENTS = `query E($first: Int!, $after: String, $types: [String!], $stream: String) {
  events(first: $first, after: $after, types: $types, stream: $stream) {
    edges { cursor node { id type stream revision position data metadata { actor { id } correlationId } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

interface Event {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly data: Record<string, unknown>;
  readonly metadata: { readonly actor: { readonly id: string }; readonly correlationId: string };
}

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  for (let i = 0; i < 12; i++) await register(i);
});
afterAll(() => server.remove());

async function register(i: number): Promise<{ id: string; position: string }> {
  const input = { name: `Secretname${i}`, segment: 'resident', identifiers: [{ type: 'account', value: `A${i}` }] };
  const headers = { 'x-actor': encodeURIComponent('客服-7'), 'x-correlation-id': `call-${i}` };
  const { data, errors } = await server.ask(REGISTER, { input }, headers);
  expect(errors).toBeUndefined();
  return data.registerCustomer as { id: string; position: string };
}

/** All events that fit, page by page. */
async function pages(first: number, filter: { types?: string[]; stream?: string } = {}): Promise<Event[]> {
  const found: Event[] = [];
  let after: string | null = null;
  for (;;) {
    const { data, errors } = await server.ask(EVENTS, { first, after, ...filter });
    expect(errors).toBeUndefined();
    found.push(...(data.events.edges as { node: Event }[]).map(({ node }) => node));
    if (!data.events.pageInfo.hasNextPage) return found;
    expect(data.events.edges).toHaveLength(first);
    after = data.events.pageInfo.endCursor as string;
  }
}

describe('the query events', () => {
  it('gives every event once and in order, whatever the page', async () => {
    const all = await pages(1000);
    expect(all.length).toBeGreaterThanOrEqual(25);
    const positions = all.map((event) => event.position);
    expect([...new Set(positions)].sort()).toEqual(positions);
    for (const first of [1, 7, all.length, all.length + 1]) expect(await pages(first)).toEqual(all);
  });

  it('filters by type, by stream and by the beginning of the stream', async () => {
    const all = await pages(1000);
    const registered = await pages(5, { types: ['CustomerRegistered'] });
    expect(registered).toHaveLength(12);
    expect(registered).toEqual(all.filter((event) => event.type === 'CustomerRegistered'));
    expect(await pages(4, { stream: 'key-' })).toEqual(all.filter((event) => event.stream.startsWith('key-')));
    const { stream } = registered[3]!;
    expect(await pages(1, { stream })).toEqual(all.filter((event) => event.stream === stream));
    expect(await pages(1, { stream, types: ['PackPublished'] })).toEqual([]);
    expect(await pages(1, { stream: stream.slice(0, -1) })).toEqual([]);
  });

  it('says who acted and in which chain, and opens what is personal', async () => {
    const [, , third] = await pages(50, { types: ['CustomerRegistered'] });
    expect(third!.metadata).toEqual({ actor: { id: '客服-7' }, correlationId: 'call-2' });
    expect(third!.data).toMatchObject({ name: 'Secretname2', segment: 'resident' });
  });

  it('while no personal value is in a file', () => {
    const files = readdirSync(server.directory, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
    expect(files.length).toBeGreaterThan(4);
    const withSecret = files.filter((f) => readFileSync(join(f.parentPath, f.name)).includes('Secretname'));
    expect(withSecret.map((f) => f.name)).toEqual([]);
  });

  it('refuses the cursor of another list', async () => {
    const { data } = await server.ask('{ customers(first: 1) { pageInfo { endCursor } } }');
    const after = data.customers.pageInfo.endCursor as string;
    const { errors } = await server.ask(EVENTS, { first: 1, after });
    expect(errors?.[0]?.extensions['code']).toBe('INVALID_CURSOR');
  });
});

const FEED = `subscription F($after: Position, $types: [String!], $stream: String) {
  events(after: $after, types: $types, stream: $stream) { id type stream revision position data metadata { actor { id } correlationId } }
}`;

/** Takes events until there are `count`, then breaks the connection off. */
async function take(count: number, variables: Record<string, unknown> = {}): Promise<Event[]> {
  const client = server.socket();
  const taken: Event[] = [];
  for await (const { data, errors } of client.iterate<{ events: Event }>({ query: FEED, variables })) {
    expect(errors).toBeUndefined();
    taken.push(data!.events);
    if (taken.length >= count) break;
  }
  await client.dispose();
  return taken;
}

/** The events as a subscription gives them: without what is personal. */
const told = (events: readonly Event[]): Event[] =>
  events.map((event) => {
    const { name: _name, identifiers: _identifiers, ...data } = event.data;
    return { ...event, data };
  });

describe('the subscription events', () => {
  it('resumes after every position, without a gap and without a repeat', async () => {
    const all = told(await pages(1000));
    expect(await take(all.length)).toEqual(all);
    for (const at of [0, 5, all.length - 2]) {
      expect(await take(all.length - at - 1, { after: all[at]!.position })).toEqual(all.slice(at + 1));
    }
  });

  it('misses nothing of a log that grows while its consumer breaks off again and again', async () => {
    const before = await pages(1000);
    const growing = (async () => {
      for (let i = 100; i < 140; i++) await register(i);
    })();
    const taken: Event[] = [];
    const wanted = before.length + 80;
    for (let turn = 0; taken.length < wanted; turn++) {
      const some = Math.min(1 + ((turn * 7) % 13), wanted - taken.length);
      taken.push(...(await take(some, { after: taken.at(-1)?.position })));
    }
    await growing;
    expect(taken).toEqual(told(await pages(1000)));
  });

  it('gives what was asked for only', async () => {
    const registered = told(await pages(1000, { types: ['CustomerRegistered'] }));
    expect(await take(10, { types: ['CustomerRegistered'] })).toEqual(registered.slice(0, 10));
    const { stream } = registered[5]!;
    expect(await take(1, { stream })).toEqual([registered[5]]);
  });

  it('leaves out what is personal', async () => {
    const taken = JSON.stringify(await take(30));
    expect(taken).toContain('resident');
    expect(taken).not.toMatch(/Secretname|"A\d|enc:/);
  });

  it('refuses a position that is none', async () => {
    const client = server.socket();
    const codes = await new Promise((resolve) => {
      client.subscribe(
        { query: FEED, variables: { after: 'zz' } },
        {
          next: ({ errors }) => resolve(errors?.map((e) => e.extensions?.['code'])),
          error: (errors) =>
            resolve(
              Array.isArray(errors) ? errors.map((e: { extensions: { code: string } }) => e.extensions.code) : errors,
            ),
          complete: () => resolve('complete'),
        },
      );
    });
    expect(codes).toEqual(['INVALID_POSITION']);
    await client.dispose();
  });

  it('sees an event that is recorded while it waits', async () => {
    const [last] = (await pages(1000)).slice(-1);
    const waiting = take(1, { after: last!.position, types: ['CustomerRegistered'] });
    const { id } = await register(500);
    expect((await waiting).map((event) => event.stream)).toEqual([`customer-${id}`]);
  });
});

describe('the end of a server', () => {
  it('does not wait for who only listens, and leaves the directory to the next', async () => {
    const first = await TestServer.start();
    const client = first.socket();
    const ended = new Promise((resolve) => {
      client.subscribe(
        { query: FEED },
        { next: () => undefined, error: () => resolve('ended'), complete: () => resolve('ended') },
      );
    });
    await expect(TestServer.start({}, first.directory)).rejects.toMatchObject({ code: 'DATA_DIRECTORY_IN_USE' });
    const start = performance.now();
    await first.close();
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(await ended).toBe('ended');
    const second = await TestServer.start({}, first.directory);
    expect(await second.ask('{ __typename }')).toMatchObject({ data: { __typename: 'Query' } });
    expect([...first.log, ...second.log]).toEqual([]);
    await second.remove();
  });
});
