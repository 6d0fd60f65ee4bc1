import { Lru } from './lru.js';
import type { Name } from './projection.js';
import type { Sqlite, SqliteStatement } from './sqlite.js';

const NAMES_IN_MEMORY = 200_000;

/**
 * Integer surrogates of names, given out in the order in which the log first uses them, so that the same log gives
 * the same integers. Used inside the runner's write transaction only.
 */
export class NameTable {
  private readonly known = new Map<string, Lru<string, number>>();
  private readonly insert: SqliteStatement;
  private readonly select: SqliteStatement;
  private next: number;
  private nextAtStart = 0;
  private uncertain: Name[] = [];

  constructor(db: Sqlite) {
    this.insert = db.prepare('insert into name values (?, ?, ?) on conflict (dictionary, value) do nothing');
    this.select = db.prepare('select id from name where dictionary = ? and value = ?');
    this.next = (db.prepare('select max(id) as last from name').get().last ?? 0) + 1;
  }

  begin(): void {
    this.nextAtStart = this.next;
    this.uncertain = [];
  }

  commit(): void {
    this.uncertain = [];
    for (const dictionary of this.known.values()) dictionary.trim();
  }

  /** The transaction was taken back, and with it every surrogate it gave out. */
  rollback(): void {
    for (const [dictionary, value] of this.uncertain) this.dictionary(dictionary).delete(value);
    this.uncertain = [];
    this.next = this.nextAtStart;
  }

  /** The name's surrogate, given out now when it has none. */
  idOf(dictionary: string, value: string): number {
    const known = this.dictionary(dictionary);
    const id = known.get(value);
    if (id !== undefined) return id;
    // Insert first: during a rebuild nearly every name that is not in memory is a new one.
    if (this.insert.run(this.next, dictionary, value).changes === 1) {
      this.uncertain.push([dictionary, value]);
      known.set(value, this.next);
      return this.next++;
    }
    const stored: number = this.select.get(dictionary, value).id;
    known.set(value, stored);
    return stored;
  }

  /** Given out since `begin`: it cannot stand in any row that is written already. */
  isFresh(id: number): boolean {
    return id >= this.nextAtStart;
  }

  /** The surrogate of a name that has one. */
  find(dictionary: string, value: string): number | null {
    const known = this.known.get(dictionary)?.get(value);
    return known ?? (this.select.get(dictionary, value)?.id as number | undefined) ?? null;
  }

  private dictionary(name: string): Lru<string, number> {
    let found = this.known.get(name);
    if (!found) this.known.set(name, (found = new Lru(NAMES_IN_MEMORY)));
    return found;
  }
}
