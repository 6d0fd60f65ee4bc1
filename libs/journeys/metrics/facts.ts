/** One journey as figures see it: what held at a position, in the journey's order, in columns. */
import { Flag, Form, isObservation, NO_ID, ObserverCode, type Entry, type EntryColumns } from '../journey-blob.js';
import { Status } from '../journeys.tables.js';

/** What the journey's state and its customer's say. Surrogates; 0 is "none". */
export interface JourneyHead {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
  /** The customer that stands for a merged one. */
  readonly root: number;
  readonly status: number;
  readonly segment: number;
  readonly region: number;
  readonly tier: number;
}

/** A moment of a rule that a person took back: the rule does not observe it again. */
export interface Banned {
  readonly code: number;
  readonly cause: string;
}

/**
 * The held entries of a journey. `touchpoint[i]` is the place of the i-th touchpoint among the entries; observations
 * of touchpoints that are not held are left out but for `stranded`.
 */
export class JourneyFacts {
  readonly count: number;
  readonly at: Float64Array;
  readonly form: Uint8Array;
  readonly flags: Uint8Array;
  readonly touchpoints: Int32Array;
  /** Places of owner entries, and of a person's closings, reopenings, pauses and resumptions. */
  readonly owners: readonly number[];
  readonly decisions: readonly number[];
  /** Held observations, each with the number of its touchpoint. */
  readonly observations: readonly Observed[];
  readonly banned: readonly Banned[];
  /** Held moments of rules whose touchpoint is not held: figures do not know them. */
  readonly stranded: readonly Entry[];
  private readonly chunk: Int32Array;
  private readonly index: Int32Array;

  /** @param position key of the position as of which the facts held; absent: now */
  constructor(
    readonly head: JourneyHead,
    private readonly chunks: readonly EntryColumns[],
    position?: readonly number[],
  ) {
    const size = chunks.reduce((sum, columns) => sum + columns.count, 0);
    this.at = new Float64Array(size);
    this.form = new Uint8Array(size);
    this.flags = new Uint8Array(size);
    this.chunk = new Int32Array(size);
    this.index = new Int32Array(size);
    const touchpoints = new Int32Array(size);
    const owners: number[] = [];
    const decisions: number[] = [];
    const observations: number[] = [];
    const banned: Banned[] = [];
    let count = 0;
    let touched = 0;
    for (let c = 0; c < chunks.length; c++) {
      const columns = chunks[c]!;
      for (let i = 0; i < columns.count; i++) {
        const form = columns.form(i);
        if (!columns.holds(i, position)) {
          if (form === Form.moment && isBanned(columns, i)) {
            const { kind, cause } = columns.entry(i);
            banned.push({ code: kind, cause });
          }
          continue;
        }
        this.at[count] = columns.at(i);
        this.form[count] = form;
        this.flags[count] = columns.flags(i);
        this.chunk[count] = c;
        this.index[count] = i;
        if (form === Form.touchpoint) touchpoints[touched++] = count;
        else if (form === Form.ownerAssigned || form === Form.handedOver) owners.push(count);
        else if (isObservation(form)) observations.push(count);
        else if (form !== Form.note) decisions.push(count);
        count++;
      }
    }
    this.count = count;
    this.touchpoints = touchpoints.subarray(0, touched);
    this.owners = owners;
    this.decisions = decisions;
    this.banned = banned;
    const stranded: Entry[] = [];
    this.observations = observations.length === 0 ? [] : this.attached(observations, stranded);
    this.stranded = stranded;
  }

  get closed(): boolean {
    return this.head.status === Status.closed;
  }

  columnsAt(place: number): readonly [EntryColumns, number] {
    return [this.chunks[this.chunk[place]!]!, this.index[place]!];
  }
  entry(place: number): Entry {
    const [columns, i] = this.columnsAt(place);
    return columns.entry(i);
  }
  id(place: number): string {
    const [columns, i] = this.columnsAt(place);
    return columns.id(i);
  }
  unit(place: number): number {
    const [columns, i] = this.columnsAt(place);
    return columns.unit(i);
  }
  channel(place: number): number {
    const [columns, i] = this.columnsAt(place);
    return columns.channel(i);
  }
  stage(place: number): number {
    const [columns, i] = this.columnsAt(place);
    return columns.stage(i);
  }
  has(place: number, flag: number): boolean {
    return (this.flags[place]! & flag) !== 0;
  }

  /** The number of the last touchpoint whose place is not after `place`; -1 when there is none. */
  touchpointBefore(place: number): number {
    const { touchpoints } = this;
    let [low, high] = [0, touchpoints.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (touchpoints[middle]! <= place) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private attached(places: readonly number[], stranded: Entry[]): Observed[] {
    const numbers = new Map<string, number>();
    this.touchpoints.forEach((place, number) => numbers.set(this.id(place), number));
    return places.flatMap((place) => {
      const entry = this.entry(place);
      const touchpoint = numbers.get(entry.ref);
      if (touchpoint !== undefined) return [{ place, touchpoint, entry }];
      if (entry.form === Form.moment && entry.observer === ObserverCode.rule) stranded.push(entry);
      return [];
    });
  }
}

/** An observation that holds, at a touchpoint that holds. */
export interface Observed {
  /** Its own place among the entries. */
  readonly place: number;
  /** Number of its touchpoint. */
  readonly touchpoint: number;
  readonly entry: Entry;
}

/** A moment of a rule that a person retracted, whenever that was. */
function isBanned(columns: EntryColumns, i: number): boolean {
  return columns.observer(i) === ObserverCode.rule && (columns.flags(i) & Flag.retractedByPerson) !== 0;
}

export const isMoment = ({ entry }: Observed): boolean => entry.form === Form.moment;
export const isByRule = ({ entry }: Observed): boolean => entry.observer === ObserverCode.rule;
export const hasCause = ({ entry }: Observed): boolean => entry.cause !== NO_ID;

/** A change of owner: the first assignment is none. */
export interface OwnerChange {
  readonly place: number;
  readonly noted: boolean;
  readonly told: boolean;
}

export function ownerChanges(facts: JourneyFacts): OwnerChange[] {
  const changes: OwnerChange[] = [];
  facts.owners.forEach((place, i) => {
    const handedOver = facts.form[place] === Form.handedOver;
    if (!handedOver && i === 0) return;
    changes.push({
      place,
      noted: handedOver && facts.has(place, Flag.noted),
      told: handedOver && facts.has(place, Flag.customerTold),
    });
  });
  return changes;
}

/** Numbers of the touchpoints at which the journey goes on after one that had closed it. */
export function reopenings(facts: JourneyFacts): number[] {
  const { touchpoints } = facts;
  const found: number[] = [];
  for (let i = 1; i < touchpoints.length; i++) {
    if (facts.has(touchpoints[i - 1]!, Flag.closes) && !facts.has(touchpoints[i]!, Flag.closes)) found.push(i);
  }
  return found;
}

/** Reopened by what happened, or by a person's decision. */
export const wasReopened = (facts: JourneyFacts, again: readonly number[] = reopenings(facts)): boolean =>
  again.length > 0 || facts.decisions.some((place) => facts.form[place] === Form.reopened);

/** Numbers of the touchpoints that are contacts; a journey without one counts its first touchpoint. */
export function contactsOf(facts: JourneyFacts): number[] {
  const { touchpoints } = facts;
  const found: number[] = [];
  for (let i = 0; i < touchpoints.length; i++) if (facts.has(touchpoints[i]!, Flag.contact)) found.push(i);
  return found.length > 0 || touchpoints.length === 0 ? found : [0];
}

/** Two consecutive contacts were on different channels. Of one whose channel nobody gave, nobody knows. */
export const isChannelChange = (before: number, channel: number): boolean =>
  channel !== 0 && before !== 0 && channel !== before;
