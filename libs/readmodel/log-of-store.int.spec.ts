import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { Leases } from './leases.js';
import { belongTo, type LogIdentity } from './log-of-store.js';
import { holderName, SharedStore } from './shared-store.js';
import { StoreNews } from './store-news.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

(postgres ? describe : describe.skip)('the log that a PostgreSQL belongs to', () => {
  const LOG: LogIdentity = { engine: 'sqlite', firstEvent: 'e-1', firstPosition: '0000000000000001' };
  const COPY: LogIdentity = { ...LOG, engine: 'eventstoredb' };
  const refused = expect.objectContaining({ code: 'READ_STORE_OF_OTHER_LOG', kind: 'conflict' }) as Error;

  let store: SharedStore;
  beforeEach(async () => {
    store = await SharedStore.open({ url: freshSchema(postgres!, 'log'), holder: holderName('here', 1) });
  });
  afterEach(() => store.close());

  /** A generation, a place of a policy and what a projector tells, as a house leaves them. */
  async function lived(): Promise<void> {
    const { schema } = store;
    await store.query(`create schema ${schema}_journeys_3`);
    await store.query(`create table ${schema}_journeys_3.touchpoint (id bigint)`);
    await store.query('create table generation (group_name text, number integer, state text)');
    await store.query('create table last_generation (group_name text, number integer)');
    await store.query(`insert into generation values ('journeys', 3, 'active')`);
    await store.query(`insert into last_generation values ('journeys', 3)`);
    await store.query(`insert into policy_checkpoint values ('follow-ups', '7', 1, clock_timestamp())`);
    await store.query(`insert into projection_state values ('journeys', 1, '7', '{}', clock_timestamp())`);
  }
  const left = async () => {
    const [counts] = await store.query(
      `select (select count(*) from generation) as generations, (select count(*) from policy_checkpoint) as places,
         (select count(*) from projection_state) as told, (select max(number) from last_generation) as last,
         (select count(*) from pg_namespace where nspname = $1) as schemas`,
      [`${store.schema}_journeys_3`],
    );
    return counts;
  };
  const ALL = { generations: 1, places: 1, told: 1, last: 3, schemas: 1 };

  it('is the first that comes, and no other one', async () => {
    expect(await belongTo(store, () => null)).toBe(false);
    expect(await belongTo(store, () => LOG)).toBe(false);
    await lived();
    expect(await belongTo(store, () => LOG)).toBe(false);
    for (const other of [{ ...LOG, firstEvent: 'e-2' }, null])
      await expect(belongTo(store, () => other)).rejects.toEqual(refused);
    expect(await left()).toEqual(ALL);
  });

  it('is begun by one of those who start together, and the others see that', async () => {
    let hasBegun = false;
    const look = () => (hasBegun ? LOG : null);
    const first = belongTo(store, async () => {
      hasBegun = await new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 100));
      return LOG;
    });
    expect(await Promise.all([first, belongTo(store, look)])).toEqual([false, false]);
  });

  it('may move: what holds positions is made anew, once, and nobody of before writes any more', async () => {
    await belongTo(store, () => LOG);
    await lived();
    const leases = new Leases(store, 60);
    const { epoch } = (await leases.acquire('projection:journeys'))!;
    await new Promise((resolve) => setTimeout(resolve, 80));
    const both = await Promise.all([belongTo(store, () => COPY), belongTo(store, () => COPY)]);
    expect(both.sort()).toEqual([false, true]);
    expect(await left()).toEqual({ generations: 0, places: 0, told: 0, last: 3, schemas: 0 });
    // Frozen since before, and thawed.
    await expect(store.query(leases.fence('projection:journeys', epoch))).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(await belongTo(store, () => COPY)).toBe(false);
    await expect(belongTo(store, () => ({ ...COPY, firstEvent: 'e-2' }))).rejects.toEqual(refused);
  });

  it('does not move under those who have the former one', async () => {
    await belongTo(store, () => LOG);
    await lived();
    const news = new StoreNews(store);
    try {
      const member = [`${store.schema}.members`];
      const listens = `select from pg_locks where locktype = 'advisory' and classid = (hashtext($1)::bigint & 4294967295)::oid`;
      for (let i = 0; i < 500 && (await store.query(listens, member)).length === 0; i++);
      await expect(belongTo(store, () => COPY)).rejects.toEqual(refused);
    } finally {
      await news.stop();
    }
    const leases = new Leases(store);
    const { epoch } = (await leases.acquire('policy:follow-ups'))!;
    await expect(belongTo(store, () => COPY)).rejects.toThrow(store.holder);
    expect(await left()).toEqual(ALL);
    await leases.release('policy:follow-ups', epoch);
    expect(await belongTo(store, () => COPY)).toBe(true);
  });
});
