import type { KeyedHash } from './hidden-names.js';
import type { MappedLog } from './mapped-log.js';
import type { Sealer } from './sealed-frames.js';
import type { SpoolRecord } from './spool.js';

/** Where the records of a file go while it is read, and what its reading may use. */
export interface ReadingInto {
  readonly sink: { add(record: SpoolRecord): Promise<void> };
  /** A directory of its own for what does not fit in memory, encrypted under the subject; it goes with the spool. */
  readonly scratch: { readonly directory: string; readonly sealer: Sealer; readonly subject: string };
  /** For names that are personal and yet give ids. */
  readonly hash: KeyedHash;
  readonly signal?: AbortSignal;
  /** Tells how far it is: events (of a table: rows) so far. */
  progress(events: number): void;
  /** Once all bytes are read: how much of what was put in order is understood. */
  arranged(done: number, total: number): void;
}

/** A format with its options: how a file becomes records. */
export interface FileReading {
  readonly journeyType: string;
  readonly source: string;
  readonly asHistory: boolean;
  /** Whatever besides the bytes decides what the file becomes; equal for options that mean the same. */
  readonly options: Readonly<Record<string, unknown>>;
  /** @throws what spoils the file as a whole; nothing of it is kept then */
  read(content: AsyncIterable<Uint8Array>, into: ReadingInto): Promise<MappedLog>;
}
