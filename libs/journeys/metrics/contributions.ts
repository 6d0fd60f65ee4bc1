/**
 * What one journey, and one contact of a matter, adds to the sums that care figures are made of. The same functions
 * fill the cube, answer for the past and open a figure to its events.
 */
import { bucketOf } from '@touchstone/readmodel/cube';
import { Flag, Form, NO_SCORE, ObserverCode } from '../journey-blob.js';
import { CUBES, type CubeName } from './care.tables.js';
import {
  contactsOf,
  isChannelChange,
  ownerChanges,
  type JourneyFacts,
  type Observed,
  type OwnerChange,
} from './facts.js';
import { isByAbsence, isOwed, isRepeat, isResolved, type Contact } from './matter.js';
import { turn } from './turns.js';

/**
 * Takes one contribution. Both lists are used again for the next one: copy what is to be kept.
 *
 * @param at when the anchor was, ms since 1970
 * @param dims in the order of the cube's dimensions, the day first
 * @param measures in the order of the cube's measures
 * @param anchor place of the anchor among the journey's entries
 */
export type Emit = (
  cube: CubeName,
  at: number,
  dims: readonly number[],
  measures: readonly number[],
  anchor: number,
) => void;

type DayOf = (ms: number) => number;

/** Everything that a journey adds by itself, without the other journeys of its matter; to these cubes only. */
export function journeyContributions(
  facts: JourneyFacts,
  dayOf: DayOf,
  emit: Emit,
  wanted: Partial<Record<CubeName, boolean>> = ALL,
): void {
  if (facts.touchpoints.length === 0) return;
  if (wanted.touchpoint) touchpointContributions(facts, dayOf, emit);
  if (wanted.lag) lagContributions(facts, dayOf, emit);
  if (wanted.moment && facts.observations.length > 0) momentContributions(facts, dayOf, emit);
  if (!wanted.opened && !wanted.closed) return;
  const changes = ownerChanges(facts);
  if (wanted.opened) opened(facts, changes, dayOf, emit);
  if (wanted.closed && facts.closed) closed(facts, changes, dayOf, emit);
}

const ALL = { touchpoint: true, lag: true, moment: true, opened: true, closed: true };

/** What a contact of a known customer adds, by its status among its neighbours. */
export function contactContribution(
  contact: Contact,
  emit: (dims: readonly number[], measures: readonly number[]) => void,
): void {
  const { day, unit, channel, journey_type, stage, segment, region, tier } = contact;
  const one = (is: (contact: Contact) => boolean) => (is(contact) ? 1 : 0);
  const repeat = one(isRepeat);
  emit(
    [day, unit, channel, journey_type, stage, segment, region, tier],
    [0, 0, 0, 0, 1, repeat, 1 - repeat, one(isResolved), 0, 0, one(isByAbsence), one(isOwed)],
  );
}

const dims: number[] = new Array<number>(10).fill(0);

/** The dimensions that every cube begins with but that of lags. */
function anchored(facts: JourneyFacts, place: number, day: number): number[] {
  const [columns, i] = facts.columnsAt(place);
  const { type, segment, region, tier } = facts.head;
  dims.length = 8;
  dims[0] = day;
  dims[1] = columns.unit(i);
  dims[2] = columns.channel(i);
  dims[3] = type;
  dims[4] = columns.stage(i);
  dims[5] = segment;
  dims[6] = region;
  dims[7] = tier;
  return dims;
}

const perTouchpoint = new Array<number>(CUBES.touchpoint.measures.length).fill(0);

function touchpointContributions(facts: JourneyFacts, dayOf: DayOf, emit: Emit): void {
  const { touchpoints, head } = facts;
  const contacts = contactsOf(facts);
  const owned = facts.owners.length > 0 ? 1 : 0;
  const known = head.customer === 0 ? 0 : 1;
  let next = 0;
  let before = 0;
  for (let number = 0; number < touchpoints.length; number++) {
    const place = touchpoints[number]!;
    const isContact = contacts[next] === number;
    perTouchpoint.fill(0);
    perTouchpoint[0] = 1;
    perTouchpoint[1] = owned;
    perTouchpoint[2] = known;
    if (isContact) {
      next++;
      perTouchpoint[3] = 1;
      const channel = facts.channel(place);
      if (isChannelChange(before, channel)) {
        perTouchpoint[8] = 1;
        perTouchpoint[9] = facts.has(place, Flag.contextPassed) ? 1 : 0;
      }
      before = channel;
    }
    const at = facts.at[place]!;
    emit('touchpoint', at, anchored(facts, place, dayOf(at)), perTouchpoint, place);
  }
}

const lag = [0, 0];
const lagDims = [0, 0, 0, 0, 0, 0];

function lagContributions(facts: JourneyFacts, dayOf: DayOf, emit: Emit): void {
  for (const place of facts.touchpoints) {
    const [columns, i] = facts.columnsAt(place);
    const recorded = columns.recorded(i);
    if (Number.isNaN(recorded)) continue;
    const at = facts.at[place]!;
    lagDims[0] = dayOf(at);
    lagDims[1] = columns.source(i);
    lagDims[2] = columns.unit(i);
    lagDims[3] = columns.channel(i);
    lagDims[4] = facts.head.type;
    lagDims[5] = bucketOf(recorded - at);
    lag[0] = 1;
    lag[1] = Math.round((recorded - at) / 1000);
    emit('lag', at, lagDims, lag, place);
  }
}

const perMoment = new Array<number>(CUBES.moment.measures.length).fill(0);
const COVERED = CUBES.moment.measures.indexOf('covered');
/** The measure of the middle of the scale; the others stand around it. */
const RATED_0 = CUBES.moment.measures.indexOf('rated_0');

function momentContributions(facts: JourneyFacts, dayOf: DayOf, emit: Emit): void {
  const covered = new Set<number>();
  for (const observed of facts.observations) {
    const { form, score, observer, kind, touchpoint } = observed;
    const place = facts.touchpoints[touchpoint]!;
    const at = facts.at[place]!;
    const send = (code: number) => {
      const where = anchored(facts, place, dayOf(at));
      where[8] = observer;
      where[9] = code;
      emit('moment', at, where, perMoment, observed.place);
    };
    if (covers(observed) && !covered.has(touchpoint * 8 + observer)) {
      covered.add(touchpoint * 8 + observer);
      perMoment.fill(0);
      perMoment[COVERED] = 1;
      send(0);
    }
    perMoment.fill(0);
    if (form === Form.moment) {
      const weight = Math.abs(score);
      const negative = score < 0 ? 1 : 0;
      perMoment[negative] = 1;
      perMoment[2 + negative] = weight;
      perMoment[4] = weight * weight;
      send(kind);
    } else if (form === Form.experience && score !== NO_SCORE) {
      perMoment[RATED_0 + score] = 1;
      send(0);
    }
  }
}

/** Somebody looked: a moment, a rating or "nothing to note". What rules look at follows from the touchpoints. */
export const covers = ({ form, observer }: Observed): boolean =>
  observer !== ObserverCode.rule && (form === Form.moment || form === Form.experience || form === Form.reviewed);

const perOpened = new Array<number>(CUBES.opened.measures.length).fill(0);

function opened(facts: JourneyFacts, changes: readonly OwnerChange[], dayOf: DayOf, emit: Emit): void {
  const place = facts.touchpoints[0]!;
  const at = facts.at[place]!;
  const { negative, turned } = turn(facts);
  perOpened[0] = 1;
  perOpened[1] = changes.length;
  perOpened[2] = changes.length * changes.length;
  perOpened[3] = returns(facts, changes).length;
  perOpened[4] = changes.some(({ told }) => !told) ? 1 : 0;
  perOpened[5] = negative ? 1 : 0;
  perOpened[6] = turned ? 1 : 0;
  emit('opened', at, anchored(facts, place, dayOf(at)), perOpened, place);
}

/** Changes to somebody who had owned the journey before. */
export function returns(facts: JourneyFacts, changes: readonly OwnerChange[]): OwnerChange[] {
  if (changes.length < 2) return [];
  const party = (place: number) => {
    const { unit, staff } = facts.entry(place);
    return `${unit}/${staff}`;
  };
  const owners = facts.owners.map(party);
  const back = new Set(
    facts.owners.filter((_, i) => i > 0 && owners[i] !== owners[i - 1] && owners.indexOf(owners[i]!) < i),
  );
  return changes.filter(({ place }) => back.has(place));
}

const perClosed = new Array<number>(CUBES.closed.measures.length).fill(0);

function closed(facts: JourneyFacts, changes: readonly OwnerChange[], dayOf: DayOf, emit: Emit): void {
  const end = closingPlace(facts);
  if (end === undefined) return;
  const at = facts.at[end]!;
  const start = facts.at[facts.touchpoints[0]!]!;
  const gross = at - start;
  let [visible, bySystem] = [0, 0];
  for (const place of facts.touchpoints) {
    if (!facts.has(place, Flag.customerVisible)) continue;
    if (facts.has(place, Flag.bySystem)) bySystem++;
    else visible++;
  }
  const owned = facts.owners.length > 0;
  perClosed[0] = 1;
  perClosed[1] = gross;
  perClosed[2] = gross - pausedWithin(facts, start, at);
  perClosed[3] = visible;
  perClosed[4] = visible * visible;
  perClosed[5] = bySystem;
  perClosed[6] = owned ? 1 : 0;
  perClosed[7] = owned && changes.every(({ noted, told }) => noted && told) ? 1 : 0;
  // A person's decision has neither unit nor channel: it is that of the touchpoint it ends.
  const touchpoint = facts.touchpoints[Math.max(0, facts.touchpointBefore(end))]!;
  const where = anchored(facts, touchpoint, dayOf(at));
  where[8] = bucketOf(gross);
  emit('closed', at, where, perClosed, end);
}

/** Place of what closed the journey: the last touchpoint or decision about its end, when that closes it. */
export function closingPlace(facts: JourneyFacts): number | undefined {
  const decided = facts.decisions.filter(
    (place) => facts.form[place] === Form.closed || facts.form[place] === Form.reopened,
  );
  const end = Math.max(facts.touchpoints.at(-1) ?? -1, decided.at(-1) ?? -1);
  if (end < 0) return undefined;
  const closes =
    facts.form[end] === Form.closed || (facts.form[end] === Form.touchpoint && facts.has(end, Flag.closes));
  return closes ? end : undefined;
}

/** Milliseconds between `start` and `end` in which the journey was paused. */
function pausedWithin(facts: JourneyFacts, start: number, end: number): number {
  let paused = 0;
  let since: number | null = null;
  for (const place of facts.decisions) {
    const form = facts.form[place];
    const at = Math.min(Math.max(facts.at[place]!, start), end);
    if (form === Form.paused) since ??= at;
    else if (form === Form.resumed && since !== null) {
      paused += at - since;
      since = null;
    }
  }
  return since === null ? paused : paused + (end - since);
}
