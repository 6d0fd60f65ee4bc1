import type { RecordedEvent } from '@touchstone/eventing/pure';

/** A value of a row. Booleans are 0 and 1, positions are text, JSON is text. */
export type Value = string | number | null | Uint8Array;
export type Row = Readonly<Record<string, Value>>;

/** A table of a projection. A changed table is a new version of the projection, built beside the old one. */
export interface TableSpec {
  readonly name: string;
  readonly columns: Readonly<Record<string, 'int' | 'text' | 'blob'>>;
  /** The columns that may be null; the rest may not. */
  readonly nullable?: readonly string[];
  readonly key: readonly string[];
  readonly indexes?: readonly (readonly string[])[];
  /**
   * For comparisons of two read models that hold the same facts in another order: columns to leave out (positions,
   * surrogates, recorded times), columns whose integer is a name's surrogate (compared by the name), and which rows
   * are current (`null` in this column).
   */
  readonly compare?: {
    readonly ignore?: readonly string[];
    readonly names?: readonly string[];
    readonly currentWhenNull?: string;
    /** Leave the whole table out: it holds derived bytes or superseded versions only. */
    readonly skip?: boolean;
  };
}

/** What a projection asks of its store; applied in the given order. */
export type RowChange =
  | { readonly op: 'put'; readonly table: string; readonly row: Row }
  | { readonly op: 'set'; readonly table: string; readonly key: Row; readonly set: Row }
  | { readonly op: 'delete'; readonly table: string; readonly key: Row };

/** A name that gets an integer surrogate: the dictionary and the value in it. */
export type Name = readonly [dictionary: string, value: string];

/** Surrogate of a name that the event declared in `names`. */
export type IdOf = (dictionary: string, value: string) => number;

/** Stored rows of one unit of change, read back: all rows of `table` whose `by` column is the unit's surrogate. */
export interface UnitRows {
  readonly table: string;
  readonly by: string;
}

/**
 * Events in, row changes out. Pure: no clock, no randomness, no I/O; it never throws for a fact it dislikes.
 *
 * Events are folded per *unit* (a journey, a customer, a pack). The runner loads the unit's stored rows when it does
 * not hold the unit in memory, applies the unit's events in the order of the log, and collects the row changes before
 * it commits them together with the checkpoint.
 */
export interface Projection<U = unknown> {
  readonly name: string;
  /** A new version is built beside the old one from position 0. */
  readonly version: number;
  readonly tables: readonly TableSpec[];
  /** Event types it wants; others are passed by. */
  readonly handles: readonly string[];
  /** The dictionary of the unit's surrogate and the unit's name; null: the event does not concern this projection. */
  unit(event: RecordedEvent): Name | null;
  /** Every other name the event needs a surrogate for, in a fixed order. */
  names(event: RecordedEvent): readonly Name[];
  /** Which stored rows bring a unit back. */
  readonly loads: readonly UnitRows[];
  /** The unit from its stored rows (one array per entry of `loads`); empty arrays: a new unit. */
  restore(id: number, name: string, rows: readonly (readonly Row[])[]): U;
  /** Folds one event into the unit (the unit may be changed in place). A second delivery changes nothing. */
  apply(unit: U, event: RecordedEvent, idOf: IdOf): void;
  /** The row changes since `restore` or the last call. */
  changes(unit: U): readonly RowChange[];
}

/** Projections that share one checkpoint, one generation and one store, so that their figures agree. */
export interface ProjectionGroup {
  readonly name: string;
  readonly projections: readonly Projection<never>[];
}

/** The type-erased form in which a group holds a projection. */
export const inGroup = <U>(projection: Projection<U>): Projection<never> => projection as Projection<never>;
