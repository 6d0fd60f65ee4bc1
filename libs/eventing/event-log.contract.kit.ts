/// <reference types="jest" />
import type { NewEvent, Position, RecordedEvent } from './envelope.js';
import type { EventLog, Subscribe, SubscriptionMessage } from './event-log.js';
import { newId } from './ids.js';

/** A log under test. It may hold events of others: the cases use names of their own and start at the head. */
export interface ContractLog {
  readonly log: EventLog;
  /** Closes the log and opens the same one again; where events outlive the process. */
  reopen?(): Promise<EventLog>;
  /** Closes what is open and cleans up. */
  close(): Promise<void>;
}

export interface ContractTraits {
  /** An event id is taken once in the whole log; otherwise it may come again at the end or in another stream. */
  readonly uniqueIds: boolean;
  /** `open` gives a log that nobody else writes to, empty at first. */
  readonly fresh: boolean;
  /** Every event costs far more than in a log of our own: the same with fewer writers, requests and events. */
  readonly slow?: boolean;
}

/** The log of the running case, and names that no other case uses. */
export interface Bench {
  readonly log: EventLog;
  readonly contract: ContractLog;
  /** A stream or type name of this case. */
  name(kind: string): string;
}

const NO_METADATA = { correlationId: '01900000-0000-7000-8000-000000000000', actor: { id: 'contract' } };

/** A new event; what is given replaces the defaults. */
export function anEvent(over: Partial<NewEvent> = {}): NewEvent {
  return {
    id: newId(),
    type: 'ContractEvent',
    schemaVersion: 1,
    occurredAt: '2024-05-01T08:00:00+08:00',
    recordedAt: '2024-05-01T00:00:01.000Z',
    data: { n: 1 },
    metadata: NO_METADATA,
    ...over,
  };
}

export const events = (count: number, over: (index: number) => Partial<NewEvent> = () => ({})): NewEvent[] =>
  Array.from({ length: count }, (_, i) => anEvent({ data: { n: i }, ...over(i) }));

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

export const collectPages = async (source: AsyncIterable<readonly RecordedEvent[]>): Promise<RecordedEvent[]> =>
  (await collect(source)).flat();

export const idsOf = (list: readonly { readonly id: string }[]): string[] => list.map((e) => e.id);

/** Appends one stream per name with so many events each, one after the other; all events in the order of the log. */
export async function seed(log: EventLog, streams: Readonly<Record<string, readonly NewEvent[]>>): Promise<NewEvent[]> {
  for (const [stream, list] of Object.entries(streams)) await log.append(stream, 'none', list);
  return Object.values(streams).flat();
}

/** Fails with its code, so that a case says which error it means. */
export const failsWith = (work: Promise<unknown>, code: string) => expect(work).rejects.toMatchObject({ code });

/** A subscription that is read in the background, with ways to wait for what it must bring. */
export class Follower {
  readonly messages: SubscriptionMessage[] = [];
  private readonly stop = new AbortController();
  private wake: () => void = () => undefined;
  private readonly running: Promise<void>;
  ended = false;

  constructor(
    log: EventLog,
    options: Subscribe,
    private readonly pace: () => Promise<void> = async () => undefined,
  ) {
    this.running = this.run(log.subscribe({ ...options, signal: this.stop.signal }));
    this.running.catch(() => undefined);
  }

  get events(): RecordedEvent[] {
    return this.messages.flatMap((m) => (m.kind === 'events' ? m.events : []));
  }

  kinds(): string[] {
    return this.messages.map((m) => m.kind);
  }

  /** The furthest position that the subscription has told, by whatever message. */
  get position(): Position | undefined {
    const last = this.messages.at(-1);
    return last?.kind === 'events' ? last.events.at(-1)!.position : last?.position;
  }

  async until(holds: (follower: this) => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 15_000;
    while (!holds(this)) {
      if (this.ended) await this.running;
      if (this.ended || performance.now() > deadline) {
        throw new Error(`The subscription never came to: ${what}. It gave ${this.kinds().join(', ') || 'nothing'}.`);
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, 50);
      });
    }
  }

  untilEvents = (count: number) => this.until((f) => f.events.length >= count, `${count} events`);
  untilCaughtUp = () => this.until((f) => f.kinds().includes('caughtUp'), 'caughtUp');

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  /** Resolves when the subscription ends by itself. */
  end = () => this.running;

  private async run(source: AsyncIterable<SubscriptionMessage>): Promise<void> {
    try {
      for await (const message of source) {
        this.messages.push(message);
        this.wake();
        await this.pace();
      }
    } finally {
      this.ended = true;
      this.wake();
    }
  }
}
