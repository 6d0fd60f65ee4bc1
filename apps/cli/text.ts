/** Plain text for a terminal: widths, tables, numbers and durations. */

const MARKS = /\p{Mark}|\u200d|[\ufe00-\ufe0f]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes in a terminal: Chinese characters take two, combining marks none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += MARKS.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** The text on one line, without what would steer the terminal. */
export const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));
export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text;

/** At most `width` columns; what is cut off ends in `…`. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (widthOf(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

export interface Column<T> {
  readonly head: string;
  readonly of: (row: T) => string;
  /** Numbers stand on the right. */
  readonly right?: boolean;
  /** Columns at most. */
  readonly max?: number;
}

/** Rows under their heads, columns two blanks apart, lines without blanks at the end. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const lines = [columns.map((c) => c.head), ...rows.map((row) => columns.map((c) => shown(c, row)))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => widthOf(line[i] ?? ''))));
  return lines
    .map((line) =>
      line
        .map((cell, i) => (columns[i]?.right ? padStart(cell, widths[i] ?? 0) : padEnd(cell, widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function shown<T>({ of, max }: Column<T>, row: T): string {
  const text = oneLine(of(row));
  return max === undefined ? text : cut(text, max);
}

export const indented = (text: string, by = 2): string => text.replace(/^(?=.)/gm, ' '.repeat(by));

const NUMBER = new Intl.NumberFormat('en-US');
/** 21348 as 21,348. */
export const number = (n: number): string => NUMBER.format(n);
/** 1 journey, 2 journeys. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`;
/** 0.516 as 51.6 %. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
/** 2004534 as 2.0 MB. */
export function bytes(n: number): string {
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Milliseconds as 45 s, 26 min, 4 h 05 min or 39 d 20 h: two figures that matter; `-` for none. */
export function duration(ms: number | null): string {
  if (ms === null) return '-';
  const seconds = Math.round(ms / 1_000);
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  const hours = Math.round(ms / 3_600_000);
  return `${Math.floor(hours / 24)} d ${String(hours % 24).padStart(2, '0')} h`;
}

/** Milliseconds as hours, rounded to so many decimals; null stays null. */
export const hours = (ms: number | null, decimals: number): number | null =>
  ms === null ? null : Number((ms / 3_600_000).toFixed(decimals));

/** 2024-05-01T08:00:00.000+08:00 as [2024-05-01, 08:00:00, +08:00]: the clock on the wall where it happened. */
export function wallClock(instant: string): readonly [day: string, time: string, offset: string] {
  const [, day = '', time = '', offset = ''] =
    /^(\S{10})T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(instant) ?? [];
  return day === '' ? [instant, '', ''] : [day, time, offset];
}
