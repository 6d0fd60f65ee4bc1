import { TouchstoneError, type Actor, type Position } from '@touchstone/eventing/pure';
import type { EventMark } from './projection.js';
import type { Connection, Statement } from './connection.js';

/** Why an event was set aside: it could not be read, its projection failed, or one before it in its stream waits. */
export type ParkReason = 'unreadable' | 'failed' | 'behind';

/** An event that a group could not project. */
export interface ParkedEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
  readonly eventId: string;
  readonly type: string;
  /** `parked` holds up the rest of its stream; `skipped` was given up by someone, and stays for the record. */
  readonly state: 'parked' | 'skipped';
  readonly reason: ParkReason;
  readonly code: string;
  readonly message: string;
  readonly parkedAt: string;
  readonly skippedAt: string | null;
  readonly skippedBy: string | null;
  readonly skipReason: string | null;
}

/** Why, as it is stored: no stack, no more than a screen. */
export interface ParkCause {
  readonly reason: ParkReason;
  readonly code: string;
  readonly message: string;
}

const MESSAGE_LIMIT = 2_000;

export function causeOf(reason: ParkReason, error: unknown): ParkCause {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return {
    reason,
    code: typeof code === 'string' ? code : 'PROJECTION_FAILED',
    message: (typeof message === 'string' ? message : String(error)).slice(0, MESSAGE_LIMIT),
  };
}

/** The parked and skipped events of one generation, and which streams wait. */
export class ParkedEvents {
  /** Streams with a parked event: the rest of them waits. */
  readonly waiting = new Set<string>();
  private readonly decided = new Map<string, ParkedEvent>();
  private readonly put: Statement;
  private readonly remove: Statement;

  constructor(private readonly db: Connection) {
    this.put = db.prepare(`insert into parked values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      on conflict (stream, revision) do update set state = excluded.state, reason = excluded.reason,
        code = excluded.code, message = excluded.message, skipped_at = excluded.skipped_at,
        skipped_by = excluded.skipped_by, skip_reason = excluded.skip_reason`);
    this.remove = db.prepare('delete from parked where stream = ? and revision = ?');
    this.readWaiting();
  }

  /** Skips that were decided before, in another generation: such an event, if it fails again, holds nobody up. */
  carryOver(skipped: readonly ParkedEvent[]): void {
    for (const event of skipped) this.decided.set(`${event.stream}@${event.revision}`, event);
  }

  /** Sets an event aside, inside the write transaction. True when the rest of its stream has to wait. */
  park(event: EventMark, cause: ParkCause, now: string): boolean {
    const skip = cause.reason === 'behind' ? undefined : this.decided.get(`${event.stream}@${event.revision}`);
    const { stream, revision, position, id, type } = event;
    const state = skip ? 'skipped' : 'parked';
    this.put.run(stream, revision, position, id, type, state, cause.reason, cause.code, cause.message, now,
      skip?.skippedAt ?? null, skip?.skippedBy ?? null, skip?.skipReason ?? null); // prettier-ignore
    return !skip;
  }

  /** It went in after all; part of the write transaction. */
  release(event: EventMark): void {
    this.remove.run(event.stream, event.revision);
  }

  /** @throws PARKED_NOT_FOUND */
  skip(stream: string, revision: number, reason: string, actor: Actor, now: string): void {
    const { changes } = this.db
      .prepare(
        `update parked set state = 'skipped', skipped_at = ?, skipped_by = ?, skip_reason = ?
         where stream = ? and revision = ? and state = 'parked' and reason <> 'behind'`,
      )
      .run(now, actor.id, reason, stream, revision);
    if (changes === 0) {
      throw new TouchstoneError(
        'PARKED_NOT_FOUND',
        `Revision ${revision} of "${stream}" is not an event that failed; list the parked events and name one that did.`,
        'notFound',
        { stream, revision },
      );
    }
  }

  /** Revisions that wait in a stream, in order. */
  revisions(stream: string): number[] {
    return this.db
      .prepare(`select revision from parked where stream = ? and state = 'parked' order by revision`)
      .all(stream)
      .map((row) => row.revision);
  }

  count(state: ParkedEvent['state']): number {
    return this.db.prepare('select count(*) as n from parked where state = ?').get(state).n;
  }

  list(options: ListParked = {}): ParkedEvent[] {
    return listParked(this.db, options);
  }

  private readWaiting(): void {
    for (const { stream } of this.db.prepare(`select distinct stream from parked where state = 'parked'`).all()) {
      this.waiting.add(stream);
    }
  }
}

export interface ListParked {
  readonly state?: ParkedEvent['state'];
  readonly stream?: string;
  /** Default 100. */
  readonly limit?: number;
}

/** Parked and skipped events in the order of the log. */
export function listParked(db: Connection, { state, stream, limit = 100 }: ListParked = {}): ParkedEvent[] {
  return db
    .prepare(
      `select stream, revision, position, event_id as "eventId", type, state, reason, code, message,
         parked_at as "parkedAt", skipped_at as "skippedAt", skipped_by as "skippedBy", skip_reason as "skipReason"
       from parked where state = coalesce(?, state) and stream = coalesce(?, stream) order by position limit ?`,
    )
    .all(state ?? null, stream ?? null, limit)
    .map((row) => ({ ...row }));
}
