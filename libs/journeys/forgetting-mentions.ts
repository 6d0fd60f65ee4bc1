/** What a person is known by, and whether a record that lies outside of the log speaks of them. */

/** Everything by which a person may be recognised in a record. Kept in memory for as long as the forgetting takes. */
export interface KnownBy {
  /** Names, and identifiers such as account or meter. */
  readonly texts: readonly string[];
  readonly phones: readonly string[];
  /** Keyed hashes of identifiers: they find what is left even when nobody can read the identifiers any more. */
  readonly hashes: readonly string[];
  /** Ids of their customers and journeys. */
  readonly ids: readonly string[];
}

/** Keyed hash of an identifier; see `Vault.lookupHash`. */
type Hash = (type: string, value: string) => string;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
/** With fewer digits a number is no phone number, and the same digits stand in times and amounts. */
const PHONE_DIGITS = 7;
/** A number is written with and without its country code; its last digits are always there. */
const NATIONAL_DIGITS = 10;
/** Letters and digits of scripts that put blanks between words. */
const WORD = '[[\\p{L}\\p{N}]--[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}]]';

/**
 * Recognises a person in records of any form: JSON, XML, text, or bytes kept as Latin-1 or Base64. It rather takes a
 * namesake's record for theirs than misses one.
 */
export class Mentions {
  private readonly patterns: readonly RegExp[];
  private readonly hashes: ReadonlySet<string>;
  private readonly ids: ReadonlySet<string>;

  constructor(
    by: KnownBy,
    private readonly hash: Hash,
  ) {
    const sources = [...by.texts.map(textPattern), ...by.phones.map(phonePattern)].filter((source) => source !== null);
    this.patterns = [...new Set(sources)].map((source) => new RegExp(source, 'iv'));
    this.hashes = new Set(by.hashes);
    this.ids = new Set(by.ids);
  }

  /** Whether this is one of their journeys, or one of them. */
  isTheirs(id: string): boolean {
    return this.ids.has(id.toLowerCase());
  }

  /** Whether the text says anything about them. */
  in(text: string): boolean {
    if ([...text.matchAll(UUID)].some(([id]) => this.isTheirs(id))) return true;
    if (this.hashes.size > 0 && this.namesIdentifier(text)) return true;
    if (this.patterns.length === 0) return false;
    return readingsOf(text).some((reading) => this.patterns.some((pattern) => pattern.test(reading)));
  }

  /** Any object of a type and a value, wherever it stands in a JSON text. */
  private namesIdentifier(text: string): boolean {
    if (!/^\s*[[{]/.test(text)) return false;
    let found = false;
    try {
      JSON.parse(text, (_, value: unknown) => {
        const { type, value: name } = (value ?? {}) as { type?: unknown; value?: unknown };
        if (typeof type === 'string' && typeof name === 'string') found ||= this.hashes.has(this.hash(type, name));
        return value;
      });
    } catch {
      // No JSON after all.
    }
    return found;
  }
}

/** Whether identifiers of this type are phone numbers. */
export const isPhoneType = (type: string): boolean => /phone|mobile|\btel\b|电话|手机/i.test(type);

/** A name or an identifier, standing by itself: "Anna" is not in "Savanna", but 张伟 is in 客户张伟来电. */
function textPattern(text: string): string | null {
  const plain = normal(text).trim();
  if (plain === '') return null;
  const source = plain.split(/\s+/).map(escaped).join('\\s+');
  if (isShort(plain)) return `(?<=["'>=]\\s*)${source}(?=\\s*["'<])`;
  const starts = new RegExp(`^${WORD}`, 'v').test(plain);
  const ends = new RegExp(`${WORD}$`, 'v').test(plain);
  return `${starts ? `(?<!${WORD})` : ''}${source}${ends ? `(?!${WORD})` : ''}`;
}

/** So short that it stands in half of all records: it counts only as a whole value. */
function isShort(text: string): boolean {
  if (/^\d+$/.test(text)) return text.length < PHONE_DIGITS;
  return text.length < (/\p{sc=Han}/u.test(text) ? 2 : 3);
}

/** A phone number, however it is grouped and with or without its country code. */
function phonePattern(phone: string): string | null {
  const digits = normal(phone).replace(/\D/g, '');
  if (digits.length < PHONE_DIGITS) return textPattern(phone);
  const own = [...digits.slice(-NATIONAL_DIGITS)].join('[\\s\\-\\(\\).\\/]*');
  return digits.length < NATIONAL_DIGITS ? `(?<!\\d)${own}(?!\\d)` : `${own}(?!\\d)`;
}

const normal = (text: string): string => text.normalize('NFKC');
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

/** What the text may stand for: as it is, without the escapes of JSON and XML, and the bytes that it was made from. */
function readingsOf(text: string): string[] {
  const readings = [text];
  if (text.includes('\\')) readings.push(withoutJsonEscapes(text));
  if (text.includes('&')) readings.push(withoutXmlEscapes(text));
  if (/[\x80-\xff]/.test(text) && !/[^\0-\xff]/.test(text)) readings.push(...textsOf(Buffer.from(text, 'latin1')));
  if (/^[A-Za-z0-9+/]{8,}={0,2}$/.test(text)) readings.push(...textsOf(Buffer.from(text, 'base64')));
  return readings.map(normal);
}

/** Bytes of an unknown encoding, in those that our sources write. */
const textsOf = (bytes: Uint8Array): string[] =>
  ['utf-8', 'gb18030', 'utf-16le', 'utf-16be', 'latin1'].map((encoding) => new TextDecoder(encoding).decode(bytes));

const withoutJsonEscapes = (text: string): string =>
  text
    .replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\[nrt]/g, ' ')
    .replace(/\\(["\\/])/g, '$1');

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function withoutXmlEscapes(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return NAMED[name.toLowerCase()]!;
    const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : (whole as string);
  });
}
