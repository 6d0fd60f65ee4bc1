import { TouchstoneError } from '@touchstone/eventing/pure';
import { cubeLayout, type CubeSpec, type CubeTable } from './cube-spec.js';
import type { RowChange } from './projection.js';

const FIRST_CAPACITY = 256;
const ROWS_AT_ONCE = 4_096;

/**
 * Contributions to a cube, summed per cell until they are asked for as row changes. Adding makes no garbage, so that
 * millions of contributions can pass through; ask for the changes before the cells fill the memory (about
 * `4 × (dims + 3) + 8 × measures` bytes each).
 */
export class CubeDelta {
  private readonly spec: CubeSpec;
  private readonly tables: readonly CubeTable[];
  private cells: Cells;

  constructor(spec: CubeSpec) {
    this.spec = spec;
    this.tables = cubeLayout(spec);
    this.cells = new Cells(spec, spec.dims.length);
  }

  /** Cells that were touched since the last `changes`. */
  get size(): number {
    return this.cells.count;
  }

  /**
   * Adds one contribution, or takes it back. Both lists are read in the order of the spec and not kept.
   * @throws CUBE_VALUE (internal) for a dimension that is no 32-bit integer and for a sum that is no exact number
   */
  add(dims: ArrayLike<number>, measures: ArrayLike<number>, sign: 1 | -1): void {
    this.cells.add(this.cells.cellOf(dims), measures, 0, sign);
  }

  /** The sums, to be absorbed by another delta of the same cube, in this thread or another; this one is empty then. */
  handOver(): CubeSums {
    const { cells, spec } = this;
    this.cells = new Cells(spec, spec.dims.length);
    const { count, keys, sums, hashes, slots } = cells;
    return { count, keys, sums, hashes, slots };
  }

  /** Adds what another delta handed over, which is used up. @throws CUBE_VALUE (internal) */
  absorb(other: CubeSums): void {
    let [into, from] = [this.cells, Cells.of(this.spec, other)];
    if (into.count < from.count) [into, from] = [from, into];
    const key = new Int32Array(from.dims);
    for (let cell = 0; cell < from.count; cell++) {
      for (let i = 0; i < from.dims; i++) key[i] = from.keys[cell * from.dims + i]!;
      into.add(into.cellOf(key), from.sums, cell * from.measures, 1);
    }
    this.cells = into;
  }

  /**
   * The row changes for the whole cube and its rollups, one per cell, without those that came to nothing, each table
   * in the order of its key; the delta is empty afterwards.
   * @throws CUBE_VALUE (internal)
   */
  changes(): RowChange[] {
    const { cells, spec } = this;
    this.cells = new Cells(spec, spec.dims.length);
    const order = cells.sorted();
    const changes: RowChange[] = [];
    for (const { name, dims } of this.tables) {
      if (name === spec.name) write(changes, name, dims, spec.measures, cells, order);
      else {
        const coarse = rolledUp(spec, dims, cells, order);
        write(changes, name, dims, spec.measures, coarse, coarse.sorted());
      }
    }
    return changes;
  }

  /**
   * Whole rows for tables that are empty: hands on, table by table and some thousand rows at a time, the values of
   * rows one after another in the order of the table's columns. The delta is empty afterwards.
   */
  fill(insert: (table: string, values: number[]) => void): void {
    const { cells, spec } = this;
    this.cells = new Cells(spec, spec.dims.length);
    const order = cells.sorted();
    for (const { name, dims } of this.tables) {
      const whole = name === spec.name ? cells : rolledUp(spec, dims, cells, order);
      whole.rows(whole === cells ? order : whole.sorted(), (values) => insert(name, values));
    }
  }
}

/** Sums of a cube as they are handed over; the buffers can be transferred. */
export interface CubeSums {
  readonly count: number;
  readonly keys: Int32Array;
  readonly sums: Float64Array;
  readonly hashes: Int32Array;
  readonly slots: Int32Array;
}

export const buffersOf = ({ keys, sums, hashes, slots }: CubeSums): ArrayBuffer[] =>
  [keys, sums, hashes, slots].map(({ buffer }) => buffer as ArrayBuffer);

/** Sums by integer keys: open addressing over flat arrays. */
class Cells {
  count = 0;
  readonly measures: number;
  keys: Int32Array;
  sums: Float64Array;
  hashes: Int32Array;
  /** Cell plus one; 0 is free. Never more than half full. */
  slots: Int32Array;

  constructor(
    private readonly spec: CubeSpec,
    readonly dims: number,
    capacity = FIRST_CAPACITY,
  ) {
    this.measures = spec.measures.length;
    this.keys = new Int32Array(capacity * dims);
    this.sums = new Float64Array(capacity * this.measures);
    this.hashes = new Int32Array(capacity);
    this.slots = new Int32Array(capacity * 2);
  }

  static of(spec: CubeSpec, { count, keys, sums, hashes, slots }: CubeSums): Cells {
    const cells = new Cells(spec, spec.dims.length, 0);
    Object.assign(cells, { count, keys, sums, hashes, slots });
    return cells;
  }

  cellOf(key: ArrayLike<number>): number {
    const { dims, keys } = this;
    let hash = 0x2545f491;
    for (let i = 0; i < dims; i++) {
      const part = key[i]!;
      if (part !== (part | 0)) this.badDimension(i, part);
      hash = Math.imul(hash ^ part, 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
    hash ^= hash >>> 16;
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let taken = this.slots[slot]!; taken !== 0; taken = this.slots[slot]!) {
      const cell = taken - 1;
      if (this.hashes[cell] === hash) {
        const at = cell * dims;
        let i = 0;
        while (i < dims && keys[at + i] === key[i]) i++;
        if (i === dims) return cell;
      }
      slot = (slot + 1) & mask;
    }
    if (this.count === this.hashes.length) {
      this.grow();
      slot = this.freeSlot(hash);
    }
    const cell = this.count++;
    this.slots[slot] = cell + 1;
    this.hashes[cell] = hash;
    for (let i = 0; i < dims; i++) this.keys[cell * dims + i] = key[i]!;
    return cell;
  }

  add(cell: number, addends: ArrayLike<number>, from: number, sign: number): void {
    const { measures, sums } = this;
    const at = cell * measures;
    for (let i = 0; i < measures; i++) {
      const sum = sums[at + i]! + sign * addends[from + i]!;
      // So written, it also refuses what is no number.
      if (!(sum <= Number.MAX_SAFE_INTEGER && sum >= -Number.MAX_SAFE_INTEGER)) this.badSum(i, sum);
      sums[at + i] = sum;
    }
  }

  /** The cells of which something is left, in the order of their keys. */
  sorted(): Int32Array {
    const { keys, dims, measures, sums } = this;
    const order = new Int32Array(this.count);
    let left = 0;
    for (let cell = 0; cell < this.count; cell++) {
      let i = cell * measures;
      const end = i + measures;
      while (i < end && sums[i] === 0) i++;
      if (i < end) order[left++] = cell;
    }
    return order.subarray(0, left).sort((a, b) => {
      for (let i = 0, x = a * dims, y = b * dims; i < dims; i++, x++, y++) {
        if (keys[x] !== keys[y]) return keys[x]! - keys[y]!;
      }
      return 0;
    });
  }

  /** The rows of these cells, key and sums, in pages. */
  rows(order: Int32Array, take: (values: number[]) => void): void {
    const { keys, sums, dims, measures } = this;
    for (let from = 0; from < order.length; from += ROWS_AT_ONCE) {
      const values: number[] = [];
      for (const cell of order.subarray(from, from + ROWS_AT_ONCE)) {
        for (let i = 0; i < dims; i++) values.push(keys[cell * dims + i]!);
        for (let i = 0; i < measures; i++) values.push(sums[cell * measures + i]!);
      }
      take(values);
    }
  }

  private freeSlot(hash: number): number {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const wider = new Cells(this.spec, this.dims, this.hashes.length * 2);
    wider.keys.set(this.keys);
    wider.sums.set(this.sums);
    wider.hashes.set(this.hashes);
    ({ keys: this.keys, sums: this.sums, hashes: this.hashes, slots: this.slots } = wider);
    for (let cell = 0; cell < this.count; cell++) this.slots[this.freeSlot(this.hashes[cell]!)] = cell + 1;
  }

  private badDimension(i: number, part: number | undefined): never {
    const { name, dims } = this.spec;
    throw new TouchstoneError(
      'CUBE_VALUE',
      `The cube "${name}" was given ${part} for "${dims[i]}"; give it a 32-bit integer.`,
      'internal',
    );
  }

  private badSum(i: number, sum: number): never {
    const { name, measures } = this.spec;
    throw new TouchstoneError(
      'CUBE_VALUE',
      `The sum "${measures[i]}" of a cell of "${name}" came to ${sum}; it has to be a number up to 2^53 - 1.`,
      'internal',
    );
  }
}

function rolledUp(spec: CubeSpec, kept: readonly string[], cells: Cells, order: Int32Array): Cells {
  const coarse = new Cells(spec, kept.length);
  const places = kept.map((dim) => spec.dims.indexOf(dim));
  const key = new Int32Array(kept.length);
  for (const cell of order) {
    for (let i = 0; i < places.length; i++) key[i] = cells.keys[cell * cells.dims + places[i]!]!;
    coarse.add(coarse.cellOf(key), cells.sums, cell * cells.measures, 1);
  }
  return coarse;
}

function write(
  changes: RowChange[],
  table: string,
  dims: readonly string[],
  measures: readonly string[],
  cells: Cells,
  order: Int32Array,
): void {
  for (const cell of order) {
    const key: Record<string, number> = {};
    for (let i = 0; i < dims.length; i++) key[dims[i]!] = cells.keys[cell * dims.length + i]!;
    const add: Record<string, number> = {};
    for (let i = 0; i < measures.length; i++) {
      const sum = cells.sums[cell * measures.length + i]!;
      if (sum !== 0) add[measures[i]!] = sum;
    }
    changes.push({ op: 'add', table, key, add });
  }
}
