import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import type { ExpectedRevision } from './event-log.js';
import { EVENT_FIELDS, type WriteAnswer, type WriteBatch, type WriteFailure } from './sqlite-log.wire.js';

/** Extended result codes of SQLite. */
const UNIQUE_CONFLICT = 2067;
const BUSY = 5;

type Outcome = { revision: number; position: number } | Refusal;
type Refusal = { reason: 'revision'; actual: number; why?: string } | { reason: 'duplicate'; id: string };

interface Request {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly batch: WriteBatch;
  /** Index of its first value in `batch.values`. */
  readonly at: number;
  readonly count: number;
}

/**
 * The rules of append on one write connection: group commit, a savepoint per request, idempotency. It runs in the
 * writer thread and knows nothing of threads.
 */
export class SqliteWriter {
  private readonly last: StatementSyncInstance;
  private readonly byId: StatementSyncInstance;
  private readonly byRevision: StatementSyncInstance;
  private readonly insert: StatementSyncInstance;
  private readonly savepoint: StatementSyncInstance;
  private readonly release: StatementSyncInstance;
  private readonly headOf: StatementSyncInstance;

  constructor(private readonly db: DatabaseSyncInstance) {
    const arrays = (sql: string) => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    this.last = arrays('SELECT revision FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1');
    this.byId = arrays('SELECT stream, revision, position FROM event WHERE event_id = ?');
    this.byRevision = arrays('SELECT event_id, position FROM event WHERE stream = ? AND revision = ?');
    this.headOf = arrays('SELECT max(position) FROM event');
    this.insert = db.prepare(
      'INSERT INTO event (stream, revision, event_id, type, schema_version, occurred_at, recorded_at, data, metadata) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.savepoint = db.prepare('SAVEPOINT request');
    this.release = db.prepare('RELEASE request');
  }

  head(): number {
    return (this.headOf.get() as [number | null])[0] ?? 0;
  }

  /** Writes all batches in one transaction; durable when it returns. One answer per batch, in order. */
  write(batches: readonly WriteBatch[]): WriteAnswer[] {
    try {
      this.db.exec('BEGIN IMMEDIATE');
      const answers = batches.map((batch) => this.writeBatch(batch));
      const head = this.head();
      this.db.exec('COMMIT');
      return answers.map((answer) => ({ ...answer, head }));
    } catch (error) {
      // A full disk, an I/O error, another writer that holds the lock: nothing of this transaction stands.
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      return batches.map((batch) => this.failed(batch, error));
    }
  }

  private writeBatch(batch: WriteBatch): WriteAnswer {
    const revisions: number[] = [];
    const positions: number[] = [];
    const failures: WriteFailure[] = [];
    let at = 0;
    batch.streams.forEach((stream, index) => {
      const count = batch.counts[index]!;
      const outcome = this.append({ stream, expected: batch.expected[index]!, batch, at, count });
      at += count * EVENT_FIELDS;
      if ('reason' in outcome) failures.push({ request: index, ...outcome });
      revisions.push('reason' in outcome ? 0 : outcome.revision);
      positions.push('reason' in outcome ? 0 : outcome.position);
    });
    return { kind: 'written', revisions, positions, failures, head: 0 };
  }

  private append(request: Request): Outcome {
    const current = this.current(request.stream);
    const { expected } = request;
    if (expected === 'exists' && current < 0) return { reason: 'revision', actual: current };
    if (expected === 'any' || expected === 'exists') {
      return this.repeated(request, current) ?? this.insertAll(request, current);
    }
    const base = expected === 'none' ? -1 : expected;
    if (base === current) return this.insertAll(request, current);
    return base < current ? this.repeatedAt(request, base, current) : { reason: 'revision', actual: current };
  }

  private current(stream: string): number {
    return (this.last.get(stream) as [number] | undefined)?.[0] ?? -1;
  }

  /** With an exact expectation behind the stream's end: the same events stand there, or the expectation is wrong. */
  private repeatedAt(request: Request, base: number, current: number): Outcome {
    let position = 0;
    for (let i = 0; i < request.count; i++) {
      const row = this.byRevision.get(request.stream, base + 1 + i) as [string, number] | undefined;
      if (row?.[0] !== idOf(request, i)) {
        return { reason: 'revision', actual: current, why: i > 0 ? 'only some of its events are known' : undefined };
      }
      position = row[1];
    }
    return { revision: base + request.count, position };
  }

  /** Without an exact expectation: where the first event stands, the others must follow. Null when it is new. */
  private repeated(request: Request, current: number): Outcome | null {
    const first = this.byId.get(idOf(request, 0)) as [string, number, number] | undefined;
    if (first === undefined || first[0] !== request.stream) return null;
    return this.repeatedAt(request, first[1] - 1, current);
  }

  private insertAll(request: Request, current: number): Outcome {
    // A single statement undoes itself; only several need a savepoint.
    const several = request.count > 1;
    if (several) this.savepoint.run();
    try {
      let position = 0;
      for (let i = 0; i < request.count; i++) position = this.insertOne(request, i, current + 1 + i);
      if (several) this.release.run();
      return { revision: current + request.count, position };
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== UNIQUE_CONFLICT) throw error;
      if (several) this.db.exec('ROLLBACK TO request; RELEASE request');
      return this.whyNotUnique(request, current);
    }
  }

  private insertOne({ stream, batch, at }: Request, index: number, revision: number): number {
    const v = batch.values;
    const o = at + index * EVENT_FIELDS;
    const done = this.insert.run(stream, revision, v[o], v[o + 1], v[o + 2], v[o + 3], v[o + 4], v[o + 5], v[o + 6]);
    return done.lastInsertRowid as number;
  }

  /** An id is taken: by a part of this stream (a repeat mixed with new events), or by something else altogether. */
  private whyNotUnique(request: Request, current: number): Refusal {
    const taken: string[] = [];
    const own = new Set<string>();
    for (let i = 0; i < request.count; i++) {
      const id = idOf(request, i);
      const row = this.byId.get(id) as [string, number, number] | undefined;
      if (row === undefined) continue;
      taken.push(id);
      if (row[0] === request.stream) own.add(id);
    }
    if (own.size > 0 && own.size < request.count) {
      return { reason: 'revision', actual: current, why: 'only some of its events are known' };
    }
    return { reason: 'duplicate', id: taken[0] ?? repeatedId(request) };
  }

  private failed(batch: WriteBatch, error: unknown): WriteAnswer {
    const { errcode } = error as { errcode?: number };
    const reason = errcode !== undefined && (errcode & 0xff) === BUSY ? 'busy' : 'failed';
    const message = error instanceof Error ? error.message : String(error);
    const zeros = batch.streams.map(() => 0);
    return {
      kind: 'written',
      revisions: zeros,
      positions: zeros,
      failures: batch.streams.map((_, request) => ({ request, reason, message })),
      head: 0,
    };
  }
}

const idOf = ({ batch, at }: Request, index: number): string => batch.values[at + index * EVENT_FIELDS] as string;

/** The id that a request holds twice. */
function repeatedId(request: Request): string {
  const seen = new Set<string>();
  for (let i = 0; i < request.count; i++) {
    const id = idOf(request, i);
    if (seen.has(id)) return id;
    seen.add(id);
  }
  return idOf(request, 0);
}
