import { setTimeout as sleep } from 'node:timers/promises';
import { holderName, SharedStore } from '@touchstone/readmodel';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { SharedLoads } from './shared-loads.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

(postgres ? describe : describe.skip)('open loads of several processes', () => {
  const TUNING = { ttlMs: 600, lookEveryMs: 20, settleMs: 1 };
  let stores: SharedStore[];
  let here: SharedLoads;
  let there: SharedLoads;
  beforeEach(async () => {
    const url = freshSchema(postgres!, 'loads');
    stores = [];
    for (const pid of [1, 2]) stores.push(await SharedStore.open({ url, holder: holderName('h', pid) }));
    [here, there] = stores.map((store) => new SharedLoads(store, TUNING)) as [SharedLoads, SharedLoads];
  });
  afterEach(async () => {
    for (const loads of [here, there]) await loads.onApplicationShutdown();
    for (const store of stores) await store.close();
  });

  /** How often the process there was told that the last load has ended. */
  const endsThere = () => {
    const told = { times: 0 };
    there.onLastEnd(() => told.times++);
    return told;
  };
  const within = async (ms: number, holds: () => boolean) => {
    for (const from = performance.now(); !holds() && performance.now() - from < ms;) await sleep(10);
    return holds();
  };

  it('are known everywhere once they have begun, for as long as they last, and their end is told once', async () => {
    const told = endsThere();
    expect([await here.look(), await there.look(), there.any]).toEqual([false, false, false]);
    const [one, two] = [await here.begin(), await there.begin()];
    two();
    // Longer than it is believed without being renewed.
    await sleep(TUNING.ttlMs + 300);
    expect([await here.look(), await there.look(), there.any, told.times]).toEqual([true, true, true, 0]);
    one();
    one();
    expect(await within(2_000, () => told.times > 0)).toBe(true);
    await sleep(60);
    expect([told.times, there.any, await here.look()]).toEqual([1, false, false]);
  });

  it('end with the time of a process that was killed, and with one that stops', async () => {
    const told = endsThere();
    await here.begin();
    // Nothing is renewed any more.
    await stores[0]!.close();
    expect(await there.look()).toBe(true);
    expect(await within(3_000, () => told.times > 0)).toBe(true);
    expect(await there.look()).toBe(false);
    await there.begin();
    await there.onApplicationShutdown();
    expect(await there.look()).toBe(false);
  });

  it('end for good, though word that they go on was still on its way', async () => {
    const [store] = stores as [SharedStore];
    const slow: Pick<SharedStore, 'query'> = {
      query: async (sql, values) => {
        if (sql.includes('insert into')) await sleep(60);
        return store.query(sql, values);
      },
    };
    const slowly = new SharedLoads(slow, { ...TUNING, ttlMs: 3_000, settleMs: 520 });
    const end = await slowly.begin();
    end();
    await sleep(200);
    expect(await there.look()).toBe(false);
  });

  it('are not taken to have ended while nobody answers', async () => {
    await here.begin();
    expect(await there.look()).toBe(true);
    await stores[1]!.close();
    await sleep(80);
    expect(there.any).toBe(true);
    await expect(there.look()).rejects.toThrow();
  });
});
