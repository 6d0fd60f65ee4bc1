/**
 * A customer's matters of one type of journey, in time: spans that do not overlap, each of one journey, further apart
 * than the idle gap or about to be merged. A span only grows, so a touchpoint that comes again finds the span it went to.
 */
import {
  command,
  decider,
  event,
  instantMs,
  t,
  type Decide,
  type EventOf,
  type EventSource,
} from '@touchstone/eventing/pure';

export const matterStream = (id: string) => `matter-${id}`;

/** The journey's first touchpoint here; the event's time is the touchpoint's. */
export const MatterSpanOpened = event(
  'MatterSpanOpened',
  t.object({
    customerId: t.uuid(),
    journeyType: t.code(),
    journeyId: t.uuid(),
    /** An object's own journey: it is only watched, and may overlap with others. */
    apart: t.optional(t.flag()),
  }),
);
/** The journey reaches to another time, earlier or later; the event's time is that of the touchpoint that says so. */
export const MatterSpanExtended = event(
  'MatterSpanExtended',
  t.object({ journeyId: t.uuid(), apart: t.optional(t.flag()) }),
);
export type MatterEvent = EventOf<typeof MatterSpanOpened | typeof MatterSpanExtended>;

/** From the first touchpoint to the last, both included; ms since 1970. */
export interface Span {
  readonly journeyId: string;
  from: number;
  to: number;
}

export interface Matter {
  /** In the order of time; no two overlap. */
  readonly spans: Span[];
  /** Journeys of objects, by id. */
  readonly apart: Map<string, Span>;
}

export function evolve(matter: Matter, e: MatterEvent): Matter {
  const { journeyId, apart } = e.data;
  const at = instantMs(e.occurredAt);
  if (apart) {
    const span = matter.apart.get(journeyId);
    if (span) stretch(span, at);
    else matter.apart.set(journeyId, { journeyId, from: at, to: at });
    return matter;
  }
  const place = firstEndingFrom(matter.spans, at);
  if (e.type === 'MatterSpanOpened') matter.spans.splice(place, 0, { journeyId, from: at, to: at });
  else stretch(nearestOf(matter.spans.slice(Math.max(0, place - 1), place + 1), at, journeyId), at);
  return matter;
}

/** A touchpoint of the customer that no object leads to a journey (or, `apart`, that one does). */
export class PlaceInMatter extends command<{
  matterId: string;
  customerId: string;
  journeyType: string;
  /** What the journey is called when this opens one. */
  journeyId: string;
  apart?: boolean;
  idleGapMs: number;
  /** Spans of others who are one person with the customer: each keeps a line of their own, so that they can part again. */
  beside?: readonly Span[];
  occurredAt: string;
  source?: EventSource;
  /** The rule's edition. */
  policyVersion: string;
}>() {}

export const placeInMatter: Decide<PlaceInMatter, Matter> = (c, matter) => {
  const { customerId, journeyType, journeyId, occurredAt, source, policyVersion } = c;
  const at = instantMs(occurredAt);
  const about = { occurredAt, source, policyVersion };
  const apart = c.apart ? { apart: true } : {};
  const near = c.apart ? matter.apart.get(journeyId) : nearest(matter.spans, at, c.idleGapMs);
  if (near && near.from <= at && at <= near.to) return [];
  const other = c.apart ? undefined : nearestAmong(c.beside ?? [], at, c.idleGapMs);
  if (other && (!near || distance(other, at) < distance(near, at))) {
    return [MatterSpanOpened({ customerId, journeyType, journeyId: other.journeyId }, about)];
  }
  if (near) return [MatterSpanExtended({ journeyId: near.journeyId, ...apart }, about)];
  return [MatterSpanOpened({ customerId, journeyType, journeyId, ...apart }, about)];
};

/** The journey whose span holds the instant; undefined: nobody placed anything there. */
export function spanAt({ spans }: Matter, at: number): Span | undefined {
  const span = spans[firstEndingFrom(spans, at)];
  return span && span.from <= at ? span : undefined;
}

/** Another journey that stands close to one, and how far apart they are, ms. */
export interface Neighbour extends Span {
  readonly gapMs: number;
}

/** The spans before and behind the one at this instant, however far. */
export function besides({ spans }: Matter, at: number): Neighbour[] {
  const place = firstEndingFrom(spans, at);
  const own = spans[place];
  if (!own || own.from > at) return [];
  const [before, behind] = [spans[place - 1], spans[place + 1]];
  return [
    ...(before ? [{ ...before, gapMs: own.from - before.to }] : []),
    ...(behind ? [{ ...behind, gapMs: behind.from - own.to }] : []),
  ];
}

/** Spans of the one sort no further than `within` from a span of the other. */
export function near(others: Iterable<Span>, own: Span, within: number): Neighbour[] {
  const found: Neighbour[] = [];
  for (const other of others) {
    const gapMs = Math.max(0, other.from - own.to, own.from - other.to);
    if (gapMs <= within) found.push({ ...other, gapMs });
  }
  return found;
}

function nearest(spans: readonly Span[], at: number, within: number): Span | undefined {
  const place = firstEndingFrom(spans, at);
  const candidates = spans.slice(Math.max(0, place - 1), place + 1).filter((span) => distance(span, at) <= within);
  return candidates.length === 0 ? undefined : nearestOf(candidates, at);
}

/** Of any spans, in no order: the nearest one, the earlier of two as near, the smaller id of two alike. */
function nearestAmong(spans: readonly Span[], at: number, within: number): Span | undefined {
  const key = (span: Span): readonly [number, number, string] => [distance(span, at), span.from, span.journeyId];
  let found: Span | undefined;
  for (const span of spans) {
    if (distance(span, at) > within) continue;
    if (!found || isBefore(key(span), key(found))) found = span;
  }
  return found;
}

const isBefore = (a: readonly [number, number, string], b: readonly [number, number, string]): boolean =>
  a[0] - b[0] !== 0 ? a[0] < b[0] : a[1] - b[1] !== 0 ? a[1] < b[1] : a[2] < b[2];

/** Of two as near the earlier. */
function nearestOf(spans: readonly Span[], at: number, journeyId?: string): Span {
  const own = journeyId === undefined ? spans : spans.filter((span) => span.journeyId === journeyId);
  return own.reduce((a, b) => (distance(b, at) < distance(a, at) ? b : a));
}

const distance = ({ from, to }: Span, at: number): number => Math.max(0, from - at, at - to);

function stretch(span: Span, at: number): void {
  span.from = Math.min(span.from, at);
  span.to = Math.max(span.to, at);
}

/** Place of the first span that ends at the instant or later. */
function firstEndingFrom(spans: readonly Span[], at: number): number {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle]!.to < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const matterDecider = decider<Matter, MatterEvent>(
  { name: 'matter', stream: matterStream, initial: () => ({ spans: [], apart: new Map() }), evolve },
  (on) => [on(PlaceInMatter, (c) => c.matterId, placeInMatter)],
);
