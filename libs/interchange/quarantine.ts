import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { FORGOTTEN, TouchstoneError, type Actor, type Clock } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, PAGE_DEFAULT, PAGE_MAX, type Page } from '@touchstone/platform';
import { changed, done, notErased, unknownRecord } from './quarantine-errors.js';
import { openQuarantineFile, wiped } from './quarantine-file.js';
import { conditionOf, settledOf, shown, type Row } from './quarantine-rows.js';
import type {
  Deed,
  Kept,
  Mapping,
  OpenRecord,
  Quarantined,
  QuarantineFilter,
  Recognises,
  Settled,
  Unreadable,
} from './quarantine-types.js';
import type { Sealer } from './sealed-frames.js';

export type { Quarantined, QuarantineFilter, Recognises, Unreadable };

const LIST = 'quarantine';
/** Records that are opened and searched between two breaths. */
const SEARCHED_AT_ONCE = 200;
const DAY_MS = 86_400_000;

/** What of a record is sealed; each is bound to its place. */
type Part = 'raw' | 'payload' | 'context' | 'note';

/** What a person changed about a record. */
export interface Mend {
  readonly payload?: string;
  readonly mapping?: Mapping;
  readonly note?: string;
}

/**
 * What could not be taken in, kept with its reason until it is mended and taken, given up, or its time is over. One
 * SQLite file; contents are encrypted with one key for each month of expiry, which is destroyed once the month has
 * passed. What was done about a record, and by whom, stays as long as the record.
 */
export class Quarantine {
  private readonly statements = new Map<string, StatementSyncInstance>();

  private constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly retentionDays: number,
  ) {}

  /** Opens (or creates) `quarantine.db`. @throws QUARANTINE_NOT_DURABLE */
  static open(options: { file: string; sealer: Sealer; clock: Clock; retentionDays?: number }): Quarantine {
    const { file, sealer, clock, retentionDays = 90 } = options;
    return new Quarantine(openQuarantineFile(file), sealer, clock, retentionDays);
  }

  /** As `keep`; returns how many records are new. */
  async add(records: readonly Unreadable[]): Promise<number> {
    return (await this.keep(records)).filter(({ isNew }) => isNew).length;
  }

  /** Durable when it resolves. Records that are there already stay as they are; each answers where it stands. */
  async keep(records: readonly Unreadable[]): Promise<Kept[]> {
    if (records.length === 0) return [];
    const at = this.clock.now().toISOString();
    const expiresAt = new Date(Date.parse(at) + this.retentionDays * DAY_MS).toISOString();
    const subject = subjectOf(expiresAt);
    await this.sealer.ensureKeys([subject]);
    const find = this.prepared('SELECT * FROM record WHERE source = ? AND fingerprint = ?');
    const insert = this.prepared(
      'INSERT INTO record (source, fingerprint, journey_type, journey_id, import_id, line, code, reason, format, ' +
        'subject, raw, context, at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    return this.transaction(() => {
      this.prepared('INSERT INTO month_key (subject) VALUES (?) ON CONFLICT DO NOTHING').run(subject);
      return records.map((r): Kept => {
        const known = find.get(r.source, r.fingerprint) as Row | undefined;
        if (known) return { id: String(known.id), isNew: false, settled: settledOf(known) };
        const about = [r.journeyType, r.journeyId, r.importId, r.line].map((value) => value ?? null);
        const raw = this.sealed({ ...r, subject }, 'raw', r.raw);
        const context = r.context === undefined ? null : JSON.stringify(r.context);
        const sealedContext = context === null ? null : this.sealed({ ...r, subject }, 'context', context);
        const written = insert.run(
          ...([r.source, r.fingerprint, ...about, r.code, r.reason, r.format ?? null] as const),
          ...([subject, raw, sealedContext, at, expiresAt] as const),
        );
        return { id: String(written.lastInsertRowid), isNew: true };
      });
    });
  }

  /** In the order they came, newest last. @throws INVALID_CURSOR, PAGE_SIZE_INVALID */
  list(options: QuarantineFilter & { first?: number; after?: string | null } = {}): Page<Quarantined> {
    const first = options.first ?? PAGE_DEFAULT;
    if (!Number.isInteger(first) || first < 1 || first > PAGE_MAX) {
      throw new TouchstoneError('PAGE_SIZE_INVALID', `"first" must be 1 to ${PAGE_MAX}.`, 'invalid');
    }
    const after = options.after ? decodeCursor(LIST, options.after, ['string', 'number']) : ['', 0];
    const { where, values } = conditionOf(options);
    const rows = this.prepared(`SELECT * FROM record WHERE ${where} AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?`).all(
      ...values,
      ...(after as [string, number]),
      first + 1,
    ) as unknown as Row[];
    return pageOf(rows, { first, after: options.after }, (row) => encodeCursor(LIST, [row.at, row.id]), shown);
  }

  count(filter: QuarantineFilter = {}): number {
    const { where, values } = conditionOf(filter);
    const row = this.prepared(`SELECT count(*) AS n FROM record WHERE ${where}`).get(...values);
    return Number((row as { n: number }).n);
  }

  /** @throws QUARANTINED_UNKNOWN */
  record(id: string): Quarantined {
    return shown(this.row(id));
  }

  /** The record as it came; `forgotten` once its key is destroyed. @throws QUARANTINED_UNKNOWN */
  raw(id: string): string {
    const row = this.row(id);
    return this.opened(row, 'raw', row.raw) ?? FORGOTTEN;
  }

  /** What reading it again needs. @throws QUARANTINED_UNKNOWN */
  opening(id: string): OpenRecord {
    const row = this.row(id);
    const { source, format, state, revision } = row;
    const payload = row.payload ? this.opened(row, 'payload', row.payload) : this.opened(row, 'raw', row.raw);
    const context = row.context ? this.opened(row, 'context', row.context) : null;
    return {
      id,
      source,
      format,
      state,
      revision,
      payload,
      context: context === null ? undefined : JSON.parse(context),
      mapping: JSON.parse(row.mapping ?? '{}') as Mapping,
    };
  }

  /** What was done about a record, in order: the last hundred things. @throws QUARANTINED_UNKNOWN */
  deeds(id: string): Deed[] {
    const row = this.row(id);
    const deeds = this.prepared('SELECT * FROM deed WHERE record = ? ORDER BY id DESC LIMIT 100').all(row.id);
    return (deeds as unknown as DeedRow[])
      .map(({ at, actor, what, detail, note }): Deed => {
        const words = note && (this.opened(row, 'note', note) ?? FORGOTTEN);
        return { at, actor: JSON.parse(actor) as Actor, what: what as Deed['what'], detail, note: words };
      })
      .reverse();
  }

  /**
   * Changes how a record will be read; the same again changes nothing. What it was before can still be read by `raw`.
   * @throws QUARANTINED_UNKNOWN, QUARANTINED_DONE, QUARANTINED_CHANGED when it is not at the revision that was seen
   */
  mend(id: string, { payload, mapping = {}, note }: Mend, actor: Actor, seen?: number): boolean {
    return this.transaction(() => {
      const row = this.row(id);
      if (!row.open) throw done(id, row.state);
      const before = JSON.parse(row.mapping ?? '{}') as Mapping;
      const kinds = { ...before.kinds, ...mapping.kinds };
      const after = { ...before, ...mapping, ...(Object.keys(kinds).length > 0 && { kinds }) };
      const changes = [
        ...(payload !== undefined && payload !== this.opening(id).payload ? ['payload'] : []),
        ...(JSON.stringify(after.kinds) !== JSON.stringify(before.kinds) ? ['kinds'] : []),
        ...(after.zone !== before.zone ? [`zone ${after.zone}`] : []),
      ];
      if (changes.length === 0) return false;
      if (seen !== undefined && seen !== row.revision) throw changed(id, row.revision);
      const sealed = payload === undefined ? row.payload : this.sealed(row, 'payload', payload);
      this.prepared(
        "UPDATE record SET state = 'mended', revision = revision + 1, payload = ?, mapping = ? WHERE id = ?",
      ).run(sealed, JSON.stringify(after), row.id);
      this.note(row, actor, 'mended', changes.join(', '), note);
      return true;
    });
  }

  /** Somebody tried in vain: it keeps waiting, with what is wrong with it now. One that is done with stays so. */
  refused(id: string, { code, reason }: { code: string; reason: string }, actor: Actor): void {
    this.transaction(() => {
      const row = this.find(id);
      if (!row?.open) return;
      this.prepared('UPDATE record SET code = ?, reason = ?, revision = revision + 1 WHERE id = ?').run(
        code,
        reason,
        row.id,
      );
      this.note(row, actor, 'refused', code);
    });
  }

  /** It is in the log now. */
  settle(id: string, { journeyId, touchpointId, position }: Settled, actor: Actor): void {
    this.transaction(() => {
      const row = this.find(id);
      if (!row || row.state === 'taken') return;
      this.prepared(
        "UPDATE record SET state = 'taken', open = 0, revision = revision + 1, journey_id = ?, touchpoint_id = ?, " +
          'position = ? WHERE id = ?',
      ).run(journeyId, touchpointId, position, row.id);
      this.note(row, actor, 'taken', touchpointId);
    });
  }

  /** Gives a record up: nothing drives it in any more. The same again changes nothing. @throws QUARANTINED_DONE */
  discard(id: string, reason: string, actor: Actor): boolean {
    return this.transaction(() => {
      const row = this.row(id);
      if (row.state === 'discarded') return false;
      if (!row.open) throw done(id, row.state);
      this.prepared("UPDATE record SET state = 'discarded', open = 0, revision = revision + 1 WHERE id = ?").run(
        row.id,
      );
      this.note(row, actor, 'discarded', null, reason);
      return true;
    });
  }

  /** Removes what has expired, and destroys keys that nothing is left for. Returns how many records went. */
  async purge(): Promise<number> {
    const now = this.clock.now().toISOString();
    const removed = this.transaction(() => {
      this.prepared('DELETE FROM deed WHERE record IN (SELECT id FROM record WHERE expires_at <= ?)').run(now);
      return Number(this.prepared('DELETE FROM record WHERE expires_at <= ?').run(now).changes);
    });
    // Until a month is over, more records may come under its key.
    const idle = this.prepared(
      'SELECT subject FROM month_key WHERE subject < ? AND subject NOT IN (SELECT subject FROM record)',
    ).all(subjectOf(now)) as unknown as { subject: string }[];
    for (const { subject } of idle) {
      await this.sealer.destroy(subject);
      this.prepared('DELETE FROM month_key WHERE subject = ?').run(subject);
    }
    return removed;
  }

  /**
   * Removes every record that speaks of somebody, and wipes its bytes. Returns how many went.
   * @throws QUARANTINE_NOT_ERASED when another program reads the file: they are removed, their bytes not yet; repeat it
   */
  async forget(person: Recognises): Promise<number> {
    let removed = 0;
    for (let after = 0; ;) {
      const page = this.prepared('SELECT * FROM record WHERE id > ? ORDER BY id LIMIT ?');
      const rows = page.all(after, SEARCHED_AT_ONCE) as unknown as Row[];
      if (rows.length === 0) break;
      const theirs = rows.filter((row) => this.speaksOf(person, row));
      if (theirs.length > 0) this.transaction(() => theirs.forEach(({ id }) => this.remove(id)));
      removed += theirs.length;
      after = rows.at(-1)!.id;
      await nextTurn();
    }
    if (!wiped(this.db)) throw notErased();
    return removed;
  }

  /** Several changes as one, all or none; nothing in `work` may wait for anything. */
  atOnce<T>(work: () => T): T {
    return this.transaction(work);
  }

  close(): void {
    this.db.close();
  }

  private remove(id: number): void {
    this.prepared('DELETE FROM deed WHERE record = ?').run(id);
    this.prepared('DELETE FROM record WHERE id = ?').run(id);
  }

  private speaksOf(person: Recognises, row: Row): boolean {
    if (row.journey_id !== null && person.isTheirs(row.journey_id)) return true;
    if (person.in(row.reason) || (row.mapping !== null && person.in(row.mapping))) return true;
    const parts: [Part, Uint8Array | null][] = [
      ['raw', row.raw],
      ['payload', row.payload],
      ['context', row.context],
      ...this.notesOf(row.id),
    ];
    return parts.some(([part, bytes]) => {
      if (bytes === null) return false;
      try {
        const text = this.opened(row, part, bytes);
        return text !== null && person.in(text);
      } catch {
        // Damaged, or of another vault: nobody can read what it says.
        return false;
      }
    });
  }

  private notesOf(record: number): [Part, Uint8Array][] {
    const notes = this.prepared('SELECT note FROM deed WHERE record = ? AND note IS NOT NULL').all(record);
    return (notes as unknown as { note: Uint8Array }[]).map(({ note }) => ['note', note]);
  }

  private note(row: Row, actor: Actor, what: Deed['what'], detail: string | null, note?: string): void {
    const sealed = note === undefined ? null : this.sealed(row, 'note', note);
    const at = this.clock.now().toISOString();
    this.prepared('INSERT INTO deed (record, at, actor, what, detail, note) VALUES (?, ?, ?, ?, ?, ?)').run(
      ...([row.id, at, JSON.stringify(actor), what, detail, sealed] as const),
    );
  }

  private row(id: string): Row {
    const row = this.find(id);
    if (row) return row;
    throw unknownRecord(id);
  }

  private find(id: string): Row | undefined {
    return this.prepared('SELECT * FROM record WHERE id = ?').get(Number(id)) as Row | undefined;
  }

  private sealed(row: Bound & { subject: string }, part: Part, text: string): Uint8Array {
    return this.sealer.sealBytes(row.subject, boundTo(row, part), Buffer.from(text));
  }

  /** Null once the key is destroyed. */
  private opened(row: Bound & { subject: string }, part: Part, sealed: Uint8Array): string | null {
    const bytes = this.sealer.openBytes(row.subject, boundTo(row, part), sealed);
    return bytes === FORGOTTEN ? null : Buffer.from(bytes).toString('utf8');
  }

  private prepared(sql: string): StatementSyncInstance {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.db.prepare(sql)));
    return statement;
  }

  private transaction<T>(work: () => T): T {
    if (this.db.isTransaction) return work();
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }
}

interface DeedRow {
  readonly at: string;
  readonly actor: string;
  readonly what: string;
  readonly detail: string | null;
  readonly note: Uint8Array | null;
}

type Bound = { readonly source: string; readonly fingerprint: string };

/** `quarantine:` and the month of expiry, so that subjects sort by time. */
const subjectOf = (expiresAt: string): string => `quarantine:${expiresAt.slice(0, 7)}`;
/** The record as it came is bound as it always was. */
const boundTo = ({ source, fingerprint }: Bound, part: Part) =>
  JSON.stringify(part === 'raw' ? [source, fingerprint] : [source, fingerprint, part]);
