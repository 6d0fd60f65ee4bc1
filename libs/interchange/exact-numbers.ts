/** Numbers that a program would change without a word, because they have more digits than it keeps. */
import { endOfString } from './json-strings.js';

/** Only a text in which this is found can have one: sixteen digits in a row, or an exponent of three. */
const SUSPECT = /[0-9][0-9.]{15}|[0-9.][eE][+-]?[0-9]{3}/;
/** Up to so many digits every decimal number is kept. */
const ALWAYS_KEPT = 15;
/** `toExponential` gives no more. */
const MOST_DIGITS = 100;

/**
 * Whether a decimal number can be told from what is kept of it: rounded to as many digits as it was written with, that is
 * the same again. So `0.10000000000000001`, which programs write for 0.1, is exact, and 9007199254740993 is not.
 */
export function isExact(written: string): boolean {
  const number = Number(written);
  const digits = digitsOf(written);
  if (digits === '') return true;
  if (!Number.isFinite(number) || number === 0 || digits.length > MOST_DIGITS) return false;
  if (digits.length <= ALWAYS_KEPT && Math.abs(number) > 1e-300) return true;
  const kept = (places?: number) => digitsOf(Math.abs(number).toExponential(places));
  if (kept() === digits) return true;
  // A whole number names something as often as it measures it: an order number that is nearly right is another order.
  return /[.e]/i.test(written) ? kept(digits.length - 1) === digits : BigInt(written) === BigInt(number);
}

/** Those that count: without sign, point, exponent and zeros around them. */
function digitsOf(written: string): string {
  const [mantissa = ''] = written.toLowerCase().split('e');
  return mantissa
    .replace(/[^0-9]/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '');
}

/** Where a number stands in a text of JSON, with its sign. */
interface Place {
  readonly from: number;
  readonly to: number;
}

/** The numbers of a JSON text that would be changed by reading it. */
export function inexactNumbers(text: string): Place[] {
  if (!SUSPECT.test(text)) return [];
  const found: Place[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (isDigit(code)) {
      const from = text[at - 1] === '-' ? at - 1 : at;
      while (at + 1 < text.length && isOfNumber(text.charCodeAt(at + 1))) at++;
      if (!isExact(text.slice(from, at + 1))) found.push({ from, to: at + 1 });
    }
  }
  return found;
}

const QUOTE = 0x22;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
/** Digits, point, sign and the e of an exponent. */
const isOfNumber = (code: number): boolean =>
  isDigit(code) || code === 0x2e || code === 0x2b || code === 0x2d || code === 0x65 || code === 0x45;

/** The same JSON text with these numbers as texts. */
export function inexactAsTexts(text: string): string {
  const pieces: string[] = [];
  let done = 0;
  for (const { from, to } of inexactNumbers(text)) {
    pieces.push(text.slice(done, from), '"', text.slice(from, to), '"');
    done = to;
  }
  return done === 0 ? text : pieces.join('') + text.slice(done);
}
