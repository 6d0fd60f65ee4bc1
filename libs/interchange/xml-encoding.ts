import { TouchstoneError } from '@touchstone/eventing';
import { decoderNamed, markOf, type Decoder, type Layout } from './text-decoders.js';

/** How much of the beginning is looked at to find the encoding. */
const SNIFFED = 1024;

/**
 * The text of an XML file, by byte order mark, else by its declaration, else as UTF-8.
 * Read: UTF-8, UTF-16, US-ASCII, ISO-8859-1, windows-1252, GBK and GB 18030.
 * @throws XES_NOT_A_LOG when the first character cannot begin XML, XES_ENCODING_UNSUPPORTED, XES_ENCODING_MISMATCH
 *   when byte order mark and declaration disagree, XES_ENCODING_INVALID, XES_TRUNCATED when it ends within a character
 */
export async function* xmlText(content: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let decoder: Decoder | undefined;
  let offset = 0;
  for await (const bytes of content) {
    let piece = bytes;
    if (head) {
      head = piece = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
      if (head.length < SNIFFED) continue;
      decoder = decoderFor(head);
      head = undefined;
    }
    yield decoded(decoder!, piece, offset, false);
    offset += piece.length;
  }
  decoder ??= decoderFor(head ?? Buffer.alloc(0));
  yield decoded(decoder, head ?? Buffer.alloc(0), offset, true);
}

function decoded(decoder: Decoder, bytes: Buffer, offset: number, last: boolean): string {
  try {
    return decoder.decode(bytes, last);
  } catch (error) {
    if (last && bytes.length === 0) {
      throw new TouchstoneError(
        'XES_TRUNCATED',
        'The file ends within a character: copy or download it again.',
        'invalid',
        undefined,
        { cause: error },
      );
    }
    throw new TouchstoneError(
      'XES_ENCODING_INVALID',
      `The file says it is ${decoder.encoding}, but has other bytes after byte ${offset}: save it again in UTF-8.`,
      'invalid',
      { encoding: decoder.encoding, offset },
      { cause: error },
    );
  }
}

function decoderFor(head: Buffer): Decoder {
  const mark = markOf(head);
  if (mark === 'utf-32') throw unsupported('UTF-32');
  const layout = mark ?? layoutOf(head);
  if (!layout) assertXml(head, 0);
  else if (layout === 'utf-8') assertXml(head, 3);
  const declared = declaredEncoding(head, layout);
  if (layout) {
    if (declared && !agrees(declared, layout)) throw mismatch(declared, layout);
    return decoderNamed(layout)!;
  }
  const name = declared ?? 'utf-8';
  if (name === 'utf-16' || name === 'utf-16le' || name === 'utf-16be') throw mismatch(name, 'one byte a character');
  const decoder = decoderNamed(name);
  if (!decoder) throw unsupported(name);
  return decoder;
}

/** UTF-16 without a mark shows in the zero byte beside the first `<`. */
function layoutOf([a, b]: Buffer): Layout | undefined {
  if (a === 0x3c && b === 0) return 'utf-16le';
  if (a === 0 && b === 0x3c) return 'utf-16be';
  return undefined;
}

function assertXml(head: Buffer, from: number): void {
  let at = from;
  while (at < head.length && (head[at] === 0x20 || head[at] === 0x09 || head[at] === 0x0a || head[at] === 0x0d)) at++;
  if (head[at] === 0x3c) return;
  const what =
    at >= head.length
      ? 'It is empty.'
      : head[0] === 0x50 && head[1] === 0x4b
        ? 'It is a ZIP archive: unpack it and import the .xes file inside.'
        : head[at] === 0x7b || head[at] === 0x5b
          ? 'It looks like JSON.'
          : 'It is not XML.';
  throw new TouchstoneError('XES_NOT_A_LOG', `This is not an XES log. ${what}`, 'invalid');
}

function declaredEncoding(head: Buffer, layout: Layout | undefined): string | undefined {
  const wide = layout === 'utf-16le' || layout === 'utf-16be';
  const ascii = wide ? head.subarray(0, SNIFFED).filter((byte) => byte !== 0) : head.subarray(0, SNIFFED);
  const text = Buffer.from(ascii).toString('latin1');
  return /<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']/.exec(text)?.[1]?.toLowerCase();
}

const agrees = (declared: string, layout: Layout): boolean =>
  layout === 'utf-8' ? declared === 'utf-8' || declared === 'utf8' : declared === 'utf-16' || declared === layout;

const unsupported = (encoding: string): TouchstoneError =>
  new TouchstoneError(
    'XES_ENCODING_UNSUPPORTED',
    `The file is in the encoding ${encoding}, which is not read: save it again in UTF-8.`,
    'invalid',
    { encoding },
  );

const mismatch = (declared: string, found: string): TouchstoneError =>
  new TouchstoneError(
    'XES_ENCODING_MISMATCH',
    `The file declares the encoding ${declared}, but its first bytes are ${found}: save it again in UTF-8.`,
    'invalid',
    { declared, found },
  );
