import pg from 'pg';
import { freshSchema, postgresForSuite, type TestPostgres } from '../../scripts/postgres.js';
import { ProjectorHost } from './projector-host.js';
import { fill, TestDirectory, type TestLog } from './spec/toy-log.js';
import type { ToyData } from './spec/toy-projector.worker.js';

const worker = new URL('./dist/spec/toy-projector.worker.js', import.meta.url);

describe('a projector thread on PostgreSQL', () => {
  let server: TestPostgres | null;
  let directory: TestDirectory;
  let log: TestLog;
  let deaths: string[];
  let host: ProjectorHost;

  beforeAll(async () => {
    server = await postgresForSuite();
  });
  afterAll(() => server?.stop());

  beforeEach(async () => {
    directory = new TestDirectory();
    log = await directory.log();
  });
  afterEach(() => directory.remove());

  async function start(): Promise<void> {
    deaths = [];
    host = await ProjectorHost.start({
      worker,
      directory: freshSchema(server!, 'lost'),
      groups: ['toys'],
      data: () => ({ data: { file: log.file } satisfies ToyData }),
      tuning: { watchEveryMs: 20, backoffMs: 5 },
      onDeath: (error) => deaths.push(error.message),
    });
    directory.closing(host, () => host.stop());
  }

  const projected = async () => host.waitFor('toys', await log.head(), { timeoutMs: 15_000 });

  /** As a restart of the server, or whoever looks after it, ends them. */
  async function endConnections(): Promise<void> {
    const client = new pg.Client(server!.url);
    await client.connect();
    const ended = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'touchstone read store'`,
    );
    await client.end();
    expect(ended.rowCount).toBeGreaterThan(0);
  }

  it('whose connection is ended goes on with another one, and takes everything once', async () => {
    if (!server) return;
    await start();
    await fill(log, 50);
    await projected();
    for (let round = 0; round < 2; round++) {
      await endConnections();
      await fill(log, 50);
      await projected();
    }
    expect(deaths.length).toBeGreaterThan(0);
    expect(deaths[0]).toContain('read store');
    const [status] = await host.status();
    expect(status).toMatchObject({ checkpoint: await log.head(), parked: 0 });
  });

  it('rebuilds with another connection when the one to all generations was ended', async () => {
    if (!server) return;
    await start();
    await fill(log, 20);
    await projected();
    await endConnections();
    await expect(host.rebuild('toys')).rejects.toThrow();
    await fill(log, 20);
    await projected();
    expect(await host.rebuild('toys')).toMatchObject({ state: 'active' });
  });
});
