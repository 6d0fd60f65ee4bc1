import { byInstant, deterministicId, instantMs } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { CellReader } from './csv-cells.js';
import type { CsvMapping } from './csv-mapping.js';
import type { CsvPlan, PlannedTime, PlannedTouchpoint } from './csv-plan.js';
import { lineOf } from './csv-reader.js';
import { ImportedKinds } from './imported-kinds.js';
import type { LossReport } from './loss-report.js';
import type { Fault, UnreadableRecord } from './mapped-log.js';
import { TraceMemory, type OpenTrace } from './trace-memory.js';
import { put, type JsonObject } from './xes-value.js';

const LONGEST_NAME = 512;
const LONGEST_CODE = 256;
/** A kind id is `<journey type>:<activity>` within 256 characters. */
const LONGEST_ACTIVITY = 190;
/** Larger events would not fit the log once they are written as JSON and encrypted. */
const LARGEST_ROW = 512 * 1024;

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

/** The case that is being mapped. */
interface Case {
  readonly name: string;
  readonly journeyId: string;
  readonly open: OpenTrace;
  readonly placed: Placed[];
  readonly unreadable: UnreadableRecord[];
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
  private readonly cells: CellReader;
  private readonly isCasePersonal: boolean;
  /** The cells in the order of their columns' names. */
  private readonly byName: readonly number[];

  constructor(
    private readonly mapping: CsvMapping,
    private readonly plan: CsvPlan,
    private readonly report: LossReport,
  ) {
    this.kinds = new ImportedKinds(mapping);
    this.cells = new CellReader(mapping.nulls, mapping.decimal);
    this.isCasePersonal = mapping.case.some((column) => mapping.personal.includes(column));
    const { columns } = plan.header;
    const compare = (a: number, b: number) => (columns[a]! < columns[b]! ? -1 : columns[a]! > columns[b]! ? 1 : a - b);
    this.byName = columns.map((_, at) => at).sort(compare);
  }

  /** The case of a row; undefined when its cells say nothing. */
  nameOf(cells: readonly string[]): string | undefined {
    return this.cells.joined(cells, this.plan.case, '/');
  }

  /** Whether the cell says anything. */
  says(cells: readonly string[], at: number): boolean {
    return this.cells.text(cells, at) !== undefined;
  }

  map(name: string, rows: readonly CaseRow[]): MappedCase {
    const { journeyType, source } = this.mapping;
    const journeyId = deterministicId(source, journeyType, name);
    const memory = new TraceMemory();
    const open = memory.open(journeyId);
    const mapped: Case = { name, journeyId, open, placed: [], unreadable: [], said: new Set(), repeats: 0 };
    for (const row of rows) this.row(row, mapped);
    const facts = this.withCustomer(mapped);
    open.close();
    const others = memory.otherCustomers();
    this.otherCustomers.customers += others.customers;
    this.otherCustomers.events += others.events;
    return { facts, unreadable: mapped.unreadable, repeats: mapped.repeats };
  }

  /** A row that no case can be told of; `occurrence` counts those that are identical. */
  withoutCase(line: number, text: string, fault: Fault, occurrence: number): UnreadableRecord {
    const { source, journeyType } = this.mapping;
    const fingerprint = deterministicId(source, journeyType, '', text, 'unreadable', String(occurrence));
    return { line, ...fault, fingerprint, raw: this.rawOf(text), format: 'csv' };
  }

  textOf(cells: readonly string[]): string {
    return lineOf(cells, this.plan.header.dialect);
  }

  private row(row: CaseRow, mapped: Case): void {
    const canonical = this.canonicalOf(row.cells);
    const fault = this.rowFault(mapped.name, canonical);
    if (fault) {
      mapped.open.place();
      this.quarantine(row, mapped, canonical, '', fault);
      return;
    }
    let told = 0;
    for (const touchpoint of this.plan.touchpoints) {
      const { source, at } = touchpoint;
      const written = this.cells.whole(row.cells, at.cells, ' ');
      if (written === undefined && !source.required) continue;
      told++;
      if (source.once && written !== undefined && this.saidBefore(mapped, touchpoint, written)) {
        mapped.repeats++;
        continue;
      }
      // The place counts unreadable ones too: they keep it for the day they are mended.
      const sequence = mapped.open.place();
      const result = this.touchpoint(row, mapped, touchpoint, { written, canonical, sequence });
      if ('fact' in result) mapped.placed.push(result);
      else this.quarantine(row, mapped, canonical, source.name ?? '', result);
    }
    if (told > 0) return;
    const columns = this.plan.touchpoints.map(({ at }) => `"${at.column}"`).join(', ');
    mapped.open.place();
    const reason = `The row has no time in ${columns}: nothing has happened.`;
    this.quarantine(row, mapped, canonical, '', { code: 'CSV_NO_TIMESTAMP', reason });
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
    { cells }: CaseRow,
    mapped: Case,
    planned: PlannedTouchpoint,
    { written, canonical, sequence }: { written: string | undefined; canonical: string; sequence: number },
  ): Placed | Fault {
    if (written === undefined) {
      return { code: 'CSV_NO_TIMESTAMP', reason: `The row has no time in "${planned.at.column}".` };
    }
    const occurredAt = this.instant(planned.at, written);
    if (typeof occurredAt !== 'string') return occurredAt;
    const activity = this.activity(cells, planned);
    if (typeof activity !== 'string') return activity;
    const about = this.about(cells, planned);
    if ('code' in about) return about;
    const content = this.content(cells, planned);
    if ('code' in content) return content;
    this.keepWords(cells, planned, activity, content.attributes);
    const touchpointId = this.identity(cells, mapped, planned, written, canonical);
    if (typeof touchpointId !== 'string') return touchpointId;
    const kind = this.kinds.id(activity);
    this.kinds.observe(kind, content.attributes, content.personal ?? {});
    const { journeyType, source: system } = this.mapping;
    const key = this.isCasePersonal ? undefined : mapped.name;
    const { unit, staff, channel, recordId, recordedAt, customer } = about;
    const { attributes, personal, objects } = content;
    const source = { system, recordId, sequence, recordedAt };
    const journey = { id: mapped.journeyId, type: journeyType, key };
    const who = { kind, unit, staff, channel };
    return {
      fact: { touchpointId, journey, ...who, occurredAt, source, attributes, personal, objects },
      at: instantMs(occurredAt),
      customer,
    };
  }

  private instant({ times, column }: PlannedTime, written: string): string | Fault {
    const read = times.read(written);
    if (!('instant' in read)) return read;
    if (read.doubt) this.report.add(`${read.doubt}-time`, column);
    return read.instant;
  }

  private activity(cells: readonly string[], { activity }: PlannedTouchpoint): string | Fault {
    const text = this.cells.value(cells, activity);
    if (text === undefined) return { code: 'CSV_NO_ACTIVITY', reason: 'The row has nothing to name its activity.' };
    if (text.length <= LONGEST_ACTIVITY) return text;
    return {
      code: 'CSV_ACTIVITY_TOO_LONG',
      reason: `The row's activity has more than ${LONGEST_ACTIVITY} characters.`,
    };
  }

  /** Who and where, and what the source says of the record itself. */
  private about(cells: readonly string[], planned: PlannedTouchpoint) {
    const unit = planned.unit && this.cells.value(cells, planned.unit);
    const staff = planned.staff && this.cells.value(cells, planned.staff);
    const channel = planned.channel && this.cells.value(cells, planned.channel);
    if (unit !== undefined && unit.length > LONGEST_CODE) return tooLong('unit');
    if (staff !== undefined && staff.length > LONGEST_CODE) return tooLong('staff');
    if (channel !== undefined && channel.length > LONGEST_CODE) return tooLong('channel');
    const customer = this.plan.customer === undefined ? undefined : this.cells.text(cells, this.plan.customer);
    if (customer !== undefined && customer.length > LONGEST_CODE) return tooLong('customer');
    const recordId = planned.id === undefined ? undefined : this.cells.text(cells, planned.id);
    if (recordId !== undefined && recordId.length > LONGEST_NAME) return tooLong('id');
    const recorded = planned.recordedAt && this.cells.whole(cells, planned.recordedAt.cells, ' ');
    const recordedAt = recorded === undefined ? undefined : this.instant(planned.recordedAt!, recorded);
    if (typeof recordedAt === 'object') return recordedAt;
    return { unit, staff, channel, customer, recordId, recordedAt };
  }

  private content(
    cells: readonly string[],
    { attributes: planned, objects: things }: PlannedTouchpoint,
  ):
    | (Pick<Required<TouchpointFact>, 'attributes'> &
        Pick<TouchpointFact, 'objects'> & { attributes: JsonObject; personal?: JsonObject })
    | Fault {
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    let hasPersonal = false;
    for (const attribute of planned) {
      const read = this.cells.attribute(cells, attribute);
      if (read === undefined) continue;
      if ('code' in read) return read;
      hasPersonal ||= attribute.personal;
      put(attribute.personal ? personal : attributes, attribute.as, read.value);
    }
    const objects: { type: string; id: string; qualifier?: string }[] = [];
    for (const { type, cell, qualifier, separator } of things) {
      const text = this.cells.text(cells, cell);
      for (const part of text === undefined ? [] : separator === undefined ? [text] : text.split(separator)) {
        const id = part.trim();
        if (id.length > LONGEST_NAME) return tooLong('object');
        if (id !== '') objects.push(qualifier === undefined ? { type, id } : { type, id, qualifier });
      }
    }
    if (objects.length > 1_000)
      return { code: 'CSV_TOO_MANY_OBJECTS', reason: 'The row names more than 1,000 objects.' };
    return {
      attributes,
      personal: hasPersonal ? personal : undefined,
      objects: objects.length > 0 ? objects : undefined,
    };
  }

  /** What the mapping has put other words for stays as it was said, under the name of its column. */
  private keepWords(
    cells: readonly string[],
    { activity, unit, staff, channel }: PlannedTouchpoint,
    named: string,
    attributes: JsonObject,
  ): void {
    const replaced = [activity, unit, staff, channel].filter((source) => source?.values !== undefined);
    if (this.kinds.isMapped(named)) replaced.push(activity);
    for (const at of replaced.flatMap((source) => source!.cells)) {
      const text = this.cells.text(cells, at);
      if (text !== undefined) put(attributes, this.plan.header.columns[at]!, text);
    }
  }

  /**
   * By the source's own id; of what each row repeats, by its time; else by content and number among identical rows.
   * What the mapping makes of a row is no part of it, so that a better mapping does not make a second touchpoint.
   */
  private identity(
    cells: readonly string[],
    { name, open }: Case,
    { source, id }: PlannedTouchpoint,
    written: string,
    canonical: string,
  ): string | Fault {
    const { source: system, journeyType } = this.mapping;
    const base = [system, journeyType, name, ...(source.name === undefined ? [] : [source.name])];
    if (source.once) return deterministicId(...base, written, 'once');
    const recordId = id === undefined ? undefined : this.cells.text(cells, id);
    if (recordId === undefined) return contentId([...base, canonical], open);
    const touchpointId = deterministicId(...base, recordId);
    if (open.sourceId(touchpointId, deterministicId(canonical)) !== 'other') return touchpointId;
    const reason = 'Another row of the case has the same id and other content.';
    return { code: 'CSV_RECORD_ID_REUSED', reason };
  }

  /** The journey's customer is the one its first touchpoint names. */
  private withCustomer({ placed, open }: Case): TouchpointFact[] {
    const { customer } = this.mapping;
    if (!customer) return placed.map(({ fact }) => fact);
    const named = placed.flatMap(({ fact, at, customer: who }) =>
      who === undefined ? [] : [{ at, sequence: fact.source.sequence, id: fact.touchpointId, customer: who }],
    );
    const value = open.customer(named.sort(byInstant));
    return placed.map(({ fact }) =>
      value === undefined ? fact : { ...fact, customer: { type: customer.type, value } },
    );
  }

  private quarantine({ line, cells }: CaseRow, mapped: Case, canonical: string, name: string, fault: Fault): void {
    const { source, journeyType } = this.mapping;
    const fingerprint = contentId([source, journeyType, mapped.name, name, canonical, 'unreadable'], mapped.open);
    const { journeyId } = mapped;
    mapped.unreadable.push({
      line,
      ...fault,
      journeyId,
      fingerprint,
      raw: this.rawOf(this.textOf(cells)),
      format: 'csv',
    });
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
function contentId(parts: string[], open: OpenTrace): string {
  const first = deterministicId(...parts, '0');
  const occurrence = open.occurrence(first);
  return occurrence === 0 ? first : deterministicId(...parts, String(occurrence));
}

const tooLong = (role: string): Fault => ({
  code: 'CSV_VALUE_TOO_LONG',
  reason: `The ${role} of the row has more than ${role === 'id' || role === 'object' ? LONGEST_NAME : LONGEST_CODE} characters.`,
});
