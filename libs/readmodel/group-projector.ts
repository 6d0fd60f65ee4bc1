import { TouchstoneError, type Actor, type Position } from '@touchstone/eventing/pure';
import {
  buildGeneration,
  progressOf,
  reach,
  reachHead,
  type Build,
  type BuildProgress,
  type ProjectionParts,
} from './build-generation.js';
import { GenerationStore } from './generation-store.js';
import { listParked, type ListParked, type ParkedEvent } from './parked-events.js';
import { pauseFor } from './pause.js';
import { ProjectionRunner, type TakenBatch, type Unparked } from './projection-runner.js';
import { changing, misfit, noPrevious, storeLost } from './projector-errors.js';
import { fits, type Generation, type ReadStore } from './read-store.js';
import { messageOf, type RunnerStatus } from './runner-status.js';
import { openForReading } from './connection.js';
import { CheckpointWaits } from './waits.js';

export interface GroupProjectorOptions extends ProjectionParts {
  readonly readStore: ReadStore;
  /** Where new generations are made; default in this thread, which then takes turns with the live one. */
  readonly build?: Build;
  readonly onCheckpoint?: (checkpoint: Position, generation: string, batch?: TakenBatch) => void;
  readonly onProgress?: (progress: BuildProgress) => void;
  /** A connection to the read store is broken: start another one. */
  readonly onLost?: (error: TouchstoneError) => void;
}

/** How a group stands, and what is being built beside it. */
export interface GroupStatus extends RunnerStatus {
  readonly building: BuildProgress | null;
}

interface Live {
  readonly generation: Generation;
  readonly store: GenerationStore;
  readonly runner: ProjectionRunner;
}

/** Keeps one projection group up to the log, and changes from one of its generations to another. */
export class GroupProjector {
  readonly waits: CheckpointWaits;
  private live: Live | null = null;
  private active: Generation;
  private changing: Promise<Generation> | null = null;
  private progress: BuildProgress | null = null;
  private trouble: string | null = null;
  private readonly stopping = new AbortController();

  private constructor(private readonly options: GroupProjectorOptions) {
    const { group, readStore } = options;
    this.waits = new CheckpointWaits(group.name);
    readStore.removeObsolete(group.name);
    this.active = readStore.active(group.name) ?? readStore.create(group, 'active');
  }

  /**
   * Goes on with the active generation; the first one is active at once, so that readers never fail. Where its shape
   * is not that of the projections, it stays as it is and answers while one that fits is built beside it: or taken up
   * again, when the previous one fits, as after going back to an earlier release.
   */
  static start(options: GroupProjectorOptions): GroupProjector {
    const projector = new GroupProjector(options);
    try {
      if (fits(projector.active, options.group)) projector.takeOver(projector.open(projector.active));
    } catch (error) {
      projector.trouble = messageOf(error);
    }
    if (!projector.live) void projector.renew();
    return projector;
  }

  status(): GroupStatus {
    const building = this.progress;
    if (this.live) return { ...this.live.runner.status(), building };
    const frozen = this.frozen();
    return {
      group: this.options.group.name,
      generation: this.active.name,
      checkpoint: frozen?.checkpoint ?? '',
      head: building?.head ?? '',
      lagMs: 0,
      parked: 0,
      skipped: 0,
      state: this.trouble ? 'failed' : 'catching-up',
      cause: this.trouble ?? 'The projections have a new version; its first generation is being built.',
      eventsPerSecond: 0,
      building,
    };
  }

  parked(options?: ListParked): ParkedEvent[] {
    return this.live ? this.live.runner.parked(options) : [];
  }

  retryParked(stream?: string): Promise<Unparked> {
    return this.runner().retryParked(stream);
  }

  /** @throws PARKED_NOT_FOUND */
  skipParked(stream: string, revision: number, reason: string, actor: Actor): Promise<Unparked> {
    return this.runner().skipParked(stream, revision, reason, actor);
  }

  /**
   * Builds a new generation from position 0 beside the one that answers, and swaps it in when it has caught up.
   * @throws GENERATION_CHANGING (conflict) while another change is under way
   */
  rebuild(): Promise<Generation> {
    return this.change(() => this.buildNext());
  }

  /**
   * Goes back to the previous generation, once it has caught up.
   * @throws NO_PREVIOUS_GENERATION (notFound); GENERATION_MISFIT (refused) when another version made it
   */
  rollback(): Promise<Generation> {
    return this.change(async () => {
      const { group, readStore } = this.options;
      const previous = readStore.list(group.name).find((g) => g.state === 'previous');
      if (!previous || !readStore.has(previous)) throw noPrevious(group.name);
      if (!fits(previous, group)) throw misfit(previous);
      return this.promote(previous);
    });
  }

  /** Finishes the batch in hand. A change of generations is broken off; the one that answers stays. */
  async stop(): Promise<void> {
    this.stopping.abort(new TouchstoneError('PROJECTOR_STOPPED', 'The projections are being stopped.', 'unavailable'));
    await this.changing?.catch(() => {});
    await this.live?.runner.stop();
    this.live?.store.close();
    this.waits.close();
  }

  private runner(): ProjectionRunner {
    if (this.live) return this.live.runner;
    throw changing(this.options.group.name);
  }

  private change(work: () => Promise<Generation>): Promise<Generation> {
    if (this.changing) return Promise.reject(changing(this.options.group.name));
    this.changing = work().finally(() => {
      if (!this.options.readStore.isOpen && !this.stopping.signal.aborted)
        this.options.onLost?.(storeLost('it was ended'));
      this.changing = null;
      this.progress = null;
    });
    return this.changing;
  }

  /** Without a generation that can go on, this cannot wait for anybody to ask. */
  private async renew(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !this.live && !signal.aborted; failures++) {
      if (failures > 0) await pauseFor(Math.min(100 * 2 ** failures, 5_000), signal);
      try {
        const { group, readStore } = this.options;
        const previous = readStore.list(group.name).find((g) => g.state === 'previous' && fits(g, group));
        const kept = previous && readStore.has(previous) ? previous : null;
        await this.change(() => (kept && failures === 0 ? this.promote(kept) : this.buildNext()));
        this.trouble = null;
      } catch (error) {
        if (!signal.aborted) this.trouble = messageOf(error);
      }
    }
  }

  private async buildNext(): Promise<Generation> {
    const { group, readStore } = this.options;
    const build: Build = this.options.build ?? ((...order) => buildGeneration(this.sharing(), ...order));
    const generation = readStore.create(group, 'building');
    const order = {
      group: group.name,
      generation: generation.name,
      file: readStore.fileOf(generation),
      skipped: this.live?.runner.parked({ state: 'skipped', limit: 1e9 }) ?? this.frozen()?.skipped ?? [],
    };
    try {
      await build(order, (progress) => this.report(progress), this.stopping.signal);
      return await this.promote(generation);
    } catch (error) {
      if (this.active.number !== generation.number) readStore.removeObsolete(group.name);
      throw error;
    }
  }

  /** Brings a complete generation up to the live one and lets it answer from then on. */
  private async promote(generation: Generation): Promise<Generation> {
    const { group, readStore, log } = this.options;
    const { signal } = this.stopping;
    const next = this.open(generation);
    try {
      next.runner.start();
      await reachHead(next.runner, log, signal);
      this.report({ ...progressOf(next.runner, 'catching-up'), events: this.progress?.events ?? 0 });
      // The live one stands still from here to the swap, so that nobody ever sees the checkpoint go back.
      const release = (await this.live?.runner.hold()) ?? (() => {});
      try {
        const mustReach = await this.shown();
        await reach(next.runner, mustReach, signal);
        readStore.activate(group.name, generation.number, {
          reached: next.store.checkpoint.position,
          mustReach,
        });
        await this.retire(release);
      } finally {
        release();
      }
    } catch (error) {
      await next.runner.stop();
      next.store.close();
      throw error;
    }
    this.takeOver(next);
    this.report({ ...progressOf(next.runner, 'swapped'), events: this.progress?.events ?? 0 });
    readStore.removeObsolete(group.name);
    return this.active;
  }

  /** What readers may have seen; less when the log is not the one it was read from, for that cannot be reached. */
  private async shown(): Promise<Position> {
    const checkpoint = this.live?.store.checkpoint.position ?? this.frozen()?.checkpoint ?? '';
    const head = await this.options.log.head();
    return checkpoint < head ? checkpoint : head;
  }

  private async retire(release: () => void): Promise<void> {
    const { live } = this;
    this.live = null;
    const stopped = live?.runner.stop();
    release();
    await stopped;
    live?.store.close();
  }

  private takeOver(live: Live): void {
    this.live = live;
    this.active = this.options.readStore.active(this.options.group.name) ?? live.generation;
    live.runner.start();
    this.advance(live, live.store.checkpoint.position);
  }

  private open(generation: Generation): Live {
    const { group, readStore } = this.options;
    const store = GenerationStore.open(group, generation.name, readStore.fileOf(generation));
    const runner = new ProjectionRunner({
      ...this.options,
      ...this.options.tuning,
      store,
      onLost: (error) => this.options.onLost?.(error),
      onBatch: (checkpoint, _taken, batch) => {
        if (this.live?.runner === runner) this.advance(this.live, checkpoint, batch);
      },
    });
    return { generation, store, runner };
  }

  private advance(live: Live, checkpoint: Position, batch?: TakenBatch): void {
    this.waits.advance(checkpoint);
    this.options.onCheckpoint?.(checkpoint, live.generation.name, batch);
  }

  private report(progress: BuildProgress): void {
    this.progress = progress;
    this.options.onProgress?.(progress);
  }

  /** Smaller batches when the live generation has to share the thread. */
  private sharing(): ProjectionParts {
    return this.live ? { ...this.options, tuning: { ...this.options.tuning, batchSize: 1_000 } } : this.options;
  }

  /** The active generation as it was left, when these projections cannot go on with it. */
  private frozen(): { checkpoint: Position; skipped: ParkedEvent[] } | null {
    try {
      const db = openForReading(this.options.readStore.fileOf(this.active));
      try {
        const { position } = db.prepare('select position from checkpoint').get() as { position: Position };
        return { checkpoint: position, skipped: listParked(db, { state: 'skipped', limit: 1e9 }) };
      } finally {
        db.close();
      }
    } catch {
      // Damaged or gone: then it has nothing to show and nothing to keep.
      return null;
    }
  }
}
