import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { CsvFileOptions } from './csv-dialect.js';
import { lineOf, readCsv, type CsvHeader } from './csv-reader.js';
import type { CsvLimits, CsvRecord } from './csv-splitter.js';

async function* pieces(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

interface Read {
  readonly header: CsvHeader;
  readonly rows: CsvRecord[];
}
async function read(
  content: string | Uint8Array,
  file: CsvFileOptions = {},
  more: { size?: number; limits?: Partial<CsvLimits> } = {},
): Promise<Read> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  let header: CsvHeader | undefined;
  const rows: CsvRecord[] = [];
  for await (const part of readCsv(pieces(bytes, more.size ?? 65_536), file, { limits: more.limits })) {
    if (part.kind === 'header') header = part;
    else rows.push(...part.rows);
  }
  return { header: header!, rows };
}
const cells = async (...args: Parameters<typeof read>) => (await read(...args)).rows.map((row) => row.cells);

describe('a table', () => {
  it.each<[string, string, string[][]]>([
    [
      'line ends of Unix',
      'a,b\n1,2\n3,4\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'line ends of Windows, none at the end',
      'a,b\r\n1,2\r\n3,4',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'line ends of an old Mac',
      'a,b\r1,2\r3,4\r',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'blank lines',
      'a,b\n\n1,2\n\r\n3,4\n\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    ['quotes', 'a,b\n"x, y","say ""hi"""\n', [['x, y', 'say "hi"']]],
    ['line ends within quotes', 'a,b\r\n"one\r\ntwo",2\r\n', [['one\r\ntwo', '2']]],
    ['a quote in the midst of an unquoted cell', 'a,b\n5" pipe,2\n', [['5" pipe', '2']]],
    ['blanks after a closing quote', 'a,b\n"1" ,"2"  \n', [['1', '2']]],
    ['an empty quoted cell', 'a,b\n"",2\n', [['', '2']]],
    ['semicolons, with commas in numbers', 'a;b\n1,5;2,5\n', [['1,5', '2,5']]],
    ['tabs', 'a\tb\n1,x\t2\n', [['1,x', '2']]],
    ['bars', 'a|b\n1|2\n', [['1', '2']]],
    ['a first line of a spreadsheet', 'sep=;\r\na;b\r\n1;2\r\n', [['1', '2']]],
    [
      'a delimiter at the end of every row',
      'a,b,\n1,2,\n3,4,\n',
      [
        ['1', '2', ''],
        ['3', '4', ''],
      ],
    ],
    ['a delimiter at the end of the rows only', 'a,b\n1,2,\n', [['1', '2']]],
  ])('is read with %s', async (_what, text, expected) => {
    expect(await cells(text)).toEqual(expected);
  });

  it('is the same in pieces of any size', async () => {
    const text = 'a,b,c\r\n"x\r\ny, ""z""",2,3\r\n4,5" x,6\r\n,,"é漢😀"';
    const whole = await read(text);
    for (let size = 1; size < 20; size++) expect(await read(text, {}, { size })).toEqual(whole);
  });

  it('counts lines through quoted line ends, and through what stands before the header', async () => {
    const { rows } = await read('exported by X\nsecond line\na,b\n"1\n2",x\ny,z\nonly one\n', { skip: 2 });
    expect(rows.map((row) => [row.line, row.fault?.code])).toEqual([
      [4, undefined],
      [6, undefined],
      [7, 'CSV_RAGGED'],
    ]);
    expect(rows[2]!.raw).toBe('only one');
  });

  it('has a header of its own, unique names, and rows that are filled up when the mapping says so', async () => {
    const given = await read('1,2\n3,4\n', { header: ['x', 'y'] });
    expect([given.header.columns, given.rows.length]).toEqual([['x', 'y'], 2]);
    const { header } = await read('id, id,\nx,y,z\n');
    expect([header.columns, header.twice]).toEqual([['id', 'id (2)', ''], ['id']]);
    expect(await cells('a,b,c\n1\n', { ragged: 'fill' })).toEqual([['1', '', '']]);
    expect((await read('a,b\n1,2,3\n')).rows[0]!.fault?.code).toBe('CSV_RAGGED');
  });

  it('notes a row with text after a closing quote, and reads the next', async () => {
    const { rows } = await read('a,b\n"he said "hi" to me",2\n3,4\n');
    expect(rows.map((row) => row.fault?.code)).toEqual(['CSV_QUOTE_MALFORMED', undefined]);
    expect(rows[0]!.raw).toBe('"he said "hi" to me",2');
    expect(await cells('a,b\n"x"y",2\n', { quote: null })).toEqual([['"x"y"', '2']]);
  });

  const cell = fc.string({
    unit: fc.constantFrom('a', 'é', '漢', '😀', ' ', ',', ';', '"', '\n', '\r\n', '\t', '1'),
    maxLength: 6,
  });
  it('reads back what was written, in every dialect, piece by piece', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 40 }),
        async (rows, delimiter, newline, size) => {
          const table = [['x1', 'x2', 'x3'], ...rows];
          const text = table.map((row) => lineOf(row, { delimiter, quote: '"' })).join(newline);
          // Without quotes a line of nothing but blanks is a blank line.
          expect(await cells(text, { delimiter }, { size })).toEqual(rows);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('the encoding of a table', () => {
  const utf16 = (text: string, mark: boolean) => Buffer.from((mark ? '\ufeff' : '') + text, 'utf16le');
  it.each<[string, Buffer, string | undefined]>([
    ['UTF-8', Buffer.from('n,v\né,ß\n'), undefined],
    ['UTF-8 with a mark', Buffer.from('\ufeffn,v\né,ß\n'), undefined],
    ['UTF-16 with a mark', utf16('n,v\né,ß\n', true), undefined],
    ['UTF-16 without one', utf16('n,v\né,ß\n', false), undefined],
    ['windows-1252', Buffer.from('n,v\né,ß\n', 'latin1'), 'windows-1252'],
    [
      'GB 18030',
      Buffer.concat([Buffer.from('n,v\n'), Buffer.from([0xa8, 0xa6, 0x2c, 0x81, 0x30, 0x89, 0x38, 0x0a])]),
      'gb18030',
    ],
    ['gzip', gzipSync('n,v\né,ß\n'), undefined],
  ])('is %s', async (_what, bytes, encoding) => {
    const { header, rows } = await read(bytes, { encoding }, { size: 3 });
    expect([header.columns, rows[0]!.cells]).toEqual([
      ['n', 'v'],
      ['é', 'ß'],
    ]);
  });

  it.each<[string, Uint8Array, CsvFileOptions]>([
    ['CSV_ENCODING_INVALID', Buffer.from('n,v\né,ß\n', 'latin1'), {}],
    ['CSV_ENCODING_MISMATCH', utf16('n,v\n', true), { encoding: 'utf-8' }],
    ['CSV_ENCODING_MISMATCH', Buffer.from('n,v\n'), { encoding: 'utf-16' }],
    ['CSV_TRUNCATED', Buffer.from('n,v\n1,é').subarray(0, -1), {}],
    ['CSV_NOT_TEXT', Buffer.from('PK\u0003\u0004rest of a workbook'), {}],
    ['CSV_NOT_TEXT', Buffer.from('n,v\n1,\0\n'), {}],
    ['CSV_NOT_TEXT', Buffer.from('<?xml version="1.0"?><log/>'), {}],
    ['CSV_EMPTY', Buffer.from(''), {}],
    ['CSV_EMPTY', Buffer.from('\n\n'), {}],
    ['CSV_HEADER_INVALID', Buffer.from(',,\n1,2,3\n'), {}],
    ['CSV_QUOTE_OPEN', Buffer.from('n,v\n1,2\n"3,4\n5,6\n'), {}],
    ['GZIP_TRUNCATED', gzipSync('n,v\n1,2\n').subarray(0, -4), {}],
  ])('is refused with %s', async (code, bytes, file) => {
    await expect(read(bytes, file)).rejects.toMatchObject({ code });
  });

  it('says where a quote was left open', async () => {
    await expect(read('n,v\n1,2\n"3,4\n5,6\n')).rejects.toMatchObject({ details: { line: 3, cell: 1 } });
  });

  it('is bounded', async () => {
    const long = `n,v\n1,"${'x'.repeat(2_000)}"\n`;
    await expect(read(long, {}, { limits: { recordLength: 1_000 } })).rejects.toMatchObject({
      code: 'CSV_LIMIT_EXCEEDED',
    });
    await expect(read('a,b,c\n', {}, { limits: { columns: 2 } })).rejects.toMatchObject({ code: 'CSV_LIMIT_EXCEEDED' });
    const packed = gzipSync(`n,v\n${'1,2\n'.repeat(50_000)}`);
    await expect(read(packed, {}, { limits: { contentBytes: 100_000 } })).rejects.toMatchObject({
      code: 'CSV_LIMIT_EXCEEDED',
    });
  });
});
