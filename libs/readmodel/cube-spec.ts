import { TouchstoneError } from '@touchstone/eventing/pure';
import type { TableSpec } from './projection.js';

/**
 * A cube: whole numbers that are summed in cells. A cell is a combination of whole numbers, first of all its `day`
 * (days since 1970); a cell of which nothing but zeros is left is not there.
 */
export interface CubeSpec {
  /** Name of its table. */
  readonly name: string;
  /** What makes a cell; the first is always `day`. */
  readonly dims: readonly string[];
  /** What is summed. A sum may be negative; up to 2^53 - 1 it is exact, beyond it is refused. */
  readonly measures: readonly string[];
  /** Coarser copies, by the dims they keep besides `day`, in the order of their key. */
  readonly rollups?: readonly (readonly string[])[];
  readonly compare?: TableSpec['compare'];
}

/** One table of a cube: the whole or a rollup. */
export interface CubeTable {
  readonly name: string;
  readonly dims: readonly string[];
}

/** The whole cube first, then its rollups. */
export function cubeLayout({ name, dims, rollups = [] }: CubeSpec): readonly CubeTable[] {
  const coarser = rollups.map((kept) => ({ name: `${name}_per_${kept.join('_') || 'day'}`, dims: ['day', ...kept] }));
  return [{ name, dims }, ...coarser];
}

/**
 * The tables of a cube: the whole and one per rollup, each keyed by its dims in order, all columns `int`.
 * @throws CUBE_SPEC (internal)
 */
export function cubeTables(spec: CubeSpec): TableSpec[] {
  assertSpec(spec);
  const { measures, compare } = spec;
  return cubeLayout(spec).map(({ name, dims }) => ({
    name,
    columns: Object.fromEntries([...dims, ...measures].map((column) => [column, 'int' as const])),
    key: dims,
    ...(compare && { compare }),
  }));
}

function assertSpec({ name, dims, measures, rollups = [] }: CubeSpec): void {
  if (dims[0] !== 'day') fault(name, 'its first dimension is not "day"');
  if (measures.length === 0) fault(name, 'it measures nothing');
  const columns = [...dims, ...measures];
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) fault(name, `it has two columns "${twice}"`);
  for (const kept of rollups) {
    const odd = kept.find((dim, i) => dim === 'day' || !dims.includes(dim) || kept.indexOf(dim) !== i);
    if (odd !== undefined) fault(name, `a rollup keeps "${odd}", which is no other dimension of it or is named twice`);
  }
}

function fault(name: string, what: string): never {
  throw new TouchstoneError('CUBE_SPEC', `The cube "${name}" cannot be laid out: ${what}.`, 'internal');
}
