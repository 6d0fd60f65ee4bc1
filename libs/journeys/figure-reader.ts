import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, encodeCursor, pageOf, READS, type Page } from '@touchstone/platform';
import type { Reads } from '@touchstone/readmodel';
import {
  figureToken,
  nodeId,
  OTHER_ID,
  readFigure,
  STILL_OPEN_ID,
  type Figure as FigureSpec,
  type MetricFigureRef,
  type NodeRef,
  type Projected,
} from './figure-token.js';
import { OTHER, STILL_OPEN, type JourneyMapData, type MapNode } from './journey-map.js';
import { NodeRole, type CountedFigure, type Figure, type JourneyMap, type Occurrence } from './journey-map.graphql.js';
import {
  figureCountQuery,
  figureJourneysQuery,
  figureQuery,
  journeyMapQuery,
  type MapAnswer,
  type NodeName,
  type OccurrenceCursor,
} from './journey-map.queries.js';
import { JourneyReader, when, type When } from './journey-reader.js';
import type { JourneyFilter } from './journey-rows.js';
import type { Journey } from './journeys.graphql.js';
import { MetricReader } from './metrics/metric-reader.js';

interface MapRequest extends When {
  readonly filter?: JourneyFilter;
  readonly project?: Projected;
  readonly maxNodes: number;
  readonly maxVariants: number;
}

interface Paging {
  readonly first: number;
  readonly after?: string;
}

/** Counts journey maps, and opens their figures and those of metrics again. */
@Injectable()
export class FigureReader {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    private readonly journeys: JourneyReader,
    private readonly metrics: MetricReader,
  ) {}

  async map(request: MapRequest): Promise<JourneyMap> {
    const filter = plain(request.filter ?? {});
    const project = request.project && plain(request.project);
    const { maxNodes, maxVariants } = request;
    const { result, asOf, generation } = await this.reads.run(
      journeyMapQuery,
      { filter, project, maxNodes, maxVariants },
      when(request),
    );
    return mapOf(result, { filter, project, ...asOf, generation });
  }

  figure(token: string): Figure {
    const figure = readFigure(token);
    const { of, position, instant, generation } = figure;
    const counted = { of, asOf: { position, instant }, generation, token };
    if (isOfMetric(figure)) return { ...counted, metric: figure.metric, part: figure.part, node: null, target: null };
    const { node, target } = figure;
    const [from, to] = [node ? nodeId(node) : null, target ? nodeId(target) : null];
    return { ...counted, metric: null, part: null, node: from, target: to };
  }

  async count(token: string): Promise<number> {
    const figure = readFigure(token);
    if (isOfMetric(figure)) return this.metrics.count(figure);
    return (await this.reads.run(figureCountQuery, { figure }, { asOf: figure })).result;
  }

  async occurrences(token: string, page: Paging): Promise<Page<Occurrence>> {
    const figure = readFigure(token);
    if (isOfMetric(figure)) return this.metrics.occurrences(figure, page);
    const after =
      page.after === undefined
        ? undefined
        : (decodeCursor('occurrences', page.after, ['string', 'number']) as never as OccurrenceCursor);
    const { result } = await this.reads.run(figureQuery, { figure, after, first: page.first + 1 }, { asOf: figure });
    return pageOf(
      result,
      page,
      (row) => encodeCursor('occurrences', row.cursor),
      ({ journeyId, events }) => ({ journeyId, events: [...events], value: null, counts: null }),
    );
  }

  async journeysOf(token: string, page: Paging): Promise<Page<Journey>> {
    const figure = readFigure(token);
    const after =
      page.after === undefined ? undefined : (decodeCursor('figureJourneys', page.after, ['string'])[0] as string);
    const asked = { after, first: page.first + 1 };
    const result = isOfMetric(figure)
      ? await this.metrics.journeys(figure, asked)
      : (await this.reads.run(figureJourneysQuery, { figure, ...asked }, { asOf: figure })).result;
    const journeys = await this.journeys.journeysById(
      result.map((row) => row.id),
      { asOf: figure },
    );
    return pageOf(
      result.map((row, i) => ({ ...row, journey: journeys[i]! })),
      page,
      (row) => encodeCursor('figureJourneys', [row.id]),
      (row) => row.journey,
    );
  }
}

const isOfMetric = (figure: FigureSpec | MetricFigureRef): figure is MetricFigureRef => figure.of === 'metric';

type Counted = Pick<FigureSpec, 'filter' | 'project' | 'position' | 'instant' | 'generation'>;
type About = Pick<FigureSpec, 'of' | 'node' | 'target' | 'variant'>;

function mapOf({ data, names, variantHashes }: MapAnswer, counted: Counted): JourneyMap {
  const idOf = (kind: number) => names.get(kind)!.id;
  const refOf = (kind: number) => nodeRef(kind, idOf(kind));
  const hasOther = data.nodes.some((node) => node.kind === OTHER);
  const named = hasOther ? data.nodes.filter((node) => node.kind > 0).map((node) => idOf(node.kind)) : undefined;
  const counting = (value: number, about: About): CountedFigure => ({
    value,
    // A map has thousands of counts; the token of one is made when it is asked for.
    get figure() {
      const concernsOther = [about.node, about.target].some((node) => node?.role === OTHER_ID);
      return figureToken({ ...about, ...(concernsOther && { named }), ...counted });
    },
  });
  let covered = 0;
  return {
    asOf: { position: counted.position, instant: counted.instant },
    exact: data.exact,
    relativeError: data.relativeError,
    ...totals(data, counting),
    caseDurations: data.caseDuration,
    nodes: data.nodes.map((node) => nodeOf(node, names.get(node.kind)!, counting)),
    edges: data.edges.map(({ source, target, count, ...durations }) => ({
      source: idOf(source),
      target: idOf(target),
      count: counting(count, { of: 'edge', node: refOf(source), target: refOf(target) }),
      durations,
    })),
    variants: data.variants.map(({ kinds, cases }, i) => ({
      kinds: kinds.map(idOf),
      activities: kinds.map((kind) => names.get(kind)!.nameEn),
      cases: counting(cases, { of: 'variant', variant: variantHashes[i]! }),
      share: cases / data.cases,
      coverage: (covered += cases) / data.cases,
    })),
  };
}

type Counting = (value: number, about: About) => CountedFigure;

const totals = (data: JourneyMapData, counting: Counting) => ({
  cases: counting(data.cases, { of: 'cases' }),
  closedCases: counting(data.closedCases, { of: 'closed' }),
  events: counting(data.events, { of: 'events' }),
  transitions: counting(data.transitions, { of: 'transitions' }),
  activityCount: data.activities,
  edgeCount: data.edgeCount,
  variantCount: data.variantCount,
  selfLoops: counting(data.selfLoops, { of: 'selfLoops' }),
  reworkCases: counting(data.reworkCases, { of: 'rework' }),
  handovers: counting(data.handovers, { of: 'handovers' }),
  pingPongCases: counting(data.pingPongCases, { of: 'pingPong' }),
});

/** The two nodes that are no kind go into tokens by their role, whatever kinds are called. */
const nodeRef = (kind: number, id: string): NodeRef =>
  kind === OTHER ? { role: OTHER_ID } : kind === STILL_OPEN ? { role: STILL_OPEN_ID } : { kind: id };

function nodeOf(data: MapNode, name: NodeName, counting: Counting) {
  const open = data.kind === STILL_OPEN;
  const node = nodeRef(data.kind, name.id);
  // What stands at "still open" are all journeys that are.
  const at = (of: About['of']): About => (open ? { of: 'stillOpen' } : { of, node });
  return {
    ...name,
    role: open ? NodeRole.STILL_OPEN : data.kind === OTHER ? NodeRole.OTHER : NodeRole.ACTIVITY,
    count: counting(data.count, at('node')),
    starts: counting(data.starts, { of: 'starts', node }),
    ended: counting(data.ended, { of: 'ended', node }),
    stillOpen: counting(data.stillOpen, at('stillOpen')),
    in: data.in,
    out: data.out,
    selfLoops: counting(data.selfLoops, { of: 'selfLoops', node }),
    reworkCases: counting(data.reworkCases, { of: 'rework', node }),
  };
}

/** Input objects as plain data without absent fields: they travel to a worker and into tokens. */
const plain = <T extends object>(input: T): T =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value != null)) as T;
