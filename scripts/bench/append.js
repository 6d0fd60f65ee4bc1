/**
 * How fast events become durable, beside SQLite itself in the same run: one caller, 64 callers, thousands at once. The
 * bare engine writes the same rows into the same tables and indexes, as durably, and checks nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { openSqliteLog } from '@touchstone/eventing';
import { Bar, percentile } from './progress.js';
import { worldOf } from './world.js';

const ROUNDS = 7;
const CALLERS = 64;
/** Events of one round, for each of the two. */
const SIZES = { append1: 3_000, append64: 24_000, batch1000: 40_000 };

/** Answers {append1Ratio, append64Ratio, batch1000Ratio} with details; each ratio is the median over the rounds. */
export async function appendRatios({ seed }) {
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-bench-append-'));
  const log = await openSqliteLog({ file: join(directory, 'ours.db') });
  const bare = await Bare.open(directory);
  const events = new Supply(seed);
  const bar = new Bar('append', ROUNDS * Object.keys(SIZES).length);
  const figures = {};
  const details = {};
  try {
    let done = 0;
    for (const [name, size] of Object.entries(SIZES)) {
      const pairs = [];
      for (let round = 0; round < ROUNDS; round++) {
        // In turns, so that a slow moment of the disk meets both.
        const [ours, its] = [events.take(size), events.take(size)];
        const first = round % 2 === 0 ? await perSecond(size, () => OURS[name](log, ours)) : 0;
        const engine = await perSecond(size, () => BARE[name](bare, its));
        pairs.push({ ours: first || (await perSecond(size, () => OURS[name](log, ours))), bare: engine });
        bar.at(++done, name);
      }
      const median = (of) => percentile(pairs.map(of), 0.5);
      figures[`${name}Ratio`] = Math.round(median(({ ours, bare: raw }) => ours / raw) * 100) / 100;
      details[name] = {
        eventsPerS: Math.round(median((p) => p.ours)),
        bareEventsPerS: Math.round(median((p) => p.bare)),
      };
    }
    bar.end(done);
    details.peakMb = Math.round(process.resourceUsage().maxRSS / 1_024);
    return { figures, details };
  } finally {
    bare.close();
    await log.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const OURS = {
  append1: async (log, events) => {
    for (const { stream, expected, event } of events) await log.append(stream, expected, [event]);
  },
  /** Each caller has streams of its own, as 64 people at work have. */
  append64: async (log, events) => {
    const byCaller = Array.from({ length: CALLERS }, () => []);
    const callerOf = new Map();
    for (const item of events) {
      if (!callerOf.has(item.stream)) callerOf.set(item.stream, callerOf.size % CALLERS);
      byCaller[callerOf.get(item.stream)].push(item);
    }
    await Promise.all(byCaller.map((own) => OURS.append1(log, own)));
  },
  batch1000: async (log, events) => {
    for (let at = 0; at < events.length; at += 1_000) {
      const requests = [];
      for (const { stream, expected, event } of events.slice(at, at + 1_000)) {
        const run = requests.at(-1);
        if (run?.stream === stream) run.events.push(event);
        else requests.push({ stream, expected, events: [event] });
      }
      const outcomes = await log.appendMany(requests);
      const failed = outcomes.find(({ ok }) => !ok);
      if (failed) throw failed.error;
    }
  },
};

const BARE = {
  append1: (bare, events) => bare.write(events, 1),
  append64: (bare, events) => bare.write(events, CALLERS),
  batch1000: (bare, events) => bare.write(events, 1_000),
};

/** One connection with the settings of the log, inserting so many rows a transaction. */
class Bare {
  static async open(directory) {
    const file = join(directory, 'bare.db');
    // A log of ours makes the tables and indexes.
    await (await openSqliteLog({ file })).close();
    return new Bare(file);
  }

  constructor(file) {
    this.db = new DatabaseSync(file);
    this.db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536');
    this.insert = this.db.prepare(
      'INSERT INTO event (stream, revision, event_id, type, schema_version, occurred_at, recorded_at, data, metadata) ' +
        'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
  }

  write(events, atOnce) {
    for (let at = 0; at < events.length; at += atOnce) {
      this.db.exec('BEGIN IMMEDIATE');
      for (const { stream, expected, event } of events.slice(at, at + atOnce)) {
        const { id, type, schemaVersion, occurredAt, recordedAt, data, metadata } = event;
        const revision = expected === 'none' ? 0 : expected + 1;
        const texts = [JSON.stringify(data), JSON.stringify(metadata)];
        this.insert.run(stream, revision, id, type, schemaVersion, occurredAt, recordedAt, ...texts);
      }
      this.db.exec('COMMIT');
    }
  }

  close() {
    this.db.close();
  }
}

/** Events of the made-up year with the revisions they come after. */
class Supply {
  #events;
  #last = { ours: new Map(), bare: new Map() };
  #turn = 0;

  constructor(seed) {
    this.#events = [worldOf({ touchpoints: 2_000_000, seed }), worldOf({ touchpoints: 2_000_000, seed: seed + 1 })];
  }

  take(count) {
    const side = this.#turn++ % 2;
    const last = this.#last[side === 0 ? 'ours' : 'bare'];
    const taken = [];
    for (;;) {
      const { done, value } = this.#events[side].next();
      if (done) throw new Error('The world has too few events.');
      const { stream, event } = value;
      const before = last.get(stream);
      last.set(stream, (before ?? -1) + 1);
      taken.push({ stream, expected: before ?? 'none', event });
      if (taken.length === count) return taken;
    }
  }
}

async function perSecond(count, work) {
  const started = performance.now();
  await work();
  return (count * 1_000) / (performance.now() - started);
}
