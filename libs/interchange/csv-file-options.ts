import type { CsvFileOptions } from './csv-dialect.js';
import type { MappingDocument, Path } from './mapping-document.js';
import { decoderNamed } from './text-decoders.js';

const NAMED_DELIMITERS: Readonly<Record<string, string>> = { tab: '\t', comma: ',', semicolon: ';', pipe: '|' };

/** The section `file` of a mapping: what is said there is not looked for in the file itself. @throws MAPPING_INVALID */
export function fileOptions(doc: MappingDocument, value: unknown): CsvFileOptions {
  if (value === undefined) return {};
  const path = ['file'];
  const { delimiter, quote, encoding, header, skip, ragged } = doc.fields(value, path, [
    'delimiter',
    'quote',
    'encoding',
    'header',
    'skip',
    'ragged',
  ]);
  if (delimiter === (quote ?? '"')) throw doc.fault([...path, 'delimiter'], 'must be another character than the quote');
  if (encoding !== undefined) {
    const name = doc.text(encoding, [...path, 'encoding'], 'an encoding', 32).toLowerCase();
    if (name !== 'utf-16' && !decoderNamed(name)) {
      throw doc.fault(
        [...path, 'encoding'],
        'is not read; known are utf-8, utf-16, us-ascii, iso-8859-1, windows-1252, gb18030',
      );
    }
  }
  if (skip !== undefined && !(Number.isInteger(skip) && (skip as number) >= 0 && (skip as number) <= 1_000)) {
    throw doc.fault([...path, 'skip'], 'must be a number of lines, 0 to 1,000');
  }
  return {
    delimiter:
      delimiter === undefined
        ? undefined
        : character(doc, NAMED_DELIMITERS[String(delimiter)] ?? delimiter, [...path, 'delimiter']),
    quote: quote === undefined ? undefined : quote === 'none' ? null : character(doc, quote, [...path, 'quote']),
    encoding: encoding as string | undefined,
    header: header === undefined ? undefined : doc.anyTexts(header, [...path, 'header'], 'names of columns'),
    skip: skip as number | undefined,
    ragged: ragged === undefined ? undefined : doc.oneOf(ragged, [...path, 'ragged'], ['quarantine', 'fill']),
  };
}

function character(doc: MappingDocument, value: unknown, path: Path): string {
  if (typeof value === 'string' && value.length === 1 && !/[\r\n]/.test(value)) return value;
  throw doc.fault(path, 'must be one character (a tab is "\\t")');
}
