import { TouchstoneError } from '@touchstone/eventing';
import { CsvCases } from './csv-cases.js';
import type { CheckedMapping } from './csv-mapping.js';
import { planFor } from './csv-plan.js';
import { readCsv, type CsvHeader } from './csv-reader.js';
import type { CsvDialect, CsvRecord } from './csv-splitter.js';
import { LossReport } from './loss-report.js';
import type { Readable, Reading } from './quarantine-readers.js';

/** Where a row that could not be read stands in its table. */
export interface CsvContext {
  /** Absent where nobody knows which case. */
  readonly case?: string;
  /** Name of the touchpoint that could not be read; absent: the row as a whole. */
  readonly touchpoint?: string;
  /** Its 0-based place in the journey. */
  readonly sequence?: number;
  /** How many unreadable rows of the case before it are identical to it. */
  readonly occurrence: number;
  /** The customer whom the case names first, and when (ms). */
  readonly customer?: { readonly value: string; readonly at: number };
  /** Id of the touchpoint that another row of the case is already. */
  readonly reused?: string;
}

/** What all rows of a table have in common. */
export interface CsvShared extends CheckedMapping {
  readonly dialect: CsvDialect;
}

/**
 * Reads one row of a table as an import of the mended table would: by the same mapping, so that it gets the ids that it
 * would have had. The payload is the header and the row, in the dialect of the table.
 */
export async function readCsvRecord({ payload, context, shared, mapping: mend, hash }: Readable): Promise<Reading> {
  if (context === undefined || shared === undefined) {
    const reason = 'It came before rows of tables could be driven in again: mend it by writing it as a CloudEvent.';
    return { code: 'QUARANTINED_FORMAT_UNKNOWN', reason };
  }
  const { dialect, ...checked } = shared as CsvShared;
  try {
    const { header, rows } = await parsed(payload, dialect, checked);
    const [row] = rows;
    if (!row || rows.length > 1)
      return { code: 'CSV_RECORD_INVALID', reason: 'Write the header, and one row below it.' };
    if (row.fault) return row.fault;
    const { mapping, uses } = mend.zone === undefined ? checked : inZone(checked, mend.zone);
    const cases = new CsvCases(mapping, planFor({ mapping, uses }, header), new LossReport(), hash);
    const name = cases.nameOf(row.cells);
    if (name === undefined) {
      return {
        code: 'CSV_NO_CASE',
        reason: 'The row has nothing to name its case in the columns that the mapping gives.',
      };
    }
    const facts = cases.again(name, row, context as CsvContext);
    if ('code' in facts) return facts;
    const specs = new Map(cases.kinds.specs().map((spec) => [spec.id, spec]));
    const { journeyType } = mapping;
    return {
      facts: facts.map((fact) => ({
        fact,
        ...(specs.has(fact.kind) && { kind: { journeyType, spec: specs.get(fact.kind)! } }),
      })),
    };
  } catch (error) {
    // What would refuse a whole file refuses the row.
    if (error instanceof TouchstoneError) return { code: error.code, reason: error.message };
    throw error;
  }
}

async function parsed(text: string, { delimiter, quote }: CsvDialect, { mapping }: CheckedMapping) {
  const { ragged } = mapping.file;
  const rows: CsvRecord[] = [];
  let header: CsvHeader | undefined;
  for await (const part of readCsv(bytesOf(text), { delimiter, quote, encoding: 'utf-8', ragged })) {
    if (part.kind === 'header') header = part;
    else rows.push(...part.rows);
  }
  return { header: header!, rows };
}

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text));
}

/** The zone that a person names is that of every time that has no offset. */
function inZone({ mapping, uses }: CheckedMapping, named: string): CheckedMapping {
  const zone = named === 'Z' ? 'UTC' : named;
  const touchpoints = mapping.touchpoints.map((touchpoint) => ({
    ...touchpoint,
    at: { ...touchpoint.at, zone },
    ...(touchpoint.recordedAt && { recordedAt: { ...touchpoint.recordedAt, zone } }),
  }));
  return { mapping: { ...mapping, touchpoints }, uses };
}
