const DAY_MS = 86_400_000;
/** Days whose offsets are remembered for a zone. */
const DAYS = 50_000;

/** The offsets of a day: the one at its start, the one at its end, and when (UTC ms) the first gives way. */
interface DayOffsets {
  readonly first: number;
  readonly then: number;
  readonly changesAt: number;
}

/** What a local time is in a zone: one instant; two, on the night the clock goes back; or none, when it goes forward. */
export interface LocalTime {
  /** Minutes and seconds east of UTC, in ms; the earlier instant first. */
  readonly offsets: readonly number[];
  /** Of a time that the clock leaps over: what the clock leaps by, in ms. */
  readonly leap: number;
}

/** A time zone by its IANA name, with its history of offsets as the platform knows it. */
export class Zone {
  private readonly format: Intl.DateTimeFormat;
  private readonly days = new Map<number, DayOffsets>();

  /** @throws RangeError for a name that is no zone */
  constructor(readonly name: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      era: 'short',
    });
  }

  /** `local` is the local date and time read as if it were UTC, in ms. */
  at(local: number): LocalTime {
    // No offset is a day long, so these two are those before and after any change that matters.
    const before = this.offset(local - DAY_MS);
    const after = this.offset(local + DAY_MS);
    const candidates = before === after ? [before] : [before, after];
    // The larger offset gives the earlier instant.
    const offsets = candidates.filter((offset) => this.offset(local - offset) === offset).sort((a, b) => b - a);
    return { offsets, leap: offsets.length === 0 ? after - before : 0 };
  }

  /** East of UTC, in ms. */
  offset(instant: number): number {
    const day = Math.floor(instant / DAY_MS);
    let known = this.days.get(day);
    if (!known) {
      if (this.days.size >= DAYS) this.days.clear();
      known = this.dayOffsets(day * DAY_MS);
      this.days.set(day, known);
    }
    return instant < known.changesAt ? known.first : known.then;
  }

  private dayOffsets(start: number): DayOffsets {
    const first = this.computed(start);
    const then = this.computed(start + DAY_MS - 1000);
    if (first === then) return { first, then, changesAt: start };
    let low = start;
    let high = start + DAY_MS - 1000;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.computed(middle) === first) low = middle;
      else high = middle;
    }
    return { first, then, changesAt: high };
  }

  private computed(instant: number): number {
    const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
    for (const { type, value } of this.format.formatToParts(instant)) part[type] = value;
    const year = part.era === 'BC' ? 1 - Number(part.year) : Number(part.year);
    const local = new Date(0);
    local.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
    local.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
    return local.getTime() - Math.floor(instant / 1000) * 1000;
  }
}

/** True for an IANA name (or an abbreviation) that the platform knows. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
