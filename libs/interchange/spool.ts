import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, type Clock } from '@touchstone/eventing';
import type { ObjectStatement, TouchpointFact } from '@touchstone/journeys';
import { FrameReader, FrameWriter, type FramePlace, type Sealer } from './sealed-frames.js';
import type { MappedLog, UnreadableRecord } from './mapped-log.js';
import type { Recognises } from './quarantine.js';

/** One record of a file: what is to be appended, or what goes to quarantine. */
export type SpoolRecord =
  { readonly fact: TouchpointFact } | { readonly object: ObjectStatement } | { readonly unreadable: UnreadableRecord };

/** What a finished reading says. Holds no personal data. */
export interface SpoolManifest {
  readonly format: 1;
  readonly id: string;
  /** SHA-256 of the file's bytes and of the options, hex. */
  readonly fingerprint: string;
  readonly createdAt: string;
  readonly journeyType: string;
  readonly source: string;
  readonly asHistory: boolean;
  readonly records: number;
  /** Unreadable events by code. */
  readonly unreadable: Readonly<Record<string, number>>;
  readonly log: Omit<MappedLog, 'movedCustomers' | 'shared'>;
  readonly chunks: readonly FramePlace[];
  /** Encrypted like the chunks: customers that a later part of the file settled otherwise, what records share. */
  readonly tail: FramePlace;
}

/** What is known only once the whole file was read. */
interface Tail {
  readonly moved: readonly (readonly [journeyId: string, customer: string])[];
  readonly shared?: unknown;
}

/** How far the appending went. */
export interface SpoolProgress {
  /** Index of the next chunk to append. */
  readonly chunk: number;
  readonly taken: number;
  readonly known: number;
  readonly quarantined: number;
}

const START: SpoolProgress = { chunk: 0, taken: 0, known: 0, quarantined: 0 };

/** Records in a chunk: what is appended, and kept as done, at once. */
const CHUNK = 1_000;
const MANIFEST = 'manifest.json';
const PROGRESS = 'progress.json';
const CHUNKS = 'chunks';

const subjectOf = (id: string) => `spool:${id}`;

/**
 * The spools of a data directory: whole files, read and checked, on their way into the log. Each is encrypted with a
 * key of its own, which is destroyed with it.
 */
export class Spools {
  /** Being written or appended by this process. */
  private readonly inUse = new Set<string>();

  constructor(
    /** `<data>/spool` */
    private readonly directory: string,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  async create(): Promise<SpoolWriter> {
    const id = newId();
    const path = join(this.directory, id);
    await this.sealer.ensureKeys([subjectOf(id)]);
    await mkdir(path, { recursive: true, mode: 0o700 });
    this.inUse.add(id);
    const frames = await FrameWriter.create(join(path, CHUNKS), CHUNKS, this.sealer, subjectOf(id));
    return new SpoolWriter(id, path, frames, this.clock, this.sealer);
  }

  /** Id of the oldest finished spool of the same file and options. */
  async find(fingerprint: string): Promise<string | undefined> {
    return (await this.finished()).find(({ manifest }) => manifest.fingerprint === fingerprint)?.manifest.id;
  }

  async open(id: string): Promise<Spool> {
    const path = join(this.directory, id);
    const manifest = await readJson<SpoolManifest>(join(path, MANIFEST));
    if (!manifest) throw new Error(`The spool ${id} has no manifest.`);
    const frames = await FrameReader.open(join(path, CHUNKS), CHUNKS, this.sealer, subjectOf(id));
    this.inUse.add(id);
    return new Spool(path, manifest, frames, (await readJson<SpoolProgress>(join(path, PROGRESS))) ?? START);
  }

  /** Spools whose file was read to its end, oldest first. */
  async finished(): Promise<{ manifest: SpoolManifest; progress: SpoolProgress }[]> {
    const found = await Promise.all(
      (await this.ids()).map(async (id) => {
        const manifest = await readJson<SpoolManifest>(join(this.directory, id, MANIFEST));
        if (!manifest) return [];
        const progress = (await readJson<SpoolProgress>(join(this.directory, id, PROGRESS))) ?? START;
        return [{ manifest, progress }];
      }),
    );
    return found.flat();
  }

  /**
   * Removes finished spools that nobody works on and that have a record about somebody; the file can be imported again.
   * Returns how many went.
   */
  async forget(person: Recognises): Promise<number> {
    let removed = 0;
    for (const { manifest } of await this.finished()) {
      if (this.inUse.has(manifest.id) || !(await this.speaksOf(person, manifest))) continue;
      await this.remove(manifest.id);
      removed++;
    }
    return removed;
  }

  /** Lets go of a spool that stays for another time. */
  release(id: string): void {
    this.inUse.delete(id);
  }

  /** Removes a spool, then destroys its key. */
  async remove(id: string): Promise<void> {
    await rm(join(this.directory, id), { recursive: true, force: true });
    await this.sealer.destroy(subjectOf(id));
    this.inUse.delete(id);
  }

  /**
   * Removes what a killed reading left behind, and finished spools made before `olderThan` that nobody went on with.
   * The caller owns the data directory, so no other process is at work on them. Returns the ids removed.
   */
  async sweep(olderThan: Date): Promise<string[]> {
    const kept = new Set(
      (await this.finished())
        .filter(({ manifest }) => Date.parse(manifest.createdAt) >= olderThan.getTime())
        .map(({ manifest }) => manifest.id),
    );
    const stale = (await this.ids()).filter((id) => !kept.has(id) && !this.inUse.has(id));
    for (const id of stale) await this.remove(id);
    return stale;
  }

  private async speaksOf(person: Recognises, { id, chunks }: SpoolManifest): Promise<boolean> {
    const spool = await this.open(id);
    try {
      for (let index = 0; index < chunks.length; index++) {
        if ((await spool.chunk(index)).some((record) => person.in(JSON.stringify(record)))) return true;
      }
      return false;
    } catch (error) {
      // What nobody can read goes on with nobody: it may as well be theirs.
      if ((error as { code?: unknown }).code === 'SPOOL_UNREADABLE') return true;
      throw error;
    } finally {
      await spool.close();
      this.release(id);
    }
  }

  private async ids(): Promise<string[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    // Ids are UUIDv7: they sort by time.
    return names.filter((name) => /^[0-9a-f-]{36}$/.test(name)).sort();
  }
}

/** A spool while its file is read. */
export class SpoolWriter {
  private pending: SpoolRecord[] = [];
  private readonly chunks: FramePlace[] = [];
  private readonly unreadable: Record<string, number> = {};
  private records = 0;

  constructor(
    readonly id: string,
    readonly path: string,
    private readonly frames: FrameWriter,
    private readonly clock: Clock,
    readonly sealer: Sealer,
  ) {}

  /** For helpers that write beside it. */
  get subject(): string {
    return subjectOf(this.id);
  }

  async add(record: SpoolRecord): Promise<void> {
    this.pending.push(record);
    this.records++;
    if ('unreadable' in record) {
      const { code } = record.unreadable;
      this.unreadable[code] = (this.unreadable[code] ?? 0) + 1;
    }
    if (this.pending.length >= CHUNK) await this.flush();
  }

  /** Everything is on disk when it resolves; only now the spool counts as finished. */
  async finish(
    about: Pick<SpoolManifest, 'fingerprint' | 'journeyType' | 'source' | 'asHistory'>,
    { movedCustomers, shared, ...log }: MappedLog,
  ): Promise<SpoolManifest> {
    await this.flush();
    const tail = await this.frames.write({ moved: [...movedCustomers], shared } satisfies Tail);
    await this.frames.finish();
    const { id, records, unreadable, chunks } = this;
    const createdAt = this.clock.now().toISOString();
    const manifest: SpoolManifest = { format: 1, id, ...about, createdAt, records, unreadable, log, chunks, tail };
    await writeJson(this.path, MANIFEST, manifest);
    return manifest;
  }

  /** What a manifest would say, of a spool that is not kept. */
  counts(): { records: number; unreadable: Readonly<Record<string, number>> } {
    return { records: this.records, unreadable: this.unreadable };
  }

  async abandon(): Promise<void> {
    await this.frames.abandon();
  }

  private async flush(): Promise<void> {
    if (this.pending.length === 0) return;
    const records = this.pending;
    this.pending = [];
    this.chunks.push(await this.frames.write(records));
  }
}

/** A finished spool, and how far its appending went. */
export class Spool {
  private tail: { readonly moved: ReadonlyMap<string, string>; readonly shared: unknown } | undefined;

  constructor(
    private readonly path: string,
    readonly manifest: SpoolManifest,
    private readonly frames: FrameReader,
    private done: SpoolProgress,
  ) {}

  get progress(): SpoolProgress {
    return this.done;
  }

  /** Records of a chunk, each fact with its journey's final customer. @throws SPOOL_UNREADABLE */
  async chunk(index: number): Promise<SpoolRecord[]> {
    const { moved } = await this.readTail();
    const records = await this.frames.read<SpoolRecord[]>(this.manifest.chunks[index]!);
    return moved.size === 0 ? records : records.map((record) => settled(record, moved));
  }

  /** What its unreadable records have in common, see `Unreadable`. @throws SPOOL_UNREADABLE */
  async shared(): Promise<unknown> {
    return (await this.readTail()).shared;
  }

  async advance(progress: SpoolProgress): Promise<void> {
    await writeJson(this.path, PROGRESS, progress);
    this.done = progress;
  }

  close(): Promise<void> {
    return this.frames.close();
  }

  private async readTail() {
    if (this.tail) return this.tail;
    const read = await this.frames.read<Tail | Tail['moved']>(this.manifest.tail);
    // Spools of before records had anything in common.
    const { moved, shared }: Tail = Array.isArray(read) ? { moved: read } : (read as Tail);
    return (this.tail = { moved: new Map(moved), shared });
  }
}

function settled(record: SpoolRecord, moved: ReadonlyMap<string, string>): SpoolRecord {
  if (!('fact' in record) || !record.fact.customer) return record;
  const value = moved.get(record.fact.journey.id);
  return value === undefined ? record : { fact: { ...record.fact, customer: { ...record.fact.customer, value } } };
}

/** Undefined when the file is missing, or was cut short by a power cut. */
async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Replaces a file in one step: a reader, or a crash, meets the old content or the new. Durable when it resolves. */
async function writeJson(directory: string, name: string, value: unknown): Promise<void> {
  const draft = join(directory, `${name}.draft`);
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(value));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(directory, name));
  const parent = await open(directory, 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
