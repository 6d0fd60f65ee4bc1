import { cpSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { openDataDirectory } from '@touchstone/eventing';
import { killAll, Server, type ChaosWork } from './chaos.children.js';
import { killedRound, settle } from './chaos.rounds.js';
import { Ledger } from './chaos.ledger.js';
import { findings, readLog } from './chaos.verify.js';

/** What the chaos tests look for is found when it is there: each fault is planted once, in a copy of a sound house. */
let root: string;
let sound: string;
let ledger: Ledger;

const SEED = 4711;
const BAD_SOURCE = 'chaos/unreadable';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'touchstone-tampered-'));
  sound = join(root, 'sound');
  ledger = new Ledger();
  await quarantineOne(sound);
  await settle({ directory: sound, seed: SEED, round: 0, writers: true, orders: 12 }, ledger);
}, 60_000);
afterAll(async () => {
  await killAll();
  rmSync(root, { recursive: true, force: true });
});

/** A server takes in a line that nobody can read. */
async function quarantineOne(directory: string): Promise<void> {
  const server = await Server.start(directory);
  const line = JSON.stringify({ specversion: '1.0', id: '1', source: BAD_SOURCE, type: 'touchpoint.recorded' });
  await server.post('/events', { 'content-type': 'application/x-ndjson' }, [line], ({ outcome }) => {
    if (outcome === 'quarantined') ledger.quarantined.push(BAD_SOURCE);
  });
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
}

let copies = 0;
const copied = (): string => {
  const copy = join(root, `copy-${copies++}`);
  cpSync(sound, copy, { recursive: true });
  return copy;
};

/** A ledger that knows the same and hears more. */
function sameLedger(): Ledger {
  const same = new Ledger();
  for (const said of ledger.heard) same.hear(said);
  same.quarantined.push(...ledger.quarantined);
  for (const [group, position] of ledger.checkpoints) same.checkpoints.set(group, position);
  return same;
}

const change =
  (file: string, ...statements: string[]) =>
  (directory: string) => {
    const db = new DatabaseSync(join(directory, file));
    try {
      for (const statement of statements) {
        const { changes } = db.prepare(statement).run();
        expect([statement, Number(changes)]).toEqual([statement, expect.any(Number)]);
        if (/^(update|delete|insert)/i.test(statement))
          expect([statement, Number(changes)]).not.toEqual([statement, 0]);
      }
    } finally {
      db.close();
    }
  };

const garbage = (file: string, page: number) => (directory: string) => {
  const handle = openSync(join(directory, file), 'r+');
  writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
  closeSync(handle);
};

/** The last touchpoint of a journey that goes on after it, or of one that ends with it. */
const TOUCHPOINT =
  "SELECT position FROM event WHERE type = 'TouchpointRecorded' AND json_extract(metadata, '$.actor.id') = 'chaos'";
const LAST = `${TOUCHPOINT} AND NOT EXISTS (SELECT 1 FROM event e WHERE e.stream = event.stream AND e.revision > event.revision) LIMIT 1`;
const NOT_LAST = `${TOUCHPOINT} AND EXISTS (SELECT 1 FROM event e WHERE e.stream = event.stream AND e.revision > event.revision) LIMIT 1`;
const READ = 'read/journeys-1.db';
const COPY_OF_LAST = `INSERT INTO event SELECT NULL, stream, revision + 1, '01970000-0000-7000-a000-000000000000', type,
  schema_version, occurred_at, recorded_at, data, metadata FROM event WHERE position = (${LAST})`;

it('finds nothing in a sound house', async () => {
  expect(ledger.claims.length).toBeGreaterThan(100);
  expect(ledger.quarantined).toEqual([BAD_SOURCE]);
  expect(await findings(sound, ledger, { settled: true })).toEqual([]);
});

it.each<[what: string, tamper: (directory: string) => void, finding: RegExp]>([
  [
    'an acknowledged event is gone',
    change('log.db', `DELETE FROM event WHERE position = (${NOT_LAST})`),
    /^Acknowledged by .*, but not in the log: /,
  ],
  [
    'the last event of a stream is gone',
    change('log.db', `DELETE FROM event WHERE position = (${LAST})`),
    /^Acknowledged by .*, but not in the log: /,
  ],
  [
    'an acknowledged event has other data',
    change('log.db', `UPDATE event SET data = json_set(data, '$.channel', 'fax') WHERE position = (${LAST})`),
    /^Acknowledged by .* has another data\.$/,
  ],
  [
    'an acknowledged event has another time',
    change('log.db', `UPDATE event SET occurred_at = '2020-01-01T00:00:00Z' WHERE position = (${LAST})`),
    /^Acknowledged by .* has another occurredAt\.$/,
  ],
  [
    'an acknowledged event has another type',
    change('log.db', `UPDATE event SET type = 'NoteAdded' WHERE position = (${LAST})`),
    /^Acknowledged by .* has another type\.$/,
  ],
  [
    'a stream has a gap',
    change('log.db', `UPDATE event SET revision = revision + 1 WHERE position = (${LAST})`),
    / where \d+ was due\.$/,
  ],
  [
    'a stream is out of order',
    change('log.db', `UPDATE event SET position = 1000000 WHERE position = (${NOT_LAST})`),
    / where \d+ was due\.$/,
  ],
  [
    'there is an event that nobody asked for',
    change('log.db', COPY_OF_LAST),
    /^Nobody asked for TouchpointRecorded 01970000-/,
  ],
  [
    'a key is missing',
    change('keys.db', "DELETE FROM subject_key WHERE subject LIKE 'journey:%'"),
    /^TouchpointRecorded .* cannot be read: There is no key of journey:/,
  ],
  [
    'a key is destroyed',
    change('keys.db', "UPDATE subject_key SET key = NULL, destroyed_at = 'now' WHERE subject LIKE 'customer:%'"),
    /^The key of \w+ .* is gone\.$/,
  ],
  [
    'a key is another one',
    change('keys.db', "UPDATE subject_key SET key = randomblob(32) WHERE subject LIKE 'customer:%'"),
    / cannot be read: The ciphertext of /,
  ],
  [
    'a quarantined record is gone',
    change('quarantine.db', 'DELETE FROM record'),
    /^Said to be in quarantine, but not there: a record of chaos\/unreadable\.$/,
  ],
  [
    'a row of a read model differs',
    change(
      READ,
      'UPDATE timeline_entry SET unit = unit + 1 WHERE from_pos = (SELECT max(from_pos) FROM timeline_entry)',
    ),
    /^timeline_entry has a row that a rebuild does not have: /,
  ],
  [
    'a row of a read model is gone',
    change(READ, 'DELETE FROM bound_key WHERE key = (SELECT max(key) FROM bound_key)'),
    /^bound_key lacks a row that a rebuild has: /,
  ],
  [
    'a row of a read model is one too many',
    change(READ, "INSERT INTO name VALUES (1000000, 'unit', 'nowhere')"),
    /^name has a row that a rebuild does not have: /,
  ],
  [
    'a blob of a read model differs',
    change(
      READ,
      'UPDATE journey_blob SET data = zeroblob(length(data)) WHERE journey = (SELECT max(journey) FROM journey_blob)',
    ),
    /^journey_blob has a row /,
  ],
  [
    'an index of a read model is missing',
    change(READ, 'DROP INDEX recorded_at_index_by_time'),
    /other tables or indexes than a rebuild/,
  ],
  [
    'rows are ahead of their checkpoint',
    change(
      READ,
      `UPDATE checkpoint SET position = (SELECT max(from_pos) FROM timeline_entry WHERE from_pos < (SELECT max(from_pos) FROM timeline_entry))`,
    ),
    /^\w+ has a row that a rebuild does not have: /,
  ],
  [
    'a checkpoint is ahead of its rows',
    change(READ, 'DELETE FROM timeline_entry WHERE from_pos = (SELECT max(from_pos) FROM timeline_entry)'),
    /^timeline_entry lacks a row that a rebuild has: /,
  ],
  [
    'a checkpoint is not in the log',
    change(READ, "UPDATE checkpoint SET position = '00000000ffffffff'"),
    /^journeys stands at 00000000ffffffff, where the log has no event\.$/,
  ],
  [
    'a read model went back',
    change('read/meta.db', 'DELETE FROM generation'),
    /^journeys stood at [0-9a-f]{16}, and went back to nothing\.$/,
  ],
  [
    'a read model is not at the head',
    change(READ, "UPDATE checkpoint SET position = '0000000000000001'"),
    /^journeys-1 stands at 0000000000000001, the log at /,
  ],
  [
    'a build left a file',
    (directory) => writeFileSync(join(directory, 'read', 'journeys-7.db'), ''),
    /^The file journeys-7\.db belongs to no generation\.$/,
  ],
  ['a page of the log is damaged', garbage('log.db', 2), /^log\.db is damaged: /],
  ['a page of a read model is damaged', garbage(READ, 5), /^read\/journeys-1\.db is damaged: /],
])('finds that %s', async (_what, tamper, finding) => {
  const copy = copied();
  tamper(copy);
  expect(await findings(copy, sameLedger(), { settled: true })).toContainEqual(expect.stringMatching(finding));
});

it('finds that a directory is still held', async () => {
  const copy = copied();
  const held = await openDataDirectory(copy);
  expect(await findings(copy, sameLedger())).toContainEqual(`The directory is still held by process ${process.pid}.`);
  await held.release();
  expect(await findings(copy, sameLedger())).toEqual([]);
});

it('finds that only a part of an append is there', async () => {
  const work = (touchpointId: string): ChaosWork => ({
    decider: 'journey',
    command: 'RecordTouchpoint',
    payload: { journeyId: 'one', touchpointId },
  });
  const { id } = readLog(join(sound, 'log.db')).find(({ type }) => type === 'TouchpointRecorded')!;
  const whole = sameLedger();
  whole.hear({ about: 'x', works: [work(id)] });
  expect(await findings(sound, whole)).toEqual([]);
  const half = sameLedger();
  half.hear({ about: 'x', works: [work(id), work('01970000-0000-7000-a000-000000000001')] });
  expect(await findings(sound, half)).toEqual([expect.stringMatching(/^Only a part of one append is in the log: of /)]);
});

it('finds that a personal field says something else', async () => {
  const other = sameLedger();
  const { id } = readLog(join(sound, 'log.db')).find(({ type }) => type === 'NoteAdded')!;
  other.claims.push({ key: 'x', id, opened: { text: 'never said' } });
  expect(await findings(sound, other)).toEqual([`Acknowledged by x, but ${id} opens to something else.`]);
});

it('finds a house that acknowledges before it commits', async () => {
  const directory = join(root, 'early');
  const caught = new Ledger();
  for (let round = 0; round < 10; round++) {
    const orders = {
      directory,
      seed: SEED,
      round,
      writers: true,
      orders: 10_000,
      defect: 'early-acknowledgement',
    } as const;
    await killedRound(orders, { after: 'acknowledged', ms: 100 + 20 * round }, caught);
    const found = await findings(directory, caught);
    if (found.length === 0) continue;
    expect(found).toContainEqual(expect.stringMatching(/^Acknowledged by .*, but not in the log: /));
    return;
  }
  throw new Error('Ten kills, and an acknowledgement before the commit was never noticed.');
}, 60_000);
