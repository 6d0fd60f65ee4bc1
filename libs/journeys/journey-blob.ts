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
} as const;
export type FormCode = (typeof Form)[keyof typeof Form];

/** Traits of a touchpoint and marks of a handover, as bits. */
export const Flag = { closes: 1, contact: 2, customerVisible: 4, noted: 8, customerTold: 16 } as const;

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
  readonly flags: number;
  /** Position of the event that brought this version. */
  readonly from: Position;
  /** Position of the event that ended it; '' while it holds. */
  to: Position;
}

export const CHUNK = 256;

/** Journey order; versions of one entry by version. */
export const byOrder = (a: Entry, b: Entry): number => byInstant(a, b) || a.version - b.version;

const HEADER = 8;
const FLOATS = 2;
const INTS = 6;

/** Bytes of up to 256 entries: header, then columns from wide to narrow, so that every column is aligned. */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const n = entries.length;
  const width = Math.max(1, ...entries.map((e) => e.from.length / 16));
  const bytes = new Uint8Array(HEADER + n * (8 * FLOATS + 16 * width + 4 * INTS + 1 + 1 + 16));
  bytes.set([1, width, n & 255, n >> 8]);
  const floats = new Float64Array(bytes.buffer, HEADER, n * (FLOATS + 2 * width));
  const ints = new Int32Array(bytes.buffer, HEADER + floats.byteLength, n * INTS);
  const small = new Uint8Array(bytes.buffer, HEADER + floats.byteLength + ints.byteLength);
  entries.forEach((e, i) => {
    floats[i] = e.at;
    floats[n + i] = e.sequence;
    writePosition(floats, FLOATS * n + i * width, e.from, width);
    writePosition(floats, FLOATS * n + n * width + i * width, e.to, width);
    ints.set([e.version, e.kind, e.channel, e.unit, e.staff, e.customer], i * INTS);
    small[i] = e.form;
    small[n + i] = e.flags;
    writeUuid(small, 2 * n + i * 16, e.id);
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

  constructor(stored: Uint8Array) {
    const bytes = stored.byteOffset % 8 === 0 ? stored : stored.slice();
    this.width = bytes[1]!;
    const n = (this.count = bytes[2]! | (bytes[3]! << 8));
    let at = bytes.byteOffset + HEADER;
    this.floats = new Float64Array(bytes.buffer, at, n * (FLOATS + 2 * this.width));
    at += this.floats.byteLength;
    this.ints = new Int32Array(bytes.buffer, at, n * INTS);
    at += this.ints.byteLength;
    this.small = new Uint8Array(bytes.buffer, at, n * 18);
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

  /** Whether the version held at a position, given as `positionKey`; absent: whether it holds now. */
  holds(i: number, position?: readonly number[]): boolean {
    const { count: n, width } = this;
    const to = FLOATS * n + n * width + i * width;
    if (!position) return this.floats[to] === Infinity;
    return !this.isAfter(FLOATS * n + i * width, position) && this.isAfter(to, position);
  }

  entry(i: number): Entry {
    const { count: n, width, ints } = this;
    return {
      form: this.form(i),
      id: readUuid(this.small, 2 * n + i * 16),
      version: ints[i * INTS]!,
      at: this.at(i),
      sequence: this.floats[n + i]!,
      kind: this.kind(i),
      channel: this.channel(i),
      unit: this.unit(i),
      staff: ints[i * INTS + 4]!,
      customer: ints[i * INTS + 5]!,
      flags: this.flags(i),
      from: this.position(FLOATS * n + i * width),
      to: this.position(FLOATS * n + n * width + i * width),
    };
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

function writeUuid(bytes: Uint8Array, offset: number, uuid: string): void {
  const hex = uuid.replaceAll('-', '');
  for (let i = 0; i < 16; i++) bytes[offset + i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
}

function readUuid(bytes: Uint8Array, offset: number): string {
  let hex = '';
  for (let i = 0; i < 16; i++) hex += bytes[offset + i]!.toString(16).padStart(2, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
