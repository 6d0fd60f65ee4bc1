import { hours } from './text.js';

interface Counted {
  readonly value: number;
}
interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** A journey map as the API answers it; durations in ms. */
export interface JourneyMap {
  readonly asOf: { readonly position: string; readonly instant: string };
  readonly exact: boolean;
  readonly relativeError: number;
  readonly cases: Counted;
  readonly closedCases: Counted;
  readonly events: Counted;
  readonly transitions: Counted;
  readonly activityCount: number;
  readonly edgeCount: number;
  readonly variantCount: number;
  readonly selfLoops: Counted;
  readonly reworkCases: Counted;
  readonly handovers: Counted;
  readonly pingPongCases: Counted;
  readonly caseDurations: Percentiles;
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
  readonly variants: readonly MapVariant[];
}

export interface MapNode {
  readonly id: string;
  readonly nameEn: string;
  readonly nameZh: string | null;
  readonly role: 'ACTIVITY' | 'OTHER' | 'STILL_OPEN';
  readonly count: Counted;
  readonly starts: Counted;
  readonly ended: Counted;
  readonly stillOpen: Counted;
  readonly selfLoops: Counted;
  readonly reworkCases: Counted;
}

export interface MapEdge {
  readonly source: string;
  readonly target: string;
  readonly count: Counted;
  readonly durations: Percentiles;
}

export interface MapVariant {
  readonly kinds: readonly string[];
  readonly cases: Counted;
  readonly share: number;
  readonly coverage: number;
}

export const MAP_QUERY = `query Map($filter: JourneyFilterInput, $asOf: AsOfInput, $maxNodes: Int, $maxVariants: Int) {
  journeyMap(filter: $filter, asOf: $asOf, maxNodes: $maxNodes, maxVariants: $maxVariants) {
    asOf { position instant } exact relativeError
    cases { value } closedCases { value } events { value } transitions { value }
    activityCount edgeCount variantCount
    selfLoops { value } reworkCases { value } handovers { value } pingPongCases { value }
    caseDurations { p50 p90 p99 }
    nodes {
      id nameEn nameZh role
      count { value } starts { value } ended { value } stillOpen { value } selfLoops { value } reworkCases { value }
    }
    edges { source target count { value } durations { p50 p90 p99 } }
    variants { kinds cases { value } share coverage }
  }
}`;

/** The figures of a map by the names of its activities; hours with 2 decimals for journeys and 4 for edges. */
export interface MapFigures {
  readonly cases: number;
  readonly events: number;
  readonly activities: number;
  readonly variants: number;
  readonly topVariantCases: number;
  readonly dfgEdges: number;
  readonly dfgTransitions: number;
  readonly reworkCases: number;
  readonly selfLoops: number;
  readonly handovers: number;
  readonly pingPongCases: number;
  readonly caseHoursP50: number | null;
  readonly caseHoursP90: number | null;
  /** Journeys that begin with an activity, the most frequent first. */
  readonly startActivities: Readonly<Record<string, number>>;
  /** Journeys whose last touchpoint it is, closed or not, the most frequent first. */
  readonly endActivities: Readonly<Record<string, number>>;
  readonly edges: readonly EdgeFigures[];
  readonly asOf: JourneyMap['asOf'];
}

export interface EdgeFigures {
  readonly source: string;
  readonly target: string;
  readonly count: number;
  readonly p50Hours: number | null;
  readonly p90Hours: number | null;
  readonly p99Hours: number | null;
}

export function figuresOf(map: JourneyMap): MapFigures {
  const nameOf = namesOf(map.nodes);
  return {
    cases: map.cases.value,
    events: map.events.value,
    activities: map.activityCount,
    variants: map.variantCount,
    topVariantCases: map.variants[0]?.cases.value ?? 0,
    dfgEdges: map.edgeCount,
    dfgTransitions: map.transitions.value,
    reworkCases: map.reworkCases.value,
    selfLoops: map.selfLoops.value,
    handovers: map.handovers.value,
    pingPongCases: map.pingPongCases.value,
    caseHoursP50: hours(map.caseDurations.p50, 2),
    caseHoursP90: hours(map.caseDurations.p90, 2),
    startActivities: ranked(map.nodes, nameOf, (node) => node.starts.value),
    endActivities: ranked(map.nodes, nameOf, (node) => node.ended.value + node.stillOpen.value),
    edges: followsOf(map).map((edge) => edgeFigures(edge, nameOf)),
    asOf: map.asOf,
  };
}

/** Edges from one touchpoint to the next; where open journeys stand is no such step. */
export function followsOf({ nodes, edges }: JourneyMap): MapEdge[] {
  const open = new Set(nodes.filter((node) => node.role === 'STILL_OPEN').map((node) => node.id));
  return edges.filter(({ target }) => !open.has(target));
}

export type NameOf = (id: string) => string;

/** Names of nodes; of two that are called the same, each with its id. */
export function namesOf(nodes: readonly MapNode[], own: (node: MapNode) => string = (node) => node.nameEn): NameOf {
  const times = new Map<string, number>();
  for (const node of nodes) times.set(own(node), (times.get(own(node)) ?? 0) + 1);
  const names = new Map(
    nodes.map((node) => [node.id, (times.get(own(node)) ?? 0) > 1 ? `${own(node)} (${node.id})` : own(node)]),
  );
  return (id) => names.get(id) ?? id;
}

function edgeFigures({ source, target, count, durations }: MapEdge, nameOf: NameOf): EdgeFigures {
  return {
    source: nameOf(source),
    target: nameOf(target),
    count: count.value,
    p50Hours: hours(durations.p50, 4),
    p90Hours: hours(durations.p90, 4),
    p99Hours: hours(durations.p99, 4),
  };
}

function ranked(nodes: readonly MapNode[], nameOf: NameOf, countOf: (node: MapNode) => number): Record<string, number> {
  const counts = nodes
    .filter((node) => node.role !== 'STILL_OPEN')
    .map((node) => [nameOf(node.id), countOf(node)] as const)
    .filter(([, count]) => count > 0);
  return Object.fromEntries(counts.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)));
}
