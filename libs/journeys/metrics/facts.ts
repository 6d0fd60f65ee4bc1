/** One journey as figures see it: what held at a position, in the journey's order, in columns. */
import {
  CHUNK,
  Flag,
  Form,
  isObservation,
  ObserverCode,
  type Entry,
  type EntryColumns,
  type FormCode,
} from '../journey-blob.js';
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
  readonly positive: boolean;
  readonly cause: string;
}

/**
 * The held entries of a journey. `touchpoint[i]` is the place of the i-th touchpoint among the entries; observations
 * of touchpoints that are not held are left out but for `stranded`.
 */
export class JourneyFacts {
  /** Plain lists: a scan makes them for every journey, and small typed arrays cost more than what they hold. */
  readonly at: number[] = [];
  readonly form: FormCode[] = [];
  readonly flags: number[] = [];
  readonly touchpoints: number[] = [];
  /** Places of owner entries, and of a person's closings, reopenings, pauses and resumptions. */
  readonly owners: number[] = [];
  readonly decisions: number[] = [];
  readonly banned: Banned[] = [];
  private readonly observationPlaces: number[] = [];
  private attachments: { readonly observations: Observed[]; readonly stranded: Entry[] } | null = null;
  private judged: ReturnType<typeof judgementsOf> | null = null;
  private byId: Map<string, number> | null = null;
  /** Of each entry its chunk and the place in it. */
  private readonly address: number[] = [];

  /** @param position key of the position as of which the facts held; absent: now */
  constructor(
    readonly head: JourneyHead,
    private readonly chunks: readonly EntryColumns[],
    position?: readonly number[],
  ) {
    for (let c = 0; c < chunks.length; c++) this.read(chunks[c]!, c * CHUNK, position);
  }

  private read(columns: EntryColumns, base: number, position: readonly number[] | undefined): void {
    for (let i = 0; i < columns.count; i++) {
      const form = columns.form(i);
      if (!columns.holds(i, position)) {
        // What is taken back later was not yet, or not even observed.
        if (form === Form.moment && isBanned(columns, i) && columns.hasEnded(i, position)) {
          const { kind, cause, score } = columns.entry(i);
          this.banned.push({ code: kind, positive: score > 0, cause });
        }
        continue;
      }
      const place = this.at.push(columns.at(i)) - 1;
      this.form.push(form);
      this.flags.push(columns.flags(i));
      this.address.push(base + i);
      if (form === Form.touchpoint) this.touchpoints.push(place);
      else if (form === Form.ownerAssigned || form === Form.handedOver) this.owners.push(place);
      else if (isObservation(form)) this.observationPlaces.push(place);
      else if (form !== Form.note) this.decisions.push(place);
    }
  }

  get count(): number {
    return this.at.length;
  }

  /** Held observations, each with the number of its touchpoint. */
  get observations(): readonly Observed[] {
    return (this.attachments ??= this.attach()).observations;
  }

  /** Held moments of rules whose touchpoint is not held: figures do not know them. */
  get stranded(): readonly Entry[] {
    return (this.attachments ??= this.attach()).stranded;
  }

  /** Touchpoints at which a moment of a person stands, by its polarity. */
  get judgements(): { readonly positive: ReadonlySet<number>; readonly negative: ReadonlySet<number> } {
    this.judged ??= judgementsOf(this.observations);
    return this.judged;
  }

  get closed(): boolean {
    return this.head.status === Status.closed;
  }

  columnsAt(place: number): readonly [EntryColumns, number] {
    const address = this.address[place]!;
    return [this.chunks[Math.floor(address / CHUNK)]!, address % CHUNK];
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

  private attach() {
    const observations: Observed[] = [];
    const stranded: Entry[] = [];
    for (const place of this.observationPlaces) {
      const [columns, i] = this.columnsAt(place);
      const touchpoint = this.touchpointOf(columns, i);
      if (touchpoint >= 0) observations.push(new Observed(place, touchpoint, columns, i));
      else if (columns.form(i) === Form.moment && columns.observer(i) === ObserverCode.rule) {
        stranded.push(columns.entry(i));
      }
    }
    return { observations, stranded };
  }

  private numbers(): ReadonlyMap<string, number> {
    this.byId ??= new Map(this.touchpoints.map((place, number) => [this.id(place), number]));
    return this.byId;
  }

  /** Number of the touchpoint that is observed; -1: it does not hold. */
  private touchpointOf(observing: EntryColumns, i: number): number {
    const { touchpoints } = this;
    if (touchpoints.length > MANY) return this.numbers().get(observing.entry(i).ref) ?? -1;
    for (let number = 0; number < touchpoints.length; number++) {
      const [columns, at] = this.columnsAt(touchpoints[number]!);
      if (observing.refersTo(i, columns, at)) return number;
    }
    return -1;
  }
}

/** From so many touchpoints on, they are looked up by their ids. */
const MANY = 64;

/** An observation that holds, at a touchpoint that holds. */
export class Observed {
  constructor(
    /** Its own place among the entries. */
    readonly place: number,
    /** Number of its touchpoint. */
    readonly touchpoint: number,
    private readonly columns: EntryColumns,
    private readonly index: number,
  ) {}

  get form(): FormCode {
    return this.columns.form(this.index);
  }
  get score(): number {
    return this.columns.score(this.index);
  }
  get observer(): number {
    return this.columns.observer(this.index);
  }
  /** Surrogate of a moment's code. */
  get kind(): number {
    return this.columns.kind(this.index);
  }
  get entry(): Entry {
    return this.columns.entry(this.index);
  }
}

function judgementsOf(observations: readonly Observed[]) {
  const [positive, negative] = [new Set<number>(), new Set<number>()];
  for (const observed of observations) {
    if (isMoment(observed) && !isByRule(observed)) (observed.score > 0 ? positive : negative).add(observed.touchpoint);
  }
  return { positive, negative };
}

/** A moment of a rule that a person retracted, whenever that was. */
function isBanned(columns: EntryColumns, i: number): boolean {
  return columns.observer(i) === ObserverCode.rule && (columns.flags(i) & Flag.retractedByPerson) !== 0;
}

export const isMoment = ({ form }: Observed): boolean => form === Form.moment;
export const isByRule = ({ observer }: Observed): boolean => observer === ObserverCode.rule;

/** A person's moment of that polarity (its sign) stands at the touchpoint. */
export function isJudgedByPerson(facts: JourneyFacts, touchpoint: number, polarity: number): boolean {
  return facts.judgements[polarity > 0 ? 'positive' : 'negative'].has(touchpoint);
}

/** A positive moment of a rule, of which there is one, has no place at the touchpoint, or is not wanted there. */
export const isDisplaced = (facts: JourneyFacts, touchpoint: number): boolean =>
  isJudgedByPerson(facts, touchpoint, 1) ||
  (facts.banned.length > 0 &&
    facts.banned.some(({ positive, cause }) => positive && cause === facts.id(facts.touchpoints[touchpoint]!)));

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
