/** How statements and settings go to PostgreSQL, whichever way. */
import { storedText } from './sync-postgres.text.js';
import type { SqlValue } from './sync-postgres.wire.js';

/** What a connection is set to once it is there. */
export interface PostgresSession {
  /** Where tables are looked for and made; default as the server has it. It need not be there yet. */
  readonly schema?: string;
  /** Whether a commit waits for the disk of the server; default true. */
  readonly durable?: boolean;
  readonly readOnly?: boolean;
  /** Shown in the server's list of connections. */
  readonly application?: string;
  /**
   * How long it may take over a statement, in ms; what takes longer fails, there as well as here, and a server that does not
   * even say so costs the connection (sqlState ETIMEDOUT). Default: as long as it answers others, which is looked after.
   */
  readonly answerMs?: number;
}

export function settingsOf(session: PostgresSession): string {
  const { schema, durable = true, readOnly = false, application = 'touchstone', answerMs } = session;
  return [
    `set application_name = ${literal(application)}`,
    ...(schema === undefined ? [] : [`set search_path = ${quotedName(schema)}`]),
    `set synchronous_commit = ${durable ? 'on' : 'off'}`,
    // The compiler of the server costs more than it saves on what is asked here.
    'set jit = off',
    `set timezone = 'UTC'`,
    ...(readOnly ? ['set default_transaction_read_only = on'] : []),
    ...(answerMs === undefined ? [] : [`set statement_timeout = ${answerMs}`]),
  ].join('; ');
}

/** Prepared on the server: those that come again. */
const KEPT_PLANS = 400;
/** A text is worth a plan from its third use on. */
const WORTH_A_PLAN = 3;

/** Which statements of a connection the server keeps a plan of. */
export class Plans {
  private readonly uses = new Map<string, { name?: string; used: number }>();
  private named = 0;

  /** The name of its plan; none: it is not worth one yet. */
  nameOf(text: string): string | undefined {
    let known = this.uses.get(text);
    if (!known) {
      // Texts of every length of a list: forgetting their counts costs nothing but a plan later.
      if (this.uses.size > 10 * KEPT_PLANS) for (const [key, { name }] of this.uses) if (!name) this.uses.delete(key);
      this.uses.set(text, (known = { used: 0 }));
    }
    if (known.name === undefined && ++known.used >= WORTH_A_PLAN && this.named < KEPT_PLANS) {
      if (!/^(?:declare|fetch|close)/.test(text)) known.name = `p${++this.named}`;
    }
    return known.name;
  }
}

/** A value as PostgreSQL can hold it. */
export const stored = (value: SqlValue): SqlValue => (typeof value === 'string' ? storedText.write(value) : value);

/** `?` as `$1`, `$2` …, but not within quotes. */
export function withNumbers(text: string): string {
  let n = 0;
  return text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\?/g, (found) => (found === '?' ? `$${++n}` : found));
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
