/** What a thread that waits and the thread that talks to PostgreSQL say to each other. */

/** A value of a column: whole numbers and fractions are numbers, true and false are 1 and 0, bytes are bytes. */
export type SqlValue = string | number | null | Uint8Array;

/** A statement with `$1`, `$2` …; a `name` has the server keep its plan. */
export interface Query {
  readonly text: string;
  readonly values: readonly SqlValue[];
  readonly name?: string;
}

/** How long the server may take. ms */
export interface Limits {
  /** To let us in, and to answer whoever asks whether it is there. */
  readonly connectMs: number;
  /** For a statement; null: as long as it is there. */
  readonly answerMs: number | null;
  /** How soon it is looked whether it is still there, while a statement without a limit is under way, and how often. */
  readonly lookAfterMs: number;
}

export type ToServer =
  | {
      readonly kind: 'open';
      readonly connection: number;
      readonly url: string;
      readonly settings: string;
      readonly limits: Limits;
    }
  | { readonly kind: 'query'; readonly connection: number; readonly query: Query; readonly isLong: boolean }
  /** Nobody waits for it; what goes wrong is told at the next one that somebody waits for. */
  | { readonly kind: 'send'; readonly connection: number; readonly query: Query; readonly isLong: boolean }
  /** The same of a `copy … from stdin` with its rows. */
  | {
      readonly kind: 'copy';
      readonly connection: number;
      readonly text: string;
      readonly rows: string;
      readonly isLong: boolean;
    }
  /** Several statements, no values, no rows. */
  | { readonly kind: 'exec'; readonly connection: number; readonly text: string; readonly isLong: boolean }
  /** Ends the statement under way, with the connection where the server does not end it; it is not answered. */
  | { readonly kind: 'cancel'; readonly connection: number }
  | { readonly kind: 'close'; readonly connection: number };

export interface Answer {
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly SqlValue[])[];
  /** Rows that a statement changed. */
  readonly changes?: number;
  readonly error?: WireFault;
  /** The server has gone, or has sent us away: no statement is answered any more. */
  readonly ended?: boolean;
}

export interface WireFault {
  readonly message: string;
  /** Five characters of PostgreSQL, or a code of the system such as ECONNREFUSED. */
  readonly code: string;
  readonly detail?: string;
}
