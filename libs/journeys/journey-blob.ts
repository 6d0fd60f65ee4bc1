/**
 * A journey in columns: every version of everything that happened in it, with the positions between which the version
 * held. Map and figures read these instead of rows. A blob holds at most 256 entries, in the journey's order.
 */
import { byInstant, type Position } from '@touchstone/eventing/pure';

/** What an entry is. Stored as a number: never renumber. */
export const Form = {
  touchpoint: 0,
  closed: 1,
  reopened: 2,
  paused: 3,
  resumed: 4,
  ownerAssigned: 5,
  handedOver: 6,
  note: 7,
  /** Only in timelines: the end of a touchpoint that should not have been recorded. */
  voided: 8,
  // Observed at a touchpoint: these have a `ref`.
  moment: 9,
  expectation: 10,
  guided: 11,
  experience: 12,
  reviewed: 13,
} as const;
export type FormCode = (typeof Form)[keyof typeof Form];

/** Whether entries of this form are observed at a touchpoint. */
export const isObservation = (form: FormCode): boolean => form >= Form.moment;

/** Traits of a touchpoint, marks of a handover and of a moment, as bits. */
export const Flag = {
  closes: 1,
  contact: 2,
  customerVisible: 4,
  noted: 8,
  customerTold: 16,
  /** The context of the contact before was at hand. */
  contextPassed: 32,
  /** The customer confirms that the matter is resolved. */
  confirms: 64,
  bySystem: 128,
  /** Of a moment (the bits of touchpoints do not concern it): a person took it back. */
  retractedByPerson: 1,
} as const;

/** Who observed, as stored. */
export const ObserverCode = { customer: 1, qa: 2, auditor: 3, staff: 4, rule: 5 } as const;

/** `score` of an entry that has none. */
export const NO_SCORE = 127;
/** `ref` and `cause` of an entry that has none. */
export const NO_ID = '00000000-0000-0000-0000-000000000000';

/** One version of one entry. Surrogates are those of the store's dictionary; 0 is "none". */
export interface Entry {
  readonly form: FormCode;
  readonly id: string;
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** -1: the source gave none. */
  readonly sequence: number;
  readonly kind: number;
  readonly channel: number;
  readonly unit: number;
  readonly staff: number;
  readonly customer: number;
  flags: number;
  /** Of the touchpoint's kind. */
  readonly stage: number;
  /** System that told of it. */
  readonly source: number;
  /** When its first version was recorded, ms since 1970; NaN of a historical load and of what is no touchpoint. */
  readonly recorded: number;
  /** Of a moment its intensity, negative of a negative one; of an experience its gap; else NO_SCORE. */
  readonly score: number;
  /** One of ObserverCode; 0: nobody. */
  readonly observer: number;
  /** The touchpoint that is observed; NO_ID of what is no observation. */
  readonly ref: string;
  /** What made a rule decide; NO_ID where none did. */
  readonly cause: string;
  /** Position of the event that brought this version. */
  readonly from: Position;
  /** Position of the event that ended it; '' while it holds. */
  to: Position;
}

export const CHUNK = 256;

/** Journey order; versions of one entry by version. */
export const byOrder = (a: Entry, b: Entry): number => byInstant(a, b) || a.version - b.version;

const VERSION = 2;
// The layout is also read in `blob-touchpoints.ts`, which makes no object per blob.
export const HEADER = 8;
export const FLOATS = 3;
export const INTS = 8;
/** Form, flags, score, observer. */
const BYTES = 4;
const UUID = 16;

/**
 * Bytes of up to 256 entries: header, then columns from wide to narrow, so that every column is aligned; last, of each
 * observation, what it refers to.
 */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const n = entries.length;
  const width = Math.max(1, ...entries.map((e) => e.from.length / 16));
  const observations = entries.filter((e) => isObservation(e.form));
  const fixed = HEADER + n * (8 * FLOATS + 16 * width + 4 * INTS + BYTES + UUID);
  const bytes = new Uint8Array(fixed + observations.length * 2 * UUID);
  bytes.set([VERSION, width, n & 255, n >> 8]);
  const floats = new Float64Array(bytes.buffer, HEADER, n * (FLOATS + 2 * width));
  const ints = new Int32Array(bytes.buffer, HEADER + floats.byteLength, n * INTS);
  const small = new Uint8Array(bytes.buffer, HEADER + floats.byteLength + ints.byteLength);
  entries.forEach((e, i) => {
    floats[i] = e.at;
    floats[n + i] = e.sequence;
    floats[2 * n + i] = e.recorded;
    writePosition(floats, FLOATS * n + i * width, e.from, width);
    writePosition(floats, FLOATS * n + n * width + i * width, e.to, width);
    const at = i * INTS;
    ints[at] = e.version;
    ints[at + 1] = e.kind;
    ints[at + 2] = e.channel;
    ints[at + 3] = e.unit;
    ints[at + 4] = e.staff;
    ints[at + 5] = e.customer;
    ints[at + 6] = e.stage;
    ints[at + 7] = e.source;
    small[i] = e.form;
    small[n + i] = e.flags;
    small[2 * n + i] = e.score & 255;
    small[3 * n + i] = e.observer;
    writeUuid(small, BYTES * n + i * UUID, e.id);
  });
  observations.forEach((e, i) => {
    writeUuid(small, (BYTES + UUID) * n + 2 * i * UUID, e.ref);
    writeUuid(small, (BYTES + UUID) * n + (2 * i + 1) * UUID, e.cause);
  });
  return bytes;
}

/** Columns of a stored blob, read without making an object per entry. */
export class EntryColumns {
  readonly count: number;
  private readonly width: number;
  private readonly floats: Float64Array;
  private readonly ints: Int32Array;
  private readonly small: Uint8Array;
  /** Observations before each entry. */
  private earlier: Uint16Array | null = null;

  constructor(stored: Uint8Array) {
    const bytes = stored.byteOffset % 8 === 0 ? stored : stored.slice();
    this.width = bytes[1]!;
    const n = (this.count = bytes[2]! | (bytes[3]! << 8));
    let at = bytes.byteOffset + HEADER;
    this.floats = new Float64Array(bytes.buffer, at, n * (FLOATS + 2 * this.width));
    at += this.floats.byteLength;
    this.ints = new Int32Array(bytes.buffer, at, n * INTS);
    at += this.ints.byteLength;
    this.small = new Uint8Array(bytes.buffer, at, bytes.byteOffset + bytes.byteLength - at);
  }

  at(i: number): number {
    return this.floats[i]!;
  }
  kind(i: number): number {
    return this.ints[i * INTS + 1]!;
  }
  channel(i: number): number {
    return this.ints[i * INTS + 2]!;
  }
  unit(i: number): number {
    return this.ints[i * INTS + 3]!;
  }
  form(i: number): FormCode {
    return this.small[i] as FormCode;
  }
  flags(i: number): number {
    return this.small[this.count + i]!;
  }
  sequence(i: number): number {
    return this.floats[this.count + i]!;
  }
  recorded(i: number): number {
    return this.floats[2 * this.count + i]!;
  }
  version(i: number): number {
    return this.ints[i * INTS]!;
  }
  stage(i: number): number {
    return this.ints[i * INTS + 6]!;
  }
  source(i: number): number {
    return this.ints[i * INTS + 7]!;
  }
  score(i: number): number {
    return (this.small[2 * this.count + i]! << 24) >> 24;
  }
  observer(i: number): number {
    return this.small[3 * this.count + i]!;
  }
  id(i: number): string {
    return readUuid(this.small, BYTES * this.count + i * UUID);
  }

  /** Whether the version held at a position, given as `positionKey`; absent: whether it holds now. */
  holds(i: number, position?: readonly number[]): boolean {
    const { count: n, width } = this;
    const to = FLOATS * n + n * width + i * width;
    if (!position) return this.floats[to] === Infinity;
    return !this.isAfter(FLOATS * n + i * width, position) && this.isAfter(to, position);
  }

  /** Whether the version had held and did not any more, likewise. */
  hasEnded(i: number, position?: readonly number[]): boolean {
    const { count: n, width } = this;
    const to = FLOATS * n + n * width + i * width;
    return position ? !this.isAfter(to, position) : this.floats[to] !== Infinity;
  }

  entry(i: number): Entry {
    const { count: n, width, ints } = this;
    const form = this.form(i);
    const reference = isObservation(form) ? (BYTES + UUID) * n + 2 * this.observationsBefore(i) * UUID : null;
    return {
      form,
      id: this.id(i),
      version: this.version(i),
      at: this.at(i),
      sequence: this.sequence(i),
      kind: this.kind(i),
      channel: this.channel(i),
      unit: this.unit(i),
      staff: ints[i * INTS + 4]!,
      customer: ints[i * INTS + 5]!,
      flags: this.flags(i),
      stage: this.stage(i),
      source: this.source(i),
      recorded: this.recorded(i),
      score: this.score(i),
      observer: this.observer(i),
      ref: reference === null ? NO_ID : readUuid(this.small, reference),
      cause: reference === null ? NO_ID : readUuid(this.small, reference + UUID),
      from: this.position(FLOATS * n + i * width),
      to: this.position(FLOATS * n + n * width + i * width),
    };
  }

  /** Whether an observation is of this entry. */
  refersTo(i: number, other: EntryColumns, entry: number): boolean {
    const own = (BYTES + UUID) * this.count + 2 * this.observationsBefore(i) * UUID;
    const its = BYTES * other.count + entry * UUID;
    // Ids of one time begin alike: what tells them apart stands at the end.
    for (let k = UUID - 1; k >= 0; k--) if (this.small[own + k] !== other.small[its + k]) return false;
    return true;
  }

  private observationsBefore(i: number): number {
    if (!this.earlier) {
      this.earlier = new Uint16Array(this.count);
      for (let k = 0, seen = 0; k < this.count; k++) {
        this.earlier[k] = seen;
        if (isObservation(this.form(k))) seen++;
      }
    }
    return this.earlier[i]!;
  }

  private isAfter(offset: number, position: readonly number[]): boolean {
    for (let w = 0; w < this.width; w++) {
      const difference = this.floats[offset + w]! - position[w]!;
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  private position(offset: number): Position {
    if (this.floats[offset] === Infinity) return '';
    let text = '';
    for (let w = 0; w < this.width; w++) text += this.floats[offset + w]!.toString(16).padStart(16, '0');
    return text;
  }
}

/** A position as numbers that compare like it: one per 16 digits, each below 2^53. */
export function positionKey(position: Position): number[] {
  const key: number[] = [];
  for (let i = 0; i < position.length; i += 16) key.push(parseInt(position.slice(i, i + 16), 16));
  return key;
}

function writePosition(floats: Float64Array, offset: number, position: Position, width: number): void {
  if (position === '') floats.fill(Infinity, offset, offset + width);
  else floats.set(positionKey(position), offset);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Value of a hexadecimal digit by its character code. */
const DIGIT = Uint8Array.from({ length: 103 }, (_, code) => parseInt(String.fromCharCode(code), 16) || 0);

function writeUuid(bytes: Uint8Array, offset: number, uuid: string): void {
  for (let i = 0, at = offset; i < uuid.length; i += 2) {
    if (uuid.charCodeAt(i) === 45) i++;
    bytes[at++] = (DIGIT[uuid.charCodeAt(i)]! << 4) | DIGIT[uuid.charCodeAt(i + 1)]!;
  }
}

function readUuid(b: Uint8Array, at: number): string {
  let text = '';
  for (let i = 0; i < 16; i++) text += (i === 4 || i === 6 || i === 8 || i === 10 ? '-' : '') + HEX[b[at + i]!]!;
  return text;
}
