import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NewEvent, Position, RecordedEvent } from './envelope.js';
import type {
  Appended,
  AppendOutcome,
  AppendRequest,
  EventFilter,
  EventLog,
  ExpectedRevision,
  ReadAll,
  ReadStream,
  Subscribe,
  SubscriptionMessage,
} from './event-log.js';
import { Bell, follow, readPages, type Page, type PageSource } from './follow.js';
import {
  checkCount,
  checkExpected,
  checkStream,
  invalidPosition,
  logClosed,
  prepareEvents,
  wrongRevision,
  type PreparedEvent,
} from './log-input.js';

/**
 * An event log for unit tests, in memory, with EventStoreDB's rules for positions and ids: positions are pairs
 * (commit, prepare) with gaps, an id may come again in another stream or at the current end of its own. Code that
 * works on it does not lean on what only the SQLite log guarantees.
 */
export function openMemoryLog(): EventLog {
  return new MemoryLog();
}

/** As in EventStoreDB: what a record takes in the log besides its payload. */
const RECORD_OVERHEAD = 113;
const PAGE_TEXT = 4_000_000;

interface Entry extends PreparedEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
}

class MemoryLog implements EventLog {
  private readonly entries: Entry[] = [];
  private readonly streams = new Map<string, Entry[]>();
  /** Where an id was written first in a stream, by stream and id. */
  private readonly known = new Map<string, number>();
  private readonly bell = new Bell();
  private readonly pages = new MemoryPages(this.entries, this.bell);
  private logicalEnd = 0;
  private closing = false;

  async append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<Appended> {
    if (this.closing) throw logClosed();
    checkStream(stream);
    checkExpected(expected);
    const prepared = prepareEvents(stream, events);
    // The answer comes in a later turn, as from a real log: a caller that forgets to wait is found out.
    await nextTurn();
    const appended = this.decide(stream, expected, prepared);
    this.bell.ring();
    return appended;
  }

  async appendMany(requests: readonly AppendRequest[]): Promise<AppendOutcome[]> {
    const answers = await Promise.allSettled(requests.map((r) => this.append(r.stream, r.expected, r.events)));
    return answers.map((a) =>
      a.status === 'fulfilled' ? { ok: true, appended: a.value } : { ok: false, error: a.reason as Error },
    );
  }

  async *readStream(stream: string, options: ReadStream = {}): AsyncGenerator<RecordedEvent> {
    checkStream(stream);
    checkCount('from', options.from, 0);
    checkCount('max', options.max, 0);
    if (this.bell.closed) throw logClosed();
    const step = options.direction === 'backwards' ? -1 : 1;
    const entries = this.streams.get(stream) ?? [];
    let revision = options.from ?? (step < 0 ? entries.length - 1 : 0);
    if (step < 0) revision = Math.min(revision, entries.length - 1);
    for (let left = options.max ?? Infinity; left > 0; left--) {
      const entry = entries[revision];
      if (entry === undefined) return;
      yield recorded(entry);
      revision += step;
      if (this.bell.closed) throw logClosed();
    }
  }

  async absent(streams: readonly string[]): Promise<ReadonlySet<string>> {
    if (this.bell.closed) throw logClosed();
    streams.forEach(checkStream);
    await nextTurn();
    return new Set(streams.filter((stream) => !this.streams.has(stream)));
  }

  readAll(options: ReadAll = {}): AsyncGenerator<readonly RecordedEvent[]> {
    return readPages(this.pages, options);
  }

  subscribe(options: Subscribe = {}): AsyncGenerator<SubscriptionMessage> {
    return follow(this.pages, options);
  }

  async head(): Promise<Position> {
    if (this.bell.closed) throw logClosed();
    return this.pages.position(this.entries.length);
  }

  comparePositions(a: Position, b: Position): number {
    checkPosition(a);
    checkPosition(b);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  /** What was accepted is written in the next turn; then nothing more is taken. */
  async close(): Promise<void> {
    this.closing = true;
    await nextTurn();
    this.bell.close();
  }

  private decide(stream: string, expected: ExpectedRevision, events: readonly PreparedEvent[]): Appended {
    const current = (this.streams.get(stream)?.length ?? 0) - 1;
    if (expected === 'exists' && current < 0) throw wrongRevision(stream, expected, current);
    if (expected === 'any' || expected === 'exists') {
      const first = this.known.get(key(stream, events[0]!.id));
      return first === undefined
        ? this.write(stream, events)
        : this.repeated(stream, expected, first - 1, current, events);
    }
    const base = expected === 'none' ? -1 : expected;
    if (base === current) return this.write(stream, events);
    if (base > current) throw wrongRevision(stream, expected, current);
    return this.repeated(stream, expected, base, current, events);
  }

  private repeated(
    stream: string,
    expected: ExpectedRevision,
    base: number,
    current: number,
    events: readonly PreparedEvent[],
  ): Appended {
    const entries = this.streams.get(stream)!;
    if (!events.every((event, i) => entries[base + 1 + i]?.id === event.id)) {
      throw wrongRevision(stream, expected, current, 'not all of its events are known there');
    }
    const last = entries[base + events.length]!;
    return { revision: last.revision, position: last.position };
  }

  private write(stream: string, events: readonly PreparedEvent[]): Appended {
    const entries = this.streams.get(stream) ?? [];
    this.streams.set(stream, entries);
    for (const event of events) {
      const position = pair(this.logicalEnd);
      this.logicalEnd += RECORD_OVERHEAD + event.data.length + event.metadata.length + stream.length;
      const entry: Entry = { ...event, stream, revision: entries.length, position };
      entries.push(entry);
      this.entries.push(entry);
      if (!this.known.has(key(stream, event.id))) this.known.set(key(stream, event.id), entry.revision);
    }
    const last = entries.at(-1)!;
    return { revision: last.revision, position: last.position };
  }
}

/** A cursor is the number of entries before it. */
class MemoryPages implements PageSource<number> {
  constructor(
    private readonly entries: readonly Entry[],
    readonly bell: Bell,
  ) {}

  start(options: ReadAll | Subscribe): number {
    const { max, direction } = options as ReadAll;
    checkCount('max', max, 0);
    checkCount('pageSize', options.pageSize, 1);
    const backwards = direction === 'backwards';
    const { after } = options;
    if (after === undefined) return backwards ? this.entries.length : 0;
    checkPosition(after);
    const last = this.entries.at(-1);
    if (after > (last?.position ?? BEFORE_ALL)) throw invalidPosition(after, 'lies beyond the end of this log');
    return backwards ? this.countWhere((p) => p < after) : this.countWhere((p) => p <= after);
  }

  end(direction: ReadAll['direction']): number {
    return direction === 'backwards' ? 0 : this.entries.length;
  }

  position(cursor: number): Position {
    return cursor === 0 ? BEFORE_ALL : this.entries[cursor - 1]!.position;
  }

  page(cursor: number, options: ReadAll | Subscribe, limit: number, until = this.entries.length): Page<number> {
    const step = (options as ReadAll).direction === 'backwards' ? -1 : 1;
    const found: Entry[] = [];
    let at = cursor;
    let passedOver = 0;
    let size = 0;
    while (at !== until && found.length < limit && size < PAGE_TEXT) {
      const entry = this.entries[step > 0 ? at : at - 1]!;
      at += step;
      passedOver++;
      if (!passes(entry, options)) continue;
      found.push(entry);
      size += entry.data.length + entry.metadata.length;
      passedOver = 0;
    }
    return { events: found.map(recorded), scannedTo: at, atEnd: at === until, passedOver };
  }

  /** Number of leading entries whose position satisfies a condition that holds up to some place. */
  private countWhere(holds: (position: Position) => boolean): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(this.entries[middle]!.position)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Position of the head of an empty log. The first event stands behind it. */
const BEFORE_ALL = '0'.repeat(32);

/** The first record of a log is not at 0: there stands what the server writes for itself. */
const pair = (offset: number): Position => {
  const half = (offset + RECORD_OVERHEAD).toString(16).padStart(16, '0');
  return half + half;
};

const key = (stream: string, id: string): string => `${id} ${stream}`;

const passes = (entry: Entry, { types, streams }: EventFilter): boolean =>
  (types?.includes(entry.type) ?? true) && (streams?.some((prefix) => entry.stream.startsWith(prefix)) ?? true);

/** Parsed anew for each reader: nobody changes what another one reads. */
const recorded = ({ data, metadata, ...event }: Entry): RecordedEvent => ({
  ...event,
  data: JSON.parse(data) as unknown,
  metadata: JSON.parse(metadata) as RecordedEvent['metadata'],
});

/** @throws INVALID_POSITION */
function checkPosition(position: Position): void {
  if (typeof position === 'string' && /^[0-9a-f]{32}$/.test(position)) return;
  throw invalidPosition(position, 'is no position of this log');
}
