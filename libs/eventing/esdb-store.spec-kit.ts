/** What EventStoreDB keeps, in memory, with its rules for positions, expectations and repeats; for its stand-in in tests. */

export interface Proposed {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly customMetadata: Uint8Array;
}

export interface StoredEvent extends Proposed {
  readonly stream: string;
  readonly revision: number;
  /** Commit and prepare position are the same number on a server that knows no transactions. */
  readonly position: bigint;
}

export type Expected = number | 'any' | 'none' | 'exists';
export type Written = { readonly last: StoredEvent } | { readonly current: number };

const OVERHEAD = 113n;
/** The server writes of itself now and then. */
const OWN_EVENT_EVERY = 40;

export class EsdbStore {
  readonly log: StoredEvent[] = [];
  readonly streams = new Map<string, StoredEvent[]>();
  /** Ids that were written not long ago: how an append that expects nothing in particular is known again. */
  private readonly recent = new Map<string, StoredEvent>();
  private readonly listeners = new Set<() => void>();
  private end = 0n;
  private sinceOwn = 0;

  constructor() {
    this.write('$$$scavenges', [ownEvent('$metadata')]);
  }

  append(stream: string, expected: Expected, events: readonly Proposed[]): Written {
    const written = this.decide(stream, expected, events);
    if ('last' in written && ++this.sinceOwn >= OWN_EVENT_EVERY) {
      this.sinceOwn = 0;
      this.write('$stats-0', [ownEvent('$statsCollected')]);
    }
    for (const listener of this.listeners) listener();
    return written;
  }

  /** Hears of every append; the function it returns stops that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** As over a restart: the events are there, what was remembered beside them is not. */
  forgetRecent(): void {
    this.recent.clear();
  }

  /** Index of the first event at the position or behind it. */
  indexOf(position: bigint): number {
    let [low, high] = [0, this.log.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.log[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private decide(stream: string, expected: Expected, events: readonly Proposed[]): Written {
    const there = this.streams.get(stream) ?? [];
    const current = there.length - 1;
    if (expected === 'exists' && current < 0) return { current };
    if (expected === 'any' || expected === 'exists') {
      const first = this.recent.get(`${events[0]!.id} ${stream}`);
      return first === undefined ? this.write(stream, events) : this.repeated(there, first.revision - 1, events);
    }
    const base = expected === 'none' ? -1 : expected;
    if (base === current) return this.write(stream, events);
    return base > current ? { current } : this.repeated(there, base, events);
  }

  private repeated(there: readonly StoredEvent[], base: number, events: readonly Proposed[]): Written {
    const same = events.every(({ id }, i) => there[base + 1 + i]?.id === id);
    return same ? { last: there[base + events.length]! } : { current: there.length - 1 };
  }

  private write(stream: string, events: readonly Proposed[]): Written {
    const there = this.streams.get(stream) ?? [];
    this.streams.set(stream, there);
    for (const event of events) {
      const stored: StoredEvent = { ...event, stream, revision: there.length, position: this.end };
      this.end += OVERHEAD + BigInt(event.data.length + event.customMetadata.length + stream.length);
      there.push(stored);
      this.log.push(stored);
      const key = `${event.id} ${stream}`;
      if (!this.recent.has(key)) this.recent.set(key, stored);
    }
    return { last: there.at(-1)! };
  }
}

const ownEvent = (type: string): Proposed => ({
  id: '00000000-0000-4000-8000-000000000000',
  type,
  contentType: 'application/json',
  data: Buffer.from('{}'),
  customMetadata: new Uint8Array(0),
});
