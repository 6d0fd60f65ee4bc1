import { dateFault, type Json, type JsonObject } from './xes-value.js';

/** Levels of attributes within attributes that a reader of ours takes, with room for those around them. */
const DEPTH = 24;

/** What XML 1.0 has no way to say. */
const NO_XML =
  /[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const ALL_NO_XML = new RegExp(NO_XML, 'g');

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};

export const isXmlText = (text: string): boolean => !NO_XML.test(text);

/** For an attribute in double quotes; what XML cannot say becomes a replacement character. */
export const escaped = (text: string): string =>
  (isXmlText(text) ? text : text.replace(ALL_NO_XML, '\ufffd')).replace(/[&<"\n\r\t]/g, (c) => ESCAPES[c]!);

export const element = (type: string, key: string, value: string, inner = ''): string => {
  const start = `<${type} key="${escaped(key)}" value="${escaped(value)}"`;
  return inner === '' ? `${start}/>` : `${start}>${inner}</${type}>`;
};

/**
 * Whether an attribute reads back as the same JSON when it is written as XES. Null, arrays that are no lists of
 * `{key, value}`, empty keys and characters that XML has not do not.
 */
export function isFaithful(key: string, value: Json, depth = 0): boolean {
  if (key === '' || depth > DEPTH || !isXmlText(key)) return false;
  switch (typeof value) {
    case 'string':
      return isXmlText(value);
    case 'number':
      return !Object.is(value, -0);
    case 'boolean':
      return true;
    default:
      if (value === null) return false;
      if (Array.isArray(value))
        return value.every((item) => isItem(item) && isFaithful(item.key, item.value, depth + 1));
      return Object.entries(value).every(([name, inner]) => isFaithful(name, inner, depth + 1));
  }
}

/** A faithful attribute as XES. Texts that are an instant with its zone are dates; whole numbers are ints. */
export function attributeText(key: string, value: Json): string {
  switch (typeof value) {
    case 'string':
      return element(dateFault(value) === 'none' ? 'date' : 'string', key, value);
    case 'number':
      return element(Number.isSafeInteger(value) ? 'int' : 'float', key, String(value));
    case 'boolean':
      return element('boolean', key, String(value));
    default:
      if (value === null) return '';
      if (Array.isArray(value)) return listText(key, value, '');
      return nestedText(key, value) ?? `<container key="${escaped(key)}">${inner(value)}</container>`;
  }
}

/** `{value, attributes}` is what an attribute with attributes of its own reads as. */
function nestedText(key: string, object: JsonObject): string | undefined {
  const { value, attributes } = object;
  if (Object.keys(object).length !== 2 || value === undefined || value === null) return undefined;
  if (attributes === null || typeof attributes !== 'object' || Array.isArray(attributes)) return undefined;
  if (Object.keys(attributes).length === 0) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : listText(key, value, inner(attributes));
  if (typeof value === 'object') return undefined;
  const plain = attributeText(key, value);
  const type = /^<(\w+)/.exec(plain)![1]!;
  return `${plain.slice(0, -2)}>${inner(attributes)}</${type}>`;
}

const listText = (key: string, items: readonly Json[], after: string): string =>
  `<list key="${escaped(key)}"><values>${items
    .map((item) => attributeText((item as Item).key, (item as Item).value))
    .join('')}</values>${after}</list>`;

const inner = (object: JsonObject): string =>
  Object.entries(object)
    .map(([name, value]) => attributeText(name, value))
    .join('');

type Item = { key: string; value: Json };

const isItem = (item: Json): item is Item =>
  item !== null &&
  typeof item === 'object' &&
  !Array.isArray(item) &&
  Object.keys(item).length === 2 &&
  typeof item['key'] === 'string' &&
  item['value'] !== undefined;

/** JSON in which every character is one that XML has. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value).replace(/[\ufffe\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
