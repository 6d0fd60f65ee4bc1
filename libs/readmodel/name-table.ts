import { Lru } from './lru.js';
import type { Name } from './projection.js';
import type { SyncPostgres } from '@touchstone/eventing/read';
import { asPostgres, type Connection, type Statement } from './connection.js';
import { arrayOf } from './postgres.js';

const NAMES_IN_MEMORY = 200_000;

/**
 * Integer surrogates of names, given out in the order in which the log first uses them, so that the same log gives
 * the same integers. Used inside the runner's write transaction only.
 */
export class NameTable {
  private readonly known = new Map<string, Lru<string, number>>();
  private readonly insert: Statement;
  private readonly select: Statement;
  private next: number;
  private nextAtStart = 0;
  private uncertain: Name[] = [];

  /** On PostgreSQL names are looked up and written many at once. */
  private readonly postgres: SyncPostgres | null;
  /** Names that were looked for and have no surrogate yet, by dictionary. */
  private absent = new Map<string, Set<string>>();
  /** Given out and not written yet. */
  private waiting: { readonly id: number; readonly name: Name }[] = [];

  constructor(db: Connection) {
    this.postgres = asPostgres(db);
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
    this.absent.clear();
    for (const dictionary of this.known.values()) dictionary.trim();
  }

  /** The transaction was taken back, and with it every surrogate it gave out. */
  rollback(): void {
    for (const [dictionary, value] of this.uncertain) this.dictionary(dictionary).delete(value);
    this.uncertain = [];
    this.waiting = [];
    this.next = this.nextAtStart;
  }

  /**
   * Looks up the names of a batch together, where one by one would take long. Dictionaries and values in turns; a batch is
   * over with `commit`.
   */
  prefetch(names: readonly string[]): void {
    if (!this.postgres) return;
    const dictionaries: string[] = [];
    const values: string[] = [];
    for (let i = 0; i < names.length; i += 2) {
      if (this.dictionary(names[i]!).get(names[i + 1]!) !== undefined) continue;
      dictionaries.push(names[i]!);
      values.push(names[i + 1]!);
    }
    if (values.length === 0) return;
    const found = this.postgres.rows(
      `select v.n, name.id from unnest($1::text[], $2::text[]) with ordinality as v (dictionary, value, n)
       left join name on name.dictionary = v.dictionary and name.value = v.value`,
      [arrayOf(dictionaries), arrayOf(values)],
    );
    for (const { n, id } of found.rows) {
      const [dictionary, value] = [dictionaries[(n as number) - 1]!, values[(n as number) - 1]!];
      if (id !== null) this.dictionary(dictionary).set(value, id as number);
      else this.absentIn(dictionary).add(value);
    }
  }

  /** Names that were given out are in the table when this returns. */
  settle(): void {
    if (this.waiting.length === 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    this.postgres!.send(
      'insert into name (id, dictionary, value) select * from unnest($1::bigint[], $2::text[], $3::text[])',
      [
        arrayOf(waiting.map(({ id }) => id)),
        arrayOf(waiting.map(({ name }) => name[0])),
        arrayOf(waiting.map(({ name }) => name[1])),
      ],
    );
    // Here a fault of what was sent is told.
    this.postgres!.query('select 1', []);
  }

  /** The surrogate of a name that is in memory. */
  peek(dictionary: string, value: string): number | undefined {
    return this.known.get(dictionary)?.get(value);
  }

  /** The name's surrogate, given out now when it has none. */
  idOf(dictionary: string, value: string): number {
    const known = this.dictionary(dictionary);
    const id = known.get(value);
    if (id !== undefined) return id;
    if (this.postgres) return this.idOnPostgres(dictionary, value, known);
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

  private idOnPostgres(dictionary: string, value: string, known: Lru<string, number>): number {
    if (!this.absent.get(dictionary)?.has(value)) {
      const stored = this.select.get(dictionary, value)?.id as number | undefined;
      if (stored !== undefined) {
        known.set(value, stored);
        return stored;
      }
    }
    this.uncertain.push([dictionary, value]);
    this.waiting.push({ id: this.next, name: [dictionary, value] });
    known.set(value, this.next);
    return this.next++;
  }

  private absentIn(dictionary: string): Set<string> {
    let found = this.absent.get(dictionary);
    if (!found) this.absent.set(dictionary, (found = new Set()));
    return found;
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
