import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import type { ReadQuery } from '@touchstone/readmodel/query';
import { fewer, recorded, type InlineReads } from '@touchstone/readmodel/testing';
import { uuid } from '../house.spec-kit.js';
import { EntryColumns } from '../journey-blob.js';
import type { MetricFigureRef } from '../figure-token.js';
import { journeysWithin } from './held-journeys.js';
import { metricOccurrencesQuery, type MetricOccurrenceRow } from './metric-occurrences.queries.js';
import { metricReads, START, world } from './metric.spec-kit.js';
import { pagedFacts, type Stretch } from './paged-facts.js';

const HOUR = 3_600_000;
const iso = (hour: number) => new Date(START + hour * HOUR).toISOString();
const now = iso(10_000);

const journeysIn: ReadQuery<Stretch & { paged: boolean }, number[]> = {
  name: 'journeysIn',
  group: 'journeys',
  run: async (read, { paged, ...stretch }) => {
    const { fromMs, toMs, after } = stretch;
    const found: number[] = [];
    const whole = () => journeysWithin(read, fromMs, toMs, { profiles: false, roots: false });
    for await (const page of paged ? pagedFacts(read, stretch) : whole()) {
      for (const { head } of page) if (head.journey > after) found.push(head.journey);
    }
    return found;
  },
};

/** One journey an hour, each of the same few customers again and again, with a moment at every tenth. */
function longLog(journeys: number): RecordedEvent[] {
  let events: RecordedEvent[] = [];
  for (let n = 0; n < journeys; n++) {
    const stream = `journey-${uuid(10_000 + n)}`;
    const touchpointId = uuid(100_000 + n);
    const data = { kind: 'step', kindVersion: 1, traits: { closes: false, contact: true, customerVisible: true } };
    const moment = { touchpointId, code: 'NEG-01', polarity: 'negative', intensity: 1, observer: 'qa' };
    const opened = { type: 'JourneyOpened', data: { journeyType: 'x', customerId: uuid(1 + (n % 40)) }, occurredAt: iso(n) }; // prettier-ignore
    const touchpoint = { type: 'TouchpointRecorded', id: touchpointId, data, occurredAt: iso(n) };
    const observed = n % 10 === 0 ? [{ type: 'MomentObserved', data: moment, occurredAt: iso(n) }] : [];
    events = recorded(stream, [opened, touchpoint, ...observed], events);
  }
  return events;
}

/** Blobs that are decoded while something is read. */
async function decoded(work: () => Promise<unknown>): Promise<number> {
  const seen = new Set<EntryColumns>();
  const { holds } = EntryColumns.prototype;
  EntryColumns.prototype.holds = function (this: EntryColumns, ...args) {
    seen.add(this);
    return holds.apply(this, args);
  };
  try {
    await work();
  } finally {
    EntryColumns.prototype.holds = holds;
  }
  return seen.size;
}

describe('journeys, a few at a time', () => {
  it('are all that the window touches, from any of them on, in order', () =>
    fc.assert(
      fc.asyncProperty(
        world,
        fc.integer({ min: -5, max: 280 }),
        fc.integer({ min: 1, max: 280 }),
        fc.constantFrom('both', 'from', 'to', 'none'),
        fc.nat(40),
        async (events, from, length, ends, after) => {
          const reads = metricReads(events, 'UTC', now);
          const fromMs = ends === 'to' || ends === 'none' ? -Infinity : START + from * HOUR;
          const toMs = ends === 'from' || ends === 'none' ? Infinity : START + (from + length) * HOUR;
          const stretch = { fromMs, toMs, after };
          const whole = (await reads.run(journeysIn, { ...stretch, paged: false })).result;
          const paged = (await reads.run(journeysIn, { ...stretch, paged: true })).result;
          const inWhole = paged.filter((journey) => whole.includes(journey));
          expect(inWhole).toEqual(whole);
          expect(paged).toEqual([...new Set(paged)].sort((a, b) => a - b));
        },
      ),
      { numRuns: fewer(40) },
    ));
});

it('are those of a window too of which only a later part lies in it, wherever a look ends', async () => {
  const data = { kind: 'step', kindVersion: 1, traits: { closes: false, contact: true, customerVisible: true } };
  const at = (hour: number, id: number) => ({ type: 'TouchpointRecorded', id: uuid(200_000 + id), data, occurredAt: iso(hour) }); // prettier-ignore
  // The sixteenth journey, so the last that is looked at first: more than a blob of it lies long before.
  const early = Array.from({ length: 300 }, (_, i) => at(i - 1_000, i));
  const events = recorded(`journey-${uuid(10_015)}`, [...early, at(7, 300)], longLog(40));
  const reads = metricReads(events, 'UTC', now);
  const stretch = { fromMs: START + 3 * HOUR, toMs: START + 12 * HOUR, after: 0 };
  const { result } = await reads.run(journeysIn, { ...stretch, paged: true });
  expect(result).toHaveLength(10);
  expect(result).toEqual((await reads.run(journeysIn, { ...stretch, paged: false })).result);
});

describe('a page of what is behind a figure', () => {
  const JOURNEYS = 800;
  let reads: InlineReads;
  let asOf: { position: string; instant: string };
  beforeAll(() => {
    const events = longLog(JOURNEYS);
    reads = metricReads(events, 'UTC', now);
    asOf = { position: events.at(-4)!.position, instant: now };
  });

  const page = async (metric: 'M-RPT' | 'M-MOTN' | 'M-HND', more: object, window: object = {}) => {
    const figure = { of: 'metric', metric, part: 'all', filter: {}, ...window, ...asOf, generation: 'g' } as MetricFigureRef; // prettier-ignore
    return (await reads.run(metricOccurrencesQuery, { figure, first: 10, ...more }, { asOf })).result;
  };

  it.each(['M-RPT', 'M-MOTN', 'M-HND'] as const)('costs what it shows, be it early or late: %s', async (metric) => {
    let found: MetricOccurrenceRow[] = [];
    expect(await decoded(async () => (found = await page(metric, {})))).toBeLessThan(200);
    expect(found).toHaveLength(10);
    const late: [string, number] = [uuid(10_000 + JOURNEYS - 100), 0];
    expect(await decoded(async () => (found = await page(metric, { after: late })))).toBeLessThan(200);
    expect(found[0]!.journeyId).toBe(uuid(10_000 + JOURNEYS - 99));
  });

  it('costs no more in a short window at the end of a long log', async () => {
    const window = { from: iso(JOURNEYS - 50), to: iso(JOURNEYS - 20) };
    let found: MetricOccurrenceRow[] = [];
    expect(await decoded(async () => (found = await page('M-RPT', {}, window)))).toBeLessThan(300);
    expect(found[0]!.journeyId).toBe(uuid(10_000 + JOURNEYS - 50));
    expect(found).toHaveLength(10);
  });

  it('has the neighbour that makes a contact a repeat, wherever its journey stands', async () => {
    const [first] = await page('M-RPT', { after: [uuid(10_000 + 499), 0] });
    // The same customer forty hours before.
    expect(first!.events.map(({ stream }) => stream)).toEqual([`journey-${uuid(10_500)}`, `journey-${uuid(10_460)}`]);
    expect(first!.value).toBe(1);
  });

  it('refuses a place that the read model does not know', async () => {
    await expect(page('M-RPT', { after: [uuid(5), 0] })).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
  });
});
