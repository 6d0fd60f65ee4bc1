/** What a figure counted, found again in the touchpoints of a journey. */
import type { Figure } from './figure-token.js';
import { pingPong } from './journey-map.js';
import type { Touchpoints } from './journey-rows.js';
import { Status } from './journeys.tables.js';

export type SearchedNode = number | 'other' | 'still-open';

/** What a figure looks for, with surrogates in place of names. */
export interface FigureSearch {
  readonly of: Figure['of'];
  /** Surrogate of a kind, or a role; undefined: any. */
  readonly node?: SearchedNode;
  readonly target?: SearchedNode;
  readonly variant?: string;
  readonly isOther: (kind: number) => boolean;
  readonly hashOf: (kinds: Int32Array) => string;
}

/** The places in one journey's touchpoints that a figure counted: each occurrence is a list of indexes. */
export function occurrences(search: FigureSearch, t: Touchpoints): number[][] {
  if (t.count === 0) return [];
  const all = () => [Array.from({ length: t.count }, (_, i) => i)];
  const matches = (kind: number, wanted: SearchedNode | undefined) =>
    wanted === undefined || (wanted === 'other' ? search.isOther(kind) : kind === wanted);
  const last = t.count - 1;
  const closed = t.status === Status.closed;
  switch (search.of) {
    case 'cases':
      return all();
    case 'closed':
      return closed ? all() : [];
    case 'events':
    case 'node':
      return places(t, (i) => matches(t.kind[i]!, search.node)).map((i) => [i]);
    case 'starts':
      return matches(t.kind[0]!, search.node) ? [[0]] : [];
    case 'ended':
      return closed && matches(t.kind[last]!, search.node) ? [[last]] : [];
    case 'stillOpen':
      return !closed && matches(t.kind[last]!, search.node) ? [[last]] : [];
    case 'edge':
      if (search.target === 'still-open') return !closed && matches(t.kind[last]!, search.node) ? [[last]] : [];
      return pairs(t, (i) => matches(t.kind[i - 1]!, search.node) && matches(t.kind[i]!, search.target));
    case 'transitions':
      return pairs(t, () => true);
    case 'selfLoops':
      return pairs(t, (i) => t.kind[i] === t.kind[i - 1] && matches(t.kind[i]!, search.node));
    case 'handovers':
      return pairs(t, (i) => t.unit[i] !== t.unit[i - 1]);
    case 'variant':
      return search.hashOf(t.kind) === search.variant ? all() : [];
    case 'rework':
      return reworked(t, (kind) => matches(kind, search.node)) ? all() : [];
    case 'pingPong':
      return pingPong(t.unit) ? all() : [];
  }
}

const places = (t: Touchpoints, wanted: (i: number) => boolean): number[] =>
  Array.from({ length: t.count }, (_, i) => i).filter(wanted);

const pairs = (t: Touchpoints, wanted: (i: number) => boolean): number[][] =>
  places(t, (i) => i > 0 && wanted(i)).map((i) => [i - 1, i]);

function reworked(t: Touchpoints, wanted: (kind: number) => boolean): boolean {
  const seen = new Set<number>();
  for (const kind of t.kind) {
    if (!wanted(kind)) continue;
    if (seen.has(kind)) return true;
    seen.add(kind);
  }
  return false;
}

/** 64-bit FNV-1a of a sequence of kinds by name: the same in every generation. */
export function variantHasher(nameOf: (kind: number) => string): (kinds: Int32Array | readonly number[]) => string {
  const known = new Map<number, [number, number]>();
  const pair = (kind: number): [number, number] => {
    let hash = known.get(kind);
    if (!hash) known.set(kind, (hash = [fnv(nameOf(kind), 0x811c9dc5), fnv(nameOf(kind), 0x050c5d1f)]));
    return hash;
  };
  return (kinds) => {
    let [a, b] = [0x811c9dc5, 0x9dc5811c];
    for (const kind of kinds) {
      const [x, y] = pair(kind);
      a = Math.imul(a ^ x, 0x01000193) >>> 0;
      b = Math.imul((b << 5) ^ (b >>> 27) ^ y, 0x01000193) >>> 0;
    }
    return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0');
  };
}

function fnv(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
