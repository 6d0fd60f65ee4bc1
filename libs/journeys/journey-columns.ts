/** What a journey's state says, as far as a filter asks. Surrogates, 0 is "none"; `openedMs` since 1970. */
export interface ColumnState {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
  readonly status: number;
  readonly openedMs: number;
}

const BYTES_PER_TOUCHPOINT = 20;
const BYTES_PER_JOURNEY = 29;

/**
 * Many journeys with the touchpoints that held, as columns: 20 bytes a touchpoint and 29 a journey. A journey is a slot;
 * its touchpoints lie together, in its order. Begin one with `begin`, then add its touchpoints, then the next.
 */
export class JourneyColumns {
  // Of touchpoints.
  at: Float64Array;
  kind: Int32Array;
  channel: Int32Array;
  unit: Int32Array;
  touchpoints = 0;
  // Of slots.
  journey: Int32Array;
  type: Int32Array;
  customer: Int32Array;
  status: Uint8Array;
  openedMs: Float64Array;
  /** Where its touchpoints begin, and how many there are; none: nothing held, or the slot was given up. */
  start: Int32Array;
  count: Int32Array;
  slots = 0;

  constructor({ touchpoints = 1_024, journeys = 128 } = {}) {
    this.at = new Float64Array(touchpoints);
    this.kind = new Int32Array(touchpoints);
    this.channel = new Int32Array(touchpoints);
    this.unit = new Int32Array(touchpoints);
    this.journey = new Int32Array(journeys);
    this.type = new Int32Array(journeys);
    this.customer = new Int32Array(journeys);
    this.status = new Uint8Array(journeys);
    this.openedMs = new Float64Array(journeys);
    this.start = new Int32Array(journeys);
    this.count = new Int32Array(journeys);
  }

  /** What it takes, with the room for more. */
  get bytes(): number {
    return this.at.length * BYTES_PER_TOUCHPOINT + this.journey.length * BYTES_PER_JOURNEY;
  }

  /** What of that is in use. */
  get usedBytes(): number {
    return this.touchpoints * BYTES_PER_TOUCHPOINT + this.slots * BYTES_PER_JOURNEY;
  }

  /** Begins a journey: touchpoints that are added from now on are its own. */
  begin({ journey, type, customer, status, openedMs }: ColumnState): void {
    if (this.slots === this.journey.length) this.resizeJourneys(wider(this.slots));
    const slot = this.slots++;
    this.journey[slot] = journey;
    this.type[slot] = type;
    this.customer[slot] = customer;
    this.status[slot] = status;
    this.openedMs[slot] = openedMs;
    this.start[slot] = this.touchpoints;
    this.count[slot] = 0;
  }

  /** Makes room for so many touchpoints. */
  reserve(n: number): void {
    const needed = this.touchpoints + n;
    if (needed > this.at.length) this.resizeTouchpoints(Math.max(needed, wider(this.at.length)));
  }

  /** Adds one to the journey that was begun last; there must be room. */
  addTouchpoint(at: number, kind: number, channel: number, unit: number): void {
    this.put(at, kind, channel, unit);
    this.count[this.slots - 1]!++;
  }

  /** Adds one of other columns, to no journey; there must be room. */
  copy(from: JourneyColumns, i: number): void {
    this.put(from.at[i]!, from.kind[i]!, from.channel[i]!, from.unit[i]!);
  }

  private put(at: number, kind: number, channel: number, unit: number): void {
    const i = this.touchpoints++;
    this.at[i] = at;
    this.kind[i] = kind;
    this.channel[i] = channel;
    this.unit[i] = unit;
  }

  /** Forgets everything, and keeps the room. */
  clear(): void {
    this.slots = 0;
    this.touchpoints = 0;
  }

  /** Gives back most of the room that nothing needs. */
  trim(): void {
    this.resizeTouchpoints(roomy(this.touchpoints));
    this.resizeJourneys(roomy(this.slots));
  }

  private resizeTouchpoints(length: number): void {
    this.at = resized(this.at, length, this.touchpoints);
    this.kind = resized(this.kind, length, this.touchpoints);
    this.channel = resized(this.channel, length, this.touchpoints);
    this.unit = resized(this.unit, length, this.touchpoints);
  }

  private resizeJourneys(length: number): void {
    this.journey = resized(this.journey, length, this.slots);
    this.type = resized(this.type, length, this.slots);
    this.customer = resized(this.customer, length, this.slots);
    this.status = resized(this.status, length, this.slots);
    this.openedMs = resized(this.openedMs, length, this.slots);
    this.start = resized(this.start, length, this.slots);
    this.count = resized(this.count, length, this.slots);
  }
}

const wider = (length: number): number => Math.ceil(length * 1.5);
/** With some room for what comes. */
const roomy = (length: number): number => length + (length >> 5) + 64;

function resized<A extends Float64Array | Int32Array | Uint8Array>(column: A, length: number, used: number): A {
  const next = new (column.constructor as new (length: number) => A)(length);
  next.set(column.subarray(0, used));
  return next;
}
