import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ObjectKey } from '@touchstone/journeys/read';
import type { Reads } from '@touchstone/readmodel';
import type { ExportOptions } from './export-options.js';
import { ExportTally, type ExportReport } from './export-report.js';
import type { RunningExport } from './exports.js';
import { ocelKnownObjectsQuery, ocelObjectsQuery, ocelPageQuery } from './ocel-export.queries.js';
import { ocelJson } from './ocel-json-writer.js';
import { writeOcelSqlite } from './ocel-sqlite-writer.js';
import { OcelStaging } from './ocel-staging.js';
import { OcelStore, type StoredObject } from './ocel-store.js';

/** Touchpoints, and objects, read at a time. */
const PAGE = 500;
const OBJECTS = 100;
/** A page may have to pass over many journeys that a filter does not choose. */
const PAGE_MS = 60_000;

export interface OcelExportOptions extends ExportOptions {
  readonly format: 'json' | 'sqlite';
  /** `related` (default): those that events or other objects of the file name; `all`: all of which anything is known. */
  readonly objects?: 'related' | 'all';
}

export interface OcelExportParts {
  readonly reads: Pick<Reads, 'run'>;
  /** For what does not fit in memory, of this export alone; removed at its end. */
  readonly directory: string;
}

/**
 * Exports journeys as OCEL 2.0. What is read is put in order in a scratch database first (one event for each fact, types
 * with their attributes), then written: memory holds a page. All pages are of one place in the log.
 * @throws those of `Reads`
 */
export async function* exportOcel(
  parts: OcelExportParts,
  options: OcelExportOptions,
  run: Pick<RunningExport, 'signal' | 'tell'>,
): AsyncGenerator<string | Uint8Array> {
  const tally = new ExportTally();
  const store = await OcelStore.open(parts.directory, tally.report);
  const tell = () => run.tell(told(tally, store, options.format));
  try {
    tell();
    await stage(parts.reads, options, { tally, store, signal: run.signal, tell });
    if (options.format === 'json') {
      yield* ocelJson(store, tally.report);
    } else {
      const file = join(parts.directory, 'ocel.sqlite');
      await writeOcelSqlite(store, file, tally.report, run.signal);
      yield* createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
    }
    tell();
  } finally {
    store.close();
    await rm(parts.directory, { recursive: true, force: true });
  }
}

interface Staging {
  readonly tally: ExportTally;
  readonly store: OcelStore;
  readonly signal: AbortSignal;
  tell(): void;
}

async function stage(reads: Pick<Reads, 'run'>, options: OcelExportOptions, into: Staging): Promise<void> {
  const { tally, store, signal } = into;
  const staging = new OcelStaging(store, tally.report);
  const within = { signal, timeoutMs: PAGE_MS };
  let asOf = options.asOf;
  let answer = await reads.run(ocelPageQuery, { filter: options.filter, most: PAGE }, { asOf, ...within });
  tally.asOf = asOf = answer.asOf;
  for (;;) {
    const { journeys, besides, next } = answer.result;
    for (const journey of journeys) staging.journey(journey);
    const touchpoints = journeys.reduce((sum, journey) => sum + journey.touchpoints.length, 0);
    const begun = journeys.filter(({ continued }) => !continued).length;
    tally.add({ journeys: begun, touchpoints, kinds: [...staging.kinds], besides });
    staging.kinds.clear();
    into.tell();
    if (next === null) break;
    answer = await reads.run(ocelPageQuery, { filter: options.filter, after: next, most: PAGE }, { asOf, ...within });
  }
  if (options.objects === 'all') await nameAll(reads, store, { asOf, ...within });
  await objects(reads, staging, into, { asOf, ...within });
  tally.add({ journeys: 0, touchpoints: 0, kinds: [...staging.kinds], besides: {} });
}

type Within = Parameters<Reads['run']>[2];

async function nameAll(reads: Pick<Reads, 'run'>, store: OcelStore, within: Within): Promise<void> {
  for (let after: string | null = ''; after !== null;) {
    const { result }: { result: { keys: ObjectKey[]; next: string | null } } = await reads.run(
      ocelKnownObjectsQuery,
      { after, first: PAGE },
      within,
    );
    for (const { type, id } of result.keys) store.objectId(type, id);
    after = result.next;
  }
}

/** What is said of the objects; those that they are linked to come in line behind them. */
async function objects(reads: Pick<Reads, 'run'>, staging: OcelStaging, into: Staging, within: Within): Promise<void> {
  const query = 'SELECT n, id, type, key FROM object WHERE n > ? ORDER BY n LIMIT ?';
  for (let last = 0; ;) {
    const rows = into.store.all<StoredObject>(query, last, OBJECTS);
    if (rows.length === 0) return;
    const keys = rows.map(({ type, key }) => ({ type, id: key }));
    const { result } = await reads.run(ocelObjectsQuery, { keys }, within);
    result.forEach((object, i) => staging.object(object, rows[i]!.id));
    into.tell();
    last = rows.at(-1)!.n;
    await setImmediate();
  }
}

const told = (
  tally: ExportTally,
  store: OcelStore,
  format: OcelExportOptions['format'],
): Omit<ExportReport, 'id' | 'status'> => ({
  format: `ocel-${format}`,
  asOf: tally.asOf,
  journeys: tally.journeys,
  touchpoints: tally.touchpoints,
  events: store.events,
  objects: store.objects,
  losses: tally.losses(),
  warnings: tally.asOf !== null && tally.journeys === 0 ? ['No journey answers to that.'] : [],
});
