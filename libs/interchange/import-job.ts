import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import {
  byInstant,
  instantMs,
  TouchstoneError,
  type Actor,
  type Clock,
  type ExecuteOptions,
} from '@touchstone/eventing';
import type { FactIntake } from '@touchstone/journeys';
import type { PackCatalogue } from '@touchstone/packs';
import { mergedKind } from './imported-kinds.js';
import type { Loss } from './loss-report.js';
import type { Quarantine, Unreadable } from './quarantine.js';
import type { Sealer } from './sealed-frames.js';
import { SortedRuns } from './sorted-runs.js';
import { Spools, type Spool, type SpoolManifest, type SpoolRecord, type SpoolWriter } from './spool.js';
import { XesMapping, type MappedLog } from './xes-mapping.js';
import { checkedOptions, type XesMappingOptions } from './xes-options.js';
import { readXes } from './xes-reader.js';

/** A file to import. */
export interface ImportSource {
  /** Its bytes from the beginning. Called once, or twice when `rereadable`. */
  open(): AsyncIterable<Uint8Array>;
  /** Size in bytes, for progress. */
  readonly bytes?: number;
  /** `open` may be called again: an interrupted import is then found without reading the file as a log first. */
  readonly rereadable?: boolean;
}

/** `read`: bytes of the file; `append`: records of it. */
export type ImportProgress =
  | { readonly phase: 'read'; readonly done: number; readonly total?: number; readonly events: number }
  | { readonly phase: 'append'; readonly done: number; readonly total: number };

export interface ImportOptions {
  /** Read and check only. */
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** While reading: everything is undone. While appending: stops after the chunk at hand, and the next run goes on. */
  readonly signal?: AbortSignal;
  readonly actor?: Actor;
}

/** `sent = taken + known + quarantined`, always; of a dry run these say what would at most be taken. */
export interface ImportResult {
  readonly id: string;
  readonly status: 'checked' | 'imported';
  /** An earlier, interrupted import of the same file and options was gone on with. */
  readonly resumed: boolean;
  readonly journeyType: string;
  readonly source: string;
  readonly sent: number;
  readonly taken: number;
  readonly known: number;
  readonly quarantined: number;
  readonly journeys: number;
  readonly traces: number;
  /** Records that the file itself made unreadable, by code. */
  readonly unreadable: Readonly<Record<string, number>>;
  /** Everything that was not carried over. */
  readonly losses: readonly Loss[];
  readonly warnings: readonly string[];
  /** Ids of the kinds the log's activities became. */
  readonly kinds: readonly string[];
}

export interface ImporterParts {
  /** The data directory; its spools are kept in `spool/`. The caller owns it. */
  readonly directory: string;
  readonly intake: Pick<FactIntake, 'take'>;
  readonly packs: Pick<PackCatalogue, 'has' | 'kind' | 'publish'>;
  readonly quarantine: Pick<Quarantine, 'add'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** How long an interrupted import can be gone on with; default 7 days. */
  readonly spoolDays?: number;
}

const DAY_MS = 86_400_000;
/** Bytes between two reports of progress while reading. */
const REPORT_BYTES = 256 * 1024;

/** Counts and hashes the bytes that pass. */
interface Meter {
  bytes: number;
  readonly hash: Hash;
}

/**
 * Imports XES logs in two phases: the whole file is read and checked into a spool, then the spool is appended chunk by
 * chunk. A file that cannot be read as a whole appends nothing; a killed import goes on where it was when the same
 * file comes again with the same options.
 */
export class XesImporter {
  private readonly spools: Spools;
  private readonly appending = new Set<string>();

  constructor(private readonly parts: ImporterParts) {
    this.spools = new Spools(join(parts.directory, 'spool'), parts.sealer, parts.clock);
  }

  /** Removes what killed readings left behind, and interrupted imports that are too old. Call it at start. */
  async sweep(): Promise<void> {
    const days = this.parts.spoolDays ?? 7;
    await this.spools.sweep(new Date(this.parts.clock.now().getTime() - days * DAY_MS));
  }

  /** Imports that were interrupted and wait for their file. */
  async interrupted(): Promise<{ journeyType: string; source: string; at: string; done: number; total: number }[]> {
    return (await this.spools.finished()).map(({ manifest, progress }) => ({
      journeyType: manifest.journeyType,
      source: manifest.source,
      at: manifest.createdAt,
      done: progress.taken + progress.known + progress.quarantined,
      total: manifest.records,
    }));
  }

  /**
   * @throws the errors of `readXes`; OPTION_INVALID, OPTION_UNKNOWN, OPTION_CONFLICT, KIND_UNKNOWN, KIND_TAKEN,
   *   PERSONAL_ATTRIBUTE_UNSEEN, TOO_MANY_ACTIVITIES, IMPORT_CANCELLED, IMPORT_RUNNING, SPOOL_UNREADABLE. In all of
   *   these nothing, or a beginning that the next run completes, was appended.
   */
  async run(source: ImportSource, given: XesMappingOptions, options: ImportOptions = {}): Promise<ImportResult> {
    const mapping = checkedOptions(given);
    await this.sweep();
    const waiting = options.dryRun ? undefined : await this.waiting(source, mapping);
    if (waiting) return this.append(waiting, true, options);
    const writer = await this.spools.create();
    const read = await this.orRemoved(writer, () => this.read(source, mapping, writer, options));
    if (options.dryRun) {
      await writer.abandon();
      await this.spools.remove(writer.id);
      return this.checked(writer, mapping, read.log);
    }
    const manifest = await this.orRemoved(writer, () => writer.finish(aboutOf(mapping, read.fingerprint), read.log));
    const earlier = source.rereadable ? undefined : await this.earlier(manifest);
    if (!earlier) return this.append(await this.spools.open(manifest.id), false, options);
    await this.spools.remove(manifest.id);
    return this.append(earlier, true, options);
  }

  /** An interrupted import of the same file, found by hashing it, when there is any at all. */
  private async waiting(source: ImportSource, mapping: XesMappingOptions): Promise<Spool | undefined> {
    if (!source.rereadable || (await this.spools.finished()).length === 0) return undefined;
    const hash = createHash('sha256');
    for await (const bytes of source.open()) hash.update(bytes);
    return this.spools.find(fingerprintOf(hash, mapping));
  }

  /** An interrupted import of the same file, beside the spool that was just made of it. */
  private async earlier({ id, fingerprint }: SpoolManifest): Promise<Spool | undefined> {
    const spool = await this.spools.find(fingerprint);
    if (!spool || spool.manifest.id === id) return undefined;
    return spool;
  }

  private async orRemoved<T>(writer: SpoolWriter, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await writer.abandon().catch(() => undefined);
      await this.spools.remove(writer.id);
      throw error;
    }
  }

  private async read(
    source: ImportSource,
    options: XesMappingOptions,
    writer: SpoolWriter,
    { onProgress, signal }: ImportOptions,
  ): Promise<{ fingerprint: string; log: MappedLog }> {
    const meter: Meter = { bytes: 0, hash: createHash('sha256') };
    const sink = options.asHistory ? new SortedSink(writer) : writer;
    let mapping: XesMapping | undefined;
    let log: MappedLog | undefined;
    let events = 0;
    let reported = 0;
    try {
      for await (const part of readXes(metered(source.open(), meter), { signal })) {
        if (part.kind === 'log') {
          mapping = new XesMapping(part.log, options);
        } else if (part.kind === 'trace') {
          events += part.trace.events.length;
          await spoolTrace(mapping!, part.trace, sink);
        } else {
          log = mapping!.finish(part);
        }
        if (onProgress && meter.bytes - reported >= REPORT_BYTES) {
          reported = meter.bytes;
          onProgress({ phase: 'read', done: meter.bytes, total: source.bytes, events });
        }
      }
      if (sink instanceof SortedSink) await sink.finish();
    } catch (error) {
      if (sink instanceof SortedSink) await sink.abandon();
      throw error;
    }
    onProgress?.({ phase: 'read', done: meter.bytes, total: source.bytes, events });
    // A kind of another pack is known or not: every fact of it would be refused.
    for (const id of log!.mappedKinds) this.parts.packs.kind(id);
    return { fingerprint: fingerprintOf(meter.hash, options), log: log! };
  }

  private async append(spool: Spool, resumed: boolean, options: ImportOptions): Promise<ImportResult> {
    const { manifest } = spool;
    if (this.appending.has(manifest.id)) {
      await spool.close();
      throw new TouchstoneError(
        'IMPORT_RUNNING',
        'The same file is being imported with the same options: wait for that import to end.',
        'conflict',
      );
    }
    this.appending.add(manifest.id);
    try {
      await this.publish(manifest);
      for (let chunk = spool.progress.chunk; chunk < manifest.chunks.length; chunk++) {
        options.onProgress?.({ phase: 'append', done: handled(spool), total: manifest.records });
        if (options.signal?.aborted) throw interrupted();
        await this.appendChunk(spool, chunk, options.actor);
      }
      const result = resultOf(spool, resumed);
      options.onProgress?.({ phase: 'append', done: handled(spool), total: manifest.records });
      await spool.close();
      await this.spools.remove(manifest.id);
      return result;
    } catch (error) {
      await spool.close().catch(() => undefined);
      this.spools.release(manifest.id);
      throw error;
    } finally {
      this.appending.delete(manifest.id);
    }
  }

  private async appendChunk(spool: Spool, index: number, actor: Actor | undefined): Promise<void> {
    const { manifest, progress } = spool;
    const records = await spool.chunk(index);
    const facts = records.flatMap((record) => ('fact' in record ? [record.fact] : []));
    const outcomes = await this.parts.intake.take(facts, executeOptions(manifest, actor));
    const refused: Unreadable[] = [];
    let taken = 0;
    let known = 0;
    facts.forEach((fact, i) => {
      const outcome = outcomes[i]!;
      if (outcome.outcome === 'taken') taken++;
      else if (outcome.outcome === 'known') known++;
      else {
        const { code, message: reason } = outcome;
        refused.push({
          ...aboutRecord(manifest),
          fingerprint: fact.touchpointId,
          code,
          reason,
          raw: JSON.stringify(fact),
        });
      }
    });
    for (const record of records) {
      if ('unreadable' in record) refused.push({ ...aboutRecord(manifest), ...record.unreadable });
    }
    if (taken + known + refused.length !== records.length) throw unbalanced();
    await this.parts.quarantine.add(refused);
    await spool.advance({
      chunk: index + 1,
      taken: progress.taken + taken,
      known: progress.known + known,
      quarantined: progress.quarantined + refused.length,
    });
  }

  /** The log's activities become kinds of a pack of their own; what is published of them already stays. */
  private async publish({ journeyType, log }: SpoolManifest): Promise<void> {
    if (log.kinds.length === 0) return;
    const { packs } = this.parts;
    await packs.publish({
      pack: `import-${journeyType}`,
      names: { en: `Activities of the imported log ${journeyType}` },
      kinds: log.kinds.map((kind) => mergedKind(kind, packs.has(kind.id) ? packs.kind(kind.id) : undefined)),
    });
  }

  private checked(writer: SpoolWriter, mapping: XesMappingOptions, log: MappedLog): ImportResult {
    const { records, unreadable } = writer.counts();
    const quarantined = Object.values(unreadable).reduce((sum, n) => sum + n, 0);
    return {
      ...reportOf(log),
      id: writer.id,
      status: 'checked',
      resumed: false,
      journeyType: mapping.journeyType,
      source: mapping.source ?? mapping.journeyType,
      sent: records,
      taken: records - quarantined,
      known: 0,
      quarantined,
      unreadable,
    };
  }
}

/** Takes records in any order and spools them in the order in which they happened. */
class SortedSink {
  private readonly runs: SortedRuns<SpoolRecord>;

  constructor(private readonly writer: SpoolWriter) {
    this.runs = new SortedRuns(writer.path, writer.sealer, writer.subject, byHistory);
  }

  add(record: SpoolRecord): Promise<void> {
    return this.runs.add(record);
  }

  async finish(): Promise<void> {
    for await (const record of this.runs.merged()) await this.writer.add(record);
  }

  abandon(): Promise<void> {
    return this.runs.abandon();
  }
}

/** A historical load appends in the order of recorded time; what is unreadable has none and comes first. */
function byHistory(a: SpoolRecord, b: SpoolRecord): number {
  if ('unreadable' in a || 'unreadable' in b) return ('fact' in a ? 1 : 0) - ('fact' in b ? 1 : 0);
  return byInstant(orderOf(a.fact), orderOf(b.fact));
}

type Fact = Extract<SpoolRecord, { fact: unknown }>['fact'];
const orderOf = ({ occurredAt, source, touchpointId }: Fact) => ({
  at: instantMs(occurredAt),
  sequence: source.sequence,
  id: touchpointId,
});

async function spoolTrace(
  mapping: XesMapping,
  trace: Parameters<XesMapping['map']>[0],
  sink: Pick<SpoolWriter, 'add'>,
): Promise<void> {
  const { facts, unreadable } = mapping.map(trace);
  for (const fact of facts) await sink.add({ fact });
  for (const record of unreadable) await sink.add({ unreadable: record });
}

async function* metered(source: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    meter.bytes += bytes.length;
    meter.hash.update(bytes);
    yield bytes;
  }
}

/** The same for options that mean the same, whatever the order of their keys. */
function fingerprintOf(content: Hash, options: XesMappingOptions): string {
  const plain = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(content.digest()).update(JSON.stringify(plain)).digest('hex');
}

const aboutOf = (options: XesMappingOptions, fingerprint: string) => ({
  fingerprint,
  journeyType: options.journeyType,
  source: options.source ?? options.journeyType,
  asHistory: options.asHistory ?? false,
});

const aboutRecord = ({ source, journeyType }: SpoolManifest) => ({ source, journeyType });

const executeOptions = ({ id, asHistory }: SpoolManifest, actor: Actor | undefined): ExecuteOptions => ({
  context: { actor: actor ?? { id: 'import', role: 'system' }, correlationId: id },
  historical: asHistory,
  recordedAt: asHistory ? 'source' : 'clock',
});

const handled = ({ progress }: Spool): number => progress.taken + progress.known + progress.quarantined;

const reportOf = (log: SpoolManifest['log']) => ({
  journeys: log.journeys,
  traces: log.traces,
  losses: log.losses,
  warnings: log.warnings,
  kinds: [...log.kinds.map((kind) => kind.id), ...log.mappedKinds],
});

function resultOf(spool: Spool, resumed: boolean): ImportResult {
  const { manifest, progress } = spool;
  const { taken, known, quarantined } = progress;
  if (taken + known + quarantined !== manifest.records) throw unbalanced();
  const { id, journeyType, source, records: sent, unreadable } = manifest;
  const report = reportOf(manifest.log);
  return {
    ...report,
    id,
    status: 'imported',
    resumed,
    journeyType,
    source,
    sent,
    taken,
    known,
    quarantined,
    unreadable,
  };
}

const interrupted = (): TouchstoneError =>
  new TouchstoneError(
    'IMPORT_CANCELLED',
    'The import was cancelled while it was appending; import the same file with the same options to go on.',
  );

const unbalanced = (): TouchstoneError =>
  new TouchstoneError(
    'IMPORT_UNBALANCED',
    'Records were lost on their way: sent is not what was answered for.',
    'internal',
  );
