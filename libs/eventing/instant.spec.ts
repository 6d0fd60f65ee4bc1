import fc from 'fast-check';
import { isInstant } from './instant.js';

const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
const near = fc
  .tuple(
    fc.integer({ min: 0, max: 9999 }).map((n) => String(n).padStart(4, '0')),
    two(14),
    two(33),
    two(25),
    two(62),
    two(62),
    fc.constantFrom('', '.1', '.123456789', '.1234567890', '.'),
    fc.constantFrom('Z', '', '+08:00', '-23:59', '+24:00', '+0800', 'z'),
  )
  .map(([y, mo, d, h, mi, s, f, zone]) => `${y}-${mo}-${d}T${h}:${mi}:${s}${f}${zone}`);

/** Whether the platform reads it, and gives the same day, hour and minute back. */
function byThePlatform(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return false;
  const local = `${text.slice(0, 19)}Z`;
  const at = Date.parse(local);
  if (Number.isNaN(at) || Number.isNaN(Date.parse(text))) return false;
  return new Date(at).toISOString().slice(0, 19) === text.slice(0, 19);
}

describe('an instant', () => {
  it.each([
    '2024-02-29T00:00:00Z',
    '2024-12-31T23:59:59.999999999+14:00',
    '0000-01-01T00:00:00-00:00',
    '2000-02-29T12:00:00+08:00',
  ])('%s is one', (text) => expect(isInstant(text)).toBe(true));

  it.each<unknown>([
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2016-12-31T23:59:60Z',
    '2024-01-01T00:00:00',
    '2024-01-01',
    '2024-01-01T00:00:00+08',
    ' 2024-01-01T00:00:00Z',
    1_700_000_000_000,
    null,
  ])('%s is none', (text) => expect(isInstant(text)).toBe(false));

  it('is what the platform reads as it is written', () => {
    fc.assert(
      fc.property(near, (text) => expect(isInstant(text)).toBe(byThePlatform(text))),
      { numRuns: 2_000 },
    );
  });
});
