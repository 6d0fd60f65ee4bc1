import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { deterministicId } from '@touchstone/eventing';
import { contentOf } from './byte-source.js';
import type { FileReading, ReadingInto } from './file-reading.js';
import { LossReport } from './loss-report.js';
import type { MappedLog } from './mapped-log.js';
import { cancelled, notOcel, tooMuch } from './ocel-errors.js';
import { stageOcelJson } from './ocel-json-reader.js';
import { OcelMapping } from './ocel-mapping.js';
import { checkedOcelOptions, type OcelMappingOptions } from './ocel-options.js';
import type { OcelContext, OcelShared } from './ocel-record.js';
import { SQLITE_MAGIC, stageOcelSqlite } from './ocel-sqlite-reader.js';
import { OcelStager } from './ocel-stager.js';
import { OcelStore } from './ocel-store.js';
import { OCEL_LIMITS } from './ocel.js';

/** Records after which others run. */
const TURN = 500;

/**
 * OCEL 2.0 logs for the import job: SQLite or JSON, plain or gzip; the file's first bytes say which.
 * @throws OPTION_INVALID, OPTION_UNKNOWN, OPTION_CONFLICT
 */
export function ocelReading(given: unknown): FileReading {
  const options = checkedOcelOptions(given);
  return {
    journeyType: options.journeyType,
    source: options.source ?? options.journeyType,
    asHistory: options.asHistory ?? false,
    options: { ...options, format: 'ocel' },
    read: (content, into) => read(content, options, into),
  };
}

async function read(
  content: AsyncIterable<Uint8Array>,
  options: OcelMappingOptions,
  into: ReadingInto,
): Promise<MappedLog> {
  const report = new LossReport();
  const store = await OcelStore.open(into.scratch.directory, report);
  try {
    const zone = options.zone ?? 'Z';
    const source = options.source ?? options.journeyType;
    const { sink, signal, progress } = into;
    const stager = new OcelStager({ store, report, sink, zone, source, signal, progress });
    await stage(content, stager, into);
    await stager.finish();
    return await spooled(new OcelMapping(store, options, report, into.hash), store, report, { options, into, source });
  } finally {
    store.close();
  }
}

/** Into the store: from now on both formats are the same. */
async function stage(content: AsyncIterable<Uint8Array>, stager: OcelStager, into: ReadingInto): Promise<void> {
  const pieces = contentOf(content)[Symbol.asyncIterator]();
  try {
    let head = Buffer.alloc(0);
    while (head.length < SQLITE_MAGIC.length) {
      const next = await pieces.next();
      if (next.done) break;
      head = Buffer.concat([head, next.value]);
    }
    const whole = rest(head, pieces, into);
    if (head.subarray(0, SQLITE_MAGIC.length).equals(SQLITE_MAGIC)) await stageFile(whole, stager, into);
    else if (/^(?:\ufeff|\s)*\{/.test(head.toString())) await stageOcelJson(whole, stager);
    else throw notOcel('It is neither an SQLite database nor a JSON object.');
  } finally {
    await pieces.return?.(undefined);
  }
}

async function* rest(
  head: Buffer,
  pieces: AsyncIterator<Buffer>,
  { signal }: Pick<ReadingInto, 'signal'>,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for (let piece: Buffer | undefined = head; piece;) {
    if (signal?.aborted) throw cancelled();
    bytes += piece.length;
    if (bytes > OCEL_LIMITS.contentBytes) throw tooMuch('bytes when unpacked', OCEL_LIMITS.contentBytes);
    yield piece;
    const next = await pieces.next();
    piece = next.done ? undefined : next.value;
  }
}

/** A database can only be read where it lies as a file. */
async function stageFile(content: AsyncIterable<Buffer>, stager: OcelStager, { scratch }: ReadingInto): Promise<void> {
  const path = join(scratch.directory, 'ocel-upload.sqlite');
  const file = await open(path, 'w', 0o600);
  try {
    try {
      for await (const piece of content) await file.write(piece);
    } finally {
      await file.close();
    }
    await stageOcelSqlite(path, stager);
  } finally {
    await rm(path, { force: true });
  }
}

async function spooled(
  mapping: OcelMapping,
  store: OcelStore,
  report: LossReport,
  { options, into, source }: { options: OcelMappingOptions; into: ReadingInto; source: string },
): Promise<MappedLog> {
  let done = 0;
  const total = store.count('event') + store.count('object');
  const turn = async () => {
    if (++done % TURN !== 0) return;
    into.arranged(Math.min(done, total), total);
    await yielded(into);
  };
  // Objects come first, so that a load of history begins with what always was.
  for (const object of mapping.statements()) {
    await into.sink.add({ object });
    await turn();
  }
  const journeys = await mapping.choose(() => yielded(into));
  for (const mapped of mapping.events()) {
    if ('fact' in mapped) {
      await into.sink.add({ fact: mapped.fact });
    } else {
      const { fault, event, journeyId, raw, journey, sequence, own } = mapped;
      const fingerprint = deterministicId('ocel', source, 'unreadable', journeyId, event);
      const context: OcelContext = { journey, sequence, own };
      const record = { line: 0, journeyId, fingerprint, raw: JSON.stringify(raw), format: 'ocel', context };
      await into.sink.add({ unreadable: { ...fault, ...record } });
    }
    await turn();
  }
  mapping.assertSeen();
  into.arranged(total, total);
  const { kinds } = mapping;
  return {
    traces: journeys,
    journeys,
    events: store.count('event'),
    objects: store.count('object'),
    losses: report.losses(),
    warnings: warnings(options, store, kinds.activities),
    kinds: kinds.specs(),
    mappedKinds: kinds.mapped(),
    movedCustomers: new Map(),
    shared: { options } satisfies OcelShared,
  };
}

async function yielded({ signal }: Pick<ReadingInto, 'signal'>): Promise<void> {
  if (signal?.aborted) throw cancelled();
  await setImmediate();
}

function warnings(options: OcelMappingOptions, store: OcelStore, activities: ReadonlySet<string>): string[] {
  const types = new Set(store.typesOf('object'));
  const unmet = (option: string, names: readonly string[]) =>
    names
      .filter((name) => !activities.has(name))
      .map((name) => `No event is of the type "${name}" that ${option} names.`);
  return [
    ...options.caseTypes
      .filter((type) => !types.has(type))
      .map((type) => `No object is of the type "${type}" that --case-type names; there are ${[...types].join(', ')}.`),
    ...unmet('--closes', options.closes === 'all' ? [] : (options.closes ?? [])),
    ...unmet('--contact', options.contacts ?? []),
    ...unmet('--map', Object.keys(options.kinds ?? {})),
  ];
}
