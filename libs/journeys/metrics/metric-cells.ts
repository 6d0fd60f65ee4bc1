/** Sums of a metric by group, gathered from cubes and from scans alike. */
import { CUBES, type CubeName } from './care.tables.js';
import { columnOf, isObserved, isTime, observerOf, spanOf, type MetricAsk, type TimeDimension } from './metric-ask.js';
import type { MetricDefinition, MetricDimension, MetricId } from './metric-definitions.js';
import type { Measures, ObservedSums, Sums } from './metric-figure.js';

/** What a metric takes of its own cube. */
const BASE: Readonly<Record<MetricId, readonly string[]>> = {
  'M-JLT': ['closed', 'gross_ms', 'net_ms'],
  'M-TCH': ['closed', 'touchpoints', 'touchpoint_squares', 'by_system'],
  'M-HND': ['journeys', 'owner_changes', 'owner_change_squares', 'ping_pong'],
  'M-RPT': ['contacts_all', 'contacts', 'repeats'],
  'M-FCR': ['contacts_all', 'contacts', 'firsts', 'resolved'],
  'M-XCH': ['changes', 'in_context'],
  'M-SI': ['journeys', 'untold'],
  'M-FCO': ['closed', 'owned', 'owner_kept'],
  'M-MOTP': ['touchpoints', 'owned', 'known'],
  'M-MOTN': ['touchpoints', 'owned', 'known'],
  'M-MOTB': ['touchpoints', 'owned', 'known'],
  'M-NPM': ['with_negative', 'turned'],
  'M-EEG': ['touchpoints'],
  'M-LAG': ['n', 'seconds'],
};
const MOMENTS = ['pos', 'neg', 'pos_weight', 'neg_weight', 'weight_squares', 'covered'];
const RATINGS = ['rated_m2', 'rated_m1', 'rated_0', 'rated_p1', 'rated_p2', 'covered'];

export const baseMeasures = ({ id }: MetricDefinition): readonly string[] => BASE[id];
export const observedMeasures = ({ observes }: MetricDefinition): readonly string[] =>
  observes === undefined ? [] : observes === 'moments' ? MOMENTS : RATINGS;

/** Whether a figure needs how its durations spread over buckets. */
export const needsBuckets = ({ metric, parts }: MetricAsk): boolean =>
  metric.kind === 'duration' && (parts.has('interval') || parts.has('percentiles'));

/** Whether it matters who observed what; else their sums do, and are read at a fraction of the cost. */
export const tellsObserversApart = ({ groupBy, observed, parts }: MetricAsk): boolean =>
  parts.has('coverage') || groupBy.some(isObserved) || observed.observer !== undefined || observed.code !== undefined;

/** Whether its contacts are told from repeats by their neighbours, journeys apart. */
export const needsContacts = ({ id }: MetricDefinition): boolean => id === 'M-RPT' || id === 'M-FCR';

/** Keys in their order. */
export function byKey(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** One group's sums while they are gathered. */
export interface Cell {
  readonly key: readonly number[];
  readonly base: number[];
  readonly buckets: Map<number, number>;
  /** By observer, then code. */
  readonly observed: Map<number, Map<number, number[]>>;
  provisional: number;
}

/** A branch of the keys: by the next number of the key either a branch, or at its end the cell. */
type Branch = Map<number, Branch | Cell>;

/** Groups by the dimensions that are not of observation; those tell figures of one group apart later. */
export class Cells {
  private readonly all: Cell[] = [];
  private readonly root: Branch = new Map();
  private only: Cell | null = null;
  /** The dimensions of the key. */
  readonly dimensions: readonly MetricDimension[];
  readonly columns: readonly string[];
  private readonly timePlace: number;
  private readonly firstDays = new Map<number, number>();
  private readonly baseSize: number;
  private readonly observedSize: number;

  /** @param after key of the last group one has: it and what comes before is not gathered */
  constructor(
    metric: MetricDefinition,
    groupBy: readonly MetricDimension[],
    private readonly after?: readonly number[],
  ) {
    this.dimensions = groupBy.filter((dimension) => !isObserved(dimension));
    this.columns = this.dimensions.map(columnOf);
    this.timePlace = this.dimensions.findIndex((dimension) => isTime(dimension) && dimension !== 'day');
    this.baseSize = baseMeasures(metric).length;
    this.observedSize = observedMeasures(metric).length;
  }

  /** In the order of their keys; those that nothing but zeros is left of are none. */
  sorted(): Cell[] {
    return this.all.filter(({ base }) => base.some((n) => n !== 0)).sort((a, b) => byKey(a.key, b.key));
  }

  /** The cell of a key whose day may lie anywhere in its week or month; null: not gathered. The key may be changed. */
  at(key: number[]): Cell | null {
    if (key.length === 0) return (this.only ??= this.made(key));
    if (this.timePlace >= 0) key[this.timePlace] = this.firstDay(key[this.timePlace]!);
    if (this.after && byKey(key, this.after) <= 0) return null;
    // Scans come here for each of millions of contributions: no text is made of a key.
    let branch = this.root;
    const last = key.length - 1;
    for (let i = 0; i < last; i++) {
      let next = branch.get(key[i]!) as Branch | undefined;
      if (!next) branch.set(key[i]!, (next = new Map()));
      branch = next;
    }
    let cell = branch.get(key[last]!) as Cell | undefined;
    if (!cell) branch.set(key[last]!, (cell = this.made(key)));
    return cell;
  }

  addBase(key: number[], measures: readonly number[]): void {
    const cell = this.at(key);
    if (cell) add(cell.base, measures);
  }

  addBucket(key: number[], bucket: number, n: number): void {
    const cell = this.at(key);
    if (cell) cell.buckets.set(bucket, (cell.buckets.get(bucket) ?? 0) + n);
  }

  /** @param pairs bucket, n, bucket, n … */
  addBuckets(key: number[], pairs: readonly number[]): void {
    const cell = this.at(key);
    if (!cell) return;
    const { buckets } = cell;
    for (let i = 0; i < pairs.length; i += 2) {
      const bucket = pairs[i]!;
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + pairs[i + 1]!);
    }
  }

  /** @param observer 0, as the code: of everybody together */
  addObserved(key: number[], observer: number, code: number, measures: readonly number[]): void {
    const cell = this.at(key);
    if (!cell) return;
    let codes = cell.observed.get(observer);
    if (!codes) cell.observed.set(observer, (codes = new Map()));
    let sums = codes.get(code);
    if (!sums) codes.set(code, (sums = new Array<number>(this.observedSize).fill(0)));
    add(sums, measures);
  }

  addProvisional(key: number[], n: number): void {
    const cell = this.at(key);
    if (cell) cell.provisional += n;
  }

  private firstDay(day: number): number {
    let first = this.firstDays.get(day);
    if (first === undefined) {
      first = spanOf(this.dimensions[this.timePlace] as TimeDimension, day);
      this.firstDays.set(day, first);
    }
    return first;
  }

  private made(key: readonly number[]): Cell {
    const base = new Array<number>(this.baseSize).fill(0);
    const cell = { key: [...key], base, buckets: new Map(), observed: new Map(), provisional: 0 };
    this.all.push(cell);
    return cell;
  }
}

function add(sums: number[], measures: readonly number[]): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += measures[i]!;
}

/** A cell's sums by their names. `codes`: names of moment codes. */
export function sumsOf(metric: MetricDefinition, cell: Cell, codes: ReadonlyMap<number, string>): Sums {
  const named = (measures: readonly string[], sums: readonly number[]): Measures => {
    const found: Record<string, number> = {};
    for (let i = 0; i < measures.length; i++) found[measures[i]!] = sums[i]!;
    return found;
  };
  const observed: ObservedSums[] = [];
  for (const [observer, byCode] of cell.observed) {
    for (const [code, sums] of byCode) {
      observed.push({
        observer: observer === 0 ? null : observerOf(observer),
        code: codes.get(code) ?? '',
        measures: named(observedMeasures(metric), sums),
      });
    }
  }
  return {
    base: named(baseMeasures(metric), cell.base),
    buckets: [...cell.buckets],
    observed,
    provisional: cell.provisional,
  };
}

/** Where the values of dimensions stand in a cube's lists, and the test of a filter. */
export class Places {
  readonly bucket: number;
  readonly observer: number;
  readonly code: number;
  private readonly own: readonly number[];
  private readonly tests: readonly (readonly [place: number, wanted: ReadonlySet<number>])[];
  private readonly wanted: readonly number[];
  private readonly lastKey: number[];
  private readonly lastMeasures: number[];

  /** @param measures names of the measures that are wanted, in this order */
  constructor(cube: CubeName, columns: readonly string[], filter: MetricAsk['filter'], measures: readonly string[]) {
    const spec: { readonly dims: readonly string[]; readonly measures: readonly string[] } = CUBES[cube];
    this.own = columns.map((column) => spec.dims.indexOf(column));
    this.tests = [...filter].map(([column, wanted]) => [spec.dims.indexOf(column), new Set(wanted)] as const);
    this.wanted = measures.map((measure) => spec.measures.indexOf(measure));
    this.lastKey = this.own.map(() => 0);
    this.lastMeasures = this.wanted.map(() => 0);
    this.bucket = spec.dims.indexOf('bucket');
    this.observer = spec.dims.indexOf('observer');
    this.code = spec.dims.indexOf('code');
  }

  /** The key of a contribution; the list is used again for the next one. */
  key(dims: readonly number[]): number[] {
    const { own, lastKey } = this;
    for (let i = 0; i < own.length; i++) lastKey[i] = dims[own[i]!]!;
    return lastKey;
  }

  passes(dims: readonly number[]): boolean {
    for (const [place, wanted] of this.tests) if (!wanted.has(dims[place]!)) return false;
    return true;
  }

  /** The list is used again for the next ones. */
  measures(all: readonly number[]): number[] {
    const { wanted, lastMeasures } = this;
    for (let i = 0; i < wanted.length; i++) lastMeasures[i] = all[wanted[i]!]!;
    return lastMeasures;
  }
}
