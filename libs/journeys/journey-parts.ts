/**
 * Journeys that were merged or split: which are seen as one, and what they then consist of. Each keeps its own columns; a
 * whole is put together from those of its parts when somebody looks.
 */
import { rootOf } from './customer-roots.js';
import { byOrder, CHUNK, encodeEntries, EntryColumns, Flag, Form, isObservation, type Entry } from './journey-blob.js';
import { Status } from './journeys.tables.js';

/** Surrogates. */
export interface JourneyLink {
  readonly journey: number;
  readonly into_journey: number;
}

export interface JourneySplitAway extends JourneyLink {
  readonly touchpoint: string;
}

/** What the state of a journey says; surrogates, 0 is "none". */
export interface WholeState {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
  readonly status: number;
  readonly key: string | null;
  readonly opened_ms: number;
  readonly ended_ms: number | null;
  readonly owner_unit: number;
  readonly owner_staff: number;
}

/** What `JourneyOpened` said of the journey that stands for the whole. */
export interface Opening {
  readonly type: number;
  readonly key: string | null;
  readonly opening_ms: number;
  readonly opening_customer: number;
}

/** The merges and splits that held, of some journeys and of all that hang together with them. */
export class JourneyParts {
  private readonly into: ReadonlyMap<number, number>;
  private readonly moved: ReadonlyMap<string, JourneySplitAway>;
  private readonly membersOf = new Map<number, number[]>();
  private readonly known = new Map<number, number>();

  constructor(
    links: readonly JourneyLink[],
    splits: readonly JourneySplitAway[],
    private readonly nameOf: (journey: number) => string,
  ) {
    this.into = new Map(links.map(({ journey, into_journey }) => [journey, into_journey]));
    this.moved = new Map(splits.map((split) => [split.touchpoint, split]));
    const journeys = [...links, ...splits].flatMap(({ journey, into_journey }) => [journey, into_journey]);
    for (const journey of [...new Set(journeys)].sort((a, b) => a - b)) {
      const root = this.root(journey);
      this.membersOf.set(root, [...(this.membersOf.get(root) ?? []), journey]);
    }
  }

  /** The journeys that stand for others, or gave touchpoints away or got some, in the order of their surrogates. */
  get roots(): number[] {
    return [...this.membersOf.keys()].sort((a, b) => a - b);
  }

  /** Whether the journey is seen in another way than by itself. */
  has(journey: number): boolean {
    return this.membersOf.has(this.root(journey));
  }

  root(journey: number): number {
    let root = this.known.get(journey);
    if (root === undefined) {
      root = rootOf(journey, (id) => this.into.get(id) ?? null, this.nameOf);
      this.known.set(journey, root);
    }
    return root;
  }

  /** The journeys that are one with the root, itself too. */
  members(root: number): readonly number[] {
    return this.membersOf.get(root) ?? [root];
  }

  /** The journeys in whose columns something of the whole stands. */
  sources(root: number): number[] {
    const found = new Set(this.members(root));
    for (const { journey, into_journey } of this.moved.values())
      if (this.root(into_journey) === root) found.add(journey);
    return [...found].sort((a, b) => a - b);
  }

  /** The root under which a touchpoint of a journey's stream is seen. */
  rootOfTouchpoint(journey: number, touchpoint: string): number {
    const split = this.moved.get(touchpoint);
    return this.root(split && split.journey === journey ? split.into_journey : journey);
  }

  /** Columns of the whole in its order, in chunks like stored ones. */
  whole(root: number, columnsOf: (journey: number) => readonly EntryColumns[]): EntryColumns[] {
    const entries: Entry[] = [];
    for (const journey of this.sources(root)) {
      const isMember = this.root(journey) === root;
      for (const columns of columnsOf(journey)) {
        for (let i = 0; i < columns.count; i++) {
          const entry = columns.entry(i);
          const touchpoint = isObservation(entry.form) ? entry.ref : entry.form === Form.touchpoint ? entry.id : null;
          const belongs = touchpoint === null ? isMember : this.rootOfTouchpoint(journey, touchpoint) === root;
          if (belongs) entries.push(entry);
        }
      }
    }
    entries.sort(byOrder);
    const chunks: EntryColumns[] = [];
    for (let at = 0; at < entries.length; at += CHUNK) {
      chunks.push(new EntryColumns(encodeEntries(entries.slice(at, at + CHUNK))));
    }
    return chunks;
  }
}

export const NO_PARTS = new JourneyParts([], [], String);

/** The state of a whole: by the same rules as that of a journey by itself. @param position as `EntryColumns.holds` */
export function wholeState(
  root: number,
  opening: Opening,
  chunks: readonly EntryColumns[],
  position?: readonly number[],
): WholeState {
  let first: number | undefined;
  let customer = 0;
  let end: Entry | undefined;
  let pause: Entry | undefined;
  let owner: Entry | undefined;
  for (const columns of chunks) {
    for (let i = 0; i < columns.count; i++) {
      const form = columns.form(i);
      if (form === Form.note || isObservation(form) || !columns.holds(i, position)) continue;
      const entry = columns.entry(i);
      if (form === Form.touchpoint) {
        first ??= entry.at;
        customer ||= entry.customer;
      }
      if (form === Form.touchpoint || form === Form.closed || form === Form.reopened) end = entry;
      else if (form === Form.paused || form === Form.resumed) pause = entry;
      else if (form === Form.ownerAssigned || form === Form.handedOver) owner = entry;
    }
  }
  const closed =
    end !== undefined &&
    (end.form === Form.closed || (end.form === Form.touchpoint && (end.flags & Flag.closes) !== 0));
  return {
    journey: root,
    type: opening.type,
    customer: customer || opening.opening_customer,
    status: closed ? Status.closed : pause?.form === Form.paused ? Status.paused : Status.open,
    key: opening.key,
    opened_ms: first ?? opening.opening_ms,
    ended_ms: closed ? end!.at : null,
    owner_unit: owner?.unit ?? 0,
    owner_staff: owner?.staff ?? 0,
  };
}

/** Follows merges and splits from some journeys to all that hang together with them. */
export class Closure {
  readonly links = new Map<number, JourneyLink>();
  readonly splits = new Map<string, JourneySplitAway>();
  private readonly seen: Set<number>;

  constructor(journeys: Iterable<number>) {
    this.seen = new Set(journeys);
  }

  get journeys(): number[] {
    return [...this.seen].sort((a, b) => a - b);
  }

  /** Takes what was found for some journeys; answers those that are new. */
  meet(links: readonly JourneyLink[], splits: readonly JourneySplitAway[]): number[] {
    for (const link of links) this.links.set(link.journey, link);
    for (const split of splits) this.splits.set(split.touchpoint, split);
    const fresh: number[] = [];
    for (const { journey, into_journey } of [...links, ...splits]) {
      for (const each of [journey, into_journey]) {
        if (this.seen.has(each)) continue;
        this.seen.add(each);
        fresh.push(each);
      }
    }
    return fresh;
  }

  parts(nameOf: (journey: number) => string): JourneyParts {
    return new JourneyParts([...this.links.values()], [...this.splits.values()], nameOf);
  }
}
