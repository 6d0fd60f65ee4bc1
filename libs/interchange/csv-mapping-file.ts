import { fileOptions } from './csv-file-options.js';
import type { AttributeSource, AttributeType, CheckedMapping, CsvMapping, TouchpointSource } from './csv-mapping.js';
import { MappingParts, type Placed } from './csv-mapping-parts.js';
import { MappingDocument, type Fields, type Path } from './mapping-document.js';
import type { TimeRules } from './written-times.js';

/** What a row says of its touchpoints; at the top it holds for all of them. */
const SHARED = ['activity', 'kind', 'id', 'recordedAt', 'unit', 'staff', 'channel', 'objects'] as const;
const TOUCHPOINT = ['name', 'at', 'once', 'required', 'attributes', ...SHARED];
const TOP = [
  ...['journeyType', 'source', 'asHistory', 'file', 'nulls', 'times', 'numbers', 'case', 'customer'],
  ...['at', 'touchpoints', 'attributes', 'personal', 'kinds', 'closes', 'contacts', ...SHARED],
];
const TYPES: readonly AttributeType[] = ['text', 'number', 'flag', 'instant'];
const NULLS = ['', 'NULL', 'null', '\\N'];
const MOST_TOUCHPOINTS = 50;

/** What is said beside the mapping file, and wins over it. */
export interface MappingOverrides {
  readonly journeyType?: string;
  readonly source?: string;
  readonly asHistory?: boolean;
}

/**
 * Reads and checks a mapping file, YAML or JSON.
 * @throws MAPPING_INVALID with line and key (details {line, key}), and a sentence that says what is wrong there
 */
export function readMapping(text: string, overrides: MappingOverrides = {}): CheckedMapping {
  return new MappingFile(text).checked(overrides);
}

class MappingFile {
  private readonly parts: MappingParts;

  constructor(text: string) {
    this.parts = new MappingParts(new MappingDocument(text));
  }

  checked(overrides: MappingOverrides): CheckedMapping {
    const { doc } = this.parts;
    const top = doc.fields(doc.root, [], TOP);
    const journeyType = doc.name(overrides.journeyType ?? top['journeyType'], ['journeyType']);
    const source = doc.name(overrides.source ?? top['source'] ?? journeyType, ['source']);
    const times = this.parts.rules(top['times'] ?? {}, ['times'], {
      formats: ['iso'],
      ambiguous: 'earlier',
      nonexistent: 'quarantine',
    });
    if (top['case'] === undefined)
      throw doc.fault(['case'], 'names the column of the journey (a ticket or order number, say)');
    const caseColumns = this.parts.columns(top['case'], ['case']);
    const kinds =
      top['kinds'] === undefined ? {} : doc.words(top['kinds'], ['kinds'], 'from activity to the id of a kind');
    const touchpoints = this.touchpoints(top, times, kinds);
    const { attributes, others } = this.attributes(top['attributes']);
    const customer = this.customer(top['customer'], source);
    const personal = this.personal(top['personal'], attributes, customer?.column);
    const given = attributes.map((a) => (personal.includes(a.column) ? { ...a, personal: true } : a));
    const mapping: CsvMapping = {
      journeyType,
      source,
      asHistory:
        overrides.asHistory ?? (top['asHistory'] === undefined ? false : doc.flag(top['asHistory'], ['asHistory'])),
      file: fileOptions(doc, top['file']),
      nulls: top['nulls'] === undefined ? NULLS : doc.anyTexts(top['nulls'], ['nulls'], 'texts'),
      decimal: this.decimal(top['numbers']),
      case: caseColumns,
      customer,
      touchpoints,
      attributes: [...given, ...missing(personal, given, caseColumns, customer?.column)],
      others,
      personal,
      kinds,
      closes: top['closes'] === 'all' ? 'all' : this.activities(top['closes'], 'closes'),
      contacts: this.activities(top['contacts'], 'contacts'),
    };
    return { mapping, uses: this.parts.uses };
  }

  private touchpoints(top: Fields, times: TimeRules, kinds: Record<string, string>): TouchpointSource[] {
    const { doc } = this.parts;
    const list = top['touchpoints'];
    if (list === undefined) return [this.touchpoint({ own: top, path: [], shared: {}, alone: true }, times, kinds)];
    if (top['at'] !== undefined) {
      throw doc.fault(['at'], 'stands in each of the touchpoints, or alone at the top without them');
    }
    if (!Array.isArray(list) || list.length === 0 || list.length > MOST_TOUCHPOINTS) {
      const what = `a list of 1 to ${MOST_TOUCHPOINTS} touchpoints, each with "at" and "activity"`;
      throw doc.fault(['touchpoints'], `must be ${what}`);
    }
    const names = new Set<string | undefined>();
    return list.map((item, i) => {
      const path = ['touchpoints', i];
      const own = doc.fields(item, path, TOUCHPOINT);
      const touchpoint = this.touchpoint({ own, path, shared: top, alone: list.length === 1 }, times, kinds);
      if (names.has(touchpoint.name)) {
        throw doc.fault([...path, 'name'], 'every touchpoint but one needs a name of its own');
      }
      names.add(touchpoint.name);
      return touchpoint;
    });
  }

  private touchpoint(
    { own, path, shared, alone }: { own: Fields; path: Path; shared: Fields; alone: boolean },
    times: TimeRules,
    kinds: Record<string, string>,
  ): TouchpointSource {
    const { parts } = this;
    const { doc } = parts;
    const field = (name: string): Placed =>
      own[name] === undefined ? { value: shared[name], at: [name] } : { value: own[name], at: [...path, name] };
    // Null says that there is none here, whatever holds for the others.
    const optional = <T>(name: string, read: (placed: Placed) => T): T | undefined => {
      const placed = field(name);
      return placed.value == null ? undefined : read(placed);
    };
    const only = <T>(name: string, read: (value: unknown, at: Path) => T): T | undefined =>
      path.length === 0 || own[name] === undefined ? undefined : read(own[name], [...path, name]);
    const value = (placed: Placed) => parts.value(placed.value, placed.at);
    return {
      name: only('name', (name, at) => doc.name(name, at)),
      at: parts.time({ value: own['at'], at: [...path, 'at'] }, times),
      activity: parts.activity(field('activity'), field('kind'), kinds),
      id: optional('id', (placed) => parts.readableColumn(placed)),
      once: own['once'] === undefined ? false : doc.flag(own['once'], [...path, 'once']),
      required: own['required'] === undefined ? alone : doc.flag(own['required'], [...path, 'required']),
      recordedAt: optional('recordedAt', (placed) => parts.time(placed, times)),
      unit: optional('unit', value),
      staff: optional('staff', value),
      channel: optional('channel', value),
      attributes: only('attributes', (columns, at) =>
        doc.anyTexts(columns, at, 'columns').map((column, i) => parts.use(column, [...at, i])),
      ),
      objects: optional('objects', (placed) => parts.objects(placed.value, placed.at)) ?? [],
    };
  }

  private attributes(value: unknown): { attributes: AttributeSource[]; others: boolean } {
    const { parts } = this;
    const { doc } = parts;
    const path = ['attributes'];
    if (value === undefined) return { attributes: [], others: true };
    if (Array.isArray(value)) {
      const columns = doc.anyTexts(value, path, 'columns').map((column, i) => parts.use(column, [...path, i]));
      return {
        attributes: columns.map((column) => ({ column, as: column, type: 'text', personal: false })),
        others: false,
      };
    }
    if (value === null || typeof value !== 'object')
      throw doc.fault(path, 'must be a list of columns, or columns with their types');
    const attributes: AttributeSource[] = [];
    let others = false;
    for (const [column, spec] of Object.entries(value)) {
      const at = [...path, column];
      if (column === '*') {
        doc.oneOf(spec, at, ['text']);
        others = true;
        continue;
      }
      parts.use(column, at);
      const fields: Fields =
        typeof spec === 'string' ? { type: spec } : doc.fields(spec ?? {}, at, ['type', 'as', 'personal']);
      const as = fields['as'] === undefined ? column : doc.text(fields['as'], [...at, 'as'], 'a name', 256);
      if (attributes.some((other) => other.as === as))
        throw doc.fault(at, `two columns cannot both be the attribute "${as}"`);
      const type = fields['type'] === undefined ? 'text' : doc.oneOf(fields['type'], at, TYPES);
      const personal = fields['personal'] === undefined ? false : doc.flag(fields['personal'], [...at, 'personal']);
      attributes.push({ column, as, type, personal });
    }
    return { attributes, others };
  }

  /** Whoever names the customer is a person: the column is personal wherever else it is used. */
  private personal(value: unknown, attributes: readonly AttributeSource[], customer: string | undefined): string[] {
    const { parts } = this;
    const { doc } = parts;
    const path = ['personal'];
    const named =
      value === undefined ? [] : doc.anyTexts(value, path, 'columns').map((c, i) => parts.use(c, [...path, i]));
    const all = [...new Set([...named, ...attributes.filter((a) => a.personal).map((a) => a.column)])];
    const isCustomerOnly = customer !== undefined && !all.includes(customer);
    if (isCustomerOnly) all.push(customer);
    for (const column of all) {
      // The customer among the things is left out of them when rows are read.
      const isThing = parts.things.has(column) && !(isCustomerOnly && column === customer);
      const at = parts.readable.get(column) ?? (isThing ? parts.things.get(column) : undefined);
      if (!at) continue;
      const key = at.join('.');
      if (isCustomerOnly && column === customer) {
        throw doc.fault(['customer'], `"${column}" names the customer and cannot be stored readable by "${key}"`);
      }
      throw doc.fault(
        named.includes(column) ? path : ['attributes', column],
        `"${column}" cannot be personal and be stored readable by "${key}"`,
      );
    }
    return all;
  }

  private customer(value: unknown, source: string): CsvMapping['customer'] {
    const { parts } = this;
    const { doc } = parts;
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object') {
      const column = parts.column(value, ['customer']);
      return { column, type: `${source}/${column}` };
    }
    const fields = doc.fields(value, ['customer'], ['column', 'type']);
    const column = parts.column(fields['column'], ['customer', 'column']);
    const type = fields['type'];
    return {
      column,
      type: type === undefined ? `${source}/${column}` : doc.text(type, ['customer', 'type'], 'a word', 256),
    };
  }

  private activities(value: unknown, name: string): string[] {
    return value === undefined ? [] : this.parts.doc.texts(value, [name], 'activities');
  }

  private decimal(value: unknown): '.' | ',' {
    if (value === undefined) return '.';
    const { decimal } = this.parts.doc.fields(value, ['numbers'], ['decimal']);
    return decimal === undefined ? '.' : this.parts.doc.oneOf(decimal, ['numbers', 'decimal'], ['.', ',']);
  }
}

/** What is personal and nothing else is an attribute: it is not lost because nobody listed it twice. */
function missing(
  personal: readonly string[],
  attributes: readonly AttributeSource[],
  caseColumns: readonly string[],
  customer: string | undefined,
): AttributeSource[] {
  const elsewhere = new Set([...attributes.map((a) => a.column), ...caseColumns]);
  if (customer !== undefined) elsewhere.add(customer);
  return personal
    .filter((column) => !elsewhere.has(column))
    .map((column) => ({ column, as: column, type: 'text', personal: true }));
}
