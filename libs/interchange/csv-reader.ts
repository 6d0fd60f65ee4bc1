import { setImmediate } from 'node:timers/promises';
import { TouchstoneError } from '@touchstone/eventing';
import { contentOf } from './byte-source.js';
import { dialectOf, separatorLine, type CsvFileOptions } from './csv-dialect.js';
import { CSV_LIMITS, CsvSplitter, tooMuch, type CsvDialect, type CsvLimits, type CsvRecord } from './csv-splitter.js';
import { csvText } from './csv-text.js';

/** Characters from which the dialect is told. */
const HEAD = 64 * 1024;
const LONGEST_NAME = 256;

export interface CsvHeader {
  readonly kind: 'header';
  /** Unique names, in file order; empty for a column without one. */
  readonly columns: readonly string[];
  /** Names that came more than once, and were given a number. */
  readonly twice: readonly string[];
  readonly dialect: CsvDialect;
}

/** The parts of a table, in file order: the header once, then its rows as they come. */
export type CsvPart = CsvHeader | { readonly kind: 'rows'; readonly rows: CsvRecord[] };

export interface ReadCsv {
  readonly limits?: Partial<CsvLimits>;
  /** Stops between two pieces with IMPORT_CANCELLED. */
  readonly signal?: AbortSignal;
}

/**
 * Reads a table (RFC 4180 and what exports make of it), plain or gzip, as a stream; the consumer sets the pace. Cells
 * stay text. Only what spoils the file as a whole is thrown; what is wrong with a single row is noted on it.
 *
 * `for await (const part of readCsv(createReadStream(file))) …`
 *
 * @throws TouchstoneError, kind `invalid`: CSV_EMPTY, CSV_HEADER_INVALID, CSV_QUOTE_OPEN (details {line, cell}),
 *   CSV_TRUNCATED, CSV_NOT_TEXT, CSV_LIMIT_EXCEEDED, CSV_ENCODING_UNSUPPORTED, CSV_ENCODING_MISMATCH,
 *   CSV_ENCODING_INVALID, GZIP_TRUNCATED, GZIP_CORRUPT; IMPORT_CANCELLED (refused)
 */
export async function* readCsv(
  source: AsyncIterable<Uint8Array>,
  file: CsvFileOptions = {},
  options: ReadCsv = {},
): AsyncGenerator<CsvPart> {
  const limits = { ...CSV_LIMITS, ...options.limits };
  const table = new Table(file, limits);
  for await (const text of csvText(counted(contentOf(source), limits.contentBytes), file.encoding)) {
    if (options.signal?.aborted) throw cancelled();
    yield* table.push(text, false);
    // A source whose pieces are ready at once would otherwise never let anything else run.
    await setImmediate();
  }
  yield* table.push('', true);
}

/** From text to header and rows. */
class Table {
  /** Text that is held until the dialect can be told. */
  private head: string | undefined = '';
  private splitter: CsvSplitter | undefined;
  private dialect: CsvDialect | undefined;
  private width: number | undefined;

  constructor(
    private readonly file: CsvFileOptions,
    private readonly limits: CsvLimits,
  ) {}

  *push(text: string, last: boolean): Generator<CsvPart> {
    if (this.head !== undefined) {
      this.head += text;
      if (this.head.length < HEAD && !last) return;
      const head = this.head;
      this.head = undefined;
      yield* this.rows(this.begin(head), last);
    } else {
      yield* this.rows(text, last);
    }
    if (last && this.width === undefined) throw empty();
  }

  /** Tells the dialect; what stands before the header becomes blank lines, so that lines are counted on. */
  private begin(head: string): string {
    const { file } = this;
    const separator = separatorLine(head);
    let before = separator?.length ?? 0;
    for (let line = 0; line < (file.skip ?? 0); line++) {
      const end = /\r\n|\n|\r/g;
      end.lastIndex = before;
      if (!end.exec(head)) throw empty();
      before = end.lastIndex;
    }
    const table = head.slice(before);
    this.dialect = dialectOf(table, { ...file, delimiter: file.delimiter ?? separator?.delimiter });
    this.splitter = new CsvSplitter(this.dialect, this.limits);
    const lines = head.slice(0, before).match(/\r\n|\n|\r/g)?.length ?? 0;
    return this.dialect.newline.repeat(lines) + table;
  }

  private *rows(text: string, last: boolean): Generator<CsvPart> {
    let records = this.splitter!.push(text, last);
    if (this.width === undefined) {
      const [first] = records;
      if (!first) return;
      const given = this.file.header;
      if (!given) records = records.slice(1);
      const header = headerOf(given ?? first.cells, first, this.dialect!);
      this.width = header.columns.length;
      yield header;
    }
    if (records.length > 0) yield { kind: 'rows', rows: records.map((record) => this.fitted(record, this.width!)) };
  }

  /** Cells beyond the header are no harm while they are empty: some exports end every row with a delimiter. */
  private fitted(record: CsvRecord, width: number): CsvRecord {
    const { cells, fault, line } = record;
    if (cells.length === width || fault) return record;
    if (cells.length > width && cells.slice(width).every((cell) => cell === '')) {
      return { line, cells: cells.slice(0, width) };
    }
    if (cells.length < width && this.file.ragged === 'fill') {
      return { line, cells: [...cells, ...new Array<string>(width - cells.length).fill('')] };
    }
    const reason = `The row has ${cells.length} cells, the header has ${width}.`;
    return { line, cells, fault: { code: 'CSV_RAGGED', reason }, raw: lineOf(cells, this.dialect!) };
  }
}

/** A record as text again. */
export function lineOf(
  cells: readonly string[],
  { delimiter, quote }: Pick<CsvDialect, 'delimiter' | 'quote'>,
): string {
  if (quote === null) return cells.join(delimiter);
  const needsQuotes = (cell: string) =>
    cell.includes(delimiter) || cell.includes(quote) || cell.includes('\n') || cell.includes('\r');
  return cells
    .map((cell) => (needsQuotes(cell) ? quote + cell.replaceAll(quote, quote + quote) + quote : cell))
    .join(delimiter);
}

function headerOf(names: readonly string[], { line, fault }: CsvRecord, dialect: CsvDialect): CsvHeader {
  if (fault) throw headerInvalid(`${fault.reason} It is the header, at line ${line}.`);
  const columns: string[] = [];
  const twice: string[] = [];
  const seen = new Set<string>();
  for (const given of names) {
    const name = given.trim();
    if (name.length > LONGEST_NAME)
      throw headerInvalid(`The name of column ${columns.length + 1} is too long for one.`);
    let unique = name;
    for (let n = 2; name !== '' && seen.has(unique); n++) unique = `${name} (${n})`;
    if (unique !== name) twice.push(name);
    seen.add(unique);
    columns.push(unique);
  }
  if (columns.every((name) => name === '')) throw headerInvalid(`No column has a name at line ${line}.`);
  return { kind: 'header', columns, twice, dialect };
}

async function* counted(content: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    if (bytes > most) throw tooMuch('bytes when unpacked', most, 'split it');
    yield piece;
  }
}

const headerInvalid = (what: string): TouchstoneError =>
  new TouchstoneError(
    'CSV_HEADER_INVALID',
    `${what} The first row must name the columns; where it is data already, name them in the mapping ("file: { header: [...] }").`,
    'invalid',
  );

const empty = (): TouchstoneError =>
  new TouchstoneError('CSV_EMPTY', 'The file has no row, not even a header: export it again.', 'invalid');

export const cancelled = (): TouchstoneError =>
  new TouchstoneError('IMPORT_CANCELLED', 'The import was cancelled while the file was read; nothing was appended.');
