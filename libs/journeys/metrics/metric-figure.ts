/** From sums to a figure: value, interval, coverage and what else a metric says. */
import { valueOf } from '@touchstone/readmodel/cube';
import type { Observer } from '../journey.events.js';
import { scaleOf, type MetricDefinition, type MetricId, type MetricUnit } from './metric-definitions.js';
import { balanceInterval, meanInterval, meanIntervalOf, poissonScore, wilson, type Interval } from './statistics.js';

/** Measures by name; one that is missing is 0. */
export type Measures = Readonly<Record<string, number>>;

/** What somebody observed, summed. */
export interface ObservedSums {
  /** Null: of everybody together, of all codes, where nobody asked who observed what. */
  readonly observer: Observer | null;
  /** Of a moment; '' of coverage and ratings. */
  readonly code: string;
  readonly measures: Measures;
}

/** All that a figure is made of. */
export interface Sums {
  readonly base: Measures;
  /** Of durations: how many in each logarithmic bucket. */
  readonly buckets: readonly (readonly [bucket: number, n: number])[];
  readonly observed: readonly ObservedSums[];
  /** What may still change only because time passes. */
  readonly provisional: number;
}

/** Which of what was observed is counted; absent: all. It never changes what there was to be observed. */
export interface ObservedFilter {
  readonly observer?: ReadonlySet<string>;
  readonly code?: ReadonlySet<string>;
}

/** Numerator and denominator are whole numbers; the value is scale · numerator ÷ denominator. */
export interface Counts {
  /** Observations behind the figure. */
  readonly n: number;
  readonly numerator: number;
  readonly denominator: number;
}

/**
 * How much of what there was could be judged: by an observer, by a rule (which needs certain fields), or at all (both
 * null: a known customer, an owner). What nobody could judge is not neutral.
 */
export interface Coverage {
  readonly observer: Observer | null;
  readonly rule: string | null;
  readonly covered: number;
  readonly of: number;
  /** covered ÷ of; null of nothing. */
  readonly share: number | null;
  /** What of the figure's numerator (of the mean of ratings: of its n) comes from there. */
  readonly numerator: number;
}

export interface Extra {
  readonly id: string;
  readonly nameEn: string;
  readonly nameZh: string;
  readonly value: number | null;
  readonly unit: MetricUnit;
}

export interface Percentile {
  readonly percent: number;
  readonly value: number | null;
}

/** What a figure says beside its value, and what costs something to say. What nobody wants is left empty. */
export const FIGURE_PARTS = ['interval', 'percentiles', 'coverage', 'extras'] as const;
export type FigurePart = (typeof FIGURE_PARTS)[number];

export interface MetricFigure extends Counts {
  readonly value: number | null;
  readonly interval: Interval | null;
  /** Of durations; else empty. */
  readonly percentiles: readonly Percentile[];
  /** Null where nothing of the metric waits for a window to pass. */
  readonly provisional: number | null;
  readonly coverage: readonly Coverage[];
  readonly extras: readonly Extra[];
}

/** A figure from its sums. */
export function figureOf(
  metric: MetricDefinition,
  sums: Sums,
  filter: ObservedFilter = {},
  parts: ReadonlySet<FigurePart> = EVERYTHING,
): MetricFigure {
  const isOpen = filter.observer === undefined && filter.code === undefined;
  const counted = isOpen ? sums : { ...sums, observed: sums.observed.filter((o) => isWanted(o, filter)) };
  const counts = countsOf(metric.id, counted);
  const { n, numerator, denominator } = counts;
  // Named one by one: a page has a thousand, and to spread them took longer than everything else here.
  return {
    n,
    numerator,
    denominator,
    value: ratio(scaleOf(metric) * numerator, denominator),
    interval: parts.has('interval') ? intervalOf(metric, counted, counts) : null,
    percentiles:
      metric.kind === 'duration' && parts.has('percentiles')
        ? percentilesOf(sums.buckets).map((value, i) => ({ percent: PERCENTS[i]!, value: inUnit(metric, value) }))
        : [],
    provisional: metric.awaits ? sums.provisional : null,
    coverage: parts.has('coverage') ? coverageOf(metric, sums, filter, counts) : [],
    extras: parts.has('extras') ? extrasOf(metric.id, counted, counts) : [],
  };
}

const EVERYTHING: ReadonlySet<FigurePart> = new Set(FIGURE_PARTS);

const PERCENTS = [50, 90, 95, 99];

/** Percentiles in ms by nearest rank, in one pass; buckets are distinct. */
function percentilesOf(buckets: Sums['buckets']): (number | null)[] {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, n]) => sum + n, 0);
  let [at, seen] = [0, sorted[0]?.[1] ?? 0];
  return PERCENTS.map((percent) => {
    if (total <= 0) return null;
    while (seen < Math.ceil((percent * total) / 100)) seen += sorted[++at]![1];
    return valueOf(sorted[at]![0]);
  });
}

/** Buckets are of milliseconds. */
const inUnit = <V extends number | null>({ unit }: MetricDefinition, ms: V): V =>
  (unit === 's' && ms !== null ? ms / 1000 : ms) as V;

const ratio = (numerator: number, denominator: number): number | null =>
  denominator > 0 ? numerator / denominator : null;

const isWanted = ({ observer, code }: ObservedSums, filter: ObservedFilter): boolean =>
  (!filter.observer || (observer !== null && filter.observer.has(observer))) && (!filter.code || filter.code.has(code));

const base = ({ base: measures }: Pick<Sums, 'base'>, measure: string): number => measures[measure] ?? 0;
const observed = (sums: Pick<Sums, 'observed'>, measure: string): number =>
  sums.observed.reduce((sum, { measures }) => sum + (measures[measure] ?? 0), 0);

const RATINGS = [
  ['rated_m2', -2],
  ['rated_m1', -1],
  ['rated_0', 0],
  ['rated_p1', 1],
  ['rated_p2', 2],
] as const;

const ratingsOf = (sums: Pick<Sums, 'observed'>): (readonly [value: number, n: number])[] =>
  RATINGS.map(([measure, value]) => [value, observed(sums, measure)]);

/** n, numerator and denominator; what a filter leaves out of `observed` is not there any more. */
export function countsOf(id: MetricId, sums: Sums): Counts {
  const quotient = (numerator: number, denominator: number): Counts => ({ n: denominator, numerator, denominator });
  const of = (measure: string) => base(sums, measure);
  switch (id) {
    case 'M-JLT':
      return quotient(of('gross_ms'), of('closed'));
    case 'M-TCH':
      return quotient(of('touchpoints'), of('closed'));
    case 'M-HND':
      return quotient(of('owner_changes'), of('journeys'));
    case 'M-RPT':
      return quotient(of('repeats'), of('contacts'));
    case 'M-FCR':
      return quotient(of('resolved'), of('firsts'));
    case 'M-XCH':
      return quotient(of('in_context'), of('changes'));
    case 'M-SI':
      return quotient(of('journeys') - of('untold'), of('journeys'));
    case 'M-FCO':
      return quotient(of('owner_kept'), of('owned'));
    case 'M-MOTP':
      return quotient(observed(sums, 'pos'), of('touchpoints'));
    case 'M-MOTN':
      return quotient(observed(sums, 'neg'), of('touchpoints'));
    case 'M-MOTB': {
      const [positive, negative] = [observed(sums, 'pos_weight'), observed(sums, 'neg_weight')];
      const n = observed(sums, 'pos') + observed(sums, 'neg');
      return { n, numerator: positive - negative, denominator: positive + negative };
    }
    case 'M-NPM':
      return quotient(of('turned'), of('with_negative'));
    case 'M-EEG': {
      const ratings = ratingsOf(sums);
      return quotient(
        ratings.reduce((sum, [value, n]) => sum + value * n, 0),
        ratings.reduce((sum, [, n]) => sum + n, 0),
      );
    }
    case 'M-LAG':
      return quotient(of('seconds'), of('n'));
  }
}

/** Where values of means can be. */
const BOUNDS: Partial<Record<MetricId, { least?: number; most?: number }>> = {
  'M-JLT': { least: 0 },
  'M-TCH': { least: 0 },
  'M-HND': { least: 0 },
  'M-EEG': { least: -2, most: 2 },
};

const SQUARES: Partial<Record<MetricId, string>> = { 'M-TCH': 'touchpoint_squares', 'M-HND': 'owner_change_squares' };

function intervalOf(metric: MetricDefinition, sums: Sums, { n, numerator, denominator }: Counts): Interval | null {
  const bounds = BOUNDS[metric.id] ?? {};
  switch (metric.kind) {
    case 'rate':
      return wilson(numerator, denominator);
    case 'perThousand': {
      const rate = poissonScore(numerator, denominator);
      return rate && { ...rate, low: 1000 * rate.low, high: 1000 * rate.high };
    }
    case 'mean': {
      const squares = SQUARES[metric.id];
      if (squares !== undefined) return meanInterval(n, numerator, base(sums, squares), bounds);
      return meanIntervalOf(numerator / denominator, ratingsOf(sums), bounds);
    }
    case 'duration': {
      const values = sums.buckets.map(([bucket, times]) => [inUnit(metric, valueOf(bucket)), times] as const);
      return meanIntervalOf(numerator / denominator, values, bounds);
    }
    case 'balance':
      return balanceInterval(
        observed(sums, 'pos_weight'),
        observed(sums, 'neg_weight'),
        observed(sums, 'weight_squares'),
      );
  }
}

const PEOPLE = ['customer', 'qa', 'auditor', 'staff'] as const satisfies readonly Observer[];

/** The rules that observe moments, and the touchpoints that have what each of them reads. */
const RULES = [
  { code: 'NEG-S2', reads: 'owned' },
  { code: 'NEG-S3', reads: 'known' },
  { code: 'NEG-S5', reads: 'touchpoints' },
  { code: 'POS-S2', reads: 'known' },
] as const;

function coverageOf(metric: MetricDefinition, sums: Sums, filter: ObservedFilter, counts: Counts): Coverage[] {
  const judged = (covered: number, of: number): Coverage[] => [
    { observer: null, rule: null, covered, of, share: ratio(covered, of), numerator: counts.numerator },
  ];
  switch (metric.id) {
    case 'M-RPT':
    case 'M-FCR':
      return judged(base(sums, 'contacts'), base(sums, 'contacts_all'));
    case 'M-FCO':
      return judged(base(sums, 'owned'), base(sums, 'closed'));
    default:
      return metric.observes === undefined ? [] : observerCoverage(metric, sums, filter);
  }
}

function observerCoverage(metric: MetricDefinition, sums: Sums, filter: ObservedFilter): Coverage[] {
  const touchpoints = base(sums, 'touchpoints');
  // By observer; of rules by their code.
  const covered = new Map<string, number>();
  const numerators = new Map<string, number>();
  for (const each of sums.observed) {
    const key = each.observer === 'rule' ? each.code : (each.observer ?? '');
    covered.set(key, (covered.get(key) ?? 0) + (each.measures['covered'] ?? 0));
    if (isWanted(each, filter)) numerators.set(key, (numerators.get(key) ?? 0) + shareOf(metric.id, each.measures));
  }
  const row = (observer: Observer, rule: string | null, what: number): Coverage => ({
    observer,
    rule,
    covered: what,
    of: touchpoints,
    share: ratio(what, touchpoints),
    numerator: numerators.get(rule ?? observer) ?? 0,
  });
  const people = PEOPLE.filter((observer) => filter.observer?.has(observer) ?? true);
  return [
    ...people.map((observer) => row(observer, null, covered.get(observer) ?? 0)),
    ...rulesOf(metric, filter).map(({ code, reads }) => row('rule', code, base(sums, reads))),
  ];
}

/** What an observer's sums have of the numerator; of ratings, of n. */
function shareOf(id: MetricId, measures: Measures): number {
  const of = (measure: string) => measures[measure] ?? 0;
  switch (id) {
    case 'M-MOTP':
      return of('pos');
    case 'M-MOTN':
      return of('neg');
    case 'M-MOTB':
      return of('pos_weight') - of('neg_weight');
    case 'M-EEG':
      return RATINGS.reduce((n, [measure]) => n + of(measure), 0);
    default:
      return 0;
  }
}

/** Rules whose moments the metric counts. */
function rulesOf({ id, observes }: MetricDefinition, filter: ObservedFilter) {
  if (observes !== 'moments' || !(filter.observer?.has('rule') ?? true)) return [];
  const polarity = id === 'M-MOTP' ? 'POS' : id === 'M-MOTN' ? 'NEG' : '';
  return RULES.filter(({ code }) => code.startsWith(polarity) && (filter.code?.has(code) ?? true));
}

function extrasOf(id: MetricId, sums: Sums, counts: Counts): Extra[] {
  const of = (measure: string) => base(sums, measure);
  const extra = (name: string, nameEn: string, nameZh: string, value: number | null, unit: MetricUnit): Extra => ({
    id: name,
    nameEn,
    nameZh,
    value,
    unit,
  });
  const weighted = (measure: string) =>
    extra(
      'weighted',
      'weighted by intensity',
      '按强度加权',
      ratio(1000 * observed(sums, measure), counts.denominator),
      'perThousand',
    );
  switch (id) {
    case 'M-JLT':
      return [
        extra('net', 'mean without pauses', '扣除暂停的平均时长', ratio(of('net_ms'), of('closed')), 'ms'),
        extra('paused', 'share of paused time', '暂停时间占比', ratio(of('gross_ms') - of('net_ms'), of('gross_ms')), 'share'), // prettier-ignore
      ];
    case 'M-TCH':
      return [extra('bySystem', 'sent by systems', '系统发出的触点', ratio(of('by_system'), of('closed')), 'count')];
    case 'M-HND':
      return [
        extra('pingPong', 'returns to a former owner', '返回原责任人', ratio(of('ping_pong'), of('journeys')), 'count'),
      ];
    case 'M-MOTP':
      return [weighted('pos_weight')];
    case 'M-MOTN':
      return [weighted('neg_weight')];
    case 'M-EEG':
      return ratingsOf(sums).map(([value, n]) => {
        const signed = value > 0 ? `+${value}` : String(value);
        return extra(`share${signed}`, `share of ${signed}`, `${signed} 的占比`, ratio(n, counts.n), 'share');
      });
    default:
      return [];
  }
}
