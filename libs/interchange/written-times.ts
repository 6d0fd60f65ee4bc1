import type { Fault } from './mapped-log.js';
import { Zone } from './local-time.js';
import { timeFormat, type TimeFormat, type WrittenTime } from './time-format.js';

/** What to do with a local time that comes twice, or never, in its zone. */
export interface TimeRules {
  readonly formats: readonly string[];
  readonly zone?: string;
  readonly ambiguous: 'earlier' | 'later' | 'quarantine';
  readonly nonexistent: 'forward' | 'quarantine';
}

/** An instant in ISO 8601 with its offset; `doubt` when the rules had to decide. */
export type ReadTime = { readonly instant: string; readonly doubt?: 'ambiguous' | 'nonexistent' } | Fault;

/** Texts whose instant is remembered: exports repeat their stamps. */
const REMEMBERED = 5_000;

/** Reads the times of one column by its rules. */
export class WrittenTimes {
  private readonly formats: readonly TimeFormat[];
  private readonly zone: Zone | undefined;
  private readonly known = new Map<string, ReadTime>();

  /** @throws RangeError for a format or a zone that is none */
  constructor(
    /** The column, for reasons. */
    private readonly column: string,
    private readonly rules: TimeRules,
  ) {
    this.formats = rules.formats.map(timeFormat);
    this.zone = rules.zone === undefined ? undefined : new Zone(rules.zone);
  }

  read(text: string): ReadTime {
    let read = this.known.get(text);
    if (!read) {
      read = this.understood(text);
      if (this.known.size >= REMEMBERED) this.known.clear();
      this.known.set(text, read);
    }
    return read;
  }

  private understood(text: string): ReadTime {
    for (const format of this.formats) {
      const written = format.read(text);
      if (written) return this.placed(written);
    }
    const formats = this.formats.map(({ name }) => `"${name}"`).join(' or ');
    return { code: 'CSV_TIMESTAMP_INVALID', reason: `The time in "${this.column}" is not of the form ${formats}.` };
  }

  private placed({ local, fraction, offset }: WrittenTime): ReadTime {
    const { column, zone, rules } = this;
    if (offset !== undefined) return instant(local, fraction, offset, column);
    if (!zone) {
      const reason = `The time in "${column}" has no zone offset, and the mapping names no zone ("times: { zone: … }").`;
      return { code: 'CSV_TIMESTAMP_WITHOUT_ZONE', reason };
    }
    const { offsets, leap } = zone.at(local);
    const [first, second] = offsets;
    if (first === undefined) {
      if (rules.nonexistent === 'quarantine') {
        const reason = `The clock of ${zone.name} leaps over the local time in "${column}": check the zone.`;
        return { code: 'CSV_TIMESTAMP_NONEXISTENT', reason };
      }
      const moved = local + leap;
      return doubtful(instant(moved, fraction, zone.at(moved).offsets[0]!, column), 'nonexistent');
    }
    if (second === undefined) return instant(local, fraction, first, column);
    if (rules.ambiguous === 'quarantine') {
      const reason = `The local time in "${column}" comes twice in ${zone.name}, on the night the clock goes back.`;
      return { code: 'CSV_TIMESTAMP_AMBIGUOUS', reason };
    }
    return doubtful(instant(local, fraction, rules.ambiguous === 'earlier' ? first : second, column), 'ambiguous');
  }
}

const doubtful = (read: ReadTime, doubt: 'ambiguous' | 'nonexistent'): ReadTime =>
  'instant' in read ? { ...read, doubt } : read;

function instant(local: number, fraction: string, offset: number, column: string): ReadTime {
  // Offsets of old times have seconds, which ISO 8601 cannot say.
  const whole = offset % 60_000 === 0;
  const shown = new Date(whole ? local : local - offset);
  const year = shown.getUTCFullYear();
  if (year < 1 || year > 9999) {
    return { code: 'CSV_TIMESTAMP_INVALID', reason: `The year of the time in "${column}" is not from 1 to 9999.` };
  }
  return { instant: shown.toISOString().slice(0, 19) + fraction + (whole ? offsetText(offset) : 'Z') };
}

function offsetText(offset: number): string {
  const minutes = Math.abs(offset) / 60_000;
  const two = (n: number) => String(n).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
