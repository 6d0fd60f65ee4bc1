/** The whole of an event log from one engine to the other, as it is and in its order. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogDigest } from './copy-digest.js';
import { assertEnds, openSource, openTarget, placeOf, takeTarget, targetFile, type LogPlace } from './copy-ends.js';
import type { CopySource, CopyTarget } from './copy-ends.js';
import {
  addressInvalid,
  eventTooLarge,
  idTwice,
  orderLost,
  sourceMoved,
  stopped,
  targetWritten,
} from './copy-errors.js';
import { resumeOf } from './copy-resume.js';
import { windowsOf, type CopyWindow } from './copy-runs.js';
import { verifyCopy } from './copy-verify.js';
import { openDataDirectory, type DataDirectory } from './data-directory.js';
import type { Position } from './envelope.js';
import { TouchstoneError } from './errors.js';
import { isPassing } from './esdb-errors.js';
import { logIntoDirectory, logToServer } from './move-log.js';

export interface CopyProgress {
  readonly phase: 'copying' | 'verifying';
  /** Events so far: of this run while copying, of the whole log while verifying. */
  readonly events: number;
  /** How much of the log that is, from 0 to 1, by its own measure. */
  readonly share: number;
}

export interface CopyLogOptions {
  /** A data directory, its log.db, or the address of a server. */
  readonly from: string;
  readonly to: string;
  /** Only compare the two. */
  readonly verifyOnly?: boolean;
  /** Once the copy is right: make it the log of the data directory that is one of the two ends. */
  readonly switchOver?: boolean;
  /** Appends under way at a time; 1 waits for the answer to each. Default 128. */
  readonly inFlight?: number;
  /** How long what does not answer is tried again, in milliseconds. Default 60,000. */
  readonly patienceMs?: number;
  /** How long one answer of a server is waited for, in milliseconds, before the same is asked again. Default 5,000. */
  readonly timeoutMs?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface CopiedLog {
  /** What both logs have, from their first event to `upTo`. */
  readonly digest: LogDigest;
  /** Events that this run appended. */
  readonly copied: number;
  /** Position in the source of the last event that was copied and compared; null: it is empty. */
  readonly upTo: Position | null;
  /** The source has more events by now: run the copy again. */
  readonly sourceMovedOn: boolean;
  /** What became of the data directory that was switched over. */
  readonly switched: { readonly directory: string; readonly formerLog: string | null } | null;
}

/**
 * Copies a log to an empty one, or goes on with a copy that was broken off, whatever broke it off; then compares both from
 * the first event to the last. The source may be in use: what it has by the beginning is copied. The target may not.
 * @throws COPY_ADDRESS_INVALID, COPY_TARGET_NOT_EMPTY, COPY_TARGET_AHEAD, COPY_TARGET_HAS_LOG, COPY_DIFFERS,
 * COPY_INCOMPLETE, COPY_EVENT_TOO_LARGE, COPY_ID_TWICE, COPY_ORDER_LOST, COPY_TARGET_CHANGED, COPY_SOURCE_CHANGED,
 * COPY_SOURCE_MOVED_ON, DATA_DIRECTORY_IN_USE, INTERRUPTED, and what opening the logs throws
 */
export async function copyLog(options: CopyLogOptions): Promise<CopiedLog> {
  const [from, to] = [placeOf(options.from), placeOf(options.to)];
  assertEnds(from, to);
  const { switchOver = false, verifyOnly = false } = options;
  if (switchOver && from.kind === to.kind)
    throw addressInvalid('only from a directory to a server, or back, a directory is switched over');
  // Opened first: a source that is not there leaves no trace of a target.
  const source = await openSource(from, options);
  let lock: DataDirectory | null = null;
  try {
    if (!verifyOnly) lock = await lockOf(from, to, switchOver);
    const done = await toTarget(source, from, to, options).finally(() => source.close());
    return verifyOnly || !switchOver ? done.copied : switched(from, to, done);
  } finally {
    await source.close();
    await lock?.release();
  }
}

function switched(from: LogPlace, to: LogPlace, { copied, firstEvent }: Done): CopiedLog {
  if (copied.sourceMovedOn) throw sourceMoved(from.shown);
  if (from.kind === 'file') {
    return { ...copied, switched: { directory: from.directory, formerLog: logToServer(from.directory, firstEvent) } };
  }
  const { directory } = to as Extract<LogPlace, { kind: 'file' }>;
  logIntoDirectory(directory);
  return { ...copied, switched: { directory, formerLog: null } };
}

/** Whoever switches a directory over owns it for the whole of the copy, so that nobody writes to it meanwhile. */
async function lockOf(from: LogPlace, to: LogPlace, switching: boolean): Promise<DataDirectory | null> {
  if (to.kind === 'file') return takeTarget(to, switching);
  return switching && from.kind === 'file' ? openDataDirectory(from.directory) : null;
}

interface Done {
  readonly copied: CopiedLog;
  readonly firstEvent: string | null;
}

async function toTarget(source: CopySource, from: LogPlace, to: LogPlace, options: CopyLogOptions): Promise<Done> {
  const target = await (options.verifyOnly ? openSource(to, options) : openTarget(to, targetFile(to), options));
  try {
    const names = { source: from.shown, target: to.shown };
    return await new Copying(source, target as CopyTarget, names, options).run();
  } finally {
    await target.close();
  }
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const TELL_EVERY = 500;

class Copying {
  private copied = 0;
  /** Position in the target of the last event that stands there. */
  private last: Position | undefined;

  constructor(
    private readonly source: CopySource,
    private readonly target: CopyTarget,
    private readonly names: { readonly source: string; readonly target: string },
    private readonly options: CopyLogOptions,
  ) {}

  async run(): Promise<Done> {
    const { source, target, names, options } = this;
    const head = await source.head();
    let firstEvent: string | null = null;
    for await (const [first] of source.readAll({ max: 1 })) firstEvent = first!.id;
    const upTo = options.verifyOnly || firstEvent === null ? undefined : await this.copy(head);
    const onEvent = (events: number, at: Position) => {
      if (events % TELL_EVERY === 0) this.tell('verifying', events, at, upTo ?? head);
    };
    const digest = await verifyCopy({ source, target, names, upTo, onEvent, signal: options.signal });
    this.tell('verifying', digest.events, head, head);
    const sourceMovedOn = !options.verifyOnly && (await source.head()) !== head;
    const last = digest.events === 0 ? null : (upTo ?? head);
    return { copied: { digest, copied: this.copied, upTo: last, sourceMovedOn, switched: null }, firstEvent };
  }

  /** Copies as far as `head`; the position in the source of the last event. */
  private async copy(head: Position): Promise<Position> {
    let before = -1;
    for (;;) {
      const resume = await resumeOf(this.source, this.target, this.names.target);
      this.last = resume.last;
      try {
        return await this.copyFrom(resume.after, head);
      } catch (error) {
        if (!isConflict(error)) throw error;
        // What an earlier run had sent may arrive only now, cut into other appends. Once, but not for ever.
        if (this.copied === before) throw targetWritten(this.names.target, error);
        before = this.copied;
      }
    }
  }

  private async copyFrom(after: Position | undefined, head: Position): Promise<Position> {
    const { source, options } = this;
    let reached = after;
    const pages = through(source.readAll({ ...(after !== undefined && { after }) }), head);
    for await (const window of windowsOf(pages, options.inFlight ?? 128)) {
      if (options.signal?.aborted) throw stopped();
      await this.write(window);
      reached = window.upTo;
      this.copied += window.events;
      this.tell('copying', this.copied, reached, head);
    }
    return reached!;
  }

  /** The same appends again, all of them, with the expectations that they had, until all are answered. */
  private async write(window: CopyWindow): Promise<void> {
    const end = performance.now() + (this.options.patienceMs ?? 60_000);
    const requests = window.runs.map(({ request }) => request);
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const appended = await this.target.appendInOrder(requests);
        for (const [i, { position }] of appended.entries()) {
          if (this.last !== undefined && position <= this.last) throw orderLost(this.names.target, requests[i]!.stream);
          this.last = position;
        }
        return;
      } catch (error) {
        if (!isPassing(error)) throw this.inOurWords(error, window);
        if (this.options.signal?.aborted) throw stopped();
        if (performance.now() + pause > end) throw error;
      }
      await sleep(pause);
    }
  }

  private inOurWords(error: unknown, { runs }: CopyWindow): unknown {
    if (!(error instanceof TouchstoneError)) return error;
    if (error.code === 'DUPLICATE_EVENT_ID') return idTwice(this.names.target, error);
    if (error.code !== 'EVENT_TOO_LARGE' && error.code !== 'APPEND_TOO_LARGE') return error;
    const run = runs.find(({ request }) => request.stream === error.details?.['stream'])!;
    return eventTooLarge(this.names.target, run.events.at(-1)!, run.bytes, error);
  }

  private tell(phase: CopyProgress['phase'], events: number, at: Position, head: Position): void {
    this.options.onProgress?.({ phase, events, share: shareOf(at, head) });
  }
}

const isConflict = (error: unknown): error is TouchstoneError =>
  error instanceof TouchstoneError && error.code === 'WRONG_EXPECTED_REVISION';

/** Positions begin with how far it is from the beginning of the log, in 16 hexadecimal digits, on either engine. */
function shareOf(at: Position, head: Position): number {
  const [done, all] = [at, head].map((position) => Number.parseInt(position.slice(0, 16), 16));
  return all === 0 ? 1 : Math.min(1, done! / all!);
}

/** As far as `head`: whatever is written meanwhile is left for the next time. */
async function* through<E extends { readonly position: Position }>(
  pages: AsyncIterable<readonly E[]>,
  head: Position,
): AsyncGenerator<readonly E[]> {
  for await (const page of pages) {
    const events = page.filter(({ position }) => position <= head);
    if (events.length > 0) yield events;
    if (events.length < page.length) return;
  }
}
