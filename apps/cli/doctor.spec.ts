import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { openDataDirectory, openSqliteLog, openVault, writeLogCard } from '@touchstone/eventing';
import { diskFinding, directoryFindings } from './doctor-directory.js';
import { leaseFindings, postgresFindings, skewFinding, type PostgresFacts } from './doctor-engines.js';
import { reportText, type Finding } from './doctor-findings.js';
import { programFindings, satisfies } from './doctor-program.js';
import { policyFindings, projectionFindings, quarantineFinding } from './doctor-server.js';
import { runWith } from './testing.js';

const codes = (findings: readonly Finding[], level: Finding['level']) =>
  findings.filter((finding) => finding.level === level).map(({ code }) => code);

describe('doctor on a directory without a server', () => {
  let data: string;
  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), 'touchstone-doctor-'));
    const owned = await openDataDirectory(data);
    const log = await openSqliteLog({ file: owned.file('log.db') });
    const at = '2024-05-01T00:00:00.000Z';
    const metadata = { correlationId: 'c', actor: { id: 'a' } };
    for (let i = 0; i < 50; i++) {
      const id = `01900000-0000-7000-8000-0000000000${String(i).padStart(2, '0')}`;
      const event = { id, type: 'T', schemaVersion: 1, occurredAt: at, recordedAt: at, metadata };
      await log.append(`s-${i}`, 'none', [{ ...event, data: { text: 'x'.repeat(400) } }]);
    }
    await log.close();
    await (await openVault({ file: owned.file('keys.db') })).close();
    await owned.release();
  });
  afterEach(() => rmSync(data, { recursive: true }));

  const look = (more: Partial<Parameters<typeof directoryFindings>[0]> = {}) =>
    directoryFindings({ data, hasLogUrl: false, hasStoreUrl: false, deep: false, ...more });
  const bad = async (...more: Parameters<typeof look>) => {
    const found = await look(...more);
    return { warn: codes(found, 'warn'), fail: codes(found, 'fail') };
  };

  it('finds nothing wrong with one in order', async () => {
    const found = await look();
    expect(found.filter(({ level }) => level !== 'ok' && level !== 'note')).toEqual([]);
    expect(codes(found, 'ok')).toEqual(['DATA_DIRECTORY', 'OWNER', 'LOG_PLACE', 'LOG_FILE', 'KEYS', 'DISK']);
    expect(found.find(({ code }) => code === 'LOG_FILE')?.message).toContain('head 0000000000000032, sound');
  });

  it('names its owner, live or gone', async () => {
    const owned = await openDataDirectory(data);
    owned.announce({ url: 'http://127.0.0.1:1' });
    expect((await look()).find(({ code }) => code === 'OWNER')?.message).toContain('listening on http://127.0.0.1:1');
    const card = readFileSync(owned.file('owner.json'));
    await owned.release();
    writeFileSync(join(data, 'owner.json'), card);
    expect(codes(await look(), 'note')).toEqual(['OWNER']);
  });

  it('sees damage, and a journal that somebody changed', async () => {
    const file = join(data, 'log.db');
    // A copy made like this has the journal that SQLite has by itself.
    const db = new DatabaseSync(file);
    db.prepare('VACUUM INTO ?').run(`${file}.plain`);
    db.close();
    const plain = new DatabaseSync(`${file}.plain`);
    const { page } = plain.prepare(`SELECT rootpage AS page FROM sqlite_schema WHERE name = 'event_by_type'`).get() as {
      page: number;
    };
    plain.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    renameSync(`${file}.plain`, file);
    expect(await bad()).toEqual({ warn: ['LOG_JOURNAL'], fail: [] });
    const bytes = readFileSync(file);
    bytes.fill(0xff, (page - 1) * 4_096, page * 4_096);
    writeFileSync(file, bytes);
    expect((await bad()).fail).toContain('LOG_DAMAGED');
    writeFileSync(file, 'no database');
    expect((await bad()).fail).toContain('LOG_FILE');
  });

  it('sees that keys are missing, or open to others', async () => {
    chmodSync(join(data, 'keys.db'), 0o644);
    chmodSync(data, 0o755);
    expect(await bad()).toEqual({ warn: ['DATA_DIRECTORY_MODE', 'KEYS_MODE'], fail: [] });
    chmodSync(data, 0o700);
    rmSync(join(data, 'keys.db'));
    expect(await bad()).toEqual({ warn: ['KEYS'], fail: [] });
  });

  it('sees a log in the wrong place', async () => {
    expect((await bad({ hasLogUrl: true })).fail).toEqual(['LOG_PLACE']);
    writeLogCard(data, { engine: 'eventstoredb', firstEvent: null });
    expect((await bad()).fail).toEqual(['LOG_PLACE']);
    rmSync(join(data, 'log.db'));
    expect((await bad()).fail).toEqual(['LOG_PLACE']);
    expect((await bad({ hasLogUrl: true })).fail).toEqual([]);
    writeFileSync(join(data, 'event-log.json'), '{');
    expect((await bad({ hasLogUrl: true })).fail).toEqual(['LOG_PLACE']);
  });

  it('sees read models that are of another log, and a journal that grows without end', async () => {
    const read = join(data, 'read');
    mkdirSync(read);
    const meta = new DatabaseSync(join(read, 'meta.db'));
    meta.exec(`CREATE TABLE generation (group_name, number, state); INSERT INTO generation VALUES ('g', 1, 'active')`);
    meta.close();
    const rows = new DatabaseSync(join(read, 'g-1.db'));
    rows.exec(`CREATE TABLE checkpoint (position); INSERT INTO checkpoint VALUES ('0000000000000032')`);
    rows.exec('CREATE TABLE parked (state)');
    expect(codes(await look(), 'ok')).toContain('READ_MODELS');
    rows.exec(`UPDATE checkpoint SET position = '0000000000000033'`);
    rows.close();
    expect(await bad()).toEqual({ warn: [], fail: ['READ_MODELS'] });
    rmSync(read, { recursive: true });
    // Nothing of it is on the disk, and SQLite takes it for empty.
    writeFileSync(join(data, 'log.db-wal'), '');
    truncateSync(join(data, 'log.db-wal'), 300e6);
    expect(await bad()).toEqual({ warn: ['LOG_WAL'], fail: [] });
  });

  it('sees imports that were broken off long ago', async () => {
    const spool = join(data, 'spool', '01900000-0000-7000-8000-000000000000');
    mkdirSync(spool, { recursive: true });
    expect(codes(await look(), 'ok')).toContain('SPOOL');
    utimesSync(spool, 1, 1);
    expect(await bad()).toEqual({ warn: ['SPOOL'], fail: [] });
  });

  it('is one command, with an exit code, and tells no secret', async () => {
    const healthy = await runWith({}, 'doctor', '--data', data, '--json');
    expect([healthy.code, healthy.err]).toEqual([0, '']);
    expect(JSON.parse(healthy.out)).toMatchObject({ healthy: true });
    const env = {
      EVENT_LOG_URL: 'esdb://me:hidden@127.0.0.1:9?tls=false',
      READ_STORE_URL: 'postgres://me:hidden@127.0.0.1:9/x',
      READY_MAX_LAG_MS: 'soon',
    };
    const ill = await runWith(env, 'doctor', '--data', data);
    expect([ill.code, /^[A-Z]+/.exec(ill.err)?.[0]]).toEqual([1, 'UNHEALTHY']);
    expect(ill.out.match(/^fail +[A-Z_]+/gm)?.map((line) => line.slice(6).trim())).toEqual([
      'SETTINGS',
      'LOG_PLACE',
      'EVENT_LOG',
      'READ_STORE',
    ]);
    expect(ill.out + ill.err).not.toContain('hidden');
    const nowhere = await runWith({}, 'doctor', '--data', join(data, 'nowhere'), '--server', 'http://127.0.0.1:9');
    expect(nowhere.out).toMatch(/^fail +SERVER /m);
  });
});

describe('what doctor makes of what it hears', () => {
  it('judges Node and the build', async () => {
    const ranges = '^20.19.0 || ^22.12.0 || >=24.0.0';
    const fit = ['20.19.0', '20.20.2', '22.12.0', '24.0.0', '25.1.0'];
    const unfit = ['18.20.0', '20.18.9', '21.0.0', '22.11.0', '23.5.0'];
    expect(fit.filter((version) => !satisfies(version, ranges))).toEqual([]);
    expect(unfit.filter((version) => satisfies(version, ranges))).toEqual([]);
    expect(codes(await programFindings('18.0.0'), 'fail')).toEqual(['NODE_VERSION']);
    expect(codes(await programFindings(), 'ok')).toEqual(['NODE_VERSION', 'BUILD']);
  });

  it('judges a disk', () => {
    expect([5e8, 5e9, 2e10].map((free) => diskFinding(free, 1e11).level)).toEqual(['fail', 'warn', 'ok']);
    // Small disks are no illness.
    expect(diskFinding(5e9, 2e10).level).toBe('ok');
  });

  it('judges clocks by what the answer leaves open', () => {
    expect(skewFinding('C', 1_000, 1_500, 1_600, 1_000).level).toBe('ok');
    expect(skewFinding('C', 60_000, 1_500, 1_600, 0).level).toBe('warn');
    expect(skewFinding('C', 1_500, 60_000, 60_010, 0).level).toBe('warn');
  });

  const FACTS: PostgresFacts = {
    version: '18.1',
    number: 180_001,
    encoding: 'UTF8',
    collation: 'C',
    collationMade: null,
    collationNow: null,
    now: 1_000,
    connections: 3,
    maxConnections: 100,
    isStandby: false,
    leases: null,
  };
  const badOf = (more: Partial<PostgresFacts>) =>
    postgresFindings({ ...FACTS, ...more }, 900, 1_100)
      .filter(({ level }) => level !== 'ok')
      .map(({ level, code }) => `${level} ${code}`);

  it('judges PostgreSQL', () => {
    expect(badOf({})).toEqual([]);
    expect(badOf({ number: 140_000 })).toEqual(['fail READ_STORE']);
    expect(badOf({ encoding: 'SQL_ASCII' })).toEqual(['fail READ_STORE_ENCODING']);
    expect(badOf({ collationMade: '2.31', collationNow: '2.36' })).toEqual(['warn READ_STORE_COLLATION']);
    expect(badOf({ isStandby: true })).toEqual(['fail READ_STORE_STANDBY']);
    expect(badOf({ connections: 95 })).toEqual(['warn READ_STORE_CONNECTIONS']);
    expect(badOf({ now: 99_000 })).toEqual(['warn READ_STORE_CLOCK']);
    const lease = { name: 'projection:journeys', holder: 'a' };
    expect(badOf({ leases: [{ ...lease, isCurrent: true }] })).toEqual([]);
    expect(leaseFindings([{ ...lease, isCurrent: false }])[0]).toMatchObject({ level: 'warn', code: 'LEASE_FREE' });
  });

  it('judges read models, policies and the quarantine', () => {
    const live = {
      group: 'journeys',
      generation: 'journeys-1',
      state: 'LIVE',
      lag: 0,
      parked: 0,
      cause: null,
    } as const;
    const of = (more: object) =>
      projectionFindings([{ ...live, ...more }]).map(({ level, code }) => `${level} ${code}`);
    expect(of({})).toEqual(['ok PROJECTION']);
    expect(of({ state: 'FAILED', cause: 'No.' })).toEqual(['fail PROJECTION_FAILED']);
    expect(of({ state: 'STALLED', lag: 20_000 })).toEqual(['fail PROJECTION_STALLED']);
    expect(of({ state: 'CATCHING_UP', lag: 20_000 })).toEqual(['warn PROJECTION_LAGS']);
    expect(of({ parked: 2 })).toEqual(['ok PROJECTION', 'warn PARKED']);
    const policy = { name: 'p', state: 'LIVE', due: 0, failing: 0, lag: 0, lastError: null } as const;
    const judged = (more: object) =>
      policyFindings([{ ...policy, ...more }]).map(({ level, code }) => `${level} ${code}`);
    expect(judged({})).toEqual(['ok POLICY']);
    expect(judged({ state: 'FAILED' })).toEqual(['fail POLICY_FAILING']);
    expect(judged({ failing: 1 })).toEqual(['fail POLICY_FAILING']);
    expect(judged({ state: 'WAITING' })).toEqual(['note POLICY_WAITING']);
    expect(judged({ due: 4, lag: 20_000 })).toEqual(['warn POLICY_LAGS']);
    expect([0, 3].map((count) => quarantineFinding(count).level)).toEqual(['ok', 'warn']);
  });

  it('counts in its report', () => {
    const report = reportText([
      { level: 'ok', code: 'A', message: 'Well.' },
      { level: 'fail', code: 'LONGER', message: 'Ill.' },
    ]);
    expect(report).toBe('ok    A       Well.\nfail  LONGER  Ill.\n1 fail, 0 warn, 0 note, 1 ok');
  });
});
