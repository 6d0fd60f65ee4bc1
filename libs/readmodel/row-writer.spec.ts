import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import { fewer, testPlace } from './testing.js';
import type { ProjectionGroup, RowChange, TableSpec } from './projection.js';

const table = (name: string): TableSpec => ({
  name,
  columns: { place: 'int', n: 'int', note: 'text' },
  nullable: ['note'],
  key: ['place'],
});
const group: ProjectionGroup = {
  name: 'plain',
  projections: [
    {
      name: 'plain',
      version: 1,
      tables: [table('left'), table('right')],
      handles: [],
      unit: () => null,
      names: () => [],
      loads: [],
      restore: () => null as never,
      apply: () => {},
      changes: () => [],
    },
  ],
};

const change = fc
  .record({
    op: fc.constantFrom('put', 'put', 'put', 'set', 'delete'),
    name: fc.constantFrom('left', 'right'),
    place: fc.integer({ min: 1, max: 12 }),
    n: fc.integer({ min: -3, max: 3 }),
    note: fc.option(fc.constantFrom('a', 'b')),
  })
  .map(({ op, name, place, n, note }): RowChange => {
    const key = { place };
    if (op === 'put') return { op, table: name, row: { place, n, note } };
    return op === 'set' ? { op, table: name, key, set: { n } } : { op: 'delete', table: name, key };
  });

describe('many changes at once', () => {
  const open = () => GenerationStore.open(group, 'plain-1', testPlace());

  it('come to the same rows as one after the other', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120, size: 'max' }), (changes) => {
        const [together, single] = [open(), open()];
        together.write(() => together.rows.writeAll(changes));
        single.write(() => changes.forEach((each) => single.rows.write(each)));
        deepStrictEqual(dumpRows(together), dumpRows(single));
        together.close();
        single.close();
      }),
      { numRuns: fewer(150) },
    );
  });

  it('leave nothing to those who come after them when one does not fit', () => {
    const store = open();
    const put = (place: number): RowChange => ({ op: 'put', table: 'left', row: { place, n: 1, note: null } });
    const misfit: RowChange = { op: 'put', table: 'left', row: { place: 3, n: 1, colour: 'red' } };
    const write = (changes: readonly RowChange[]) => store.write(() => store.rows.writeAll(changes));
    expect(() => write([put(1), put(2), misfit])).toThrow(expect.objectContaining({ code: 'PROJECTION_ROW' }));
    expect(() => write([put(1), { ...misfit, table: 'middle' }])).toThrow(/no projection of the group declares/);
    write([put(4)]);
    expect(dumpRows(store)['left']).toEqual([{ place: 4, n: 1, note: null }]);
    store.close();
  });
});
