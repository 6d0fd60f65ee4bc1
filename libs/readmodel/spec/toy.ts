import type { RecordedEvent } from '@touchstone/eventing/pure';
import { CubeDelta, cubeTables, type CubeSpec } from '../cube.js';
import { inGroup } from '../projection.js';
import type { DerivedRows, EventProjection, ProjectionGroup, Row, RowChange, SimpleDerivation } from '../projection.js';
import type { ReadQuery } from '../query.js';

/** Support of this lib's tests: counters that go up in labelled steps, and the reads on them. */
export interface Stepped {
  readonly by: number;
  readonly label: string;
  /** The step breaks its projection, as a defect would: while folding it, or with a row that does not fit. */
  readonly breaks?: 'apply' | 'row';
}

interface Counter {
  readonly id: number;
  readonly steps: Map<string, number>;
  total: number;
  changes: RowChange[];
}

/** Which broken steps break right now; a test mends the projection by clearing it. */
export const toyDefects = { on: true };

export function toyProjection({ version = 1, factor = 1 } = {}): EventProjection<Counter> {
  return {
    name: 'counters',
    version,
    tables: [
      {
        name: 'counter',
        columns: { id: 'int', total: 'int', steps: 'int' },
        key: ['id'],
        indexes: [['total']],
        compare: { names: ['id'] },
      },
      {
        name: 'step',
        columns: { counter: 'int', event: 'text', by: 'int', label: 'int', from_pos: 'text', bytes: 'blob' },
        key: ['counter', 'event'],
        indexes: [['label'], ['counter', 'from_pos']],
        compare: { names: ['counter', 'label'], ignore: ['from_pos', 'bytes'] },
      },
    ],
    handles: ['Stepped'],
    unit: (event) => ['counter', event.stream],
    names: (event) => [['label', (event.data as Stepped).label]],
    loads: [
      { table: 'counter', by: 'id' },
      { table: 'step', by: 'counter' },
    ],
    restore: (id, _name, [counter, steps]) => ({
      id,
      total: (counter![0]?.total as number | undefined) ?? 0,
      steps: new Map(steps!.map((row) => [row.event as string, row.by as number])),
      changes: [],
    }),
    apply(counter, event, idOf) {
      const { by, label, breaks } = event.data as Stepped;
      if (breaks === 'apply' && toyDefects.on) throw new TypeError('Cannot count this.');
      if (counter.steps.has(event.id)) return;
      counter.steps.set(event.id, by);
      counter.total += by * factor;
      const row = { counter: counter.id, event: event.id, by, label: idOf('label', label), from_pos: event.position };
      const bytes = breaks === 'row' && toyDefects.on ? null : new Uint8Array([by & 0xff, counter.steps.size & 0xff]);
      counter.changes.push({ op: 'put', table: 'step', row: { ...row, bytes } });
    },
    changes(counter) {
      const changes = counter.changes;
      counter.changes = [];
      return changes;
    },
    newest: ({ id, total, steps }) => [{ op: 'put', table: 'counter', row: { id, total, steps: steps.size } }],
  };
}

/** Steps by their size (as days) and label. */
export const TOY_CUBE: CubeSpec = {
  name: 'steps_by_size',
  dims: ['day', 'label'],
  measures: ['steps', 'sum'],
  rollups: [[]],
  compare: { names: ['label'] },
};

/** A step with this label breaks the derivation. */
export const UNDERIVABLE = 'underivable';

export function toyDerivation(settings?: string): SimpleDerivation {
  const stepsOf = (rows: DerivedRows, counter: number) =>
    rows.all('select "by", label from step where counter = ?', counter);
  const count = (delta: CubeDelta, rows: Iterable<Row>, sign: 1 | -1) => {
    for (const row of rows) delta.add([row.by as number, row.label as number], [1, row.by as number], sign);
  };
  return {
    name: 'sizes',
    version: 1,
    settings,
    tables: cubeTables(TOY_CUBE),
    build(rows) {
      const delta = new CubeDelta(TOY_CUBE);
      count(delta, rows.each('select "by", label from step'), 1);
      for (const change of delta.changes()) rows.write(change);
    },
    prepare(changes, rows) {
      const counters = new Set<number>();
      for (const change of changes) {
        if (change.op === 'put' && change.table === 'counter') counters.add(change.row.id as number);
      }
      const delta = new CubeDelta(TOY_CUBE);
      for (const counter of counters) count(delta, stepsOf(rows, counter), -1);
      return { counters, delta };
    },
    follow(prepared, rows) {
      const { counters, delta } = prepared as { counters: Set<number>; delta: CubeDelta };
      const underivable = rows.idOf('label', UNDERIVABLE);
      for (const counter of counters) {
        const steps = stepsOf(rows, counter);
        if (toyDefects.on && steps.some(({ label }) => label === underivable)) throw new RangeError('Cannot derive.');
        count(delta, steps, 1);
      }
      for (const change of delta.changes()) rows.write(change);
    },
  };
}

export const toyGroup = (options?: { version?: number; factor?: number; settings?: string }): ProjectionGroup => ({
  name: 'toys',
  projections: [inGroup(toyProjection(options))],
  derivations: [toyDerivation(options?.settings)],
});

/** Refuses what it cannot read, as the registry of event types does. */
export function readToy(event: RecordedEvent): RecordedEvent {
  if ((event.data as { unreadable?: boolean }).unreadable && toyDefects.on) {
    throw Object.assign(new Error('No such version.'), { code: 'EVENT_VERSION_UNKNOWN' });
  }
  return event;
}

/** The sum of all totals, or as of the past the sum of the steps known then. */
export const sumQuery: ReadQuery<{ label?: string }, { total: number; checkpoint: string }> = {
  name: 'toys.sum',
  group: 'toys',
  async run(read, { label }) {
    const id = label === undefined ? null : await read.idOf('label', label);
    let steps = read.db.selectFrom('step').where('from_pos', '<=', read.asOf.position);
    if (label !== undefined) steps = steps.where('label', '=', id);
    const { total } = await steps.select((e) => e.fn.sum('by').as('total')).executeTakeFirstOrThrow();
    return { total: Number(total ?? 0), checkpoint: read.asOf.position };
  },
};

/** Runs until it is stopped: in script, in many statements, or in one statement of about so many steps. */
export const slowQuery: ReadQuery<{ how: 'script' | 'statements' | 'statement'; steps?: number }, number> = {
  name: 'toys.slow',
  group: 'toys',
  async run(read, { how, steps = Infinity }) {
    if (how === 'statement') {
      const { rows } = await read.db.executeQuery<{ n: number }>({
        sql: `with recursive c(n) as (select 1 union all select n + 1 from c where n < ${read.engine === 'postgres' ? '$1' : '?'}) select max(n) as n from c`,
        parameters: [steps],
        query: { kind: 'RawNode' } as never,
        queryId: { queryId: 'slow' },
      });
      return rows[0]!.n;
    }
    let n = 0;
    for (; n < steps; n++) {
      if (how === 'script') read.checkpointCancel();
      else await read.db.selectFrom('counter').select('id').limit(1).execute();
    }
    return n;
  },
};

/** Keeps in which generation it ran; answers what it had kept before, and how much it may keep. */
export const keepingQuery: ReadQuery<null, { before: string | null; limit: number }> = {
  name: 'toys.keeping',
  group: 'toys',
  run({ memory: { kept, limit }, generation }) {
    const before = (kept.get('toys') as string | undefined) ?? null;
    kept.set('toys', generation);
    return Promise.resolve({ before, limit });
  },
};

/** Fails as asked: with a defect, or by leaving the thread. */
export const badQuery: ReadQuery<{ how: 'defect' | 'exit' }, never> = {
  name: 'toys.bad',
  group: 'toys',
  async run(_read, { how }) {
    if (how === 'exit') process.exit(3);
    throw new RangeError('Off by one.');
  },
};

/** Steps for `recorded(...)`. */
export const steps = (...labels: readonly string[]) =>
  labels.map((label, i) => ({ type: 'Stepped', data: { by: i + 1, label } satisfies Stepped }));
