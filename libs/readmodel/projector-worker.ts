import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { TouchstoneError, type Actor, type Position } from '@touchstone/eventing/pure';
import {
  buildGeneration,
  serveBuild,
  type Build,
  type BuildOrder,
  type BuildProgress,
  type ProjectionParts,
  type RunnerTuning,
} from './build-generation.js';
import { GroupProjector, type GroupStatus } from './group-projector.js';
import type { ListParked } from './parked-events.js';
import type { ProjectionGroup } from './projection.js';
import type { RunnerLog, TakenBatch } from './projection-runner.js';
import { ReadStore } from './read-store.js';
import { fromWire, toWire, type WireError } from './runner-status.js';
import type { ReadEvent } from './digest.js';

/** Calls `listener` with each new head of the log; the function it returns stops that. */
export type HeadSource = (listener: (head: Position) => void) => () => void;

export interface ProjectorWorkerParts {
  /** What is projected, for the `data` that the host gave. */
  readonly groups: readonly ProjectionGroup[] | ((data: unknown) => readonly ProjectionGroup[]);
  /** Lifts a stored event to today's shape, such as `registry.read`. */
  readonly read: ReadEvent;
  /** Opens the log for reading in this thread, from the `data` that the host gave; `onHead` is fed by `host.wake`. */
  readonly openLog: (data: unknown, onHead: HeadSource) => OpenedLog | Promise<OpenedLog>;
  /** ISO 8601 UTC; default the system's clock. */
  readonly now?: () => string;
}

export type OpenedLog = RunnerLog & { close(): Promise<void> };

/** What a projector thread is started with. */
export interface ProjectorStart {
  readonly directory: string;
  readonly data: unknown;
  readonly tuning?: RunnerTuning;
  /** Set: make this generation and end. */
  readonly order?: BuildOrder;
  /** For who makes a generation: the port of a thread that helps. */
  readonly helper?: MessagePort;
  /** Set: help who makes a generation of this group, until the port is closed. */
  readonly helps?: { readonly group: string; readonly port: MessagePort };
}

export type ProjectorCall =
  | { readonly method: 'status' }
  | { readonly method: 'parked'; readonly group: string; readonly options?: ListParked }
  | { readonly method: 'retry'; readonly group: string; readonly stream?: string }
  | {
      readonly method: 'skip';
      readonly group: string;
      readonly stream: string;
      readonly revision: number;
      readonly reason: string;
      readonly actor: Actor;
    }
  | { readonly method: 'rebuild' | 'rollback'; readonly group: string };

export type ToProjector =
  | { readonly kind: 'call'; readonly id: number; readonly call: ProjectorCall }
  | { readonly kind: 'wake'; readonly head: Position }
  | { readonly kind: 'progress'; readonly progress: BuildProgress }
  | { readonly kind: 'built'; readonly generation: string; readonly error: WireError | null }
  | { readonly kind: 'stop' };

export type FromProjector =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: WireError }
  | {
      readonly kind: 'checkpoint';
      readonly group: string;
      readonly position: Position;
      readonly generation: string;
      /** What moved it there, where that was a batch. */
      readonly batch?: TakenBatch;
    }
  | { readonly kind: 'progress'; readonly progress: BuildProgress }
  | { readonly kind: 'build'; readonly order: BuildOrder }
  | { readonly kind: 'cancelBuild'; readonly generation: string }
  | { readonly kind: 'built'; readonly error: WireError | null };

/**
 * The body of a projector thread: call it in a plain entry file that knows the projections and the log.
 *
 * @example
 * // projector.worker.ts of an app
 * runProjectorWorker({ groups: [journeys], read: registry.read, openLog: (data) => openLogReader(data.file) });
 */
export function runProjectorWorker(parts: ProjectorWorkerParts): void {
  const port = parentPort;
  if (!port) throw new TouchstoneError('NOT_A_WORKER', 'Start this file as a worker thread.', 'internal');
  const start = workerData as ProjectorStart;
  const thread = start.helps
    ? help(parts, start, start.helps)
    : start.order
      ? build(port, parts, start, start.order)
      : project(port, parts, start);
  // An error that nobody caught ends the thread; its host says so and starts another one.
  thread.catch((error: unknown) => queueMicrotask(() => { throw error; })); // prettier-ignore
}

const groupsOf = ({ groups }: ProjectorWorkerParts, { data }: ProjectorStart): readonly ProjectionGroup[] =>
  typeof groups === 'function' ? groups(data) : groups;

async function help(
  parts: ProjectorWorkerParts,
  start: ProjectorStart,
  { group: name, port }: NonNullable<ProjectorStart['helps']>,
): Promise<void> {
  const log = await parts.openLog(start.data, () => () => {});
  try {
    const group = groupsOf(parts, start).find((g) => g.name === name)!;
    await serveBuild(port, { group, log, read: parts.read });
  } finally {
    await log.close();
  }
}

async function build(port: MessagePort, parts: ProjectorWorkerParts, start: ProjectorStart, order: BuildOrder) {
  const stopping = new AbortController();
  port.on('message', (message: ToProjector) => message.kind === 'stop' && stopping.abort());
  const send = (message: FromProjector) => port.postMessage(message);
  let log: OpenedLog | null = null;
  try {
    log = await parts.openLog(start.data, () => () => {});
    const group = groupsOf(parts, start).find((g) => g.name === order.group)!;
    const onProgress = (progress: BuildProgress) => send({ kind: 'progress', progress });
    const { helper } = start;
    await buildGeneration({ ...common(parts, start), group, log, helper }, order, onProgress, stopping.signal);
    send({ kind: 'built', error: null });
  } catch (error) {
    send({ kind: 'built', error: toWire(error, 'BUILD_FAILED') });
  } finally {
    // When it never came to building.
    start.helper?.close();
    await log?.close();
    port.close();
  }
}

async function project(port: MessagePort, parts: ProjectorWorkerParts, start: ProjectorStart): Promise<void> {
  const heads = new Set<(head: Position) => void>();
  const log = await parts.openLog(start.data, (listener) => {
    heads.add(listener);
    return () => heads.delete(listener);
  });
  const shared = common(parts, start);
  const readStore = await ReadStore.open(start.directory, shared.now);
  const send = (message: FromProjector) => port.postMessage(message);
  const builds = new BuildsElsewhere(send);
  const projectors = new Map(
    groupsOf(parts, start).map((group) => {
      const onCheckpoint = (position: Position, generation: string, batch?: TakenBatch) =>
        send({ kind: 'checkpoint', group: group.name, position, generation, batch });
      const onProgress = (progress: BuildProgress) => send({ kind: 'progress', progress });
      // The thread ends with it; the one that takes its place has connections of its own.
      const onLost = (error: TouchstoneError) => queueMicrotask(() => { throw error; }); // prettier-ignore
      const options = { ...shared, group, log, readStore, build: builds.build, onCheckpoint, onProgress, onLost };
      return [group.name, GroupProjector.start(options)] as const;
    }),
  );
  const stop = async () => {
    await Promise.all([...projectors.values()].map((projector) => projector.stop()));
    await log.close();
    readStore.close();
    port.close();
  };
  port.on('message', (message: ToProjector) => {
    switch (message.kind) {
      case 'call':
        return void answer(projectors, message.call).then(
          (value) => send({ kind: 'answer', id: message.id, value }),
          (error: unknown) => send({ kind: 'answer', id: message.id, error: toWire(error, 'PROJECTOR_FAILED') }),
        );
      case 'wake':
        return heads.forEach((listener) => listener(message.head));
      case 'progress':
      case 'built':
        return builds.hear(message);
      case 'stop':
        return void stop();
    }
  });
  send({ kind: 'ready' });
}

async function answer(projectors: ReadonlyMap<string, GroupProjector>, call: ProjectorCall): Promise<unknown> {
  if (call.method === 'status') return [...projectors.values()].map((projector): GroupStatus => projector.status());
  const projector = projectors.get(call.group);
  if (!projector) throw unknownGroup(call.group, [...projectors.keys()]);
  switch (call.method) {
    case 'parked':
      return projector.parked(call.options);
    case 'retry':
      return projector.retryParked(call.stream);
    case 'skip':
      return projector.skipParked(call.stream, call.revision, call.reason, call.actor);
    case 'rebuild':
      return projector.rebuild();
    case 'rollback':
      return projector.rollback();
  }
}

/** Has generations made in a thread of their own, by way of the host, so that the live ones keep this one. */
class BuildsElsewhere {
  private readonly running = new Map<
    string,
    { onProgress: (progress: BuildProgress) => void; settle: (error: WireError | null) => void }
  >();

  constructor(private readonly send: (message: FromProjector) => void) {}

  readonly build: Build = (order, onProgress, signal) =>
    new Promise((resolve, reject) => {
      const cancel = () => this.send({ kind: 'cancelBuild', generation: order.generation });
      const settle = (error: WireError | null) => {
        signal.removeEventListener('abort', cancel);
        this.running.delete(order.generation);
        if (signal.aborted) reject(signal.reason as Error);
        else if (error) reject(fromWire(error));
        else resolve();
      };
      this.running.set(order.generation, { onProgress, settle });
      signal.addEventListener('abort', cancel, { once: true });
      this.send({ kind: 'build', order });
    });

  hear(message: Extract<ToProjector, { kind: 'progress' | 'built' }>): void {
    if (message.kind === 'progress') this.running.get(message.progress.generation)?.onProgress(message.progress);
    else this.running.get(message.generation)?.settle(message.error);
  }
}

function common(parts: ProjectorWorkerParts, start: ProjectorStart): Pick<ProjectionParts, 'read' | 'now' | 'tuning'> {
  return { read: parts.read, now: parts.now ?? (() => new Date().toISOString()), tuning: start.tuning };
}

export const unknownGroup = (group: string, known: readonly string[]) =>
  new TouchstoneError(
    'GROUP_UNKNOWN',
    `There is no projection group "${group}"; there are ${known.join(', ') || 'none'}.`,
    'notFound',
  );
