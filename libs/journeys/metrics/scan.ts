/**
 * The contributions behind care figures, made anew from the journeys themselves: as of any position, for any window,
 * down to the events. What the cubes say of the present, this says of every moment.
 */
import type { Read } from '@touchstone/readmodel/query';
import { Flag } from '../journey-blob.js';
import type { CubeName } from './care.tables.js';
import { closingPlace, journeyContributions, type Emit } from './contributions.js';
import type { DayCalendar } from './day-calendar.js';
import { contactsOf, type JourneyFacts } from './facts.js';
import { journeysWithin } from './held-journeys.js';
import { REPEAT_WINDOW_MS, type Contact } from './matter.js';
import { ScannedContacts } from './scanned-contacts.js';
import { momentsInOrder, openUntil } from './turns.js';

export interface ScanOptions {
  /** Anchors in [from, to), ms since 1970; absent: without bound. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly calendar: DayCalendar;
  /** What journeys add to these cubes by themselves. */
  readonly cubes: readonly CubeName[];
  /** Also what contacts add to the cube of touchpoints, by their neighbours in the matter. They come last. */
  readonly contacts?: boolean;
  /** What is told of contacts that began before is not wanted; ms since 1970. */
  readonly contactsFromMs?: number;
  /** The first contacts that are undecided, by journey (`undecidedContacts`): so journeys are told that are. */
  readonly undecided?: ReadonlyMap<number, readonly Contact[]>;
  /** Segment, region and tier are wanted; default true. Without them, all are 0. */
  readonly profiles?: boolean;
  /** Keeps the way from a contact to its events; costs memory. */
  readonly evidence?: boolean;
  /**
   * These journeys instead of all that the window touches, in the order of their surrogates. With `contacts`, those of a
   * page come with it; `beside` finds the journeys that have their neighbours.
   */
  readonly paged?: {
    readonly facts: AsyncIterable<readonly JourneyFacts[]>;
    beside(own: readonly JourneyFacts[]): Promise<readonly JourneyFacts[]>;
  };
}

/**
 * Which events stand behind a contribution:
 * `anchor` the anchor alone; `span` first touchpoint and close; `visible` the touchpoints that the customer lives;
 * `owners` the journey's owners; `channels` a contact and the one before it; `moment` an observation and its
 * touchpoint; `turn` the journey's moments; `contact` a contact and the neighbour that decides about it.
 */
export type Evidence = 'anchor' | 'span' | 'visible' | 'owners' | 'channels' | 'moment' | 'turn' | 'contact';

/** One contribution; it and its lists are used again for the next one. */
export interface Contribution {
  readonly cube: CubeName;
  /** Surrogate. */
  readonly journey: number;
  /** When the anchor was, ms since 1970. */
  readonly at: number;
  /** In the order of the cube's dimensions, the day first. */
  readonly dims: readonly number[];
  /** In the order of the cube's measures. */
  readonly measures: readonly number[];
  /**
   * Of a contact: it counts as resolved so far, while its window is open at the read's instant. Of a journey: its
   * negative moment is not turned, and waits for such a contact.
   */
  readonly undecided: boolean;
  /** Positions of the events, in the journey's order. Only during the visit. */
  evidence(of: Evidence): string[];
}

/** Visits every contribution in the order of journeys, then those of contacts. Answer `false` to end early. */
export async function scan(
  read: Read,
  options: ScanOptions,
  visit: (contribution: Contribution) => boolean | void,
): Promise<void> {
  const { calendar, contacts = false, evidence = false, profiles = true, paged } = options;
  const dayOf = (ms: number) => calendar.dayOf(ms);
  const instant = Date.parse(read.asOf.instant);
  const [from, to] = [options.fromMs ?? -Infinity, options.toMs ?? Infinity];
  const wanted = Object.fromEntries(options.cubes.map((cube) => [cube, true]));
  const since = Math.max(from, options.contactsFromMs ?? -Infinity);
  const beside = contacts ? REPEAT_WINDOW_MS : 0;
  const gathered = new ScannedContacts(since - beside, to + beside, evidence);
  const current = new Current();
  let ended = false;
  const emit: Emit = (cube, at, dims, measures, anchor) => {
    if (ended || at < from || at >= to) return;
    if (visit(current.set(cube, at, dims, measures, anchor)) === false) ended = true;
  };
  /** Answers whether to go on. */
  const take = (page: Iterable<JourneyFacts>): boolean => {
    for (const facts of page) {
      current.facts = facts;
      // Only a journey that has an undecided contact can be undecided.
      const own = options.undecided?.get(facts.head.journey);
      current.undecided = own !== undefined && openUntil(facts, own) > instant;
      journeyContributions(facts, dayOf, emit, wanted);
      if (ended) return false;
      if (contacts) gathered.add(facts, dayOf);
    }
    read.checkpointCancel();
    return true;
  };
  if (!paged) {
    for await (const page of journeysWithin(read, from - beside, to + beside, { profiles, roots: contacts })) {
      if (!take(page)) return;
    }
    if (contacts) gathered.visit({ from: since, to, instant }, visit);
    return;
  }
  for await (const page of paged.facts) {
    if (!take(page)) return;
    if (!contacts) continue;
    const first = gathered.size;
    for (const facts of await paged.beside(page)) gathered.add(facts, dayOf);
    if (!gathered.visit({ from: since, to, instant, first }, visit)) return;
    gathered.clear();
  }
}

/** The contribution of the visit under way: one object for all, since a scan has millions of them. */
class Current implements Contribution {
  facts!: JourneyFacts;
  cube: CubeName = 'touchpoint';
  at = 0;
  dims: readonly number[] = [];
  measures: readonly number[] = [];
  undecided = false;
  private anchor = 0;

  get journey(): number {
    return this.facts.head.journey;
  }

  set(cube: CubeName, at: number, dims: readonly number[], measures: readonly number[], anchor: number): this {
    this.cube = cube;
    this.at = at;
    this.dims = dims;
    this.measures = measures;
    this.anchor = anchor;
    return this;
  }

  evidence(of: Evidence): string[] {
    return placesOf(this.facts, of, this.anchor).map((place) => this.facts.entry(place).from);
  }
}

/** Places of the entries behind a contribution, in the journey's order. */
function placesOf(facts: JourneyFacts, of: Evidence, anchor: number): number[] {
  const { touchpoints } = facts;
  switch (of) {
    case 'anchor':
    case 'contact':
      return [anchor];
    case 'span':
      return [touchpoints[0]!, closingPlace(facts) ?? anchor];
    case 'visible':
      return [...touchpoints].filter(
        (place) => facts.has(place, Flag.customerVisible) && !facts.has(place, Flag.bySystem),
      );
    case 'owners':
      return facts.owners.length === 0 ? [anchor] : [...facts.owners];
    case 'channels': {
      const contacts = contactsOf(facts).map((number) => touchpoints[number]!);
      const before = contacts[contacts.indexOf(anchor) - 1];
      return before === undefined ? [anchor] : [before, anchor];
    }
    case 'moment': {
      const observed = facts.observations.find(({ place }) => place === anchor);
      return observed ? [touchpoints[observed.touchpoint]!, anchor] : [anchor];
    }
    case 'turn': {
      const moments = momentsInOrder(facts).map(({ place }) => place);
      return moments.length === 0 ? [anchor] : moments;
    }
  }
}
