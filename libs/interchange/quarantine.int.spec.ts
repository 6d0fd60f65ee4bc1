import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FORGOTTEN } from '@touchstone/eventing';
import { openHouse, type House } from './testing.js';
import { Quarantine, type Unreadable } from './quarantine.js';

let house: House;
beforeEach(async () => {
  house = await openHouse('2026-03-01T00:00:00Z');
});
afterEach(() => house.close());

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

describe('quarantine', () => {
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

  it('gives the record back as it came, and keeps it unreadable on disk', async () => {
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
        file: join(house.directory, 'quarantine.db'),
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
});
