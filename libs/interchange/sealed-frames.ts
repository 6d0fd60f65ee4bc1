import { open, type FileHandle } from 'node:fs/promises';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FORGOTTEN, TouchstoneError, type Vault } from '@touchstone/eventing';

/** The part of a vault that encrypts files and records beside the log. */
export interface Sealer extends Pick<Vault, 'ensureKeys' | 'destroy' | 'lookupHash'> {
  sealBytes(subject: string, boundTo: string, bytes: Uint8Array): Uint8Array;
  openBytes(subject: string, boundTo: string, sealed: Uint8Array): Uint8Array | typeof FORGOTTEN;
}

/** Where a frame stands in its file, in bytes. */
export interface FramePlace {
  readonly at: number;
  readonly length: number;
}

/** A file of JSON values, each compressed and encrypted on its own and bound to its place. Written once, from the start. */
export class FrameWriter {
  private at = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly name: string,
    private readonly sealer: Sealer,
    private readonly subject: string,
  ) {}

  /** @throws EEXIST when the file is there already */
  static async create(path: string, name: string, sealer: Sealer, subject: string): Promise<FrameWriter> {
    return new FrameWriter(await open(path, 'wx', 0o600), name, sealer, subject);
  }

  async write(value: unknown): Promise<FramePlace> {
    const packed = deflateRawSync(JSON.stringify(value), { level: 1 });
    const sealed = this.sealer.sealBytes(this.subject, `${this.name}@${this.at}`, packed);
    await this.file.write(sealed, 0, sealed.length, this.at);
    const place = { at: this.at, length: sealed.length };
    this.at += sealed.length;
    return place;
  }

  /** Durable when it resolves. */
  async finish(): Promise<void> {
    await this.file.sync();
    await this.file.close();
  }

  async abandon(): Promise<void> {
    await this.file.close();
  }
}

/** Reads what a `FrameWriter` of the same name wrote. */
export class FrameReader {
  private constructor(
    private readonly file: FileHandle,
    private readonly name: string,
    private readonly sealer: Sealer,
    private readonly subject: string,
  ) {}

  static async open(path: string, name: string, sealer: Sealer, subject: string): Promise<FrameReader> {
    return new FrameReader(await open(path, 'r'), name, sealer, subject);
  }

  /** @throws SPOOL_UNREADABLE when the file is damaged, or its key was destroyed */
  async read<T>({ at, length }: FramePlace): Promise<T> {
    const sealed = Buffer.alloc(length);
    const { bytesRead } = await this.file.read(sealed, 0, length, at);
    if (bytesRead < length) throw unreadable(this.name, 'it is too short');
    const packed = this.opened(sealed, at);
    return JSON.parse(inflateRawSync(packed).toString()) as T;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private opened(sealed: Uint8Array, at: number): Uint8Array {
    let packed: Uint8Array | typeof FORGOTTEN;
    try {
      packed = this.sealer.openBytes(this.subject, `${this.name}@${at}`, sealed);
    } catch (error) {
      throw unreadable(this.name, (error as Error).message, error);
    }
    if (packed === FORGOTTEN) throw unreadable(this.name, 'its key was destroyed');
    return packed;
  }
}

const unreadable = (name: string, why: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'SPOOL_UNREADABLE',
    `The import's spool (${name}) cannot be read, because ${why}: remove its directory and import the file again.`,
    'unavailable',
    undefined,
    { cause },
  );
