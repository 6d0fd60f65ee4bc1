import { setTimeout as sleep } from 'node:timers/promises';
import {
  LedPolicy,
  Policies,
  PublishedPolicies,
  SharedPolicyCheckpoint,
  type PolicyStatus,
} from '@touchstone/platform';
import { holderName, Leadership, Leases, SharedStore } from '@touchstone/readmodel';
import { freshSchema, postgresForSuite } from '../scripts/postgres.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

const STATUS: PolicyStatus = {
  name: 'p',
  state: 'live',
  due: 3,
  nextDue: null,
  decided: 7,
  failed: 0,
  failing: 0,
  lagMs: 0,
  lastError: null,
};

(postgres ? describe : describe.skip)('a policy that one of several processes runs', () => {
  let url: string;
  let ends: (() => Promise<void>)[];
  beforeEach(() => {
    url = freshSchema(postgres!, 'led');
    ends = [];
  });
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
  });

  /** A process of the house. */
  async function member(pid: number, isWanted: boolean) {
    const store = await SharedStore.open({ url, holder: holderName('h', pid) });
    const leadership = new Leadership(new Leases(store), () => undefined);
    const published = new PublishedPolicies(store);
    const make = () => ({
      start: () => undefined,
      stop: () => Promise.resolve(),
      status: () => Promise.resolve(STATUS),
    });
    const led = new LedPolicy({ name: 'p', make, leading: leadership, isWanted, published, tellEveryMs: 50 });
    const policies = new Policies();
    policies.add(led);
    await led.onApplicationBootstrap();
    const end = async () => {
      await led.beforeApplicationShutdown();
      await leadership.stop();
      await store.close();
    };
    ends.push(end);
    return { store, published, policies, led };
  }

  it('is shown by every process as the one that runs it tells', async () => {
    const api = await member(1, false);
    expect(await api.policies.ofHouse()).toMatchObject([{ name: 'p', state: 'waiting', holder: null, lastError: { code: 'POLICY_NOT_RUN' } }]); // prettier-ignore
    const clock = await member(2, true);
    for (let i = 0; i < 200 && (await api.policies.ofHouse())[0]!.lastError !== null; i++) await sleep(10);
    const shown = [{ ...STATUS, holder: clock.store.holder }];
    expect([await api.policies.ofHouse(), await clock.policies.ofHouse()]).toEqual([shown, shown]);
    // What a process measures of itself is its own.
    expect([await api.policies.status(), await clock.policies.status()]).toEqual([[], [STATUS]]);
    await clock.led.beforeApplicationShutdown();
    await api.store.query(`update policy_state set told_at = told_at - interval '1 minute'`);
    expect(await api.policies.ofHouse()).toMatchObject([{ state: 'waiting', holder: null, decided: 7, lastError: { code: 'POLICY_NOT_RUN' } }]); // prettier-ignore
  });

  it('is not believed by what one of an earlier term tells, which keeps no place either', async () => {
    const { store, published } = await member(1, false);
    await store.query(`select ${store.schema}.take_lease('policy:p', 'a', 0, 100)`);
    await store.query(`select ${store.schema}.take_lease('policy:p', 'b', 60000, 100)`);
    await published.tell(STATUS, { epoch: 2 });
    await published.tell({ ...STATUS, decided: 99 }, { epoch: 1 });
    expect(await published.of('p')).toMatchObject({ decided: 7, holder: 'b' });
    const checkpoint = (epoch: number) => new SharedPolicyCheckpoint(store, 'p', { name: 'policy:p', epoch });
    await checkpoint(2).save('0005');
    await expect(checkpoint(1).save('0003')).rejects.toMatchObject({ code: 'LEASE_LOST', kind: 'conflict' });
    expect(await checkpoint(1).load()).toBe('0005');
  });
});
