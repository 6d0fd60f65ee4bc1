import { CsvSplitter, type CsvDialect } from './csv-splitter.js';

/** What a mapping may say of its file; the rest is found. */
export interface CsvFileOptions {
  readonly delimiter?: string;
  /** Null: quotes mean nothing. */
  readonly quote?: string | null;
  readonly encoding?: string;
  /** Names of the columns of a file whose first row is data already. */
  readonly header?: readonly string[];
  /** Lines before the header that belong to no table. */
  readonly skip?: number;
  /** What becomes of a row with fewer cells than the header; default `quarantine`. */
  readonly ragged?: 'quarantine' | 'fill';
}

const DELIMITERS = [',', ';', '\t', '|'];
/** Records that are looked at. */
const LOOKED_AT = 200;

/**
 * The dialect of a file by its beginning: line ends as they are; the delimiter that splits the most records into as
 * many cells as the first, and the more the better.
 */
export function dialectOf(head: string, options: CsvFileOptions = {}): CsvDialect {
  const quote = options.quote === undefined ? '"' : options.quote;
  const newline = !head.includes('\n') && /\r[^]/.test(head) ? '\r' : '\n';
  if (options.delimiter !== undefined) return { delimiter: options.delimiter, quote, newline };
  let best = { delimiter: ',', score: 0 };
  for (const delimiter of DELIMITERS) {
    const score = scoreOf(head, { delimiter, quote, newline });
    if (score > best.score) best = { delimiter, score };
  }
  return { delimiter: best.delimiter, quote, newline };
}

function scoreOf(head: string, dialect: CsvDialect): number {
  const limits = { recordLength: Infinity, columns: Infinity };
  // A line end makes the only record of a short file complete.
  const ended = head.endsWith(dialect.newline) ? head : head + dialect.newline;
  const records = new CsvSplitter(dialect, limits).push(ended, false).slice(0, LOOKED_AT);
  const width = records[0]?.cells.length ?? 1;
  if (width < 2) return 0;
  return (width * records.filter((record) => record.cells.length === width).length) / records.length;
}

/** The delimiter of a first line `sep=;`, as spreadsheets write it. */
export const separatorLine = (head: string): { delimiter: string; length: number } | undefined => {
  const match = /^sep=(.)(\r\n|\n|\r)/i.exec(head);
  return match ? { delimiter: match[1]!, length: match[0].length } : undefined;
};
