/** The journey map: what follows what, how often and how long, counted over the touchpoints of selected journeys. */
import { COARSE_ERROR, Durations } from './durations.js';
import type { Touchpoints } from './journey-rows.js';
import { Status } from './journeys.tables.js';

/** Surrogates of the two nodes that are no kind. */
export const OTHER = -1;
export const STILL_OPEN = -2;

export interface Percentiles {
  /** Milliseconds; null of an empty set. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export interface MapNode {
  /** Surrogate of the kind, OTHER or STILL_OPEN. */
  readonly kind: number;
  /** Touchpoints. */
  readonly count: number;
  /** Journeys that begin here, that ended here, that stand here still open. */
  readonly starts: number;
  readonly ended: number;
  readonly stillOpen: number;
  /** What came in (starts and incoming edges) = what went out by edges + ended + still open. */
  readonly in: number;
  readonly out: number;
  /** Times a kind of the node followed itself. */
  readonly selfLoops: number;
  /** Journeys in which a kind of the node occurs twice or more. */
  readonly reworkCases: number;
}

export interface MapEdge extends Percentiles {
  readonly source: number;
  readonly target: number;
  readonly count: number;
}

export interface MapVariant {
  readonly kinds: readonly number[];
  readonly cases: number;
}

export interface JourneyMapData {
  readonly cases: number;
  readonly closedCases: number;
  readonly events: number;
  /** Different kinds, edges between kinds, variants: of everything selected, before anything is folded together. */
  readonly activities: number;
  readonly edgeCount: number;
  readonly variantCount: number;
  readonly transitions: number;
  readonly selfLoops: number;
  readonly reworkCases: number;
  readonly handovers: number;
  readonly pingPongCases: number;
  /** From the first to the last touchpoint. */
  readonly caseDuration: Percentiles;
  /** False: percentiles carry a relative error of `relativeError`. */
  readonly exact: boolean;
  readonly relativeError: number;
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
  readonly variants: readonly MapVariant[];
}

interface NodeTally {
  count: number;
  starts: number;
  ended: number;
  stillOpen: number;
}
const nothing = (): NodeTally => ({ count: 0, starts: 0, ended: 0, stillOpen: 0 });

/** Percentiles stay exact up to so many durations. */
const EXACT_LIMIT = 5_000_000;

export class JourneyMapBuilder {
  private cases = 0;
  private closedCases = 0;
  private events = 0;
  private selfLoops = 0;
  private handovers = 0;
  private pingPongCases = 0;
  private exact = true;
  private readonly caseDurations = new Durations();
  private readonly nodes = new Map<number, NodeTally>();
  /** Source, then target. */
  private readonly edges = new Map<number, Map<number, Durations>>();
  private readonly openSince = new Map<number, Durations>();
  private readonly variants = new Map<string, number>();
  /** Journeys by the set of kinds that occur in them twice or more. */
  private readonly repeats = new Map<string, { readonly kinds: readonly number[]; cases: number }>();

  /** @param instant ms since 1970 up to which a journey that is still open has been waiting */
  constructor(private readonly instant: number) {}

  add(t: Touchpoints): void {
    const n = t.count;
    if (n === 0) return;
    const closed = t.status === Status.closed;
    this.cases++;
    if (closed) this.closedCases++;
    this.events += n;
    this.caseDurations.add(t.at[n - 1]! - t.at[0]!);
    for (let i = 0; i < n; i++) this.node(t.kind[i]!).count++;
    for (let i = 1; i < n; i++) {
      this.edge(t.kind[i - 1]!, t.kind[i]!).add(t.at[i]! - t.at[i - 1]!);
      if (t.kind[i] === t.kind[i - 1]) this.selfLoops++;
      if (t.unit[i] !== t.unit[i - 1]) this.handovers++;
    }
    const last = t.kind[n - 1]!;
    this.node(t.kind[0]!).starts++;
    if (closed) this.node(last).ended++;
    else {
      this.node(last).stillOpen++;
      durationsIn(this.openSince, last).add(Math.max(0, this.instant - t.at[n - 1]!));
    }
    this.countRework(t.kind);
    if (pingPong(t.unit)) this.pingPongCases++;
    const variant = t.kind.join(',');
    this.variants.set(variant, (this.variants.get(variant) ?? 0) + 1);
    if (this.exact && this.events > EXACT_LIMIT) this.coarsen();
  }

  /** The map with at most `maxNodes` kinds by name (the rest is OTHER) and the `maxVariants` most frequent variants. */
  build(maxNodes: number, maxVariants: number): JourneyMapData {
    const ranked = [...this.nodes].sort(([a, x], [b, y]) => y.count - x.count || a - b).map(([kind]) => kind);
    const named = new Set(ranked.slice(0, maxNodes));
    const nameOf = (kind: number) => (named.has(kind) ? kind : OTHER);
    const edges = this.foldedEdges(nameOf);
    return {
      cases: this.cases,
      closedCases: this.closedCases,
      events: this.events,
      activities: this.nodes.size,
      edgeCount: [...this.edges.values()].reduce((sum, targets) => sum + targets.size, 0),
      variantCount: this.variants.size,
      transitions: this.events - this.cases,
      selfLoops: this.selfLoops,
      reworkCases: [...this.repeats.values()].reduce((sum, { cases }) => sum + cases, 0),
      handovers: this.handovers,
      pingPongCases: this.pingPongCases,
      caseDuration: percentiles(this.caseDurations),
      exact: this.exact,
      relativeError: this.exact ? 0 : COARSE_ERROR,
      nodes: this.foldedNodes(nameOf, edges),
      edges,
      variants: this.topVariants(maxVariants),
    };
  }

  private node(kind: number): NodeTally {
    let tally = this.nodes.get(kind);
    if (!tally) this.nodes.set(kind, (tally = nothing()));
    return tally;
  }

  private edge(source: number, target: number): Durations {
    let targets = this.edges.get(source);
    if (!targets) this.edges.set(source, (targets = new Map()));
    return durationsIn(targets, target);
  }

  private countRework(kinds: Int32Array): void {
    const seen = new Set<number>();
    const again = new Set<number>();
    for (const kind of kinds) (seen.has(kind) ? again : seen).add(kind);
    if (again.size === 0) return;
    const repeated = [...again].sort((a, b) => a - b);
    const key = repeated.join(',');
    const known = this.repeats.get(key);
    if (known) known.cases++;
    else this.repeats.set(key, { kinds: repeated, cases: 1 });
  }

  private coarsen(): void {
    this.exact = false;
    this.caseDurations.coarsen();
    for (const targets of this.edges.values()) for (const d of targets.values()) d.coarsen();
    for (const d of this.openSince.values()) d.coarsen();
  }

  private foldedEdges(nameOf: (kind: number) => number): MapEdge[] {
    const folded = new Map<number, Map<number, Durations>>();
    const into = (source: number, target: number, durations: Durations) => {
      let targets = folded.get(source);
      if (!targets) folded.set(source, (targets = new Map()));
      durationsIn(targets, target).addAll(durations);
    };
    for (const [source, targets] of this.edges)
      for (const [target, d] of targets) into(nameOf(source), nameOf(target), d);
    for (const [kind, d] of this.openSince) into(nameOf(kind), STILL_OPEN, d);
    return [...folded]
      .flatMap(([source, targets]) =>
        [...targets].map(([target, d]) => ({ source, target, count: d.count, ...percentiles(d) })),
      )
      .sort((a, b) => b.count - a.count || a.source - b.source || a.target - b.target);
  }

  private foldedNodes(nameOf: (kind: number) => number, edges: readonly MapEdge[]): MapNode[] {
    const folded = new Map<number, NodeTally>();
    const selfLoops = new Map<number, number>();
    let open = 0;
    for (const [kind, tally] of this.nodes) {
      const name = nameOf(kind);
      const to = folded.get(name) ?? nothing();
      for (const field of ['count', 'starts', 'ended', 'stillOpen'] as const) to[field] += tally[field];
      folded.set(name, to);
      increase(selfLoops, name, this.edges.get(kind)?.get(kind)?.count ?? 0);
      open += tally.stillOpen;
    }
    const rework = this.foldedRework(nameOf);
    const nodes = [...folded].map(([kind, tally]) => ({
      kind,
      ...tally,
      in: tally.starts + sum(edges.filter((e) => e.target === kind)),
      out: sum(edges.filter((e) => e.source === kind && e.target !== STILL_OPEN)),
      selfLoops: selfLoops.get(kind)!,
      reworkCases: rework.get(kind) ?? 0,
    }));
    nodes.sort((a, b) => b.count - a.count || a.kind - b.kind);
    if (open === 0) return nodes;
    const none = { starts: 0, ended: 0, out: 0, selfLoops: 0, reworkCases: 0 };
    return [...nodes, { kind: STILL_OPEN, count: open, stillOpen: open, in: open, ...none }];
  }

  /** Journeys per node; one that repeats several kinds of one node counts once there. */
  private foldedRework(nameOf: (kind: number) => number): Map<number, number> {
    const rework = new Map<number, number>();
    for (const { kinds, cases } of this.repeats.values()) {
      for (const name of new Set(kinds.map(nameOf))) increase(rework, name, cases);
    }
    return rework;
  }

  private topVariants(max: number): MapVariant[] {
    return [...this.variants]
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .slice(0, max)
      .map(([key, cases]) => ({ kinds: key.split(',').map(Number), cases }));
  }
}

/** Whether the sequence, with runs of one unit taken together, contains A, B, A. A missing unit is a unit of its own. */
export function pingPong(units: Int32Array): boolean {
  let before: number | undefined;
  let previous: number | undefined;
  for (const unit of units) {
    if (unit === previous) continue;
    if (unit === before) return true;
    before = previous;
    previous = unit;
  }
  return false;
}

const increase = (counts: Map<number, number>, key: number, by: number) =>
  void counts.set(key, (counts.get(key) ?? 0) + by);

const sum = (edges: readonly MapEdge[]) => edges.reduce((total, edge) => total + edge.count, 0);

const percentiles = (d: Durations): Percentiles => ({
  p50: d.percentile(0.5),
  p90: d.percentile(0.9),
  p99: d.percentile(0.99),
});

function durationsIn(map: Map<number, Durations>, key: number): Durations {
  let durations = map.get(key);
  if (!durations) map.set(key, (durations = new Durations()));
  return durations;
}
