import type { Actor } from '@touchstone/eventing';
import type { KeyedHash } from './hidden-names.js';

/** Something that could not be read or was refused, as it is handed in. */
export interface Unreadable {
  readonly source: string;
  readonly journeyType?: string;
  /** Id of the journey it was meant for, where that is known. */
  readonly journeyId?: string;
  /** Id of the import that brought it. */
  readonly importId?: string;
  /** The same record gives the same one: it is listed once, however often it comes. */
  readonly fingerprint: string;
  /** 1-based line of the file or stream. */
  readonly line?: number;
  readonly code: string;
  /** A sentence without values of the record. */
  readonly reason: string;
  /** Who can read it once it is mended: the name of a reader in `quarantine-readers.ts`. */
  readonly format?: string;
  /** What that reader needs besides the record itself, as JSON; kept encrypted. */
  readonly context?: unknown;
  /** The same, of what many records have in common: kept once for all of them. */
  readonly shared?: unknown;
  /** The record as it came; kept encrypted. */
  readonly raw: string;
}

/** `waiting` and `mended` wait to be driven in; the others are done with and stay until they expire. */
export const RECORD_STATES = ['waiting', 'mended', 'taken', 'discarded'] as const;
export type RecordState = (typeof RECORD_STATES)[number];

/** A record in quarantine. Its content is asked for by `raw` and `payload`. */
export interface Quarantined {
  readonly id: string;
  readonly source: string;
  readonly journeyType: string | null;
  readonly importId: string | null;
  readonly line: number | null;
  /** What is wrong with it, as of the last time somebody tried. */
  readonly code: string;
  readonly reason: string;
  /** What was wrong with it when it came. */
  readonly firstCode: string;
  readonly firstReason: string;
  readonly format: string | null;
  readonly state: RecordState;
  /** Counts its changes: whoever mends it says which one they saw. */
  readonly revision: number;
  /** ISO 8601 UTC: when it came in first. */
  readonly at: string;
  /** ISO 8601 UTC: when it is removed for good. */
  readonly expiresAt: string;
  /** What it became, once it is taken. */
  readonly journeyId: string | null;
  readonly touchpointId: string | null;
  readonly position: string | null;
}

export interface QuarantineFilter {
  readonly source?: string;
  readonly code?: string;
  readonly importId?: string;
  /** ISO instants: came in at or after, before. */
  readonly from?: string;
  readonly to?: string;
  /** Default `open`: waiting or mended. */
  readonly state?: RecordState | 'open' | 'all';
}

/** How a person wants a record to be read. */
export interface Mapping {
  /** Kinds as the record names them, and what to take them for. */
  readonly kinds?: Readonly<Record<string, string>>;
  /** For times without a zone: an IANA name, or an offset such as +08:00. */
  readonly zone?: string;
}

/** Everything that is needed to read a record again. */
export interface OpenRecord {
  readonly id: string;
  readonly source: string;
  readonly format: string | null;
  readonly state: RecordState;
  readonly revision: number;
  /** As it was mended, else as it came; null once nobody can read it. */
  readonly payload: string | null;
  /** Somebody wrote it anew. */
  readonly isRewritten: boolean;
  readonly context: unknown;
  readonly shared: unknown;
  readonly mapping: Mapping;
  /** For names that are personal and yet give ids. */
  readonly hash: KeyedHash;
}

/** What a record became. */
export interface Settled {
  readonly journeyId: string;
  readonly touchpointId: string;
  readonly position: string;
}

/** Where a record that was handed in stands. */
export interface Kept {
  readonly id: string;
  readonly isNew: boolean;
  /** This very record was mended and driven in before. */
  readonly settled?: Partial<Settled>;
}

/** Something that was done about a record. */
export interface Deed {
  readonly at: string;
  readonly actor: Actor;
  readonly what: 'mended' | 'refused' | 'taken' | 'discarded';
  /** What was mended (payload, kinds, zone), or the code of the refusal. */
  readonly detail: string | null;
  /** In the words of who did it. */
  readonly note: string | null;
}

/** Tells whose records are to be removed. */
export interface Recognises {
  /** Whether a journey, by its id, is one of theirs. */
  isTheirs(id: string): boolean;
  /** Whether a record, as it came, speaks of them. */
  in(text: string): boolean;
}
