import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type TestPostgres } from '../../scripts/postgres.js';
import { Campaign, type Term } from './campaign.js';
import { fenceAt, underLease } from './fence.js';
import { LEASE_TTL_MS, Leases } from './leases.js';
import { holderName, leaseLostIn, SharedStore } from './shared-store.js';

/** What is promised. */
const FAIL_OVER_MS = 10_000;
/** Shorter than in earnest, so that nobody waits long: what is left of ten seconds grows by the difference. */
const TTL_MS = 1_000;
const CHILD = fileURLToPath(new URL('./dist/spec/lease-holder.child.js', import.meta.url));

let postgres: TestPostgres;
let url: string;
let schemas = 0;
const closing: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());
beforeEach(() => {
  url = `${postgres.url}?schema=leases_${process.pid}_${++schemas}`;
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(holder = holderName('test', process.pid), ttlMs?: number) {
  const store = await SharedStore.open({ url, holder });
  closing.push(() => store.close());
  return { store, leases: new Leases(store, ttlMs) };
}

async function until<T>(what: string, find: () => T | undefined | Promise<T | undefined>, withinMs: number) {
  const from = performance.now();
  for (;;) {
    const found = await find();
    if (found !== undefined) return { found, ms: performance.now() - from };
    if (performance.now() - from > withinMs) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await sleep(10);
  }
}

/** A process of its own that wants the lease. */
class Contender {
  readonly said: Record<string, unknown>[] = [];

  private constructor(private readonly child: ChildProcess) {
    let rest = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.said.push(JSON.parse(line) as Record<string, unknown>);
    });
  }

  static start(mode: 'steady' | 'inside'): Contender {
    const child = spawn(process.execPath, [CHILD, url, 'work', mode, String(TTL_MS)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const contender = new Contender(child);
    closing.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    });
    return contender;
  }

  hears(text: 'stop' | 'commit'): void {
    this.child.stdin!.write(`${text}\n`);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async saying(key: string, withinMs = FAIL_OVER_MS): Promise<{ value: unknown; ms: number }> {
    const { found, ms } = await until(`"${key}"`, () => this.said.find((line) => key in line), withinMs);
    return { value: found[key], ms };
  }
}

async function table(): Promise<SharedStore> {
  const { store } = await open();
  await store.query('create table written (id bigint generated always as identity, epoch bigint not null)');
  return store;
}
const epochs = (store: SharedStore) =>
  store
    .query<{ epoch: number }>('select epoch from written order by id')
    .then((rows) => rows.map(({ epoch }) => epoch));

describe('a lease', () => {
  it('has one holder, and an epoch that grows with every taking', async () => {
    const [a, b] = [await open('a'), await open('b')];
    expect(await a.leases.acquire('work')).toEqual({ epoch: 1 });
    expect(await b.leases.acquire('work')).toBeNull();
    expect(await a.leases.acquire('work')).toBeNull();
    expect(await b.leases.acquire('other')).toEqual({ epoch: 1 });
    expect(await b.leases.renew('work', 1)).toBe(false);
    expect(await a.leases.renew('work', 1)).toBe(true);
    await b.leases.release('work', 2);
    expect(await b.leases.acquire('work')).toBeNull();
    await a.leases.release('work', 1);
    expect(await b.leases.acquire('work')).toEqual({ epoch: 2 });
    expect(await a.leases.renew('work', 1)).toBe(false);
    expect(await a.leases.list()).toEqual([
      expect.objectContaining({ name: 'other', holder: 'b', epoch: 1, isCurrent: true }),
      expect.objectContaining({ name: 'work', holder: 'b', epoch: 2, isCurrent: true }),
    ]);
  });

  it('goes to one of many who want it at the same moment', async () => {
    const many = await Promise.all(Array.from({ length: 6 }, (_, i) => open(`p${i}`)));
    for (let epoch = 1; epoch <= 5; epoch++) {
      const taken = await Promise.all(many.map(({ leases }) => leases.acquire('work')));
      expect(taken.filter(Boolean)).toEqual([{ epoch }]);
      await many[0]!.leases.release('work', epoch);
    }
  });

  it('runs out by the clock of PostgreSQL, and is not renewed then', async () => {
    const [a, b] = [await open('a', 200), await open('b', 200)];
    await a.leases.acquire('work');
    const { ms } = await until('expiry', async () => (await b.leases.acquire('work')) ?? undefined, 2_000);
    expect(ms).toBeGreaterThan(100);
    expect(await a.leases.renew('work', 1)).toBe(false);
  });

  it('its fence refuses every epoch but the current one', async () => {
    const { store, leases } = await open('a');
    await leases.acquire('work');
    await store.query(leases.fence('work', 1));
    for (const [name, epoch] of [
      ['work', 0],
      ['work', 2],
      ['none', 1],
    ] as const) {
      const refused = store.query(leases.fence(name, epoch));
      await expect(refused).rejects.toMatchObject({ code: 'LEASE_LOST', kind: 'conflict' });
    }
    const address = underLease(url, { name: 'work', epoch: 1 });
    expect(fenceAt(address)).toBe(leases.fence('work', 1));
    expect(fenceAt(url)).toBeNull();
    // Another schema of the same house stands behind the same lease.
    const elsewhere = new URL(address);
    elsewhere.searchParams.set('schema', 'another');
    expect(fenceAt(elsewhere.href)).toBe(leases.fence('work', 1));
    expect(() => leases.fence("x'; drop table lease; --", 1)).toThrow(/no name of a lease/);
  });

  it('changes hands only after a transaction that passed the fence has ended', async () => {
    const [a, b] = [await open('a', 100), await open('b', 100)];
    await a.leases.acquire('work');
    const client = await a.store.connect();
    closing.push(() => client.end());
    await client.query('begin');
    await client.query(a.leases.fence('work', 1));
    await sleep(150);
    let hasTaken = false;
    const taking = b.leases.acquire('work').finally(() => (hasTaken = true));
    await sleep(100);
    expect(hasTaken).toBe(false);
    await client.query('create table written_last (n int)');
    await client.query('commit');
    expect(await taking).toEqual({ epoch: 2 });
    await client.query('begin');
    const late = await client.query(a.leases.fence('work', 1)).catch((error: unknown) => leaseLostIn(error));
    expect(late).toMatchObject({ code: 'LEASE_LOST' });
  });
});

describe('who wants a lease', () => {
  it('is told that it is lost before anybody else can have it, also when PostgreSQL does not answer', async () => {
    const ttlMs = 900;
    const [a, b] = [await open('a', ttlMs), await open('b', ttlMs)];
    const terms: Term[] = [];
    const campaign = new Campaign({
      leases: a.leases,
      name: 'work',
      tryEveryMs: 50,
      work: (term) => {
        terms.push(term);
        // It takes its time to end: else the lease would be given back at once.
        return new Promise((resolve) => term.lost.addEventListener('abort', () => setTimeout(resolve, ttlMs)));
      },
    }).start();
    closing.push(() => campaign.stop());
    await until('a term', () => terms[0], 2_000);
    // It is kept for longer than it holds.
    await sleep(2 * ttlMs);
    expect(terms).toHaveLength(1);
    expect(terms[0]!.lost.aborted).toBe(false);
    a.leases.renew = () => sleep(500).then(() => Promise.reject(new Error('no answer')));
    await until('the loss', () => (terms[0]!.lost.aborted ? true : undefined), ttlMs);
    expect(await b.leases.acquire('work')).toBeNull();
    expect(terms[0]!.lost.reason).toMatchObject({ code: 'LEASE_LOST' });
    await until('expiry', async () => (await b.leases.acquire('work')) ?? undefined, 2 * ttlMs);
  });

  it('keeps it over a restart of PostgreSQL that is short, and has it again after a long one', async () => {
    if (postgres.pid === undefined) return; // Only a server of our own may be ended.
    const { leases } = await open('a', 2_000);
    const terms: Term[] = [];
    const work = (term: Term) => {
      terms.push(term);
      return new Promise<void>((resolve) => term.lost.addEventListener('abort', () => resolve()));
    };
    const campaign = new Campaign({ leases, name: 'work', work, tryEveryMs: 50 }).start();
    closing.push(() => campaign.stop());
    await until('a term', () => terms[0], 2_000);
    await postgres.kill();
    await postgres.restart();
    await sleep(2_000);
    expect(terms.map(({ epoch }) => epoch)).toEqual([1]);
    await postgres.kill();
    await until('the loss', () => (terms[0]!.lost.aborted ? true : undefined), 4_000);
    await postgres.restart();
    await until('a second term', () => terms[1], FAIL_OVER_MS);
    expect(terms[1]!.epoch).toBe(2);
  });

  it('takes over from one that was killed within ten seconds', async () => {
    const store = await table();
    const writtenBy = (epoch: number) =>
      until('a row', async () => ((await epochs(store)).includes(epoch) ? true : undefined), FAIL_OVER_MS);
    const first = Contender.start('steady');
    expect((await first.saying('term')).value).toBe(1);
    await writtenBy(1);
    const second = Contender.start('steady');
    first.signal('SIGKILL');
    const { value, ms } = await second.saying('term');
    expect(value).toBe(2);
    expect(ms).toBeLessThan(FAIL_OVER_MS - LEASE_TTL_MS + TTL_MS);
    await writtenBy(2);
    const third = Contender.start('steady');
    second.hears('stop');
    expect((await third.saying('term')).value).toBe(3);
    await writtenBy(3);
    const written = await epochs(store);
    expect(written).toEqual([...written].sort((x, y) => x - y));
    expect(new Set(written)).toEqual(new Set([1, 2, 3]));
  });

  it('takes over from one that is frozen, which writes nothing when it thaws', async () => {
    const store = await table();
    const first = Contender.start('steady');
    await first.saying('term');
    const second = Contender.start('steady');
    await sleep(300);
    first.signal('SIGSTOP');
    const { value, ms } = await second.saying('term');
    expect(value).toBe(2);
    expect(ms).toBeLessThan(FAIL_OVER_MS - LEASE_TTL_MS + TTL_MS);
    first.signal('SIGCONT');
    expect((await first.saying('refused')).value).toBe('LEASE_LOST');
    await first.saying('lost');
    const written = await epochs(store);
    expect(written).toEqual([...written].sort((x, y) => x - y));
  });

  it('takes over from one that froze in the middle of a transaction, of which nothing remains', async () => {
    const store = await table();
    const first = Contender.start('inside');
    await first.saying('inside');
    first.signal('SIGSTOP');
    const second = Contender.start('steady');
    const { value, ms } = await second.saying('term');
    expect(value).toBe(2);
    expect(ms).toBeLessThan(FAIL_OVER_MS - LEASE_TTL_MS + TTL_MS);
    first.signal('SIGCONT');
    first.hears('commit');
    await first.saying('refused');
    await until('a row', async () => ((await epochs(store)).length > 0 ? true : undefined), 2_000);
    expect(new Set(await epochs(store))).toEqual(new Set([2]));
  });
});
