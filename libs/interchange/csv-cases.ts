import { byInstant, deterministicId } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import type { CsvMapping } from './csv-mapping.js';
import type { CsvPlan, PlannedTouchpoint } from './csv-plan.js';
import { lineOf } from './csv-reader.js';
import type { CsvContext } from './csv-record.js';
import { CsvTouchpoints, LONGEST_NAME } from './csv-touchpoints.js';
import { hiddenName, type KeyedHash } from './hidden-names.js';
import { ImportedKinds } from './imported-kinds.js';
import type { LossReport } from './loss-report.js';
import type { Fault, UnreadableRecord } from './mapped-log.js';
import { TraceMemory, type OpenTrace } from './trace-memory.js';

/** Larger events would not fit the log once they are written as JSON and encrypted. */
const LARGEST_ROW = 512 * 1024;
/** Identical rows of one case that are told apart by their number, when one of them is mended. */
const MOST_IDENTICAL = 1_000;

/** A row of a case, in file order. */
export interface CaseRow {
  readonly line: number;
  readonly cells: readonly string[];
}

export interface MappedCase {
  readonly facts: TouchpointFact[];
  readonly unreadable: UnreadableRecord[];
  /** Touchpoints that a row says again. */
  readonly repeats: number;
}

/** A readable touchpoint with its place, before the customer of the case is known. */
interface Placed {
  readonly fact: TouchpointFact;
  readonly at: number;
  readonly customer: string | undefined;
}

/** A fault; `reused` is the id of the touchpoint that the row may not be once more. */
type Faulty = Fault & { readonly reused?: string };

/** The case that is being mapped. */
interface Case {
  readonly name: string;
  /** Stands for it in ids: its name, unless that is personal. */
  readonly trace: string;
  readonly journeyId: string;
  readonly open: OpenTrace;
  readonly placed: Placed[];
  readonly unreadable: (UnreadableRecord & { readonly context: CsvContext })[];
  /** What touchpoints of which each row tells again have said. */
  readonly said: Set<string>;
  repeats: number;
}

/**
 * Turns the rows of whole cases into touchpoint facts with deterministic ids. It reads no clock and makes no random ids:
 * the same file and mapping always give the same facts.
 */
export class CsvCases {
  readonly kinds: ImportedKinds;
  /** Customers that journeys name besides their own, and the rows that do. */
  readonly otherCustomers = { customers: 0, events: 0 };
  private readonly touchpoints: CsvTouchpoints;
  private readonly isCasePersonal: boolean;
  /** The cells in the order of their columns' names. */
  private readonly byName: readonly number[];

  constructor(
    private readonly mapping: CsvMapping,
    private readonly plan: CsvPlan,
    report: LossReport,
    private readonly hash: KeyedHash,
  ) {
    this.kinds = new ImportedKinds(mapping);
    this.touchpoints = new CsvTouchpoints(mapping, plan, report);
    this.isCasePersonal = mapping.case.some((column) => mapping.personal.includes(column));
    const { columns } = plan.header;
    const compare = (a: number, b: number) => (columns[a]! < columns[b]! ? -1 : columns[a]! > columns[b]! ? 1 : a - b);
    this.byName = columns.map((_, at) => at).sort(compare);
  }

  /** The case of a row; undefined when its cells say nothing. */
  nameOf(cells: readonly string[]): string | undefined {
    return this.touchpoints.cells.joined(cells, this.plan.case, '/');
  }

  /** Whether the cell says anything. */
  says(cells: readonly string[], at: number): boolean {
    return this.touchpoints.cells.text(cells, at) !== undefined;
  }

  map(name: string, rows: readonly CaseRow[]): MappedCase {
    const memory = new TraceMemory();
    const mapped = this.opened(name, memory);
    for (const row of rows) this.row(row, mapped);
    const facts = this.withCustomer(mapped);
    const customer = this.customerOf(mapped);
    mapped.open.close();
    const others = memory.otherCustomers();
    this.otherCustomers.customers += others.customers;
    this.otherCustomers.events += others.events;
    const unreadable = mapped.unreadable.map((r) => ({
      ...r,
      context: { ...r.context, ...(customer && { customer }) },
    }));
    return { facts, unreadable, repeats: mapped.repeats };
  }

  /**
   * A row that was mended, as an import of the mended table would take it: the touchpoint that could not be read, or all
   * of a row that said nothing, under the place and the number that it had.
   */
  again(name: string, row: CaseRow, context: CsvContext): TouchpointFact[] | Fault {
    const place: CsvContext = context.case === name ? context : { occurrence: 0 };
    const { touchpoint, sequence, occurrence, customer, reused } = place;
    const canonical = this.canonicalOf(row.cells);
    const fault = this.rowFault(name, canonical);
    if (fault) return fault;
    const placed: Placed[] = [];
    for (const planned of this.plan.touchpoints) {
      const { name: own, required } = planned.source;
      const written = this.touchpoints.written(row.cells, planned);
      if (touchpoint === undefined ? written === undefined && !required : touchpoint !== (own ?? '')) continue;
      const mapped = this.opened(name, new TraceMemory(), placed);
      const result = this.numbered(row.cells, mapped, planned, { written, canonical, sequence }, occurrence);
      if (!('fact' in result)) return result;
      if (result.fact.touchpointId === reused) return idReused();
      placed.push(result);
    }
    if (placed.length === 0) return this.nothingHappened();
    const first = customer && placed.every(({ at, customer: who }) => who === undefined || customer.at <= at);
    if (first) return placed.map(({ fact }) => this.of(customer.value, fact));
    return this.withCustomer(this.opened(name, new TraceMemory(), placed));
  }

  private opened(name: string, memory: TraceMemory, placed: Placed[] = []): Case {
    const { journeyType, source } = this.mapping;
    const trace = this.isCasePersonal ? hiddenName(this.hash, this.mapping, name) : name;
    const journeyId = deterministicId(source, journeyType, trace);
    const open = memory.open(journeyId);
    return { name, trace, journeyId, open, placed, unreadable: [], said: new Set(), repeats: 0 };
  }

  /** Identical ones that stood before it take the first numbers. */
  private numbered(
    cells: readonly string[],
    mapped: Case,
    planned: PlannedTouchpoint,
    row: { written: string | undefined; canonical: string; sequence: number | undefined },
    occurrence: number,
  ): Placed | Fault {
    for (let n = 0; n < Math.min(occurrence, MOST_IDENTICAL); n++) this.touchpoint(cells, mapped, planned, row);
    return this.touchpoint(cells, mapped, planned, row);
  }

  /** A row that no case can be told of; `occurrence` counts those that are identical. */
  withoutCase(line: number, text: string, fault: Fault, occurrence: number): UnreadableRecord {
    const { source, journeyType } = this.mapping;
    const fingerprint = deterministicId(source, journeyType, '', text, 'unreadable', String(occurrence));
    return { line, ...fault, fingerprint, raw: this.rawOf(text), format: 'csv', context: { occurrence } };
  }

  textOf(cells: readonly string[]): string {
    return lineOf(cells, this.plan.header.dialect);
  }

  private row(row: CaseRow, mapped: Case): void {
    const canonical = this.canonicalOf(row.cells);
    const fault = this.rowFault(mapped.name, canonical);
    if (fault) return this.quarantine(row, mapped, canonical, { fault, sequence: mapped.open.place() });
    let told = 0;
    for (const touchpoint of this.plan.touchpoints) {
      const { source } = touchpoint;
      const written = this.touchpoints.written(row.cells, touchpoint);
      if (written === undefined && !source.required) continue;
      told++;
      if (source.once && written !== undefined && this.saidBefore(mapped, touchpoint, written)) {
        mapped.repeats++;
        continue;
      }
      // The place counts unreadable ones too: they keep it for the day they are mended.
      const sequence = mapped.open.place();
      const result = this.touchpoint(row.cells, mapped, touchpoint, { written, canonical, sequence });
      if ('fact' in result) mapped.placed.push(result);
      else this.quarantine(row, mapped, canonical, { touchpoint: source.name ?? '', fault: result, sequence });
    }
    if (told > 0) return;
    this.quarantine(row, mapped, canonical, { fault: this.nothingHappened(), sequence: mapped.open.place() });
  }

  private nothingHappened(): Fault {
    const columns = this.plan.touchpoints.map(({ at }) => `"${at.column}"`).join(', ');
    return { code: 'CSV_NO_TIMESTAMP', reason: `The row has no time in ${columns}: nothing has happened.` };
  }

  private rowFault(name: string, canonical: string): Fault | undefined {
    if (name.length > LONGEST_NAME) {
      return { code: 'CSV_CASE_TOO_LONG', reason: `The name of the case has more than ${LONGEST_NAME} characters.` };
    }
    if (canonical.length <= LARGEST_ROW / 3 || Buffer.byteLength(canonical) <= LARGEST_ROW) return undefined;
    return { code: 'CSV_ROW_TOO_LARGE', reason: `The row is larger than ${LARGEST_ROW / 1024} KB.` };
  }

  private saidBefore(mapped: Case, { source }: PlannedTouchpoint, written: string): boolean {
    const key = JSON.stringify([source.name ?? null, written]);
    if (mapped.said.has(key)) return true;
    mapped.said.add(key);
    return false;
  }

  private touchpoint(
    cells: readonly string[],
    mapped: Case,
    planned: PlannedTouchpoint,
    { written, canonical, sequence }: { written: string | undefined; canonical: string; sequence: number | undefined },
  ): Placed | Faulty {
    const said = this.touchpoints.read(cells, planned, written);
    if ('code' in said) return said;
    const touchpointId = this.identity(cells, mapped, planned, written!, canonical);
    if (typeof touchpointId !== 'string') return touchpointId;
    const { activity, occurredAt, at, unit, staff, channel, customer, recordId, recordedAt } = said;
    const { attributes, personal, objects } = said;
    const kind = this.kinds.id(activity);
    this.kinds.observe(kind, attributes, personal ?? {});
    const { journeyType, source: system } = this.mapping;
    const key = this.isCasePersonal ? undefined : mapped.name;
    const source = { system, recordId, sequence, recordedAt };
    const journey = { id: mapped.journeyId, type: journeyType, key };
    const fact = {
      touchpointId,
      journey,
      kind,
      unit,
      staff,
      channel,
      occurredAt,
      source,
      attributes,
      personal,
      objects,
    };
    return { fact, at, customer };
  }

  /**
   * By the source's own id; of what each row repeats, by its time; else by content and number among identical rows.
   * What the mapping makes of a row is no part of it, so that a better mapping does not make a second touchpoint.
   */
  private identity(
    cells: readonly string[],
    { trace, open }: Case,
    { source, id }: PlannedTouchpoint,
    written: string,
    canonical: string,
  ): string | Faulty {
    const { source: system, journeyType } = this.mapping;
    const base = [system, journeyType, trace, ...(source.name === undefined ? [] : [source.name])];
    if (source.once) return deterministicId(...base, written, 'once');
    const recordId = id === undefined ? undefined : this.touchpoints.cells.text(cells, id);
    if (recordId === undefined) return contentId([...base, canonical], open).id;
    const touchpointId = deterministicId(...base, recordId);
    const isReused = open.sourceId(touchpointId, deterministicId(canonical)) === 'other';
    return isReused ? { ...idReused(), reused: touchpointId } : touchpointId;
  }

  /** The journey's customer is the one its first touchpoint names. */
  private withCustomer({ placed, open }: Pick<Case, 'placed' | 'open'>): TouchpointFact[] {
    const value = this.mapping.customer && open.customer(naming(placed));
    return placed.map(({ fact }) => (value === undefined ? fact : this.of(value, fact)));
  }

  private of(value: string, fact: TouchpointFact): TouchpointFact {
    return { ...fact, customer: { type: this.mapping.customer!.type, value } };
  }

  private customerOf({ placed }: Case): CsvContext['customer'] {
    const [first] = this.mapping.customer ? naming(placed) : [];
    return first && { value: first.customer, at: first.at };
  }

  private quarantine(
    { line, cells }: CaseRow,
    mapped: Case,
    canonical: string,
    about: { readonly fault: Faulty; readonly touchpoint?: string; readonly sequence: number },
  ): void {
    const { source, journeyType } = this.mapping;
    const { fault, touchpoint, sequence } = about;
    const { code, reason, reused } = fault;
    const parts = [source, journeyType, mapped.trace, touchpoint ?? '', canonical, 'unreadable'];
    const { id: fingerprint, occurrence } = contentId(parts, mapped.open);
    const context = { case: mapped.name, touchpoint, sequence, occurrence, reused };
    const { journeyId } = mapped;
    const raw = this.rawOf(this.textOf(cells));
    mapped.unreadable.push({ line, code, reason, journeyId, fingerprint, raw, format: 'csv', context });
  }

  /** With its header, so that it can be read by itself. */
  private rawOf(text: string): string {
    return `${this.textOf(this.plan.header.columns)}\n${text}`;
  }

  /** What the row says, whatever the order of its columns, and whatever the mapping makes of it; empty cells are left out. */
  private canonicalOf(cells: readonly string[]): string {
    const said: string[] = [];
    for (const at of this.byName) {
      const text = cells[at]!.trim();
      if (text !== '') said.push(this.plan.header.columns[at]!, text);
    }
    return JSON.stringify(said);
  }
}

/** The id of a record without an id of its own: its content, and its number among identical ones of the case. */
function contentId(parts: string[], open: OpenTrace): { id: string; occurrence: number } {
  const first = deterministicId(...parts, '0');
  const occurrence = open.occurrence(first);
  return { id: occurrence === 0 ? first : deterministicId(...parts, String(occurrence)), occurrence };
}

/** Touchpoints that name a customer, in the order in which they happened. */
const naming = (placed: readonly Placed[]) =>
  placed
    .flatMap(({ fact, at, customer }) =>
      customer === undefined ? [] : [{ at, sequence: fact.source.sequence, id: fact.touchpointId, customer }],
    )
    .sort(byInstant);

const idReused = (): Fault => ({
  code: 'CSV_RECORD_ID_REUSED',
  reason: 'Another row of the case has the same id and other content.',
});
