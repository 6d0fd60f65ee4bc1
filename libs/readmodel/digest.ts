/**
 * Events as the projections of a group want them, in flat columns: a thread that reads and checks the log writes
 * them, the thread that folds reads them, and to cross from one to the other costs next to nothing.
 */
import type { RecordedEvent } from '@touchstone/eventing/pure';
import { causeOf, type ParkCause } from './parked-events.js';
import type { DigestReader, DigestWriter, EventMark, Name, Projection, ProjectionGroup } from './projection.js';

/** Today's shape of a stored event. @throws for one that cannot be read, which is then parked */
export type ReadEvent = (event: RecordedEvent) => RecordedEvent;

/** Events in the order of the log. Plain data: its buffers can be transferred. */
export interface DigestBatch {
  readonly count: number;
  /** Of each event where its numbers and where its texts begin. */
  readonly starts: Int32Array;
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
  /** Dictionaries and values in turns, in the order of their first use; the n-th pair is name n + 1, and 0 is none. */
  readonly names: readonly string[];
  /** Those that a projection folds whole. */
  readonly whole: readonly RecordedEvent[];
  /** Why some cannot be read. */
  readonly causes: readonly ParkCause[];
}

/** How an event stands in a batch. */
const Lot = { passedBy: 0, taken: 1, unreadable: 2 } as const;

/** The projections of a group by the event types they handle, each list in the group's order. */
export function lanesOf(group: ProjectionGroup): ReadonlyMap<string, readonly number[]> {
  const lanes = new Map<string, number[]>();
  group.projections.forEach(({ handles }, lane) => {
    for (const type of handles) lanes.set(type, [...(lanes.get(type) ?? []), lane]);
  });
  return lanes;
}

/** Reads events for a group. Keeps nothing from one batch to the next. */
export class Digester {
  private readonly projections: readonly Projection[];
  private readonly lanes: ReadonlyMap<string, readonly number[]>;

  constructor(
    group: ProjectionGroup,
    private readonly read: ReadEvent,
  ) {
    this.projections = group.projections as unknown as readonly Projection[];
    this.lanes = lanesOf(group);
  }

  digest(events: readonly RecordedEvent[]): DigestBatch {
    const sheet = new Sheet(events.length);
    for (const event of events) {
      sheet.begin(event);
      const lanes = this.lanes.get(event.type);
      if (!lanes) sheet.number(Lot.passedBy);
      else this.take(event, lanes, sheet);
    }
    return sheet.batch();
  }

  private take(event: RecordedEvent, lanes: readonly number[], sheet: Sheet): void {
    sheet.mark(event);
    const back = sheet.place();
    try {
      const readable = this.read(event);
      sheet.number(Lot.taken);
      let isWhole = false;
      for (const lane of lanes) {
        const projection = this.projections[lane]!;
        const unit = projection.unit(readable);
        sheet.name(unit?.[0] ?? '', unit?.[1]);
        if (unit === null) continue;
        if (projection.digest) projection.digest.write(readable, sheet);
        else isWhole = true;
      }
      if (isWhole) sheet.whole.push(readable);
    } catch (error) {
      sheet.goBack(back);
      sheet.number(Lot.unreadable);
      sheet.causes.push(causeOf('unreadable', error));
    }
  }
}

const FIRST_NUMBERS = 32;

/** The columns of a batch while they are written. */
class Sheet implements DigestWriter {
  readonly whole: RecordedEvent[] = [];
  readonly causes: ParkCause[] = [];
  private readonly starts: Int32Array;
  private readonly texts: string[] = [];
  private readonly names: string[] = [];
  private readonly known = new Map<string, Map<string, number>>();
  private numbers: Float64Array;
  private length = 0;
  private count = 0;

  constructor(events: number) {
    this.starts = new Int32Array(2 * events);
    this.numbers = new Float64Array(FIRST_NUMBERS * (events + 1));
  }

  begin({ position, recordedAt }: RecordedEvent): void {
    this.starts[2 * this.count] = this.length;
    this.starts[2 * this.count++ + 1] = this.texts.length;
    this.texts.push(position, recordedAt);
  }

  mark({ type, stream, id, revision }: RecordedEvent): void {
    this.texts.push(type, stream, id);
    this.number(revision);
    // Where it would stand among those that are folded whole, and among those that cannot be read.
    this.number(this.whole.length);
    this.number(this.causes.length);
  }

  number(value: number): void {
    if (this.length === this.numbers.length) {
      const wider = new Float64Array(2 * this.numbers.length);
      wider.set(this.numbers);
      this.numbers = wider;
    }
    this.numbers[this.length++] = value;
  }

  text(value: string): void {
    this.texts.push(value);
  }

  name(dictionary: string, value: string | null | undefined): void {
    if (value == null) return this.number(0);
    let known = this.known.get(dictionary);
    if (!known) this.known.set(dictionary, (known = new Map()));
    let index = known.get(value);
    if (index === undefined) {
      index = this.names.push(dictionary, value) / 2;
      known.set(value, index);
    }
    this.number(index);
  }

  place(): readonly [numbers: number, texts: number] {
    return [this.length, this.texts.length];
  }

  /** Names that were met since stay: they get a surrogate only when they are used. */
  goBack([numbers, texts]: readonly [number, number]): void {
    this.length = numbers;
    this.texts.length = texts;
  }

  batch(): DigestBatch {
    const { count, starts, texts, names, whole, causes } = this;
    return { count, starts, numbers: this.numbers.subarray(0, this.length), texts, names, whole, causes };
  }
}

/** Reads a batch event by event; what it says of an event holds until it goes to another one. */
export class DigestCursor implements DigestReader, EventMark {
  position = '';
  recordedAt = '';
  type = '';
  stream = '';
  id = '';
  revision = 0;
  isPassedBy = false;
  /** Why it cannot be read. */
  cause: ParkCause | null = null;
  private nextNumber = 0;
  private nextText = 0;
  private wholeAt = 0;
  private readonly surrogates: Int32Array;

  constructor(
    readonly batch: DigestBatch,
    private readonly surrogateOf: (dictionary: string, value: string) => number,
  ) {
    this.surrogates = new Int32Array(batch.names.length / 2 + 1);
  }

  positionOf(event: number): string {
    return this.batch.texts[this.batch.starts[2 * event + 1]!]!;
  }

  goTo(event: number): void {
    const { starts, numbers, texts, causes } = this.batch;
    this.nextNumber = starts[2 * event]!;
    const text = starts[2 * event + 1]!;
    this.position = texts[text]!;
    this.recordedAt = texts[text + 1]!;
    this.cause = null;
    const end = event + 1 < this.batch.count ? starts[2 * event + 2]! : numbers.length;
    // An event that nobody handles has one number.
    this.isPassedBy = end - this.nextNumber === 1;
    if (this.isPassedBy) return;
    this.type = texts[text + 2]!;
    this.stream = texts[text + 3]!;
    this.id = texts[text + 4]!;
    this.nextText = text + 5;
    this.revision = this.number();
    this.wholeAt = this.number();
    const causeAt = this.number();
    if (this.number() === Lot.unreadable) this.cause = causes[causeAt]!;
  }

  /** The event itself, for a projection that folds it whole. */
  get whole(): RecordedEvent {
    return this.batch.whole[this.wholeAt]!;
  }

  number(): number {
    return this.batch.numbers[this.nextNumber++]!;
  }

  text(): string {
    return this.batch.texts[this.nextText++]!;
  }

  surrogate(): number {
    return this.surrogateAt(this.number());
  }

  /** The n-th name of the batch. */
  nameAt(index: number): Name {
    return [this.batch.names[2 * index - 2]!, this.batch.names[2 * index - 1]!];
  }

  surrogateAt(index: number): number {
    if (index === 0) return 0;
    return (this.surrogates[index] ||= this.surrogateOf(...this.nameAt(index)));
  }

  /** Surrogates that were given out are taken back. */
  forgetSurrogates(): void {
    this.surrogates.fill(0);
  }
}
