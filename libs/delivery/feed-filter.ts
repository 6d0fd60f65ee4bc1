import type { EventFilter, Position, RecordedEvent } from '@touchstone/eventing';
import type { EventContext, EventInContext } from '@touchstone/journeys';

/** Which events a subscriber wants: those that meet all that is given, each by one of its values. */
export interface FeedFilter {
  readonly types?: readonly string[];
  /** Names of streams; one that ends with `-`, such as `journey-`, means all streams that begin with it. */
  readonly streams?: readonly string[];
  readonly journeyTypes?: readonly string[];
  readonly units?: readonly string[];
  readonly regions?: readonly string[];
  readonly tiers?: readonly string[];
  /** false: nothing of historical loads. */
  readonly historical?: boolean;
}

/** Where a subscriber begins: behind a position, with the first event of all, or with what is recorded from now on. */
export type FeedStart = { readonly after: Position } | 'beginning' | 'now';

/** The part of a filter that the log itself knows. */
export const logFilterOf = ({ types, streams }: FeedFilter): EventFilter => ({
  ...(types && { types }),
  ...(streams && { streams }),
});

/** Whether an event may be for the subscriber, by what it says itself: also one that the log did not filter. */
export function mayPass(
  { types, streams, historical }: FeedFilter,
  { type, stream, metadata }: RecordedEvent,
): boolean {
  if (historical === false && metadata.historical) return false;
  if (types && !types.includes(type)) return false;
  // The log filters by the beginning of a name; a full name must be met exactly.
  return !streams || streams.some((name) => name === stream || (name.endsWith('-') && stream.startsWith(name)));
}

/** Whether it depends on what stands around an event. */
export const asksForSurroundings = ({ journeyTypes, units, regions, tiers }: FeedFilter): boolean =>
  (journeyTypes ?? units ?? regions ?? tiers) !== undefined;

/**
 * Whether it is, by what stands around it. What corrects or takes back an event passes wherever that one passed, too: who
 * was told of a touchpoint of unit A hears that it was unit B's.
 */
export const passes = (filter: FeedFilter, { context, before }: EventInContext): boolean =>
  surrounds(filter, context) || (before !== null && surrounds(filter, before));

const surrounds = (filter: FeedFilter, context: EventContext): boolean =>
  isOneOf(filter.journeyTypes, context.journeyType) &&
  isOneOf(filter.units, context.unit) &&
  isOneOf(filter.regions, context.region) &&
  isOneOf(filter.tiers, context.tier);

const isOneOf = (values: readonly string[] | undefined, value: string | null): boolean =>
  values === undefined || (value !== null && values.includes(value));
