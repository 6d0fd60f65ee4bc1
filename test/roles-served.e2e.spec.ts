import { freshSchema, postgresForSuite } from '../scripts/postgres.js';
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { ROLES } from '@touchstone/platform';
import { notServedHere, roleOfPath } from '../apps/server/roles.js';
import { TestServer } from '../apps/server/testing.js';

describe('the roles of a process', () => {
  it.each([
    ['/health/ready', null],
    ['/metrics', null],
    ['/feed?after=0', 'delivery'],
    ['/schemas/TouchpointRecorded/1.json', 'delivery'],
    ['/asyncapi.json', 'delivery'],
    ['/graphql', 'api'],
    ['/events', 'api'],
    ['/imports/xes', 'api'],
    ['/feedback', 'api'],
    ['/', 'api'],
  ])('say who answers %s', (url, role) => expect(roleOfPath(url)).toBe(role));

  it('are named to who asks at the wrong one', () => {
    expect(notServedHere('delivery', ROLES.slice(0, 2))).toMatchObject({
      code: 'ROLE_NOT_HERE',
      kind: 'notFound',
      message: 'This process has the roles api, projector: ask one that has the role delivery.',
    });
  });
});

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

(postgres ? describe : describe.skip)('processes that share the work', () => {
  let esdb: FaultyEsdb;
  let env: Record<string, string>;
  const servers: TestServer[] = [];
  beforeAll(async () => {
    esdb = await FaultyEsdb.start();
    env = { EVENT_LOG_URL: esdb.url, READ_STORE_URL: freshSchema(postgres!, 'roles') };
  });
  afterAll(async () => {
    for (const server of servers.reverse()) await server.remove();
    await esdb.down();
  });
  const start = async (roles: string) => {
    const server = await TestServer.start({ ...env, ROLES: roles });
    servers.push(server);
    return server;
  };
  const status = async (server: TestServer, path: string) => {
    const response = await fetch(`${server.url}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  interface Lease {
    readonly name: string;
    readonly holder: string;
    readonly epoch: number;
    readonly isCurrent: boolean;
  }
  const leases = async (server: TestServer): Promise<Lease[]> =>
    (await server.ask('{ leases { name holder epoch isCurrent } }')).data.leases;
  const until = async <T>(find: () => Promise<T | undefined>, withinMs = 10_000): Promise<T> => {
    for (const from = performance.now(); ;) {
      const found = await find();
      if (found !== undefined) return found;
      if (performance.now() - from > withinMs) throw new Error('It did not happen in time.');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('serve what their roles are, say what they are not, and do each thing once', async () => {
    const [api, delivery] = [await start('api'), await start('delivery')];
    // Nobody keeps the read models up yet.
    expect(await status(api, '/health/ready')).toMatchObject({
      status: 503,
      body: { reasons: [expect.stringContaining('head of the log')] },
    });
    expect((await api.ask('{ projections { group state holder cause } }')).data.projections).toEqual([
      { group: 'journeys', state: 'FAILED', holder: null, cause: expect.stringContaining('role projector') as unknown },
    ]);
    const worker = await start('projector,clock');
    const second = await start('projector,clock');
    const taken = await until(async () => {
      const all = await leases(api);
      return all.length === 3 && all.every(({ isCurrent }) => isCurrent) ? all : undefined;
    });
    expect(taken.map(({ name }) => name)).toEqual(['policy:follow-ups', 'policy:rule-moments', 'projection:journeys']);
    expect(new Set(taken.map(({ holder }) => holder)).size).toBe(1);
    expect(taken.map(({ epoch }) => epoch)).toEqual([1, 1, 1]);

    for (const server of [worker, second]) {
      expect((await status(server, '/health/live')).status).toBe(200);
      await until(async () => ((await status(server, '/health/ready')).status === 200 ? true : undefined));
      expect(await status(server, '/feed')).toMatchObject({ status: 404, body: { error: { code: 'ROLE_NOT_HERE' } } });
      expect(await server.codeOf('{ projections { group } }')).toBe('ROLE_NOT_HERE');
    }
    expect(await status(delivery, '/feed?wait=0')).toMatchObject({ status: 200 });
    expect(await delivery.codeOf('{ projections { group } }')).toBe('ROLE_NOT_HERE');
    expect(await status(api, '/feed')).toMatchObject({
      status: 404,
      body: { error: { message: 'This process has the roles api: ask one that has the role delivery.' } },
    });
    expect(await overSocket(api, 'subscription { events { id } }')).toBe('ROLE_NOT_HERE');
    expect(await overSocket(delivery, '{ projections { group } }')).toBe('ROLE_NOT_HERE');
    expect(await overSocket(api, '{ projections { group } }')).toBeUndefined();

    const metrics = (server: TestServer) => fetch(`${server.url}/metrics`).then((response) => response.text());
    const [mine, others] = [await metrics(worker), await metrics(second)];
    expect(mine).toContain('touchstone_lease_held{name="projection:journeys"} 1');
    expect(others).toContain('touchstone_lease_held{name="projection:journeys"} 0');
    expect(others).toContain('touchstone_lease_epoch{name="projection:journeys"} 1');

    // In order: the other one has it at once.
    const from = performance.now();
    await worker.close();
    const after = await until(async () => {
      const all = await leases(api);
      return all.every(({ epoch, isCurrent }) => epoch === 2 && isCurrent) ? all : undefined;
    });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(after[0]!.holder).not.toBe(taken[0]!.holder);
  }, 60_000);
});

/** The code of the first error of an operation over a socket; undefined: it was answered. */
async function overSocket(server: TestServer, query: string): Promise<unknown> {
  const client = server.socket();
  try {
    return await new Promise((resolve, reject) =>
      client.subscribe(
        { query },
        {
          next: ({ errors }) => resolve(errors?.[0]?.extensions?.['code']),
          error: (errors) => {
            const [first] = errors as readonly { extensions?: Record<string, unknown> }[];
            if (first) resolve(first.extensions?.['code']);
            else reject(new Error(String(errors)));
          },
          complete: () => resolve(undefined),
        },
      ),
    );
  } finally {
    await client.dispose();
  }
}
