import { TouchstoneError } from '@touchstone/eventing';

const OFFSET = /^(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const LOCAL = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d+)?$/;
const MINUTE_MS = 60_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** An IANA name or an offset. @throws ZONE_UNKNOWN */
export function checkedZone(zone: string): string {
  if (!OFFSET.test(zone)) formatOf(zone);
  return zone;
}

/**
 * A date and time as it is, with the offset that its zone had then; a text that is none, or has its offset, stays. Of
 * an hour that comes twice the first counts, and one that the clock leaps over is read with the offset before it.
 */
export function withZone(text: string, zone: string): string {
  const match = LOCAL.exec(text);
  if (!match) return text;
  if (OFFSET.test(zone)) return text + zone;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, ...number[]];
  const local = Date.UTC(year, month! - 1, day, hour, minute, second);
  if (Number.isNaN(local)) return text;
  // No offset is a day long: these are the ones before and after any change that may be near.
  const before = offsetAt(local - 86_400_000, zone);
  const after = offsetAt(local + 86_400_000, zone);
  const offset =
    offsetAt(local - before, zone) === before ? before : offsetAt(local - after, zone) === after ? after : before;
  return text + written(offset);
}

/** East of UTC, in ms. */
function offsetAt(instant: number, zone: string): number {
  const name = formatOf(zone)
    .formatToParts(instant)
    .find(({ type }) => type === 'timeZoneName')!.value;
  const [, sign, hours, minutes = '0'] = /^GMT([+-])(\d{2}):(\d{2})/.exec(name) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}

function written(offset: number): string {
  const minutes = Math.abs(offset) / MINUTE_MS;
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    } catch {
      throw new TouchstoneError(
        'ZONE_UNKNOWN',
        `"${zone}" is no time zone: give an IANA name such as Asia/Shanghai, or an offset such as +08:00.`,
        'invalid',
      );
    }
    formats.set(zone, format);
  }
  return format;
}
