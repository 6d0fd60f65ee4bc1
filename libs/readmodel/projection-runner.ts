import { setImmediate as nextTurn } from 'node:timers/promises';
import { TouchstoneError, unreachable, type Actor, type Position, type RecordedEvent } from '@touchstone/eventing/pure';
import type { EventLog } from '@touchstone/eventing';
import { BatchApplier, type BatchLimits } from './batch-applier.js';
import { Digester, type DigestBatch, type ReadEvent } from './digest.js';
import { digestsOf, type DigestSource } from './digest-source.js';
import type { GenerationStore } from './generation-store.js';
import { Pace, Silence } from './pace.js';
import type { ListParked, ParkedEvent } from './parked-events.js';
import { endingWith } from './ending-with.js';
import { pauseFor } from './pause.js';
import { aheadOfLog, lostFromLog, storeLost } from './projector-errors.js';
import { messageOf, type RunnerState, type RunnerStatus } from './runner-status.js';
import { Turns } from './turns.js';
import { CheckpointWaits } from './waits.js';

/** What a runner needs of the event log. */
export type RunnerLog = Pick<EventLog, 'subscribe' | 'readStream' | 'head'>;

export interface RunnerOptions {
  readonly store: GenerationStore;
  readonly log: RunnerLog;
  readonly read: ReadEvent;
  /** Where its events come from; default the log, read in this thread. */
  readonly digests?: DigestSource;
  /** ISO 8601 UTC, stamped on parked events. */
  readonly now: () => string;
  /** Events per transaction at most; default 5,000. */
  readonly batchSize?: number;
  /** How long the checkpoint may stand while the head is ahead before that is called a stall; default 10,000. */
  readonly stallAfterMs?: number;
  /** How often the head is looked at; default 1,000. */
  readonly watchEveryMs?: number;
  /** First pause after an error, doubled up to 64 times that; default 100. */
  readonly backoffMs?: number;
  readonly limits?: BatchLimits;
  /** After every committed batch; how it went is told of those that took events. */
  readonly onBatch?: (checkpoint: Position, taken: number, batch?: TakenBatch) => void;
  /** What was deferred is lost (`BatchLimits.deferNewest`), or the store's connection is: the runner has stopped for good. */
  readonly onLost?: (error: TouchstoneError) => void;
}

/** A batch of events, and when it was taken. */
export interface TakenBatch {
  /** The checkpoint before it. */
  readonly after: Position;
  readonly last: Position;
  readonly events: number;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly tookMs: number;
}

/** Outcome of a retry or a skip: how many parked events went in, and how many of the stream still wait. */
export interface Unparked {
  readonly applied: number;
  readonly waiting: number;
}

const RETRY_PAGE = 500;

/**
 * Follows the log and keeps one generation up to it. The subscription is supervised: whatever ends it, an error, a
 * quiet end or silence while the head moves on, it is taken up again from the generation's own checkpoint.
 */
export class ProjectionRunner {
  readonly waits: CheckpointWaits;
  private readonly applier: BatchApplier;
  private readonly turns = new Turns();
  private readonly pace = new Pace();
  private readonly silence: Silence;
  private readonly digests: DigestSource;
  private readonly stopping = new AbortController();
  private attempt = new AbortController();
  private running: Promise<void> | null = null;
  private watching: Promise<void> | null = null;
  private head: Position = '';
  private cause: string | null = null;
  private failed: TouchstoneError | null = null;
  private failures = 0;

  constructor(private readonly options: RunnerOptions) {
    const { store, log, read, now, limits } = options;
    this.digests = options.digests ?? digestsOf(log, new Digester(store.group, read));
    this.applier = new BatchApplier(store, read, now, limits);
    this.waits = new CheckpointWaits(store.group.name, store.checkpoint.position);
    this.silence = new Silence(options.stallAfterMs ?? 10_000);
  }

  /** Starts following; never rejects. A second call does nothing. */
  start(): void {
    if (this.running) return;
    this.running = this.supervise();
    this.watching = this.watch();
  }

  /** Resolves when the batch in hand is committed and nothing runs any more. The store stays open. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.attempt.abort();
    await Promise.all([this.running, this.watching]);
    // A retry may still be at work.
    const release = await this.turns.take();
    release();
    this.waits.close();
  }

  /** Waits for the batch in hand, then holds every write until the returned function is called. */
  hold(): Promise<() => void> {
    return this.turns.take();
  }

  /** Writes what was deferred; for whoever holds the runner. */
  flush(): void {
    this.applier.flush();
  }

  status(): RunnerStatus {
    const { store } = this.options;
    const checkpoint = store.checkpoint.position;
    const isBehind = checkpoint < this.head;
    const stalled = isBehind && this.silence.isLong;
    const state: RunnerState = this.failed
      ? 'failed'
      : stalled
        ? 'stalled'
        : isBehind || !this.head
          ? 'catching-up'
          : 'live';
    return {
      group: store.group.name,
      generation: store.name,
      checkpoint,
      head: this.head,
      lagMs: isBehind ? this.silence.behindMs : 0,
      parked: store.parked.count('parked'),
      skipped: store.parked.count('skipped'),
      state,
      cause: this.failed?.message ?? this.cause ?? (stalled ? this.silenceText() : null),
      eventsPerSecond: this.pace.perSecond,
    };
  }

  parked(options?: ListParked): ParkedEvent[] {
    return this.options.store.parked.list(options);
  }

  /** Tries parked events again, of one stream or of all, read from the log anew. */
  async retryParked(stream?: string): Promise<Unparked> {
    const streams = stream === undefined ? [...this.options.store.parked.waiting] : [stream];
    let applied = 0;
    for (const each of streams) applied += await this.unpark(each);
    return { applied, waiting: streams.reduce((n, each) => n + this.options.store.parked.revisions(each).length, 0) };
  }

  /**
   * Gives an event up, for the record with reason and actor, and goes on with those behind it.
   * @throws PARKED_NOT_FOUND (notFound)
   */
  async skipParked(stream: string, revision: number, reason: string, actor: Actor): Promise<Unparked> {
    const release = await this.turns.take();
    try {
      this.options.store.parked.skip(stream, revision, reason, actor, this.options.now());
    } finally {
      release();
    }
    return this.retryParked(stream);
  }

  private async supervise(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.attempt = new AbortController();
      try {
        await this.follow(AbortSignal.any([signal, this.attempt.signal]));
        if (signal.aborted) return;
        // One that was given up for its silence has its cause already.
        if (!this.attempt.signal.aborted) this.cause = 'The subscription ended; it is taken up again.';
      } catch (error) {
        this.cause = messageOf(error);
        if (error instanceof TouchstoneError && error.code === 'NEWEST_LOST') return this.options.onLost?.(error);
        // It would be tried again for ever on a connection that answers nothing any more.
        if (!this.options.store.db.isOpen && !signal.aborted) return this.options.onLost?.(storeLost(error));
      }
      this.failures++;
      const pause = (this.options.backoffMs ?? 100) * 2 ** Math.min(this.failures - 1, 6);
      await pauseFor(pause, signal);
    }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { store } = this.options;
    await this.assertSameLog();
    const after = store.checkpoint.position || undefined;
    const messages = this.digests({ after, signal, pageSize: this.options.batchSize ?? 5_000 });
    for await (const message of endingWith(messages, signal)) {
      switch (message.kind) {
        case 'batch':
          await this.take(message.batch);
          break;
        case 'caughtUp':
          await this.reachEmptyHead(message.position);
          break;
        default:
          unreachable(message);
      }
      this.healthy();
      // Reading and applying are synchronous: let messages and timers have their turn.
      await nextTurn();
    }
  }

  private async take(batch: DigestBatch): Promise<void> {
    const { store, onBatch } = this.options;
    const release = await this.turns.take();
    try {
      if (this.stopping.signal.aborted) return;
      const { position: after } = store.checkpoint;
      const startedMs = Date.now();
      const start = performance.now();
      const { taken } = this.applier.followDigest(batch);
      const tookMs = performance.now() - start;
      const { position } = store.checkpoint;
      if (position > this.head) this.head = position;
      this.pace.add(taken);
      this.silence.moved(position >= this.head);
      this.waits.advance(position);
      onBatch?.(position, taken, { after, last: position, events: taken, startedMs, tookMs });
    } finally {
      release();
    }
  }

  /** An empty log has a head too; a generation that has seen all of it stands there. */
  private async reachEmptyHead(position: Position): Promise<void> {
    const { store } = this.options;
    if (store.checkpoint.position !== '') return;
    const release = await this.turns.take();
    try {
      if (this.stopping.signal.aborted) return;
      this.applier.startAt(position);
      if (position > this.head) this.head = position;
      this.waits.advance(position);
      this.options.onBatch?.(position, 0);
    } finally {
      release();
    }
  }

  /** @throws CHECKPOINT_AHEAD_OF_LOG when this read model was made from another log, or from more of this one */
  private async assertSameLog(): Promise<void> {
    const { log, store } = this.options;
    const head = await log.head();
    this.head = head;
    const { position } = store.checkpoint;
    this.failed = position <= head ? null : aheadOfLog(store.name, position, head);
    if (this.failed) throw this.failed;
  }

  private healthy(): void {
    this.cause = null;
    this.failures = 0;
  }

  /** Looks at the head on its own, so that a subscription that has gone quiet is noticed and taken up again. */
  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await pauseFor(this.options.watchEveryMs ?? 1_000, signal);
      if (signal.aborted) return;
      try {
        const head = await this.options.log.head();
        if (head > this.head) this.head = head;
      } catch (error) {
        this.cause = messageOf(error);
      }
      const { position } = this.options.store.checkpoint;
      if (position >= this.head) this.silence.moved(true);
      else if (this.silence.isLong && this.silence.shouldRestart) this.restart();
    }
  }

  private restart(): void {
    this.cause ??= this.silenceText();
    this.attempt.abort();
  }

  private silenceText(): string {
    return `The log has moved on to ${this.head}, but its subscription has been silent for ${Math.round(this.silence.standingMs / 1000)} s; it is taken up again.`;
  }

  /** Takes a stream's parked events in order until one fails again. Answers how many went in. */
  private async unpark(stream: string): Promise<number> {
    const { store, log } = this.options;
    let applied = 0;
    for (;;) {
      const from = store.parked.revisions(stream)[0];
      const events: RecordedEvent[] = [];
      if (from !== undefined) {
        for await (const event of log.readStream(stream, { from, max: RETRY_PAGE })) events.push(event);
      }
      const release = await this.turns.take();
      try {
        if (this.stopping.signal.aborted) return applied;
        const waiting = new Set(store.parked.revisions(stream));
        if (waiting.size === 0) {
          // Only now, with nothing else under way, may the stream's next events pass again.
          store.parked.waiting.delete(stream);
          return applied;
        }
        const again = events.filter((event) => waiting.has(event.revision));
        if (again.length === 0) throw lostFromLog(stream, [...waiting][0]!);
        const { taken, parked } = this.applier.retry(again);
        applied += taken - parked;
        if (taken > parked) this.waits.advance(store.checkpoint.position);
        if (parked > 0) return applied;
      } finally {
        release();
      }
    }
  }
}
