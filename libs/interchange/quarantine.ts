import { FORGOTTEN, TouchstoneError, type Actor, type Clock } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, PAGE_DEFAULT, PAGE_MAX, type Page } from '@touchstone/platform';
import { changed, done, unknownRecord } from './quarantine-errors.js';
import { QuarantineFile } from './quarantine-file.js';
import { QuarantinePostgres } from './quarantine-postgres.js';
import { QuarantineRemoval } from './quarantine-removal.js';
import { conditionOf, fitting, LISTED, settledOf, shown, type Listed, type Row } from './quarantine-rows.js';
import { QuarantineSeal, subjectOf } from './quarantine-seal.js';
import type { QuarantineTables } from './quarantine-tables.js';
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
const DAY_MS = 86_400_000;
/** Contents that a page brings along, in bytes; one record may be larger. */
export const PAGE_BYTES = 8_000_000;

/** Contents that are read with a page. */
export type Content = 'raw' | 'payload';

/** What a person changed about a record. */
export interface Mend {
  readonly payload?: string;
  readonly mapping?: Mapping;
  readonly note?: string;
}

/** Where records are: `quarantine.db`, or the PostgreSQL that processes share (as `READ_STORE_URL`). */
export type QuarantinePlace = { readonly file: string } | { readonly url: string };

export interface QuarantineOptions {
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly retentionDays?: number;
  /** Told of new records once they are durable: how many of each code. */
  readonly onNew?: (codes: Readonly<Record<string, number>>) => void;
}

/**
 * What could not be taken in, kept with its reason until it is mended and taken, given up, or its time is over. A
 * SQLite file, or tables in PostgreSQL; contents are encrypted with one key for each month of expiry, which is destroyed once the month has
 * passed. What was done about a record, and by whom, stays as long as the record.
 */
export class Quarantine {
  private readonly removal: QuarantineRemoval;

  private constructor(
    private readonly file: QuarantineTables,
    private readonly seal: QuarantineSeal,
    private readonly clock: Clock,
    private readonly retentionDays: number,
    private readonly onNew: QuarantineOptions['onNew'],
  ) {
    this.removal = new QuarantineRemoval(file, seal, clock);
  }

  /** Opens (or creates) it. @throws QUARANTINE_NOT_DURABLE, READ_STORE_UNREACHABLE */
  static open(options: QuarantinePlace & QuarantineOptions): Quarantine {
    const { sealer, clock, retentionDays = 90, onNew } = options;
    const tables = 'file' in options ? QuarantineFile.open(options.file) : QuarantinePostgres.open(options.url);
    return new Quarantine(tables, new QuarantineSeal(sealer), clock, retentionDays, onNew);
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
    await this.seal.ready(subject);
    const find = this.prepared('SELECT * FROM record WHERE source = ? AND fingerprint = ?');
    const insert = this.prepared(
      'INSERT INTO record (source, fingerprint, journey_type, journey_id, import_id, line, code, reason, format, ' +
        'subject, raw, context, shared, at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id',
    );
    const kept = this.file.transaction(() => {
      const sharing = new Map<unknown, number>();
      this.prepared('INSERT INTO month_key (subject) VALUES (?) ON CONFLICT DO NOTHING').run(subject);
      return records.map((r): Kept => {
        const known = find.get(r.source, r.fingerprint) as Row | undefined;
        if (known) return { id: String(known.id), isNew: false, settled: settledOf(known) };
        const about = [r.journeyType, r.journeyId, r.importId, r.line].map((value) => value ?? null);
        const raw = this.seal.sealed({ ...r, subject }, 'raw', r.raw);
        const context = r.context === undefined ? null : JSON.stringify(r.context);
        const sealedContext = context === null ? null : this.seal.sealed({ ...r, subject }, 'context', context);
        const shared = r.shared === undefined ? null : (sharing.get(r.shared) ?? this.shared(subject, r.shared));
        if (shared !== null) sharing.set(r.shared, shared);
        const written = insert.get(
          ...([r.source, r.fingerprint, ...about, r.code, r.reason, r.format ?? null] as const),
          ...([subject, raw, sealedContext, shared, at, expiresAt] as const),
        ) as { id: number };
        return { id: String(written.id), isNew: true };
      });
    });
    this.tellOf(records.filter((_, i) => kept[i]!.isNew));
    return kept;
  }

  private tellOf(records: readonly Unreadable[]): void {
    if (!this.onNew || records.length === 0) return;
    const codes: Record<string, number> = {};
    for (const { code } of records) codes[code] = (codes[code] ?? 0) + 1;
    this.onNew(codes);
  }

  /**
   * In the order they came, newest last. A page with `contents` ends early, so that they stay within bounds when they are
   * read. @throws INVALID_CURSOR, PAGE_SIZE_INVALID
   */
  list(
    options: QuarantineFilter & { first?: number; after?: string | null; contents?: readonly Content[] } = {},
  ): Page<Quarantined> {
    const first = options.first ?? PAGE_DEFAULT;
    if (!Number.isInteger(first) || first < 1 || first > PAGE_MAX) {
      throw new TouchstoneError('PAGE_SIZE_INVALID', `"first" must be 1 to ${PAGE_MAX}.`, 'invalid');
    }
    const after = options.after ? decodeCursor(LIST, options.after, ['string', 'number']) : ['', 0];
    const { where, values } = conditionOf(options);
    // Of what is large only the length is read.
    const lengths = (options.contents ?? []).map((name) =>
      name === 'raw' ? 'length(raw)' : 'coalesce(length(payload), length(raw))',
    );
    const columns = `${LISTED}, ${['0', ...lengths].join(' + ')} AS contents`;
    const sql = `SELECT ${columns} FROM record WHERE ${where} AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?`;
    const rows = this.prepared(sql).all(...values, ...(after as [string, number]), first + 1) as unknown as (Listed & {
      contents: number;
    })[];
    const fits = Math.min(first, fitting(rows, PAGE_BYTES));
    return pageOf(rows, { first: fits, after: options.after }, (row) => encodeCursor(LIST, [row.at, row.id]), shown);
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
    return this.seal.opened(row, 'raw', row.raw) ?? FORGOTTEN;
  }

  /** What reading it again needs. @throws QUARANTINED_UNKNOWN */
  opening(id: string): OpenRecord {
    const row = this.row(id);
    const { source, format, state, revision } = row;
    const payload = row.payload ? this.seal.opened(row, 'payload', row.payload) : this.seal.opened(row, 'raw', row.raw);
    const context = row.context ? this.seal.opened(row, 'context', row.context) : null;
    return {
      id,
      source,
      format,
      state,
      revision,
      payload,
      isRewritten: row.payload !== null,
      context: context === null ? undefined : JSON.parse(context),
      shared: row.shared === null ? undefined : this.sharedBy(row.shared),
      mapping: JSON.parse(row.mapping ?? '{}') as Mapping,
      hash: (type, value) => this.seal.hash(type, value),
    };
  }

  /** What was done about a record, in order: the last hundred things. @throws QUARANTINED_UNKNOWN */
  deeds(id: string): Deed[] {
    const row = this.row(id);
    const deeds = this.prepared('SELECT * FROM deed WHERE record = ? ORDER BY id DESC LIMIT 100').all(row.id);
    return (deeds as unknown as DeedRow[])
      .map(({ at, actor, what, detail, note }): Deed => {
        const words = note && (this.seal.opened(row, 'note', note) ?? FORGOTTEN);
        return { at, actor: JSON.parse(actor) as Actor, what: what as Deed['what'], detail, note: words };
      })
      .reverse();
  }

  /**
   * Changes how a record will be read; the same again changes nothing. What it was before can still be read by `raw`.
   * @throws QUARANTINED_UNKNOWN, QUARANTINED_DONE, QUARANTINED_CHANGED when it is not at the revision that was seen
   */
  mend(id: string, { payload, mapping = {}, note }: Mend, actor: Actor, seen?: number): boolean {
    return this.file.transaction(() => {
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
      const sealed = payload === undefined ? row.payload : this.seal.sealed(row, 'payload', payload);
      this.prepared(
        "UPDATE record SET state = 'mended', revision = revision + 1, payload = ?, mapping = ? WHERE id = ?",
      ).run(sealed, JSON.stringify(after), row.id);
      this.note(row, actor, 'mended', changes.join(', '), note);
      return true;
    });
  }

  /** Somebody tried in vain: it keeps waiting, with what is wrong with it now beside what was first. One that is done with stays so. */
  refused(id: string, { code, reason }: { code: string; reason: string }, actor: Actor): void {
    this.file.transaction(() => {
      const row = this.find(id);
      if (!row?.open) return;
      this.prepared(
        'UPDATE record SET first_code = coalesce(first_code, code), first_reason = coalesce(first_reason, reason), ' +
          'code = ?, reason = ?, revision = revision + 1 WHERE id = ?',
      ).run(code, reason, row.id);
      this.note(row, actor, 'refused', code);
    });
  }

  /** It is in the log now. @param settled null: what was said of an object is no touchpoint */
  settle(id: string, settled: Settled | null, actor: Actor): void {
    const { journeyId = null, touchpointId = null, position = null } = settled ?? {};
    this.file.transaction(() => {
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
    return this.file.transaction(() => {
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
  purge(): Promise<number> {
    return this.removal.purge();
  }

  /** Removes every record that speaks of somebody, and wipes its bytes. @throws QUARANTINE_NOT_ERASED */
  forget(person: Recognises): Promise<number> {
    return this.removal.forget(person);
  }

  /** Several changes as one, all or none; nothing in `work` may wait for anything. */
  atOnce<T>(work: () => T): T {
    return this.file.transaction(work);
  }

  close(): void {
    this.file.close();
  }

  /** Number of what records have in common, which is kept once. */
  private shared(subject: string, shared: unknown): number {
    const { digest, context } = this.seal.sealedShared(subject, JSON.stringify(shared));
    this.prepared(
      'INSERT INTO shared_context (subject, digest, context) VALUES (?, ?, ?) ON CONFLICT (subject, digest) DO NOTHING',
    ).run(subject, digest, context);
    const found = this.prepared('SELECT id FROM shared_context WHERE subject = ? AND digest = ?').get(subject, digest);
    return (found as { id: number }).id;
  }

  private sharedBy(id: number): unknown {
    const row = this.prepared('SELECT * FROM shared_context WHERE id = ?').get(id);
    const text = this.seal.openedShared(row as Parameters<QuarantineSeal['openedShared']>[0]);
    return text === null ? undefined : JSON.parse(text);
  }

  private note(row: Row, actor: Actor, what: Deed['what'], detail: string | null, note?: string): void {
    const sealed = note === undefined ? null : this.seal.sealed(row, 'note', note);
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
    const number = Number(id);
    if (!Number.isSafeInteger(number)) return undefined;
    return this.prepared('SELECT * FROM record WHERE id = ?').get(number) as Row | undefined;
  }

  private prepared(sql: string) {
    return this.file.prepared(sql);
  }
}

interface DeedRow {
  readonly at: string;
  readonly actor: string;
  readonly what: string;
  readonly detail: string | null;
  readonly note: Uint8Array | null;
}
