import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { openSyncPostgres, postgresAddress } from '@touchstone/eventing';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { moveQuarantine } from './quarantine-move.js';
import { Quarantine, type Unreadable } from './quarantine.js';
import { openHouse, type House } from './testing.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

(postgres ? describe : describe.skip)('a quarantine that is given a PostgreSQL', () => {
  const CLERK = { id: 'clerk' };
  let house: House;
  let file: string;
  let url: string;
  beforeEach(async () => {
    house = await openHouse();
    file = join(house.directory, 'own.db');
    url = freshSchema(postgres!, 'move');
  });
  afterEach(() => house.close());

  const record = (n: number): Unreadable => ({
    source: 'oms',
    fingerprint: `f${n}`,
    line: n,
    code: n % 2 ? 'A' : 'B',
    reason: `It is the ${n}th.`,
    raw: `<event>${n}\0</event>`,
    shared: `of file ${n % 3}`,
  });
  const within = async <R>(place: { file: string } | { url: string }, work: (q: Quarantine) => R | Promise<R>) => {
    const quarantine = Quarantine.open({ ...place, sealer: house.sealer, clock: house.clock });
    try {
      return await work(quarantine);
    } finally {
      quarantine.close();
    }
  };
  /** All that is known of each record, but its number. */
  const told = (quarantine: Quarantine) => {
    const all = [];
    for (let after: string | null = null; ;) {
      const { edges, pageInfo } = quarantine.list({ state: 'all', first: 50, after, contents: ['raw', 'payload'] });
      for (const { node } of edges) {
        const { id, ...rest } = node;
        all.push({ ...rest, raw: quarantine.raw(id), deeds: quarantine.deeds(id) });
      }
      if (!pageInfo.hasNextPage) return all.sort((a, b) => a.line! - b.line!);
      after = pageInfo.endCursor;
    }
  };
  const numberOf = (quarantine: Quarantine, line: number) =>
    quarantine.list({ first: 500 }).edges.find(({ node }) => node.line === line)!.node.id;
  const filled = (count: number) =>
    within({ file }, async (quarantine) => {
      await quarantine.add(Array.from({ length: count }, (_, i) => record(i + 1)));
      quarantine.discard(numberOf(quarantine, 3), 'a test', CLERK);
      quarantine.mend(numberOf(quarantine, 4), { payload: '{"a":1}', note: 'by phone' }, CLERK);
      return told(quarantine);
    });

  it('moves there with all that was done about it, and leaves nothing behind', async () => {
    const before = await filled(230);
    expect(before).toHaveLength(230);
    const copy = join(house.directory, 'copy.db');
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    expect(moveQuarantine(file, url)).toBe(230);
    expect(existsSync(file)).toBe(false);
    expect(await within({ url }, told)).toEqual(before);
    // As after a crash between the two: nothing comes twice.
    expect(moveQuarantine(copy, url)).toBe(230);
    expect(await within({ url }, told)).toEqual(before);
    expect(moveQuarantine(file, url)).toBe(0);
  });

  it('goes on where it was broken off, and brings nothing back that is gone there, nor changes what is there', async () => {
    const before = await filled(230);
    await within({ url }, (quarantine) => quarantine.add([{ ...record(7), reason: 'Seen here first.' }]));
    const { schema } = postgresAddress(url);
    const db = openSyncPostgres(url, { schema: `${schema}_quarantine` });
    db.exec(`create function no() returns trigger language plpgsql as $$ begin raise exception 'full'; end $$;
      create trigger no before insert on record for each row when (new.fingerprint = 'f201') execute function no()`);
    expect(() => moveQuarantine(file, url)).toThrow('full');
    expect(await within({ file }, (quarantine) => quarantine.count())).toBe(30);
    db.exec(`drop trigger no on record; delete from record where fingerprint = 'f1'`);
    db.close();
    expect(moveQuarantine(file, url)).toBe(30);
    const after = await within({ url }, told);
    expect(after.map(({ line }) => line)).toEqual(before.slice(1).map(({ line }) => line));
    expect(after.find(({ line }) => line === 7)!.reason).toBe('Seen here first.');
  });
});
