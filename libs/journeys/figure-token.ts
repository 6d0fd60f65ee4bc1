/**
 * The token of a figure, so that it can be opened later: what was counted, over which journeys, as of when. Of a map, or
 * of a metric.
 * It says everything in names, so that it still adds up after a rebuild and a day later. Tokens come back from
 * outside: what is not exactly as `figureToken` makes it is refused.
 */
import { checker, isInstant, t, TouchstoneError, type Static } from '@touchstone/eventing/pure';
import { METRIC_IDS, metricOf } from './metrics/metric-definitions.js';

/** Names of the two nodes that are no kind. */
export const OTHER_ID = 'other';
export const STILL_OPEN_ID = 'still-open';

const name = () => t.text({ maxLength: 512 });
const names = () => t.optional(t.array(name(), { maxItems: 1000 }));
const nodeRef = () => t.object({ kind: t.optional(name()), role: t.optional(t.oneOf([OTHER_ID, STILL_OPEN_ID])) });

const filterSchema = t.object({
  journeyType: t.optional(name()),
  customerId: t.optional(name()),
  segment: t.optional(name()),
  unit: t.optional(name()),
  channel: t.optional(name()),
  status: t.optional(t.oneOf(['OPEN', 'PAUSED', 'CLOSED'])),
  from: t.optional(t.instant()),
  to: t.optional(t.instant()),
  window: t.optional(t.oneOf(['OPENED', 'TOUCHES'])),
});

type Part = 'node' | 'target' | 'variant';
/** What each figure has to say beside its journeys, and what it may say. */
const PARTS = {
  cases: {},
  closed: {},
  events: {},
  transitions: {},
  handovers: {},
  pingPong: {},
  node: { needs: ['node'] },
  starts: { needs: ['node'] },
  ended: { needs: ['node'] },
  edge: { needs: ['node', 'target'] },
  variant: { needs: ['variant'] },
  stillOpen: { may: ['node'] },
  rework: { may: ['node'] },
  selfLoops: { may: ['node'] },
} as const satisfies Record<string, { needs?: readonly Part[]; may?: readonly Part[] }>;
type Of = keyof typeof PARTS;

/** As of when it was counted, and the read model that did; that need not be there any more when it is opened. */
const counted = {
  position: t.text({ maxLength: 64 }),
  instant: t.instant(),
  generation: t.text({ maxLength: 256 }),
};

const figureSchema = t.object({
  of: t.oneOf(Object.keys(PARTS) as [Of, ...Of[]]),
  node: t.optional(nodeRef()),
  target: t.optional(nodeRef()),
  /** Hash of a variant (`variantHasher`). */
  variant: t.optional(t.text({ maxLength: 16 })),
  /** The kinds that have a node of their own, where `other` is concerned. */
  named: names(),
  filter: filterSchema,
  project: t.optional(t.object({ kinds: names(), units: names(), channels: names() })),
  ...counted,
});
const isFigure = checker(figureSchema);

/** Names that a dimension may have; null stands for "none". */
const wanted = () => t.optional(t.array(t.orNull(name()), { maxItems: 1000 }));
const metricFigureSchema = t.object({
  of: t.oneOf(['metric']),
  metric: t.oneOf([...METRIC_IDS]),
  /** What is behind n, or behind the numerator alone. */
  part: t.oneOf(['all', 'numerator']),
  from: t.optional(t.instant()),
  to: t.optional(t.instant()),
  filter: t.object({
    unit: wanted(),
    channel: wanted(),
    journeyType: wanted(),
    stage: wanted(),
    segment: wanted(),
    region: wanted(),
    tier: wanted(),
    source: wanted(),
    observer: wanted(),
    code: wanted(),
  }),
  ...counted,
});
const isMetricFigure = checker(metricFigureSchema);

/** What a node stands for: a kind, or by its role one of the two nodes that are none. Exactly one of the two. */
export type NodeRef = Static<ReturnType<typeof nodeRef>>;
export type Figure = Static<typeof figureSchema>;
/** A figure of a metric. Its groups by day, week and month are windows, the others filters. */
export type MetricFigureRef = Static<typeof metricFigureSchema>;
/** Which touchpoints of the chosen journeys a map keeps; each list absent: all. */
export type Projected = NonNullable<Figure['project']>;

/** The id that a map gives the node. */
export const nodeId = ({ kind, role }: NodeRef): string => kind ?? role!;

const VERSION = 2;

/** The token of a figure: opaque to its readers. */
export const figureToken = (figure: Figure | MetricFigureRef): string =>
  Buffer.from(JSON.stringify([VERSION, figure]), 'utf8').toString('base64url');

/** @throws INVALID_FIGURE */
export function readFigure(token: string): Figure | MetricFigureRef {
  try {
    const [version, figure] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as [unknown, unknown];
    if (version === VERSION && isFigure.fits(figure) && isSound(figure as Figure)) return figure as Figure;
    if (version === VERSION && isMetricFigure.fits(figure) && isSoundMetric(figure as MetricFigureRef)) {
      return figure as MetricFigureRef;
    }
  } catch {
    // Falls through to the one answer.
  }
  throw new TouchstoneError(
    'INVALID_FIGURE',
    'This is no figure token; take it as it is from the `figure` field of an answer.',
    'invalid',
  );
}

/** What the schema does not say. */
function isSound(figure: Figure): boolean {
  const { needs = [], may = [] }: { needs?: readonly Part[]; may?: readonly Part[] } = PARTS[figure.of];
  const said = (['node', 'target', 'variant'] as const).filter((part) => figure[part] !== undefined);
  const nodes = [figure.node, figure.target].filter((node) => node !== undefined);
  const { from, to } = figure.filter;
  return (
    needs.every((part) => said.includes(part)) &&
    said.every((part) => needs.includes(part) || may.includes(part)) &&
    nodes.every(({ kind, role }) => (kind === undefined) !== (role === undefined)) &&
    nodes.some(({ role }) => role === OTHER_ID) === (figure.named !== undefined) &&
    [figure.instant, from, to].every((instant) => instant === undefined || isInstant(instant))
  );
}

/** Figures whose numerator counts something, so that it can be opened by itself. */
export const hasNumeratorFigure = (kind: string): boolean => kind === 'rate' || kind === 'perThousand';

function isSoundMetric({ metric, part, instant, from, to, filter }: MetricFigureRef): boolean {
  const { kind, dimensions } = metricOf(metric)!;
  return (
    (part === 'all' || hasNumeratorFigure(kind)) &&
    Object.keys(filter).every((dimension) => (dimensions as readonly string[]).includes(dimension)) &&
    [instant, from, to].every((each) => each === undefined || isInstant(each)) &&
    (from === undefined || to === undefined || Date.parse(from) < Date.parse(to))
  );
}
