import { TouchstoneError } from '@touchstone/eventing/pure';
import { resolveAsOf, type AsOfLog } from './as-of.js';
import { GenerationReader } from './generation-reader.js';
import type { GenerationStore } from './generation-store.js';
import { settingsOf, shapeOfGroup } from './generation-tables.js';
import type { ReadQuery } from './query.js';
import { ReadsAtOnce } from './read-connection.js';
import type { ReadAnswer, ReadOptions, Reads } from './reads.js';
import { Turns } from './turns.js';
import { notYetProjected } from './waits.js';

export interface InlineReadsOptions {
  /** For `asOf`: the log that the store was projected from. */
  readonly log?: AsOfLog;
  /** ISO 8601 UTC; default the system's clock. */
  readonly now?: () => string;
  /** What queries may keep from one read to the next; default 64 MB. */
  readonly memoryBytes?: number;
}

/** Runs queries on the calling thread against a given store, for tests of queries; what is not there yet is refused. */
export class InlineReads implements Reads {
  private readonly reader: GenerationReader;
  private readonly turns = new Turns();

  constructor(
    private readonly store: GenerationStore,
    private readonly options: InlineReadsOptions = {},
  ) {
    const { db, group, name } = store;
    const { memoryBytes = 64e6 } = options;
    this.reader = new GenerationReader(
      new ReadsAtOnce(db),
      group.name,
      name,
      settingsOf(shapeOfGroup(group)),
      memoryBytes,
    );
  }

  async run<P, R>(query: ReadQuery<P, R>, params: P, options: ReadOptions = {}): Promise<ReadAnswer<R>> {
    const release = await this.turns.take();
    try {
      const asOf = options.asOf && (await resolveAsOf(options.asOf, this.sources()));
      const now = options.now ?? this.options.now?.() ?? new Date().toISOString();
      const checkpointCancel = limit(options);
      const request = { query, params, asOf, atLeast: options.atLeast, now, checkpointCancel };
      return (await this.reader.run(request)) as ReadAnswer<R>;
    } finally {
      release();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private sources() {
    const { store, reader } = this;
    const { log } = this.options;
    if (!log)
      throw new TouchstoneError('READS_WITHOUT_LOG', 'Give InlineReads the log to ask about the past.', 'internal');
    return {
      log,
      locate: (sought: Parameters<typeof reader.locate>[0]) => reader.locate(sought),
      waitFor: (position: string) =>
        store.checkpoint.position >= position
          ? Promise.resolve()
          : Promise.reject(notYetProjected(store.group.name, position, store.checkpoint.position)),
    };
  }
}

function limit({ timeoutMs = 10_000, signal }: ReadOptions): () => void {
  const until = performance.now() + timeoutMs;
  return () => {
    if (signal?.aborted) throw queryCancelled();
    if (performance.now() > until) throw queryTimeout(timeoutMs);
  };
}

export const queryTimeout = (timeoutMs: number) =>
  new TouchstoneError(
    'QUERY_TIMEOUT',
    `The query took longer than ${timeoutMs} ms; ask for less, such as a shorter window.`,
    'limit',
  );

export const queryCancelled = () => new TouchstoneError('QUERY_CANCELLED', 'The caller gave the query up.', 'refused');
