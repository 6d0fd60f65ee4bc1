import { TouchstoneError } from '@touchstone/eventing';
import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml';

const LARGEST = 256 * 1024;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,63}$/u;

export type Path = readonly (string | number)[];
export type Fields = Readonly<Record<string, unknown>>;

/** A mapping file (YAML; JSON is YAML), whose faults are told with line and key. */
export class MappingDocument {
  readonly root: unknown;
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();

  /** @throws MAPPING_INVALID */
  constructor(text: string) {
    if (Buffer.byteLength(text) > LARGEST) {
      throw new TouchstoneError('MAPPING_INVALID', `The mapping is larger than ${LARGEST / 1024} KB.`, 'invalid');
    }
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, logLevel: 'silent' });
    const [error] = this.document.errors;
    if (error)
      throw invalid(this.lines.linePos(error.pos[0]).line, '', `it is neither YAML nor JSON: ${error.message}`);
    try {
      this.root = this.document.toJS({ maxAliasCount: 100 });
    } catch (cause) {
      throw invalid(1, '', (cause as Error).message);
    }
  }

  /** 1-based line of a key, or of the value where there is no key. */
  lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const parent = length === 1 ? this.document.contents : this.document.getIn(path.slice(0, length - 1), true);
      const last = path[length - 1]!;
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(last))
        : undefined;
      const node = (pair?.key ?? this.document.getIn(path.slice(0, length), true)) as { range?: [number] } | undefined;
      if (node?.range) return this.lines.linePos(node.range[0]).line;
    }
    return 1;
  }

  /** What is wrong there, to be thrown. */
  fault(path: Path, message: string): TouchstoneError {
    return invalid(this.lineOf(path), keyOf(path), message);
  }

  fields(value: unknown, path: Path, known: readonly string[]): Fields {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw this.fault(
        path,
        path.length === 0 ? 'a mapping is keys with values, such as "case: ticket"' : 'must be keys with values',
      );
    }
    for (const name of Object.keys(value)) {
      if (!known.includes(name))
        throw this.fault([...path, name], `there is no such key here; known are ${known.join(', ')}`);
    }
    return value as Fields;
  }

  /** A text of 1 to `most` characters; numbers and truth values of YAML are taken as they were written. */
  text(value: unknown, path: Path, what: string, most = 1_000): string {
    const text = typeof value === 'string' ? value : this.written(value, path);
    if (text === undefined || text === '' || text.length > most)
      throw this.fault(path, `must be ${what}, 1 to ${most} characters`);
    return text;
  }

  texts(value: unknown, path: Path, what: string): string[] {
    if (!Array.isArray(value)) return [this.text(value, path, what)];
    if (value.length === 0 || value.length > 1_000) throw this.fault(path, `must be 1 to 1,000 of ${what}`);
    return value.map((item, i) => this.text(item, [...path, i], what));
  }

  /** A list that may be empty; its texts as well. */
  anyTexts(value: unknown, path: Path, what: string): string[] {
    if (!Array.isArray(value) || value.length > 1_000) throw this.fault(path, `must be a list of ${what}`);
    return value.map((item, i) => (item === '' ? '' : this.text(item, [...path, i], what)));
  }

  name(value: unknown, path: Path): string {
    if (typeof value === 'string' && NAME.test(value)) return value;
    throw this.fault(path, 'must be a name of 1 to 64 letters, digits, dots, blanks, hyphens or underscores');
  }

  flag(value: unknown, path: Path): boolean {
    if (typeof value === 'boolean') return value;
    throw this.fault(path, 'must be true or false');
  }

  oneOf<const T extends string>(value: unknown, path: Path, known: readonly T[]): T {
    if (known.includes(value as T)) return value as T;
    throw this.fault(path, `must be one of ${known.join(', ')}`);
  }

  words(value: unknown, path: Path, what: string): Record<string, string> {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw this.fault(path, `must be ${what}`);
    const entries = Object.entries(value).map(([k, v]) => [k, this.text(v, [...path, k], 'a text', 256)] as const);
    return Object.fromEntries(entries);
  }

  private written(value: unknown, path: Path): string | undefined {
    if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    const node = this.document.getIn(path, true);
    return isScalar(node) && typeof node.source === 'string' ? node.source : String(value);
  }
}

/** A path as a reader writes it: `touchpoints[1].at`. */
export const keyOf = (path: Path): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');

const invalid = (line: number, key: string, what: string): TouchstoneError =>
  new TouchstoneError(
    'MAPPING_INVALID',
    `The mapping cannot be used, line ${line}${key === '' ? '' : `, ${key}`}: ${what}.`,
    'invalid',
    { line, ...(key !== '' && { key }) },
  );
