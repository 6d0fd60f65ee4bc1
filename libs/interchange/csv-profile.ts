import { FLAGS } from './csv-cells.js';
import type { AttributeType } from './csv-mapping.js';
import { timeFormat, type TimeFormat } from './time-format.js';

/** Texts that exports write for "nothing". */
const NULL_WORDS = [
  '?',
  'NULL',
  'null',
  '\\N',
  '(null)',
  'N/A',
  'n/a',
  'NA',
  '#N/A',
  'None',
  'none',
  'nan',
  'NaN',
  'nil',
  '-',
  '--',
  '无',
  '空',
];
/** Share of the values that must be of a form for the column to be of it. */
const MOST = 0.98;
const NUMBER = /^[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d{1,3})?$/;
const EMAIL = /^[^\s@]+@[^\s@]+\.[a-z]{2,}$/i;
const PHONE = /^(\+|00)?\d{1,4}[ -]?(\(?\d{2,5}\)?[ -]?)\d{3,4}[ -]?\d{3,4}$/;
const ID_CARD = /^\d{17}[\dXx]$/;

const CLOCKS = [' HH:mm:ss', ' HH:mm', ' H:mm[:ss]', ' hh:mm:ss A', ' h:mm[:ss] A', ''];
const DAYS: readonly (readonly [order: Order, day: string])[] = [
  ...(['-', '/', '.'] as const).flatMap((by) => [
    ['dmy', `DD${by}MM${by}YYYY`] as const,
    ['mdy', `MM${by}DD${by}YYYY`] as const,
    ['dmy', `D${by}M${by}YYYY`] as const,
    ['mdy', `M${by}D${by}YYYY`] as const,
  ]),
  ['ymd', 'YYYY/MM/DD'],
  ['ymd', 'YYYY/M/D'],
  ['ymd', 'YYYY.MM.DD'],
  ['ymd', 'YYYY年M月D日'],
  ['dmy', 'D-MMM-YYYY'],
  ['dmy', 'D MMM YYYY'],
  ['mdy', 'MMM D, YYYY'],
];
const OTHERS = ['YYYYMMDDHHmmss', 'YYYYMMDD HHmmss', 'YYYYMMDD HH:mm:ss', 'YYYY年M月D日H时m分[s秒]'];

type Order = 'dmy' | 'mdy' | 'ymd';
interface Candidate {
  readonly order: Order;
  readonly format: TimeFormat;
}

let candidates: readonly Candidate[] | undefined;
const formats = (): readonly Candidate[] =>
  (candidates ??= [
    { order: 'ymd', format: timeFormat('iso') },
    ...DAYS.flatMap(([order, day]) => CLOCKS.map((clock) => ({ order, format: timeFormat(day + clock) }))),
    ...OTHERS.map((name) => ({ order: 'ymd' as const, format: timeFormat(name) })),
  ]);

/** What the sample shows of a column. */
export interface ColumnProfile {
  readonly name: string;
  readonly at: number;
  /** Rows in which it says anything. */
  readonly filled: number;
  readonly distinct: number;
  readonly type: AttributeType;
  /** Of a column of times: the format, and another that reads all of them just as well. */
  readonly format?: string;
  readonly otherOrder?: string;
  /** Some of its times have no offset. */
  readonly local?: boolean;
  readonly looksLike?: 'e-mail' | 'phone' | 'id-card';
  /** The values, most frequent first, of a column that has but a few. */
  readonly values: readonly string[];
}

/** Words for nothing that the sample has beside other values. */
export function nullWords(rows: readonly (readonly string[])[]): string[] {
  const seen = new Map<string, number>();
  for (const cells of rows) {
    for (const cell of cells) {
      const text = cell.trim();
      if (text.length < 7 && NULL_WORDS.includes(text)) seen.set(text, (seen.get(text) ?? 0) + 1);
    }
  }
  return [...seen].filter(([, count]) => count > 2).map(([word]) => word);
}

export function profileOf(
  name: string,
  at: number,
  rows: readonly (readonly string[])[],
  nulls: ReadonlySet<string>,
): ColumnProfile {
  const counts = new Map<string, number>();
  let filled = 0;
  for (const cells of rows) {
    const text = cells[at]!.trim();
    if (text === '' || nulls.has(text)) continue;
    filled++;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const values = [...counts.keys()];
  const share = (test: (text: string) => boolean) =>
    values.length > 0 && values.filter(test).length >= values.length * MOST;
  const time = timeOf(name, values, share);
  const type: AttributeType = time
    ? 'instant'
    : share((v) => FLAGS.has(v.toLowerCase())) && values.length <= 2 && !values.every((v) => NUMBER.test(v))
      ? 'flag'
      : share((v) => NUMBER.test(v)) && !values.some((v) => /^[+-]?0\d/.test(v) || v.length > 15)
        ? 'number'
        : 'text';
  const few = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  const looksLike = share((v) => EMAIL.test(v))
    ? ('e-mail' as const)
    : share((v) => ID_CARD.test(v))
      ? ('id-card' as const)
      : type === 'text' && share((v) => PHONE.test(v))
        ? ('phone' as const)
        : /^1[3-9]\d{9}$/.test(values[0] ?? '') && share((v) => /^1[3-9]\d{9}$/.test(v))
          ? ('phone' as const)
          : undefined;
  return {
    name,
    at,
    filled,
    distinct: counts.size,
    type: looksLike ? 'text' : type,
    ...(looksLike ? { looksLike } : time),
    values: counts.size <= 200 ? few.map(([value]) => value) : [],
  };
}

function timeOf(
  name: string,
  values: readonly string[],
  share: (test: (text: string) => boolean) => boolean,
): Pick<ColumnProfile, 'format' | 'otherOrder' | 'local'> | undefined {
  if (values.length === 0) return undefined;
  // Most columns are told by a few values.
  const few = values.slice(0, 20);
  const reads = ({ format }: Candidate) =>
    few.filter((v) => format.read(v)).length >= few.length * MOST && share((v) => format.read(v) !== undefined);
  const found = formats().find(reads);
  if (found) {
    const { format, order } = found;
    const swapped = formats().find((c) => c.format.name === swappedName(format.name) && reads(c));
    const local = values.some((v) => format.read(v)?.offset === undefined);
    return { format: format.name, local, ...(order !== 'ymd' && swapped && { otherOrder: swapped.format.name }) };
  }
  if (!/time|date|stamp|_at$|时间|日期/i.test(name)) return undefined;
  for (const numeric of ['unix-ms', 'unix', 'excel']) {
    const format = timeFormat(numeric);
    const plausible = (v: string) => {
      const read = format.read(v);
      return read !== undefined && read.local > 631_152_000_000 && read.local < 4_102_444_800_000;
    };
    if (share(plausible)) return { format: numeric, local: numeric === 'excel' };
  }
  return undefined;
}

/** The same form with day and month in the other order. */
function swappedName(name: string): string {
  const match = /^(D{1,2}|M{1,2})([-/.])(D{1,2}|M{1,2})([^MD].*)$/.exec(name);
  return match ? `${match[3]}${match[2]}${match[1]}${match[4]}` : '';
}
