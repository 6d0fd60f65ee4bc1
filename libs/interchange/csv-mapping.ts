import type { CsvFileOptions } from './csv-dialect.js';
import type { TimeRules } from './written-times.js';

/** Where a value comes from: columns (joined), or a constant; `values` puts other words for what the cells say. */
export interface ValueSource {
  readonly columns: readonly string[];
  readonly constant?: string;
  readonly values?: Readonly<Record<string, string>>;
}

/** Columns whose cells, joined by a blank, are a time. */
export interface TimeSource extends TimeRules {
  readonly columns: readonly string[];
}

export type AttributeType = 'text' | 'number' | 'flag' | 'instant';

export interface AttributeSource {
  readonly column: string;
  /** The attribute's name. */
  readonly as: string;
  readonly type: AttributeType;
  /** Encrypted before it is stored. */
  readonly personal: boolean;
}

/** A column with ids of things that the touchpoint touches. */
export interface ObjectSource {
  readonly type: string;
  readonly column: string;
  readonly qualifier?: string;
  /** Between the ids of one cell. */
  readonly separator?: string;
}

/** How a row becomes one touchpoint. */
export interface TouchpointSource {
  /** Part of its identity, where a row tells of several. */
  readonly name?: string;
  readonly at: TimeSource;
  readonly activity: ValueSource;
  /** Column with the source's own id of the record. */
  readonly id?: string;
  /** Every row of the case repeats it: each time that differs is one touchpoint. */
  readonly once: boolean;
  /** A row without its time goes to quarantine; else it has not happened (yet). */
  readonly required: boolean;
  readonly recordedAt?: TimeSource;
  readonly unit?: ValueSource;
  readonly staff?: ValueSource;
  readonly channel?: ValueSource;
  /** Columns of the attributes that it carries; absent: all of the mapping. */
  readonly attributes?: readonly string[];
  readonly objects: readonly ObjectSource[];
}

/** Where a mapping names a column. */
export interface ColumnUse {
  readonly column: string;
  /** Such as `touchpoints[1].at`. */
  readonly key: string;
  /** 1-based line of the mapping file. */
  readonly line: number;
}

/** How a table becomes journeys: a mapping file, checked. */
export interface CsvMapping {
  readonly journeyType: string;
  readonly source: string;
  readonly asHistory: boolean;
  readonly file: CsvFileOptions;
  /** What stands for "nothing" in a cell. */
  readonly nulls: readonly string[];
  readonly decimal: '.' | ',';
  readonly case: readonly string[];
  readonly customer?: { readonly column: string; readonly type: string };
  readonly touchpoints: readonly TouchpointSource[];
  readonly attributes: readonly AttributeSource[];
  /** Columns that are named nowhere become attributes, too. */
  readonly others: boolean;
  /** Columns about a person; what is stored readable cannot be among them. */
  readonly personal: readonly string[];
  readonly kinds: Readonly<Record<string, string>>;
  readonly closes: readonly string[] | 'all';
  readonly contacts: readonly string[];
}

/** A checked mapping, and the places where it names columns. */
export interface CheckedMapping {
  readonly mapping: CsvMapping;
  readonly uses: readonly ColumnUse[];
}
