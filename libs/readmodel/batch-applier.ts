import { TouchstoneError, type Position, type RecordedEvent } from '@touchstone/eventing/pure';
import { DigestCursor, Digester, lanesOf, type DigestBatch, type ReadEvent } from './digest.js';
import { RECORDED_INDEX_EVERY, type Checkpoint, type GenerationStore } from './generation-store.js';
import { Lru } from './lru.js';
import { causeOf, type ParkCause } from './parked-events.js';
import type { EventMark, IdOf, Projection, RowChange } from './projection.js';
import { StoredUnits } from './stored-units.js';
import { storeFault, transaction } from './connection.js';

export interface BatchLimits {
  /** Units kept in memory between batches, per projection; default 20,000. */
  readonly unitsInMemory?: number;
  /**
   * Rows that later ones supersede are written when their unit leaves the memory, or by `flush`. What a batch takes back
   * is lost then: the first fault of an event ends it all with NEWEST_LOST. For a generation that is being built.
   */
  readonly deferNewest?: boolean;
}

export interface BatchOutcome {
  /** Events that were new: at or below the checkpoint they are passed by. */
  readonly taken: number;
  /** Of those, the ones set aside now. */
  readonly parked: number;
}

interface Lane {
  readonly projection: Projection<unknown>;
  readonly units: Lru<number, Held>;
}

interface Held {
  readonly lane: Lane;
  readonly id: number;
  readonly unit: unknown;
  touched: boolean;
  /** Its newest rows are still to be written. */
  stale: boolean;
}

/** An attempt that was taken back because of an event; `at` is unknown when its rows failed, not the event itself. */
interface Failure {
  readonly at: number | null;
  readonly error: unknown;
}

type Mode = 'follow' | 'retry';

/**
 * Applies events to a generation: rows, derived rows, surrogates, parked events, checkpoint and recorded-time index change in
 * one transaction, so that every event counts exactly once, whatever crashes. Synchronous: a batch is never seen half done.
 */
export class BatchApplier {
  private readonly lanes: ReadonlyMap<string, readonly Lane[]>;
  private readonly touched: Held[] = [];
  private readonly newlyBlocked: string[] = [];
  private readonly stored: StoredUnits;
  private readonly all: readonly Lane[];
  private readonly deferring: boolean;
  private readonly digester: Digester;

  constructor(
    private readonly store: GenerationStore,
    read: ReadEvent,
    private readonly now: () => string,
    { unitsInMemory = 20_000, deferNewest = false }: BatchLimits = {},
  ) {
    this.deferring = deferNewest;
    this.stored = new StoredUnits(store);
    this.digester = new Digester(store.group, read);
    this.all = store.group.projections.map((projection) => ({
      projection: projection as unknown as Projection<unknown>,
      units: new Lru<number, Held>(unitsInMemory),
    }));
    this.lanes = new Map(
      [...lanesOf(store.group)].map(([type, lanes]) => [type, lanes.map((lane) => this.all[lane]!)]),
    );
  }

  /** Takes the next events of the log, in its order; those at or below the checkpoint are passed by. */
  follow(events: readonly RecordedEvent[]): BatchOutcome {
    return this.followDigest(this.digester.digest(events));
  }

  /** The same of events that were read before, by a `Digester` of this group. */
  followDigest(batch: DigestBatch): BatchOutcome {
    this.store.names.prefetch(batch.names);
    const cursor = this.cursor(batch);
    let { position } = this.store.checkpoint;
    let taken = 0;
    for (let i = 0; i < batch.count; i++) {
      const next = cursor.positionOf(i);
      if (next <= position) continue;
      position = next;
      taken++;
    }
    return { taken, parked: this.settle(cursor, 'follow') };
  }

  /** Takes parked events of one stream once more, in its order; from the first that fails again on they stay. */
  retry(events: readonly RecordedEvent[]): BatchOutcome {
    return { taken: events.length, parked: this.settle(this.cursor(this.digester.digest(events)), 'retry') };
  }

  private cursor(batch: DigestBatch): DigestCursor {
    return new DigestCursor(batch, (dictionary, value) => this.store.names.idOf(dictionary, value));
  }

  /** Nothing stands in the log up to `position`: the checkpoint moves there without an event. */
  startAt(position: Position): void {
    const next = { ...this.store.checkpoint, position };
    transaction(this.store.db, () => this.store.writeCheckpoint(next, []));
    this.store.confirm(next);
  }

  /** Writes what was deferred. */
  flush(): void {
    this.store.write(() => {
      this.writeNewest(this.all.flatMap(({ units }) => [...units.values()]));
    });
  }

  /** Forgets every unit held in memory: the next event of each brings it back from its rows. */
  forgetUnits(): void {
    if (this.deferring) this.flush();
    for (const lane of this.all) lane.units.clear();
  }

  /**
   * Everything before a failing event is committed, the event is parked, the rest goes on from there: however many
   * events fail, each is applied a few times at most. When rows or what is derived from them fail and nothing says
   * whose they were, halving finds the event.
   */
  private settle(cursor: DigestCursor, mode: Mode): number {
    const blocked = mode === 'follow' ? this.store.parked.waiting : new Set<string>();
    const { count } = cursor.batch;
    const ends = [count];
    let parked = 0;
    let fault: Failure | null = null;
    for (let start = 0; start < count;) {
      const end = ends.at(-1)!;
      const result = this.attempt(cursor, [start, end], mode, blocked, fault);
      if (typeof result === 'number') {
        parked += result;
        fault = null;
        start = end;
        ends.pop();
        continue;
      }
      // It was parked without being applied, and even that failed: not a fault of the event.
      if (fault !== null && result.at === start) throw result.error;
      if (result.at === null && end - start > 1) ends.push(start + Math.ceil((end - start) / 2));
      else if (result.at !== null && result.at > start) ends.push(result.at);
      else fault = result;
    }
    return parked;
  }

  /** One transaction. `fault` is why the first event is parked at once. Answers how many were parked. */
  private attempt(
    cursor: DigestCursor,
    [start, end]: readonly [number, number],
    mode: Mode,
    blocked: Set<string>,
    fault: Failure | null,
  ): number | Failure {
    const { store } = this;
    const progress = new Progress(store.checkpoint);
    let parked = 0;
    let at: number | null = null;
    let ours = false;
    store.names.begin();
    try {
      transaction(store.db, () => {
        for (at = start; at < end; at++) {
          cursor.goTo(at);
          // At or below the checkpoint, or told twice.
          if (mode === 'follow' && !progress.pass(cursor)) continue;
          if (this.takeOrPark(cursor, mode, blocked, at === start ? fault : null)) parked++;
        }
        at = null;
        this.writeRows();
        store.settle();
        ours = true;
        if (mode === 'follow') store.writeCheckpoint(progress.checkpoint, progress.entries);
      });
    } catch (error) {
      this.takeBack(blocked);
      cursor.forgetSurrogates();
      if (this.deferring) throw newestLost(error);
      if (ours || !isFaultOfEvent(error)) throw error;
      return { at, error };
    }
    store.names.commit();
    if (mode === 'follow') store.confirm(progress.checkpoint);
    this.settled();
    return parked;
  }

  private writeRows(): void {
    const { rows, derived } = this.store;
    const changes = this.touched.flatMap(({ lane, unit }) => lane.projection.changes(unit));
    for (const held of this.touched) held.stale = held.lane.projection.newest !== undefined;
    if (this.deferring) {
      // What leaves the memory after this batch leaves it written.
      for (const { units } of this.all) if (units.isFull) this.writeNewest(units.oldest());
    } else {
      for (const held of this.touched) for (const change of newestOf(held)) changes.push(change);
    }
    const write = () => rows.writeAll(changes);
    if (derived === null) write();
    else derived.follow(changes, write);
  }

  private writeNewest(units: Iterable<Held>): void {
    const changes: RowChange[] = [];
    for (const held of units) for (const change of newestOf(held)) changes.push(change);
    this.store.rows.writeAll(changes);
  }

  /** True when the event was parked. */
  private takeOrPark(cursor: DigestCursor, mode: Mode, blocked: Set<string>, fault: Failure | null): boolean {
    if (cursor.isPassedBy) return false;
    if (blocked.has(cursor.stream)) return this.park(cursor, behind(cursor), blocked);
    if (fault) return this.park(cursor, causeOf('failed', fault.error), blocked);
    // Nothing is changed yet, so nothing has to be taken back.
    if (cursor.cause) return this.park(cursor, cursor.cause, blocked);
    for (const lane of this.lanes.get(cursor.type)!) this.apply(lane, cursor);
    if (mode === 'retry') this.store.parked.release(cursor);
    return false;
  }

  private park(event: EventMark, cause: ParkCause, blocked: Set<string>): boolean {
    const waits = this.store.parked.park(event, cause, this.now());
    if (waits && !blocked.has(event.stream)) {
      blocked.add(event.stream);
      this.newlyBlocked.push(event.stream);
    }
    return true;
  }

  private apply(lane: Lane, cursor: DigestCursor): void {
    const name = cursor.number();
    if (name === 0) return;
    const { projection } = lane;
    const id = cursor.surrogateAt(name);
    if (projection.digest) return projection.digest.fold(this.held(lane, id, name, cursor).unit, cursor, cursor);
    const event = cursor.whole;
    const table = this.store.names;
    const names = projection.names(event);
    const ids = names.map(([dictionary, value]) => table.idOf(dictionary, value));
    const [dictionaryOfUnit, valueOfUnit] = cursor.nameAt(name);
    const idOf: IdOf = (dictionary, value) => {
      if (valueOfUnit === value && dictionaryOfUnit === dictionary) return id;
      // A handful of names: walking them beats any map.
      const at = names.findIndex((n) => n[1] === value && n[0] === dictionary);
      return at === -1 ? undeclared(projection.name, dictionary) : ids[at]!;
    };
    projection.apply(this.held(lane, id, name, cursor).unit, event, idOf);
  }

  /** The unit in memory, touched by this batch. */
  private held(lane: Lane, id: number, name: number, cursor: DigestCursor): Held {
    const held = lane.units.get(id) ?? this.bringBack(lane, id, name, cursor);
    if (!held.touched) {
      held.touched = true;
      this.touched.push(held);
    }
    return held;
  }

  private bringBack(lane: Lane, id: number, name: number, cursor: DigestCursor): Held {
    const { projection } = lane;
    // Rows are written at the end of the batch, so a surrogate that it gave out stands in none.
    const rows = this.store.names.isFresh(id)
      ? projection.loads.map(() => [])
      : this.stored.of(projection as Projection<never>, id, {
          dictionary: cursor.nameAt(name)[0],
          names: cursor.batch.names,
          isHeld: (other) => lane.units.has(other),
        });
    const held: Held = {
      lane,
      id,
      unit: projection.restore(id, cursor.nameAt(name)[1], rows),
      touched: false,
      stale: false,
    };
    lane.units.set(id, held);
    return held;
  }

  private settled(): void {
    for (const held of this.touched) held.touched = false;
    this.touched.length = 0;
    this.newlyBlocked.length = 0;
    this.stored.forget();
    for (const lane of this.all) lane.units.trim();
  }

  private takeBack(blocked: Set<string>): void {
    this.store.names.rollback();
    this.store.rows.forget();
    this.stored.forget();
    for (const { lane, id } of this.touched) lane.units.delete(id);
    this.touched.length = 0;
    for (const stream of this.newlyBlocked) blocked.delete(stream);
    this.newlyBlocked.length = 0;
  }
}

/** Checkpoint and recorded-time entries of a batch in the making. */
class Progress {
  readonly entries: { position: string; recordedMs: number }[] = [];
  private position: string;
  private recordedMs: number;
  private sinceIndex: number;
  private lastText = '';

  constructor(from: Checkpoint) {
    ({ position: this.position, recordedMs: this.recordedMs, sinceIndex: this.sinceIndex } = from);
  }

  /** Goes on to the event; false: it has been passed before. */
  pass(event: EventMark): boolean {
    if (event.position <= this.position) return false;
    this.position = event.position;
    if (event.recordedAt !== this.lastText) {
      this.lastText = event.recordedAt;
      const ms = Date.parse(event.recordedAt);
      // Recorded time never goes back, whatever a clock did: readers use its running maximum.
      if (ms > this.recordedMs) this.recordedMs = ms;
    }
    // The checkpoint itself is the last entry; between it and these, never more events than this to be read.
    if (++this.sinceIndex >= RECORDED_INDEX_EVERY) {
      this.entries.push({ position: this.position, recordedMs: this.recordedMs });
      this.sinceIndex = 0;
    }
    return true;
  }

  get checkpoint(): Checkpoint {
    return { position: this.position, recordedMs: this.recordedMs, sinceIndex: this.sinceIndex };
  }
}

/** Of a unit that has changed since it was asked. */
function newestOf(held: Held): readonly RowChange[] {
  if (!held.stale) return [];
  held.stale = false;
  return held.lane.projection.newest!(held.unit);
}

const newestLost = (cause: unknown): TouchstoneError =>
  new TouchstoneError(
    'NEWEST_LOST',
    `A batch was taken back (${causeOf('failed', cause).message}), and with it rows that were not written yet; the generation is built once more, every batch in full.`,
    'internal',
    undefined,
    { cause },
  );

const behind = (event: EventMark): ParkCause => ({
  reason: 'behind',
  code: 'PARKED_BEHIND',
  message: `An earlier event of "${event.stream}" is parked; retry or skip that one first.`,
});

/** A fault that this event would cause again, unlike a full disk or a lock, which are nobody's fault here. */
const isFaultOfEvent = (error: unknown): boolean => storeFault(error) !== 'store';

function undeclared(projection: string, dictionary: string): never {
  throw new Error(`Projection "${projection}" asked for a "${dictionary}" name that names() did not declare.`);
}
