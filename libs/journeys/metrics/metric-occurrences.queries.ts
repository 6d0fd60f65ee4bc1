/** What is behind a figure of a metric: its contributions, made anew as of when it was counted. */
import type { Read, ReadQuery } from '@touchstone/readmodel/query';
import { Form, type FormCode } from '../journey-blob.js';
import { placeOf } from '../cursor-place.js';
import { journeyStream } from '../journey.events.js';
import type { MetricFigureRef } from '../figure-token.js';
import { resolve, observerOf, type MetricAsk } from './metric-ask.js';
import { baseMeasures, needsContacts, observedMeasures, Places } from './metric-cells.js';
import type { MetricId } from './metric-definitions.js';
import type { JourneyFacts } from './facts.js';
import { countsOf, type Measures } from './metric-figure.js';
import { besideOf, pagedFacts } from './paged-facts.js';
import { scan, type Contribution, type Evidence } from './scan.js';

/** The journey's id, and the number of the occurrence in it. */
export type MetricOccurrenceCursor = readonly [journeyId: string, ordinal: number];

export interface MetricEvent {
  readonly eventId: string;
  readonly touchpointId: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly occurredAt: string;
  /** Kind of a touchpoint, code of a moment; what else an entry is. */
  readonly kind: string;
}

export interface MetricOccurrenceRow {
  readonly journeyId: string;
  /** What it adds to the numerator. */
  readonly value: number;
  /** Whether it adds anything. */
  readonly counts: boolean;
  readonly events: readonly MetricEvent[];
  readonly cursor: MetricOccurrenceCursor;
}

export interface MetricFigureParams {
  readonly figure: MetricFigureRef;
}

/** The occurrences behind a figure, in pages, journey by journey. Run it with the figure's own `asOf`. */
export const metricOccurrencesQuery: ReadQuery<
  MetricFigureParams & { after?: MetricOccurrenceCursor; first: number },
  MetricOccurrenceRow[]
> = {
  name: 'metricOccurrences',
  group: 'journeys',
  run: async (read, { figure, after, first }) => {
    const found: Occurrence[] = [];
    const last = await placeOf(read, 'journey', after?.[0]);
    // The journey that the last page ended in may have more.
    await occurrences(
      read,
      figure,
      (occurrence) => {
        if (after && occurrence.journey === last && occurrence.ordinal <= after[1]) return;
        found.push({ ...occurrence, positions: occurrence.evidence() });
        return found.length < first;
      },
      { after: last - 1 },
    );
    return rowsOf(read, found);
  },
};

/** How many occurrences a figure has: what it said when it was counted. */
export const metricCountQuery: ReadQuery<MetricFigureParams, number> = {
  name: 'metricCount',
  group: 'journeys',
  run: async (read, { figure }) => {
    let count = 0;
    await occurrences(read, figure, () => {
      count++;
    });
    return count;
  },
};

/** The journeys behind a figure, in the order of their surrogates. */
export const metricJourneysQuery: ReadQuery<MetricFigureParams & { after?: string; first: number }, { id: string }[]> =
  {
    name: 'metricJourneys',
    group: 'journeys',
    run: async (read, { figure, after, first }) => {
      const found: number[] = [];
      await occurrences(
        read,
        figure,
        ({ journey }) => {
          if (found.at(-1) !== journey) found.push(journey);
          return found.length < first;
        },
        { after: await placeOf(read, 'journey', after) },
      );
      const names = await read.namesOf(found);
      return found.map((journey) => ({ id: names.get(journey)! }));
    },
  };

interface Found {
  readonly journey: number;
  readonly ordinal: number;
  readonly value: number;
  /** Positions of the events; only during the visit. */
  evidence(): string[];
}
type Occurrence = Found & { readonly positions: readonly string[] };

/** Which events stand behind a contribution to a metric. */
const EVIDENCE: Readonly<Record<MetricId, Evidence>> = {
  'M-JLT': 'span',
  'M-TCH': 'visible',
  'M-HND': 'owners',
  'M-RPT': 'contact',
  'M-FCR': 'contact',
  'M-XCH': 'channels',
  'M-SI': 'owners',
  'M-FCO': 'owners',
  'M-MOTP': 'anchor',
  'M-MOTN': 'anchor',
  'M-MOTB': 'moment',
  'M-NPM': 'turn',
  'M-EEG': 'moment',
  'M-LAG': 'anchor',
};

/**
 * Visits what n, or the numerator alone, is made of. Answer `false` to end early.
 * @param paged from the journey after this one (its surrogate) on, a few at a time; absent: all at once
 */
async function occurrences(
  read: Read,
  figure: MetricFigureRef,
  visit: (found: Found) => boolean | void,
  paged?: { readonly after: number },
): Promise<void> {
  const ask = await resolve(read, { ...figure, window: { from: figure.from, to: figure.to } });
  const { metric } = ask;
  // Of touchpoints, those that were observed say how often only once all that was observed at them is known.
  const reader =
    metric.kind === 'perThousand' && figure.part === 'all'
      ? new TouchpointReader(await counterOf(read, ask), visit)
      : new PlainReader(await counterOf(read, ask), figure.part === 'numerator', visit);
  const contacts = needsContacts(metric);
  const cubes = contacts ? [] : reader.cubes(metric.observes !== undefined ? 'moment' : metric.cube);
  const bounds = {
    ...(ask.fromMs !== -Infinity && { fromMs: ask.fromMs }),
    ...(ask.toMs !== Infinity && { toMs: ask.toMs }),
  };
  const pages = paged && {
    facts: pagedFacts(read, { fromMs: ask.fromMs, toMs: ask.toMs, ...paged }),
    beside: (own: readonly JourneyFacts[]) => besideOf(read, own),
  };
  const options = { ...bounds, calendar: ask.calendar, cubes, contacts, evidence: true, paged: pages };
  await scan(read, options, (c) => reader.take(c));
  reader.finish();
}

/** What one contribution adds to n and to the numerator; null: the filter leaves it out. */
type Counter = (contribution: Contribution) => { n: number; numerator: number } | null;

async function counterOf(read: Read, ask: MetricAsk): Promise<Counter & { evidence: Evidence }> {
  const { metric, filter, observed } = ask;
  const [baseNames, observedNames] = [baseMeasures(metric), observedMeasures(metric)];
  const base = new Places(metric.cube, [], filter, baseNames);
  const moment = new Places('moment', [], filter, observedNames);
  const codes = await momentCodes(read);
  const named = (places: Places, measures: readonly number[], names: readonly string[]): Measures => {
    const values = places.measures(measures);
    return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
  };
  const none = { base: {}, buckets: [], observed: [], provisional: 0 };
  const counter: Counter = ({ cube, dims, measures }) => {
    if (cube !== 'moment') {
      if (!base.passes(dims)) return null;
      return countsOf(metric.id, { ...none, base: named(base, measures, baseNames) });
    }
    if (!moment.passes(dims)) return null;
    const observer = observerOf(dims[moment.observer]!);
    const code = codes.get(dims[moment.code]!) ?? '';
    if (observed.observer?.has(observer) === false || observed.code?.has(code) === false) return null;
    const sums = { observer, code, measures: named(moment, measures, observedNames) };
    return countsOf(metric.id, { ...none, observed: [sums] });
  };
  return Object.assign(counter, { evidence: EVIDENCE[metric.id] });
}

async function momentCodes(read: Read): Promise<ReadonlyMap<number, string>> {
  const rows = await read.db.selectFrom('name').select(['id', 'value']).where('dictionary', '=', 'moment').execute();
  return new Map(rows.map((row) => [row.id as number, row.value as string]));
}

/** Numbers the occurrences of each journey. */
class Numbering {
  private journey = -1;
  private ordinal = -1;

  next(journey: number): number {
    this.ordinal = journey === this.journey ? this.ordinal + 1 : 0;
    this.journey = journey;
    return this.ordinal;
  }
}

/** One occurrence per contribution that is one of n. */
class PlainReader {
  private readonly numbering = new Numbering();

  constructor(
    private readonly counter: Counter & { evidence: Evidence },
    private readonly numeratorOnly: boolean,
    private readonly visit: (found: Found) => boolean | void,
  ) {}

  cubes = (cube: Contribution['cube']): Contribution['cube'][] => [cube];

  take(contribution: Contribution): boolean | void {
    const counts = this.counter(contribution);
    if (!counts) return;
    const { n, numerator } = counts;
    // Of moments per touchpoint, the touchpoints are n, and a moment counts in the numerator alone.
    if (this.numeratorOnly ? numerator === 0 : n === 0) return;
    const { journey, cube } = contribution;
    const of = cube === 'moment' ? 'moment' : this.counter.evidence;
    return this.visit({
      journey,
      ordinal: this.numbering.next(journey),
      value: numerator,
      evidence: () => withAnchor(contribution, of),
    });
  }

  finish(): void {}
}

/** Of what left no trace of its own, the anchor. */
function withAnchor(contribution: Contribution, of: Evidence): string[] {
  const found = contribution.evidence(of);
  return found.length > 0 ? found : contribution.evidence('anchor');
}

/** One occurrence per touchpoint, with what was observed at it. A journey at a time. */
class TouchpointReader {
  private readonly numbering = new Numbering();
  private journey = -1;
  private touchpoints = new Map<string, { value: number; positions: string[] }>();

  constructor(
    private readonly counter: Counter,
    private readonly visit: (found: Found) => boolean | void,
  ) {}

  cubes = (moment: Contribution['cube']): Contribution['cube'][] => ['touchpoint', moment];

  take(contribution: Contribution): boolean | void {
    if (contribution.journey !== this.journey) {
      if (this.finish() === false) return false;
      this.journey = contribution.journey;
    }
    const counts = this.counter(contribution);
    if (!counts) return;
    if (contribution.cube !== 'moment') {
      const positions = contribution.evidence('anchor');
      this.touchpoints.set(positions[0]!, { value: 0, positions });
      return;
    }
    if (counts.numerator === 0) return;
    const [touchpoint, ...moments] = contribution.evidence('moment');
    const own = this.touchpoints.get(touchpoint!)!;
    own.value += counts.numerator;
    own.positions.push(...moments);
  }

  finish(): boolean | void {
    const { journey, touchpoints } = this;
    this.touchpoints = new Map();
    for (const { value, positions } of touchpoints.values()) {
      const found = { journey, ordinal: this.numbering.next(journey), value, evidence: () => positions };
      if (this.visit(found) === false) return false;
    }
  }
}

/** Positions per statement. */
const PAGE = 500;

interface EventRow {
  readonly from_pos: string;
  readonly event_id: string;
  readonly revision: number;
  readonly occurred_at: string;
  readonly journey: number;
  readonly touchpoint: string;
  readonly form: FormCode;
  /** Surrogate of a kind or a code; 0: none. */
  readonly kind: number;
}

const FORM_NAMES = new Map<number, string>(Object.entries(Form).map(([name, form]) => [form, name]));

async function rowsOf(read: Read, found: readonly Occurrence[]): Promise<MetricOccurrenceRow[]> {
  const events = await eventsAt(read, [...new Set(found.flatMap(({ positions }) => positions))]);
  const rows = [...events.values()];
  const names = await read.namesOf([
    ...found.map(({ journey }) => journey),
    ...rows.flatMap(({ journey, kind }) => [journey, kind]),
  ]);
  return found.map(({ journey, ordinal, value, positions }) => ({
    journeyId: names.get(journey)!,
    value,
    counts: value !== 0,
    cursor: [names.get(journey)!, ordinal],
    events: positions.map((position) => {
      const row = events.get(position)!;
      return {
        eventId: row.event_id,
        touchpointId: row.touchpoint,
        stream: journeyStream(names.get(row.journey)!),
        revision: row.revision,
        position,
        occurredAt: row.occurred_at,
        kind: names.get(row.kind) ?? FORM_NAMES.get(row.form)!,
      };
    }),
  }));
}

async function eventsAt(read: Read, positions: readonly string[]): Promise<ReadonlyMap<string, EventRow>> {
  const events = new Map<string, EventRow>();
  for (let i = 0; i < positions.length; i += PAGE) {
    const some = positions.slice(i, i + PAGE);
    const entries = await read.db
      .selectFrom('timeline_entry')
      .select(['from_pos', 'event_id', 'revision', 'occurred_at', 'journey', 'form', 'entry_id as touchpoint', 'kind'])
      .where('from_pos', 'in', some)
      .execute();
    const observed = await read.db
      .selectFrom('observation')
      .select(['from_pos', 'event_id', 'revision', 'occurred_at', 'journey', 'form', 'touchpoint', 'code as kind'])
      .where('from_pos', 'in', some)
      .execute();
    for (const row of [...entries, ...observed] as EventRow[]) events.set(row.from_pos, row);
  }
  return events;
}
