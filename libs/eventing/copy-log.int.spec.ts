import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyLog, type CopiedLog, type CopyLogOptions } from './copy-log.js';
import { textOf } from './copy-digest.js';
import { openDataDirectory } from './data-directory.js';
import { anEvent, collectPages } from './event-log.contract.kit.js';
import type { RecordedEvent } from './envelope.js';
import { openEsdbLog, openEsdbLogReader } from './esdb-log.js';
import { FaultyEsdb, type AppendFault } from './esdb-server.spec-kit.js';
import { readLogCard, writeLogCard } from './log-card.js';
import { openSqliteLog, openSqliteLogReader } from './sqlite-log.js';

const COMPILED = new URL('./dist/', import.meta.url).href;

describe('copying a log', () => {
  let base: string;
  let esdb: FaultyEsdb;
  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), 'touchstone-copy-'));
    esdb = await FaultyEsdb.start();
  });
  afterEach(async () => {
    // A reading that nobody ends keeps its process alive.
    for (let tries = 0; tries < 40 && esdb.openReads > 0; tries++) await sleep(25);
    const left = esdb.openReads;
    await esdb.down();
    expect(left).toBe(0);
    rmSync(base, { recursive: true });
  });

  const at = (name: string) => join(base, name);

  /** Streams that take turns in no regular way, with times, types and payloads of many forms. */
  async function fill(directory: string, count: number, from = 0): Promise<void> {
    const owned = await openDataDirectory(directory);
    const log = await openSqliteLog({ file: owned.file('log.db') });
    for (let i = from; i < from + count; i += 10) {
      await log.appendMany(
        Array.from({ length: 10 }, (_, k) => {
          const n = i + k;
          // By threes one behind the other, then another stream.
          const stream = `journey-${(Math.floor(n / 3) * 7) % 11}`;
          const recordedAt = new Date(Date.UTC(2024, 0, 1) + n * 1_000).toISOString();
          const data = { n, text: `故障 ${n} "\\`, none: null, list: [n, { deep: -0.5 }], 'a key': n % 2 === 0 };
          const occurredAt = `2024-05-01T08:00:${String(n % 60).padStart(2, '0')}.12+08:00`;
          const source = { system: 'crm', sequence: n };
          const metadata = {
            correlationId: `c-${n}`,
            actor: { id: 'x', unit: '客服' },
            source,
            historical: n % 5 === 0,
          };
          const event = anEvent({
            type: `Type${n % 4}`,
            schemaVersion: 1 + (n % 3),
            occurredAt,
            recordedAt,
            data,
            metadata,
          });
          return { stream, expected: 'any', events: [event] };
        }),
      );
    }
    await log.close();
    await owned.release();
  }

  async function textsOf(place: string): Promise<string[]> {
    const log = place.startsWith('esdb')
      ? openEsdbLogReader({ url: place })
      : openSqliteLogReader(join(place, 'log.db'));
    const events: RecordedEvent[] = await collectPages(log.readAll()).finally(() => log.close());
    return events.map(textOf);
  }

  const copy = (from: string, to: string, more: Partial<CopyLogOptions> = {}): Promise<CopiedLog> =>
    copyLog({ from, to, ...more });
  const failsWith = (work: Promise<unknown>, code: string) => expect(work).rejects.toMatchObject({ code });

  it('gives the same log on a server, and from there in another directory', async () => {
    await fill(at('a'), 300);
    const there = await copy(at('a'), esdb.url);
    expect(there).toMatchObject({ copied: 300, digest: { events: 300 }, sourceMovedOn: false, switched: null });
    const back = await copy(esdb.url, at('b'));
    expect(back.digest).toEqual(there.digest);
    const original = await textsOf(at('a'));
    expect(new Set(original).size).toBe(300);
    expect(await textsOf(esdb.url)).toEqual(original);
    expect(await textsOf(at('b'))).toEqual(original);
    // Events that followed one another in a stream went together, with the expectation that they had.
    expect(esdb.arrived.length).toBeLessThan(200);
    expect(esdb.arrived.every(({ expected }) => expected === 'none' || typeof expected === 'number')).toBe(true);
  });

  it('goes on where an earlier copy ended, adds nothing twice, and takes what has come since', async () => {
    await fill(at('a'), 100);
    await copy(at('a'), esdb.url);
    expect(await copy(at('a'), esdb.url)).toMatchObject({ copied: 0, digest: { events: 100 } });
    await fill(at('a'), 50, 100);
    expect(await copy(at('a'), esdb.url)).toMatchObject({ copied: 50, digest: { events: 150 } });
    expect(await textsOf(esdb.url)).toEqual(await textsOf(at('a')));
    expect(await copy(at('a'), esdb.url, { verifyOnly: true })).toMatchObject({ copied: 0, digest: { events: 150 } });
  });

  it('copies an empty log', async () => {
    await fill(at('a'), 0);
    expect(await copy(at('a'), esdb.url)).toMatchObject({ copied: 0, upTo: null, digest: { events: 0 } });
  });

  it('reads a source that is in use, and says that it has moved on', async () => {
    await fill(at('a'), 60);
    const owned = await openDataDirectory(at('a'));
    const log = await openSqliteLog({ file: owned.file('log.db') });
    // The target answers only when the source has long moved on.
    esdb.appendFaults.push({ kind: 'late', ms: 500 });
    let late: Promise<unknown> | undefined;
    esdb.before = () => {
      late ??= log.append('journey-late', 'any', [anEvent()]);
    };
    expect(await copy(at('a'), esdb.url)).toMatchObject({ copied: 60, sourceMovedOn: true });
    await late;
    await log.close();
    await owned.release();
    expect(await copy(at('a'), esdb.url)).toMatchObject({ copied: 1, digest: { events: 61 }, sourceMovedOn: false });
  });

  const FAULTS: AppendFault[] = [
    { kind: 'unanswered' },
    { kind: 'broken', written: true },
    { kind: 'broken', written: false },
    { kind: 'placeless' },
  ];
  it('keeps the order while the server breaks calls, swallows answers and forgets positions', async () => {
    await fill(at('a'), 200);
    let appends = 0;
    esdb.before = () => {
      if (++appends % 23 === 0) esdb.appendFaults.push(FAULTS[(appends / 23) % FAULTS.length]!);
    };
    const { url } = esdb;
    expect(await copy(at('a'), url, { inFlight: 20, timeoutMs: 300 })).toMatchObject({ copied: 200 });
    expect(await textsOf(url)).toEqual(await textsOf(at('a')));
  }, 60_000);

  it('notices when one append of many is refused while those behind it are taken', async () => {
    await fill(at('a'), 40);
    let appends = 0;
    esdb.before = () => {
      if (++appends === 5) esdb.appendFaults.push({ kind: 'refused', type: null, message: 'Server Is Too Busy' });
    };
    await failsWith(copy(at('a'), esdb.url), 'COPY_ORDER_LOST');
    await failsWith(copy(at('a'), esdb.url), 'COPY_DIFFERS');
    // One by one nothing can overtake.
    esdb.empty();
    appends = 0;
    await copy(at('a'), esdb.url, { inFlight: 1 });
    expect(await textsOf(esdb.url)).toEqual(await textsOf(at('a')));
  });

  describe('killed in the middle', () => {
    const COPY = `
      const { copyLog } = await import(${JSON.stringify(`${COMPILED}copy-log.js`)});
      const { writeSync } = await import('node:fs');
      const [from, to] = process.argv.slice(1);
      await copyLog({ from, to, inFlight: 8, onProgress: ({ events }) => writeSync(1, events + '\\n') });
    `;
    /** Runs a copy in a process of its own until it has told of so many events, and kills it there. */
    async function killed(from: string, to: string, after: number): Promise<void> {
      const child = spawn(process.execPath, ['--input-type=module', '-e', COPY, from, to], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const gone = once(child, 'exit');
      let told = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        told += text;
        if (told.split('\n').some((line) => Number(line) >= after)) child.kill('SIGKILL');
      });
      await gone;
      expect(child.signalCode).toBe('SIGKILL');
    }

    it('it goes on without a gap and without a double, on a server and in a directory', async () => {
      await fill(at('a'), 600);
      for (const after of [60, 120]) {
        await killed(at('a'), esdb.url, after);
        expect(esdb.store.log.length).toBeGreaterThan(50);
      }
      const there = await copy(at('a'), esdb.url);
      expect(there.copied).toBeGreaterThan(0);
      expect(there.copied).toBeLessThan(500);
      const original = await textsOf(at('a'));
      expect(await textsOf(esdb.url)).toEqual(original);
      await killed(esdb.url, at('b'), 100);
      expect((await copy(esdb.url, at('b'))).digest).toEqual(there.digest);
      expect(await textsOf(at('b'))).toEqual(original);
    }, 60_000);
  });

  describe('refuses', () => {
    it('a target with another log, whatever else it has', async () => {
      await fill(at('a'), 30);
      await fill(at('other'), 10);
      const before = await textsOf(at('other'));
      await failsWith(copy(at('a'), at('other')), 'COPY_TARGET_NOT_EMPTY');
      expect(await textsOf(at('other'))).toEqual(before);
      const log = await openEsdbLog({ url: esdb.url });
      await log.append('journey-1', 'none', [anEvent()]);
      await log.close();
      await failsWith(copy(at('a'), esdb.url), 'COPY_TARGET_NOT_EMPTY');
      await failsWith(copy(at('a'), esdb.url, { verifyOnly: true }), 'COPY_TARGET_NOT_EMPTY');
    });

    it('a target that has been in use since, or that somebody wrote into in between', async () => {
      await fill(at('a'), 30);
      await copy(at('a'), esdb.url);
      const log = await openEsdbLog({ url: esdb.url });
      await log.append('journey-new', 'none', [anEvent()]);
      await failsWith(copy(at('a'), esdb.url), 'COPY_TARGET_AHEAD');
      await failsWith(copy(at('a'), esdb.url, { verifyOnly: true }), 'COPY_TARGET_AHEAD');
      await fill(at('a'), 10, 30);
      await log.close();
      await failsWith(copy(at('a'), esdb.url), 'COPY_DIFFERS');
      await failsWith(copy(at('a'), esdb.url, { verifyOnly: true }), 'COPY_DIFFERS');
    });

    it('to call a copy right that lacks the end, or is of a source that lost events', async () => {
      await fill(at('a'), 30);
      await copy(at('a'), esdb.url);
      await fill(at('a'), 10, 30);
      await failsWith(copy(at('a'), esdb.url, { verifyOnly: true }), 'COPY_INCOMPLETE');
      // Another log with the same beginning: what a directory is that was put back from a backup and used since.
      const stop = new AbortController();
      const half = copy(at('a'), at('b'), {
        inFlight: 1,
        signal: stop.signal,
        onProgress: ({ events }) => events > 10 && stop.abort(),
      });
      await failsWith(half, 'INTERRUPTED');
      await fill(at('b'), 10, 900);
      await failsWith(copy(at('a'), at('b')), 'COPY_DIFFERS');
    });

    it('an event that the target finds too large, names it, and goes on once it takes it', async () => {
      await fill(at('a'), 10);
      const log = await openSqliteLog({ file: join(at('a'), 'log.db') });
      const large = anEvent({ data: { text: 'x'.repeat(900_000) } });
      await log.append('journey-large', 'none', [large]);
      await log.append('journey-large', 0, [anEvent()]);
      await log.close();
      esdb.maxAppend = 500_000;
      await expect(copy(at('a'), esdb.url)).rejects.toMatchObject({
        code: 'COPY_EVENT_TOO_LARGE',
        details: { stream: 'journey-large', revision: 0, id: large.id },
      });
      esdb.maxAppend = 1_048_576;
      expect(await copy(at('a'), esdb.url)).toMatchObject({ copied: 2, digest: { events: 12 } });
    });

    it('an id that comes twice where ids are unique', async () => {
      const log = await openEsdbLog({ url: esdb.url });
      const event = anEvent();
      await log.append('journey-1', 'none', [event]);
      await log.append('journey-2', 'none', [event]);
      await log.close();
      await failsWith(copy(esdb.url, at('b')), 'COPY_ID_TWICE');
    });

    it('a source with a gap in a stream', async () => {
      const log = await openEsdbLog({ url: esdb.url });
      await log.append('journey-1', 'none', [anEvent()]);
      const foreign = { ...esdb.store.log.at(-1)!, id: anEvent().id, customMetadata: new Uint8Array(0) };
      esdb.store.append('journey-1', 0, [foreign]);
      await log.append('journey-1', 1, [anEvent()]);
      await log.close();
      await failsWith(copy(esdb.url, at('b')), 'COPY_TARGET_CHANGED');
    });

    it('directories in use, and ends that cannot be the two of one copy', async () => {
      await fill(at('a'), 10);
      const owned = await openDataDirectory(at('b'));
      await failsWith(copy(at('a'), at('b')), 'DATA_DIRECTORY_IN_USE');
      await owned.release();
      const running = await openDataDirectory(at('a'));
      await failsWith(copy(at('a'), esdb.url, { switchOver: true }), 'DATA_DIRECTORY_IN_USE');
      await running.release();
      await failsWith(copy(at('a'), at('a')), 'COPY_ADDRESS_INVALID');
      await failsWith(copy(esdb.url, esdb.url), 'COPY_ADDRESS_INVALID');
      await failsWith(copy(at('a'), 'https://127.0.0.1:2113'), 'COPY_ADDRESS_INVALID');
      await failsWith(copy(at('a'), at('x.db')), 'COPY_ADDRESS_INVALID');
      await failsWith(copy(at('a'), at('c'), { switchOver: true }), 'COPY_ADDRESS_INVALID');
      await failsWith(copy(at('nowhere'), at('c')), 'LOG_NOT_FOUND');
      expect(readdirSync(base).sort()).toEqual(['a', 'b']);
      expect(existsSync(join(at('b'), 'log.db'))).toBe(false);
      writeLogCard(at('b'), { engine: 'eventstoredb', firstEvent: null });
      await failsWith(copy(at('a'), at('b')), 'COPY_TARGET_HAS_LOG');
    });

    it('to switch over while the source goes on', async () => {
      await fill(at('a'), 10);
      await copy(at('a'), esdb.url);
      const log = await openEsdbLog({ url: esdb.url });
      const onProgress = () => void log.append('journey-late', 'any', [anEvent()]);
      await failsWith(copy(esdb.url, at('b'), { switchOver: true, onProgress }), 'COPY_SOURCE_MOVED_ON');
      await sleep(50);
      await log.close();
      expect(existsSync(join(at('b'), 'log.db'))).toBe(true);
    });
  });

  it('switches a directory over to the server, and back with what came since', async () => {
    await fill(at('a'), 50);
    const owned = await openDataDirectory(at('a'));
    const kept = ['keys.db', 'quarantine.db'];
    for (const name of kept) writeFileSync(owned.file(name), name);
    for (const name of ['read', 'policies']) {
      mkdirSync(owned.file(name));
      writeFileSync(join(owned.file(name), 'place.json'), '{}');
    }
    await owned.release();
    const before = await textsOf(at('a'));
    const there = await copy(at('a'), esdb.url, { switchOver: true });
    expect(there.switched).toEqual({ directory: at('a'), formerLog: join(at('a'), 'former-log', 'log.db') });
    expect(readdirSync(at('a')).sort()).toEqual([
      'event-log.json',
      'former-log',
      'keys.db',
      'owner.db',
      'quarantine.db',
    ]);
    expect(readLogCard(at('a'))).toEqual({ engine: 'eventstoredb', firstEvent: JSON.parse(before[0]!)[0] });
    expect(await textsOf(join(at('a'), 'former-log'))).toEqual(before);
    expect(readFileSync(join(at('a'), 'keys.db'), 'utf8')).toBe('keys.db');

    const log = await openEsdbLog({ url: esdb.url });
    await log.append('journey-new', 'none', [anEvent()]);
    await log.close();
    // Broken off, the directory still belongs to the server.
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    await failsWith(
      copy(esdb.url, at('a'), { switchOver: true, inFlight: 1, signal: stop.signal, onProgress }),
      'INTERRUPTED',
    );
    expect(readdirSync(at('a'))).not.toContain('log.db');
    expect(readLogCard(at('a'))).not.toBeNull();
    const back = await copy(esdb.url, at('a'), { switchOver: true });
    expect(back).toMatchObject({ digest: { events: 51 }, switched: { directory: at('a'), formerLog: null } });
    expect(readdirSync(at('a')).sort()).toEqual(['former-log', 'keys.db', 'log.db', 'owner.db', 'quarantine.db']);
    expect((await textsOf(at('a'))).slice(0, 50)).toEqual(before);
  });
});
