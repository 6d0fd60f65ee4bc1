import fc from 'fast-check';
import { DayCalendar } from './day-calendar.js';

const at = (text: string) => Date.parse(text);
/** From -0099 to +9999. */
const instant = fc.integer({ min: -65_000_000_000_000, max: 253_000_000_000_000 });
const zones = [
  'UTC',
  'Asia/Shanghai',
  'Asia/Kathmandu',
  'Europe/Berlin',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/Sao_Paulo',
];

describe('days of a time zone', () => {
  it.each([
    ['UTC', '2024-03-01T23:59:59.999Z', '2024-03-01'],
    ['Asia/Shanghai', '2024-02-29T16:00:00Z', '2024-03-01'],
    ['Asia/Shanghai', '2024-02-29T15:59:59.999Z', '2024-02-29'],
    ['Asia/Kathmandu', '2024-02-29T18:14:59.999Z', '2024-02-29'],
    ['Asia/Kathmandu', '2024-02-29T18:15:00Z', '2024-03-01'],
    // The clocks of the day change at 01:00 UTC.
    ['Europe/Berlin', '2024-03-30T22:59:59Z', '2024-03-30'],
    ['Europe/Berlin', '2024-03-31T21:59:59Z', '2024-03-31'],
    ['Europe/Berlin', '2024-03-31T22:00:00Z', '2024-04-01'],
  ])('%s: %s lies in %s', (zone, time, date) => {
    const calendar = new DayCalendar(zone);
    expect(calendar.dateOf(calendar.dayOf(at(time)))).toBe(date);
  });

  it.each(zones)('%s: are those that a clock there shows', (zone) => {
    const calendar = new DayCalendar(zone);
    const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });
    fc.assert(
      fc.property(fc.integer({ min: at('1990-01-01T00:00:00Z'), max: at('2060-01-01T00:00:00Z') }), (ms) => {
        expect(calendar.dateOf(calendar.dayOf(ms))).toBe(clock.format(ms));
      }),
      { numRuns: 300 },
    );
  });

  it.each(zones)('%s: begin where the day before ends', (zone) => {
    const calendar = new DayCalendar(zone);
    fc.assert(
      fc.property(instant, (ms) => {
        const day = calendar.dayOf(ms);
        const start = calendar.startOf(day);
        expect(start).toBeLessThanOrEqual(ms);
        expect(calendar.dayOf(start)).toBe(day);
        expect(calendar.dayOf(start - 1)).toBeLessThan(day);
      }),
      { numRuns: 100 },
    );
  });

  it('a day that a zone skipped begins with the next one', () => {
    const calendar = new DayCalendar('Pacific/Apia');
    const skipped = Date.UTC(2011, 11, 30) / 86_400_000;
    expect(calendar.startOf(skipped)).toBe(calendar.startOf(skipped + 1));
  });

  it('refuses a zone that nobody knows', () => {
    expect(() => new DayCalendar('Mars/Olympus')).toThrow(RangeError);
  });
});
