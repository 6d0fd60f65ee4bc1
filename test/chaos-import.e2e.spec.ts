import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { openVault } from '@touchstone/eventing';
import { seeded } from '@touchstone/readmodel/testing';
import { killAll, Server } from './chaos.children.js';
import { contentOf, firstDifference, type Content } from './chaos.content.js';
import { Ledger } from './chaos.ledger.js';
import { findings, readLog } from './chaos.verify.js';
import { syntheticLog } from './chaos.xes.js';

const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const EVENTS = 20_000;
const APPEND_KILLS = Number(process.env['CHAOS_ROUNDS'] ?? 60) > 100 ? 10 : 2;
const OPTIONS = {
  journeyType: 'killed',
  unit: 'org:group',
  customer: 'customer',
  personal: ['caller'],
  closes: ['Closed'],
};

interface Said {
  readonly progress?: { readonly phase: 'read' | 'append'; readonly done: number; readonly total: number };
  readonly result?: Record<string, unknown>;
  readonly error?: unknown;
}

let root: string;
const log = syntheticLog(SEED, EVENTS);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'touchstone-import-'));
});
afterAll(async () => {
  await killAll();
  rmSync(root, { recursive: true, force: true });
});

/** Sends the file, with a pause after each piece, and hears how it goes. */
async function importInto(
  server: Server,
  hear: (said: Said) => void,
  pauseMs = 0,
): Promise<Record<string, unknown> | undefined> {
  let result: Record<string, unknown> | undefined;
  const headers = {
    'content-type': 'application/xml',
    'content-length': String(log.bytes),
    'x-import-options': encodeURIComponent(JSON.stringify(OPTIONS)),
  };
  async function* pieces() {
    for (const piece of log.pieces()) {
      yield piece;
      await sleep(pauseMs);
    }
  }
  await server.post('/imports/xes', headers, pieces(), (line) => {
    const said = line as Said;
    if (said.error) throw new Error(`The import failed: ${JSON.stringify(said.error)}`);
    result ??= said.result;
    hear(said);
  });
  return result;
}

/** Imports to the end, lets rules decide and the read models catch up, and stops the server in order. */
async function importWhole(directory: string): Promise<Record<string, unknown>> {
  const server = await Server.start(directory);
  const result = await importInto(server, () => undefined);
  await server.decided();
  await server.settled();
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  return result!;
}

/** Imports and kills the server once the given part of a phase is done, and some random moment more. */
async function importKilled(directory: string, phase: 'read' | 'append', part: number, ms: number): Promise<string> {
  const server = await Server.start(directory);
  let timer: NodeJS.Timeout | undefined;
  let at = 'before any progress';
  const result = await importInto(
    server,
    ({ progress }) => {
      if (!progress) return;
      at = `${progress.phase} ${progress.done} of ${progress.total}`;
      const there = progress.phase === phase && progress.done >= part * progress.total;
      if (there || (phase === 'read' && progress.phase === 'append')) {
        timer ??= setTimeout(() => server.signal('SIGKILL'), ms);
      }
      // Slowly enough to be met while it reads.
    },
    phase === 'read' ? 4 : 0,
  );
  clearTimeout(timer);
  await server.kill();
  return result ? 'whole' : at;
}

async function contentIn(directory: string): Promise<Content> {
  const vault = await openVault({ file: join(directory, 'keys.db') });
  try {
    return contentOf(readLog(join(directory, 'log.db')), vault);
  } finally {
    await vault.close();
  }
}

function rows(file: string, query: string): unknown[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db
      .prepare(query)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

const quarantined = (directory: string) =>
  rows(
    join(directory, 'quarantine.db'),
    'SELECT source, fingerprint, journey_type, line, code, reason FROM record ORDER BY fingerprint',
  );

it(`leaves the same log as one run, killed while it reads and while it appends (seed ${SEED})`, async () => {
  const once = join(root, 'once');
  const killed = join(root, 'killed');
  const whole = await importWhole(once);
  const expected = { status: 'imported', sent: EVENTS, quarantined: log.unreadable, journeys: log.traces };
  expect(whole).toMatchObject({ ...expected, resumed: false, taken: EVENTS - log.unreadable, known: 0 });

  const random = seeded(SEED);
  const ledger = new Ledger();
  const struck: string[] = [];
  const append = Array.from({ length: APPEND_KILLS }, random)
    .sort()
    .map((part) => ['append', part * 0.9] as const);
  for (const [phase, part] of [['read', 0], ['read', 0.3 + random() / 2], ...append] as const) {
    struck.push(await importKilled(killed, phase, part, random() * 60));
    expect([struck, await findings(killed, ledger)]).toEqual([struck, []]);
  }
  const result = await importWhole(killed);
  // It was killed where it should have been, and the last run went on where the one before it was.
  expect(struck.filter((at) => at.startsWith('read')).length).toBeGreaterThan(0);
  expect(struck.filter((at) => at.startsWith('append')).length).toBeGreaterThan(0);
  expect(struck).not.toContain('whole');
  expect(result).toMatchObject({ ...expected, resumed: true });
  expect((result['taken'] as number) + (result['known'] as number)).toBe(EVENTS - log.unreadable);

  expect(await findings(killed, ledger, { settled: true })).toEqual([]);
  const [one, other] = [await contentIn(once), await contentIn(killed)];
  expect(Object.keys(one.journeys)).toHaveLength(log.traces);
  expect(
    Object.values(one.journeys)
      .flat()
      .filter(({ type }) => type === 'TouchpointRecorded'),
  ).toHaveLength(EVENTS - log.unreadable);
  expect(one.customers).toBe(log.customers);
  expect(other.identifiers).toBe(other.customers);
  expect(firstDifference(one.journeys, other.journeys)).toBeNull();
  expect(other.others).toEqual(one.others);
  expect(one.moments.length).toBeGreaterThan(log.customers);
  expect(other.moments).toEqual(one.moments);
  expect(quarantined(killed)).toEqual(quarantined(once));

  for (const directory of [once, killed]) {
    expect(readdirSync(join(directory, 'spool'))).toEqual([]);
    expect(
      rows(
        join(directory, 'keys.db'),
        "SELECT subject FROM subject_key WHERE subject LIKE 'spool:%' AND key IS NOT NULL",
      ),
    ).toEqual([]);
  }

  // One field of one event would have been noticed.
  const db = new DatabaseSync(join(killed, 'log.db'));
  db.exec(`UPDATE event SET data = json_set(data, '$.unit', 'another')
    WHERE position = (SELECT max(position) FROM event WHERE type = 'TouchpointRecorded')`);
  db.close();
  expect(firstDifference(one.journeys, (await contentIn(killed)).journeys)).not.toBeNull();
}, 600_000);
