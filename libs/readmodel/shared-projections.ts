import { randomUUID } from 'node:crypto';
import { TouchstoneError, type Actor, type Position } from '@touchstone/eventing/pure';
import type { GroupStatus } from './group-projector.js';
import type { ListParked, ParkedEvent } from './parked-events.js';
import { pauseFor } from './pause.js';
import type { Unparked } from './projection-runner.js';
import type { Projections, ProjectionStatus } from './projections.js';
import { unknownGroup, type ProjectorCall } from './projector-worker.js';
import type { Generation } from './read-store.js';
import { fromWire, type WireError } from './runner-status.js';
import type { SharedStore } from './shared-store.js';
import { channelOf, type StoreNews } from './store-news.js';
import { CheckpointWaits, type WaitOptions } from './waits.js';

export interface SharedProjectionsOptions {
  readonly store: SharedStore;
  readonly news: StoreNews;
  /** Names of the groups there are. */
  readonly groups: readonly string[];
  /** How often it is looked whether news were missed; ms, default 1,000. */
  readonly lookEveryMs?: number;
}

/** The lease of who keeps a group up. */
export const leaseOfGroup = (group: string): string => `projection:${group}`;

/** What is asked and was not begun within this is given up; time for one projector to take over from another. ms */
const BEGUN_WITHIN_MS = 10_000;
/** A rebuild of a long log takes its time; everything else is done at once or not at all. ms */
const DONE_WITHIN_MS: Readonly<Record<ProjectorCall['method'], number>> = {
  status: 10_000,
  parked: 10_000,
  retry: 60_000,
  skip: 60_000,
  rebuild: 6 * 3_600_000,
  rollback: 3_600_000,
};
const LOOK_EVERY_MS = 1_000;
/** How old what a projector published may be; it does so every second. ms */
const FRESH_MS = 4_000;

export interface StoredAnswer {
  readonly value?: unknown;
  readonly error?: WireError;
}

interface StateRow {
  readonly group: string;
  readonly checkpoint: Position;
  readonly status: GroupStatus;
  readonly ageMs: number;
  readonly holder: string | null;
}

/** The read models that some process keeps up, this one or another: what it publishes, and what it is asked by way of PostgreSQL. */
export class SharedProjections implements Projections {
  private readonly waits: ReadonlyMap<string, CheckpointWaits>;
  private readonly stopping = new AbortController();
  private readonly quiet: () => void;
  private looking: Promise<void> | null = null;

  private constructor(private readonly options: SharedProjectionsOptions) {
    this.waits = new Map(options.groups.map((group) => [group, new CheckpointWaits(group)]));
    this.quiet = options.news.on((news) => {
      if (news.kind === 'checkpoint') this.waits.get(news.group)?.advance(news.checkpoint);
    });
  }

  /** @throws READ_STORE_UNREACHABLE */
  static async start(options: SharedProjectionsOptions): Promise<SharedProjections> {
    const projections = new SharedProjections(options);
    await projections.look();
    projections.looking = projections.keepLooking();
    return projections;
  }

  async status(): Promise<readonly ProjectionStatus[]> {
    const rows = await this.options.store.query<StateRow>(
      `select s.group_name as "group", s.checkpoint, s.status, l.holder,
         (extract(epoch from clock_timestamp() - s.published_at) * 1000)::float8 as "ageMs"
       from projection_state s left join lease l on l.name = $1 || s.group_name and l.expires_at > clock_timestamp()`,
      [leaseOfGroup('')],
    );
    return this.options.groups.map((group) =>
      statusOf(
        group,
        rows.find((row) => row.group === group),
      ),
    );
  }

  parked(group: string, options?: ListParked): Promise<ParkedEvent[]> {
    return this.ask(group, { method: 'parked', group, options });
  }

  retryParked(group: string, stream?: string): Promise<Unparked> {
    return this.ask(group, { method: 'retry', group, stream });
  }

  skipParked(group: string, stream: string, revision: number, reason: string, actor: Actor): Promise<Unparked> {
    return this.ask(group, { method: 'skip', group, stream, revision, reason, actor });
  }

  rebuild(group: string): Promise<Generation> {
    return this.ask(group, { method: 'rebuild', group });
  }

  rollback(group: string): Promise<Generation> {
    return this.ask(group, { method: 'rollback', group });
  }

  waitFor(group: string, position: Position, options?: WaitOptions): Promise<Position> {
    return this.waitsOf(group).waitFor(position, options);
  }

  onCheckpoint(group: string, options?: { signal?: AbortSignal }): AsyncGenerator<Position, void, void> {
    return this.waitsOf(group).onCheckpoint(options);
  }

  checkpoint(group: string): Position {
    return this.waitsOf(group).checkpoint;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.quiet();
    await this.looking;
    for (const waits of this.waits.values()) waits.close();
  }

  private waitsOf(group: string): CheckpointWaits {
    const waits = this.waits.get(group);
    if (!waits) throw unknownGroup(group, this.options.groups);
    return waits;
  }

  /** What news would have told. */
  private async look(): Promise<void> {
    const sql = 'select group_name as "group", checkpoint from projection_state';
    for (const { group, checkpoint } of await this.options.store.query<{ group: string; checkpoint: Position }>(sql)) {
      const waits = this.waits.get(group);
      if (waits && waits.checkpoint < checkpoint) waits.advance(checkpoint);
    }
  }

  private async keepLooking(): Promise<void> {
    const { signal } = this.stopping;
    for (;;) {
      await pauseFor(this.options.lookEveryMs ?? LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      // The store tells of what is in the way; whoever waits has a time limit.
      await this.look().catch(() => undefined);
    }
  }

  /**
   * Asks the process that keeps the group up.
   * @throws PROJECTOR_MISSING when none begins it in time, PROJECTOR_CHANGED when the one that had begun it is no more
   */
  private async ask<R>(group: string, call: ProjectorCall): Promise<R> {
    this.waitsOf(group);
    const { store, news } = this.options;
    const id = randomUUID();
    let wake = () => {};
    const quiet = news.on((told) => told.kind === 'answered' && told.id === id && wake());
    try {
      await store.query(
        `insert into projection_request (id, group_name, call, expires_at)
         values ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms')`,
        [id, group, JSON.stringify(call), BEGUN_WITHIN_MS],
      );
      await store.query('select pg_notify($1, $2)', [
        channelOf(store.schema),
        JSON.stringify({ kind: 'asked', group }),
      ]);
      const until = performance.now() + DONE_WITHIN_MS[call.method];
      for (;;) {
        const answer = await this.answerTo(id, group);
        if (answer?.error) throw fromWire(answer.error);
        if (answer) return answer.value as R;
        if (performance.now() > until) throw tookTooLong(group, call.method);
        const early = new AbortController();
        wake = () => early.abort();
        await pauseFor(LOOK_EVERY_MS / 2, AbortSignal.any([early.signal, this.stopping.signal]));
        if (this.stopping.signal.aborted) throw stoppedError();
      }
    } finally {
      quiet();
      // What nobody waits for is not to be begun any more.
      await store.query('delete from projection_request where id = $1', [id]).catch(() => undefined);
    }
  }

  private async answerTo(id: string, group: string): Promise<StoredAnswer | null> {
    const [row] = await this.options.store.query<{
      answer: StoredAnswer | null;
      takenBy: number | null;
      isLate: boolean;
      term: number | null;
    }>(
      `select r.answer, r.taken_by as "takenBy", l.epoch as term, clock_timestamp() > r.expires_at as "isLate"
       from projection_request r left join lease l on l.name = $2 and l.expires_at > clock_timestamp() where r.id = $1`,
      [id, leaseOfGroup(group)],
    );
    if (!row) throw missing(group);
    if (row.answer) return row.answer;
    if (row.takenBy === null) {
      if (row.isLate) throw missing(group);
      return null;
    }
    if (row.term !== null && row.term !== row.takenBy) throw changed(group);
    return null;
  }
}

function statusOf(group: string, row: StateRow | undefined): ProjectionStatus {
  if (!row) return { ...NOTHING_YET, group, cause: `No process with the role projector has run yet: start one.` };
  const { status, checkpoint, holder, ageMs } = row;
  if (ageMs <= FRESH_MS) return { ...status, checkpoint, holder };
  const age = Math.round(ageMs);
  return {
    ...status,
    checkpoint,
    holder,
    lagMs: status.lagMs + age,
    eventsPerSecond: 0,
    // Another projector takes over by itself; who waits for that knows by the lag how long.
    state: status.state === 'failed' ? 'failed' : 'catching-up',
    cause: `No projector has told how it stands for ${age} ms: see that a process with the role projector runs.`,
  };
}

const NOTHING_YET: Omit<ProjectionStatus, 'group' | 'cause'> = {
  generation: '',
  checkpoint: '',
  head: '',
  lagMs: 0,
  parked: 0,
  skipped: 0,
  state: 'failed',
  eventsPerSecond: 0,
  building: null,
  holder: null,
};

const missing = (group: string) =>
  new TouchstoneError(
    'PROJECTOR_MISSING',
    `No process keeps the read models "${group}" up: start one with the role projector, and ask again.`,
    'unavailable',
    { group },
  );

const changed = (group: string) =>
  new TouchstoneError(
    'PROJECTOR_CHANGED',
    `The process that had begun this for "${group}" is no more, and another one took over: ask again.`,
    'unavailable',
    { group },
  );

const tookTooLong = (group: string, method: string) =>
  new TouchstoneError(
    'PROJECTOR_BUSY',
    `The projector of "${group}" has not ended this (${method}) in its time; look at "projections" for how it stands.`,
    'busy',
    { group },
  );

const stoppedError = () =>
  new TouchstoneError('PROJECTOR_STOPPED', 'This process is being stopped; ask another one.', 'unavailable');
