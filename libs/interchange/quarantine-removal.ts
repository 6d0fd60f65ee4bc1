import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@touchstone/eventing';
import { notErased } from './quarantine-errors.js';
import type { Row } from './quarantine-rows.js';
import { subjectOf, type Part, type QuarantineSeal } from './quarantine-seal.js';
import type { QuarantineTables } from './quarantine-tables.js';
import type { Recognises } from './quarantine-types.js';

/** Records that are opened and searched between two breaths. */
const SEARCHED_AT_ONCE = 200;

interface SharedRow {
  readonly id: number;
  readonly subject: string;
  readonly digest: string;
  readonly context: Uint8Array;
}

/** Takes records out for good: those whose time is over, and those that speak of somebody. */
export class QuarantineRemoval {
  constructor(
    private readonly file: QuarantineTables,
    private readonly seal: QuarantineSeal,
    private readonly clock: Clock,
  ) {}

  /** Removes what has expired, and destroys keys that nothing is left for. Returns how many records went. */
  async purge(): Promise<number> {
    const now = this.clock.now().toISOString();
    const removed = this.overAll(() => {
      this.prepared('DELETE FROM deed WHERE record IN (SELECT id FROM record WHERE expires_at <= ?)').run(now);
      const gone = Number(this.prepared('DELETE FROM record WHERE expires_at <= ?').run(now).changes);
      if (gone > 0) this.dropUnshared();
      return gone;
    });
    // Until a month is over, more records may come under its key.
    const idle = this.prepared(
      'SELECT subject FROM month_key WHERE subject < ? AND subject NOT IN (SELECT subject FROM record)',
    ).all(subjectOf(now)) as unknown as { subject: string }[];
    for (const { subject } of idle) {
      await this.seal.destroy(subject);
      this.prepared('DELETE FROM month_key WHERE subject = ?').run(subject);
    }
    return removed;
  }

  /**
   * Removes every record that speaks of somebody, and wipes its bytes. Returns how many went.
   * @throws QUARANTINE_NOT_ERASED when another program reads the file: they are removed, their bytes not yet; repeat it
   */
  async forget(person: Recognises): Promise<number> {
    const shared = this.sharedOf(person);
    let removed = 0;
    for (let after = 0; ;) {
      const page = this.prepared('SELECT * FROM record WHERE id > ? ORDER BY id LIMIT ?');
      const rows = page.all(after, SEARCHED_AT_ONCE) as unknown as Row[];
      if (rows.length === 0) break;
      const theirs = rows.filter(
        (row) => (row.shared !== null && shared.has(row.shared)) || this.speaksOf(person, row),
      );
      if (theirs.length > 0) this.file.transaction(() => theirs.forEach(({ id }) => this.remove(id)));
      removed += theirs.length;
      after = rows.at(-1)!.id;
      await nextTurn();
    }
    this.overAll(() => this.dropUnshared());
    if (!this.file.wiped()) throw notErased();
    return removed;
  }

  /** What looks at every record takes its time. */
  private overAll<T>(work: () => T): T {
    return this.file.patiently(() => this.file.transaction(work));
  }

  private remove(id: number): void {
    this.prepared('DELETE FROM deed WHERE record = ?').run(id);
    this.prepared('DELETE FROM record WHERE id = ?').run(id);
  }

  private dropUnshared(): void {
    this.prepared(
      'DELETE FROM shared_context WHERE id NOT IN (SELECT shared FROM record WHERE shared IS NOT NULL)',
    ).run();
  }

  /** What records have in common may name somebody too, and stands in each of them. */
  private sharedOf(person: Recognises): ReadonlySet<number> {
    const rows = this.prepared('SELECT * FROM shared_context').all() as unknown as SharedRow[];
    const speaks = (row: SharedRow) => isAbout(person, () => this.seal.openedShared(row));
    return new Set(rows.filter(speaks).map(({ id }) => id));
  }

  private speaksOf(person: Recognises, row: Row): boolean {
    if (row.journey_id !== null && person.isTheirs(row.journey_id)) return true;
    if (row.first_reason !== null && person.in(row.first_reason)) return true;
    if (person.in(row.reason) || (row.mapping !== null && person.in(row.mapping))) return true;
    const parts: [Part, Uint8Array | null][] = [
      ['raw', row.raw],
      ['payload', row.payload],
      ['context', row.context],
      ...this.notesOf(row.id),
    ];
    return parts.some(([part, bytes]) => bytes !== null && isAbout(person, () => this.seal.opened(row, part, bytes)));
  }

  private notesOf(record: number): [Part, Uint8Array][] {
    const notes = this.prepared('SELECT note FROM deed WHERE record = ? AND note IS NOT NULL').all(record);
    return (notes as unknown as { note: Uint8Array }[]).map(({ note }) => ['note', note]);
  }

  private prepared(sql: string) {
    return this.file.prepared(sql);
  }
}

function isAbout(person: Recognises, opened: () => string | null): boolean {
  try {
    const text = opened();
    return text !== null && person.in(text);
  } catch {
    // Damaged, or of another vault: nobody can read what it says.
    return false;
  }
}
