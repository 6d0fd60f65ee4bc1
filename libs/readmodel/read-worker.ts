import { parentPort, workerData } from 'node:worker_threads';
import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import { GenerationReader, type Sought } from './generation-reader.js';
import { queryCancelled, queryTimeout } from './inline-reads.js';
import type { AsOf, ReadQuery } from './query.js';
import { ActiveGenerations, notReady, placeOfGeneration, type Generation } from './read-store.js';
import { openReads, type ReadConnection } from './read-connection.js';
import { toWire, type WireError } from './runner-status.js';

// Queries of any parameters and answers stand in one list.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyQuery = ReadQuery<any, any>;

/** What a reader thread is started with. */
export interface ReadStart {
  readonly directory: string;
  /** Two 32-bit integers: the serial of a job that is to end early, and why (1 time, 2 given up). */
  readonly flags: SharedArrayBuffer;
  /** What its queries may keep from one read to the next. */
  readonly memoryBytes: number;
}

export interface RunJob {
  readonly kind: 'run';
  readonly query: string;
  readonly params: unknown;
  readonly asOf?: AsOf;
  readonly atLeast?: Position;
  readonly now: string;
  readonly timeoutMs: number;
}

export interface LocateJob {
  readonly kind: 'locate';
  readonly group: string;
  readonly sought: Sought;
}

export type ToReader = { readonly serial: number; readonly job: RunJob | LocateJob } | { readonly serial: 'stop' };

export type FromReader =
  { readonly serial: number; readonly value?: unknown; readonly error?: WireError } | { readonly serial: 'ready' };

export const CANCEL = { timeout: 1, givenUp: 2 } as const;

/** How often a query that reads is told that another generation answers now, before it takes the one it has. */
const SWAPS_FOLLOWED = 5;

/** Calls of `checkpointCancel` between two looks at the clock, which costs more than the flag. */
const CLOCK_EVERY = 64;

/**
 * The body of a reader thread: call it in a plain entry file that knows the queries.
 *
 * @example runReadWorker({ queries: [timelineQuery, mapQuery] });
 */
export function runReadWorker({ queries }: { readonly queries: readonly AnyQuery[] }): void {
  const port = parentPort;
  if (!port) throw new TouchstoneError('NOT_A_WORKER', 'Start this file as a worker thread.', 'internal');
  const { directory, flags, memoryBytes } = workerData as ReadStart;
  const reader = new GenerationsReader(directory, queries, new Int32Array(flags), memoryBytes);
  const send = (message: FromReader) => port.postMessage(message);
  port.on('message', (message: ToReader) => {
    if (message.serial === 'stop') {
      reader.close();
      port.close();
      return;
    }
    const { serial, job } = message;
    reader.take(serial, job).then(
      (value) => sendValue(send, serial, value),
      (error: unknown) => send({ serial, error: toWire(error, 'QUERY_FAILED') }),
    );
  });
  send({ serial: 'ready' });
}

function sendValue(send: (message: FromReader) => void, serial: number, value: unknown): void {
  try {
    send({ serial, value });
  } catch (error) {
    // An answer that cannot be cloned is a defect of the query, not of the thread.
    send({ serial, error: toWire(error, 'QUERY_FAILED') });
  }
}

/** Reads whatever generation answers for a group at the moment, each through one open connection. */
class GenerationsReader {
  private readonly queries = new Map<string, AnyQuery>();
  private readonly active: ActiveGenerations;
  private readonly open = new Map<string, GenerationReader>();

  constructor(
    private readonly directory: string,
    queries: readonly AnyQuery[],
    private readonly flags: Int32Array,
    private readonly memoryBytes: number,
  ) {
    this.active = new ActiveGenerations(directory);
    for (const query of queries) this.queries.set(query.name, query);
  }

  async take(serial: number, job: RunJob | LocateJob): Promise<unknown> {
    if (job.kind === 'locate') return (await this.reader(job.group)).locate(job.sought);
    const query = this.queries.get(job.query);
    if (!query) throw unknownQuery(job.query);
    const request = { ...job, query, checkpointCancel: this.limit(serial, job.timeoutMs) };
    for (let swaps = 0; ; swaps++) {
      // Within its transaction it is asked whether it is the one; before that, only when it was not.
      const reader = (swaps === 0 && this.known(query.group)) || (await this.reader(query.group));
      const isActive = async (on?: ReadConnection) =>
        (await this.active.of(query.group, on)).name === reader.generation;
      try {
        const answer = await reader.run(request, () => swaps >= SWAPS_FOLLOWED || isActive(reader.db));
        if (answer) return answer;
      } catch (error) {
        // What it reads may be removed, or its connection broken, since it was asked last.
        if (swaps > 0 || (reader.isOpen && (await isActive()))) throw error;
      }
    }
  }

  close(): void {
    for (const reader of this.open.values()) reader.close();
    this.open.clear();
    this.active.close();
  }

  /** The one that answered last. */
  private known(group: string): GenerationReader | null {
    const known = this.open.get(group);
    return known?.isOpen ? known : null;
  }

  private async reader(group: string): Promise<GenerationReader> {
    let generation = await this.active.of(group);
    const known = this.open.get(group);
    if (known?.generation === generation.name && known.isOpen) return known;
    for (;;) {
      const reader = await this.tryOpen(group, generation);
      const now = await this.active.of(group);
      if (reader) {
        known?.close();
        this.open.set(group, reader);
        return reader;
      }
      // Swapped away and removed between the look and the opening; or only just begun.
      if (now.name === generation.name) throw notReady(group);
      generation = now;
    }
  }

  private async tryOpen(group: string, generation: Generation): Promise<GenerationReader | null> {
    try {
      let reader: GenerationReader | null = null;
      const db = await openReads(placeOfGeneration(this.directory, generation), () => reader?.interrupt());
      return (reader = new GenerationReader(db, group, generation.name, generation.settings, this.memoryBytes));
    } catch {
      return null;
    }
  }

  private limit(serial: number, timeoutMs: number): () => void {
    const until = performance.now() + timeoutMs;
    let calls = 0;
    return () => {
      if (Atomics.load(this.flags, 0) === serial) {
        throw Atomics.load(this.flags, 1) === CANCEL.timeout ? queryTimeout(timeoutMs) : queryCancelled();
      }
      if (calls++ % CLOCK_EVERY === 0 && performance.now() > until) throw queryTimeout(timeoutMs);
    };
  }
}

const unknownQuery = (name: string) =>
  new TouchstoneError(
    'QUERY_UNKNOWN',
    `The reader threads know no query "${name}"; add it to the list of their entry file.`,
    'internal',
  );
