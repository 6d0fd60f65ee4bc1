import type { LossReport } from './loss-report.js';
import type { OcelStore, Side } from './ocel-store.js';
import { declared, fits } from './ocel-values.js';
import { isPlain, JSON_KEY, type OcelType } from './ocel.js';
import { jsonText } from './xes-text.js';
import { put, type Json, type JsonObject } from './xes-value.js';

/** Columns of a table at most, with room for those that every table has; SQLite takes 2,000. */
const MOST_COLUMNS = 1_900;

/** Names of columns, which are told apart without regard to case; some are taken. */
class ColumnNames {
  private readonly taken = new Set(['ocel_id', 'ocel_time', 'ocel_changed_field', JSON_KEY]);

  /** Takes the name. False: it cannot be that of a column. */
  fits(name: string): boolean {
    const folded = name.toLowerCase();
    if (this.taken.has(folded) || this.taken.size >= MOST_COLUMNS || !isPlain(name)) return false;
    this.taken.add(folded);
    return true;
  }
}

/** The attributes that a type has in a file, with the values of one event, or of one object at a time. */
export class OcelColumns {
  /** Attribute to its declared type, in the order in which they were met; that for JSON is the last. */
  readonly types: ReadonlyMap<string, OcelType>;

  constructor(
    store: OcelStore,
    private readonly of: Side,
    type: string,
    private readonly report: LossReport,
    /** The attributes are columns of a table. */
    ofTable: boolean,
  ) {
    const types = new Map<string, OcelType>();
    const taken = new ColumnNames();
    let hasJson = store.hasJson(of, type);
    for (const [name, kind] of store.attributesOf(of, type)) {
      if (name === '' || name === JSON_KEY || (ofTable && !taken.fits(name))) hasJson = true;
      // Of an object it may be that an attribute never had a value: that is told, too.
      else if (kind !== 'json' || of === 'object') types.set(name, declared(kind));
      if (kind === 'mixed') hasJson = true;
    }
    if (hasJson) types.set(JSON_KEY, 'string');
    this.types = types;
  }

  /** Values as the file can hold them; what it cannot stands together as JSON. */
  split(attributes: JsonObject): { readonly values: Map<string, Json>; readonly usesJson: boolean } {
    const values = new Map<string, Json>();
    const rest: JsonObject = {};
    for (const [name, value] of Object.entries(attributes)) {
      const type = name === JSON_KEY ? undefined : this.types.get(name);
      if (type !== undefined && (fits(value, type) || (value === null && this.of === 'object'))) {
        values.set(name, value);
        continue;
      }
      this.report.add('as-json', name);
      put(rest, name, value);
    }
    const usesJson = Object.keys(rest).length > 0;
    if (usesJson) values.set(JSON_KEY, jsonText(rest));
    return { values, usesJson };
  }
}
