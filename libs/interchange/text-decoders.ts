/** Turns bytes into text, piece by piece; characters cut by a piece's end are held back. */
export interface Decoder {
  /** Label as a reader knows it, such as `utf-8`. */
  readonly encoding: string;
  /** @throws TypeError for bytes that are not this encoding */
  decode(bytes: Uint8Array, last: boolean): string;
}

export type Layout = 'utf-8' | 'utf-16le' | 'utf-16be';

/** What the five bytes in 0x80..0x9F without a character in windows-1252 become is their own code, as browsers do. */
const WINDOWS_1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** The encoding that a byte order mark tells of. */
export function markOf(head: Buffer): Layout | 'utf-32' | undefined {
  const [a, b, c, d] = head;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    return 'utf-32';
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  return undefined;
}

/** A decoder by the lower-case name of an encoding; `utf-16` alone says too little. Undefined for what is not read. */
export function decoderNamed(name: string): Decoder | undefined {
  switch (name) {
    case 'utf-8':
    case 'utf8':
      return viaPlatform('utf-8');
    case 'utf-16le':
    case 'utf-16be':
      return viaPlatform(name);
    case 'us-ascii':
    case 'ascii':
      return singleByte('us-ascii');
    case 'iso-8859-1':
    case 'iso8859-1':
    case 'iso_8859-1':
    case 'latin1':
    case 'latin-1':
      return singleByte('iso-8859-1');
    case 'windows-1252':
    case 'cp1252':
      return singleByte('windows-1252');
    case 'gb18030':
    case 'gbk':
    case 'gb2312':
      return viaPlatform('gb18030');
    default:
      return undefined;
  }
}

function viaPlatform(encoding: string): Decoder {
  const decoder = new TextDecoder(encoding, { fatal: true });
  return { encoding, decode: (bytes, last) => decoder.decode(bytes, { stream: !last }) };
}

/** The platform decodes `iso-8859-1` as windows-1252, which turns C1 controls into other characters: so done here. */
function singleByte(encoding: 'us-ascii' | 'iso-8859-1' | 'windows-1252'): Decoder {
  const decode = (bytes: Uint8Array): string => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    if (encoding === 'iso-8859-1') return text;
    if (encoding === 'us-ascii') {
      if (bytes.some((byte) => byte > 0x7f)) throw new TypeError('not ASCII');
      return text;
    }
    return text.replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]!);
  };
  return { encoding, decode };
}
