import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { newId } from './ids.js';
import { openVault, type KeysPlace } from './keys-vault.js';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { openSyncPostgres } from './sync-postgres.js';
import { FORGOTTEN, type BytesVault } from './vault.js';

const ANNA = 'customer:anna';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

/** Where keys may be, and how a test looks past the vault. */
interface Engine {
  readonly engine: string;
  place(directory: string): KeysPlace;
  rows(place: KeysPlace): Record<string, unknown>[];
}

const sqlite: Engine = {
  engine: 'SQLite',
  place: (directory) => ({ file: join(directory, 'keys.db') }),
  rows: (place) => {
    const db = new DatabaseSync((place as { file: string }).file, { readOnly: true });
    const rows = db.prepare('SELECT * FROM subject_key').all() as Record<string, unknown>[];
    db.close();
    return rows;
  },
};
const onPostgres: Engine = {
  engine: 'PostgreSQL',
  place: () => ({ url: freshSchema(postgres!, 'keys') }),
  rows: (place) => withDb(place, (db) => db.prepare('select * from subject_key').all()),
};
function withDb<R>(place: KeysPlace, work: (db: ReturnType<typeof openSyncPostgres>) => R): R {
  const { url } = place as { url: string };
  const db = openSyncPostgres(url, { schema: new URL(url).searchParams.get('schema')! });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

let directory: string;
let place: KeysPlace;
const opened: BytesVault[] = [];
const open = async () => {
  const vault = await openVault(place);
  opened.push(vault);
  return vault;
};
let vault: BytesVault;
const id = newId();

const setUp = ({ place: placeIn }: Engine) => {
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'touchstone-keys-'));
    place = placeIn(directory);
    vault = await open();
    await vault.ensureKeys([ANNA]);
  });
  afterEach(async () => {
    for (const v of opened.splice(0)) await v.close();
    rmSync(directory, { recursive: true });
  });
};

describe.each(postgres ? [sqlite, onPostgres] : [sqlite])('the vault of personal data in $engine', (engine) => {
  setUp(engine);

  it.each([
    ['a name', '张伟'],
    ['a phone', '+86 138 0000 0000'],
    ['an empty text', ''],
    ['null', null],
    ['zero', 0],
    ['nested values', { a: [1, '😀'] }],
    ['an empty list', []],
    ['a long text', 'x'.repeat(100_000)],
  ])('gives back what it sealed: %s', (_, value) => {
    const sealed = vault.seal(ANNA, id, 'name', value);
    expect(sealed).toMatch(/^enc:1:[A-Za-z0-9_-]+$/);
    expect(vault.open(ANNA, id, 'name', sealed)).toEqual(value);
  });

  it('never gives the same ciphertext twice, and never the clear text', () => {
    const sealed = Array.from({ length: 1000 }, () => vault.seal(ANNA, id, 'name', 'Zhang Wei'));
    expect(new Set(sealed).size).toBe(1000);
    expect(sealed.some((s) => Buffer.from(s.slice(6), 'base64url').includes('Zhang'))).toBe(false);
  });

  it('refuses a ciphertext in another event, another field or of another subject', async () => {
    await vault.ensureKeys(['customer:bob']);
    const sealed = vault.seal(ANNA, id, 'name', 'Anna');
    const refused = { code: 'CIPHERTEXT_INVALID', kind: 'invalid' };
    expect(() => vault.open(ANNA, newId(), 'name', sealed)).toThrow(expect.objectContaining(refused));
    expect(() => vault.open(ANNA, id, 'phone', sealed)).toThrow(expect.objectContaining(refused));
    expect(() => vault.open('customer:bob', id, 'name', sealed)).toThrow(expect.objectContaining(refused));
    expect(vault.open(ANNA, id, 'name', sealed)).toBe('Anna');
  });

  it('refuses a ciphertext with any bit changed, cut, lengthened, or in no known form', () => {
    const sealed = vault.seal(ANNA, id, 'name', 'Anna');
    const bytes = Buffer.from(sealed.slice(6), 'base64url');
    const opens = (text: string) => () => vault.open(ANNA, id, 'name', text);
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i]! ^= 1 << (i % 8);
      expect(opens(`enc:1:${changed.toString('base64url')}`)).toThrow(/changed, cut/);
    }
    for (const other of ['', 'Anna', 'enc:2:' + sealed.slice(6), 'enc:1:', sealed.slice(0, -4), `${sealed}AAAA`]) {
      expect(opens(other)).toThrow(expect.objectContaining({ code: 'CIPHERTEXT_INVALID' }));
    }
  });

  it('refuses to seal without a key, and to open with the keys of another log', () => {
    const missing = expect.objectContaining({ code: 'KEY_MISSING' });
    expect(() => vault.seal('customer:new', id, 'name', 'x')).toThrow(missing);
    expect(() => vault.open('customer:new', id, 'name', vault.seal(ANNA, id, 'name', 'x'))).toThrow(missing);
  });

  it('opens old ciphertexts after it was reopened, also by a second vault that never saw a clean close', async () => {
    const sealed = vault.seal(ANNA, id, 'name', 'Anna');
    const hash = vault.lookupHash('phone', '1');
    const beside = await open();
    expect(beside.open(ANNA, id, 'name', sealed)).toBe('Anna');
    await vault.close();
    await beside.close();
    const reopened = await open();
    expect(reopened.open(ANNA, id, 'name', sealed)).toBe('Anna');
    expect(reopened.lookupHash('phone', '1')).toBe(hash);
  });

  it('makes one key per subject, however many ask at once, in one vault or two', async () => {
    const other = await open();
    const subjects = Array.from({ length: 40 }, (_, i) => `customer:${i % 10}`);
    await Promise.all(subjects.flatMap((s) => [vault.ensureKeys([s, s]), other.ensureKeys([s])]));
    for (const subject of subjects) {
      expect(other.open(subject, id, 'f', vault.seal(subject, id, 'f', subject))).toBe(subject);
    }
    expect(engine.rows(place)).toHaveLength(11);
  });

  it('has a key on disk before ensureKeys resolves', async () => {
    await vault.ensureKeys(['customer:durable']);
    const row = engine.rows(place).find(({ subject }) => subject === 'customer:durable')!;
    expect(row['key']).toHaveLength(32);
  });

  it('makes the keys of 10,000 subjects together', async () => {
    const subjects = Array.from({ length: 10_000 }, () => `customer:${newId()}`);
    const start = performance.now();
    await vault.ensureKeys(subjects);
    // One by one over a network, that is 10,000 waits.
    expect(performance.now() - start).toBeLessThan(engine.engine === 'SQLite' ? 1_000 : 4_000);
    expect(vault.open(subjects[9_999]!, id, 'f', vault.seal(subjects[9_999]!, id, 'f', 1))).toBe(1);
  });

  describe('a destroyed key', () => {
    it('reads as forgotten, keeps nothing of what is sealed for it, and stays so', async () => {
      const sealed = vault.seal(ANNA, id, 'name', 'Anna');
      expect(vault.isForgotten(ANNA)).toBe(false);
      await vault.destroy(ANNA);
      await vault.ensureKeys([ANNA]);
      expect(vault.isForgotten(ANNA)).toBe(true);
      expect(vault.open(ANNA, id, 'name', sealed)).toBe(FORGOTTEN);
      const late = vault.seal(ANNA, newId(), 'name', 'Anna');
      expect(late).toBe(vault.seal(ANNA, newId(), 'phone', { another: 'value' }));
      await vault.close();
      const reopened = await open();
      await reopened.ensureKeys([ANNA]);
      await reopened.destroy(ANNA);
      expect(reopened.open(ANNA, id, 'name', sealed)).toBe(FORGOTTEN);
      expect(reopened.open(ANNA, id, 'phone', late)).toBe(FORGOTTEN);
      expect(reopened.seal(ANNA, id, 'name', 'x')).toBe(late);
    });

    it('seals no bytes either: a spool or a record without content would be none', async () => {
      await vault.destroy(ANNA);
      expect(() => vault.sealBytes(ANNA, 'spool:1', Buffer.from('x'))).toThrow(
        expect.objectContaining({ code: 'KEY_DESTROYED', kind: 'refused' }),
      );
    });

    it('stays destroyed when it was destroyed before it was ever made', async () => {
      expect(vault.isForgotten('customer:never')).toBe(false);
      await vault.destroy('customer:never');
      await vault.ensureKeys(['customer:never']);
      expect(vault.isForgotten('customer:never')).toBe(true);
      expect(vault.open('customer:never', id, 'name', vault.seal('customer:never', id, 'name', 'x'))).toBe(FORGOTTEN);
    });

    it('loses to nobody who asked for it in the same turn', async () => {
      await Promise.all([vault.ensureKeys(['customer:race']), vault.destroy('customer:race')]);
      expect(vault.isForgotten('customer:race')).toBe(true);
    });

    it('is named, also when it was destroyed before; what never had one is not', async () => {
      await vault.ensureKeys(['journey:1', 'journey:2']);
      expect(await vault.destroy([ANNA, 'journey:1', 'journey:none'])).toEqual([ANNA, 'journey:1']);
      const all = [ANNA, 'journey:1', 'journey:2', 'journey:none'];
      expect(await vault.destroy(all)).toEqual([ANNA, 'journey:1', 'journey:2']);
      expect(await vault.destroy('journey:none')).toEqual([]);
      expect(await vault.destroy([])).toEqual([]);
    });

    it('is noticed by other vaults on the same file', async () => {
      const other = await open();
      const sealed = vault.seal(ANNA, id, 'name', 'Anna');
      expect(other.open(ANNA, id, 'name', sealed)).toBe('Anna');
      await vault.destroy(ANNA);
      await sleep(150);
      expect(other.open(ANNA, id, 'name', sealed)).toBe(FORGOTTEN);
    });
  });

  it('seals bytes, bound to what they belong to', async () => {
    const bytes = Buffer.from('raw line of a file');
    const sealed = vault.sealBytes(ANNA, 'spool:1', bytes);
    expect(Buffer.from(sealed).includes(bytes)).toBe(false);
    expect(Buffer.from(vault.openBytes(ANNA, 'spool:1', sealed) as Uint8Array)).toEqual(bytes);
    const refused = expect.objectContaining({ code: 'CIPHERTEXT_INVALID' });
    expect(() => vault.openBytes(ANNA, 'spool:2', sealed)).toThrow(refused);
    expect(() => vault.openBytes(ANNA, 'spool:1', sealed.slice(0, 20))).toThrow(refused);
    expect(() => vault.openBytes(ANNA, 'spool:1', new Uint8Array())).toThrow(refused);
    await vault.destroy(ANNA);
    expect(vault.openBytes(ANNA, 'spool:1', sealed)).toBe(FORGOTTEN);
  });

  it('hashes a lookup value the same each time, differently by type, and by the secret of the file', async () => {
    expect(vault.lookupHash('phone', '1')).toBe(vault.lookupHash('phone', '1'));
    expect(vault.lookupHash('phone', '1')).toMatch(/^[0-9a-f]{64}$/);
    const others = [vault.lookupHash('phone', '2'), vault.lookupHash('account', '1'), vault.lookupHash('phone1', '')];
    expect(new Set([vault.lookupHash('phone', '1'), ...others]).size).toBe(4);
    const elsewhere = await openVault(engine.place(mkdtempSync(join(directory, 'other-'))));
    expect(elsewhere.lookupHash('phone', '1')).not.toBe(vault.lookupHash('phone', '1'));
    await elsewhere.close();
  });

  it('refuses work once closed', async () => {
    await vault.close();
    await vault.close();
    expect(() => vault.seal(ANNA, id, 'name', 'x')).toThrow(expect.objectContaining({ code: 'VAULT_CLOSED' }));
  });
});

describe('a vault in SQLite', () => {
  setUp(sqlite);
  let file: string;
  beforeEach(() => {
    ({ file } = place as { file: string });
  });

  const inFiles = (bytes: Uint8Array) =>
    ['', '-wal', '-shm'].some((suffix) => {
      try {
        return readFileSync(file + suffix).includes(Buffer.from(bytes));
      } catch {
        return false;
      }
    });

  it('says so while another program keeps its bytes in the write-ahead log, and wipes them when it is repeated', async () => {
    const db = new DatabaseSync(file);
    const { key } = db.prepare('SELECT key FROM subject_key WHERE subject = ?').get(ANNA) as { key: Uint8Array };
    db.exec('BEGIN');
    db.prepare('SELECT count(*) FROM subject_key').get();
    await expect(vault.destroy(ANNA)).rejects.toMatchObject({ code: 'KEY_NOT_ERASED', kind: 'busy' });
    expect(vault.isForgotten(ANNA)).toBe(true);
    expect(inFiles(key)).toBe(true);
    // Whoever is killed here leaves the same files; opening them wipes the bytes.
    const copy = join(directory, 'copy.db');
    for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix);
    expect(readFileSync(`${copy}-wal`).includes(Buffer.from(key))).toBe(true);
    const recovered = await openVault({ file: copy });
    expect(recovered.isForgotten(ANNA)).toBe(true);
    expect([copy, `${copy}-wal`].some((f) => readFileSync(f).includes(Buffer.from(key)))).toBe(false);
    await recovered.close();
    db.exec('COMMIT');
    db.close();
    await vault.destroy(ANNA);
    expect(inFiles(key)).toBe(false);
  }, 15_000);

  it('leaves no byte of the key in the files, and no other subject suffers', async () => {
    // In no order, some at a time: pages of the file split, and keys move from one to the next.
    const subjects = Array.from({ length: 300 }, () => `customer:${randomUUID()}`);
    for (let i = 0; i < 300; i += 7) await vault.ensureKeys(subjects.slice(i, i + 7));
    const db = new DatabaseSync(file, { readOnly: true });
    const find = db.prepare('SELECT key FROM subject_key WHERE subject = ?');
    const keys = subjects.map((s) => (find.get(s) as { key: Uint8Array }).key);
    db.close();
    expect(keys.every(inFiles)).toBe(true);
    for (let i = 0; i < 100; i += 10) await vault.destroy(subjects.slice(i, i + 10));
    expect(keys.slice(0, 100).some(inFiles)).toBe(false);
    for (const s of subjects.slice(100)) expect(vault.open(s, id, 'f', vault.seal(s, id, 'f', s))).toBe(s);
    await vault.close();
    expect(keys.slice(100).every(inFiles)).toBe(true);
  });

  it('is readable by its owner alone', () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600);
  });
});

(postgres ? describe : describe.skip)('a vault in PostgreSQL', () => {
  setUp(onPostgres);

  it('says so while somebody holds the table, and wipes it when it is repeated', async () => {
    const { url } = place as { url: string };
    const other = openSyncPostgres(url, { schema: new URL(url).searchParams.get('schema')! });
    other.exec('begin');
    other.prepare('select count(*) as n from subject_key').get();
    await expect(vault.destroy(ANNA)).rejects.toMatchObject({ code: 'KEY_NOT_ERASED', kind: 'busy' });
    expect(vault.isForgotten(ANNA)).toBe(true);
    other.exec('commit');
    other.close();
    expect(await vault.destroy(ANNA)).toEqual([ANNA]);
  });

  it('leaves no byte of a destroyed key in the table', async () => {
    const [before] = onPostgres.rows(place);
    const file = () =>
      withDb(place, (db) => {
        db.exec('checkpoint');
        const { path } = db
          .prepare(`select current_setting('data_directory') || '/' || pg_relation_filepath('subject_key') as path`)
          .get() as { path: string };
        return readFileSync(path);
      });
    if (postgres!.pid === undefined) return; // Only of a server of our own can the files be read.
    const key = Buffer.from(before!['key'] as Uint8Array);
    expect(file().includes(key)).toBe(true);
    await vault.ensureKeys(['customer:other']);
    await vault.destroy(ANNA);
    expect(file().includes(key)).toBe(false);
    expect(onPostgres.rows(place)).toHaveLength(2);
  });

  it('veils in every process, until it is lifted or whoever was at it has been gone for long', async () => {
    const sealed = vault.seal(ANNA, id, 'name', 'Anna');
    const other = await openVault(place);
    const seen = () => other.open(ANNA, id, 'name', sealed);
    expect(seen()).toBe('Anna');
    const lift = vault.veil([ANNA, 'journey:never']);
    await sleep(120);
    expect([seen(), other.openVeiled(ANNA, id, 'name', sealed)]).toEqual([FORGOTTEN, 'Anna']);
    const fresh = async () => {
      const later = await openVault(place);
      const value = later.open(ANNA, id, 'name', sealed);
      await later.close();
      return value;
    };
    expect(await fresh()).toBe(FORGOTTEN);
    lift();
    expect(vault.open(ANNA, id, 'name', sealed)).toBe('Anna');
    await sleep(120);
    expect(seen()).toBe('Anna');
    await other.close();
    const held = vault.veil([ANNA]);
    withDb(place, (db) => db.exec(`update veil set expires_at = clock_timestamp()`));
    expect(await fresh()).toBe('Anna');
    held();
  });

  it('asks PostgreSQL seldom for what it knows, and goes on after PostgreSQL was away', async () => {
    const sealed = vault.seal(ANNA, id, 'name', 'Anna');
    const asked = () =>
      withDb(place, (db) => db.prepare(`select sum(calls) as n from keys_asked`).get() as { n: number }).n;
    withDb(place, (db) => {
      // What is asked each time is answered by way of a function that counts.
      db.exec('create sequence calls; alter table destroyed_keys rename to really_destroyed');
      db.exec(`create view destroyed_keys as select times from really_destroyed where nextval('calls') > 0`);
      db.exec('create view keys_asked as select last_value as calls from calls');
    });
    const from = performance.now();
    for (let i = 0; i < 2_000; i++) vault.open(ANNA, id, 'name', sealed);
    expect(asked()).toBeLessThanOrEqual(2 + (performance.now() - from) / 100);
    if (postgres!.pid === undefined) return;
    await postgres!.kill();
    await postgres!.restart();
    await sleep(150);
    expect(vault.open(ANNA, id, 'name', sealed)).toBe('Anna');
    await vault.ensureKeys(['customer:later']);
    expect(vault.open('customer:later', id, 'name', vault.seal('customer:later', id, 'name', 1))).toBe(1);
  });
});
