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

/**
 * What a projection asks of its store; applied in the given order. `insert` is a `put` of a row that is not there yet,
 * its values in the order of the table's columns: what most rows of a large table are, at half the cost. `add` adds whole numbers to the named columns of a
 * table whose columns besides the key all are `int`; columns not named gain 0. A row that is not there counts as zeros,
 * and a row of which nothing but zeros is left is not there: so sums that were kept up equal sums that were made anew.
 */
export type RowChange =
  | { readonly op: 'put'; readonly table: string; readonly row: Row }
  | { readonly op: 'insert'; readonly table: string; readonly values: readonly Value[] }
  | { readonly op: 'set'; readonly table: string; readonly key: Row; readonly set: Row }
  | { readonly op: 'delete'; readonly table: string; readonly key: Row }
  | { readonly op: 'add'; readonly table: string; readonly key: Row; readonly add: Readonly<Record<string, number>> };

/** A name that gets an integer surrogate: the dictionary and the value in it. */
export type Name = readonly [dictionary: string, value: string];

/** Surrogate of a name that the event declared in `names`. */
export type IdOf = (dictionary: string, value: string) => number;

/** Stored rows of one unit of change, read back: all rows of `table` whose `by` column is the unit's surrogate. */
export interface UnitRows {
  readonly table: string;
  readonly by: string;
}

/** What every event has. */
export type EventMark = Pick<RecordedEvent, 'id' | 'type' | 'stream' | 'revision' | 'position' | 'recordedAt'>;

/** Takes down what an event says, to be read again in the same order. */
export interface DigestWriter {
  number(value: number): void;
  text(value: string): void;
  /** A name that gets a surrogate; absent: none. */
  name(dictionary: string, value: string | null | undefined): void;
}

/** Reads what was taken down. */
export interface DigestReader {
  number(): number;
  text(): string;
  /** Surrogate of a name; 0: none. It is given out now when the name has none. */
  surrogate(): number;
}

/** Folds events as they are. */
export interface FoldsEvents<U> {
  /** Every other name the event needs a surrogate for, in a fixed order. */
  names(event: RecordedEvent): readonly Name[];
  /** Folds one event into the unit (the unit may be changed in place). A second delivery changes nothing. */
  apply(unit: U, event: RecordedEvent, idOf: IdOf): void;
  readonly digest?: undefined;
}

/**
 * Folds what was read of events: for projections that most of a log concerns. `write` says what the event says, without
 * any unit, so that it can run in another thread than `fold`.
 */
export interface FoldsDigests<U> {
  readonly digest: {
    write(event: RecordedEvent, to: DigestWriter): void;
    /** Reads all that `write` wrote, in its order, and folds it. A second delivery changes nothing. */
    fold(unit: U, from: DigestReader, about: EventMark): void;
  };
}

/**
 * Events in, row changes out. Pure: no clock, no randomness, no I/O; it never throws for a fact it dislikes.
 *
 * Events are folded per *unit* (a journey, a customer, a pack). The runner loads the unit's stored rows when it does
 * not hold the unit in memory, applies the unit's events in the order of the log, and collects the row changes before
 * it commits them together with the checkpoint.
 */
export type Projection<U = unknown> = EventProjection<U> | (UnitProjection<U> & FoldsDigests<U>);

/** A projection that folds events as they are. */
export type EventProjection<U = unknown> = UnitProjection<U> & FoldsEvents<U>;

/** What both kinds of projections have. */
export interface UnitProjection<U> {
  readonly name: string;
  /** A new version is built beside the old one from position 0. */
  readonly version: number;
  readonly tables: readonly TableSpec[];
  /** Event types it wants; others are passed by. */
  readonly handles: readonly string[];
  /** The dictionary of the unit's surrogate and the unit's name; null: the event does not concern this projection. */
  unit(event: RecordedEvent): Name | null;
  /** Which stored rows bring a unit back. */
  readonly loads: readonly UnitRows[];
  /** The unit from its stored rows (one array per entry of `loads`); empty arrays: a new unit. */
  restore(id: number, name: string, rows: readonly (readonly Row[])[]): U;
  /** The row changes since `restore` or the last call. What they hold stays as it is until they are committed. */
  changes(unit: U): readonly RowChange[];
  /**
   * Row changes that a later answer supersedes as a whole (a unit's bytes, say), since the last call. They are asked for
   * with `changes`; while a generation is being built, only when the unit leaves the memory.
   */
  newest?(unit: U): readonly RowChange[];
}

/** Synchronous access to the store of a batch, inside its transaction. Statements are standard SQL with `?` marks. */
export interface DerivedRows {
  /** Every row of an answer; the statement is prepared once and kept by its text. */
  all(sql: string, ...params: readonly Value[]): Row[];
  /** The rows of an answer one by one, for answers that are too large to be held. */
  each(sql: string, ...params: readonly Value[]): IterableIterator<Row>;
  /** @throws PROJECTION_ROW (internal) for a table that is not the derivation's own */
  write(change: RowChange): void;
  /**
   * Inserts rows that are not there yet, faster than `write`: whole rows one after another, each in the order of the
   * table's columns.
   * @throws PROJECTION_ROW (internal)
   */
  insert(table: string, values: readonly Value[]): void;
  /** Surrogate of a name, or null when no event has used it yet. */
  idOf(dictionary: string, value: string): number | null;
}

/**
 * Rows that are a function of what the group's other rows are at the end of a batch, whatever the batches were: figures
 * across units, such as all journeys of a customer. It may read the tables of every projection of its group and of the
 * derivations before it. It keeps nothing in memory from one call to the next, and like a projection it never throws
 * for a fact it dislikes: the event of a batch that it cannot follow is parked.
 */
export type Derivation = SimpleDerivation | (DerivationBase & BuiltInParts);

/** A derivation that is built in one go. */
export type SimpleDerivation = DerivationBase & BuiltAtOnce;

/** What both kinds of derivations have. */
export interface DerivationBase {
  readonly name: string;
  /** A new version is made in a new generation, beside the old one. */
  readonly version: number;
  /** What else its rows depend on, such as a time zone: another setting makes a new generation too. */
  readonly settings?: string;
  readonly tables: readonly TableSpec[];
  /** With the rows as they were before the batch: what its changes concern. The answer goes to `follow`. */
  prepare(changes: readonly RowChange[], rows: DerivedRows): unknown;
  /** With the rows as they are after the batch. */
  follow(prepared: unknown, rows: DerivedRows): void;
}

export interface BuiltAtOnce {
  /** Every row of its tables from the rows of the projections, when a generation is built; its tables are empty. */
  build(rows: DerivedRows): void;
  readonly parts?: undefined;
}

/** The same in parts that are independent of each other, so that two threads can make them. */
export interface BuiltInParts {
  readonly parts: {
    /** The tables that are read; their indexes are there by then. */
    readonly reads: readonly string[];
    /** Parts that together are everything, more of them than there are threads; plain data. */
    split(rows: DerivedRows): readonly unknown[];
    /** Makes parts, one after another; what it makes it hands over now and then. */
    maker(rows: Pick<DerivedRows, 'all' | 'each' | 'idOf'>, hand: HandOver): PartMaker;
    /** Writes what makers hand over, in any order. */
    taker(rows: DerivedRows): PartTaker;
  };
}

/** Hands over plain data; of these buffers the maker keeps nothing. */
export type HandOver = (made: unknown, transfer?: readonly ArrayBuffer[]) => void;

export interface PartMaker {
  make(part: unknown): void;
  /** Hands over what is left. */
  end(): void;
}

export interface PartTaker {
  take(made: unknown): void;
  /** Everything was handed over. */
  finish(): void;
}

/** Projections that share one checkpoint, one generation and one store, so that their figures agree. */
export interface ProjectionGroup {
  readonly name: string;
  readonly projections: readonly Projection<never>[];
  /** Brought up to date at the end of each batch, in this order. */
  readonly derivations?: readonly Derivation[];
}

/** Every table of a group, those of its derivations last. */
export const tablesOf = ({ projections, derivations = [] }: ProjectionGroup): readonly TableSpec[] =>
  [...projections, ...derivations].flatMap(({ tables }) => tables);

/** The type-erased form in which a group holds a projection. */
export const inGroup = <U>(projection: Projection<U>): Projection<never> => projection as Projection<never>;
