/** A date and time as a text says it. */
export interface WrittenTime {
  /** As if it were UTC, in ms. */
  readonly local: number;
  /** Digits of the second beyond ms, as written: `.5`, `.123456`; empty without. */
  readonly fraction: string;
  /** East of UTC, in ms; undefined where the text names no zone. */
  readonly offset?: number;
}

/** Reads texts of one form. */
export interface TimeFormat {
  readonly name: string;
  /** Every text of this form names its zone. */
  readonly zoned: boolean;
  /** Undefined for a text that is not of this form, or names no day of the calendar. */
  read(text: string): WrittenTime | undefined;
}

const NAMED = ['iso', 'unix', 'unix-ms', 'excel'] as const;
/** What patterns are made of; anything else in them stands for itself. */
const TOKEN = /YYYY|YY|MMM|MM|M|DD|D|HH|H|hh|h|mm|m|ss|s|S+|A|Z|'[^']*'|\[|\]|[^]/g;
const PARTS: Readonly<Record<string, readonly [field: string, pattern: string]>> = {
  YYYY: ['year', '\\d{4}'],
  YY: ['shortYear', '\\d{2}'],
  MMM: ['monthName', '[A-Za-z]{3,9}\\.?'],
  MM: ['month', '\\d{2}'],
  M: ['month', '\\d{1,2}'],
  DD: ['day', '\\d{2}'],
  D: ['day', '\\d{1,2}'],
  HH: ['hour', '\\d{2}'],
  H: ['hour', '\\d{1,2}'],
  hh: ['hour12', '\\d{2}'],
  h: ['hour12', '\\d{1,2}'],
  mm: ['minute', '\\d{2}'],
  m: ['minute', '\\d{1,2}'],
  ss: ['second', '\\d{2}'],
  s: ['second', '\\d{1,2}'],
  A: ['half', '[AaPp]\\.?[Mm]\\.?|上午|下午'],
  Z: ['zone', 'Z|z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2}|UTC|GMT'],
};
/** No clock on earth is further from UTC, in ms. */
const LARGEST_OFFSET = 18 * 3_600_000;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const ISO = "YYYY-MM-DD[['T'][ ]HH:mm[:ss[.S][,S]][ ][Z]]";

/**
 * A format by name (`iso`, `unix`, `unix-ms`, `excel`) or by pattern: YYYY YY MM M MMM DD D HH H hh h mm m ss s S (any
 * digits of the second) A (AM or PM) Z (offset); `[…]` may be missing; letters that stand for themselves go in quotes,
 * but for T.
 * @throws RangeError with a sentence that says what is wrong with the pattern
 */
export function timeFormat(name: string): TimeFormat {
  switch (name) {
    case 'iso':
      return { ...patterned(ISO), name, zoned: false };
    case 'unix':
      return { name, zoned: true, read: (text) => epoch(text, 1000) };
    case 'unix-ms':
      return { name, zoned: true, read: (text) => epoch(text, 1) };
    case 'excel':
      return { name, zoned: false, read: serialDay };
    default:
      return patterned(name);
  }
}

/** Whether each text of the format names its zone, or may. */
export const mayBeZoned = ({ zoned, name }: TimeFormat): boolean => zoned || name === 'iso' || name.includes('Z');

function patterned(name: string): TimeFormat {
  const fields: string[] = [];
  let depth = 0;
  const source = [...name.matchAll(TOKEN)].map(([token]) => {
    if (token === '[') return (depth++, '(?:');
    if (token === ']') {
      if (depth-- === 0) throw new RangeError('there is a "]" without its "["');
      return ')?';
    }
    if (token.startsWith("'") && token.length > 1) return literal(token.slice(1, -1));
    const part = /^S+$/.test(token) ? (['fraction', '\\d{1,9}'] as const) : PARTS[token];
    if (!part) {
      if (/[A-SU-Za-z]/.test(token))
        throw new RangeError(`"${token}" means nothing in a format; put it in quotes ('${token}')`);
      return token === ' ' ? ' +' : literal(token);
    }
    fields.push(part[0]);
    return `(${part[1]})`;
  });
  if (depth > 0) throw new RangeError('there is a "[" without its "]"');
  const has = (...wanted: string[]) => wanted.some((field) => fields.includes(field));
  if (!has('year', 'shortYear') || !has('month', 'monthName') || !has('day')) {
    throw new RangeError(`it needs a year, a month and a day (YYYY-MM-DD), or is one of ${NAMED.join(', ')}`);
  }
  if (has('hour12') !== has('half')) throw new RangeError('"h" and "A" (AM or PM) go together; 24 hours are "HH"');
  const pattern = new RegExp(`^${source.join('')}$`);
  return {
    name,
    zoned: /Z/.test(name.replace(/\[[^]*\]/g, '')),
    read: (text) => assembled(pattern.exec(text), fields),
  };
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

function assembled(match: RegExpExecArray | null, fields: readonly string[]): WrittenTime | undefined {
  if (!match) return undefined;
  const said: Record<string, string | undefined> = {};
  fields.forEach((field, i) => (said[field] = match[i + 1] ?? said[field]));
  const number = (field: string): number => (said[field] === undefined ? 0 : Number(said[field]));
  const { shortYear, monthName, half, fraction, zone } = said;
  const year = shortYear === undefined ? number('year') : Number(shortYear) + (Number(shortYear) < 70 ? 2000 : 1900);
  const month = monthName === undefined ? number('month') : MONTHS.indexOf(monthName.slice(0, 3).toLowerCase()) + 1;
  let hour = number('hour');
  if (half !== undefined) {
    const shown = number('hour12');
    if (shown < 1 || shown > 12) return undefined;
    hour = (shown % 12) + (/^[Pp下]/.test(half) ? 12 : 0);
  }
  const local = dayTime(year, month, number('day'), hour, number('minute'), number('second'));
  const offset = zone === undefined ? undefined : offsetOf(zone);
  if (local === undefined || Math.abs(offset ?? 0) > LARGEST_OFFSET) return undefined;
  return { local, fraction: fraction === undefined ? '' : `.${fraction}`, offset };
}

/** As if it were UTC, in ms; undefined for what no calendar and no clock shows. */
function dayTime(year: number, month: number, day: number, hour: number, minute: number, second: number) {
  if (year < 1 || month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59 || second > 59) return undefined;
  // 24:00 is the end of the day.
  if (hour === 24 && (minute > 0 || second > 0)) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

function offsetOf(text: string): number {
  if (!/^[+-]/.test(text)) return 0;
  const digits = text.slice(1).replace(':', '').padEnd(4, '0');
  const ms = (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
  return text.startsWith('-') ? -ms : ms;
}

/** Seconds or ms since 1970, whole or with a fraction. */
function epoch(text: string, unit: number): WrittenTime | undefined {
  const match = /^(-?\d{1,14})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) return undefined;
  const ms = Math.floor(Number(text) * unit);
  if (!Number.isSafeInteger(ms) || Math.abs(ms) > 2.5e14) return undefined;
  return withFraction(ms, 0);
}

/** Days since 30 December 1899, as spreadsheets count them; read to the ms. */
function serialDay(text: string): WrittenTime | undefined {
  if (!/^\d{1,7}(\.\d+)?$/.test(text)) return undefined;
  const days = Number(text);
  // The first two months of 1900 are counted differently by different programs.
  if (days < 61 || days > 2_958_465) return undefined;
  return withFraction(Math.round((days - 25_569) * 86_400_000), undefined);
}

function withFraction(ms: number, offset: number | undefined): WrittenTime {
  const rest = ((ms % 1000) + 1000) % 1000;
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(3, '0')}`;
  return { local: ms - rest, fraction, offset };
}
