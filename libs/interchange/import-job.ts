import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { FileReading } from './file-reading.js';
import type { ImporterParts, ImportOptions, ImportResult, ImportSource } from './import-types.js';
import type { MappedLog } from './mapped-log.js';
import type { Recognises } from './quarantine.js';
import { readingReport, SpoolAppender } from './spool-appending.js';
import { fingerprintOf, readIntoSpool } from './spool-reading.js';
import { Spools, type Spool, type SpoolManifest, type SpoolWriter } from './spool.js';

const DAY_MS = 86_400_000;
/**
 * Imports files in two phases: the whole file is read and checked into a spool, then the spool is appended chunk by
 * chunk. A file that cannot be read as a whole appends nothing; a killed import goes on where it was when the same
 * file comes again with the same options.
 */
export class FileImporter {
  private readonly spools: Spools;
  private readonly appender: SpoolAppender;

  constructor(private readonly parts: ImporterParts) {
    this.spools = new Spools(join(parts.directory, 'spool'), parts.sealer, parts.clock);
    this.appender = new SpoolAppender(parts, this.spools);
  }

  /** Removes what killed readings left behind, and interrupted imports that are too old. Call it at start. */
  async sweep(): Promise<void> {
    const days = this.parts.spoolDays ?? 7;
    await this.spools.sweep(new Date(this.parts.clock.now().getTime() - days * DAY_MS));
  }

  /** Gives up interrupted imports that have records about somebody. Returns how many. */
  async forget(person: Recognises): Promise<number> {
    await this.sweep();
    return this.spools.forget(person);
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
   * @throws the errors of the format's reading; KIND_UNKNOWN, KIND_TAKEN, PERSONAL_ATTRIBUTE_UNSEEN,
   *   TOO_MANY_ACTIVITIES, IMPORT_CANCELLED, IMPORT_RUNNING, SPOOL_UNREADABLE. In all of these nothing, or a beginning
   *   that the next run completes, was appended.
   */
  async run(source: ImportSource, reading: FileReading, options: ImportOptions = {}): Promise<ImportResult> {
    await this.sweep();
    const waiting = options.dryRun ? undefined : await this.waiting(source, reading);
    if (waiting) return this.appender.append(waiting, true, options);
    const writer = await this.spools.create();
    const read = await this.orRemoved(writer, () => this.read(source, reading, writer, options));
    if (options.dryRun) {
      await writer.abandon();
      await this.spools.remove(writer.id);
      return checked(writer, reading, read.log);
    }
    const manifest = await this.orRemoved(writer, () => writer.finish(aboutOf(reading, read.fingerprint), read.log));
    const spool = await this.oldest(manifest);
    return this.appender.append(spool, spool.manifest.id !== manifest.id, options);
  }

  private async read(source: ImportSource, reading: FileReading, writer: SpoolWriter, options: ImportOptions) {
    const read = await readIntoSpool(source, reading, writer, options);
    // A kind of another pack is known or not: every fact of it would be refused.
    for (const id of read.log.mappedKinds) this.parts.packs.kind(id);
    return read;
  }

  /** An interrupted import of the same file, found by hashing it, when there is any at all. */
  private async waiting(source: ImportSource, reading: FileReading): Promise<Spool | undefined> {
    if (!source.rereadable || (await this.spools.finished()).length === 0) return undefined;
    const hash = createHash('sha256');
    for await (const bytes of source.open()) hash.update(bytes);
    const id = await this.spools.find(fingerprintOf(hash, reading.options));
    return id === undefined ? undefined : this.spools.open(id);
  }

  /** The spool that was just made, unless an earlier import of the same file was interrupted: then that one. */
  private async oldest({ id, fingerprint }: SpoolManifest): Promise<Spool> {
    const found = (await this.spools.find(fingerprint)) ?? id;
    if (found !== id) await this.spools.remove(id);
    return this.spools.open(found);
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
}

function checked(writer: SpoolWriter, { journeyType, source }: FileReading, log: MappedLog): ImportResult {
  const { records, unreadable } = writer.counts();
  const quarantined = Object.values(unreadable).reduce((sum, n) => sum + n, 0);
  const repeats = log.repeats ?? 0;
  return {
    ...readingReport(log),
    id: writer.id,
    status: 'checked',
    resumed: false,
    journeyType,
    source,
    sent: records + repeats,
    taken: records - quarantined,
    known: repeats,
    quarantined,
    unreadable,
  };
}

const aboutOf = ({ journeyType, source, asHistory }: FileReading, fingerprint: string) => ({
  fingerprint,
  journeyType,
  source,
  asHistory,
});
