import { followsOf, namesOf, type JourneyMap, type MapNode, type MapVariant, type NameOf } from './map-figures.js';
import { counted, cut, duration, number, percent, table } from './text.js';

export interface MapTextOptions {
  /** Edges listed at most. */
  readonly edges: number;
  readonly lang: 'en' | 'zh';
  /** Of the terminal. */
  readonly columns: number;
}

/** A map for a reader. */
export function mapText(map: JourneyMap, options: MapTextOptions): string {
  const nameOf = namesOf(map.nodes, (node) => (options.lang === 'zh' ? (node.nameZh ?? node.nameEn) : node.nameEn));
  const parts = [headOf(map), nodesText(map.nodes, nameOf), edgesText(map, nameOf, options.edges)];
  if (map.variants.length > 0) parts.push(variantsText(map, nameOf, options.columns));
  return parts.join('\n\n');
}

function headOf(map: JourneyMap): string {
  const { caseDurations: d, asOf } = map;
  const open = map.cases.value - map.closedCases.value;
  return [
    `${counted(map.cases.value, 'journey')} (${number(map.closedCases.value)} closed, ${number(open)} open), ` +
      `${counted(map.events.value, 'touchpoint')} of ${counted(map.activityCount, 'kind')}`,
    `From first to last touchpoint: median ${duration(d.p50)}, p90 ${duration(d.p90)}, p99 ${duration(d.p99)}` +
      (map.exact ? '' : ` (within ${percent(map.relativeError)})`),
    `${counted(map.handovers.value, 'handover')} between units, ${counted(map.pingPongCases.value, 'journey')} went back ` +
      `and forth, ${number(map.reworkCases.value)} with rework, ${counted(map.selfLoops.value, 'self-loop')}`,
    `As of ${asOf.instant}, position ${asOf.position}`,
  ].join('\n');
}

function nodesText(nodes: readonly MapNode[], nameOf: NameOf): string {
  const count = (of: (node: MapNode) => { value: number }) => (node: MapNode) => number(of(node).value);
  return table(
    nodes.filter((node) => node.role !== 'STILL_OPEN'),
    [
      { head: 'touchpoint', of: (node) => nameOf(node.id), max: 48 },
      { head: 'times', of: count((n) => n.count), right: true },
      { head: 'first', of: count((n) => n.starts), right: true },
      { head: 'ended', of: count((n) => n.ended), right: true },
      { head: 'still open', of: count((n) => n.stillOpen), right: true },
      { head: 'rework', of: count((n) => n.reworkCases), right: true },
      { head: 'loops', of: count((n) => n.selfLoops), right: true },
    ],
  );
}

function edgesText(map: JourneyMap, nameOf: NameOf, most: number): string {
  const follows = followsOf(map);
  const rows = table(follows.slice(0, most), [
    { head: 'from', of: (e) => nameOf(e.source), max: 36 },
    { head: 'to', of: (e) => nameOf(e.target), max: 36 },
    { head: 'times', of: (e) => number(e.count.value), right: true },
    { head: 'median', of: (e) => duration(e.durations.p50), right: true },
    { head: 'p90', of: (e) => duration(e.durations.p90), right: true },
    { head: 'p99', of: (e) => duration(e.durations.p99), right: true },
  ]);
  const more = follows.length - most;
  return more > 0 ? `${rows}\n… and ${number(more)} more edges (--edges ${follows.length})` : rows;
}

function variantsText(map: JourneyMap, nameOf: NameOf, columns: number): string {
  const room = Math.max(40, columns - 36);
  const rows = table(map.variants, [
    { head: 'journeys', of: (v) => number(v.cases.value), right: true },
    { head: 'share', of: (v) => percent(v.share), right: true },
    { head: 'together', of: (v) => percent(v.coverage), right: true },
    { head: 'way', of: (v) => cut(wayOf(v, nameOf), room) },
  ]);
  const more = map.variantCount - map.variants.length;
  return more > 0 ? `${rows}\n… and ${number(more)} more ways (--variants N)` : rows;
}

/** Kinds in order; one that follows itself is counted instead of repeated. */
function wayOf({ kinds }: MapVariant, nameOf: NameOf): string {
  const steps: { name: string; times: number }[] = [];
  for (const kind of kinds) {
    const last = steps.at(-1);
    if (last?.name === nameOf(kind)) last.times++;
    else steps.push({ name: nameOf(kind), times: 1 });
  }
  return steps.map(({ name, times }) => (times > 1 ? `${name} ×${times}` : name)).join(' > ');
}
