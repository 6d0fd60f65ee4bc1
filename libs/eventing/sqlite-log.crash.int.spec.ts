import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openReadOnly, pragma } from './durable.js';
import { anEvent, collectPages } from './event-log.contract.kit.js';
import type { ExpectedRevision } from './event-log.js';
import { openSqliteLog } from './sqlite-log.js';

const ROUNDS = 5;
const COMPILED = new URL('./dist/', import.meta.url).href;

/**
 * Eight writers that append batches to streams of their own and to a shared one. Each says what it is about to do and
 * what was acknowledged, in a way that what was said before the kill can be read after it.
 */
const WRITER = `
  const { openSqliteLog } = await import(${JSON.stringify(`${COMPILED}sqlite-log.js`)});
  const { newId } = await import(${JSON.stringify(`${COMPILED}ids.js`)});
  const { writeSync } = await import('node:fs');
  const [file, round] = process.argv.slice(1);
  const log = await openSqliteLog({ file });
  // Not process.stdout: while its reader lags it keeps lines for itself, and they die with it. A full pipe is waited for.
  const nap = new Int32Array(new SharedArrayBuffer(4));
  const say = (line) => {
    let rest = Buffer.from(JSON.stringify(line) + '\\n');
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(1, rest));
      } catch (error) {
        if (error.code !== 'EAGAIN') throw error;
        Atomics.wait(nap, 0, 0, 1);
      }
    }
  };
  const at = '2024-05-01T00:00:00.000Z';
  async function writer(w) {
    let revision = 'none';
    for (let n = 0; ; n++) {
      const own = n % 4 !== 3;
      const stream = own ? 'own-' + round + '-' + w : 'shared';
      const expected = own ? revision : 'any';
      const ids = Array.from({ length: 1 + ((w + n) % 5) }, newId);
      say({ about: n, w, stream, expected, ids });
      const events = ids.map((id) => ({ id, type: 'T' + w, schemaVersion: 1, occurredAt: at, recordedAt: at,
        data: { text: 'x'.repeat(200) }, metadata: { correlationId: 'c', actor: { id: 'a' } } }));
      const appended = await log.append(stream, expected, events);
      if (own) revision = appended.revision;
      say({ done: n, w, ...appended });
    }
  }
  for (let w = 0; w < 8; w++) writer(w);
`;

interface Intent {
  readonly about: number;
  readonly w: number;
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly ids: string[];
}
interface Acknowledged {
  readonly done: number;
  readonly w: number;
  readonly revision: number;
  readonly position: string;
}

describe('a log whose process is killed', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'touchstone-crash-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Runs a writer for a random while, kills it, and gives what it said. */
  async function killedWriter(file: string, round: number) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, file, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const intents = new Map<string, Intent>();
    const acknowledged = new Map<string, Acknowledged>();
    for await (const text of createInterface(child.stdout)) {
      const line = parse(text);
      if (line === null) continue;
      const key = `${line.w}/${'about' in line ? line.about : line.done}`;
      if ('about' in line) intents.set(key, line);
      else acknowledged.set(key, line);
      if (acknowledged.size === 1) setTimeout(() => child.kill('SIGKILL'), Math.random() * 500);
    }
    const [, signal] = (await exited) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    return { intents, acknowledged };
  }

  it(`has every acknowledged event, dense revisions and increasing positions, ${ROUNDS} times over`, async () => {
    const file = join(directory, 'log.db');
    const expected = new Set<string>();
    let unanswered = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { intents, acknowledged } = await killedWriter(file, round);
      expect(acknowledged.size).toBeGreaterThan(0);
      const log = await openSqliteLog({ file });
      const before = new Map((await collectPages(log.readAll())).map((e) => [e.id, e]));
      for (const [key, ack] of acknowledged) {
        const { ids, stream } = intents.get(key)!;
        const there = ids.map((id) => before.get(id));
        expect(there.map((e) => e?.stream)).toEqual(ids.map(() => stream));
        expect(there.at(-1)).toMatchObject({ revision: ack.revision, position: ack.position });
      }
      // What was not acknowledged may be there whole or not at all; repeating it with its expectation settles it.
      for (const [key, { ids, stream, expected: expectation }] of intents) {
        for (const id of ids) expected.add(id);
        if (acknowledged.has(key)) continue;
        unanswered++;
        expect([0, ids.length]).toContain(ids.filter((id) => before.has(id)).length);
        await log.append(
          stream,
          expectation,
          ids.map((id) => anEvent({ id })),
        );
      }
      const all = await collectPages(log.readAll());
      await log.close();
      expect(new Set(all.map((e) => e.id))).toEqual(expected);
      expect(all).toHaveLength(expected.size);
      expectSound(all);
      const db = openReadOnly(file);
      expect(pragma(db, 'integrity_check')).toBe('ok');
      db.close();
    }
    expect(unanswered).toBeGreaterThan(0);
  }, 60_000);
});

function expectSound(all: readonly { stream: string; revision: number; position: string }[]): void {
  const next = new Map<string, number>();
  let last = '';
  for (const e of all) {
    expect(e.position > last).toBe(true);
    last = e.position;
    expect(e.revision).toBe(next.get(e.stream) ?? 0);
    next.set(e.stream, e.revision + 1);
  }
}

/** The last line may have been cut by the kill. */
function parse(text: string): Intent | Acknowledged | null {
  try {
    return JSON.parse(text) as Intent | Acknowledged;
  } catch {
    return null;
  }
}
