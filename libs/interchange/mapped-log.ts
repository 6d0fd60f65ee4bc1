import type { KindSpec } from '@touchstone/packs';
import type { Loss } from './loss-report.js';

/** Why a single record cannot be read, without any value of it: values may be personal. */
export interface Fault {
  readonly code: string;
  /** A sentence; names keys, columns and types. */
  readonly reason: string;
}

/** A record of a file that goes to quarantine. */
export interface UnreadableRecord extends Fault {
  readonly line: number;
  /** Of a record that says which journey it belongs to. */
  readonly journeyId?: string;
  /** The same record gives the same one, however often its file is read. */
  readonly fingerprint: string;
  /** The record in the words of its file; may hold personal data. */
  readonly raw: string;
  /** How it is to be read again, such as `xes`; see quarantine-readers.ts. */
  readonly format: string;
  /** What reading it again needs besides. */
  readonly context?: object;
}

/** What is known once a whole file was read. */
export interface MappedLog {
  /** Traces of a log, cases of a table. */
  readonly traces: number;
  readonly events: number;
  readonly journeys: number;
  /** Of a table: its rows, of which each may tell of several events. */
  readonly rows?: number;
  /** Of a log of objects: how many it has. */
  readonly objects?: number;
  /** Records that say again what another record of the file has said; they are not spooled, and count as known. */
  readonly repeats?: number;
  readonly losses: readonly Loss[];
  /** What looks like a mistake in the options. */
  readonly warnings: readonly string[];
  readonly kinds: readonly KindSpec[];
  /** Kinds of others that must be published already. */
  readonly mappedKinds: readonly string[];
  /** Journeys whose customer a later trace of the same name settled: journey id to the customer's value. */
  readonly movedCustomers: ReadonlyMap<string, string>;
  /** What reading its unreadable records again needs, and all of them have in common. */
  readonly shared?: object;
}
