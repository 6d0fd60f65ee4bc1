import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DatabaseSync } from '@photostructure/sqlite';
import { assertDurable, openDurable, openReadOnly, pragma } from './durable.js';
import { anEvent, collect, collectPages, events, failsWith, Follower, idsOf } from './event-log.contract.kit.js';
import { Bell } from './follow.js';
import { openSqliteLog, openSqliteLogReader, type SqliteLog, type SqliteLogOptions } from './sqlite-log.js';
import { SqlitePages } from './sqlite-log.pages.js';

let directory: string;
let file: string;
const open: { close(): unknown }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'touchstone-engine-'));
  file = join(directory, 'log.db');
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  rmSync(directory, { recursive: true });
});

const opened = <T extends { close(): unknown }>(one: T): T => {
  open.push(one);
  return one;
};
const openLog = async (options: Partial<SqliteLogOptions> = {}): Promise<SqliteLog> =>
  opened(await openSqliteLog({ file, ...options }));

describe('durability of the SQLite log', () => {
  it('is asserted: WAL and synchronous FULL, or the connection is refused', () => {
    const db = opened(openDurable(join(directory, 'a.db')));
    expect([pragma(db, 'journal_mode'), pragma(db, 'synchronous')]).toEqual(['wal', 2]);
    db.exec('PRAGMA synchronous = NORMAL');
    const refused = expect.objectContaining({ code: 'LOG_NOT_DURABLE', kind: 'unavailable' });
    expect(() => assertDurable(db, 'a.db')).toThrow(refused);
    db.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE');
    expect(() => assertDurable(db, 'a.db')).toThrow(refused);
    expect(() => openDurable(':memory:')).toThrow(refused);
  });

  it('gives back what was written ahead while somebody was reading', () => {
    const db = opened(openDurable(file));
    db.exec('CREATE TABLE t (a)');
    const write = (bytes: number) => db.prepare('INSERT INTO t VALUES (zeroblob(?))').run(bytes);
    const reader = opened(openReadOnly(file));
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM t').get();
    for (let n = 0; n < 6; n++) write(4 * 1024 * 1024);
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(24 * 1024 * 1024);
    reader.exec('COMMIT');
    // The first one carries everything over, the next one begins anew.
    write(1);
    db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    write(1);
    expect(statSync(`${file}-wal`).size).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  it('never uses a position twice, even when the end of the log was cut off', async () => {
    const log = await openLog();
    await log.append('a', 'none', events(3));
    await log.close();
    const db = new DatabaseSync(file);
    db.exec('DELETE FROM event WHERE position = 3');
    db.close();
    const again = await openLog();
    expect((await again.append('a', 1, [anEvent()])).position).toBe('0000000000000004');
  });

  it('folds the write-ahead log into the file when it is closed', async () => {
    const log = await openLog();
    await log.append('a', 'none', events(100));
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
    await log.close();
    const left = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    expect(left).toBe(0);
  });

  it('refuses a file of another layout or of no layout, and leaves it as it was', async () => {
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await failsWith(openSqliteLog({ file }), 'LOG_LAYOUT_UNKNOWN');
    const garbage = join(directory, 'garbage.db');
    writeFileSync(garbage, 'this is no database, but it is longer than a header of one hundred bytes '.repeat(20));
    const before = readFileSync(garbage);
    await failsWith(openSqliteLog({ file: garbage }), 'LOG_UNREADABLE');
    expect(readFileSync(garbage)).toEqual(before);
    await failsWith(openSqliteLog({ file: join(directory, 'missing', 'log.db') }), 'LOG_UNREADABLE');
  });
});

describe('positions of the SQLite log', () => {
  it('are 16 hex digits from one, and the head of an empty log is zero', async () => {
    const log = await openLog();
    expect(await log.head()).toBe('0000000000000000');
    const { position } = await log.append('a', 'none', events(20));
    expect(position).toBe('0000000000000014');
    expect(await log.head()).toBe(position);
  });

  it('beyond the end are refused: reading on from there would skip what is written next', async () => {
    const log = await openLog();
    await log.append('a', 'none', events(3));
    await failsWith(collect(log.readAll({ after: '0000000000000004' })), 'INVALID_POSITION');
    await failsWith(collect(log.subscribe({ after: '0000000000000004' })), 'INVALID_POSITION');
    expect(await collect(log.readAll({ after: '0000000000000003' }))).toEqual([]);
  });
});

describe('ids of the SQLite log', () => {
  it('tells a repeat that was mixed with new events from an id that is taken elsewhere', async () => {
    const log = await openLog();
    const known = events(2);
    await log.append('a', 'none', known);
    for (const expected of ['any', 'exists', 1] as const) {
      await expect(log.append('a', expected, [anEvent(), known[1]!])).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_REVISION',
        details: { actual: 1 },
      });
    }
    await expect(log.append('b', 'none', [anEvent(), known[1]!])).rejects.toMatchObject({
      code: 'DUPLICATE_EVENT_ID',
      details: { stream: 'b', id: known[1]!.id },
    });
    const twice = anEvent();
    await expect(log.append('b', 'none', [anEvent(), twice, twice])).rejects.toMatchObject({
      code: 'DUPLICATE_EVENT_ID',
      details: { id: twice.id },
    });
    expect(await collectPages(log.readAll())).toHaveLength(2);
  });
});

describe('the write queue', () => {
  it('writes all requests of one turn in a few transactions', async () => {
    const log = await openLog();
    const heads: string[] = [];
    const stop = log.onHead((head) => heads.push(head));
    await Promise.all(Array.from({ length: 300 }, (_, i) => log.append(`s-${i}`, 'none', [anEvent()])));
    expect(heads.length).toBeLessThanOrEqual(3);
    expect(heads.at(-1)).toBe(await log.head());
    stop();
    await log.append('s', 'none', [anEvent()]);
    expect(heads.at(-1)).not.toBe(await log.head());
  });

  it.each([
    ['events', { events: 10 }, 8, 'x'],
    ['bytes', { bytes: 3_000 }, 1, 'x'.repeat(2_000)],
  ])('is bounded by %s, and answers busy at once', async (_, queueLimit, count, text) => {
    const log = await openLog({ queueLimit });
    const batch = () => events(count, () => ({ data: text }));
    const first = log.append('a', 'none', batch());
    await expect(log.append('b', 'none', batch())).rejects.toMatchObject({ code: 'LOG_BUSY', kind: 'busy' });
    const [bulk] = await log.appendMany([{ stream: 'c', expected: 'none', events: batch() }]);
    expect(bulk).toMatchObject({ ok: false, error: { code: 'LOG_BUSY' } });
    await first;
    await log.append('b', 'none', batch());
    expect(new Set((await collectPages(log.readAll())).map((e) => e.stream))).toEqual(new Set(['a', 'b']));
  });

  it('is written to its end when the log is closed, however much waits', async () => {
    const log = await openLog();
    const appending = Array.from({ length: 200 }, () => log.append('a', 'any', events(50)));
    await log.close();
    expect((await Promise.all(appending)).at(-1)).toMatchObject({ revision: 9_999 });
    expect(await collect(opened(openSqliteLogReader(file)).readStream('a'))).toHaveLength(10_000);
  });

  it('takes one append that is larger than its bound when nothing waits', async () => {
    const log = await openLog({ queueLimit: { events: 10 } });
    expect(await log.append('a', 'none', events(500))).toMatchObject({ revision: 499 });
  });

  it('fails all of a transaction that cannot be written, writes nothing of it, and goes on', async () => {
    const log = await openLog();
    await log.append('a', 'none', [anEvent()]);
    const db = opened(new DatabaseSync(file));
    db.exec(`CREATE TRIGGER broken BEFORE INSERT ON event WHEN new.type = 'Boom'
             BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END`);
    const results = await Promise.allSettled([
      log.append('b', 'none', events(2)),
      log.append('c', 'none', [anEvent(), anEvent({ type: 'Boom' })]),
      log.append('d', 'none', events(2)),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ reason: { code: 'LOG_WRITE_FAILED', kind: 'unavailable' } });
      expect((result as PromiseRejectedResult).reason.message).toContain('the disk is on fire');
    }
    db.exec('DROP TRIGGER broken');
    expect(await log.append('b', 'none', events(2))).toMatchObject({ revision: 1 });
    expect(await collectPages(log.readAll())).toHaveLength(3);
  });

  it('says busy when another process holds the write lock for too long', async () => {
    const log = await openLog();
    const db = opened(new DatabaseSync(file));
    db.exec('BEGIN IMMEDIATE');
    await expect(log.append('a', 'none', [anEvent()])).rejects.toMatchObject({ code: 'LOG_BUSY' });
    db.exec('ROLLBACK');
    expect(await log.append('a', 'none', [anEvent()])).toMatchObject({ revision: 0 });
  });

  it('tells everybody when the writer thread dies, and can still be closed', async () => {
    const log = await openLog();
    await log.append('a', 'none', [anEvent()]);
    const { worker } = Reflect.get(log, 'queue') as { worker: Worker };
    const waiting = log.append('b', 'none', [anEvent({ data: 'x'.repeat(500_000) })]);
    worker.postMessage({ kind: 'write' });
    worker.postMessage({ kind: 'write' });
    const outcome = await waiting.then(
      () => 'written',
      (error: { code: string }) => error.code,
    );
    expect(['written', 'LOG_WRITE_FAILED']).toContain(outcome);
    for (let dead = false; !dead; await sleep(5)) {
      dead = await log.append('c', 'any', [anEvent()]).then(
        () => false,
        (e: { code: string }) => e.code === 'LOG_WRITE_FAILED',
      );
    }
    expect((await collect(log.readStream('a'))).length).toBe(1);
    await log.close();
  });
});

describe('readers of the SQLite log', () => {
  it('are woken by a commit, not by the clock', async () => {
    const log = await openLog({ pollMs: 60_000 });
    const follower = new Follower(log, {});
    await follower.untilCaughtUp();
    const start = performance.now();
    await log.append('a', 'none', events(1));
    await follower.untilEvents(1);
    expect(performance.now() - start).toBeLessThan(5_000);
    await follower.close();
  });

  it('look by themselves where nothing wakes them', async () => {
    const log = await openLog();
    const reader = opened(openSqliteLogReader(file, { pollMs: 20 }));
    const follower = new Follower(reader as SqliteLog, {});
    await follower.untilCaughtUp();
    await log.append('a', 'none', events(3));
    await follower.untilEvents(3);
    await follower.close();
    expect(await reader.head()).toBe(await log.head());
    expect(reader.comparePositions('0000000000000001', '0000000000000002')).toBeLessThan(0);
  });

  it('follow in another thread, woken by a port that carries only the head', async () => {
    const log = await openLog();
    await log.append('a', 'none', events(5));
    const port = log.headPort();
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(async ({ openSqliteLogReader }) => {
        const reader = openSqliteLogReader(workerData.file, { wake: workerData.port, pollMs: 60000 });
        for await (const message of reader.subscribe()) {
          if (message.kind !== 'events') { parentPort.postMessage(message.kind); continue; }
          parentPort.postMessage(message.events.map((e) => e.id));
          if (message.events.some((e) => e.type === 'Last')) break;
        }
        await reader.close();
        parentPort.postMessage('closed');
      });`;
    const module = new URL('./dist/sqlite-log.js', import.meta.url).href;
    const worker = new Worker(code, { eval: true, workerData: { module, file, port }, transferList: [port] });
    const said: unknown[] = [];
    worker.on('message', (message) => said.push(message));
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    while (!said.includes('caughtUp')) await sleep(5);
    await log.append('a', 4, [...events(3), anEvent({ type: 'Last' })]);
    expect(await ended).toBe(0);
    expect(said.at(-1)).toBe('closed');
    const ids = said.filter((s) => Array.isArray(s)).flat();
    expect(ids).toEqual(idsOf(await collect(log.readStream('a'))));
  });

  it('need a log that is there, and make none', async () => {
    await expect(async () => openSqliteLogReader(file)).rejects.toMatchObject({ code: 'LOG_NOT_FOUND' });
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, '');
    await expect(async () => openSqliteLogReader(file)).rejects.toMatchObject({ code: 'LOG_LAYOUT_UNKNOWN' });
  });

  it('hold no read transaction between pages: the write-ahead log can be folded in meanwhile', async () => {
    const log = await openLog();
    await log.append(
      'a',
      'none',
      events(3000, () => ({ data: 'x'.repeat(2_000) })),
    );
    const pages = log.readAll({ pageSize: 10 })[Symbol.asyncIterator]();
    await pages.next();
    const stream = log.readStream('a')[Symbol.asyncIterator]();
    await stream.next();
    const db = opened(new DatabaseSync(file));
    expect(db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()).toMatchObject({ busy: 0 });
    expect(statSync(`${file}-wal`).size).toBe(0);
    await pages.return!(undefined);
    await stream.return!(undefined);
  });

  describe('look at a bounded part of the log per page', () => {
    const seeded = async () => {
      const log = await openLog();
      for (let i = 0; i < 12; i++) await log.append('hay-1', 'any', events(1000));
      await log.append('needle-1', 'none', [anEvent({ type: 'Needle' })]);
      return new SqlitePages(opened(openReadOnly(file)), new Bell());
    };

    it.each([
      ['streams alone', { streams: ['needle'] }],
      ['streams and a frequent type', { streams: ['needle'], types: ['ContractEvent'] }],
      ['more types than are worth merging', { types: Array.from({ length: 200 }, (_, i) => `T${i}`) }],
    ])('filtered by %s: 5,000 positions', async (_, filter) => {
      const pages = await seeded();
      expect(pages.page(0, filter, 1000)).toMatchObject({
        events: [],
        scannedTo: 5000,
        atEnd: false,
        passedOver: 5000,
      });
      expect(pages.page(10_000, filter, 1000)).toMatchObject({ scannedTo: 12_001, atEnd: true });
      const backwards = { ...filter, direction: 'backwards' as const };
      expect(pages.page(12_000, backwards, 1000, 0)).toMatchObject({ events: [], scannedTo: 7000, atEnd: false });
    });

    it.each(['forwards', 'backwards'] as const)('and lose nothing between two parts, %s', async (direction) => {
      await seeded();
      const reader = opened(openSqliteLogReader(file));
      for (const types of [
        undefined,
        ['ContractEvent'],
        Array.from({ length: 200 }, (_, i) => `T${i}`).concat('ContractEvent'),
      ]) {
        const all = await collectPages(reader.readAll({ streams: ['hay'], types, direction, pageSize: 10_000 }));
        expect(new Set(idsOf(all)).size).toBe(12_000);
        expect(all).toHaveLength(12_000);
        const positions = all.map((e) => e.position);
        expect(positions).toEqual([...positions].sort()[direction === 'forwards' ? 'slice' : 'reverse']());
      }
    });

    it('filtered by a rare type: goes to it at once', async () => {
      const pages = await seeded();
      const page = pages.page(0, { types: ['Needle'] }, 1000);
      expect(page.events.map((e) => e.stream)).toEqual(['needle-1']);
      expect(page.atEnd).toBe(true);
      const statements = Reflect.get(pages, 'statements') as Map<string, unknown>;
      const reading = [...statements.keys()].filter((sql) => sql.includes('type = ?'));
      expect(reading).toHaveLength(1);
      const db = opened(openReadOnly(file));
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${reading[0]}`).all('Needle', 0, 12_001, 1000, 1000);
      const steps = plan.map((step) => (step as { detail: string }).detail);
      expect(steps).toContain('SEARCH event USING COVERING INDEX event_by_type (type=? AND position>? AND position<?)');
      expect(steps.filter((step) => step.startsWith('SCAN event'))).toEqual([]);
    });
  });
});
