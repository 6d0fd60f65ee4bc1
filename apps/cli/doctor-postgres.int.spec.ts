import pg from 'pg';
import { belongTo, SharedStore, type LogIdentity } from '@touchstone/readmodel';
import { freshSchema, postgresForSuite, type TestPostgres } from '../../scripts/postgres.js';
import { readStoreFindings } from './doctor-engines.js';

describe('the doctor at a PostgreSQL', () => {
  let server: TestPostgres | null;
  beforeAll(async () => {
    server = await postgresForSuite();
  });
  afterAll(() => server?.stop());

  it('finds it well, and who has which lease in the schema of the address', async () => {
    if (!server) return;
    const url = freshSchema(server, 'doctor');
    const before = await readStoreFindings(url);
    expect(before.filter(({ level }) => level === 'warn' || level === 'fail')).toEqual([]);
    expect(before.map(({ code }) => code)).not.toContain('LEASE');

    const store = await SharedStore.open({ url, holder: 'here/1/x' });
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`select ${store.schema}.take_lease('projection:a', 'here/1/x', 60000, 1000)`);
    await client.query(`select ${store.schema}.take_lease('projection:b', 'there/2/y', 1, 1000)`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const leases = (await readStoreFindings(url)).filter(({ code }) => code.startsWith('LEASE'));
    expect(leases.map(({ code }) => code)).toEqual(['LEASE', 'LEASE_FREE']);
    expect(leases[0]!.message).toContain('here/1/x');
    await client.end();
    await store.close();
  });

  it('knows which log its read models are of', async () => {
    if (!server) return;
    const url = freshSchema(server, 'log');
    const log = { engine: 'sqlite', firstEvent: 'a', firstPosition: '0000000000000001' } as const;
    const store = await SharedStore.open({ url, holder: 'here/1/x' });
    const found = async (of?: LogIdentity | null) =>
      (await readStoreFindings(url, of))
        .filter(({ code }) => /_LOG$/.test(code))
        .map(({ level, code }) => `${level} ${code}`);
    expect(await found(log)).toEqual([]);
    await belongTo(store, () => log);
    expect(await found(log)).toEqual(['ok READ_STORE_LOG']);
    expect(await found({ ...log, engine: 'eventstoredb' })).toEqual(['warn READ_STORE_OF_OTHER_LOG']);
    for (const other of [{ ...log, firstEvent: 'b' }, null])
      expect(await found(other)).toEqual(['fail READ_STORE_OF_OTHER_LOG']);
    expect(await found(undefined)).toEqual([]);
    await store.close();
  });
});
