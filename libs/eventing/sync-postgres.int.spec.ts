import { startPostgres, type TestPostgres } from '../../scripts/postgres.js';
import { copyLine } from './postgres-copy.js';
import { openSyncPostgres, PostgresError, type SqlValue } from './sync-postgres.js';

describe('a synchronous connection to PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('gives back every value as it went in', () => {
    const db = openSyncPostgres(server.url, { schema: 'values' });
    db.exec('create schema values');
    db.exec('create table v (n bigint, t text collate "C", b bytea, f double precision)');
    const texts = [
      '',
      'plain',
      '真理瞬间',
      'a\0b',
      'a\tb\nc\rd\\N\\.',
      '\\.',
      '\uF8FF',
      '\uF8FF0',
      '\0\uF8FF\0',
      `'"\\`,
      null,
    ];
    const insert = db.prepare('insert into v (n, t, b, f) values (?, ?, ?, ?)');
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    texts.forEach((text, i) => insert.run(i === 0 ? Number.MAX_SAFE_INTEGER : -i, text, bytes, i / 3));
    const rows = db.prepare('select * from v order by f').all();
    expect(rows.map((row) => row['t'])).toEqual(texts);
    expect(rows.map((row) => row['n'])).toEqual([Number.MAX_SAFE_INTEGER, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10]);
    expect(Buffer.from(rows[3]!['b'] as Uint8Array)).toEqual(Buffer.from(bytes));
    expect(rows[1]!['f']).toBe(1 / 3);
    // The same once more the way that many rows go.
    db.exec('create table c (like v)');
    const values = rows.map(({ n, t, b, f }) => [n, t, b, f] as SqlValue[]);
    db.sendRows('copy c (n, t, b, f) from stdin', values.map(copyLine).join(''));
    expect(db.prepare('select * from c order by f').all()).toEqual(rows);
    db.sendRows('copy c (n, t, b, f) from stdin', 'no number\n');
    expect(() => db.exec('select 1')).toThrow(PostgresError);
    // Sums and counts are numbers, conditions are 1 and 0.
    expect(db.prepare('select count(*) as n, sum(n) as sum, count(*) > 3 as many from v where n < 0').get()).toEqual({
      n: 10,
      sum: -55,
      many: 1,
    });
    db.close();
  });

  it('refuses a sum that a number cannot hold, instead of rounding it', () => {
    const db = openSyncPostgres(server.url);
    expect(() => db.prepare('select 9007199254740993::bigint as n').get()).toThrow(/beyond 2\^53/);
    expect(db.prepare('select 1 as n').get()).toEqual({ n: 1 });
    db.close();
  });

  it('tells what went wrong with what was only sent, and a rollback takes it back', () => {
    const db = openSyncPostgres(server.url);
    db.exec('create temp table t (id bigint primary key)');
    const insert = (id: number) => db.send('insert into t values ($1)', [id]);
    db.exec('begin');
    insert(1);
    insert(1);
    insert(2);
    expect(() => db.exec('commit')).toThrow(PostgresError);
    db.exec('rollback');
    expect(db.prepare('select count(*) as n from t').get()).toEqual({ n: 0 });
    db.exec('begin');
    insert(1);
    insert(1);
    // Nobody asked: the rollback is enough, and the fault is not told to whoever comes next.
    db.exec('rollback');
    insert(7);
    expect(db.prepare('select id from t').all()).toEqual([{ id: 7 }]);
    db.close();
  });

  it('reads an answer of any length page by page, and may stop early', () => {
    const db = openSyncPostgres(server.url);
    db.exec('begin');
    const numbers = db.prepare('select n, ? as word from generate_series(1, ?) as n order by n');
    let sum = 0;
    for (const { n } of numbers.iterate('x', 10_001)) sum += n as number;
    expect(sum).toBe((10_001 * 10_002) / 2);
    for (const { n } of numbers.iterate('x', 10_001)) if ((n as number) > 2_500) break;
    expect(db.prepare('select 1 as n').get()).toEqual({ n: 1 });
    db.exec('commit');
    db.close();
  });

  it('is interrupted in the middle of a statement, and goes on after it', () => {
    const until = performance.now() + 150;
    const interrupt = () => {
      if (performance.now() > until && performance.now() < until + 2_000) throw new Error('too long');
    };
    const db = openSyncPostgres(server.url, { interrupt });
    const started = performance.now();
    expect(() => db.prepare('select pg_sleep(30)').get()).toThrow('too long');
    expect(performance.now() - started).toBeLessThan(10_000);
    const calm = openSyncPostgres(server.url);
    expect(calm.prepare('select 2 as n').get()).toEqual({ n: 2 });
    calm.close();
    while (performance.now() < until + 2_000) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    expect(db.prepare('select 3 as n').get()).toEqual({ n: 3 });
    db.close();
  });

  it('says where it cannot go, without the password', () => {
    const open = () => openSyncPostgres('postgres://me:secret@127.0.0.1:1/none');
    expect(open).toThrow(expect.objectContaining({ code: 'READ_STORE_UNREACHABLE' }));
    expect(open).not.toThrow(/secret/);
  });

  it('tells a broken connection at the next statement', async () => {
    const own = await startPostgres();
    if (own.pid === undefined) return own.stop();
    const db = openSyncPostgres(own.url);
    await own.kill();
    expect(() => db.prepare('select 1').get()).toThrow(PostgresError);
    expect(() => db.close()).not.toThrow();
    await own.restart();
    const again = openSyncPostgres(own.url);
    expect(again.prepare('select 1 as n').get()).toEqual({ n: 1 });
    again.close();
    await own.stop();
  });
});
