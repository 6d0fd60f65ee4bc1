/** Metrics and comparisons for a reader. */
import { dimensionName } from './metric-options.js';
import { counted, duration, number, percent, table, type Column } from './text.js';

export type Lang = 'en' | 'zh';

/** A metric as the API describes it. */
export interface MetricInfo {
  readonly id: string;
  readonly nameEn: string;
  readonly nameZh: string;
  readonly formulaEn: string;
  readonly formulaZh: string;
  readonly unit: string;
  readonly source: string;
  readonly anchor: string;
  readonly kind: string;
  readonly dimensions: readonly string[];
}

interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

export interface Figure {
  readonly n: number;
  readonly numerator: number;
  readonly denominator: number;
  readonly value: number | null;
  readonly interval: Interval | null;
  readonly percentiles: readonly { readonly percent: number; readonly value: number | null }[];
  readonly provisional: number | null;
  readonly coverage: readonly {
    readonly observer: string | null;
    readonly rule: string | null;
    readonly covered: number;
    readonly of: number;
    readonly share: number | null;
    readonly numerator: number;
  }[];
  readonly extras: readonly {
    readonly nameEn: string;
    readonly nameZh: string;
    readonly value: number | null;
    readonly unit: string;
  }[];
  readonly figure: string;
}

export interface GroupValue {
  readonly dimension: string;
  readonly id: string | null;
  readonly nameEn: string | null;
  readonly nameZh: string | null;
}

type AsOf = { readonly position: string; readonly instant: string };

export interface MetricAnswer {
  readonly asOf: AsOf;
  readonly metric: MetricInfo;
  readonly timeZone: string;
  readonly total: Figure;
  readonly groups: {
    readonly edges: readonly {
      readonly node: { readonly dimensions: readonly GroupValue[]; readonly figure: Figure };
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

type PartFigure = Pick<Figure, 'n' | 'value' | 'provisional'>;

interface Amounts {
  readonly mix: string;
  readonly rate: string;
  readonly total: string;
}

export interface Comparison {
  readonly metric: MetricInfo;
  readonly a: { readonly asOf: AsOf; readonly total: Figure };
  readonly b: { readonly asOf: AsOf; readonly total: Figure };
  readonly difference: number | null;
  readonly exactDifference: string | null;
  readonly interval: Interval | null;
  readonly mix: string | null;
  readonly rate: string | null;
  readonly parts: readonly (Amounts & {
    readonly dimensions: readonly GroupValue[];
    readonly a: PartFigure | null;
    readonly b: PartFigure | null;
  })[];
  readonly others: (Amounts & { readonly groups: number }) | null;
}

/** The list of metrics. */
export const metricsText = (metrics: readonly MetricInfo[], lang: Lang): string =>
  table(metrics, [
    { head: 'id', of: (m) => m.id },
    { head: 'name', of: (m) => nameOf(m, lang) },
    { head: 'counted at', of: (m) => m.anchor.toLowerCase() },
    { head: 'in', of: (m) => UNITS[m.unit] ?? m.unit.toLowerCase() },
    { head: 'definition', of: (m) => (lang === 'zh' ? m.formulaZh : m.formulaEn) },
  ]);

const UNITS: Readonly<Record<string, string>> = { SHARE: '%', PER_THOUSAND: '‰', MS: 'time', S: 'time' };

const nameOf = (of: { nameEn: string; nameZh: string }, lang: Lang): string => (lang === 'zh' ? of.nameZh : of.nameEn);

/** A figure with its groups. */
export function metricText({ metric, total, groups, asOf, timeZone }: MetricAnswer, lang: Lang): string {
  const parts = [[`${metric.id} ${nameOf(metric, lang)}: ${figureLine(total, metric)}`, ...detailsOf(total, metric, lang)].join('\n')]; // prettier-ignore
  const rows = groups.edges.map(({ node }) => node);
  if (rows.length > 0) parts.push(groupsText(rows, metric, lang));
  const { hasNextPage, endCursor } = groups.pageInfo;
  if (hasNextPage) parts.push(`More: --after ${endCursor}`);
  const days = rows.some(({ dimensions }) => dimensions.some(({ dimension }) => /^(DAY|WEEK|MONTH)$/.test(dimension)));
  parts.push(`As of ${asOf.instant}, position ${asOf.position}${days ? `; days of ${timeZone}` : ''}`);
  return parts.join('\n\n');
}

/** Its value with a mark where it may still change. */
const marked = (figure: PartFigure, { unit }: MetricInfo): string =>
  `${valueText(figure.value, unit)}${figure.provisional ? ' ~' : ''}`;

/** `12.3 ‰ (5 of 400, 95 % interval …)`. */
export function figureLine(figure: Figure, metric: MetricInfo): string {
  const { n, interval } = figure;
  const isCount = metric.kind === 'RATE' || metric.kind === 'PER_THOUSAND';
  const of = isCount ? `${number(figure.numerator)} of ${number(figure.denominator)}` : `n ${number(n)}`;
  const within = interval ? `, 95 % interval ${intervalText(interval, metric.unit)}` : '';
  return `${marked(figure, metric)} (${of}${within})`;
}

function detailsOf({ percentiles, extras, coverage, provisional }: Figure, metric: MetricInfo, lang: Lang): string[] {
  const lines: string[] = [];
  if (percentiles.some(({ value }) => value !== null)) {
    lines.push(percentiles.map((p) => `p${p.percent} ${valueText(p.value, metric.unit)}`).join(', '));
  }
  const said = extras.filter(({ value }) => value !== null);
  if (said.length > 0) lines.push(said.map((e) => `${nameOf(e, lang)} ${valueText(e.value, e.unit)}`).join(', '));
  for (const { observer, rule, covered, of, share } of coverage) {
    const who = rule ?? observer ?? 'what could be judged';
    lines.push(`covered by ${who}: ${number(covered)} of ${number(of)}${share === null ? '' : ` (${percent(share)})`}`);
  }
  if (provisional)
    lines.push(
      `~ ${counted(provisional, metric.id === 'M-NPM' ? 'journey' : 'first contact')} may still change: 168 h have not passed`,
    );
  return lines.map((line) => `  ${line.replace('covered by what could be judged', 'could be judged')}`);
}

type Row = MetricAnswer['groups']['edges'][number]['node'];

function groupsText(rows: readonly Row[], metric: MetricInfo, lang: Lang): string {
  const columns: Column<Row>[] = [
    ...dimensionColumns<Row>(rows[0]!.dimensions, lang),
    { head: 'n', of: ({ figure }) => number(figure.n), right: true },
    { head: 'value', of: ({ figure }) => marked(figure, metric), right: true },
    { head: '95 % interval', of: ({ figure }) => intervalText(figure.interval, metric.unit), right: true },
  ];
  if (metric.kind === 'DURATION') {
    const median = ({ figure }: Row) => figure.percentiles.find((p) => p.percent === 50)?.value ?? null;
    columns.push({ head: 'median', of: (row) => valueText(median(row), metric.unit), right: true });
  }
  return table(rows, columns);
}

function dimensionColumns<R extends { readonly dimensions: readonly GroupValue[] }>(
  of: readonly GroupValue[],
  lang: Lang,
): Column<R>[] {
  return of.map(({ dimension }, i) => ({
    head: dimensionName(dimension),
    of: (row) => labelOf(row.dimensions[i]!, lang),
    max: 32,
  }));
}

function labelOf({ id, nameEn, nameZh }: GroupValue, lang: Lang): string {
  const name = lang === 'zh' ? (nameZh ?? nameEn) : nameEn;
  return id === null ? '-' : name === null ? id : `${id} ${name}`;
}

/** A comparison: from where to where, and what of it comes from which group. */
export function comparisonText(comparison: Comparison, lang: Lang): string {
  const { metric, a, b, difference, interval, parts, others, mix, rate } = comparison;
  const head = [
    `${metric.id} ${nameOf(metric, lang)}`,
    `  a: ${figureLine(a.total, metric)}, as of ${a.asOf.instant}`,
    `  b: ${figureLine(b.total, metric)}, as of ${b.asOf.instant}`,
  ];
  if (difference === null) return [...head, '  One side counts nothing: there is no difference.'].join('\n');
  const within = interval ? ` (95 % interval ${intervalText(interval, metric.unit, true)})` : '';
  head.push(`  b - a: ${differenceText(difference, metric.unit)}${within}`);
  if (parts.length === 0 || parts[0]!.dimensions.length === 0) return head.join('\n');
  const amount = (text: string) => differenceText(Number(text), metric.unit);
  head.push(`  of it mix ${amount(mix!)}, rate ${amount(rate!)}`);
  const rows = table(parts, [
    ...dimensionColumns<(typeof parts)[number]>(parts[0]!.dimensions, lang),
    { head: 'a', of: (p) => (p.a ? marked(p.a, metric) : '-'), right: true },
    { head: 'b', of: (p) => (p.b ? marked(p.b, metric) : '-'), right: true },
    { head: 'mix', of: (p) => amount(p.mix), right: true },
    { head: 'rate', of: (p) => amount(p.rate), right: true },
    { head: 'together', of: (p) => amount(p.total), right: true },
  ]);
  const rest = others ? `\n… and ${counted(others.groups, 'group')} more: ${amount(others.total)} (--first N)` : '';
  return `${head.join('\n')}\n\n${rows}${rest}`;
}

/** A value in its unit; `-` for none. */
export function valueText(value: number | null, unit: string): string {
  if (value === null) return '-';
  switch (unit) {
    case 'SHARE':
      return percent(value);
    case 'PER_THOUSAND':
      return `${value.toFixed(1)} ‰`;
    case 'MS':
      return signedDuration(value);
    case 'S':
      return signedDuration(value * 1000);
    case 'BALANCE':
    case 'POINTS':
      return signed(value, (size) => size.toFixed(2));
    default:
      return value.toFixed(2);
  }
}

const signedDuration = (ms: number): string => (ms < 0 ? `-${duration(-ms)}` : duration(ms));
const signed = (value: number, text: (size: number) => string): string =>
  `${value > 0 ? '+' : value < 0 ? '-' : ''}${text(Math.abs(value))}`;

/** A difference: shares differ by points, not by per cent. */
function differenceText(value: number, unit: string): string {
  if (unit === 'SHARE') return signed(value, (size) => `${(size * 100).toFixed(2)} points`);
  return signed(value, (size) => valueText(size, unit).replace(/^\+/, ''));
}

function intervalText(interval: Interval | null, unit: string, isDifference = false): string {
  if (!interval) return '-';
  const text = (value: number) => (isDifference ? differenceText(value, unit) : valueText(value, unit));
  return `${text(interval.low)} to ${text(interval.high)}`;
}
