/** A question about a metric, with its names resolved and its window in days. */
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Read } from '@touchstone/readmodel/query';
import { ObserverCode } from '../journey-blob.js';
import { CARE } from './care.tables.js';
import { DayCalendar } from './day-calendar.js';
import {
  METRIC_IDS,
  metricOf,
  OBSERVED_DIMENSIONS,
  type MetricDefinition,
  type MetricDimension,
} from './metric-definitions.js';
import { FIGURE_PARTS, type FigurePart, type ObservedFilter } from './metric-figure.js';

export type TimeDimension = 'day' | 'week' | 'month';
export type FilterDimension = Exclude<MetricDimension, TimeDimension>;

/** Names that are wanted, by dimension; null among them: those without. */
export type MetricFilter = { readonly [D in FilterDimension]?: readonly (string | null)[] };

/** Instants with a zone, [from, to); either may be absent. */
export interface MetricWindow {
  readonly from?: string;
  readonly to?: string;
}

export interface MetricQuestion {
  readonly metric: string;
  readonly window?: MetricWindow;
  readonly filter?: MetricFilter;
  readonly groupBy?: readonly MetricDimension[];
  /** What of the figures is wanted beside their values; absent: everything. */
  readonly parts?: readonly FigurePart[];
}

/** A question that a read model can answer. */
export interface MetricAsk {
  readonly metric: MetricDefinition;
  /** ms since 1970; infinite where the window is open. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly calendar: DayCalendar;
  readonly groupBy: readonly MetricDimension[];
  /** Surrogates by column of the cubes; 0 is "none". Observer and code are not among them. */
  readonly filter: ReadonlyMap<string, readonly number[]>;
  readonly observed: ObservedFilter;
  readonly parts: ReadonlySet<FigurePart>;
}

const COLUMNS: Readonly<Record<MetricDimension, string>> = {
  day: 'day',
  week: 'day',
  month: 'day',
  unit: 'unit',
  channel: 'channel',
  journeyType: 'journey_type',
  stage: 'stage',
  segment: 'segment',
  region: 'region',
  tier: 'tier',
  source: 'source',
  observer: 'observer',
  code: 'code',
};

/** The column of the cubes that a dimension is read from. */
export const columnOf = (dimension: MetricDimension): string => COLUMNS[dimension];

export const isTime = (dimension: MetricDimension): dimension is TimeDimension => COLUMNS[dimension] === 'day';
export const isObserved = (dimension: MetricDimension): boolean => OBSERVED_DIMENSIONS.includes(dimension);

const calendars = new Map<string, DayCalendar>();

/** IANA name of the zone in which the cells of the answering generation have their days, whatever is configured by now. */
export function zoneIn({ settings }: Pick<Read, 'settings'>): string {
  const zone = settings[CARE];
  if (zone !== undefined) return zone;
  throw new TouchstoneError('TIME_ZONE_UNKNOWN', 'The read model does not say in which zone its days are.', 'internal');
}

/** A calendar knows more with every question. */
export function calendarOf(timeZone: string): DayCalendar {
  let calendar = calendars.get(timeZone);
  if (!calendar) calendars.set(timeZone, (calendar = new DayCalendar(timeZone)));
  return calendar;
}

/** @throws METRIC_UNKNOWN */
export function knownMetric(id: string): MetricDefinition {
  const metric = metricOf(id);
  if (metric) return metric;
  throw new TouchstoneError(
    'METRIC_UNKNOWN',
    `No metric is called "${id}"; there are ${METRIC_IDS.join(', ')}.`,
    'notFound',
  );
}

/** @throws METRIC_UNKNOWN, METRIC_DIMENSION, INVALID_WINDOW */
export async function resolve(read: Read, question: MetricQuestion): Promise<MetricAsk> {
  const { window = {}, filter = {}, groupBy = [] } = question;
  const metric = knownMetric(question.metric);
  assertDimensions(metric, groupBy, filter);
  return {
    metric,
    ...windowOf(window),
    calendar: calendarOf(zoneIn(read)),
    groupBy,
    filter: await surrogates(read, filter),
    observed: observedOf(filter),
    parts: new Set(question.parts ?? FIGURE_PARTS),
  };
}

function assertDimensions(
  { id, dimensions }: MetricDefinition,
  groupBy: readonly MetricDimension[],
  filter: MetricFilter,
) {
  const refuse = (what: string): never => {
    throw new TouchstoneError(
      'METRIC_DIMENSION',
      `${id} cannot be ${what}; it has ${dimensions.join(', ')}.`,
      'invalid',
      { dimensions },
    );
  };
  const odd = groupBy.find((dimension) => !dimensions.includes(dimension));
  if (odd) refuse(`grouped by ${odd}`);
  if (new Set(groupBy).size < groupBy.length) refuse('grouped twice by the same');
  if (groupBy.filter(isTime).length > 1) refuse('grouped by more than one of day, week and month');
  const wrong = Object.keys(filter).find((d) => isTime(d as MetricDimension) || !dimensions.includes(d as never));
  if (wrong) refuse(`filtered by ${wrong}`);
}

/** @throws INVALID_WINDOW */
export function windowOf({ from, to }: MetricWindow): { fromMs: number; toMs: number } {
  const fromMs = from === undefined ? -Infinity : instantOf(from);
  const toMs = to === undefined ? Infinity : instantOf(to);
  if (fromMs < toMs) return { fromMs, toMs };
  throw new TouchstoneError(
    'INVALID_WINDOW',
    'The window ends before it begins; "from" must be before "to".',
    'invalid',
  );
}

function instantOf(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new TouchstoneError(
    'INVALID_WINDOW',
    `"${text}" is no instant; write a date and time with a zone, such as 2024-05-01T08:00:00+08:00.`,
    'invalid',
  );
}

/** A name that no event ever gave has no surrogate, so nothing is wanted in its place. */
async function surrogates(read: Read, filter: MetricFilter): Promise<Map<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>();
  for (const [dimension, names] of Object.entries(filter) as [FilterDimension, readonly (string | null)[]][]) {
    if (names === undefined || isObserved(dimension)) continue;
    const ids: (number | null)[] = [];
    for (const name of names) ids.push(name === null ? 0 : await read.idOf(dimension, name));
    found.set(
      columnOf(dimension),
      ids.filter((id) => id !== null),
    );
  }
  return found;
}

function observedOf({ observer, code }: MetricFilter): ObservedFilter {
  const names = (wanted: readonly (string | null)[]) => new Set(wanted.filter((name) => name !== null));
  return { ...(observer && { observer: names(observer) }), ...(code && { code: names(code) }) };
}

const OBSERVERS = new Map<number, keyof typeof ObserverCode>(
  Object.entries(ObserverCode).map(([name, code]) => [code, name as keyof typeof ObserverCode]),
);

/** Name of a stored observer. */
export const observerOf = (code: number): keyof typeof ObserverCode => OBSERVERS.get(code)!;

/** The first day of the span that a day lies in; weeks begin on Monday. */
export function spanOf(dimension: TimeDimension, day: number): number {
  switch (dimension) {
    case 'day':
      return day;
    case 'week':
      // Day 4, the 5th of January 1970, was a Monday.
      return day - ((((day - 4) % 7) + 7) % 7);
    case 'month':
      return new Date(day * DAY_MS).setUTCDate(1) / DAY_MS;
  }
}

/** The day after the span that begins with a day. */
export function spanEnd(dimension: TimeDimension, day: number): number {
  switch (dimension) {
    case 'day':
      return day + 1;
    case 'week':
      return day + 7;
    case 'month': {
      const date = new Date(day * DAY_MS);
      return date.setUTCMonth(date.getUTCMonth() + 1) / DAY_MS;
    }
  }
}

export const DAY_MS = 86_400_000;
