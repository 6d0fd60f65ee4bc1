import fc from 'fast-check';
import {
  encodeEntries,
  EntryColumns,
  isObservation,
  NO_ID,
  positionKey,
  type Entry,
  type FormCode,
} from './journey-blob.js';
import { Durations, COARSE_ERROR } from './durations.js';

const int = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const sqlite = fc.maxSafeNat().map((n) => n.toString(16).padStart(16, '0'));
const position = { sqlite, eventstore: fc.tuple(sqlite, sqlite).map(([commit, prepare]) => commit + prepare) };

const entry = (at: fc.Arbitrary<string>): fc.Arbitrary<Entry> =>
  fc
    .record({
      form: fc.integer({ min: 0, max: 13 }).map((n) => n as FormCode),
      id: fc.uuid(),
      version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      at: fc.integer({ min: -8.64e15, max: 8.64e15 }),
      sequence: fc.oneof(fc.constant(-1), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER)),
      kind: int,
      channel: int,
      unit: int,
      staff: int,
      customer: int,
      flags: fc.nat(255),
      stage: int,
      source: int,
      recorded: fc.oneof(fc.constant(NaN), fc.integer({ min: -8.64e15, max: 8.64e15 })),
      score: fc.integer({ min: -127, max: 127 }),
      observer: fc.nat(5),
      ref: fc.uuid(),
      cause: fc.uuid(),
      from: at,
      to: fc.oneof(at, fc.constant('')),
    })
    .map((e) => (isObservation(e.form) ? e : { ...e, ref: NO_ID, cause: NO_ID }));

describe.each(['sqlite', 'eventstore'] as const)('a blob with positions of %s', (engine) => {
  const entries = fc.array(entry(position[engine]), { maxLength: 256 });

  it('reads back as it was written', () =>
    fc.assert(
      fc.property(entries, fc.nat(7), (written, offset) => {
        const bytes = encodeEntries(written);
        // A driver may hand the bytes out anywhere in a larger buffer.
        const shifted = new Uint8Array(bytes.length + 8);
        shifted.set(bytes, offset);
        const columns = new EntryColumns(shifted.subarray(offset, offset + bytes.length));
        expect(Array.from({ length: columns.count }, (_, i) => columns.entry(i))).toEqual(written);
      }),
      { numRuns: 50 },
    ));

  it('says which versions held as the positions say it', () =>
    fc.assert(
      fc.property(entries, position[engine], (written, at) => {
        const columns = new EntryColumns(encodeEntries(written));
        written.forEach(({ from, to }, i) => {
          expect(columns.holds(i)).toBe(to === '');
          expect(columns.holds(i, positionKey(at))).toBe(from <= at && (to === '' || to > at));
        });
      }),
      { numRuns: 50 },
    ));
});

describe('durations', () => {
  const nearestRank = (values: number[], p: number) =>
    [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(p * values.length)) - 1]!;
  const values = fc.array(fc.integer({ min: -1_000_000, max: 10_000_000_000 }), { minLength: 1, maxLength: 200 });
  const percentile = (d: Durations, p: number) => d.percentiles([p])[0];

  it.each([
    ['few', values],
    ['many', fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 100, maxLength: 1_000, size: 'max' })],
    ['many that are alike', fc.array(fc.nat(3), { minLength: 100, maxLength: 1_000, size: 'max' })],
    ['many in order', fc.integer({ min: 100, max: 1_000 }).map((n) => Array.from({ length: n }, (_, i) => i >> 1))],
  ])('are exact by nearest rank: %s', (_, of) =>
    fc.assert(
      fc.property(of, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }), (all, shares) => {
        const durations = new Durations();
        all.forEach((ms) => durations.add(ms));
        shares.sort((a, b) => a - b);
        const expected = shares.map((p) => nearestRank(all, p));
        expect(durations.percentiles(shares)).toEqual(expected);
        // Asked again, when they have been moved about.
        expect(durations.percentiles(shares)).toEqual(expected);
        expect(Durations.of(durations, durations).percentiles([...shares, 1])).toEqual(
          [...shares, 1].map((p) => nearestRank([...all, ...all], p)),
        );
      }),
    ),
  );

  it('are exact at every rank', () => {
    const all = Array.from({ length: 211 }, (_, i) => (i * 7_919) % 211);
    for (let rank = 1; rank <= all.length; rank++) {
      const durations = new Durations();
      all.forEach((ms) => durations.add(ms));
      expect(percentile(durations, rank / all.length)).toBe(nearestRank(all, rank / all.length));
    }
  });

  it('once coarse, stay within the stated error, in any order and any split', () =>
    fc.assert(
      fc.property(values, fc.nat(200), (all, cut) => {
        const [left, right, whole] = [new Durations(), new Durations(), new Durations()];
        all.slice(0, cut).forEach((ms) => left.add(ms));
        left.coarsen();
        all.slice(cut).forEach((ms) => right.add(ms));
        const both = Durations.of(left, right);
        [...all].reverse().forEach((ms) => whole.add(ms));
        whole.coarsen();
        for (const p of [0.5, 0.9, 0.99]) {
          const exact = nearestRank(all, p);
          expect(percentile(both, p)).toBe(percentile(whole, p));
          expect(Math.abs(percentile(both, p)! - exact)).toBeLessThanOrEqual(Math.abs(exact) * COARSE_ERROR + 1);
        }
      }),
    ));

  it('of an empty set have no percentile', () => expect(new Durations().percentiles([0.5, 0.9])).toEqual([null, null]));
});
