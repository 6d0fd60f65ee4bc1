import { setImmediate } from 'node:timers/promises';
import { CsvCases, type CaseRow } from './csv-cases.js';
import { readMapping, type MappingOverrides } from './csv-mapping-file.js';
import type { CheckedMapping, CsvMapping } from './csv-mapping.js';
import { planFor, type CsvPlan } from './csv-plan.js';
import { cancelled, readCsv, type CsvHeader } from './csv-reader.js';
import type { CsvShared } from './csv-record.js';
import { CSV_LIMITS, tooMuch, type CsvLimits, type CsvRecord } from './csv-splitter.js';
import type { FileReading, ReadingInto } from './file-reading.js';
import { LossReport } from './loss-report.js';
import type { Fault, MappedLog } from './mapped-log.js';
import { SortedRuns } from './sorted-runs.js';

/** Rows between two breaths while cases are mapped. */
const BREATH = 500;

/** A row on its way to its case. */
type Sorted =
  /** Its case, its number in the file, its line, its cells. */
  | readonly [name: string, row: number, line: number, cells: readonly string[]]
  /** Nobody can say which case it belongs to: its text stands for the name. */
  | readonly [text: string, row: number, line: number, null, fault: Fault];

/**
 * Tables (CSV, plain or gzip) by a mapping file, for the import job. Rows are put in the order of their cases first, on
 * disk where there are many: memory does not grow with the file, nor with the number of cases.
 * @throws MAPPING_INVALID
 */
export function csvReading(
  mappingText: string,
  overrides: MappingOverrides = {},
  limits?: Partial<CsvLimits>,
): FileReading {
  const checked = readMapping(mappingText, overrides);
  const { mapping } = checked;
  const { journeyType, source, asHistory } = mapping;
  return {
    journeyType,
    source,
    asHistory,
    options: { format: 'csv', mapping },
    read: (content, into) => new TableReading(checked, { ...CSV_LIMITS, ...limits }, into).read(content),
  };
}

class TableReading {
  private readonly mapping: CsvMapping;
  private readonly report = new LossReport();
  private readonly sorted: SortedRuns<Sorted>;
  private rows = 0;
  private cases = 0;
  private records = 0;
  private repeats = 0;
  private facts = 0;

  constructor(
    private readonly checked: CheckedMapping,
    private readonly limits: CsvLimits,
    private readonly into: ReadingInto,
  ) {
    this.mapping = checked.mapping;
    this.sorted = new SortedRuns({ ...into.scratch, name: 'rows' }, byCase, undefined, weightOf);
  }

  async read(content: AsyncIterable<Uint8Array>): Promise<MappedLog> {
    try {
      const { cases, header, plan, met } = await this.sort(content);
      await this.map(cases);
      return this.outcome(cases, header, plan, met);
    } catch (error) {
      await this.sorted.abandon();
      throw error;
    }
  }

  /** Every row goes to its case. Gives how many cells of each column say anything. */
  private async sort(content: AsyncIterable<Uint8Array>) {
    let found: { cases: CsvCases; header: CsvHeader; plan: CsvPlan; met: Uint32Array } | undefined;
    const { signal } = this.into;
    for await (const part of readCsv(content, this.mapping.file, { signal, limits: this.limits })) {
      if (part.kind === 'header') {
        const plan = planFor(this.checked, part);
        const cases = new CsvCases(this.mapping, plan, this.report, this.into.hash);
        found = { cases, header: part, plan, met: new Uint32Array(part.columns.length) };
        continue;
      }
      for (const record of part.rows) {
        const sorted = this.sortedOf(record, found!.cases, found!.met);
        if (sorted) await this.sorted.add(sorted);
      }
      this.into.progress(this.rows);
    }
    return found!;
  }

  private sortedOf({ cells, line, fault, raw }: CsvRecord, cases: CsvCases, met: Uint32Array): Sorted | undefined {
    if (fault) return [raw ?? '', this.rows++, line, null, fault];
    let said = 0;
    for (let at = 0; at < cells.length; at++) {
      if (!cases.says(cells, at)) continue;
      met[at]!++;
      said++;
    }
    if (said === 0) {
      this.report.add('empty-row', 'row');
      return undefined;
    }
    const name = cases.nameOf(cells);
    if (name !== undefined) return [name, this.rows++, line, cells];
    const columns = this.mapping.case.map((column) => `"${column}"`).join(', ');
    const reason = `The row has nothing in ${columns} to name its case.`;
    return [cases.textOf(cells), this.rows++, line, null, { code: 'CSV_NO_CASE', reason }];
  }

  /** Case by case; a case is understood as a whole, so it is bounded. */
  private async map(cases: CsvCases): Promise<void> {
    let name: string | undefined;
    let rows: CaseRow[] = [];
    let length = 0;
    let before = { text: '', occurrence: -1 };
    let done = 0;
    const finish = async () => {
      if (rows.length > 0) await this.spool(cases, name!, rows);
      rows = [];
      length = 0;
    };
    for await (const record of this.sorted.merged()) {
      if (done++ % BREATH === 0) {
        if (this.into.signal?.aborted) throw cancelled();
        this.into.arranged(done - 1, this.rows);
        await setImmediate();
      }
      const [text, , line, cells] = record;
      if (cells === null) {
        await finish();
        before = { text, occurrence: text === before.text ? before.occurrence + 1 : 0 };
        this.records++;
        await this.into.sink.add({ unreadable: cases.withoutCase(line, text, record[4], before.occurrence) });
        continue;
      }
      if (text !== name) await finish();
      name = text;
      rows.push({ line, cells });
      length += weightOf(record);
      const hint = 'check the column that the mapping gives as "case"';
      if (rows.length > this.limits.caseRows) throw tooMuch('rows in one case', this.limits.caseRows, hint, line);
      if (length > this.limits.caseLength) throw tooMuch('characters in one case', this.limits.caseLength, hint, line);
    }
    await finish();
    this.into.arranged(done, this.rows);
  }

  private async spool(cases: CsvCases, name: string, rows: readonly CaseRow[]): Promise<void> {
    const { facts, unreadable, repeats } = cases.map(name, rows);
    const { sink } = this.into;
    for (const fact of facts) await sink.add({ fact });
    for (const record of unreadable) await sink.add({ unreadable: record });
    this.cases++;
    this.facts += facts.length;
    this.records += facts.length + unreadable.length;
    this.repeats += repeats;
  }

  private outcome(cases: CsvCases, header: CsvHeader, plan: CsvPlan, met: Uint32Array): MappedLog {
    const { report, mapping } = this;
    for (const at of plan.unused) if (met[at]! > 0) report.add('column', header.columns[at]!, met[at]);
    header.columns.forEach((name, at) => {
      if (name === '' && met[at]! > 0) report.add('unnamed-column', `column ${at + 1}`, met[at]);
    });
    const { customers, events } = cases.otherCustomers;
    if (customers > 0) {
      report.add('other-customer', mapping.customer!.column, customers);
      report.add('other-customer-event', mapping.customer!.column, events);
    }
    return {
      traces: this.cases,
      events: this.records + this.repeats,
      journeys: this.cases,
      rows: this.rows,
      repeats: this.repeats,
      losses: report.losses(),
      warnings: this.warnings(cases, header, met),
      kinds: cases.kinds.specs(),
      mappedKinds: cases.kinds.mapped(),
      movedCustomers: new Map(),
      shared: { ...this.checked, dialect: header.dialect } satisfies CsvShared,
    };
  }

  private warnings(cases: CsvCases, header: CsvHeader, met: Uint32Array): string[] {
    const { mapping } = this;
    const activities = cases.kinds.activities;
    const unmet = (key: string, names: readonly string[]) =>
      names
        .filter((name) => !activities.has(name))
        .map((name) => `No row is the activity "${name}" that ${key} names.`);
    const used = new Set(this.checked.uses.map(({ column }) => column));
    const silent = header.columns.filter((name, at) => used.has(name) && met[at] === 0);
    return [
      ...(this.rows > 0 && this.facts === 0 ? ['Not one row could be read: check the mapping.'] : []),
      ...unmet('closes', mapping.closes === 'all' ? [] : mapping.closes),
      ...unmet('contacts', mapping.contacts),
      ...unmet('kinds', Object.keys(mapping.kinds)),
      ...silent.map((name) => `No row says anything in the column "${name}".`),
      ...header.twice.map(
        (name) => `Several columns are called "${name}": the later ones are "${name} (2)" and so on.`,
      ),
    ];
  }
}

/** By case, then as in the file; what has no case comes first, identical texts side by side. */
function byCase(a: Sorted, b: Sorted): number {
  const hasNone = (row: Sorted) => (row[3] === null ? 0 : 1);
  return hasNone(a) - hasNone(b) || (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]);
}

function weightOf([name, , , cells]: Sorted): number {
  let length = name.length + 50;
  for (const cell of cells ?? []) length += cell.length + 3;
  return length;
}
