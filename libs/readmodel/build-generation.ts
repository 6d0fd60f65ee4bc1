import type { MessagePort } from 'node:worker_threads';
import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import type { BatchLimits } from './batch-applier.js';
import { removeAt } from './connection.js';
import { Digester } from './digest.js';
import { digestsBehind, digestsOf, serveDigests } from './digest-source.js';
import { GenerationStore } from './generation-store.js';
import type { ParkedEvent } from './parked-events.js';
import { servePartHelp } from './part-helper.js';
import { ProjectionRunner, type RunnerLog, type RunnerOptions } from './projection-runner.js';
import type { ProjectionGroup } from './projection.js';

/** What a group's new generation is made from, plain enough to cross to another thread. */
export interface BuildOrder {
  readonly group: string;
  /** Such as `journeys-2`. */
  readonly generation: string;
  readonly file: string;
  /** Events that somebody gave up: where they fail again they hold nobody up. */
  readonly skipped: readonly ParkedEvent[];
}

export interface BuildProgress {
  readonly group: string;
  readonly generation: string;
  readonly phase: 'reading' | 'indexing' | 'deriving' | 'catching-up' | 'swapped';
  readonly position: Position;
  readonly head: Position;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly cause: string | null;
}

export type RunnerTuning = Pick<RunnerOptions, 'batchSize' | 'stallAfterMs' | 'watchEveryMs' | 'backoffMs' | 'limits'>;

/** What a group is projected with, whichever of its generations. */
export interface ProjectionParts {
  readonly group: ProjectionGroup;
  readonly log: RunnerLog;
  readonly read: RunnerOptions['read'];
  readonly now: () => string;
  readonly tuning?: RunnerTuning;
  /**
   * For building: the port of a thread that reads the log and helps (`serveBuild`); default none. It is used up by one
   * build.
   */
  readonly helper?: MessagePort;
}

/** Makes an ordered generation somewhere, in this thread or another. */
export type Build = (
  order: BuildOrder,
  onProgress: (progress: BuildProgress) => void,
  signal: AbortSignal,
) => Promise<void>;

/**
 * Makes a generation's file from position 0 up to the head of the log, with its indexes and derived rows, safe on the disk, closed.
 * The signal ends it early; the file is then worthless.
 */
export async function buildGeneration(
  parts: ProjectionParts,
  order: BuildOrder,
  onProgress: (progress: BuildProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await build(parts, order, onProgress, signal, { deferNewest: true });
  } catch (error) {
    if (!(error instanceof TouchstoneError) || !['NEWEST_LOST', 'HELPER_LOST'].includes(error.code)) throw error;
    removeAt(order.file);
    // When some event fails, every batch is written in full, so that the one that fails can be taken back alone.
    const deferNewest = error.code === 'HELPER_LOST';
    await build({ ...parts, helper: undefined }, order, onProgress, signal, { deferNewest });
  } finally {
    parts.helper?.close();
  }
}

/** Reads the log for who builds a generation at the other end of the port, then helps to derive, until it is closed. */
export async function serveBuild(
  port: MessagePort,
  { group, log, read }: Pick<ProjectionParts, 'group' | 'log' | 'read'>,
): Promise<void> {
  await Promise.all([serveDigests(port, log, new Digester(group, read)), servePartHelp(port, group)]);
}

async function build(
  parts: ProjectionParts,
  order: BuildOrder,
  onProgress: (progress: BuildProgress) => void,
  signal: AbortSignal,
  limits: Pick<BatchLimits, 'deferNewest'>,
): Promise<void> {
  const store = GenerationStore.open(parts.group, order.generation, order.file, { building: true });
  store.parked.carryOver(order.skipped);
  let events = 0;
  let phase: BuildProgress['phase'] = 'reading';
  const lost = new AbortController();
  let isHelped = parts.helper !== undefined;
  parts.helper?.once('close', () => (isHelped = false));
  const report = () => onProgress({ ...progressOf(runner, phase), events });
  const { helper, group, log, read } = parts;
  const runner = new ProjectionRunner({
    ...parts,
    ...parts.tuning,
    digests: helper && digestsBehind(helper, digestsOf(log, new Digester(group, read))),
    limits: { ...parts.tuning?.limits, ...limits },
    store,
    onBatch: (_checkpoint, taken) => {
      events += taken;
      report();
    },
    onLost: (error) => lost.abort(error),
  });
  try {
    runner.start();
    await reachHead(runner, parts.log, AbortSignal.any([signal, lost.signal]));
    const release = await runner.hold();
    try {
      runner.flush();
      phase = 'indexing';
      report();
      const deriving = () => {
        phase = 'deriving';
        report();
      };
      if (helper && isHelped) await store.makeDurableWith(helper, deriving, signal);
      else store.makeDurable(deriving);
    } finally {
      release();
    }
  } finally {
    await runner.stop();
    store.close();
  }
}

/** Waits until the runner has passed where the head of the log is now. Its own troubles it sorts out itself. */
export async function reachHead(runner: ProjectionRunner, log: RunnerLog, signal: AbortSignal): Promise<void> {
  await reach(runner, await log.head(), signal);
}

export async function reach(runner: ProjectionRunner, position: Position, signal: AbortSignal): Promise<void> {
  while (runner.waits.checkpoint < position) {
    signal.throwIfAborted();
    await runner.waits.waitFor(position, { timeoutMs: 1_000, signal }).catch(() => {});
  }
  signal.throwIfAborted();
}

export function progressOf(runner: ProjectionRunner, phase: BuildProgress['phase']): Omit<BuildProgress, 'events'> {
  const { group, generation, checkpoint: position, head, eventsPerSecond, cause } = runner.status();
  return { group, generation, phase, position, head, eventsPerSecond, cause };
}
