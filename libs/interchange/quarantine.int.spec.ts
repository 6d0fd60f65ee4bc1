import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { FORGOTTEN, openSyncPostgres, postgresAddress } from '@touchstone/eventing';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { QuarantinePostgres } from './quarantine-postgres.js';
import { openHouse, type House } from './testing.js';
import { Quarantine, type Recognises, type Unreadable } from './quarantine.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

let house: House;
let url: string | undefined;
const setUp = (engine: string) => {
  beforeEach(async () => {
    url = engine === 'PostgreSQL' ? freshSchema(postgres!, 'quarantine') : undefined;
    house = await openHouse('2026-03-01T00:00:00Z', undefined, url);
  });
  afterEach(() => house.close());
};
const place = () => (url === undefined ? { file: join(house.directory, 'quarantine.db') } : { url });

const record = (n: number, more: Partial<Unreadable> = {}): Unreadable => ({
  source: 'oms',
  journeyType: 'repair',
  fingerprint: `f${n}`,
  line: n,
  code: 'XES_NO_TIMESTAMP',
  reason: 'The event has no time:timestamp.',
  raw: `<event>138001380${n}</event>`,
  ...more,
});

describe.each(postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite'])('quarantine in %s', (engine) => {
  setUp(engine);
  const itInFiles = engine === 'SQLite' ? it : () => undefined;

  it('ends a page early when its contents would be too many, and goes on with the next', async () => {
    const records = [3, 3, 3, 9, 1].map((megabytes, n): Unreadable => ({
      ...record(n + 1),
      raw: String(n).repeat(megabytes * 1_000_000),
    }));
    await house.quarantine.add(records);
    const pages: number[] = [];
    for (let after: string | null = null; ;) {
      const { edges, pageInfo } = house.quarantine.list({ first: 4, after, contents: ['raw'] });
      pages.push(edges.length);
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect(pages).toEqual([2, 1, 1, 1]);
    expect(house.quarantine.list({ first: 4 }).edges).toHaveLength(4);
    expect(house.quarantine.list({ first: 4, contents: ['raw', 'payload'] }).edges).toHaveLength(1);
  });

  itInFiles('keeps what is large behind everything else, also in a file of an earlier edition', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'quarantine-'));
    const file = join(directory, 'quarantine.db');
    const open = () => Quarantine.open({ file, sealer: house.sealer, clock: house.clock });
    const columns = () => {
      const db = new DatabaseSync(file);
      const names = db.prepare("SELECT name FROM pragma_table_info('record') ORDER BY cid").all() as { name: string }[];
      db.close();
      return names.map(({ name }) => name);
    };
    const first = open();
    await first.add([record(1), record(2)]);
    first.close();
    const db = new DatabaseSync(file);
    const order = [
      'id',
      'source',
      'fingerprint',
      'journey_type',
      'journey_id',
      'line',
      'code',
      'reason',
      'subject',
      'raw',
    ];
    const rest = [
      'at',
      'expires_at',
      'import_id',
      'format',
      'context',
      'shared',
      'state',
      'open',
      'revision',
      'payload',
    ];
    const all = [...order, ...rest, 'mapping', 'touchpoint_id', 'position'];
    const types = (name: string) => (name === 'id' ? 'INTEGER PRIMARY KEY AUTOINCREMENT' : 'BLOB');
    db.exec(
      `CREATE TABLE old (${all.map((name) => `${name} ${types(name)}`).join(', ')}, UNIQUE (source, fingerprint))`,
    );
    db.exec(`INSERT INTO old (${all.join(', ')}) SELECT ${all.join(', ')} FROM record`);
    db.exec('DROP TABLE record; ALTER TABLE old RENAME TO record; DELETE FROM record WHERE id = 2');
    db.close();
    const again = open();
    expect(columns().slice(-3)).toEqual(['context', 'payload', 'raw']);
    expect(again.raw('1')).toBe(record(1).raw);
    // A number that was given before is not given again.
    expect(await again.keep([record(3)])).toEqual([{ id: '3', isNew: true }]);
    again.close();
    await rm(directory, { recursive: true });
  });

  it('lists a record once, in the order of arrival, page by page', async () => {
    const { quarantine } = house;
    expect(await quarantine.add([record(1), record(2), record(3)])).toBe(3);
    expect(await quarantine.add([record(2, { line: 99 }), record(4)])).toBe(1);
    const first = quarantine.list({ first: 3 });
    expect(first.edges.map((e) => e.node.line)).toEqual([1, 2, 3]);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = quarantine.list({ first: 3, after: first.pageInfo.endCursor });
    expect(second.edges.map((e) => e.node.line)).toEqual([4]);
    expect(second.pageInfo.hasNextPage).toBe(false);
    expect(first.edges[0]!.node).toEqual({
      id: '1',
      source: 'oms',
      journeyType: 'repair',
      line: 1,
      code: 'XES_NO_TIMESTAMP',
      reason: 'The event has no time:timestamp.',
      importId: null,
      firstCode: 'XES_NO_TIMESTAMP',
      firstReason: 'The event has no time:timestamp.',
      format: null,
      state: 'waiting',
      revision: 0,
      journeyId: null,
      touchpointId: null,
      position: null,
      at: '2026-03-01T00:00:00.000Z',
      expiresAt: '2026-05-30T00:00:00.000Z',
    });
  });

  it('filters by source and code, and counts', async () => {
    const { quarantine } = house;
    await quarantine.add([record(1), record(2, { code: 'OTHER' }), record(1, { source: 'crm' })]);
    expect([quarantine.count(), quarantine.count({ source: 'oms' }), quarantine.count({ code: 'OTHER' })]).toEqual([
      3, 2, 1,
    ]);
    expect(quarantine.list({ source: 'oms', code: 'OTHER' }).edges.map((e) => e.node.line)).toEqual([2]);
  });

  it('refuses wrong cursors and page sizes', () => {
    expect(() => house.quarantine.list({ after: 'nonsense' })).toThrow(
      expect.objectContaining({ code: 'INVALID_CURSOR' }) as Error,
    );
    expect(() => house.quarantine.list({ first: 0 })).toThrow(
      expect.objectContaining({ code: 'PAGE_SIZE_INVALID' }) as Error,
    );
  });

  itInFiles('gives the record back as it came, and keeps it unreadable on disk', async () => {
    await house.quarantine.add([record(1)]);
    expect(house.quarantine.raw('1')).toBe('<event>1380013801</event>');
    expect(() => house.quarantine.raw('2')).toThrow(expect.objectContaining({ code: 'QUARANTINED_UNKNOWN' }) as Error);
    const files = ['quarantine.db', 'quarantine.db-wal'].map((name) => readFile(join(house.directory, name), 'latin1'));
    const bytes = (await Promise.all(files)).join('');
    expect(bytes).toContain('XES_NO_TIMESTAMP');
    expect(bytes).not.toContain('1380013801');
  });

  it('removes what has expired, and destroys the key of a month that is over', async () => {
    await house.quarantine.add([record(1)]);
    const purged = async (now: string) => {
      const later = Quarantine.open({
        ...place(),
        sealer: house.sealer,
        clock: { now: () => new Date(now) },
      });
      const removed = await later.purge();
      later.close();
      return removed;
    };
    const { sealer } = house;
    const sealed = sealer.sealBytes('quarantine:2026-05', 'x', Buffer.from('x'));
    expect(await purged('2026-05-29T23:59:59Z')).toBe(0);
    expect(await purged('2026-05-30T00:00:00Z')).toBe(1);
    expect(house.quarantine.count()).toBe(0);
    expect(sealer.openBytes('quarantine:2026-05', 'x', sealed)).toEqual(Buffer.from('x'));
    expect(await purged('2026-06-01T00:00:00Z')).toBe(0);
    expect(sealer.openBytes('quarantine:2026-05', 'x', sealed)).toBe(FORGOTTEN);
  });

  it('is one for two processes that keep the same record at the same moment', async () => {
    const other = Quarantine.open({ ...place(), sealer: house.sealer, clock: house.clock });
    const records = Array.from({ length: 20 }, (_, n) => record(n));
    const kept = await Promise.all([house.quarantine.keep(records), other.keep(records)]);
    expect(kept[0].map(({ id }) => id)).toEqual(kept[1].map(({ id }) => id));
    expect(kept.flat().filter(({ isNew }) => isNew)).toHaveLength(20);
    const actor = { id: 'anna' };
    expect(other.discard('1', 'Nothing in it.', actor)).toBe(true);
    expect(house.quarantine.discard('1', 'Nothing in it.', actor)).toBe(false);
    expect(house.quarantine.record('1').state).toBe('discarded');
    expect(() => house.quarantine.record('x')).toThrow(
      expect.objectContaining({ code: 'QUARANTINED_UNKNOWN' }) as Error,
    );
    other.close();
  });

  describe('forgets a person', () => {
    const person = (over: Partial<Recognises> = {}): Recognises => ({
      isTheirs: (id) => id === 'j1',
      in: (text) => text.includes('1380013801'),
      ...over,
    });
    const files = () =>
      Promise.all(
        ['quarantine.db', 'quarantine.db-wal'].map((name) => readFile(join(house.directory, name)).catch(() => '')),
      ).then((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

    it('by what a record says, by its reason and by its journey; others stay', async () => {
      const { quarantine } = house;
      await quarantine.add([
        record(1),
        record(2),
        record(3, { raw: '<event/>', journeyId: 'j1' }),
        record(4, { raw: '<event/>', journeyId: 'j2' }),
        record(5, { raw: '<event/>', reason: 'The number 1380013801 is none.' }),
      ]);
      expect(await quarantine.forget(person())).toBe(3);
      expect(quarantine.list().edges.map(({ node }) => node.line)).toEqual([2, 4]);
      expect(await quarantine.forget(person())).toBe(0);
    });

    it('however many records there are', async () => {
      const theirs = (n: number) => n % 7 === 0;
      const raw = (n: number) => (theirs(n) ? '1380013801' : `other ${n}`);
      await house.quarantine.add(Array.from({ length: 1_000 }, (_, n) => record(n, { raw: raw(n) })));
      expect(await house.quarantine.forget(person())).toBe(143);
      expect(house.quarantine.count()).toBe(857);
    });

    itInFiles('and leaves none of the sealed bytes in the file', async () => {
      // Longer than a page of the file: such a record lies in pages of its own.
      const long = `1380013801 ${'x'.repeat(20_000)}`;
      const kept: Uint8Array[] = [];
      const sealBytes: House['sealer']['sealBytes'] = (...args) => {
        const sealed = house.sealer.sealBytes(...args);
        kept.push(sealed);
        return sealed;
      };
      const sealer = new Proxy(house.sealer, {
        get: (target, name) =>
          name === 'sealBytes' ? sealBytes : (Reflect.get(target, name) as () => void).bind(target),
      });
      const options = { file: join(house.directory, 'quarantine.db'), sealer, clock: house.clock };
      const quarantine = Quarantine.open(options);
      await quarantine.add([record(1), record(2, { raw: long }), record(3)]);
      const isIn = (bytes: Buffer) => kept.map((sealed) => bytes.includes(Buffer.from(sealed.slice(0, 900))));
      expect(isIn(await files())).toEqual([true, true, true]);
      expect(await quarantine.forget(person())).toBe(2);
      expect(isIn(await files())).toEqual([false, false, true]);
      quarantine.close();
    });

    itInFiles('also when a record is damaged, which nobody can read', async () => {
      await house.quarantine.add([record(1), record(2), record(3, { raw: '1380013801' })]);
      const db = new DatabaseSync(join(house.directory, 'quarantine.db'));
      db.exec("UPDATE record SET raw = x'01020304' WHERE line = 2");
      db.close();
      expect(await house.quarantine.forget(person())).toBe(2);
    });

    itInFiles(
      'says so while another program keeps the bytes',
      async () => {
        await house.quarantine.add([record(1)]);
        const db = new DatabaseSync(join(house.directory, 'quarantine.db'));
        db.exec('BEGIN');
        db.prepare('SELECT count(*) FROM record').get();
        await expect(house.quarantine.forget(person())).rejects.toMatchObject({ code: 'QUARANTINE_NOT_ERASED' });
        db.exec('COMMIT');
        db.close();
        expect(await house.quarantine.forget(person())).toBe(0);
      },
      15_000,
    );
  });

  itInFiles('opens a file that was made before records told their journey', async () => {
    const file = join(house.directory, 'older.db');
    const db = new DatabaseSync(file);
    db.exec(
      'CREATE TABLE record (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, fingerprint TEXT NOT NULL, ' +
        'journey_type TEXT, line INTEGER, code TEXT NOT NULL, reason TEXT NOT NULL, subject TEXT NOT NULL, ' +
        'raw BLOB NOT NULL, at TEXT NOT NULL, expires_at TEXT NOT NULL, UNIQUE (source, fingerprint))',
    );
    db.close();
    const quarantine = Quarantine.open({ file, sealer: house.sealer, clock: house.clock });
    expect(await quarantine.add([record(1, { journeyId: 'j1' })])).toBe(1);
    expect(await quarantine.forget({ isTheirs: () => true, in: () => false })).toBe(1);
    quarantine.close();
  });
});

(postgres ? it : it.skip)('changes of the quarantine in PostgreSQL come one after the other', () => {
  const own = freshSchema(postgres!, 'turns');
  const tables = QuarantinePostgres.open(own);
  const other = openSyncPostgres(own);
  const isFree = () =>
    other
      .prepare('select pg_try_advisory_xact_lock(hashtext(?), 0) as free')
      .get(`${postgresAddress(own).schema}_quarantine`)!['free'];
  expect([tables.transaction(() => tables.transaction(isFree)), isFree()]).toEqual([0, 1]);
  tables.close();
  other.close();
});
