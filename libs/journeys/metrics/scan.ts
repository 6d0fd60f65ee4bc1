/**
 * The contributions behind care figures, made anew from the journeys themselves: as of any position, for any window,
 * down to the events. What the cubes say of the present, this says of every moment.
 */
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { rootsAt } from '../customer-tree.js';
import { EntryColumns, Flag, positionKey } from '../journey-blob.js';
import { hasParts, partsAt, seenAs, wholesAt } from '../journey-wholes.js';
import type { CubeName } from './care.tables.js';
import { closingPlace, contactContribution, journeyContributions, type Emit } from './contributions.js';
import type { DayCalendar } from './day-calendar.js';
import { contactsOf, JourneyFacts, type JourneyHead } from './facts.js';
import {
  byMatter,
  contactRows,
  isNear,
  isRepeat,
  isUndecided,
  judged,
  REPEAT_WINDOW_MS,
  type Contact,
} from './matter.js';
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
  /** The first contacts that are undecided, by journey (`undecidedContacts`): so journeys are told that are. */
  readonly undecided?: ReadonlyMap<number, readonly Contact[]>;
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

const PAGE = 500;

/** Visits every contribution in the order of journeys, then those of contacts. Answer `false` to end early. */
export async function scan(
  read: Read,
  options: ScanOptions,
  visit: (contribution: Contribution) => boolean | void,
): Promise<void> {
  const { calendar, contacts = false, evidence = false, paged } = options;
  const dayOf = (ms: number) => calendar.dayOf(ms);
  const instant = Date.parse(read.asOf.instant);
  const [from, to] = [options.fromMs ?? -Infinity, options.toMs ?? Infinity];
  const wanted = Object.fromEntries(options.cubes.map((cube) => [cube, true]));
  const gathered: Gathered[] = [];
  const current = new Current();
  let ended = false;
  const emit: Emit = (cube, at, dims, measures, anchor) => {
    if (ended || at < from || at >= to) return;
    if (visit(current.set(cube, at, dims, measures, anchor)) === false) ended = true;
  };
  const beside = contacts ? REPEAT_WINDOW_MS : 0;
  for await (const page of paged?.facts ?? factsIn(read, from - beside, to + beside)) {
    for (const facts of page) {
      current.facts = facts;
      // Only a journey that has an undecided contact can be undecided.
      const own = options.undecided?.get(facts.head.journey);
      current.undecided = own !== undefined && openUntil(facts, own) > instant;
      journeyContributions(facts, dayOf, emit, wanted);
      if (ended) return;
      if (contacts) gather(facts, dayOf, evidence, gathered);
    }
    if (!contacts || !paged) continue;
    for (const facts of await paged.beside(page)) gather(facts, dayOf, evidence, gathered);
    const own = new Set(page.map(({ head }) => head.journey));
    if (!visitContacts(gathered, { from, to, instant, own }, visit)) return;
    gathered.length = 0;
  }
  if (contacts && !paged) visitContacts(gathered, { from, to, instant }, visit);
}

/** A contact whose status is filled in, and the position of its event. */
interface Gathered extends Contact {
  flags: number;
  position: string;
}

function gather(facts: JourneyFacts, dayOf: (ms: number) => number, evidence: boolean, into: Gathered[]): void {
  const rows = contactRows(facts, dayOf);
  if (rows.length === 0) return;
  const numbers = evidence ? contactsOf(facts) : null;
  rows.forEach((contact, i) => {
    const own = contact as Gathered;
    own.position = numbers ? facts.entry(facts.touchpoints[numbers[i]!]!).from : '';
    into.push(own);
  });
}

/** Those in the window, of these journeys (absent: of all). Answers whether to go on. */
function visitContacts(
  contacts: Gathered[],
  { from, to, instant, own }: { from: number; to: number; instant: number; own?: ReadonlySet<number> },
  visit: (contribution: Contribution) => boolean | void,
): boolean {
  contacts.sort(byMatter);
  // Each looks at what its neighbours are by themselves, so all are judged before any is changed.
  const flags = contacts.map((contact, i) => judged(contact, contacts[i - 1], contacts[i + 1]));
  // Figures are opened journey by journey.
  const order: number[] = [];
  contacts.forEach((contact, i) => {
    contact.flags = flags[i]!;
    if (contact.at >= from && contact.at < to && own?.has(contact.journey) !== false) order.push(i);
  });
  order.sort((a, b) => contacts[a]!.journey - contacts[b]!.journey || a - b);
  for (const i of order) {
    const contact = contacts[i]!;
    const events = () => {
      const beside = contacts[isRepeat(contact) ? i - 1 : i + 1];
      return beside && isNear(beside, contact) ? [contact.position, beside.position] : [contact.position];
    };
    let goOn = true;
    contactContribution(contact, (dims, measures) => {
      const answer = visit({
        cube: 'touchpoint',
        journey: contact.journey,
        at: contact.at,
        dims,
        measures,
        undecided: isUndecided(contact, instant),
        evidence: (of) => (of === 'contact' ? events() : [contact.position]),
      });
      goOn = answer !== false;
    });
    if (!goOn) return false;
  }
  return true;
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

/** Journeys that a window may touch, as they held at the read's position, in the order of their surrogates. */
export async function* factsIn(read: Read, from: number, to: number): AsyncGenerator<readonly JourneyFacts[]> {
  const whole = from === -Infinity && to === Infinity;
  const merged = await hasParts(read);
  for await (const states of statesIn(read, from, to))
    yield merged ? await seenFacts(read, states) : await heldFacts(read, states, whole);
}

/**
 * Journeys as they are seen: those of the states that are by themselves, and those that stand for what was merged or
 * split. What is part of another is left out: it is seen in its place.
 */
async function seenFacts(read: Read, states: readonly HeldState[]): Promise<JourneyFacts[]> {
  const parts = await partsAt(
    read,
    states.map(({ journey }) => journey),
  );
  const alone = states.filter(({ journey }) => !parts.has(journey));
  const roots = states.map(({ journey }) => journey).filter((id) => parts.has(id) && parts.root(id) === id);
  const facts = alone.length > 0 ? await heldFacts(read, alone) : [];
  const wholes = await wholesAt(read, parts, roots);
  if (wholes.length === 0) return facts;
  const position = read.past ? positionKey(read.asOf.position) : undefined;
  const headOf = await headsOf(
    read,
    wholes.map(({ state }) => state),
  );
  for (const { state, chunks } of wholes) facts.push(new JourneyFacts(headOf(state), chunks, position));
  return facts.sort((a, b) => a.head.journey - b.head.journey);
}

/** The journeys as which these are seen, as they held at the read's position, in the order of their surrogates. */
export async function* factsOf(read: Read, journeys: readonly number[]): AsyncGenerator<JourneyFacts> {
  const merged = await hasParts(read);
  const seen = merged ? (await seenAs(read, journeys)).roots : journeys;
  for (let at = 0; at < seen.length; at += PAGE) {
    const states = await statesOf(read, seen.slice(at, at + PAGE));
    if (states.length > 0) yield* merged ? await seenFacts(read, states) : await heldFacts(read, states);
  }
}

/** The journeys of these states as they held at the read's position; states in the order of their surrogates. */
export async function heldFacts(
  read: Read,
  states: readonly HeldState[],
  /** The states are all there are between the first and the last: reading along is faster than looking up. */
  dense = false,
): Promise<JourneyFacts[]> {
  const position = read.past ? positionKey(read.asOf.position) : undefined;
  const headOf = await headsOf(read, states);
  const blobs = await blobsOf(read, states, dense);
  read.checkpointCancel();
  let next = 0;
  return states.map((state) => {
    const { journey } = state;
    const chunks: EntryColumns[] = [];
    while (next < blobs.length && blobs[next]!.journey < journey) next++;
    while (next < blobs.length && blobs[next]!.journey === journey) chunks.push(new EntryColumns(blobs[next++]!.data));
    return new JourneyFacts(headOf(state), chunks, position);
  });
}

/** What the states and the customers of these journeys say of them. */
async function headsOf(read: Read, states: readonly HeldState[]): Promise<(state: HeldState) => JourneyHead> {
  const customers = [...new Set(states.map((state) => state.customer))].filter((id) => id !== 0);
  const profiles = await profilesOf(read, customers);
  const roots = await rootsAt(read, customers);
  return ({ journey, type, customer, status }) => {
    const profile = profiles.get(customer) ?? NOBODY;
    return { journey, type, customer, root: roots.get(customer) ?? 0, status, ...profile };
  };
}

interface Blob {
  readonly journey: number;
  readonly data: Uint8Array;
}

function blobsOf(read: Read, states: readonly HeldState[], dense: boolean): Promise<Blob[]> {
  const journeys = states.map((state) => state.journey);
  const query = read.db.selectFrom('journey_blob').select(['journey', 'data']).orderBy('journey').orderBy('chunk');
  const chosen = dense
    ? query.where('journey', '>=', journeys[0]!).where('journey', '<=', journeys.at(-1)!)
    : query.where('journey', 'in', journeys);
  return chosen.execute() as Promise<Blob[]>;
}

/** What the state of a journey says of it; surrogates, 0 is "none". */
export interface HeldState {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
  readonly status: number;
}

async function* statesIn(read: Read, from: number, to: number): AsyncGenerator<HeldState[]> {
  const held = () =>
    read.db
      .selectFrom('journey_state')
      .select(['journey', 'type', 'customer', 'status'])
      .where(heldAt(read, 'journey_state'))
      .orderBy('journey');
  if (from === -Infinity && to === Infinity) {
    for (let last = 0; ;) {
      const page = (await held().where('journey', '>', last).limit(PAGE).execute()) as HeldState[];
      if (page.length === 0) return;
      yield page;
      last = page.at(-1)!.journey;
    }
  }
  let touched = read.db.selectFrom('journey_blob').select('journey').distinct();
  if (to !== Infinity) touched = touched.where('first_ms', '<', to);
  if (from !== -Infinity) touched = touched.where('last_ms', '>=', from);
  const own = (await touched.execute()).map((row) => row.journey as number);
  const journeys = (await hasParts(read)) ? (await seenAs(read, own)).roots : own.sort((a, b) => a - b);
  for (let at = 0; at < journeys.length; at += PAGE) {
    const page = await statesOf(read, journeys.slice(at, at + PAGE));
    if (page.length > 0) yield page;
  }
}

/** In the order of their surrogates. */
const statesOf = (read: Read, journeys: readonly number[]): Promise<HeldState[]> =>
  read.db
    .selectFrom('journey_state')
    .select(['journey', 'type', 'customer', 'status'])
    .where('journey', 'in', [...journeys])
    .where(heldAt(read, 'journey_state'))
    .orderBy('journey')
    .execute() as Promise<HeldState[]>;

interface Profile {
  readonly segment: number;
  readonly region: number;
  readonly tier: number;
}
const NOBODY: Profile = { segment: 0, region: 0, tier: 0 };

async function profilesOf(read: Read, customers: readonly number[]): Promise<ReadonlyMap<number, Profile>> {
  if (customers.length === 0) return new Map();
  const rows = await read.db
    .selectFrom('customer_state')
    .select(['customer', 'segment', 'region', 'tier'])
    .where('customer', 'in', customers)
    .where(heldAt(read, 'customer_state'))
    .execute();
  return new Map(rows.map(({ customer, ...profile }) => [customer as number, profile as Profile]));
}
