/** For the fuzz test: OCEL 2.0 logs as texts and as databases, made without any code of the product. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import fc from 'fast-check';
import { scratchDirectory } from './fuzz.spec-kit.js';

const name = fc.constantFrom('o1', 'o2', 'o3', 'é', '𝄞', '', 'nul\0');
const eventId = fc.constantFrom('e1', 'e2', 'e3', 'e4', 'e5', 'e6', '');
const type = fc.constantFrom('Order', 'Order', 'Item', 'a b', '');
const activity = fc.constantFrom('place', 'ship', 'x'.repeat(191), '§');
const time = fc.constantFrom(
  ...['2024-05-01T08:00:00+08:00', '2024-05-01 08:00:00', '2024-05-01T08:00:00.123456Z', '1970-01-01T00:00:00Z'],
  ...['2024-02-30T00:00:00Z', 'noon', ''],
);
const attribute = fc.constantFrom('unit', 'amount', 'state', 'touchstone:json', '__proto__');
const value = fc.oneof(
  fc.constantFrom<unknown>('desk', '', 7, -0, 1e308, 2 ** 60, true, null, '{"a":[1,null]}', 'x'.repeat(300)),
  fc.jsonValue({ maxDepth: 2 }),
);
const relation = fc.record({ objectId: name, qualifier: fc.constantFrom('', 'of', 'to "x"') });
const relations = fc.array(relation, { maxLength: 3 });
const event = fc.record({
  id: eventId,
  type: activity,
  time,
  attributes: fc.array(fc.record({ name: attribute, value }), { maxLength: 3 }),
  relationships: relations,
});
const object = fc.record({
  id: name,
  type,
  attributes: fc.array(fc.record({ name: attribute, time, value }), { maxLength: 3 }),
  relationships: relations,
});
const log = fc.record({ events: fc.array(event, { maxLength: 6 }), objects: fc.array(object, { maxLength: 4 }) });
type Log = typeof log extends fc.Arbitrary<infer L> ? L : never;

const declared = fc.constantFrom(
  { objectTypes: [{ name: 'Order', attributes: [{ name: 'amount', type: 'integer' }] }] },
  { eventTypes: [{ name: 'place', attributes: [{ name: 'unit', type: 'time' }] }], objectTypes: [{ name: '' }] },
  {},
);

/** Types come before what has them, or after it. */
export const ocelJson: fc.Arbitrary<string> = fc
  .tuple(log, declared, fc.boolean())
  .map(([body, types, last]) => JSON.stringify(last ? { ...body, ...types } : { ...types, ...body }));

/** What somebody's tool, or a bad hand, has made of a database. */
const CHANGES = [
  'DROP TABLE event_object',
  'DROP TABLE event_place',
  'ALTER TABLE object DROP COLUMN ocel_type',
  'ALTER TABLE event_place RENAME COLUMN ocel_time TO at',
  'DELETE FROM event_map_type',
  "INSERT INTO object_map_type VALUES (NULL, 7), ('Order', 'nowhere')",
  "UPDATE event SET ocel_id = x'ff00ff', ocel_type = 7",
  "UPDATE event_place SET ocel_time = x'00', unit = x'ff'",
  "UPDATE object_Order SET ocel_changed_field = 'state'",
  'CREATE VIEW event_later AS SELECT * FROM event_place',
  "INSERT INTO event_object VALUES (NULL, NULL, NULL), ('e1', 'o1', 7)",
  'INSERT INTO event_place SELECT * FROM event_place',
];
const change = fc.constantFrom(...CHANGES);

const how = fc.record({
  changes: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(change, { maxLength: 2 })),
  withoutRowids: fc.boolean(),
  /** As its last user left it, with a log beside it that was merged. */
  isWal: fc.nat(7).map((n) => n === 0),
});
type How = typeof how extends fc.Arbitrary<infer H> ? H : never;

/** Small pages, so that damage meets what holds the database together as often as what is in it. */
export const ocelSqlite: fc.Arbitrary<Buffer> = fc.tuple(log, how).map(([body, made]) => databaseOf(body, made));

function databaseOf({ events, objects }: Log, { changes, withoutRowids, isWal }: How): Buffer {
  const directory = mkdtempSync(join(scratchDirectory(), 'fuzz-ocel-'));
  try {
    const file = join(directory, 'log.sqlite');
    const db = new DatabaseSync(file);
    for (const pragma of ['page_size = 512', 'journal_mode = OFF', 'synchronous = OFF']) db.exec(`PRAGMA ${pragma}`);
    db.exec('BEGIN');
    const e2o = withoutRowids
      ? 'ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT, PRIMARY KEY (1, 2, 3)) WITHOUT ROWID'
      : 'ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT)';
    db.exec(
      TABLES +
        `CREATE TABLE event_object (${e2o.replace('(1, 2, 3)', '(ocel_event_id, ocel_object_id, ocel_qualifier)')};`,
    );
    fill(db, events, objects);
    for (const sql of changes) attempt(() => db.exec(sql));
    db.exec('COMMIT');
    if (isWal) db.exec('PRAGMA journal_mode = WAL');
    db.close();
    return readFileSync(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const TABLES = `
CREATE TABLE event (ocel_id TEXT, ocel_type TEXT);
CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);
CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);
CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);
CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);
CREATE TABLE event_place (ocel_id TEXT, ocel_time TIMESTAMP, unit TEXT, amount INTEGER);
CREATE TABLE event_ship (ocel_id TEXT, ocel_time TEXT, unit TEXT, rush BOOLEAN);
CREATE TABLE object_Order (ocel_id TEXT, ocel_time TEXT, ocel_changed_field TEXT, state TEXT);
INSERT INTO event_map_type VALUES ('place', 'place'), ('ship', 'ship');
INSERT INTO object_map_type VALUES ('Order', 'Order');
`;

function fill(db: InstanceType<typeof DatabaseSync>, events: Log['events'], objects: Log['objects']): void {
  const put = (table: string, ...values: unknown[]) =>
    attempt(() =>
      db.prepare(`INSERT INTO ${table} VALUES (${values.map(() => '?').join()})`).run(...values.map(boundOf)),
    );
  for (const { id, type: of, time: at, attributes, relationships } of events) {
    put('event', id, of);
    if (of === 'place' || of === 'ship') put(`event_${of}`, id, at, attributes[0]?.value, attributes[1]?.value);
    for (const { objectId, qualifier } of relationships) put('event_object', id, objectId, qualifier);
  }
  for (const { id, type: of, attributes, relationships } of objects) {
    put('object', id, of);
    if (of === 'Order') for (const { name: n, time: at, value: v } of attributes) put('object_Order', id, at, n, v);
    for (const { objectId, qualifier } of relationships) put('object_object', id, objectId, qualifier);
  }
}

const boundOf = (given: unknown): string | number | null =>
  typeof given === 'string' || typeof given === 'number' ? given : given == null ? null : JSON.stringify(given);

/** What SQLite itself does not let into a database cannot come in one. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // So it stays as it was.
  }
}
