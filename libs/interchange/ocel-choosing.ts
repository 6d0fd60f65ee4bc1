import type { LossReport } from './loss-report.js';
import type { OcelMappingOptions } from './ocel-options.js';
import { ownEventOf } from './ocel-own.js';
import type { OcelStore } from './ocel-store.js';

/** Events that one statement looks at: a log of millions must not keep others waiting while it is put in order. */
const PAGE = 2_000;

/** Lets others run. @throws what ends the import */
export type Turn = () => Promise<void>;

type Place = readonly [ms: number, n: number];

const TABLES = [
  'CREATE TABLE touch (event INTEGER NOT NULL, journey TEXT, PRIMARY KEY (event, journey))',
  // How many touchpoints a journey has so far.
  'CREATE TABLE length (journey TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE TABLE placed (n INTEGER PRIMARY KEY, event INTEGER NOT NULL, journey TEXT, sequence INTEGER)',
];

/**
 * Chooses the journeys of each event and gives every touchpoint its place: in its journey, and among all (`placed`). It
 * goes page by page, by number and then by time, and keeps nothing in memory but the counts of what is left out.
 */
export class OcelChoosing {
  private readonly leftOut = new Map<string, number>();

  constructor(
    private readonly store: OcelStore,
    private readonly options: Pick<OcelMappingOptions, 'caseTypes' | 'withoutCase'>,
    private readonly report: LossReport,
  ) {}

  /** Returns how many journeys there are. */
  async run(turn: Turn): Promise<number> {
    for (const table of TABLES) this.store.run(table);
    const last = this.store.all<{ n: number | null }>('SELECT max(n) AS n FROM event')[0]!.n ?? 0;
    for (let after = 0; after < last; after += PAGE) {
      this.choose(after, after + PAGE);
      await turn();
    }
    for (const [type, n] of [...this.leftOut].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.report.add('event-without-case', type, n);
    }
    const alone = await this.place(turn);
    return this.store.all<{ n: number }>('SELECT count(*) AS n FROM length')[0]!.n + alone;
  }

  /** Of the events with numbers beyond `after` and up to `to`. */
  private choose(after: number, to: number): void {
    const { store } = this;
    const { caseTypes, withoutCase = 'leave-out' } = this.options;
    for (const type of caseTypes) {
      // One statement sees what was there before it: events of an earlier type have their journeys already.
      store.run(
        `INSERT INTO touch SELECT DISTINCT r.event, r.object FROM relation r JOIN object o ON o.id = r.object
         WHERE r.event > ? AND r.event <= ? AND o.type = ?
           AND r.event NOT IN (SELECT event FROM touch WHERE event > ? AND event <= ?)`,
        ...[after, to, type, after, to],
      );
    }
    const shared = this.withoutShared(after, to);
    const left = store
      .all<{ n: number; type: string }>(
        `SELECT n, type FROM event WHERE n > ? AND n <= ?
         AND n NOT IN (SELECT event FROM touch WHERE event > ? AND event <= ?)`,
        ...[after, to, after, to],
      )
      .filter(({ n }) => !shared.has(n));
    for (const { n, type } of left) {
      if (withoutCase === 'leave-out') this.leftOut.set(type, (this.leftOut.get(type) ?? 0) + 1);
      else store.run('INSERT INTO touch VALUES (?, NULL)', n);
    }
  }

  /** What was exported from an object is left to it: as a touchpoint it would be another fact. */
  private withoutShared(after: number, to: number): ReadonlySet<number> {
    const { store } = this;
    const marked = store.all<{ n: number; type: string; own: string }>(
      'SELECT n, type, own FROM event WHERE n > ? AND n <= ? AND own IS NOT NULL ORDER BY n',
      ...[after, to],
    );
    const shared = marked.filter(({ own }) => ownEventOf(own)?.isShared);
    for (const { n, type } of shared) {
      this.report.add('shared-fact', type);
      store.run('DELETE FROM touch WHERE event = ?', n);
    }
    return new Set(shared.map(({ n }) => n));
  }

  /** Returns how many events are journeys of their own. */
  private async place(turn: Turn): Promise<number> {
    // What has no time comes before what has one.
    let alone = 0;
    for (let after = 0; ;) {
      const rows = this.store.all<{ n: number }>(
        'SELECT n FROM event WHERE ms IS NULL AND n > ? ORDER BY n LIMIT ?',
        ...[after, PAGE],
      );
      if (rows.length === 0) break;
      const to = rows.at(-1)!.n;
      alone += this.placeThose('e.ms IS NULL AND e.n > ? AND e.n <= ?', [after, to]);
      after = to;
      await turn();
    }
    for (let after: Place = [-1e300, 0]; ;) {
      const rows = this.store.all<{ ms: number; n: number }>(
        'SELECT ms, n FROM event WHERE (ms, n) > (?, ?) ORDER BY ms, n LIMIT ?',
        ...[...after, PAGE],
      );
      if (rows.length === 0) return alone;
      const to: Place = [rows.at(-1)!.ms, rows.at(-1)!.n];
      alone += this.placeThose('(e.ms, e.n) > (?, ?) AND (e.ms, e.n) <= (?, ?)', [...after, ...to]);
      after = to;
      await turn();
    }
  }

  private placeThose(condition: string, values: readonly number[]): number {
    const { store } = this;
    const before = lastOf(store);
    store.run(
      `INSERT INTO placed (event, journey, sequence)
       SELECT t.event, t.journey, coalesce(l.n, 0) - 1 +
         row_number() OVER (PARTITION BY coalesce('o' || t.journey, 'e' || t.event) ORDER BY e.ms, e.n)
       FROM event e JOIN touch t ON t.event = e.n LEFT JOIN length l ON l.journey = t.journey
       WHERE ${condition} ORDER BY e.ms, e.n, t.journey`,
      ...values,
    );
    store.run(
      `INSERT INTO length SELECT journey, count(*) FROM placed WHERE n > ? AND journey IS NOT NULL GROUP BY journey
       ON CONFLICT (journey) DO UPDATE SET n = n + excluded.n`,
      before,
    );
    const alone = 'SELECT count(*) AS n FROM placed WHERE n > ? AND journey IS NULL';
    return store.all<{ n: number }>(alone, before)[0]!.n;
  }
}

const lastOf = (store: OcelStore): number =>
  store.all<{ n: number | null }>('SELECT max(n) AS n FROM placed')[0]!.n ?? 0;
