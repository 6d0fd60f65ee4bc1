import { isInstant } from '@touchstone/eventing';
import fc from 'fast-check';
import { isZone, Zone } from './local-time.js';
import { timeFormat } from './time-format.js';
import { WrittenTimes, type TimeRules } from './written-times.js';

const rules = (more: Partial<TimeRules>): TimeRules => ({
  formats: ['iso'],
  ambiguous: 'earlier',
  nonexistent: 'quarantine',
  ...more,
});
const read = (text: string, more: Partial<TimeRules> = {}) => {
  const result = new WrittenTimes('at', rules(more)).read(text);
  return 'instant' in result ? result.instant : result.code;
};

describe('a time', () => {
  it.each<[string, string, string | undefined, string]>([
    ['2024-05-01T08:00:00+08:00', 'iso', undefined, '2024-05-01T08:00:00+08:00'],
    ['2024-05-01 08:00:00.123456Z', 'iso', undefined, '2024-05-01T08:00:00.123456+00:00'],
    ['2024-05-01T08:00', 'iso', 'Asia/Shanghai', '2024-05-01T08:00:00+08:00'],
    ['2024-05-01', 'iso', 'Asia/Kolkata', '2024-05-01T00:00:00+05:30'],
    ['29-02-2016 01:16', 'DD-MM-YYYY HH:mm', 'UTC', '2016-02-29T01:16:00+00:00'],
    ['2/9/2016 1:05 pm', 'M/D/YYYY h:mm A', 'America/New_York', '2016-02-09T13:05:00-05:00'],
    ['12:30 AM 02.09.16', 'hh:mm A DD.MM.YY', 'Europe/Berlin', '2016-09-02T00:30:00+02:00'],
    ['1 Sept 2016 07:08:09', 'D MMM YYYY HH:mm:ss', 'Europe/London', '2016-09-01T07:08:09+01:00'],
    ['2024年5月1日 8:05', 'YYYY年M月D日 H:mm', 'Asia/Shanghai', '2024-05-01T08:05:00+08:00'],
    ['2024-05-01 下午3:20', 'YYYY-MM-DD Ah:mm', 'Asia/Shanghai', '2024-05-01T15:20:00+08:00'],
    ['20240501080000 +0800', 'YYYYMMDDHHmmss Z', undefined, '2024-05-01T08:00:00+08:00'],
    ['at 08:00 on 2024-05-01', "'at' HH:mm 'on' YYYY-MM-DD", 'UTC', '2024-05-01T08:00:00+00:00'],
    ['2024-05-01 24:00', 'YYYY-MM-DD HH:mm', 'UTC', '2024-05-02T00:00:00+00:00'],
    ['1714521600', 'unix', undefined, '2024-05-01T00:00:00+00:00'],
    ['1714521600123', 'unix-ms', undefined, '2024-05-01T00:00:00.123+00:00'],
    ['45413.5', 'excel', 'Asia/Shanghai', '2024-05-01T12:00:00+08:00'],
    ['1890-01-01 00:00:00', 'iso', 'Asia/Shanghai', '1889-12-31T15:54:17Z'],
  ])('%s as %s in %s is %s', (text, format, zone, expected) => {
    expect(read(text, { formats: [format], zone })).toBe(expected);
    expect(isInstant(expected)).toBe(true);
  });

  it.each<[string, string]>([
    ['30-02-2016 01:16', 'CSV_TIMESTAMP_INVALID'],
    ['29-02-2015 01:16', 'CSV_TIMESTAMP_INVALID'],
    ['01-13-2016 01:16', 'CSV_TIMESTAMP_INVALID'],
    ['01-12-2016 25:16', 'CSV_TIMESTAMP_INVALID'],
    ['01-12-2016', 'CSV_TIMESTAMP_INVALID'],
    ['', 'CSV_TIMESTAMP_INVALID'],
  ])('%s is refused with %s', (text, code) => {
    expect(read(text, { formats: ['DD-MM-YYYY HH:mm'], zone: 'UTC' })).toBe(code);
  });

  it('is of the first form that fits, and needs a zone from somewhere', () => {
    expect(read('01/02/2016', { formats: ['DD/MM/YYYY', 'MM/DD/YYYY'], zone: 'UTC' })).toBe(
      '2016-02-01T00:00:00+00:00',
    );
    expect(read('01/22/2016', { formats: ['DD/MM/YYYY', 'MM/DD/YYYY'], zone: 'UTC' })).toBe(
      '2016-01-22T00:00:00+00:00',
    );
    expect(read('2024-05-01T08:00:00')).toBe('CSV_TIMESTAMP_WITHOUT_ZONE');
    expect(read('2024-05-01T08:00:00+25:00')).toBe('CSV_TIMESTAMP_INVALID');
  });

  it.each(['HH:mm', 'YYYY-MM-DD hh:mm', 'YYYY-MM-DD [HH', 'YYYY-MM-DD at HH', 'nonsense', ''])(
    '"%s" is no format',
    (name) => {
      expect(() => timeFormat(name)).toThrow(RangeError);
    },
  );
});

describe('a local time in its zone', () => {
  const Berlin = { zone: 'Europe/Berlin' };
  it('that comes twice is the earlier, the later, or refused, and says that it was in doubt', () => {
    const night = '2024-10-27 02:30:00';
    expect(read(night, Berlin)).toBe('2024-10-27T02:30:00+02:00');
    expect(read(night, { ...Berlin, ambiguous: 'later' })).toBe('2024-10-27T02:30:00+01:00');
    expect(read(night, { ...Berlin, ambiguous: 'quarantine' })).toBe('CSV_TIMESTAMP_AMBIGUOUS');
    expect(new WrittenTimes('at', rules(Berlin)).read(night)).toMatchObject({ doubt: 'ambiguous' });
    expect(new WrittenTimes('at', rules(Berlin)).read('2024-10-27 03:00:00')).not.toHaveProperty('doubt');
  });

  it('that the clock leaps over is refused, or moved on by the leap', () => {
    expect(read('2024-03-31 02:30:00', Berlin)).toBe('CSV_TIMESTAMP_NONEXISTENT');
    expect(read('2024-03-31 02:30:00', { ...Berlin, nonexistent: 'forward' })).toBe('2024-03-31T03:30:00+02:00');
    expect(read('2024-10-06 02:15:00', { zone: 'Australia/Lord_Howe', nonexistent: 'forward' })).toBe(
      '2024-10-06T02:45:00+11:00',
    );
    expect(read('2011-12-30 12:00:00', { zone: 'Pacific/Apia' })).toBe('CSV_TIMESTAMP_NONEXISTENT');
    expect(read('2024-03-31 01:59:59', Berlin)).toBe('2024-03-31T01:59:59+01:00');
    expect(read('2024-03-31 03:00:00', Berlin)).toBe('2024-03-31T03:00:00+02:00');
  });

  /** The same told in another way: every quarter of an hour around it, shown in the zone by the platform. */
  it('is what the platform shows in that zone, for every instant that it can be', () => {
    const zones = [
      'Europe/Berlin',
      'America/St_Johns',
      'Australia/Lord_Howe',
      'Asia/Shanghai',
      'America/Sao_Paulo',
      'Africa/Casablanca',
    ];
    const show = new Map(
      zones.map((zone) => [
        zone,
        new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }),
      ]),
    );
    const known = new Map(zones.map((zone) => [zone, new Zone(zone)]));
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 1_900_000 }), (zone, quarters) => {
        const local = quarters * 900_000;
        const text = new Date(local).toISOString().slice(0, 19).replace('T', ' ');
        const instants: number[] = [];
        for (let at = local - 86_400_000; at <= local + 86_400_000; at += 900_000) {
          if (show.get(zone)!.format(at) === text) instants.push(at);
        }
        expect(
          known
            .get(zone)!
            .at(local)
            .offsets.map((offset) => local - offset),
        ).toEqual(instants);
      }),
      { numRuns: 150, examples: [['Europe/Berlin', Date.parse('2024-10-27T02:30:00Z') / 900_000]] },
    );
  });

  it('knows zones by name', () => {
    expect(['Asia/Shanghai', 'UTC', 'Mars/Olympus', ''].map(isZone)).toEqual([true, true, false, false]);
  });
});
