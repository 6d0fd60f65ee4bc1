import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { LastingPostgres } from './lasting-postgres.js';
import { openSyncPostgres } from './sync-postgres.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

/** Processes of PostgreSQL stand still: the system still takes connections for it, and nobody answers. */
function frozen<R>(pids: readonly number[], work: () => R): R {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    return work();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

/** How long it took to be refused, ms. */
function refusal(work: () => unknown): number {
  const from = performance.now();
  expect(work).toThrow(expect.objectContaining({ code: 'READ_STORE_UNREACHABLE', kind: 'unavailable' }));
  return performance.now() - from;
}

describe('a connection for a thread that serves requests', () => {
  const LIMITS = { connectMs: 300, answerMs: 400, pauseMs: 700 };
  const pidOf = (db: LastingPostgres) => db.prepared('select pg_backend_pid() as pid').get()!['pid'] as number;
  const open = () => new LastingPostgres(freshSchema(postgres!, 'lasting'), 'lasting', 'touchstone test', LIMITS);

  it('gives up a connection that hangs, in its time, and has another one at once', () => {
    if (!postgres?.pid) return;
    const db = open();
    const pid = pidOf(db);
    const other = frozen([pid], () => {
      expect(refusal(() => db.prepared('select 1').get())).toBeLessThan(1_500);
      return pidOf(db);
    });
    expect(other).not.toBe(pid);
    db.close();
  });

  it('does not ask a server that hangs again and again, and asks it when the pause is over', async () => {
    if (!postgres?.pid) return;
    const db = open();
    const pid = pidOf(db);
    frozen([pid, postgres.pid], () => {
      expect(refusal(() => db.transaction(() => db.prepared('select 1').run()))).toBeGreaterThan(300);
      expect(refusal(() => db.exec('select 1'))).toBeGreaterThan(200);
      expect(refusal(() => db.exec('select 1'))).toBeLessThan(100);
    });
    await new Promise((resolve) => setTimeout(resolve, LIMITS.pauseMs));
    expect(db.prepared('select 1 as n').get()).toEqual({ n: 1 });
    db.close();
  });

  it('ends a statement that takes too long on the server too, and what may take its time takes it', () => {
    if (!postgres) return;
    const db = open();
    expect(refusal(() => db.exec('select pg_sleep(60)'))).toBeLessThan(2_000);
    const [left] = db.prepared(`select count(*) as n from pg_stat_activity where query like '%sleep(60)'`).all();
    expect(left).toEqual({ n: 0 });
    db.patiently(() => db.exec('select pg_sleep(1.2)'));
    expect(refusal(() => db.exec('select pg_sleep(61)'))).toBeLessThan(2_000);
    db.close();
  });
});

describe('a connection without a limit of time', () => {
  const LOOKED_AFTER = { connectMs: 200, lookAfterMs: 100 };

  it('is given up once nobody at the server answers', () => {
    if (!postgres?.pid) return;
    const db = openSyncPostgres(postgres.url, LOOKED_AFTER);
    const pid = db.prepare('select pg_backend_pid() as pid').get()!['pid'] as number;
    frozen([pid, postgres.pid], () => {
      expect(() => db.prepare('select 1').get()).toThrow(expect.objectContaining({ sqlState: 'ETIMEDOUT' }));
    });
    expect(db.isOpen).toBe(false);
  });

  it('is left alone while somebody there answers, and holds up no other one', () => {
    if (!postgres?.pid) return;
    const [db, other] = [openSyncPostgres(postgres.url, LOOKED_AFTER), openSyncPostgres(postgres.url)];
    db.exec('begin');
    db.send('select pg_sleep(0.8)', []);
    const from = performance.now();
    expect(other.prepare('select 1 as n').get()).toEqual({ n: 1 });
    expect(performance.now() - from).toBeLessThan(500);
    expect(db.prepare('select 2 as n').get()).toEqual({ n: 2 });
    for (const each of [db, other]) each.close();
  });
});
