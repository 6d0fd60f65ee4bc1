import { TouchstoneError } from '@touchstone/eventing/pure';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { Leases } from './leases.js';
import type { Projections } from './projections.js';
import { PublishedProjections } from './published-projections.js';
import { leaseOfGroup, SharedProjections } from './shared-projections.js';
import { SharedStore } from './shared-store.js';
import { StoreNews } from './store-news.js';
import { CheckpointWaits } from './waits.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

let url: string;
const closing: (() => Promise<unknown> | void)[] = [];
beforeEach(() => {
  if (postgres) url = freshSchema(postgres, 'projections');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const at = (n: number) => n.toString(16).padStart(16, '0');
const STATUS = { group: 'toys', generation: 'toys-1', head: at(9), lagMs: 0, parked: 1, skipped: 0, state: 'live', cause: null, eventsPerSecond: 3, building: null } as const; // prettier-ignore

async function open(holder: string) {
  const store = await SharedStore.open({ url, holder });
  const news = new StoreNews(store);
  closing.push(async () => {
    await news.stop();
    await store.close();
  });
  return { store, news };
}

/** A process that only reads. */
async function reader(lookEveryMs = 60_000) {
  const projections = await SharedProjections.start({ ...(await open('reader')), groups: ['toys'], lookEveryMs });
  closing.push(() => projections.stop());
  return projections;
}

/** A process that keeps the group up; what it is told to do is written down. */
async function projector(ttlMs?: number) {
  const { store, news } = await open('projector');
  const leases = new Leases(store, ttlMs);
  const { epoch } = (await leases.acquire(leaseOfGroup('toys')))!;
  const waits = new CheckpointWaits('toys', at(1));
  const told: unknown[][] = [];
  const note =
    <R>(method: string, answer: () => R) =>
    (...given: unknown[]) => {
      told.push([method, ...given]);
      return Promise.resolve().then(answer);
    };
  const host = {
    status: () => Promise.resolve([{ ...STATUS, checkpoint: waits.checkpoint }]),
    onCheckpoint: (_: string, options?: { signal?: AbortSignal }) => waits.onCheckpoint(options),
    parked: note('parked', () => [{ stream: 'toy-1' }]),
    retryParked: note('retry', () => ({ applied: 2, waiting: 0 })),
    skipParked: note('skip', () => {
      throw new TouchstoneError('PARKED_NOT_FOUND', 'There is none.', 'notFound', { stream: 'toy-1' });
    }),
    rebuild: note('rebuild', () => sleep(200).then(() => ({ name: 'toys-2' }))),
    rollback: note('rollback', () => ({ name: 'toys-1' })),
  };
  const over = new AbortController();
  const published = new PublishedProjections({
    store,
    news,
    host: host as unknown as Projections,
    group: 'toys',
    term: { epoch, lost: over.signal },
  });
  const running = published.run();
  const end = () => {
    over.abort();
    return running;
  };
  closing.push(end);
  return { waits, told, end, leases, epoch, store };
}

(postgres ? describe : describe.skip)('read models that another process keeps up', () => {
  it('are waited for across processes, at once', async () => {
    const [there, here] = [await projector(), await reader()];
    await here.waitFor('toys', at(1));
    const from = performance.now();
    const waiting = here.waitFor('toys', at(5), { timeoutMs: 10_000 });
    // Until it is followed: its row is there a moment before that.
    const advancing = setInterval(() => there.waits.advance(at(5)), 50);
    expect(await waiting).toBe(at(5));
    clearInterval(advancing);
    // Looking for it would have taken a minute.
    expect(performance.now() - from).toBeLessThan(5_000);
    expect(here.checkpoint('toys')).toBe(at(5));
    await expect(here.waitFor('toys', at(6), { timeoutMs: 50 })).rejects.toMatchObject({ code: 'NOT_YET_PROJECTED' });
    // The same checkpoint again: a parked event went in.
    const nudges = here.onCheckpoint('toys');
    expect(await nudges.next()).toEqual({ value: at(5), done: false });
    there.waits.advance(at(5));
    expect(await nudges.next()).toEqual({ value: at(5), done: false });
    await nudges.return();
  });

  it('are found by looking where the news are lost', async () => {
    const [there, here] = [await projector(), await reader(100)];
    await here.waitFor('toys', at(1));
    await here['options'].news.stop();
    there.waits.advance(at(7));
    expect(await here.waitFor('toys', at(7), { timeoutMs: 10_000 })).toBe(at(7));
  });

  it('are told of with who keeps them up, and with how long nobody did', async () => {
    const here = await reader();
    expect(await here.status()).toEqual([
      expect.objectContaining({ group: 'toys', state: 'failed', holder: null, cause: expect.stringMatching(/role projector/) as unknown }), // prettier-ignore
    ]);
    const there = await projector();
    await here.waitFor('toys', at(1), { timeoutMs: 10_000 });
    expect(await here.status()).toEqual([{ ...STATUS, checkpoint: at(1), holder: 'projector' }]);
    await there.end();
    await there.leases.release(leaseOfGroup('toys'), there.epoch);
    await there.store.query(`update projection_state set published_at = published_at - interval '20 s'`);
    const [status] = await here.status();
    expect(status).toMatchObject({ state: 'catching-up', holder: null, checkpoint: at(1) });
    expect(status!.lagMs).toBeGreaterThanOrEqual(20_000);
  });

  it('are asked for changes, which answer as if they were here', async () => {
    const [there, here] = [await projector(), await reader()];
    const actor = { id: 'anna', role: 'operator' };
    expect(await here.parked('toys', { stream: 'toy-1' })).toEqual([{ stream: 'toy-1' }]);
    expect(await here.retryParked('toys')).toEqual({ applied: 2, waiting: 0 });
    await expect(here.skipParked('toys', 'toy-1', 3, 'Broken.', actor)).rejects.toMatchObject({
      code: 'PARKED_NOT_FOUND',
      kind: 'notFound',
      details: { stream: 'toy-1' },
    });
    const [rebuilt, rolledBack] = await Promise.all([here.rebuild('toys'), here.rollback('toys')]);
    expect([rebuilt, rolledBack]).toEqual([{ name: 'toys-2' }, { name: 'toys-1' }]);
    expect(there.told.slice(0, 3)).toEqual([
      ['parked', 'toys', { stream: 'toy-1' }],
      ['retry', 'toys', undefined],
      ['skip', 'toys', 'toy-1', 3, 'Broken.', actor],
    ]);
    expect(there.told).toHaveLength(5);
    expect(await there.store.query('select from projection_request')).toEqual([]);
    await expect(here.rebuild('none')).rejects.toMatchObject({ code: 'GROUP_UNKNOWN' });
  });

  it('say in bounded time that nobody keeps them up, and do nothing of it later', async () => {
    const here = await reader();
    const asking = here.rebuild('toys').catch((error: unknown) => error);
    await sleep(100);
    // Its time has passed.
    await here['options'].store.query(`update projection_request set expires_at = clock_timestamp()`);
    expect(await asking).toMatchObject({ code: 'PROJECTOR_MISSING', kind: 'unavailable' });
    const there = await projector();
    await here.waitFor('toys', at(1), { timeoutMs: 10_000 });
    await here.retryParked('toys');
    expect(there.told).toEqual([['retry', 'toys', undefined]]);
  });

  it('say that who had begun is no more, and believe nothing of an earlier term', async () => {
    const first = await projector(300);
    const here = await reader();
    await here.waitFor('toys', at(1), { timeoutMs: 10_000 });
    await first.store.query(
      `create function never() returns trigger language plpgsql as $$ begin new.answer = null; return new; end $$;
       create trigger never before update on projection_request for each row execute function never()`,
    );
    const asking = here.rebuild('toys').catch((error: unknown) => error);
    await sleep(400);
    const second = await projector();
    expect(await asking).toMatchObject({ code: 'PROJECTOR_CHANGED', kind: 'unavailable' });
    second.waits.advance(at(3));
    await here.waitFor('toys', at(3), { timeoutMs: 10_000 });
    await sleep(1_100);
    // The first one has gone on telling that it stands at 1.
    const [kept] = await first.store.query('select epoch, checkpoint from projection_state');
    expect(kept).toEqual({ epoch: 2, checkpoint: at(3) });
  });
});
