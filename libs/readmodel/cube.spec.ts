import fc from 'fast-check';
import { fewer } from './testing.js';
import { BulkInsert } from './bulk-insert.js';
import { CubeDelta, cubeTables, type CubeSpec } from './cube.js';
import { dumpRows } from './dump.js';
import type { GenerationStore } from './generation-store.js';
import type { RowChange } from './projection.js';
import { ask, brute, contribution, emptyStore, onePass, spec, write, type Contribution } from './spec/visits.js';

describe('a cube', () => {
  it('kept up in any batches, with contributions that come and go, equals one made in one pass', () => {
    const script = fc.array(
      fc.record({ contribution, stays: fc.boolean(), later: fc.integer({ min: 0, max: 6 }), cut: fc.boolean() }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(script, (steps) => {
        const store = emptyStore();
        const delta = new CubeDelta(spec);
        const leaving: { at: number; contribution: Contribution }[] = [];
        const leave = (until: number) => {
          for (const { contribution } of leaving.filter(({ at }) => at === until)) delta.add(...contribution, -1);
        };
        steps.forEach(({ contribution, stays, later, cut }, i) => {
          leave(i);
          delta.add(...contribution, 1);
          // Out again in the same batch or in a later one.
          if (!stays && later === 0) delta.add(...contribution, -1);
          if (!stays && later > 0) leaving.push({ at: i + later, contribution });
          if (cut) write(store, delta.changes());
        });
        for (let i = steps.length; i < steps.length + 7; i++) leave(i);
        write(store, delta.changes());
        const kept = steps.filter(({ stays }) => stays).map((step) => step.contribution);
        expect(dumpRows(store)).toEqual(dumpRows(onePass(kept)));
      }),
    );
  });

  it('holds the sum of what was added to each cell, in the whole and in each rollup', () => {
    fc.assert(
      fc.property(fc.array(contribution, { maxLength: 40 }), (contributions) => {
        const rows = dumpRows(onePass(contributions));
        for (const { name, key } of cubeTables(spec)) {
          const expected = brute(contributions, { groupBy: key, measures: spec.measures });
          expect(rows[name]!.map((row) => key.map((dim) => row[dim]))).toEqual(expected.map((group) => group.key));
          expect(rows[name]!.map((row) => spec.measures.map((m) => row[m]))).toEqual(expected.map((g) => g.measures));
        }
      }),
    );
  });

  it('filled while it was empty, then added to, equals one made in one pass', () => {
    const several = fc.array(contribution, { maxLength: 600 });
    fc.assert(
      fc.property(several, several, (first, then) => {
        const store = emptyStore();
        const delta = new CubeDelta(spec);
        for (const each of first) delta.add(...each, 1);
        const tables = new Map(cubeTables(spec).map((table) => [table.name, new BulkInsert(store.db, table)]));
        delta.fill((table, values) => tables.get(table)!.insert(values));
        for (const each of then) delta.add(...each, 1);
        write(store, delta.changes());
        expect(dumpRows(store)).toEqual(dumpRows(onePass([...first, ...then])));
      }),
      { numRuns: fewer(30) },
    );
  });

  it('takes whole rows only', () => {
    const bulk = new BulkInsert(emptyStore().db, cubeTables(spec)[0]!);
    expect(() => bulk.insert([1, 2, 3])).toThrow(expect.objectContaining({ code: 'PROJECTION_ROW' }));
  });

  it('is laid out with a table for the whole and one for each rollup', () => {
    expect(cubeTables(spec).map(({ name, key }) => [name, ...key])).toEqual([
      ['visits', 'day', 'unit', 'channel', 'kind'],
      ['visits_per_unit', 'day', 'unit'],
      ['visits_per_channel_unit', 'day', 'channel', 'unit'],
      ['visits_per_day', 'day'],
    ]);
    const wrong: Partial<CubeSpec>[] = [
      { dims: ['unit', 'day', 'channel'] },
      { measures: [] },
      { measures: ['n', 'unit'] },
      { rollups: [['region']] },
      { rollups: [['day', 'unit']] },
      { rollups: [['unit', 'unit']] },
    ];
    for (const part of wrong) {
      expect(() => cubeTables({ ...spec, ...part })).toThrow(expect.objectContaining({ code: 'CUBE_SPEC' }));
    }
  });
});

describe('a delta', () => {
  it('gives one change per cell in the order of keys, nothing for what came to nothing, and is empty then', () => {
    const delta = new CubeDelta({ ...spec, rollups: [[]] });
    delta.add([2, 1, 1, 1], [1, 5, 25], 1);
    delta.add([1, 2, 1, 1], [1, 0, 0], 1);
    delta.add([1, 1, -1, 1], [1, 2, 4], 1);
    delta.add([2, 1, 1, 1], [1, 5, 25], -1);
    delta.add([1, 1, -1, 1], [1, 3, 9], 1);
    expect(delta.size).toBe(3);
    expect(delta.changes()).toEqual([
      {
        op: 'add',
        table: 'visits',
        key: { day: 1, unit: 1, channel: -1, kind: 1 },
        add: { n: 2, sum: 5, squares: 13 },
      },
      { op: 'add', table: 'visits', key: { day: 1, unit: 2, channel: 1, kind: 1 }, add: { n: 1 } },
      { op: 'add', table: 'visits_per_day', key: { day: 1 }, add: { n: 3, sum: 5, squares: 13 } },
    ]);
    expect(delta.size).toBe(0);
    expect(delta.changes()).toEqual([]);
  });

  it('keeps very many cells apart', () => {
    const delta = new CubeDelta({ name: 'many', dims: ['day', 'unit', 'kind'], measures: ['n'] });
    const cells = 40_000;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < cells; i++) delta.add([i % 8, ((i >> 3) * 1_000_003) | 0, -i], [1], 1);
    }
    expect(delta.size).toBe(cells);
    const changes = delta.changes();
    expect(new Set(changes.map((c) => c.op === 'add' && c.add.n))).toEqual(new Set([3]));
    expect(new Set(changes.map((c) => c.op === 'add' && Object.values(c.key).join()))).toHaveProperty('size', cells);
  });

  it('refuses what it could not sum exactly', () => {
    const delta = new CubeDelta(spec);
    const refused = expect.objectContaining({ code: 'CUBE_VALUE' });
    expect(() => delta.add([1, 1, 1.5, 1], [1, 1, 1], 1)).toThrow(refused);
    expect(() => delta.add([1, 1, 2 ** 31, 1], [1, 1, 1], 1)).toThrow(refused);
    expect(() => delta.add([1, 1, 1], [1, 1, 1], 1)).toThrow(refused);
    expect(() => delta.add([1, 1, 1, 1], [1, NaN, 1], 1)).toThrow(refused);
    expect(() => delta.add([1, 1, 1, 1], [1], 1)).toThrow(refused);
    delta.add([2, 1, 1, 1], [Number.MAX_SAFE_INTEGER, 0, 0], 1);
    expect(() => delta.add([2, 1, 1, 1], [1, 0, 0], 1)).toThrow(refused);
  });
});

describe('rows that are added to', () => {
  const at = { day: 1, unit: 1, channel: 1, kind: 1 };
  const add = (add: Record<string, number>, key: Record<string, number> = at): RowChange => ({
    op: 'add',
    table: 'visits',
    key,
    add,
  });
  const rows = (store: GenerationStore) => dumpRows(store).visits!;

  it('are there as long as they hold more than zeros', () => {
    const store = emptyStore();
    write(store, [add({ n: 0 })]);
    expect(rows(store)).toEqual([]);
    write(store, [add({ n: 1, sum: -4 })]);
    expect(rows(store)).toEqual([{ ...at, n: 1, sum: -4, squares: 0 }]);
    write(store, [add({ n: -1 }), add({ squares: 0 })]);
    expect(rows(store)).toEqual([{ ...at, n: 0, sum: -4, squares: 0 }]);
    // Also where nothing negative was added last.
    write(store, [add({ sum: 4 })]);
    expect(rows(store)).toEqual([]);
  });

  it('refuse what is no whole number, no sum or not their key', () => {
    const store = emptyStore();
    const misfits = [
      add({ n: 0.5 }),
      add({ m: 1 }),
      add({ day: 1 }),
      add({ n: 1 }, { day: 1 }),
      add({ n: 1 }, { ...at, x: 1 }),
    ];
    for (const change of misfits) {
      expect(() => write(store, [change])).toThrow(expect.objectContaining({ code: 'PROJECTION_ROW' }));
    }
    expect(rows(store)).toEqual([]);
  });

  it('are exact or refused beyond what a number can hold', async () => {
    const store = emptyStore();
    write(store, [add({ n: Number.MAX_SAFE_INTEGER }), add({ n: Number.MAX_SAFE_INTEGER })]);
    await expect(ask(store, { groupBy: ['kind'], measures: ['n'] })).rejects.toMatchObject({ code: 'QUERY_FAILED' });
    write(store, [add({ n: -Number.MAX_SAFE_INTEGER }), add({ n: -1 })]);
    expect(await ask(store, { groupBy: ['kind'], measures: ['n'] })).toEqual([
      { key: [1], measures: [Number.MAX_SAFE_INTEGER - 1] },
    ]);
  });
});
