import { TouchstoneError } from '@touchstone/eventing';
import type { Fault } from './mapped-log.js';

/** How cells and records are told apart. */
export interface CsvDialect {
  readonly delimiter: string;
  /** Null: a quote is a character like any other. */
  readonly quote: string | null;
  /** `\n` stands for `\r\n` as well. */
  readonly newline: '\n' | '\r';
}

/** A record of a file: one line, or several where a quoted cell has line ends. */
export interface CsvRecord {
  /** 1-based line on which it begins. */
  readonly line: number;
  readonly cells: string[];
  readonly fault?: Fault;
  /** Of a record with a fault: its text. */
  readonly raw?: string;
}

/** Bounds of what is held in memory. Reaching one refuses the file with CSV_LIMIT_EXCEEDED. */
export interface CsvLimits {
  /** Characters of one record. */
  readonly recordLength: number;
  readonly columns: number;
  /** Rows of one case, and their characters: a case is understood as a whole. */
  readonly caseRows: number;
  readonly caseLength: number;
  /** Bytes of the unpacked file. */
  readonly contentBytes: number;
}

export const CSV_LIMITS: CsvLimits = {
  recordLength: 1_000_000,
  columns: 4_096,
  caseRows: 100_000,
  caseLength: 64_000_000,
  contentBytes: 64 * 2 ** 30,
};

export const tooMuch = (what: string, most: number, hint: string, line?: number): TouchstoneError =>
  new TouchstoneError(
    'CSV_LIMIT_EXCEEDED',
    `The file has more than ${most} ${what}${line === undefined ? '' : ` at line ${line}`}: ${hint}.`,
    'limit',
    { most, what, line },
  );

/**
 * Splits text into records as it comes (RFC 4180), with what real exports do besides: a quote inside an unquoted cell
 * is a character, and blanks may follow a closing quote. Lines without a quote take a short way.
 */
export class CsvSplitter {
  private rest = '';
  /** Line of the first character of `rest`. */
  private line = 1;

  constructor(
    private readonly dialect: CsvDialect,
    private readonly limits: Pick<CsvLimits, 'recordLength' | 'columns'> = CSV_LIMITS,
  ) {}

  /** The records that the text completes; blank lines are left out. @throws CSV_LIMIT_EXCEEDED, CSV_QUOTE_OPEN */
  push(more: string, last: boolean): CsvRecord[] {
    const text = this.rest + more;
    const { quote, newline } = this.dialect;
    const records: CsvRecord[] = [];
    let at = 0;
    let quoteAt = quote === null ? -1 : text.indexOf(quote);
    while (at < text.length) {
      const end = text.indexOf(newline, at);
      if (quoteAt !== -1 && quoteAt < at) quoteAt = text.indexOf(quote!, at);
      let next: number;
      if (quoteAt === -1 || (end !== -1 && quoteAt > end)) {
        if (end === -1 && !last) break;
        next = this.plain(text, at, end === -1 ? text.length : end, records);
      } else {
        const scanned = this.quoted(text, at, last, records);
        if (scanned === undefined) break;
        next = scanned;
      }
      at = next;
    }
    this.rest = text.slice(at);
    if (this.rest.length > this.limits.recordLength) throw this.endless();
    return records;
  }

  /** A line without quotes. Returns where the next begins. */
  private plain(text: string, from: number, end: number, records: CsvRecord[]): number {
    const { delimiter, newline } = this.dialect;
    const to = newline === '\n' && end > from && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end;
    if (to > from) this.keep({ line: this.line, cells: text.slice(from, to).split(delimiter) }, to - from, records);
    this.line++;
    return end + 1;
  }

  /** A record with quotes. Returns where the next begins; undefined while it is not complete. */
  private quoted(text: string, from: number, last: boolean, records: CsvRecord[]): number | undefined {
    const { delimiter, newline, quote } = this.dialect;
    const cells: string[] = [];
    let fault: Fault | undefined;
    let end = -1;
    for (let at = from; ; at++) {
      const inside = text[at] === quote ? this.quotedCell(text, at, last, cells.length) : null;
      if (inside === undefined) return undefined;
      if (inside) at = inside.next;
      if (end < at) end = indexOrEnd(text, newline, at);
      const cut = indexOrEnd(text, delimiter, at);
      const isLast = end <= cut;
      const to = Math.min(end, cut, text.length);
      if (isLast && end === Infinity && !last) return undefined;
      let outside = text.slice(at, to);
      if (isLast && newline === '\n' && outside.endsWith('\r')) outside = outside.slice(0, -1);
      const isMixed = inside !== null && /\S/.test(outside);
      if (isMixed) fault ??= malformed(cells.length + 1);
      cells.push(inside === null ? outside : isMixed ? inside.value + outside : inside.value);
      at = to;
      if (isLast) return this.recordEnd({ cells, fault }, text, from, to, records);
    }
  }

  private recordEnd(
    { cells, fault }: { cells: string[]; fault: Fault | undefined },
    text: string,
    from: number,
    to: number,
    records: CsvRecord[],
  ): number {
    const { newline } = this.dialect;
    const { line } = this;
    this.keep(fault ? { line, cells, fault, raw: text.slice(from, to) } : { line, cells }, to - from, records);
    this.line++;
    for (let at = text.indexOf(newline, from); at !== -1 && at < to; at = text.indexOf(newline, at + 1)) this.line++;
    return to + 1;
  }

  /** The value between a cell's quotes, and where the text after them begins; undefined while it is not complete. */
  private quotedCell(
    text: string,
    at: number,
    last: boolean,
    before: number,
  ): { value: string; next: number } | undefined {
    const quote = this.dialect.quote!;
    let value = '';
    for (let from = at + 1; ;) {
      const found = text.indexOf(quote, from);
      if (found === -1 && !last) return undefined;
      if (found === -1) throw this.open(before + 1);
      value += text.slice(from, found);
      // At the end of the text the other half of a doubled quote may be yet to come: then no cell ends here either.
      if (text[found + 1] !== quote) return { value, next: found + 1 };
      value += quote;
      from = found + 2;
    }
  }

  private keep(record: CsvRecord, length: number, records: CsvRecord[]): void {
    const { recordLength, columns } = this.limits;
    if (length > recordLength) throw this.endless();
    if (record.cells.length > columns) throw tooMuch('columns', columns, 'check the delimiter', record.line);
    records.push(record);
  }

  private endless(): TouchstoneError {
    const hint = 'a quote before it may have been left open; mend it, or say "file: { quote: none }" in the mapping';
    return tooMuch('characters in one row', this.limits.recordLength, hint, this.line);
  }

  private open(cell: number): TouchstoneError {
    return new TouchstoneError(
      'CSV_QUOTE_OPEN',
      `The file ends within the quotes of cell ${cell} of the row that begins at line ${this.line}: copy or download it ` +
        'again, or close the quote; where quotes mean nothing, say "file: { quote: none }" in the mapping.',
      'invalid',
      { line: this.line, cell },
    );
  }
}

function indexOrEnd(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found === -1 ? Infinity : found;
}

const malformed = (cell: number): Fault => ({
  code: 'CSV_QUOTE_MALFORMED',
  reason: `In cell ${cell} of the row, text follows the closing quote: a quote within quotes must be doubled.`,
});
