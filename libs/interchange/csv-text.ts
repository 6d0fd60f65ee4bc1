import { TouchstoneError } from '@touchstone/eventing';
import { decoderNamed, markOf, type Decoder } from './text-decoders.js';

/** Bytes that tell the encoding, or that it is no text at all. */
const HEAD = 512;

/**
 * The text of a table: by its byte order mark, else as the mapping says, else UTF-16 when every other byte is zero,
 * else UTF-8.
 * @throws CSV_NOT_TEXT, CSV_ENCODING_MISMATCH, CSV_ENCODING_UNSUPPORTED, CSV_ENCODING_INVALID, CSV_TRUNCATED
 */
export async function* csvText(content: AsyncIterable<Buffer>, encoding?: string): AsyncGenerator<string> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let decoder: Decoder | undefined;
  let offset = 0;
  for await (const bytes of content) {
    let piece = bytes;
    if (head) {
      head = piece = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      if (head.length < HEAD) continue;
      decoder = decoderFor(head, encoding);
      head = undefined;
    }
    yield decoded(decoder!, piece, offset, false);
    offset += piece.length;
  }
  if (head) {
    decoder = decoderFor(head, encoding);
    yield decoded(decoder, head, 0, false);
    offset = head.length;
  }
  yield decoded(decoder!, Buffer.alloc(0), offset, true);
}

function decoderFor(head: Buffer, encoding: string | undefined): Decoder {
  assertNoOtherFormat(head);
  const mark = markOf(head);
  const said = encoding?.toLowerCase();
  if (mark === 'utf-32') throw unsupported('UTF-32');
  const found = mark ?? (said === undefined || said === 'utf-16' ? wideLayout(head) : undefined);
  if (said === undefined || said === 'utf-16') {
    if (said !== undefined && !found?.startsWith('utf-16')) throw mismatch(said, found ?? 'one byte a character');
    return decoderNamed(found ?? 'utf-8')!;
  }
  const decoder = decoderNamed(said);
  if (!decoder) throw unsupported(said);
  if (mark && decoder.encoding !== mark) throw mismatch(said, mark);
  return decoder;
}

/** UTF-16 without a mark: one half of every character of the usual header is zero. */
function wideLayout(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  const even = Math.min(head.length - (head.length % 2), 64);
  if (even < 4) return undefined;
  const zeros = [0, 0];
  for (let i = 0; i < even; i++) if (head[i] === 0) zeros[i % 2]!++;
  if (zeros[1]! >= even / 4 && zeros[0] === 0) return 'utf-16le';
  return zeros[0]! >= even / 4 && zeros[1] === 0 ? 'utf-16be' : undefined;
}

function assertNoOtherFormat(head: Buffer): void {
  const starts = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
  if (starts(0x50, 0x4b, 3, 4)) throw notText('It is a ZIP archive or an Excel workbook: save the sheet as CSV UTF-8');
  if (starts(0xd0, 0xcf, 0x11, 0xe0)) throw notText('It is an old Excel workbook: save the sheet as CSV UTF-8');
  if (starts(0x25, 0x50, 0x44, 0x46)) throw notText('It is a PDF: export the table as CSV');
  if (/^\s*<(\?xml|log|html)[\s>]/i.test(head.toString('latin1'))) throw notText('It is XML: import a log as XES');
}

function decoded(decoder: Decoder, bytes: Buffer, offset: number, last: boolean): string {
  let text: string;
  try {
    text = decoder.decode(bytes, last);
  } catch (error) {
    if (last) {
      const message = 'The file ends within a character: copy or download it again.';
      throw new TouchstoneError('CSV_TRUNCATED', message, 'invalid', undefined, { cause: error });
    }
    const { encoding } = decoder;
    throw new TouchstoneError(
      'CSV_ENCODING_INVALID',
      `The file is not ${encoding}: there are other bytes after byte ${offset}. Say in the mapping which it is ` +
        '("file: { encoding: gb18030 }" or windows-1252, say), or save it again in UTF-8.',
      'invalid',
      { encoding, offset },
      { cause: error },
    );
  }
  if (text.includes('\0')) throw notText('It holds zero bytes, as text never does: export it again as CSV');
  return text;
}

const notText = (what: string): TouchstoneError =>
  new TouchstoneError('CSV_NOT_TEXT', `This is not a table in text form. ${what}.`, 'invalid');

const unsupported = (encoding: string): TouchstoneError =>
  new TouchstoneError(
    'CSV_ENCODING_UNSUPPORTED',
    `The encoding ${encoding} is not read: save the file again in UTF-8.`,
    'invalid',
    { encoding },
  );

const mismatch = (declared: string, found: string): TouchstoneError =>
  new TouchstoneError(
    'CSV_ENCODING_MISMATCH',
    `The mapping says the encoding is ${declared}, but the first bytes are ${found}: leave out "encoding".`,
    'invalid',
    { declared, found },
  );
