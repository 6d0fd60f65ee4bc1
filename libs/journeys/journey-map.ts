/** The journey map: what follows what, how often and how long, counted over the touchpoints of selected journeys. */
import { COARSE_ERROR, Durations } from './durations.js';
import type { Touchpoints } from './journey-rows.js';
import { Status } from './journeys.tables.js';
import { Sequences } from './sequences.js';

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
  /** Surrogate. */
  readonly kind: number;
  count: number;
  starts: number;
  ended: number;
  stillOpen: number;
}
const nothing = (kind: number): NodeTally => ({ kind, count: 0, starts: 0, ended: 0, stillOpen: 0 });

/** Percentiles stay exact up to so many durations. */
const EXACT_LIMIT = 5_000_000;

/** Columns of touchpoints, in the order of their journeys. */
export type MapColumns = Pick<Touchpoints, 'at' | 'kind' | 'unit'>;

/**
 * Counts journeys. Kinds have numbers of its own here, in the order in which they came, so that what is counted of them
 * stands in arrays.
 */
export class JourneyMapBuilder {
  private cases = 0;
  private closedCases = 0;
  private events = 0;
  private selfLoops = 0;
  private handovers = 0;
  private pingPongCases = 0;
  private exact = true;
  private readonly caseDurations = new Durations();
  /** Number + 1 of a kind, by its surrogate; 0: it has not come. */
  private numbers = new Int32Array(256);
  private readonly nodes: NodeTally[] = [];
  /** By the numbers of source and target. */
  private readonly edges: (Durations | undefined)[][] = [];
  private readonly openSince: (Durations | undefined)[] = [];
  private readonly variants = new Sequences();
  /** Journeys by the set of kinds that occur in them twice or more. */
  private readonly repeats = new Sequences();
  /** Of each kind, by number: the last journey in which it came, and in which it came again. */
  private readonly seenIn: number[] = [];
  private readonly repeatedIn: number[] = [];

  /** @param instant ms since 1970 up to which a journey that is still open has been waiting */
  constructor(private readonly instant: number) {}

  add(t: Touchpoints): void {
    this.addPart(t, 0, t.count, t.status);
  }

  /** Adds a journey whose touchpoints stand at [first, end) of columns. */
  addPart({ at, kind, unit }: MapColumns, first: number, end: number, status: number): void {
    if (first === end) return;
    const last = end - 1;
    this.cases++;
    this.events += end - first;
    this.caseDurations.add(at[last]! - at[first]!);
    const start = this.numberOf(kind[first]!);
    const stop = this.countSteps(at, kind, first, end, start);
    const tally = this.nodes[stop]!;
    this.nodes[start]!.starts++;
    if (status === Status.closed) {
      this.closedCases++;
      tally.ended++;
    } else {
      tally.stillOpen++;
      (this.openSince[stop] ??= new Durations()).add(Math.max(0, this.instant - at[last]!));
    }
    this.countUnits(unit, first, end);
    this.variants.add(kind, first, end);
    if (this.exact && this.events > EXACT_LIMIT) this.coarsen();
  }

  /** The map with at most `maxNodes` kinds by name (the rest is OTHER) and the `maxVariants` most frequent variants. */
  build(maxNodes: number, maxVariants: number): JourneyMapData {
    const ranked = [...this.nodes].sort((a, b) => b.count - a.count || a.kind - b.kind);
    const named = new Set(ranked.slice(0, maxNodes).map(({ kind }) => kind));
    const nameOf = (kind: number) => (named.has(kind) ? kind : OTHER);
    const edges = this.foldedEdges(nameOf);
    return {
      cases: this.cases,
      closedCases: this.closedCases,
      events: this.events,
      activities: this.nodes.length,
      edgeCount: this.edgeCount(),
      variantCount: this.variants.size,
      transitions: this.events - this.cases,
      selfLoops: this.selfLoops,
      reworkCases: this.repeats.total,
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

  private numberOf(kind: number): number {
    const number = this.numbers[kind];
    return number === undefined || number === 0 ? this.numbered(kind) : number - 1;
  }

  private numbered(kind: number): number {
    if (kind >= this.numbers.length) {
      const wider = new Int32Array(2 * kind);
      wider.set(this.numbers);
      this.numbers = wider;
    }
    this.numbers[kind] = this.nodes.push(nothing(kind));
    this.edges.push([]);
    this.openSince.push(undefined);
    this.seenIn.push(0);
    this.repeatedIn.push(0);
    return this.nodes.length - 1;
  }

  /** Counts kinds and what follows what; answers the number of the last kind. */
  private countSteps(at: Float64Array, kind: Int32Array, first: number, end: number, start: number): number {
    const { nodes, edges, seenIn, repeatedIn, cases } = this;
    let repeated: number[] | null = null;
    let number = start;
    for (let i = first; i < end; i++) {
      if (i > first) {
        const source = number;
        number = this.numberOf(kind[i]!);
        const targets = edges[source]!;
        const durations = targets[number] ?? (targets[number] = new Durations());
        durations.add(at[i]! - at[i - 1]!);
        if (source === number) this.selfLoops++;
      }
      nodes[number]!.count++;
      if (seenIn[number] !== cases) seenIn[number] = cases;
      else if (repeatedIn[number] !== cases) {
        repeatedIn[number] = cases;
        (repeated ??= []).push(kind[i]!);
      }
    }
    if (repeated) this.repeats.add(Int32Array.from(repeated).sort(), 0, repeated.length);
    return number;
  }

  private countUnits(unit: Int32Array, first: number, end: number): void {
    let changes = 0;
    for (let i = first + 1; i < end; i++) if (unit[i] !== unit[i - 1]) changes++;
    this.handovers += changes;
    // A, B, A takes two changes.
    if (changes > 1 && pingPong(unit, first, end)) this.pingPongCases++;
  }

  private eachEdge(take: (source: number, target: number, durations: Durations) => void): void {
    this.edges.forEach((targets, source) =>
      targets.forEach((durations, target) => {
        if (durations) take(source, target, durations);
      }),
    );
  }

  private coarsen(): void {
    this.exact = false;
    this.caseDurations.coarsen();
    this.eachEdge((_source, _target, durations) => durations.coarsen());
    for (const durations of this.openSince) durations?.coarsen();
  }

  private foldedEdges(nameOf: (kind: number) => number): MapEdge[] {
    const folded = new Map<number, Map<number, Durations>>();
    const into = (source: number, target: number, durations: Durations) => {
      let targets = folded.get(source);
      if (!targets) folded.set(source, (targets = new Map()));
      const known = targets.get(target);
      targets.set(target, known ? Durations.of(known, durations) : durations);
    };
    const named = this.nodes.map(({ kind }) => nameOf(kind));
    this.eachEdge((source, target, durations) => into(named[source]!, named[target]!, durations));
    this.openSince.forEach((durations, number) => durations && into(named[number]!, STILL_OPEN, durations));
    return [...folded]
      .flatMap(([source, targets]) =>
        [...targets].map(([target, d]) => ({ source, target, count: d.count, ...percentiles(d) })),
      )
      .sort((a, b) => b.count - a.count || a.source - b.source || a.target - b.target);
  }

  private edgeCount(): number {
    let count = 0;
    this.eachEdge(() => count++);
    return count;
  }

  private foldedNodes(nameOf: (kind: number) => number, edges: readonly MapEdge[]): MapNode[] {
    const folded = new Map<number, NodeTally>();
    const selfLoops = new Map<number, number>();
    let open = 0;
    for (const [number, tally] of this.nodes.entries()) {
      const name = nameOf(tally.kind);
      const to = folded.get(name) ?? nothing(name);
      for (const field of ['count', 'starts', 'ended', 'stillOpen'] as const) to[field] += tally[field];
      folded.set(name, to);
      increase(selfLoops, name, this.edges[number]![number]?.count ?? 0);
      open += tally.stillOpen;
    }
    const rework = this.foldedRework(nameOf);
    const nodes = [...folded].map(([kind, tally]) => ({
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
    for (let set = 0; set < this.repeats.size; set++) {
      const names = new Set(this.repeats.valuesOf(set).map(nameOf));
      for (const name of names) increase(rework, name, this.repeats.count(set));
    }
    return rework;
  }

  private topVariants(max: number): MapVariant[] {
    const { variants } = this;
    return variants.top(max).map((each) => ({ kinds: variants.valuesOf(each), cases: variants.count(each) }));
  }
}

/**
 * Whether the sequence [first, end), with runs of one unit taken together, contains A, B, A. A missing unit is a unit of
 * its own.
 */
export function pingPong(units: Int32Array, first = 0, end = units.length): boolean {
  let before: number | undefined;
  let previous: number | undefined;
  for (let i = first; i < end; i++) {
    const unit = units[i];
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

function percentiles(d: Durations): Percentiles {
  const [p50, p90, p99] = d.percentiles([0.5, 0.9, 0.99]) as [number | null, number | null, number | null];
  return { p50, p90, p99 };
}
