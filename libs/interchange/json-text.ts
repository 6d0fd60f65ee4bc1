import { inexactNumbers } from './exact-numbers.js';
import { endOfString } from './json-strings.js';

/** Levels of objects and arrays in a JSON text at most; beyond, programs that walk it one call a level break. */
export const DEEPEST_JSON = 64;

/** A JSON text that was understood, or what is wrong with it. */
export type ParsedJson =
  | { readonly value: unknown }
  | {
      readonly code: 'INVALID_JSON' | 'JSON_TOO_DEEP' | 'JSON_DUPLICATE_KEY' | 'JSON_NUMBER_INEXACT';
      readonly reason: string;
    };

const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Parses a JSON text strictly: one that is nested too deep is refused before it is parsed, and one in which an object
 * names a key twice is refused because readers do not agree which of the two counts. So is one with a number of more
 * digits than are kept: it would be changed without a word.
 */
export function parseJson(text: string): ParsedJson {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case COLON:
        members++;
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++depth > DEEPEST_JSON) {
          return { code: 'JSON_TOO_DEEP', reason: `The JSON is nested deeper than ${DEEPEST_JSON} levels.` };
        }
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--;
    }
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: 'INVALID_JSON', reason: 'It is not JSON.' };
  }
  // In valid JSON each member of an object has one colon outside of strings, also one that a later one displaced.
  if (membersOf(value) !== members) {
    return { code: 'JSON_DUPLICATE_KEY', reason: 'An object in the JSON has a key twice: say which of them counts.' };
  }
  if (inexactNumbers(text).length === 0) return { value };
  const reason = 'A number in the JSON has more digits than are kept, and would be changed: send it as a text.';
  return { code: 'JSON_NUMBER_INEXACT', reason };
}

/**
 * The texts of the elements of a JSON array, as they stand in it; null when the text is no array. An element need not
 * be JSON by itself: `parseJson` will tell.
 */
export function elementsOf(text: string): string[] | null {
  const all = withoutBlanks(text);
  if (all.charCodeAt(0) !== OPEN_ARRAY || all.charCodeAt(all.length - 1) !== CLOSE_ARRAY) return null;
  const elements: string[] = [];
  let depth = 0;
  let from = 1;
  for (let at = 1; at < all.length - 1; at++) {
    const code = all.charCodeAt(at);
    if (code === QUOTE) at = endOfString(all, at);
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++;
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
    else if (code === COMMA && depth === 0) {
      elements.push(all.slice(from, at));
      from = at + 1;
    }
    if (depth < 0) return null;
  }
  if (depth !== 0) return null;
  const last = all.slice(from, -1);
  if (elements.length > 0 || withoutBlanks(last) !== '') elements.push(last);
  return elements.map(withoutBlanks);
}

/** Without what JSON calls blanks at its ends: no other blank stands between values. */
export function withoutBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** Without the mark of its byte order, with which some programs begin a file. */
export const withoutMark = (text: string): string => (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);

/** Members of all objects in a value that is not nested too deep. */
function membersOf(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const element of value) members += membersOf(element);
    return members;
  }
  for (const key in value) members += 1 + membersOf((value as Record<string, unknown>)[key]);
  return members;
}
