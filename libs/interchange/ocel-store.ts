import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { instantMs } from '@touchstone/eventing';
import { isPlain, plain, UNDECLARED } from './ocel.js';
import { OWN_KEY } from './ocel-own.js';
import { joined, kindOf, type Kind } from './ocel-values.js';
import type { LossReport } from './loss-report.js';
import type { JsonObject } from './xes-value.js';

const TABLES = `
  CREATE TABLE event (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, grp TEXT UNIQUE, type TEXT NOT NULL,
    time TEXT, ms REAL, attributes TEXT NOT NULL, own TEXT);
  CREATE INDEX event_in_order ON event (ms, n);
  CREATE TABLE object (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (type, key));
  CREATE TABLE own_object (object TEXT PRIMARY KEY, own TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE relation (event INTEGER NOT NULL, object TEXT NOT NULL, qualifier TEXT NOT NULL,
    PRIMARY KEY (event, object, qualifier)) WITHOUT ROWID;
  CREATE TABLE link (source TEXT NOT NULL, target TEXT NOT NULL, qualifier TEXT NOT NULL,
    PRIMARY KEY (source, target, qualifier)) WITHOUT ROWID;
  CREATE TABLE value (n INTEGER PRIMARY KEY, object TEXT NOT NULL, time TEXT NOT NULL, ms REAL NOT NULL,
    attributes TEXT NOT NULL);
  CREATE INDEX value_of ON value (object, ms, time, n);
  CREATE TABLE type (of TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (of, name)) WITHOUT ROWID;
  CREATE TABLE attribute (of TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (of, type, name)) WITHOUT ROWID;
`;

type Bound = string | number;

/** Rows read at a time. */
const PAGE = 500;

/** Where objects are named, with the key of the table. */
const NAMED = {
  'object of a relation': { table: 'relation', column: 'object', key: ['event', 'object', 'qualifier'] },
  'source of a link': { table: 'link', column: 'source', key: ['source', 'target', 'qualifier'] },
  'target of a link': { table: 'link', column: 'target', key: ['source', 'target', 'qualifier'] },
} as const;

export type Side = 'event' | 'object';

export interface StoredEvent {
  readonly n: number;
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly ms: number;
  /** JSON. */
  readonly attributes: string;
}

export interface StoredObject {
  readonly n: number;
  readonly id: string;
  readonly type: string;
  readonly key: string;
}

export interface StoredValues {
  readonly n: number;
  readonly time: string;
  readonly ms: number;
  /** JSON; null of an attribute: it has no value from then on. */
  readonly attributes: string;
}

/**
 * An OCEL log on its way in or out, in a scratch database: more than fits in memory, and asked for in any order. Its
 * file has no name from the start, so that nothing of it outlives the process; all is one transaction that never ends.
 */
export class OcelStore {
  private readonly statements = new Map<string, StatementSyncInstance>();
  private readonly kinds = new Map<string, Kind>();
  /** Types of which an attribute is something that OCEL has no type for. */
  private readonly json = new Set<string>();
  private types = 0;
  /** Events, and objects that are declared. */
  events = 0;
  objects = 0;

  private constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly report: LossReport,
  ) {}

  /** @param directory where there is room; made when it is missing */
  static async open(directory: string, report: LossReport): Promise<OcelStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = join(directory, 'ocel-scratch.db');
    await rm(file, { force: true });
    const db = new DatabaseSync(file);
    for (const pragma of ['journal_mode = OFF', 'synchronous = OFF', 'cache_size = -16000', 'temp_store = FILE']) {
      db.exec(`PRAGMA ${pragma}`);
    }
    db.exec('BEGIN EXCLUSIVE');
    db.exec(TABLES);
    // Where an open file keeps its name it goes with its directory.
    await rm(file, { force: true }).catch(() => undefined);
    return new OcelStore(db, report);
  }

  close(): void {
    if (this.db.isOpen) this.db.close();
  }

  /** Adds an event; its number, or undefined when there is one of this id (or group) already. */
  addEvent(event: {
    id: string;
    group?: string;
    type: string;
    time?: string | null;
    ms?: number;
    attributes: JsonObject;
    own?: string;
  }): number | undefined {
    // prettier-ignore
    const { id, group = null, type, time = null, ms = null, attributes, own = null } = event;
    const { changes, lastInsertRowid } = this.prepared(
      'INSERT OR IGNORE INTO event (id, grp, type, time, ms, attributes, own) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ).run(this.text(id), group, this.text(type), time, ms, JSON.stringify(attributes), own);
    if (Number(changes) === 0) return undefined;
    this.events++;
    this.declare('event', type);
    this.observe('event', type, attributes);
    return Number(lastInsertRowid);
  }

  /** Gives an event that was added without them its time and attributes. False: no event of the type has this id. */
  detailEvent(
    id: string,
    type: string,
    { time, ms, attributes, own }: { time: string | null; ms?: number; attributes: JsonObject; own?: string },
  ): boolean {
    const { changes } = this.prepared(
      'UPDATE event SET time = ?, ms = ?, attributes = ?, own = ? WHERE id = ? AND type = ? AND time IS NULL',
    ).run(time, ms ?? null, JSON.stringify(attributes), own ?? null, plain(id), plain(type));
    if (Number(changes) === 0) return false;
    this.observe('event', type, attributes);
    return true;
  }

  /** Says what an event is here; `merge` is given what was said of it before. */
  ownEvent(n: number, merge: (id: string, before: string | undefined) => string | undefined): void {
    const row = this.prepared('SELECT id, type, own FROM event WHERE n = ?').get(n) as {
      id: string;
      type: string;
      own: string | null;
    };
    const own = merge(row.id, row.own ?? undefined);
    if (own === undefined) return;
    this.prepared('UPDATE event SET own = ? WHERE n = ?').run(own, n);
    if (row.own === null) this.observe('event', row.type, { [OWN_KEY]: own });
  }

  ownObject(id: string, own: string): void {
    this.prepared('INSERT OR REPLACE INTO own_object VALUES (?, ?)').run(plain(id), own);
  }

  ownOfObject(id: string): string | undefined {
    return (this.prepared('SELECT own FROM own_object WHERE object = ?').get(plain(id)) as { own: string } | undefined)
      ?.own;
  }

  eventNumber(id: string): number | undefined {
    return (this.prepared('SELECT n FROM event WHERE id = ?').get(plain(id)) as { n: number } | undefined)?.n;
  }

  groupOf(group: string): { n: number; type: string; attributes: string } | undefined {
    return this.prepared('SELECT n, type, attributes FROM event WHERE grp = ?').get(group) as
      { n: number; type: string; attributes: string } | undefined;
  }

  /** Declares an object under its own id. False: there is one of this id. */
  addObject(id: string, type: string): boolean {
    const { changes } = this.prepared('INSERT OR IGNORE INTO object (id, type, key) VALUES (?, ?, ?)').run(
      this.text(id),
      this.text(type),
      plain(id),
    );
    if (Number(changes) === 0) return false;
    this.declareObject(type);
    return true;
  }

  /** Ids that are named there and not declared, page by page in the order of the table; one may come twice. */
  *undeclared(where: keyof typeof NAMED): Generator<string[]> {
    const { table, column, key } = NAMED[where];
    const places = key.map(() => '?').join(', ');
    const query =
      `SELECT ${key.join(', ')}, ${column} AS id, NOT EXISTS (SELECT 1 FROM object WHERE id = ${column}) AS missing ` +
      `FROM ${table} WHERE (${key.join(', ')}) > (${places}) ORDER BY ${key.join(', ')} LIMIT ?`;
    for (let place: Bound[] = key.map((name) => (name === 'event' ? 0 : '')); ;) {
      const rows = this.all<Record<string, Bound> & { id: string; missing: number }>(query, ...place, PAGE * 4);
      if (rows.length === 0) return;
      yield rows.flatMap(({ id, missing }) => (missing === 1 ? [id] : []));
      place = key.map((name) => rows.at(-1)![name]!);
    }
  }

  /** Objects that are only named get a type that says so. */
  addUndeclared(ids: readonly string[]): void {
    const insert = this.prepared('INSERT OR IGNORE INTO object (id, type, key) VALUES (?, ?, ?)');
    for (const id of ids) insert.run(id, UNDECLARED, id);
  }

  /** The id that an object of this type and key has in the log; one that is taken by another type is made its own. */
  objectId(type: string, key: string): { id: string; isNew: boolean } {
    const known = this.prepared('SELECT id FROM object WHERE type = ? AND key = ?').get(plain(type), plain(key)) as
      { id: string } | undefined;
    if (known) return { id: known.id, isNew: false };
    let id = this.text(key);
    const insert = this.prepared('INSERT OR IGNORE INTO object (id, type, key) VALUES (?, ?, ?)');
    for (let n = 1; Number(insert.run(id, this.text(type), plain(key)).changes) === 0; n++) {
      if (n === 1) this.report.add('renamed', 'object');
      id = n === 1 ? `${plain(type)}/${plain(key)}` : `${plain(type)}/${plain(key)}/${n}`;
    }
    this.declareObject(type);
    return { id, isNew: true };
  }

  objectType(id: string): string | undefined {
    return (this.prepared('SELECT type FROM object WHERE id = ?').get(plain(id)) as StoredObject | undefined)?.type;
  }

  relate(event: number, object: string, qualifier: string): void {
    const { changes } = this.prepared('INSERT OR IGNORE INTO relation VALUES (?, ?, ?)').run(
      event,
      this.text(object),
      this.text(qualifier),
    );
    if (Number(changes) === 0) this.report.add('duplicate-relation', 'event to object');
  }

  /** As `relate`, of several touchpoints of one fact: what all of them say is said once. */
  relateAgain(event: number, object: string, qualifier: string): void {
    this.prepared('INSERT OR IGNORE INTO relation VALUES (?, ?, ?)').run(event, object, this.text(qualifier));
  }

  link(source: string, target: string, qualifier: string): void {
    const { changes } = this.prepared('INSERT OR IGNORE INTO link VALUES (?, ?, ?)').run(
      this.text(source),
      this.text(target),
      this.text(qualifier),
    );
    if (Number(changes) === 0) this.report.add('duplicate-relation', 'object to object');
  }

  addValues(object: string, type: string, time: string, attributes: JsonObject): void {
    this.prepared('INSERT INTO value (object, time, ms, attributes) VALUES (?, ?, ?, ?)').run(
      plain(object),
      time,
      instantMs(time),
      JSON.stringify(attributes),
    );
    this.observe('object', type, attributes);
  }

  private declareObject(type: string): void {
    if (type === UNDECLARED) return;
    this.objects++;
    this.declare('object', type);
  }

  private declare(of: Side, type: string): void {
    this.types += Number(
      this.prepared('INSERT OR IGNORE INTO type VALUES (?, ?, ?)').run(of, plain(type), this.types).changes,
    );
  }

  get typeCount(): number {
    return this.types;
  }

  typesOf(of: Side): string[] {
    const rows = this.prepared('SELECT name FROM type WHERE of = ? ORDER BY n').all(of) as unknown as {
      name: string;
    }[];
    return rows.map(({ name }) => name);
  }

  /** What the attributes of a type turned out to be, in the order in which they were met. */
  attributesOf(of: Side, type: string): Map<string, Kind> {
    this.writeKinds();
    const rows = this.prepared('SELECT name, kind FROM attribute WHERE of = ? AND type = ? ORDER BY n').all(
      of,
      type,
    ) as unknown as { name: string; kind: Kind }[];
    return new Map(rows.map(({ name, kind }) => [JSON.parse(name) as string, kind]));
  }

  /** Whether any value of the type is of no type that OCEL has. */
  hasJson(of: Side, type: string): boolean {
    return this.json.has(JSON.stringify([of, type]));
  }

  /** Events with a time, in the order in which they happened. */
  *eventsInOrder(): Generator<StoredEvent> {
    const query = 'SELECT n, id, type, time, ms, attributes, own FROM event WHERE (ms, n) > (?, ?) ORDER BY ms, n LIMIT ?'; // prettier-ignore
    const rows = this.paged<StoredEvent & { own: string | null }>(query, [], [-1e300, 0], ({ ms, n }) => [ms, n]);
    for (const { own, ...event } of rows) yield own === null ? event : { ...event, attributes: withOwn(event, own) };
  }

  /** Objects in the order in which they were met, those that are not declared too. */
  objectsInOrder(): Generator<StoredObject> {
    const query = 'SELECT n, id, type, key FROM object WHERE n > ? ORDER BY n LIMIT ?';
    return this.paged<StoredObject>(query, [], [0], ({ n }) => [n]);
  }

  /** What is said of the object's attributes, in the order of time. */
  valuesOf(object: string): Generator<StoredValues> {
    const query = `SELECT n, time, ms, attributes FROM value WHERE object = ? AND (ms, time, n) > (?, ?, ?)
      ORDER BY ms, time, n LIMIT ?`;
    return this.paged<StoredValues>(query, [object], [-1e300, '', 0], ({ ms, time, n }) => [ms, time, n]);
  }

  count(table: 'event' | 'object' | 'relation' | 'link' | 'value'): number {
    return Number((this.db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n);
  }

  /** Rows of a query whose answer is small. */
  all<T>(query: string, ...values: Bound[]): T[] {
    return this.prepared(query).all(...values) as unknown as T[];
  }

  /**
   * Rows of a query of any size, read in pages: its last parameters are the place after which to go on, then the most
   * to read. The driver's own iterators do not survive that others run between two rows.
   */
  *paged<T>(query: string, fixed: readonly Bound[], start: readonly Bound[], after: (row: T) => Bound[]): Generator<T> {
    for (let place = start; ;) {
      const rows = this.all<T>(query, ...fixed, ...place, PAGE);
      yield* rows;
      if (rows.length < PAGE) return;
      place = after(rows.at(-1)!);
    }
  }

  run(statement: string, ...values: Bound[]): void {
    this.prepared(statement).run(...values);
  }

  private observe(of: Side, type: string, attributes: JsonObject): void {
    for (const [name, value] of Object.entries(attributes)) {
      const own = kindOf(value);
      // Of an object null says that the attribute has no value any more.
      const isEnd = value === null && of === 'object';
      if (own === 'json' && !isEnd) this.json.add(JSON.stringify([of, plain(type)]));
      if (value === null && !isEnd) continue;
      const key = JSON.stringify([of, type, name]);
      const before = this.kinds.get(key);
      const kind = before === undefined ? own : joined(before, own);
      if (kind === before) continue;
      this.kinds.set(key, kind);
      if (this.kinds.size > 10_000) this.writeKinds();
    }
  }

  private writeKinds(): void {
    for (const [key, kind] of this.kinds) {
      const [of, type, name] = JSON.parse(key) as [Side, string, string];
      const where = [of, plain(type), JSON.stringify(name)] as const;
      const known = this.prepared('SELECT kind FROM attribute WHERE of = ? AND type = ? AND name = ?').get(...where) as
        { kind: Kind } | undefined;
      if (known) {
        this.prepared('UPDATE attribute SET kind = ? WHERE of = ? AND type = ? AND name = ?').run(joined(known.kind, kind), ...where); // prettier-ignore
      } else {
        this.prepared('INSERT INTO attribute VALUES (?, ?, ?, ?, ?)').run(...where, this.nextAttribute++, kind);
      }
    }
    this.kinds.clear();
  }

  private nextAttribute = 0;

  /** A name as the log can hold it. */
  private text(text: string): string {
    if (isPlain(text)) return text;
    this.report.add('character', 'in a name');
    return plain(text);
  }

  private prepared(sql: string): StatementSyncInstance {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.db.prepare(sql)));
    return statement;
  }
}

/** As text, so that numbers stay as they are written. */
function withOwn({ attributes }: StoredEvent, own: string): string {
  const last = `${JSON.stringify(OWN_KEY)}:${JSON.stringify(own)}}`;
  return attributes === '{}' ? `{${last}` : `${attributes.slice(0, -1)},${last}`;
}
