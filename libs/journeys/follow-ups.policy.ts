/** Makes good what a stop broke off: what follows from a recorded event in streams other than its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog, Position, RecordedEvent, TouchstoneError } from '@touchstone/eventing';
import type { PolicyError, PolicyStatus, RunnablePolicy } from '@touchstone/platform';
import { TYPES, type FollowUps } from './follow-ups.js';
import type { Loads } from './open-loads.js';

/** Where a policy keeps how far it has come. Losing it costs time and nothing else. */
export interface Checkpoint {
  load(): Promise<Position | undefined>;
  save(position: Position): Promise<void>;
}

export interface FollowUpsTuning {
  readonly page?: number;
  /** Between two attempts at what failed, doubled after each; ms; default 250. */
  readonly firstPauseMs?: number;
  /** ms; default 60,000. */
  readonly longestPauseMs?: number;
  /** Between two times at which its place is kept, ms; default 1,000. */
  readonly saveEveryMs?: number;
}

export interface FollowUpsParts {
  readonly log: Pick<EventLog, 'subscribe' | 'readAll' | 'head' | 'comparePositions'>;
  readonly follows: Pick<FollowUps, 'make' | 'begin'>;
  readonly checkpoint: Checkpoint;
  readonly loads: Loads;
  /** Told once of each new trouble that does not go by itself. */
  readonly warn?: (message: string, code: string) => void;
  readonly tuning?: FollowUpsTuning;
}

const DEFAULTS: Required<FollowUpsTuning> = {
  page: 500,
  firstPauseMs: 250,
  longestPauseMs: 60_000,
  saveEveryMs: 1_000,
};
/** A number of events beyond which nobody needs to know how many wait: each is read to be counted. */
const COUNTED_TO = 1_000;
/** Attempts at a page after which its events are tried one by one. */
const TOGETHER = 3;

/**
 * A process manager: it follows merges, splits and touchpoints from its own checkpoint, and sees to it that what follows
 * from each is in the log, too. Each step may be repeated and its events have ids that follow from their causes, so that
 * it decides nothing that was decided, whoever was quicker. What cannot be recorded holds nothing else up, and the
 * checkpoint stays before it.
 */
export class FollowUpsPolicy implements RunnablePolicy {
  private readonly stopping = new AbortController();
  private readonly tuning: Required<FollowUpsTuning>;
  private running: Promise<void> | null = null;
  /** Everything up to here was seen. */
  private place: Position | undefined;
  private saved: Position | undefined;
  private savedAt = 0;
  /** What failed, by position, with the place before it. */
  private readonly failed = new Map<
    Position,
    { readonly event: RecordedEvent; readonly before: Position | undefined }
  >();
  private attempts = 0;
  private trouble: PolicyError | null = null;
  private decided = 0;
  private since: number | null = null;

  constructor(private readonly parts: FollowUpsParts) {
    this.tuning = { ...DEFAULTS, ...parts.tuning };
  }

  /** Resolves once it follows; what is recorded from then on and seen to by others needs no second look. */
  async start(): Promise<void> {
    if (this.running) return;
    await this.parts.follows.begin();
    this.running = this.run();
  }

  /** Finishes the event in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  async status(): Promise<PolicyStatus> {
    const due = (await this.waiting()) + this.failed.size;
    const passing = this.trouble === null || isPassing(this.trouble);
    return {
      name: 'follow-ups',
      state: !passing ? 'failed' : this.trouble !== null || this.parts.loads.any ? 'waiting' : 'live',
      due,
      nextDue: null,
      decided: this.decided,
      failed: this.attempts,
      failing: this.failed.size,
      lagMs: due === 0 || this.since === null ? 0 : Math.round(performance.now() - this.since),
      lastError: this.trouble,
    };
  }

  private async waiting(): Promise<number> {
    let count = 0;
    const options = { after: this.place, types: TYPES, max: COUNTED_TO };
    for await (const page of this.parts.log.readAll(options)) count += page.length;
    return count;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        this.place ??= this.saved = await this.placeToStart();
        await this.follow(() => (failures = 0));
      } catch (error) {
        if (signal.aborted) break;
        this.inTrouble(error);
      }
      await pause(this.pauseMs(failures), signal);
    }
    await this.keep(true).catch(() => undefined);
  }

  /** A log that was put back to an earlier state is shorter than what was seen of it. */
  private async placeToStart(): Promise<Position | undefined> {
    const { log, checkpoint } = this.parts;
    const kept = await checkpoint.load().catch(() => undefined);
    if (kept === undefined) return undefined;
    return log.comparePositions(kept, await log.head()) <= 0 ? kept : undefined;
  }

  private async follow(succeeded: () => void): Promise<void> {
    const { signal } = this.stopping;
    const options = { after: this.place, types: TYPES, signal, pageSize: this.tuning.page };
    for await (const message of this.parts.log.subscribe(options)) {
      if (message.kind === 'events') await this.seeTo(message.events);
      else this.place = message.position;
      if (signal.aborted) return;
      if (message.kind === 'caughtUp') await this.tryAgain();
      succeeded();
      if (this.failed.size === 0) this.trouble = null;
      if (message.kind === 'caughtUp' && this.failed.size === 0) this.since = null;
      await this.keep(message.kind === 'caughtUp');
    }
  }

  /** Page by page; where a page fails again and again, event by event. */
  private async seeTo(events: readonly RecordedEvent[]): Promise<void> {
    const { signal } = this.stopping;
    this.since ??= performance.now();
    for (let attempt = 0; !signal.aborted; attempt++) {
      await this.loadsEnded();
      if (signal.aborted) return;
      try {
        this.decided += await this.parts.follows.make(events, signal);
        if (signal.aborted) return;
        this.place = events.at(-1)!.position;
        return;
      } catch (error) {
        this.inTrouble(error);
        if (!isPassing(error) && attempt + 1 >= TOGETHER) return this.oneByOne(events);
        await pause(this.pauseMs(attempt), signal);
      }
    }
  }

  private async oneByOne(events: readonly RecordedEvent[]): Promise<void> {
    for (const event of events) {
      if (this.stopping.signal.aborted) return;
      await this.attempt(event, this.place);
      this.place = event.position;
    }
  }

  private async attempt(event: RecordedEvent, before: Position | undefined): Promise<void> {
    try {
      this.decided += await this.parts.follows.make([event], this.stopping.signal);
      this.failed.delete(event.position);
    } catch (error) {
      this.inTrouble(error);
      if (!this.failed.has(event.position)) this.failed.set(event.position, { event, before });
    }
  }

  private async tryAgain(): Promise<void> {
    for (const { event, before } of [...this.failed.values()]) await this.attempt(event, before);
  }

  /** Half a history is none, and a load must not find decisions of today between its own events. */
  private async loadsEnded(): Promise<void> {
    const { loads } = this.parts;
    while (!this.stopping.signal.aborted && (await loads.look())) {
      await new Promise<void>((resolve) => {
        const over = () => {
          quiet();
          this.stopping.signal.removeEventListener('abort', over);
          resolve();
        };
        const quiet = loads.onLastEnd(over);
        this.stopping.signal.addEventListener('abort', over, { once: true });
        // It may have ended since it was asked.
        if (!loads.any || this.stopping.signal.aborted) over();
      });
    }
  }

  private async keep(now: boolean): Promise<void> {
    const first = [...this.failed.values()][0];
    const place = first ? first.before : this.place;
    if (place === undefined || place === this.saved) return;
    if (!now && performance.now() - this.savedAt < this.tuning.saveEveryMs) return;
    await this.parts.checkpoint.save(place);
    this.saved = place;
    this.savedAt = performance.now();
  }

  private pauseMs(failures: number): number {
    return Math.min(this.tuning.firstPauseMs * 2 ** failures, this.tuning.longestPauseMs);
  }

  private inTrouble(error: unknown): void {
    const { code = 'INTERNAL', kind = 'internal', message = String(error) } = error as Partial<TouchstoneError>;
    this.attempts++;
    if (this.trouble?.code !== code && !isPassing(error)) {
      this.parts.warn?.(`What follows from an event cannot be recorded for now (${code}): ${message}`, code);
    }
    this.trouble = { code, kind, message };
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** Goes by itself: the read models catch up, the log takes more again. */
const isPassing = (error: unknown): boolean => {
  const { kind } = error as Partial<TouchstoneError>;
  return kind === 'busy' || kind === 'unavailable' || kind === 'limit';
};
