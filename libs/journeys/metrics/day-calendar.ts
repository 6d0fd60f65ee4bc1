/** Days of a time zone, numbered from 1970-01-01 there. A pure function of the zone's rules. */

const DAY_MS = 86_400_000;

export class DayCalendar {
  private readonly format: Intl.DateTimeFormat | null;
  /** Offset in ms by the UTC day on which it held all day long; NaN where it changed. */
  private readonly offsets = new Map<number, number>();

  /** @param timeZone IANA name, such as `Asia/Shanghai`. @throws RangeError for a zone that nobody knows */
  constructor(readonly timeZone: string) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    this.format = format.resolvedOptions().timeZone === 'UTC' ? null : format;
  }

  /** Number of the day that the instant (ms since 1970) lies in. */
  dayOf(ms: number): number {
    if (!this.format) return Math.floor(ms / DAY_MS);
    const utcDay = Math.floor(ms / DAY_MS);
    let offset = this.offsets.get(utcDay);
    if (offset === undefined) {
      const [start, end] = [this.offsetAt(utcDay * DAY_MS), this.offsetAt((utcDay + 1) * DAY_MS)];
      this.offsets.set(utcDay, (offset = start === end ? start : NaN));
    }
    return Math.floor((ms + (Number.isNaN(offset) ? this.offsetAt(ms) : offset)) / DAY_MS);
  }

  /** The first instant of a day, ms since 1970. */
  startOf(day: number): number {
    if (!this.format) return day * DAY_MS;
    // No zone is further than 15 hours from UTC; a change of offset may skip midnight itself.
    let [before, at] = [day * DAY_MS - DAY_MS, day * DAY_MS + DAY_MS];
    while (at - before > 1) {
      const middle = Math.floor((before + at) / 2);
      if (this.dayOf(middle) >= day) at = middle;
      else before = middle;
    }
    return at;
  }

  /** `2024-05-01`. */
  dateOf(day: number): string {
    return new Date(day * DAY_MS).toISOString().slice(0, -'T00:00:00.000Z'.length);
  }

  private offsetAt(ms: number): number {
    const part: Record<string, string> = {};
    for (const { type, value } of this.format!.formatToParts(ms)) part[type] = value;
    const year = part['era'] === 'BC' ? 1 - Number(part['year']) : Number(part['year']);
    const local = Date.UTC(
      2000,
      Number(part['month']) - 1,
      Number(part['day']),
      Number(part['hour']),
      Number(part['minute']),
      Number(part['second']),
    );
    const date = new Date(local);
    date.setUTCFullYear(year);
    return date.getTime() - Math.floor(ms / 1000) * 1000;
  }
}
