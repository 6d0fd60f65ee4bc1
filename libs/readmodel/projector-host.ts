import { MessageChannel, Worker, type MessagePort, type ResourceLimits, type Transferable } from 'node:worker_threads';
import { TouchstoneError, type Actor, type Position } from '@touchstone/eventing/pure';
import type { BuildOrder, BuildProgress, RunnerTuning } from './build-generation.js';
import type { GroupStatus } from './group-projector.js';
import type { ListParked, ParkedEvent } from './parked-events.js';
import type { TakenBatch, Unparked } from './projection-runner.js';
import type { Projections } from './projections.js';
import {
  unknownGroup,
  type FromProjector,
  type ProjectorCall,
  type ProjectorStart,
  type ToProjector,
} from './projector-worker.js';
import type { Generation } from './read-store.js';
import { fromWire, messageOf, toWire } from './runner-status.js';
import { CheckpointWaits, type WaitOptions } from './waits.js';

export interface ProjectorHostOptions {
  /** The plain entry file that calls `runProjectorWorker`. */
  readonly worker: URL;
  /** The directory of read models. */
  readonly directory: string;
  /** Names of the groups that the entry file projects. */
  readonly groups: readonly string[];
  /** What the entry's `openLog` needs; asked for each thread that is started, so a port can be a new one each time. */
  readonly data?: () => { readonly data: unknown; readonly transfer?: readonly Transferable[] };
  readonly tuning?: RunnerTuning;
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Of every batch that a live generation took, once it is committed. */
  readonly onBatch?: (batch: ProjectedBatch) => void;
  /** The thread died and is started again. */
  readonly onDeath?: (error: TouchstoneError) => void;
}

export interface ProjectedBatch extends TakenBatch {
  readonly group: string;
  readonly generation: string;
}

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

/**
 * Memory of a thread that builds a generation. It keeps what a batch of thousands of events makes until the batch is
 * written: in the usual young generation most of that is copied, again and again, before it is garbage.
 */
export const BUILDER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 192 };
/** Of the thread that follows the log: the same, of the smaller batches that it takes. */
const FOLLOWER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 96 };

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Runs the projections in a thread of their own and speaks for them on this one. A thread that dies is replaced. */
export class ProjectorHost implements Projections {
  private readonly waits: ReadonlyMap<string, CheckpointWaits>;
  private readonly pending = new Map<number, Pending>();
  private readonly builders = new Map<string, Worker>();
  private worker: Worker | null = null;
  private lastId = 0;
  private deaths = 0;
  private lastStatus: readonly GroupStatus[] = [];
  private death: TouchstoneError | null = null;
  private restart: NodeJS.Timeout | undefined;
  private stopped: Promise<void> | null = null;
  private readonly exits = new Set<Promise<void>>();
  private readonly ready: Promise<void>;
  private markReady: () => void = () => {};

  private constructor(private readonly options: ProjectorHostOptions) {
    this.waits = new Map(options.groups.map((group) => [group, new CheckpointWaits(group)]));
    this.ready = new Promise((resolve) => (this.markReady = resolve));
    this.launch();
  }

  /** Resolves when the projections have started, or the first attempt has failed (then it goes on trying). */
  static async start(options: ProjectorHostOptions): Promise<ProjectorHost> {
    const host = new ProjectorHost(options);
    await host.ready;
    return host;
  }

  /** Tells the thread of a new head, for an entry file that listens to it. */
  wake(head: Position): void {
    this.send({ kind: 'wake', head });
  }

  /** How every group stands; of a thread that died, how it stood last, with why. */
  async status(): Promise<readonly GroupStatus[]> {
    try {
      this.lastStatus = await this.call<readonly GroupStatus[]>({ method: 'status' });
      return this.lastStatus;
    } catch (error) {
      return this.lastStatus.map((status) => ({ ...status, state: 'failed', cause: messageOf(error) }));
    }
  }

  parked(group: string, options?: ListParked): Promise<ParkedEvent[]> {
    return this.call({ method: 'parked', group, options });
  }

  /** Tries parked events again, of one stream or of all. */
  retryParked(group: string, stream?: string): Promise<Unparked> {
    return this.call({ method: 'retry', group, stream });
  }

  /** Gives an event up, for the record, and goes on behind it. @throws PARKED_NOT_FOUND */
  skipParked(group: string, stream: string, revision: number, reason: string, actor: Actor): Promise<Unparked> {
    return this.call({ method: 'skip', group, stream, revision, reason, actor });
  }

  /** Builds a new generation in another thread and swaps it in. @throws GENERATION_CHANGING */
  rebuild(group: string): Promise<Generation> {
    return this.call({ method: 'rebuild', group });
  }

  /** @throws NO_PREVIOUS_GENERATION, GENERATION_MISFIT, GENERATION_CHANGING */
  rollback(group: string): Promise<Generation> {
    return this.call({ method: 'rollback', group });
  }

  /** @throws NOT_YET_PROJECTED (busy) after the time-out */
  waitFor(group: string, position: Position, options?: WaitOptions): Promise<Position> {
    return this.waitsOf(group).waitFor(position, options);
  }

  /** Nudges for whoever follows the log up to a group's checkpoint; reads on from its own place. */
  onCheckpoint(group: string, options?: { signal?: AbortSignal }): AsyncGenerator<Position, void, void> {
    return this.waitsOf(group).onCheckpoint(options);
  }

  checkpoint(group: string): Position {
    return this.waitsOf(group).checkpoint;
  }

  /** Finishes the batches in hand and ends the threads. */
  stop(): Promise<void> {
    this.stopped ??= this.finish();
    return this.stopped;
  }

  private async finish(): Promise<void> {
    clearTimeout(this.restart);
    for (const builder of this.builders.values()) builder.postMessage({ kind: 'stop' } satisfies ToProjector);
    this.send({ kind: 'stop' });
    while (this.exits.size > 0) await Promise.all(this.exits);
    for (const waits of this.waits.values()) waits.close();
  }

  private waitsOf(group: string): CheckpointWaits {
    const waits = this.waits.get(group);
    if (!waits) throw unknownGroup(group, this.options.groups);
    return waits;
  }

  private call<R>(call: ProjectorCall): Promise<R> {
    if (this.stopped) return Promise.reject(stoppedError());
    if (!this.worker) return Promise.reject(this.death ?? stoppedError());
    const id = ++this.lastId;
    return new Promise<R>((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.send({ kind: 'call', id, call });
    });
  }

  private send(message: ToProjector): void {
    this.worker?.postMessage(message);
  }

  private thread(how: Pick<ProjectorStart, 'order' | 'helper' | 'helps'> = {}, port?: MessagePort): Worker {
    const { directory, tuning, worker: entry } = this.options;
    const { data, transfer = [] } = this.options.data?.() ?? { data: undefined };
    const workerData: ProjectorStart = { directory, data, tuning, ...how };
    const transferList = [...transfer, ...(port ? [port] : [])];
    const worker = new Worker(entry, {
      workerData,
      transferList,
      resourceLimits: port ? BUILDER_LIMITS : FOLLOWER_LIMITS,
    });
    const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.exits.add(exit);
    void exit.then(() => this.exits.delete(exit));
    return worker;
  }

  private launch(): void {
    const worker = this.thread();
    this.worker = worker;
    let reason = 'it ended by itself';
    worker.on('message', (message: FromProjector) => this.hear(message));
    worker.on('error', (error) => (reason = messageOf(error)));
    worker.once('exit', () => {
      this.worker = null;
      void this.bury(diedError(reason));
    });
  }

  private async bury(error: TouchstoneError): Promise<void> {
    this.death = this.stopped ? stoppedError() : error;
    for (const { reject } of this.pending.values()) reject(this.death);
    this.pending.clear();
    this.markReady();
    // What a builder makes for a dead thread is of no use, and its successor removes the file.
    for (const builder of this.builders.values()) builder.postMessage({ kind: 'stop' } satisfies ToProjector);
    await Promise.all(this.exits);
    if (this.stopped) return;
    this.options.onDeath?.(error);
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.deaths++, LONGEST_PAUSE_MS);
    this.restart = setTimeout(() => this.launch(), pause);
  }

  private hear(message: FromProjector): void {
    switch (message.kind) {
      case 'ready':
        return this.markReady();
      case 'answer': {
        const pending = this.pending.get(message.id);
        this.pending.delete(message.id);
        if (message.error) pending?.reject(fromWire(message.error));
        else pending?.resolve(message.value as never);
        return;
      }
      case 'checkpoint': {
        const waits = this.waits.get(message.group);
        // Only progress ends a row of deaths; a thread that dies on the same event again makes none.
        if (waits && message.position > waits.checkpoint) this.deaths = 0;
        const { group, generation, batch } = message;
        if (batch) this.options.onBatch?.({ group, generation, ...batch });
        return waits?.advance(message.position);
      }
      case 'progress':
        return this.options.onProgress?.(message.progress);
      case 'build':
        return this.build(message.order);
      case 'cancelBuild':
        return this.builders.get(message.generation)?.postMessage({ kind: 'stop' } satisfies ToProjector);
      case 'built':
        return;
    }
  }

  private build(order: BuildOrder): void {
    const { generation, group } = order;
    const { port1, port2 } = new MessageChannel();
    const builder = this.thread({ order, helper: port1 }, port1);
    // When it dies, or cannot start, the builder does without.
    this.thread({ helps: { group, port: port2 } }, port2).on('error', () => {});
    let error = toWire(diedError('it ended without an answer'), 'BUILD_FAILED') as ReturnType<typeof toWire> | null;
    this.builders.set(generation, builder);
    builder.on('message', (message: FromProjector) => {
      if (message.kind === 'progress') this.send({ kind: 'progress', progress: message.progress });
      else if (message.kind === 'built') error = message.error;
    });
    builder.on('error', (cause) => (error = toWire(diedError(messageOf(cause)), 'BUILD_FAILED')));
    // Only when the thread has ended is its file surely closed.
    builder.once('exit', () => {
      this.builders.delete(generation);
      this.send({ kind: 'built', generation, error });
    });
  }
}

const diedError = (reason: string) =>
  new TouchstoneError(
    'PROJECTOR_DIED',
    `The thread of the projections died (${reason}); it is started again and goes on from its checkpoint.`,
    'unavailable',
  );

const stoppedError = () =>
  new TouchstoneError(
    'PROJECTOR_STOPPED',
    'The projections are being stopped; start them and ask again.',
    'unavailable',
  );
