import type { Actor, Clock } from '@touchstone/eventing';
import type { FactIntake, ObjectIntake } from '@touchstone/journeys';
import type { PackCatalogue } from '@touchstone/packs';
import type { Loss } from './loss-report.js';
import type { Quarantine } from './quarantine.js';
import type { Sealer } from './sealed-frames.js';

/** A file to import. */
export interface ImportSource {
  /** Its bytes from the beginning. Called once, or twice when `rereadable`. */
  open(): AsyncIterable<Uint8Array>;
  /** Size in bytes, for progress. */
  readonly bytes?: number;
  /** `open` may be called again: an interrupted import is then found without reading what the file says first. */
  readonly rereadable?: boolean;
}

/** `read`: bytes of the file; `arrange`: rows of a table, put in order of their cases; `append`: records. */
export type ImportProgress =
  | { readonly phase: 'read'; readonly done: number; readonly total?: number; readonly events: number }
  | { readonly phase: 'arrange'; readonly done: number; readonly total: number }
  | { readonly phase: 'append'; readonly done: number; readonly total: number };

export interface ImportOptions {
  /** Read and check only. */
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** The first append waits for it. */
  readonly beforeAppend?: () => Promise<void>;
  /** While reading: everything is undone. While appending: stops after the chunks at hand, and the next run goes on. */
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
  /** Traces of a log, cases of a table. */
  readonly traces: number;
  /** Of a table: its rows, of which each may tell of several events. */
  readonly rows?: number;
  /** Of a log of objects: its events, each of which may be a touchpoint of several journeys, and its objects. */
  readonly events?: number;
  readonly objects?: number;
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
  readonly statements: Pick<ObjectIntake, 'take'>;
  readonly packs: Pick<PackCatalogue, 'has' | 'kind' | 'publish'>;
  readonly quarantine: Pick<Quarantine, 'add'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** How long an interrupted import can be gone on with; default 7 days. */
  readonly spoolDays?: number;
}
