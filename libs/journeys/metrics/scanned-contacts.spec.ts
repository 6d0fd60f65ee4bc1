import fc from 'fast-check';
import { encodeEntries, EntryColumns, Flag, Form, NO_ID, NO_SCORE, type Entry } from '../journey-blob.js';
import { Status } from '../journeys.tables.js';
import { contactContribution } from './contributions.js';
import { JourneyFacts } from './facts.js';
import { byMatter, contactRows, isNear, isRepeat, isUndecided, judged, REPEAT_WINDOW_MS } from './matter.js';
import { ScannedContacts } from './scanned-contacts.js';

const HOUR = 3_600_000;
const dayOf = (ms: number) => Math.floor(ms / (24 * HOUR));

/** Few instants, and few sequences: many contacts differ by their ids alone. */
const touchpoint = fc.record({
  id: fc.uuid(),
  at: fc.oneof(fc.constantFrom(0, 167, 168, 169, 336), fc.integer({ min: 0, max: 900 })),
  sequence: fc.constantFrom(-1, 0, 1),
  flags: fc.constantFrom(0, Flag.contact, Flag.contact, Flag.contact | Flag.closes, Flag.contact | Flag.confirms),
});

const journey = fc.record({
  customer: fc.nat(2),
  type: fc.constantFrom(7, 8),
  touchpoints: fc.array(touchpoint, { maxLength: 5 }),
});

const hex = (n: number) => n.toString(16).padStart(16, '0');

/** Journeys as facts; every event has a position of its own. */
const world = fc.array(journey, { maxLength: 10 }).map((journeys) => {
  let position = 0;
  return journeys.map(({ customer, type, touchpoints }, i) => {
    const entries = touchpoints.map(({ id, at, sequence, flags }): Entry => ({ form: Form.touchpoint, id, version: 1, at: at * HOUR, sequence, kind: 1, channel: 2, unit: 3 + i, staff: 0, customer, flags, stage: 4, source: 0, recorded: NaN, score: NO_SCORE, observer: 0, ref: NO_ID, cause: NO_ID, from: hex(++position), to: '' })); // prettier-ignore
    entries.sort((a, b) => a.at - b.at || a.sequence - b.sequence || (a.id < b.id ? -1 : 1));
    const head = { journey: 100 + i, type, customer, root: customer, status: Status.open, segment: 5, region: 6, tier: 0 }; // prettier-ignore
    return new JourneyFacts(head, [new EntryColumns(encodeEntries(entries))]);
  });
});

/** The same by plain rows: all contacts in the order of their matter, each with its neighbours. */
function plainly(journeys: readonly JourneyFacts[], from: number, to: number, instant: number) {
  const rows = journeys.flatMap((facts) => contactRows(facts, dayOf));
  const sorted = [...rows].sort(byMatter);
  const flags = new Map(sorted.map((contact, i) => [contact, judged(contact, sorted[i - 1], sorted[i + 1])]));
  return rows
    .filter(({ at }) => at >= from && at < to)
    .map((row) => {
      const contact = { ...row, flags: flags.get(row)! };
      const i = sorted.indexOf(row);
      const beside = sorted[isRepeat(contact) ? i - 1 : i + 1];
      const ids = beside && isNear(beside, contact) ? [row.id, beside.id] : [row.id];
      const added: { dims: readonly number[]; measures: readonly number[] }[] = [];
      contactContribution(contact, (dims, measures) => added.push({ dims, measures }));
      return { journey: row.journey, at: row.at, ...added[0], undecided: isUndecided(contact, instant), ids };
    });
}

describe('contacts of a scan', () => {
  const bounds = fc
    .tuple(fc.integer({ min: -10, max: 900 }), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 0, max: 1_500 }))
    .map(([from, length, now]) => ({ from: from * HOUR, to: (from + length) * HOUR, instant: now * HOUR }));

  it('add what they add by plain rows, with the same events, also where only a window of them is kept', () =>
    fc.assert(
      fc.property(world, bounds, fc.boolean(), (journeys, { from, to, instant }, everything) => {
        const ids = new Map<string, string>();
        const beside = everything ? Infinity : REPEAT_WINDOW_MS;
        const contacts = new ScannedContacts(from - beside, to + beside, true);
        for (const facts of journeys) {
          for (let place = 0; place < facts.count; place++) ids.set(facts.entry(place).from, facts.id(place));
          contacts.add(facts, dayOf);
        }
        const found: unknown[] = [];
        contacts.visit({ from, to, instant }, ({ journey, at, dims, measures, undecided, evidence }) => {
          const events = evidence('contact').map((position) => ids.get(position));
          found.push({ journey, at, dims: [...dims], measures: [...measures], undecided, ids: events });
        });
        expect(found).toEqual(plainly(journeys, from, to, instant));
      }),
      { numRuns: 500 },
    ));

  it('add the same page by page, where the others only stand beside those of the page', () =>
    fc.assert(
      fc.property(world, bounds, fc.integer({ min: 1, max: 4 }), (journeys, { from, to, instant }, size) => {
        const contacts = new ScannedContacts(from - REPEAT_WINDOW_MS, to + REPEAT_WINDOW_MS, true);
        const ids = new Map<string, string>();
        for (const facts of journeys) {
          for (let place = 0; place < facts.count; place++) ids.set(facts.entry(place).from, facts.id(place));
        }
        const found: unknown[] = [];
        for (let at = 0; at < journeys.length; at += size) {
          for (const facts of journeys.slice(at, at + size)) contacts.add(facts, dayOf);
          const first = contacts.size;
          for (const facts of [...journeys.slice(at + size), ...journeys.slice(0, at)]) contacts.add(facts, dayOf);
          const goesOn = contacts.visit({ from, to, instant, first }, (c) => {
            const events = c.evidence('contact').map((position) => ids.get(position));
            const { journey, at: ms, dims, measures, undecided } = c;
            found.push({ journey, at: ms, dims: [...dims], measures: [...measures], undecided, ids: events });
          });
          expect(goesOn).toBe(true);
          contacts.clear();
        }
        expect(found).toEqual(plainly(journeys, from, to, instant));
      }),
      { numRuns: 200 },
    ));

  it('ends when it is told to, and has room for as many as come', () => {
    const entry: Entry = { form: Form.touchpoint, id: NO_ID, version: 1, at: 0, sequence: 0, kind: 1, channel: 2, unit: 3, staff: 0, customer: 1, flags: Flag.contact, stage: 4, source: 0, recorded: NaN, score: NO_SCORE, observer: 0, ref: NO_ID, cause: NO_ID, from: hex(1), to: '' }; // prettier-ignore
    const contacts = new ScannedContacts(-Infinity, Infinity, false);
    for (let i = 0; i < 3_000; i++) {
      const head = { journey: i, type: 7, customer: 1 + i, root: 1 + i, status: Status.open, segment: 0, region: 0, tier: 0 }; // prettier-ignore
      contacts.add(new JourneyFacts(head, [new EntryColumns(encodeEntries([{ ...entry, at: i }]))]), dayOf);
    }
    const seen: number[] = [];
    const goesOn = contacts.visit({ from: 0, to: Infinity, instant: 0 }, ({ journey, at }) => {
      expect(at).toBe(journey);
      seen.push(journey);
      return seen.length < 2_500;
    });
    expect(goesOn).toBe(false);
    expect(seen).toEqual(Array.from({ length: 2_500 }, (_, i) => i));
  });
});
