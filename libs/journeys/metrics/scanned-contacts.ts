/**
 * The contacts of a scan. They are judged by their neighbours in the matter, which may stand in any other journey, so all
 * are gathered first: in columns, since there are as many as a third of all touchpoints.
 */
import { contactContribution } from './contributions.js';
import { contactsOf, type JourneyFacts } from './facts.js';
import { contactRows, isNear, isRepeat, isUndecided, judged, type Contact } from './matter.js';
import type { Contribution } from './scan.js';

/** Whole numbers of a contact in their column; the last four are those of its id. */
const WHOLE = [
  'root',
  'journey_type',
  'journey',
  'day',
  'unit',
  'channel',
  'stage',
  'segment',
  'region',
  'tier',
  'flags',
] as const;
const ROOT = WHOLE.indexOf('root');
const TYPE = WHOLE.indexOf('journey_type');
const FLAGS = WHOLE.indexOf('flags');
const ID = WHOLE.length;
const WIDTH = ID + 4;

const FIRST_SIZE = 1_024;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface ContactBounds {
  readonly from: number;
  readonly to: number;
  /** The read's. */
  readonly instant: number;
  /** Only so many, of those that came first: the others stand beside them. Absent: all. */
  readonly first?: number;
}

export class ScannedContacts {
  private count = 0;
  private whole = new Int32Array(FIRST_SIZE * WIDTH);
  private at = new Float64Array(FIRST_SIZE);
  private sequence = new Float64Array(FIRST_SIZE);
  private readonly positions: string[] = [];

  /** @param from what lies outside of [from, to) decides about nothing that is wanted */
  constructor(
    private readonly from: number,
    private readonly to: number,
    /** Keeps the positions of their events. */
    private readonly evidence: boolean,
  ) {}

  /** Takes the contacts of a journey; journeys come in the order in which their contacts shall be visited. */
  add(facts: JourneyFacts, dayOf: (ms: number) => number): void {
    const last = facts.touchpoints.at(-1);
    if (last === undefined || facts.at[last]! < this.from) return;
    const numbers = this.evidence ? contactsOf(facts) : null;
    for (const [i, contact] of contactRows(facts, dayOf).entries()) {
      if (contact.at < this.from || contact.at >= this.to) continue;
      this.put(contact);
      if (numbers) this.positions.push(facts.entry(facts.touchpoints[numbers[i]!]!).from);
    }
  }

  get size(): number {
    return this.count;
  }

  /** Others may come, as if none had. */
  clear(): void {
    this.count = 0;
    this.positions.length = 0;
  }

  /**
   * Visits what contacts in the bounds add, in the order in which they came. Answer `false` to end early.
   * @returns whether it came to its end
   */
  visit(
    { from, to, instant, first = this.count }: ContactBounds,
    visit: (contribution: Contribution) => boolean | void,
  ): boolean {
    const { order, places } = this.judge();
    const [contact, other] = [emptyContact(), emptyContact()];
    const eventsOf = (i: number): string[] => {
      const beside = order[places[i]! + (isRepeat(contact) ? -1 : 1)];
      if (beside === undefined || !isNear(this.read(beside, other), contact)) return [this.positions[i]!];
      return [this.positions[i]!, this.positions[beside]!];
    };
    for (let i = 0; i < first; i++) {
      if (this.at[i]! < from || this.at[i]! >= to) continue;
      this.read(i, contact);
      let goOn = true;
      contactContribution(contact, (dims, measures) => {
        const answer = visit({
          cube: 'touchpoint',
          journey: contact.journey,
          at: contact.at,
          dims,
          measures,
          undecided: isUndecided(contact, instant),
          evidence: (of) => (of === 'contact' ? eventsOf(i) : [this.positions[i]!]),
        });
        goOn = answer !== false;
      });
      if (!goOn) return false;
    }
    return true;
  }

  /** Gives every contact its status. Answers their order in the matters, and the place of each in it. */
  private judge(): { order: Uint32Array; places: Uint32Array } {
    const order = Uint32Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.compare(a, b));
    const places = new Uint32Array(this.count);
    // Each looks at what its neighbours are by themselves, so all are judged before any is changed.
    const flags = new Int32Array(this.count);
    let [before, own, after] = [emptyContact(), emptyContact(), emptyContact()];
    const at = (place: number, into: Mutable<Contact>) =>
      order[place] === undefined ? undefined : this.read(order[place], into);
    at(0, after);
    for (let place = 0; place < this.count; place++) {
      [before, own, after] = [own, after, before];
      places[order[place]!] = place;
      flags[order[place]!] = judged(own, place > 0 ? before : undefined, at(place + 1, after));
    }
    for (let i = 0; i < this.count; i++) this.whole[i * WIDTH + FLAGS] = flags[i]!;
    return { order, places };
  }

  /** As `byMatter`. */
  private compare(a: number, b: number): number {
    const { whole, at, sequence } = this;
    const [i, j] = [a * WIDTH, b * WIDTH];
    const difference =
      whole[i + ROOT]! - whole[j + ROOT]! ||
      whole[i + TYPE]! - whole[j + TYPE]! ||
      at[a]! - at[b]! ||
      sequence[a]! - sequence[b]!;
    if (difference !== 0) return difference;
    for (let k = ID; k < WIDTH; k++) {
      const [x, y] = [whole[i + k]! >>> 0, whole[j + k]! >>> 0];
      if (x !== y) return x - y;
    }
    return 0;
  }

  private put(contact: Contact): void {
    if (this.count === this.at.length) this.grow();
    const i = this.count++;
    this.at[i] = contact.at;
    this.sequence[i] = contact.sequence;
    const own = i * WIDTH;
    for (let k = 0; k < ID; k++) this.whole[own + k] = contact[WHOLE[k]!];
    writeId(contact.id, this.whole, own + ID);
  }

  /** All but the id, which only their order needs. */
  private read(i: number, into: Mutable<Contact>): Contact {
    const { whole } = this;
    const own = i * WIDTH;
    into.root = whole[own]!;
    into.journey_type = whole[own + 1]!;
    into.journey = whole[own + 2]!;
    into.day = whole[own + 3]!;
    into.unit = whole[own + 4]!;
    into.channel = whole[own + 5]!;
    into.stage = whole[own + 6]!;
    into.segment = whole[own + 7]!;
    into.region = whole[own + 8]!;
    into.tier = whole[own + 9]!;
    into.flags = whole[own + 10]!;
    into.at = this.at[i]!;
    into.sequence = this.sequence[i]!;
    return into;
  }

  private grow(): void {
    const size = 2 * this.at.length;
    const [whole, at, sequence] = [new Int32Array(size * WIDTH), new Float64Array(size), new Float64Array(size)];
    whole.set(this.whole);
    at.set(this.at);
    sequence.set(this.sequence);
    [this.whole, this.at, this.sequence] = [whole, at, sequence];
  }
}

const emptyContact = (): Mutable<Contact> => ({
  root: 0,
  journey_type: 0,
  at: 0,
  sequence: 0,
  id: '',
  journey: 0,
  day: 0,
  unit: 0,
  channel: 0,
  stage: 0,
  segment: 0,
  region: 0,
  tier: 0,
  flags: 0,
});

/** A UUID as four numbers of 32 bits. */
function writeId(id: string, into: Int32Array, at: number): void {
  let word = 0;
  for (let i = 0, digits = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (code === DASH) continue;
    word = (word << 4) | (code >= LETTER_A ? code - LETTER_A + 10 : code - DIGIT_0);
    if (++digits % 8 === 0) into[at + digits / 8 - 1] = word;
  }
}

const DASH = 45;
const DIGIT_0 = 48;
const LETTER_A = 97;
