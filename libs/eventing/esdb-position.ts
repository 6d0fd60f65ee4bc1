import type { Position } from './envelope.js';
import { invalidPosition } from './log-input.js';

/** A place in `$all`, as the server counts: never calculated with, only given back. */
export interface EsdbPlace {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** Position of the head of a log without events. The first event stands behind it. */
export const BEFORE_ALL: Position = '0'.repeat(32);

/** Positions are signed 64-bit integers on the server. */
const LARGEST = 2n ** 63n - 1n;

/** A log in which nothing was found yet makes the server tell of a checkpoint at "minus one". */
export const isPlace = ({ commit, prepare }: EsdbPlace): boolean => commit <= LARGEST && prepare <= LARGEST;

const half = (value: bigint): string => value.toString(16).padStart(16, '0');

/** Commit, then prepare, in hexadecimal: a text of one width that sorts as the log does. */
export const toPosition = ({ commit, prepare }: EsdbPlace): Position => {
  const first = half(commit);
  return first + (prepare === commit ? first : half(prepare));
};

/** @throws INVALID_POSITION for text that is no position of an EventStoreDB log */
export function fromPosition(position: Position): EsdbPlace {
  if (typeof position === 'string' && /^[0-9a-f]{32}$/.test(position)) {
    const commit = BigInt(`0x${position.slice(0, 16)}`);
    const prepare = BigInt(`0x${position.slice(16)}`);
    if (isPlace({ commit, prepare })) return { commit, prepare };
  }
  throw invalidPosition(position, 'is no position of this log');
}
