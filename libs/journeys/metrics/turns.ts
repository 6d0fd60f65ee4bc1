/** Negative moments of a journey and whether a positive one follows: turned, not turned, or not decided yet. */
import { isMoment, type JourneyFacts, type Observed } from './facts.js';
import { isOwed, REPEAT_WINDOW_MS, type Contact } from './matter.js';

/** In the order of their touchpoints; at one touchpoint, in that of being observed. */
export const momentsInOrder = (facts: JourneyFacts): Observed[] =>
  facts.observations.filter(isMoment).sort((a, b) => a.touchpoint - b.touchpoint || a.place - b.place);

/**
 * Whether the journey has a negative moment, and whether a positive one follows it: at a later touchpoint, or lived later
 * at the same one. Of moments of one instant nobody knows which came first.
 */
export function turn(facts: JourneyFacts): { negative: boolean; turned: boolean } {
  const moments = momentsInOrder(facts);
  const first = moments.find(({ score }) => score < 0);
  if (!first) return { negative: false, turned: false };
  const turned = moments.some(
    ({ score, touchpoint, place }) => score > 0 && follows(facts, first, touchpoint, facts.at[place]!),
  );
  return { negative: true, turned };
}

const follows = (facts: JourneyFacts, first: Observed, touchpoint: number, at: number): boolean =>
  touchpoint > first.touchpoint || (touchpoint === first.touchpoint && at > facts.at[first.place]!);

/**
 * Until when time alone may turn the journey's negative moment: the end of the last window in which a first contact after
 * it waits to be resolved by absence, so that the rule's positive moment would follow. -Infinity: nothing is waited for.
 *
 * @param contacts those of the journey, judged
 */
export function openUntil(facts: JourneyFacts, contacts: readonly Contact[]): number {
  if (contacts.length === 0 || facts.observations.length === 0) return -Infinity;
  const owed = contacts.filter(isOwed);
  if (owed.length === 0) return -Infinity;
  const { negative, turned } = turn(facts);
  if (!negative || turned) return -Infinity;
  const first = momentsInOrder(facts).find(({ score }) => score < 0)!;
  const numbers = new Map(facts.touchpoints.map((place, number) => [facts.id(place), number]));
  let until = -Infinity;
  for (const { id, at } of owed) {
    const touchpoint = numbers.get(id);
    // A moment of a rule has the time of its touchpoint.
    if (touchpoint === undefined || !follows(facts, first, touchpoint, at)) continue;
    until = Math.max(until, at + REPEAT_WINDOW_MS);
  }
  return until;
}

/** A row of `turn_open`: where the journey counts (its first touchpoint), and until when it is open. Surrogates. */
export interface OpenTurn {
  readonly journey: number;
  /** ms since 1970, both. */
  readonly at: number;
  readonly until: number;
  readonly day: number;
  readonly unit: number;
  readonly channel: number;
  readonly journey_type: number;
  readonly stage: number;
  readonly segment: number;
  readonly region: number;
  readonly tier: number;
}

/** Null: nothing is waited for. */
export function openTurn(
  facts: JourneyFacts,
  contacts: readonly Contact[],
  dayOf: (ms: number) => number,
): OpenTurn | null {
  const until = openUntil(facts, contacts);
  if (until === -Infinity) return null;
  const place = facts.touchpoints[0]!;
  const [columns, i] = facts.columnsAt(place);
  const at = columns.at(i);
  const { journey, type, segment, region, tier } = facts.head;
  const [unit, channel, stage] = [columns.unit(i), columns.channel(i), columns.stage(i)];
  return { journey, at, until, day: dayOf(at), unit, channel, journey_type: type, stage, segment, region, tier };
}
