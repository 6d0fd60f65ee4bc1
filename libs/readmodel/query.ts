import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Position } from '@touchstone/eventing/pure';
import type { OnEngine } from './dialect.js';

export { among, bytesOf, listOf, unindexed, type Engine, type OnEngine } from './dialect.js';

/** What was known: events up to `position`, judged at `instant` (ISO 8601 UTC). Every answer carries its pair. */
export interface AsOf {
  readonly position: Position;
  readonly instant: string;
}

/**
 * What queries keep from one read to the next, to be quicker: never more than `limit` bytes. It belongs to one connection
 * to one generation and goes with that. Rows may have changed between two reads: see `parkedAt`.
 */
export interface ReadMemory {
  readonly limit: number;
  readonly kept: Map<string, unknown>;
}

/** What a query runs with: one transaction on the active generation of its group. */
export interface Read extends OnEngine {
  // Tables are those of the group's projections; each query names its own row types.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly db: Kysely<any>;
  readonly asOf: AsOf;
  /** True when the read model has gone on since the read's position, so that superseded rows must be read. */
  readonly past: boolean;
  /** Name of the generation that answers, such as `journeys-2`. */
  readonly generation: string;
  /** Settings that the generation's derivations were made with, by their names: not always those of this process. */
  readonly settings: Readonly<Record<string, string>>;
  readonly memory: ReadMemory;
  /** Surrogate of a name, or null when no event ever used it. */
  idOf(dictionary: string, value: string): Promise<number | null>;
  /** Names of surrogates. */
  namesOf(ids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** Call it in every long loop. @throws QUERY_TIMEOUT, QUERY_CANCELLED */
  checkpointCancel(): void;
}

/** A named read that may run in a worker thread: parameters and answer are plain structured-clone data. */
export interface ReadQuery<P = unknown, R = unknown> {
  readonly name: string;
  /** The projection group whose store it reads. */
  readonly group: string;
  run(read: Read, params: P): Promise<R>;
}

/**
 * Condition on a table of versions (`from_pos`, and `to_pos` that is null while the row holds): the row held at the
 * read's position. `table` is the table's name or alias in the query.
 */
export function heldAt(read: Pick<Read, 'asOf' | 'past'>, table: string): RawBuilder<boolean> {
  const [from, to] = [sql.ref(`${table}.from_pos`), sql.ref(`${table}.to_pos`)];
  // The store is no further than a read of the present: there, what holds is what has no end.
  if (!read.past) return sql<boolean>`${to} is null`;
  const { position } = read.asOf;
  return sql<boolean>`(${from} <= ${position} and (${to} is null or ${to} > ${position}))`;
}

/**
 * The events that wait at the read's position. When one that waited before does not any more, it may have gone in late:
 * rows then changed that say nothing of it, because they carry its old position.
 */
export async function parkedAt(read: Pick<Read, 'db'>): Promise<ReadonlySet<string>> {
  const rows = await read.db
    .selectFrom('parked')
    .select(['stream', 'revision'])
    .where('state', '=', 'parked')
    .execute();
  return new Set(rows.map(({ stream, revision }) => `${stream}@${revision}`));
}
