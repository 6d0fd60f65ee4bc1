import type { ColumnUse, ObjectSource, TimeSource, ValueSource } from './csv-mapping.js';
import { isZone } from './local-time.js';
import { keyOf, type MappingDocument, type Path } from './mapping-document.js';
import { mayBeZoned, timeFormat } from './time-format.js';
import type { TimeRules } from './written-times.js';

/** A value of a mapping file, with the place where it stands. */
export interface Placed {
  readonly value: unknown;
  readonly at: Path;
}

/** Reads the parts of a mapping that name columns, and keeps where they do. */
export class MappingParts {
  readonly uses: ColumnUse[] = [];
  /** Columns that are stored readable, with the place that says so. */
  readonly readable = new Map<string, Path>();
  /** The same, of ids of things. */
  readonly things = new Map<string, Path>();

  constructor(readonly doc: MappingDocument) {}

  use(column: string, path: Path): string {
    this.uses.push({ column, key: keyOf(path), line: this.doc.lineOf(path) });
    return column;
  }

  columns(value: unknown, path: Path): string[] {
    const names = this.doc.texts(value, path, 'the name of a column');
    return names.map((name, i) => this.use(name, Array.isArray(value) ? [...path, i] : path));
  }

  column(value: unknown, path: Path): string {
    return this.use(this.doc.text(value, path, 'the name of a column'), path);
  }

  /** A column; `{column | columns | constant, values}`. */
  value(value: unknown, path: Path): ValueSource {
    const { doc } = this;
    if (value === null || typeof value !== 'object') return { columns: this.readableColumns(value, path) };
    if (Array.isArray(value)) return { columns: this.readableColumns(value, path) };
    const fields = doc.fields(value, path, ['column', 'columns', 'constant', 'values']);
    const named = ['column', 'columns', 'constant'].filter((name) => fields[name] !== undefined);
    if (named.length !== 1) throw doc.fault(path, 'needs exactly one of column, columns, constant');
    const [name] = named as [string];
    const at = [...path, name];
    if (name === 'constant') return { columns: [], constant: doc.text(fields[name], at, 'a text', 256) };
    const columns = this.readableColumns(fields[name], at);
    if (fields['values'] === undefined) return { columns };
    return {
      columns,
      values: doc.words(fields['values'], [...path, 'values'], 'what cells say, with other words for it'),
    };
  }

  readableColumn({ value, at }: Placed): string {
    const column = this.column(value, at);
    this.readable.set(column, at);
    return column;
  }

  private thing(value: unknown, path: Path): string {
    const column = this.column(value, path);
    this.things.set(column, path);
    return column;
  }

  private readableColumns(value: unknown, path: Path): string[] {
    const columns = this.columns(value, path);
    for (const column of columns) this.readable.set(column, path);
    return columns;
  }

  /** A column, or `{column | columns, format, zone, …}`; its zone must be known by now. */
  time({ value, at }: Placed, times: TimeRules): TimeSource {
    const time = this.timeOf(value, at, times);
    for (const format of time.formats) this.format(format, at, time.zone);
    return time;
  }

  private timeOf(value: unknown, path: Path, times: TimeRules): TimeSource {
    const { doc } = this;
    if (value === undefined) throw doc.fault(path, 'names the column of the time');
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      return { columns: this.readableColumns(value, path), ...times };
    }
    const fields = doc.fields(value, path, ['column', 'columns', 'format', 'zone', 'ambiguous', 'nonexistent']);
    const name = fields['columns'] === undefined ? 'column' : 'columns';
    const columns = this.readableColumns(fields[name], [...path, name]);
    const { column: _, columns: __, ...rules } = fields;
    return { columns, ...this.rules(rules, path, times) };
  }

  rules(value: unknown, path: Path, before: TimeRules): TimeRules {
    const { doc } = this;
    const fields = doc.fields(value, path, ['format', 'zone', 'ambiguous', 'nonexistent']);
    const formatPath = [...path, 'format'];
    const formats =
      fields['format'] === undefined ? before.formats : doc.texts(fields['format'], formatPath, 'a format');
    const zone = fields['zone'] === undefined ? before.zone : doc.text(fields['zone'], [...path, 'zone'], 'a zone', 64);
    if (zone !== undefined && !isZone(zone)) {
      throw doc.fault([...path, 'zone'], `"${zone}" is no time zone; give an IANA name such as Asia/Shanghai`);
    }
    for (const format of formats) this.format(format, formatPath, zone);
    const { ambiguous, nonexistent } = fields;
    return {
      formats,
      zone,
      ambiguous:
        ambiguous === undefined
          ? before.ambiguous
          : doc.oneOf(ambiguous, [...path, 'ambiguous'], ['earlier', 'later', 'quarantine']),
      nonexistent:
        nonexistent === undefined
          ? before.nonexistent
          : doc.oneOf(nonexistent, [...path, 'nonexistent'], ['forward', 'quarantine']),
    };
  }

  private format(format: string, path: Path, zone: string | undefined): void {
    try {
      if (mayBeZoned(timeFormat(format)) || zone !== undefined) return;
    } catch (error) {
      throw this.doc.fault(path, `"${format}" is no format: ${(error as Error).message}`);
    }
    // Told here: at the top a zone may still be missing that every touchpoint names for itself.
    if (path[0] !== 'times')
      throw this.doc.fault(path, `times like "${format}" have no offset: name their zone ("times: { zone: … }")`);
  }

  /** The activity, or the kind that stands instead of it: what is said nearer wins. */
  activity(activity: Placed, kind: Placed, kinds: Record<string, string>): ValueSource {
    const { doc } = this;
    if (kind.value !== undefined && (activity.value === undefined || kind.at.length >= activity.at.length)) {
      if (activity.value !== undefined && kind.at.length === activity.at.length) {
        throw doc.fault(kind.at, 'stands instead of "activity": leave out one of them');
      }
      const id = doc.text(kind.value, kind.at, 'the id of a kind', 256);
      kinds[id] ??= id;
      return { columns: [], constant: id };
    }
    if (activity.value === undefined || activity.value === null) {
      throw doc.fault(
        activity.at,
        'names the column of the activity, or says { constant: … }; or give "kind", the id of a kind',
      );
    }
    return this.value(activity.value, activity.at);
  }

  objects(value: unknown, path: Path): ObjectSource[] {
    const { doc } = this;
    if (!Array.isArray(value) || value.length > 100) throw doc.fault(path, 'must be a list of { type, column }');
    return value.map((item, i) => {
      const at = [...path, i];
      const { type, column, qualifier, separator } = doc.fields(item, at, ['type', 'column', 'qualifier', 'separator']);
      return {
        type: doc.text(type, [...at, 'type'], 'the type of the thing', 64),
        column: this.thing(column, [...at, 'column']),
        qualifier: qualifier === undefined ? undefined : doc.text(qualifier, [...at, 'qualifier'], 'a word', 64),
        separator: separator === undefined ? undefined : doc.text(separator, [...at, 'separator'], 'a text', 8),
      };
    });
  }
}
