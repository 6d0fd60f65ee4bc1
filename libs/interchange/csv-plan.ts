import { TouchstoneError } from '@touchstone/eventing';
import type {
  AttributeSource,
  CheckedMapping,
  ColumnUse,
  ObjectSource,
  TimeSource,
  TouchpointSource,
  ValueSource,
} from './csv-mapping.js';
import type { CsvHeader } from './csv-reader.js';
import { WrittenTimes } from './written-times.js';

/** Where a value stands in a row. */
export type Cells = readonly number[];

export interface PlannedValue extends Pick<ValueSource, 'constant' | 'values'> {
  readonly cells: Cells;
}

export interface PlannedTime {
  readonly cells: Cells;
  readonly column: string;
  readonly times: WrittenTimes;
}

export interface PlannedAttribute extends AttributeSource {
  readonly cell: number;
  /** Of an attribute that is an instant. */
  readonly times?: WrittenTimes;
}

export interface PlannedTouchpoint {
  readonly source: TouchpointSource;
  readonly at: PlannedTime;
  readonly activity: PlannedValue;
  readonly id?: number;
  readonly recordedAt?: PlannedTime;
  readonly unit?: PlannedValue;
  readonly staff?: PlannedValue;
  readonly channel?: PlannedValue;
  readonly attributes: readonly PlannedAttribute[];
  readonly objects: readonly (ObjectSource & { readonly cell: number })[];
}

/** A mapping, aimed at the columns of a file. */
export interface CsvPlan {
  readonly header: CsvHeader;
  readonly case: Cells;
  readonly customer?: number;
  readonly touchpoints: readonly PlannedTouchpoint[];
  /** Cells that go nowhere. */
  readonly unused: Cells;
}

/** @throws COLUMN_UNKNOWN with the line and key of the mapping, and what the file has instead */
export function planFor({ mapping, uses }: CheckedMapping, header: CsvHeader): CsvPlan {
  const place = new Map(header.columns.map((name, i) => [name, i]));
  for (const use of uses) if (use.column === '' || !place.has(use.column)) throw unknownColumn(use, header);
  const cell = (column: string): number => place.get(column)!;
  const value = (source: ValueSource | undefined): PlannedValue | undefined =>
    source && { cells: source.columns.map(cell), constant: source.constant, values: source.values };
  const time = (source: TimeSource): PlannedTime => {
    const column = source.columns.join(' ');
    return { cells: source.columns.map(cell), column, times: new WrittenTimes(column, source) };
  };
  const [first] = mapping.touchpoints;
  const planned = (attribute: AttributeSource): PlannedAttribute => {
    const times = attribute.type === 'instant' ? new WrittenTimes(attribute.column, first!.at) : undefined;
    return { ...attribute, cell: cell(attribute.column), times };
  };
  const named = new Set(uses.map(({ column }) => column));
  const rest = header.columns.filter((column) => column !== '' && !named.has(column));
  const others = mapping.others ? rest.map((column): AttributeSource => textOf(column)) : [];
  const attributes = [...mapping.attributes, ...others].map(planned);
  assertNamedOnce(attributes);
  const touchpoints = mapping.touchpoints.map((source): PlannedTouchpoint => {
    const { attributes: own, objects } = source;
    const kept = own && new Set(own);
    return {
      source,
      at: time(source.at),
      activity: value(source.activity)!,
      // The id is that of the row, not of what each row repeats.
      id: source.id === undefined || source.once ? undefined : cell(source.id),
      recordedAt: source.recordedAt && time(source.recordedAt),
      unit: value(source.unit),
      staff: value(source.staff),
      channel: value(source.channel),
      attributes: kept
        ? ownAttributes(own, attributes, (column) =>
            planned({ ...textOf(column), personal: mapping.personal.includes(column) }),
          )
        : attributes,
      objects: objects.map((object) => ({ ...object, cell: cell(object.column) })),
    };
  });
  return {
    header,
    case: mapping.case.map(cell),
    customer: mapping.customer && cell(mapping.customer.column),
    touchpoints,
    unused: mapping.others ? [] : rest.map(cell),
  };
}

function assertNamedOnce(attributes: readonly PlannedAttribute[]): void {
  const by = new Map<string, string>();
  for (const { as, column } of attributes) {
    const other = by.get(as);
    if (other !== undefined) {
      const what = `The columns "${other}" and "${column}" cannot both be the attribute "${as}"`;
      throw new TouchstoneError('MAPPING_INVALID', `${what}: give one another name with "as".`, 'invalid');
    }
    by.set(as, column);
  }
}

const textOf = (column: string): AttributeSource => ({ column, as: column, type: 'text', personal: false });

/** As the mapping has them; a column that it has nowhere else is a text. */
const ownAttributes = (
  columns: readonly string[],
  all: readonly PlannedAttribute[],
  other: (column: string) => PlannedAttribute,
): PlannedAttribute[] => columns.map((column) => all.find((a) => a.column === column) ?? other(column));

function unknownColumn({ column, key, line }: ColumnUse, { columns, dialect }: CsvHeader): TouchstoneError {
  const named = columns.filter((name) => name !== '');
  const alike = named.find((name) => plain(name) === plain(column));
  const list = named.slice(0, 40).join(', ') + (named.length > 40 ? ', …' : '');
  const hint =
    alike !== undefined
      ? `did you mean "${alike}"?`
      : named.length === 1
        ? `its only column is "${list}": is the delimiter really ${JSON.stringify(dialect.delimiter)}?`
        : `it has ${list}.`;
  return new TouchstoneError(
    'COLUMN_UNKNOWN',
    `The mapping names the column "${column}" (line ${line}, ${key}), and the file has none of that name; ${hint}`,
    'invalid',
    { column, key, line },
  );
}

const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
