import { getIntrospectionQuery } from 'graphql';
import { TestServer } from './testing.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ GRAPHQL_MAX_COST: '5000' });
  await server.ready();
});
afterAll(() => server.remove());

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers });

describe('health and metrics', () => {
  it('is live, and ready once the read models follow the log', async () => {
    expect(await (await get('/health/live')).json()).toEqual({ status: 'live' });
    const ready = await get('/health/ready');
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
  });

  it('shows appends, read models, requests and the process', async () => {
    const metrics = await get('/metrics');
    const text = await metrics.text();
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(text).toMatch(/^touchstone_appended_events_total [1-9]/m);
    expect(text).toMatch(/^touchstone_append_duration_seconds_count [1-9]/m);
    expect(text).toContain('touchstone_projection_up{group="journeys"} 1\n');
    expect(text).toContain('touchstone_projection_lag_seconds{group="journeys"} 0\n');
    expect(text).toContain('touchstone_projection_parked_events{group="journeys"} 0\n');
    expect(text).toMatch(
      /touchstone_http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="200"\} 1/,
    );
    expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m);
  });
});

describe('read models', () => {
  it('are built anew beside the one that answers, and swapped', async () => {
    const query = 'mutation { rebuildProjection(group: "journeys") { group generation state parked } }';
    const { data, errors } = await server.ask(query);
    expect(errors).toBeUndefined();
    expect(data.rebuildProjection).toMatchObject({ group: 'journeys', generation: 'journeys-2', parked: 0 });
    await server.ready();
    const after = await server.ask(
      '{ projections { generation state cause parkedEvents { eventId } } kinds(first: 1) { edges { cursor } } }',
    );
    expect(after.data.projections).toEqual([
      { generation: 'journeys-2', state: 'LIVE', cause: null, parkedEvents: [] },
    ]);
    expect(after.data.kinds.edges).toHaveLength(1);
  });

  it('answer a retry of nothing with nothing', async () => {
    const { data } = await server.ask('mutation { retryParked(group: "journeys", stream: null) { applied waiting } }');
    expect(data.retryParked).toEqual({ applied: 0, waiting: 0 });
  });
});

describe('the explorer', () => {
  it('needs nothing from anywhere else', async () => {
    const page = await get('/');
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self';/);
    expect(page.headers.get('content-security-policy')).not.toMatch(/https?:|unsafe-eval|\*/);
    const references = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, reference]) => reference!);
    const files = references.filter((reference) => !reference.startsWith('data:'));
    expect(files.length).toBeGreaterThanOrEqual(6);
    for (const file of files) {
      expect(file).toMatch(/^\/explorer\/[a-z-]+\.(js|css)$/);
      const answer = await get(file);
      expect([file, answer.status]).toEqual([file, 200]);
      expect(answer.headers.get('content-type')).toMatch(file.endsWith('.css') ? /^text\/css/ : /^text\/javascript/);
      expect((await answer.text()).length).toBeGreaterThan(50);
    }
    const css = await (await get('/explorer/graphiql.css')).text();
    expect(css).not.toMatch(/url\(["']?https?:|@import/);
  });

  it('starts with a query that this server answers', async () => {
    const start = await (await get('/explorer/start.js')).text();
    const query = JSON.parse(/defaultQuery: (".*"),/.exec(start)![1]!) as string;
    const { data, errors } = await server.ask(query);
    expect(errors).toBeUndefined();
    expect(data.projections).toEqual([{ group: 'journeys', state: 'LIVE', lag: 0, parked: 0 }]);
    expect(data.events.edges.length).toBeGreaterThan(0);
    expect(start).not.toMatch(/https?:\/\/(?!localhost)/);
  });
});

describe('errors', () => {
  it.each([
    ['{ projections { ', 'GRAPHQL_PARSE_FAILED'],
    ['{ projections { nothing } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['query A { __typename } query B { __typename }', 'OPERATION_UNKNOWN'],
    ['query Q($n: Int!) { events(first: $n) { pageInfo { hasNextPage } } }', 'INVALID_INPUT'],
    ['{ events(first: 0) { pageInfo { hasNextPage } } }', 'INVALID_INPUT'],
    ['{ events(first: 1001) { pageInfo { hasNextPage } } }', 'INVALID_INPUT'],
    ['{ events(after: "rubbish") { pageInfo { hasNextPage } } }', 'INVALID_CURSOR'],
    ['{ events(after: "") { pageInfo { hasNextPage } } }', 'INVALID_CURSOR'],
    ['{ journey(id: "00000000-0000-0000-0000-000000000000") { id } }', 'JOURNEY_UNKNOWN'],
    ['mutation { retryParked(group: "nobody") { applied } }', 'GROUP_UNKNOWN'],
    [
      'mutation { skipParked(group: "journeys", stream: "a-1", revision: 0, reason: "x") { applied } }',
      'PARKED_NOT_FOUND',
    ],
    [
      'mutation { skipParked(group: "journeys", stream: "a-1", revision: -1, reason: "") { applied } }',
      'INVALID_INPUT',
    ],
  ])('%s: %s', async (query, code) => {
    const { errors } = await server.ask(query);
    expect(errors?.map((e) => e.extensions['code'])).toEqual([code]);
    expect(errors?.[0]?.extensions['kind']).toMatch(/^(invalid|notFound)$/);
    expect(errors?.[0]?.extensions).not.toHaveProperty('stacktrace');
  });

  it('name the input that is wrong', async () => {
    const { errors } = await server.ask('{ events(first: 0) { pageInfo { hasNextPage } } }');
    expect(errors?.[0]?.extensions['details']).toEqual({
      faults: [{ path: 'first', message: 'first must not be less than 1' }],
    });
  });

  it.each([
    ['a broken body', { body: '{broken' }, 400, 'INVALID_JSON'],
    ['a body of 10 MB', { body: JSON.stringify({ query: ' '.repeat(10_000_000) }) }, 413, 'PAYLOAD_TOO_LARGE'],
    ['several operations at once', { body: '[{"query":"{__typename}"}]' }, 400, 'BAD_REQUEST'],
    [
      'what a form of another page could send',
      { body: '{"query":"{__typename}"}', type: 'text/plain' },
      400,
      'BAD_REQUEST',
    ],
    ['an unreadable actor', { body: '{"query":"{__typename}"}', headers: { 'x-actor': '%zz' } }, 400, 'INVALID_HEADER'],
  ])('answer %s with a code', async (_what, request, status, code) => {
    const {
      body,
      type = 'application/json',
      headers = {},
    } = request as {
      body: string;
      type?: string;
      headers?: Record<string, string>;
    };
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body,
    });
    const answer = (await response.json()) as { errors: { extensions: { code: string; kind: string } }[] };
    expect([response.status, answer.errors[0]?.extensions.code]).toEqual([status, code]);
    expect(answer.errors[0]?.extensions.kind).toMatch(/^(invalid|limit)$/);
  });

  it('outside of GraphQL have the same shape', async () => {
    const nothing = await get('/nothing-here');
    expect([nothing.status, await nothing.json()]).toEqual([
      404,
      { error: { code: 'NOT_FOUND', kind: 'notFound', message: 'Cannot GET /nothing-here.' } },
    ]);
  });

  it('leave the correlation id as the caller gave it', async () => {
    const { headers } = await server.ask('{ __typename }', {}, { 'x-correlation-id': 'case-7' });
    expect(headers.get('x-correlation-id')).toBe('case-7');
  });
});

describe('limits', () => {
  it('let tools read the schema', async () => {
    const { data, errors } = await server.ask(getIntrospectionQuery());
    expect(errors).toBeUndefined();
    expect(data.__schema.queryType.name).toBe('Query');
  });

  it.each([
    [
      'plain',
      `{ journeys(first: 1) { edges { node ${'{ customer { journeys(first: 1) { edges { node '.repeat(5)} { id } ${'} } } }'.repeat(5)} } } }`,
    ],
    ['of types', `{ __type(name: "Query") { ${'ofType { '.repeat(40)} name ${'} '.repeat(40)} } }`],
  ])('refuse absurd depth, %s', async (_what, query) => {
    const answer = await server.ask(query);
    expect(answer.status).toBe(400);
    expect(answer.errors?.map((e) => e.extensions)).toContainEqual({ code: 'QUERY_TOO_DEEP', kind: 'limit' });
  });

  it.each([
    [
      'a long list of long lists',
      '{ journeys(first: 1000) { edges { node { timeline(first: 1000) { edges { cursor } } } } } }',
    ],
    [
      'the same under a hundred names',
      `{ ${Array.from({ length: 100 }, (_, i) => `a${i}: events(first: 100) { edges { cursor } }`).join(' ')} }`,
    ],
  ])('refuse absurd cost: %s', async (_what, query) => {
    expect(await server.codeOf(query)).toBe('QUERY_TOO_COSTLY');
  });

  it('count "first" from a variable', async () => {
    const query = 'query Q($n: Int!) { events(first: $n) { edges { node { id type stream position } } } }';
    expect(await server.codeOf(query, { n: 1 })).toBeUndefined();
    expect(await server.codeOf(query, { n: 1000 })).toBe('QUERY_TOO_COSTLY');
  });

  it('do not even parse a document of absurd length', async () => {
    expect(await server.codeOf(`{ ${'__typename '.repeat(6_000)} }`)).toBe('QUERY_TOO_LARGE');
    expect(await server.codeOf(`${'{ events '.repeat(20_000)}`)).toBe('QUERY_TOO_LARGE');
  });

  it('hold on a socket too', async () => {
    const client = server.socket();
    const codes: unknown[] = [];
    for (const query of [
      `{ __type(name: "Query") { ${'ofType { '.repeat(40)} name ${'} '.repeat(40)} } }`,
      '{ journeys(first: 1000) { edges { node { timeline(first: 1000) { edges { cursor } } } } } }',
      'subscription { events(after: "?") { id } }',
      `{ ${'__typename '.repeat(6_000)} }`,
      '{ nothing }',
    ]) {
      await new Promise<void>((resolve) => {
        client.subscribe(
          { query },
          {
            next: ({ errors }) => codes.push(errors?.[0]?.extensions?.['code']),
            error: (errors) => {
              codes.push((errors as { extensions: { code: string } }[])[0]?.extensions.code);
              resolve();
            },
            complete: resolve,
          },
        );
      });
    }
    expect(codes).toEqual([
      'QUERY_TOO_DEEP',
      'QUERY_TOO_COSTLY',
      'INVALID_INPUT',
      'QUERY_TOO_LARGE',
      'GRAPHQL_VALIDATION_FAILED',
    ]);
    await client.dispose();
  });
});

describe('who may ask', () => {
  const upgrade = (headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const client = server.socket(headers);
      client.subscribe(
        { query: '{ __typename }' },
        {
          next: () => resolve('answered'),
          error: (event) => resolve(`closed ${(event as { code?: number }).code}`),
          complete: () => void client.dispose(),
        },
      );
    });

  it('a program and our own page, over a socket', async () => {
    expect(await upgrade({})).toBe('answered');
    expect(await upgrade({ origin: server.url })).toBe('answered');
  });

  it.each([
    ['a page of another site', { origin: 'https://evil.example' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
    ['a page without an origin of its own', { origin: 'null' }],
    ['a name that was made to point here', { host: 'evil.example' }],
  ])('not %s, over a socket', async (_who, headers) => {
    expect(await upgrade(headers as Record<string, string>)).toBe('closed 4403');
  });

  it('nobody by a name that is not ours, over HTTP', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(`${server.url}/health/live`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });
});
