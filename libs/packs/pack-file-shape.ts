import { isAlias, isMap, isScalar, isSeq, type Document, type LineCounter, type ParsedNode, type YAMLMap } from 'yaml';

/** What may stand where in a pack file; a fault is a line, a path and what is wrong there. */
type Shape =
  { readonly keys: Readonly<Record<string, Shape>> } | { readonly each: Shape } | { readonly items: Shape } | 'any';

const names: Shape = { keys: { en: 'any', zh: 'any' } };
const attribute: Shape = { keys: { type: 'any', personal: 'any', required: 'any' } };
const kind: Shape = {
  keys: {
    names,
    closes: 'any',
    contact: 'any',
    visible: 'any',
    actor: 'any',
    stage: 'any',
    attributes: { each: attribute },
  },
};
const moment: Shape = { keys: { polarity: 'any', names, counter: 'any', description: names, rule: 'any' } };
const label: Shape = { keys: { id: 'any', names, from: 'any', to: 'any' } };
const rule: Shape = {
  keys: { kinds: { items: 'any' }, objects: { items: 'any' }, idleGap: 'any', doubtful: 'any', sameCustomer: 'any' },
};
const pack: Shape = {
  keys: {
    pack: 'any',
    names,
    kinds: { each: kind },
    moments: { each: moment },
    experience: { keys: { labels: { items: label } } },
    correlation: { each: rule },
  },
};

/**
 * The first thing in a pack file that nobody would read: a key that is not known, or a value of another form. A slip of
 * the pen must not publish a pack that says less than its author thinks. Null: none.
 */
export function packFileFault(document: Document.Parsed, lines: LineCounter): string | null {
  return faultIn(document.contents, pack, '', { document, lines });
}

interface File {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

function faultIn(node: ParsedNode | null, shape: Shape, path: string, file: File): string | null {
  const at = isAlias(node) ? (node.resolve(file.document) as ParsedNode | undefined) : node;
  if (shape === 'any') return null;
  const where = `line ${file.lines.linePos(node?.range[0] ?? 0).line}: ${path === '' ? 'the file' : path}`;
  if ('items' in shape) {
    if (!isSeq<ParsedNode>(at)) return `${where} must be a list`;
    return first(at.items, (item, i) => faultIn(item, shape.items, `${path}[${i}]`, file));
  }
  // A heading with nothing below it.
  if ('each' in shape && isScalar(at) && at.value === null) return null;
  if (!isMap<ParsedNode, ParsedNode | null>(at)) return `${where} must have keys`;
  return faultInMap(at, shape, path, file);
}

function faultInMap(
  map: YAMLMap<ParsedNode, ParsedNode | null>,
  shape: Extract<Shape, { keys: unknown } | { each: unknown }>,
  path: string,
  file: File,
): string | null {
  return first(map.items, ({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '?';
    const inner = 'each' in shape ? shape.each : Object.hasOwn(shape.keys, name) ? shape.keys[name] : undefined;
    if (inner !== undefined) return faultIn(value, inner, path === '' ? name : `${path}.${name}`, file);
    const { line } = file.lines.linePos(key.range[0]);
    const known = 'keys' in shape ? Object.keys(shape.keys).join(', ') : '';
    return `line ${line}: ${path === '' ? 'a pack' : path} has no key "${name}"; it may have ${known}`;
  });
}

function first<T>(items: readonly T[], fault: (item: T, index: number) => string | null): string | null {
  for (const [i, item] of items.entries()) {
    const found = fault(item, i);
    if (found !== null) return found;
  }
  return null;
}
