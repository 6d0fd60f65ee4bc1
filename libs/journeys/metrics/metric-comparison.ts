/** Two sides of a metric, group by group: what of their difference comes from where. */
import type { AsOf } from '@touchstone/readmodel';
import { decimal, splitDifference, type ComparedGroup, type Part } from './comparison.js';
import { isObserved } from './metric-ask.js';
import { scaleOf, type MetricDefinition, type MetricDimension } from './metric-definitions.js';
import type { MetricFigure } from './metric-figure.js';
import type { GroupValue, MetricGroupRow } from './metric.queries.js';
import { differenceInterval, type Interval } from './statistics.js';

/** A figure with the tokens that open it. */
export type OpenableFigure = MetricFigure & {
  readonly metric: MetricDefinition;
  readonly figure: string;
  readonly numeratorFigure: string | null;
};

export interface Side {
  readonly asOf: AsOf;
  readonly total: MetricFigure;
  readonly groups: readonly MetricGroupRow[];
  /** Where groups are told apart by what was observed: the groups that these are parts of. */
  readonly base: readonly MetricGroupRow[] | null;
  readonly open: Opening;
}

export type Opening = (figure: MetricFigure, group?: MetricGroupRow) => OpenableFigure;

const keyOf = (values: readonly GroupValue[], only: (dimension: MetricDimension) => boolean = () => true): string =>
  JSON.stringify(values.filter(({ dimension }) => only(dimension)).map(({ id }) => id));

/** A part of a comparison before it is rounded. */
interface Compared {
  readonly values: readonly GroupValue[];
  readonly a: MetricGroupRow | undefined;
  readonly b: MetricGroupRow | undefined;
  readonly ratios: ComparedGroup;
}

/**
 * b - a with its interval, and the largest parts of it; what is beyond `first` parts stands together in `others`. Mix
 * and rate of all parts are decimals that add up to `exactDifference` to the last digit.
 */
export function compareSides(
  metric: MetricDefinition,
  groupBy: readonly MetricDimension[],
  [a, b]: readonly [Side, Side],
  first: number,
) {
  const strands = groupBy.length === 0 ? [[wholeOf(a, b)]] : strandsOf(metric, groupBy, a, b);
  const split = splitDifference(
    strands.map((groups) => groups.map(({ ratios }) => ratios)),
    scaleOf(metric),
  );
  const all = strands.flat().map((compared, i) => ({ ...compared, part: split?.parts[i] ?? NOTHING }));
  // Sorting is stable: of equal parts, the order of groups decides.
  const ordered = split ? all.sort((x, y) => bySize(x.part, y.part)) : [];
  const [shown, others] = [ordered.slice(0, first), ordered.slice(first)];
  return {
    metric,
    a: { asOf: a.asOf, total: a.open(a.total) },
    b: { asOf: b.asOf, total: b.open(b.total) },
    difference: a.total.value === null || b.total.value === null ? null : b.total.value - a.total.value,
    exactDifference: split && decimal(split.difference),
    interval: intervalOf(a.total, b.total),
    ...(split ? shares(split.parts) : { mix: null, rate: null }),
    parts: shown.map(({ values, a: own, b: other, part }) => ({
      dimensions: values,
      a: own ? a.open(own.figure, own) : null,
      b: other ? b.open(other.figure, other) : null,
      ...amounts(part),
    })),
    others: others.length > 0 ? { groups: others.length, ...amounts(sumOf(others.map(({ part }) => part))) } : null,
  };
}

/** The largest first, in either direction. */
function bySize(x: Part, y: Part): number {
  const [a, b] = [x, y].map(({ mix, rate }) => (mix + rate < 0n ? -(mix + rate) : mix + rate));
  return a! > b! ? -1 : a! < b! ? 1 : 0;
}

const NOTHING: Part = { mix: 0n, rate: 0n };
const sumOf = (parts: readonly Part[]): Part =>
  parts.reduce((sum, { mix, rate }) => ({ mix: sum.mix + mix, rate: sum.rate + rate }), NOTHING);
const amounts = ({ mix, rate }: Part) => ({ mix: decimal(mix), rate: decimal(rate), total: decimal(mix + rate) });
function shares(parts: readonly Part[]): { mix: string; rate: string } {
  const { mix, rate } = amounts(sumOf(parts));
  return { mix, rate };
}

function intervalOf(a: MetricFigure, b: MetricFigure): Interval | null {
  if (a.value === null || b.value === null || !a.interval || !b.interval) return null;
  return differenceInterval({ value: a.value, interval: a.interval }, { value: b.value, interval: b.interval });
}

const ratioIn = (figure: MetricFigure | undefined) => ({
  numerator: figure?.numerator ?? 0,
  denominator: figure?.denominator ?? 0,
});

const wholeOf = (a: Side, b: Side): Compared => ({
  values: [],
  a: undefined,
  b: undefined,
  ratios: { a: ratioIn(a.total), b: ratioIn(b.total) },
});

type BaseRow = Pick<MetricGroupRow, 'values' | 'figure' | 'window'>;

/** Groups of both sides; one list for every part of the numerators that has all denominators to itself. */
function strandsOf(metric: MetricDefinition, groupBy: readonly MetricDimension[], a: Side, b: Side): Compared[][] {
  const [ofA, ofB] = [a.groups, b.groups].map((groups) => new Map(groups.map((row) => [keyOf(row.values), row])));
  const rows = new Map([...ofA!, ...ofB!]);
  const plain = (dimension: MetricDimension) => !isObserved(dimension);
  if (metric.kind !== 'perThousand' || groupBy.every(plain)) {
    return [
      [...rows].map(([key, { values }]) => {
        const [own, other] = [ofA!.get(key), ofB!.get(key)];
        return { values, a: own, b: other, ratios: { a: ratioIn(own?.figure), b: ratioIn(other?.figure) } };
      }),
    ];
  }
  const bases = ({ base, total }: Side): Map<string, BaseRow> =>
    new Map((base ?? [{ values: [], figure: total }]).map((row) => [keyOf(row.values), row]));
  const [basesA, basesB] = [bases(a), bases(b)];
  const seen = new Map([...rows.values()].map(({ values }) => [keyOf(values, isObserved), values]));
  return [...seen.values()].map((observedValues) =>
    [...new Map([...basesA, ...basesB])].map(([baseKey, { values: baseValues }]): Compared => {
      const own = [...observedValues.filter(({ dimension }) => isObserved(dimension)), ...baseValues];
      const values = groupBy.map((dimension) => own.find((value) => value.dimension === dimension)!);
      const key = keyOf(values);
      const rowA = ofA!.get(key) ?? unobserved(basesA.get(baseKey), values);
      const rowB = ofB!.get(key) ?? unobserved(basesB.get(baseKey), values);
      return { values, a: rowA, b: rowB, ratios: { a: ratioIn(rowA?.figure), b: ratioIn(rowB?.figure) } };
    }),
  );
}

/** A group that is there, with nothing of the kind observed in it. */
function unobserved(base: BaseRow | undefined, values: readonly GroupValue[]): MetricGroupRow | undefined {
  if (!base) return undefined;
  const { n, denominator } = base.figure;
  const none = { interval: null, percentiles: [], provisional: null, coverage: [], extras: [] };
  return {
    ...base,
    values,
    figure: { n, denominator, numerator: 0, value: denominator > 0 ? 0 : null, ...none },
  };
}
