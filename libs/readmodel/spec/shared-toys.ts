import { inGroup } from '../projection.js';
import type { BuiltInParts, DerivedRows, Projection, ProjectionGroup, RowChange } from '../projection.js';
import { toyDefects, type Stepped } from './toy.js';

/** Support of this lib's tests: counters whose events are digested, and sums of them that are derived in parts. */
interface Counter {
  readonly id: number;
  readonly steps: Map<string, number>;
  changes: RowChange[];
}

export const digested: Projection<Counter> = {
  name: 'digested',
  version: 1,
  tables: [
    {
      name: 'stride',
      columns: { counter: 'int', event: 'text', by: 'int', label: 'int', from_pos: 'text', bytes: 'blob' },
      key: ['counter', 'event'],
      indexes: [['label']],
      compare: { names: ['counter', 'label'], ignore: ['from_pos', 'bytes'] },
    },
  ],
  handles: ['Stepped'],
  unit: (event) => (event.stream === 'nobody' ? null : ['counter', event.stream]),
  loads: [{ table: 'stride', by: 'counter' }],
  restore: (id, _name, [steps]) => ({
    id,
    steps: new Map(steps!.map((row) => [row.event as string, row.by as number])),
    changes: [],
  }),
  digest: {
    write: ({ data }, to) => {
      const { by, label, breaks } = data as Stepped;
      to.number(by);
      to.name('label', label);
      to.text(breaks ?? '');
    },
    fold: (counter, from, { id, position }) => {
      const [by, label, breaks] = [from.number(), from.surrogate(), from.text()];
      if (breaks === 'apply' && toyDefects.on) throw new TypeError('Cannot count this.');
      if (counter.steps.has(id)) return;
      counter.steps.set(id, by);
      const bytes = breaks === 'row' && toyDefects.on ? null : new Uint8Array([by & 0xff]);
      counter.changes.push({ op: 'insert', table: 'stride', values: [counter.id, id, by, label, position, bytes] });
    },
  },
  changes: (counter) => counter.changes.splice(0),
};

/** Sums by counter; a part is a counter. `happens` is told of each part before it is made. */
export function sharedGroup(parts: number, happens: (part: number) => void = () => {}): ProjectionGroup {
  const sum = (rows: Pick<DerivedRows, 'all'>, part: number) =>
    rows.all(`select counter, sum("by") as total from stride where counter % ${parts} = ? group by counter`, part);
  const inParts: BuiltInParts['parts'] = {
    reads: ['stride'],
    split: () => Array.from({ length: parts }, (_, part) => part),
    maker: (rows, hand) => {
      let made: unknown[] = [];
      return {
        make: (part) => {
          happens(part as number);
          made.push(...sum(rows, part as number).map(({ counter, total }) => [counter, total]));
        },
        end: () => {
          hand(made.flat());
          made = [];
        },
      };
    },
    taker: (rows) => ({ take: (made) => rows.insert('total', made as number[]), finish: () => {} }),
  };
  return {
    name: 'shared',
    projections: [inGroup(digested)],
    derivations: [
      {
        name: 'totals',
        version: 1,
        tables: [
          {
            name: 'total',
            columns: { counter: 'int', total: 'int' },
            key: ['counter'],
            compare: { names: ['counter'] },
          },
        ],
        parts: inParts,
        prepare: (changes) => changes.map((change) => (change.op === 'insert' ? change.values[0] : 0)),
        follow: (prepared, rows) => {
          for (const counter of new Set(prepared as number[])) {
            const [row] = rows.all(
              'select counter, sum("by") as total from stride where counter = ? group by counter',
              counter,
            );
            rows.write({ op: 'put', table: 'total', row: { counter, total: row!['total']! } });
          }
        },
      },
    ],
  };
}
