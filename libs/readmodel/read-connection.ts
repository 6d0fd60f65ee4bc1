/** A connection for reads, one after the other. Statements that do not need each other's answers may be asked together. */
import { openAsyncPostgres, type AsyncPostgres } from '@touchstone/eventing/read';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { Kysely } from 'kysely';
import { asPostgres, beginReading, endReading, openForReading, type Connection } from './connection.js';
import type { Engine } from './dialect.js';
import { isPostgresUrl, schemaOf, type Place } from './place.js';
import { AsyncPostgresDialect } from './postgres-dialect.js';
import type { Value } from './projection.js';
import { ShapedStatements } from './shaped-rows.js';
import { kyselyOn } from './sqlite-dialect.js';

export interface ReadConnection {
  readonly engine: Engine;
  /** False once it is broken or closed. */
  readonly isOpen: boolean;
  /** `beforeStatement` may throw. */
  kysely(beforeStatement: () => void): Kysely<unknown>;
  /** Rows of a statement with `?`, which goes out at once. */
  all<R>(text: string, ...values: readonly Value[]): Promise<R[]>;
  /** Begins a transaction that sees one state of everything, and writes nothing. */
  begin(): Promise<unknown>;
  /** Ends it; nobody has to wait for that. */
  end(): void;
  close(): void;
}

/**
 * What is at a place, for reading. `interrupt` is asked while a statement runs, where the engine allows it, and ends it by
 * throwing.
 * @throws READ_STORE_MISSING, READ_STORE_DAMAGED, READ_STORE_UNREACHABLE (unavailable)
 */
export async function openReads(place: Place, interrupt?: () => void): Promise<ReadConnection> {
  if (!isPostgresUrl(place)) return new ReadsAtOnce(openForReading(place));
  const schema = schemaOf(place);
  const db = await openAsyncPostgres(place, {
    schema,
    readOnly: true,
    interrupt,
    application: 'touchstone read store',
  });
  const [there] = await db.all('select 1 from pg_namespace where nspname = ?', schema);
  if (there) return new ReadsOnTheWay(db);
  db.close();
  throw missing(schema);
}

const missing = (schema: string): TouchstoneError =>
  new TouchstoneError(
    'READ_STORE_MISSING',
    `There is no read model in the schema ${schema}; start the server once, which makes it.`,
    'unavailable',
    { schema },
  );

/** A connection that has its answer when it is asked. */
export class ReadsAtOnce implements ReadConnection {
  readonly engine: Engine;
  private readonly statements: ShapedStatements;

  constructor(private readonly db: Connection) {
    this.engine = asPostgres(db) ? 'postgres' : 'sqlite';
    this.statements = new ShapedStatements(db);
  }

  get isOpen(): boolean {
    return this.db.isOpen;
  }

  kysely(beforeStatement: () => void): Kysely<unknown> {
    return kyselyOn(this.db, beforeStatement);
  }

  // An error is the promise's, as with every other connection.
  async all<R>(text: string, ...values: readonly Value[]): Promise<R[]> {
    return Promise.resolve(this.statements.of(text).all<R>(values));
  }

  async begin(): Promise<void> {
    return Promise.resolve(beginReading(this.db));
  }

  end(): void {
    endReading(this.db);
  }

  close(): void {
    this.db.close();
  }
}

/** A connection whose answers are on their way while more is asked. */
class ReadsOnTheWay implements ReadConnection {
  readonly engine = 'postgres';

  constructor(private readonly db: AsyncPostgres) {}

  get isOpen(): boolean {
    return this.db.isOpen;
  }

  kysely(beforeStatement: () => void): Kysely<unknown> {
    return new Kysely({ dialect: new AsyncPostgresDialect(this.db, beforeStatement) });
  }

  all<R>(text: string, ...values: readonly Value[]): Promise<R[]> {
    return this.db.all<R>(text, ...values);
  }

  begin(): Promise<unknown> {
    return this.db.query('begin isolation level repeatable read read only', []);
  }

  end(): void {
    // After an error it takes back instead, which is the same here.
    this.db.query('commit', []).catch(() => undefined);
    this.db.rest();
  }

  close(): void {
    this.db.close();
  }
}
