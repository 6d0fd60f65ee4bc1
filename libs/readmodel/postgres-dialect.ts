import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type DatabaseMetadata,
  type Dialect,
  type Driver,
  type Kysely,
  type PrimitiveValueListNode,
  type QueryResult,
  type SchemaMetadata,
  type TableMetadata,
  type ValueListNode,
} from 'kysely';
import type { AsyncPostgres, SqlValue, SyncPostgres } from '@touchstone/eventing/read';

/** Kysely on one synchronous connection to PostgreSQL. `beforeStatement` may throw. */
export class SyncPostgresDialect implements Dialect {
  constructor(
    private readonly db: SyncPostgres,
    private readonly beforeStatement: () => void,
  ) {}

  createDriver(): Driver {
    return new SyncDriver(this.db, this.beforeStatement);
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new Compiler();
  }

  createAdapter(): PostgresAdapter {
    return new PostgresAdapter();
  }

  createIntrospector(): DatabaseIntrospector {
    return new OwnSchema(this.db);
  }
}

/** Kysely on one connection to PostgreSQL that is waited for. `beforeStatement` may throw. */
export class AsyncPostgresDialect implements Dialect {
  constructor(
    private readonly db: AsyncPostgres,
    private readonly beforeStatement: () => void,
  ) {}

  createDriver(): Driver {
    return new AsyncDriver(this.db, this.beforeStatement);
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new Compiler();
  }

  createAdapter(): PostgresAdapter {
    return new PostgresAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }
}

/** `in` of no values finds nothing, as on SQLite; PostgreSQL has no way to write it. */
class Compiler extends PostgresQueryCompiler {
  protected override visitPrimitiveValueList(node: PrimitiveValueListNode): void {
    if (node.values.length > 0) super.visitPrimitiveValueList(node);
    else this.append('(null)');
  }

  protected override visitValueList(node: ValueListNode): void {
    if (node.values.length > 0) super.visitValueList(node);
    else this.append('(null)');
  }
}

/** Tells of the connection's own schema only: a database may have many others. */
class OwnSchema implements DatabaseIntrospector {
  constructor(private readonly db: SyncPostgres) {}

  getSchemas(): Promise<SchemaMetadata[]> {
    const { rows } = this.db.rows('select nspname as name from pg_namespace where nspname = current_schema()', []);
    return Promise.resolve(rows as unknown as SchemaMetadata[]);
  }

  getTables(): Promise<TableMetadata[]> {
    const { rows } = this.db.rows(
      'select tablename as name, schemaname as schema from pg_tables where schemaname = current_schema()',
      [],
    );
    return Promise.resolve(rows.map((row) => ({ ...row, isView: false, columns: [] }) as unknown as TableMetadata));
  }

  async getMetadata(): Promise<DatabaseMetadata> {
    return { tables: await this.getTables() };
  }
}

class SyncDriver implements Driver {
  private readonly connection: SyncConnection;

  constructor(
    private readonly db: SyncPostgres,
    beforeStatement: () => void,
  ) {
    this.connection = new SyncConnection(db, beforeStatement);
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.connection);
  }

  async beginTransaction(): Promise<void> {
    this.db.exec('begin');
    return Promise.resolve();
  }

  async commitTransaction(): Promise<void> {
    this.db.exec('commit');
    return Promise.resolve();
  }

  async rollbackTransaction(): Promise<void> {
    this.db.exec('rollback');
    return Promise.resolve();
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.db.close();
    return Promise.resolve();
  }
}

class SyncConnection implements DatabaseConnection {
  constructor(
    private readonly db: SyncPostgres,
    private readonly beforeStatement: () => void,
  ) {}

  // An error is the promise's, as with every other driver.
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    this.beforeStatement();
    const { rows, changes } = this.db.rows(sql, parameters as readonly SqlValue[]);
    return Promise.resolve({ rows: rows as R[], numAffectedRows: BigInt(changes) });
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    for (const row of this.db.iterate(sql, parameters as readonly SqlValue[])) yield { rows: [row as R] };
  }
}

/** Nobody waits for a turn: statements of one connection may be on their way together. */
class AsyncDriver implements Driver {
  private readonly connection: DatabaseConnection;

  constructor(
    private readonly db: AsyncPostgres,
    beforeStatement: () => void,
  ) {
    const executeQuery = async <R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> => {
      beforeStatement();
      const { rows, changes } = await db.query(sql, parameters as readonly SqlValue[]);
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    };
    this.connection = {
      executeQuery,
      async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
        yield await executeQuery<R>(query);
      },
    };
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.connection);
  }

  async beginTransaction(): Promise<void> {
    await this.db.query('begin', []);
  }

  async commitTransaction(): Promise<void> {
    await this.db.query('commit', []);
  }

  async rollbackTransaction(): Promise<void> {
    await this.db.query('rollback', []);
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.db.close();
    return Promise.resolve();
  }
}
