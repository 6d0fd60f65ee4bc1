import fc from 'fast-check';
import { CubeDelta, cubeTables, readCube, type CubeAsk, type CubeSpec } from '../cube.js';
import type { GenerationStore } from '../generation-store.js';
import type { RowChange } from '../projection.js';
import { InlineReads, projectAll } from '../testing.js';

/** Support of this lib's tests: a cube, a store with nothing but the cube, and what it is compared with. */
export const spec: CubeSpec = {
  name: 'visits',
  dims: ['day', 'unit', 'channel', 'kind'],
  measures: ['n', 'sum', 'squares'],
  rollups: [['unit'], ['channel', 'unit'], []],
};

export type Contribution = readonly [dims: readonly number[], measures: readonly number[]];

const small = fc.integer({ min: 0, max: 3 });
export const contribution: fc.Arbitrary<Contribution> = fc.tuple(
  fc.tuple(fc.integer({ min: 19_990, max: 20_100 }), small, small, fc.integer({ min: -2, max: 2 })),
  fc.tuple(fc.constant(1), fc.integer({ min: -5, max: 5 }), fc.nat(25)),
);

/** A store with nothing but the cube's tables. */
export function emptyStore(of = spec): GenerationStore {
  const idle = { build() {}, prepare() {}, follow() {} };
  return projectAll(
    { name: 'cubes', projections: [], derivations: [{ name: 'cube', version: 1, tables: cubeTables(of), ...idle }] },
    [],
  );
}

export function write(store: GenerationStore, changes: readonly RowChange[]): void {
  store.write(() => changes.forEach((change) => store.rows.write(change)));
}

export function onePass(contributions: readonly Contribution[]): GenerationStore {
  const store = emptyStore();
  const delta = new CubeDelta(spec);
  for (const [dims, measures] of contributions) delta.add(dims, measures, 1);
  write(store, delta.changes());
  return store;
}

export async function ask(store: GenerationStore, question: CubeAsk, onStatement?: (sql: string) => void) {
  const query = {
    name: 'cubes.ask',
    group: 'cubes',
    run: (read: Parameters<typeof readCube>[0], params: CubeAsk) => {
      if (!onStatement) return readCube(read, spec, params);
      const db = read.db.withPlugin({
        transformQuery: ({ node }) => {
          onStatement(read.db.getExecutor().compileQuery(node as never, { queryId: 'q' } as never).sql);
          return node;
        },
        transformResult: ({ result }) => Promise.resolve(result),
      });
      return readCube({ ...read, db }, spec, params);
    },
  };
  return (await new InlineReads(store).run(query, question)).result;
}

/** The answer from the contributions themselves, without the cube. */
export function brute(contributions: readonly Contribution[], { from, to, filter = {}, groupBy, measures }: CubeAsk) {
  const groups = new Map<string, { key: number[]; measures: number[] }>();
  for (const [dims, values] of contributions) {
    const of = (dim: string) => dims[spec.dims.indexOf(dim)]!;
    if ((from !== undefined && of('day') < from) || (to !== undefined && of('day') >= to)) continue;
    if (Object.entries(filter).some(([dim, wanted]) => !wanted.includes(of(dim)))) continue;
    const key = groupBy.map(of);
    const group = groups.get(key.join()) ?? { key, measures: measures.map(() => 0) };
    measures.forEach((m, i) => (group.measures[i]! += values[spec.measures.indexOf(m)]!));
    groups.set(key.join(), group);
  }
  return [...groups.values()]
    .filter((group) => group.measures.some((sum) => sum !== 0))
    .sort((a, b) => a.key.map((part, i) => part - b.key[i]!).find((d) => d !== 0) ?? 0);
}
