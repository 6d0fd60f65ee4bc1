import { startPostgres, type TestPostgres } from '../../scripts/postgres.js';
import { openAsyncPostgres } from './async-postgres.js';
import { PostgresError } from './sync-postgres.js';

describe('a connection to PostgreSQL that is waited for', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('answers what is asked together, each its own, often enough to have plans', async () => {
    const db = await openAsyncPostgres(server.url);
    for (let round = 0; round < 5; round++) {
      const asked = [1, 2, 3].map((n) => db.all('select ? + 1 as n, ? as word', n, 'a?\0'));
      const begun = db.query('begin', []);
      const inside = db.all(`select now() = now() as same, '?' as mark`);
      expect(await Promise.all(asked)).toEqual([2, 3, 4].map((n) => [{ n, word: 'a?\0' }]));
      await begun;
      expect(await inside).toEqual([{ same: 1, mark: '?' }]);
      await db.query('commit', []);
    }
    db.close();
  });

  it('tells of each what went wrong with it, and goes on after a rollback', async () => {
    const db = await openAsyncPostgres(server.url);
    const outcomes = await Promise.allSettled([
      db.query('begin', []),
      db.all('select 1 / ? as n', 0),
      db.all('select 9007199254740993 as n'),
      db.query('rollback', []),
      db.all('select 9007199254740993::bigint as n'),
      db.all('select 2 as n'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(
      ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected', 'fulfilled'], // prettier-ignore
    );
    const codes = outcomes.map((each) => (each as { reason?: PostgresError }).reason?.sqlState);
    expect(codes.slice(1, 3)).toEqual(['22012', '25P02']);
    expect((outcomes[4] as PromiseRejectedResult).reason).toMatchObject({ name: 'PostgresError', message: /2\^53/ });
    db.close();
  });

  it('is interrupted in the middle of a statement, and goes on after it', async () => {
    let isOver = false;
    const interrupt = () => {
      if (isOver) throw new RangeError('too long');
    };
    const db = await openAsyncPostgres(server.url, { interrupt });
    for (let round = 0; round < 3; round++) {
      await db.query('begin', []);
      const together = [db.all('select pg_sleep(30)'), db.all('select 1')];
      isOver = true;
      for (const each of together) await expect(each).rejects.toThrow('too long');
      isOver = false;
      await db.query('rollback', []);
      expect(await db.all('select 3 as n')).toEqual([{ n: 3 }]);
    }
    db.close();
  });

  it('is given up when the server does not end what it is told to end', async () => {
    const db = await openAsyncPostgres(server.url, {
      interrupt() {
        throw new RangeError('too long');
      },
    });
    const [{ pid }] = (await db.all('select pg_backend_pid() as pid')) as [{ pid: number }];
    process.kill(pid, 'SIGSTOP');
    try {
      await expect(db.all('select 1')).rejects.toThrow('too long');
      expect(db.isOpen).toBe(false);
      await expect(db.all('select 1')).rejects.toThrow(PostgresError);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    db.close();
  });
});
