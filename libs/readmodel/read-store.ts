import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Migrator, type Kysely, type Migration } from 'kysely';
import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import { settingsOf, shapeOfGroup } from './generation-tables.js';
import type { ProjectionGroup } from './projection.js';
import { asPostgres, isThere, openForWriting, removeAt, transaction, type Connection } from './connection.js';
import { inSchema, isPostgresUrl, schemaOf, type Place } from './place.js';
import { createSchema } from './postgres.js';
import { openReads, type ReadConnection } from './read-connection.js';
import { quoted } from './sqlite.js';
import { kyselyOn } from './sqlite-dialect.js';

/**
 * `building` answers nobody yet, `active` answers, `previous` is kept for a roll-back,
 * `retired` is about to be removed.
 */
export type GenerationState = 'building' | 'active' | 'previous' | 'retired';

/** One store of a projection group: all its tables, made by certain versions of its projections. */
export interface Generation {
  readonly group: string;
  readonly number: number;
  /** Such as `journeys-2`. */
  readonly name: string;
  readonly state: GenerationState;
  /** Version of each projection and derivation by its name. */
  readonly versions: Readonly<Record<string, number>>;
  /** Changes with any version, any table's shape and any setting. */
  readonly shape: string;
  /** Settings that its derivations were made with, by their names. */
  readonly settings: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly activatedAt: string | null;
}

export const META_FILE = 'meta.db';

/** Where a read store keeps what belongs to all of its groups. */
const metaOf = (store: Place): Place => (isPostgresUrl(store) ? store : join(store, META_FILE));

/** Where a read store has the tables of a generation. */
export const placeOfGeneration = (store: Place, { name }: Pick<Generation, 'name'>): Place =>
  isPostgresUrl(store) ? inSchema(store, `${schemaOf(store)}_${name.replaceAll('-', '_')}`) : join(store, `${name}.db`);

const MIGRATIONS: Record<string, Migration> = {
  '0001-generations': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('generation')
        .addColumn('group_name', 'text', (c) => c.notNull())
        .addColumn('number', 'integer', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('versions', 'text', (c) => c.notNull())
        .addColumn('shape', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('activated_at', 'text')
        .addPrimaryKeyConstraint('generation_key', ['group_name', 'number'])
        .execute();
      await db.schema
        .createTable('last_generation')
        .addColumn('group_name', 'text', (c) => c.primaryKey())
        .addColumn('number', 'integer', (c) => c.notNull())
        .execute();
    },
  },
};

/**
 * The read models: a directory where `meta.db` names the generations of each group and each generation has a file of its
 * own, or a PostgreSQL with a schema for what belongs to all and one for each generation. One process writes a group at a
 * time. A number is never used twice, so a reader cannot mistake one file for another.
 */
export class ReadStore {
  private constructor(
    readonly directory: Place,
    private readonly db: Connection,
    private readonly now: () => string,
  ) {}

  /**
   * Opens the directory or the schema, made and migrated if need be. `now` gives ISO 8601 UTC.
   * @throws READ_STORE_UNREACHABLE, READ_STORE_DAMAGED (unavailable)
   */
  static async open(directory: Place, now: () => string): Promise<ReadStore> {
    if (!isPostgresUrl(directory)) mkdirSync(directory, { recursive: true });
    const db = openForWriting(metaOf(directory), 'durable');
    try {
      const postgres = asPostgres(db);
      if (postgres) createSchema(postgres, directory);
      const migrator = new Migrator({
        db: kyselyOn(db),
        provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
        // It would take those of another schema for its own.
        ...(postgres && { migrationTableSchema: schemaOf(directory) }),
      });
      const { error } = await migrator.migrateToLatest();
      if (error) throw error as Error;
      return new ReadStore(directory, db, now);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  fileOf(generation: Pick<Generation, 'name'>): Place {
    return placeOfGeneration(this.directory, generation);
  }

  /** Whether the tables of a generation are there. */
  has(generation: Pick<Generation, 'name'>): boolean {
    return isThere(this.fileOf(generation));
  }

  list(group: string): Generation[] {
    return this.db.prepare(`${SELECT} where group_name = ? order by number`).all(group).map(generationOf);
  }

  active(group: string): Generation | null {
    return this.list(group).find((g) => g.state === 'active') ?? null;
  }

  /** Registers the next generation of a group. With nothing active yet it may be active at once. */
  create(group: ProjectionGroup, state: 'building' | 'active'): Generation {
    const makers = [...group.projections, ...(group.derivations ?? [])];
    const versions = Object.fromEntries(makers.map(({ name, version }) => [name, version]));
    const now = this.now();
    return transaction(this.db, () => {
      const { number } = this.db
        .prepare(
          `insert into last_generation values (?, 1) on conflict (group_name) do update set number = last_generation.number + 1
           returning number`,
        )
        .get(group.name) as { number: number };
      // A file of that name can only be the rest of a crash between two steps of an earlier removal.
      this.removeFile({ name: `${group.name}-${number}` });
      this.db
        .prepare('insert into generation values (?, ?, ?, ?, ?, ?, ?)')
        .run(
          group.name,
          number,
          state,
          JSON.stringify(versions),
          shapeOfGroup(group),
          now,
          state === 'active' ? now : null,
        );
      return this.get(group.name, number);
    });
  }

  /**
   * Makes a generation the one that answers, at once for every reader, and the one before it `previous`.
   * @throws GENERATION_BEHIND (conflict) when it has not reached what the active one has shown already
   * @throws GENERATION_UNKNOWN (notFound)
   */
  activate(group: string, number: number, progress: { reached: Position; mustReach: Position }): void {
    if (progress.reached < progress.mustReach) {
      throw new TouchstoneError(
        'GENERATION_BEHIND',
        `Generation ${group}-${number} stands at ${progress.reached || 'the beginning'}, the active one at ${progress.mustReach}; let it catch up first.`,
        'conflict',
        { group, number, ...progress },
      );
    }
    transaction(this.db, () => {
      this.get(group, number);
      const state = this.db.prepare(
        'update generation set state = ? where group_name = ? and state = ? and number <> ?',
      );
      state.run('retired', group, 'previous', number);
      state.run('previous', group, 'active', number);
      this.db
        .prepare(`update generation set state = 'active', activated_at = ? where group_name = ? and number = ?`)
        .run(this.now(), group, number);
    });
  }

  /**
   * Removes what nobody needs: generations older than the previous one and, unless one is being built right now, the
   * remains of a build that was broken off; it was never made durable and cannot be trusted.
   */
  removeObsolete(group: string, building?: number): void {
    const obsolete = this.db
      .prepare(`${SELECT} where group_name = ? and state in ('retired', 'building') and number <> ?`)
      .all(group, building ?? 0)
      .map(generationOf);
    for (const generation of obsolete) {
      // The file first: a row without a file can be removed again, a file without a row would stay for ever.
      this.removeFile(generation);
      this.db.prepare('delete from generation where group_name = ? and number = ?').run(group, generation.number);
    }
  }

  /** False once its connection is broken. */
  get isOpen(): boolean {
    return this.db.isOpen;
  }

  close(): void {
    if (this.db.isOpen) this.db.close();
  }

  private get(group: string, number: number): Generation {
    const row = this.db.prepare(`${SELECT} where group_name = ? and number = ?`).get(group, number);
    if (row) return generationOf(row);
    throw new TouchstoneError(
      'GENERATION_UNKNOWN',
      `There is no generation ${group}-${number}; list them first.`,
      'notFound',
    );
  }

  private removeFile(generation: Pick<Generation, 'name'>): void {
    removeAt(this.fileOf(generation));
  }
}

/** True when the group's projections, as this process knows them, can go on writing the generation. */
export function fits(generation: Generation, group: ProjectionGroup): boolean {
  return generation.shape === shapeOfGroup(group);
}

/** The reading side of `meta.db`: which generation answers right now. */
export class ActiveGenerations {
  private db: ReadConnection | null = null;
  /** By group: what was read last, and which it was. */
  private readonly last = new Map<string, { readonly key: string; readonly generation: Generation }>();
  private readonly where: string;

  constructor(private readonly directory: Place) {
    // By its schema: a connection to a generation is asked too.
    const table = isPostgresUrl(directory) ? `${quoted(schemaOf(directory))}.generation` : 'generation';
    this.where = `from ${table} where group_name = ? and state = 'active'`;
  }

  /**
   * @param on a connection that sees all schemas may be asked within its transaction
   * @throws READ_MODEL_NOT_READY (unavailable) before the group's first generation is there
   */
  async of(group: string, on?: ReadConnection): Promise<Generation> {
    try {
      const db = on && on.engine === 'postgres' ? on : await this.connection();
      // Every read asks, and the answer changes once in a release: the rest of the row is long.
      const [now] = await db.all<GenerationRow>(`select number, activated_at ${this.where}`, group);
      const known = this.last.get(group);
      if (now && known?.key === keyOf(now)) return known.generation;
      const [row] = now ? await db.all<GenerationRow>(`select ${GENERATION_COLUMNS} ${this.where}`, group) : [];
      if (row) return this.keep(group, row);
    } catch (error) {
      // A connection that is broken is not asked again.
      if (this.db?.isOpen === false) this.close();
      throw notReady(group, error);
    }
    throw notReady(group);
  }

  close(): void {
    this.db?.close();
    this.db = null;
  }

  private async connection(): Promise<ReadConnection> {
    return (this.db ??= await openReads(metaOf(this.directory)));
  }

  private keep(group: string, row: GenerationRow): Generation {
    const generation = generationOf(row);
    this.last.set(group, { key: keyOf(row), generation });
    return generation;
  }
}

/** A number is never used twice. */
const keyOf = (row: GenerationRow): string => `${row['number']} ${row['activated_at']}`;

export function notReady(group: string, cause?: unknown): TouchstoneError {
  return new TouchstoneError(
    'READ_MODEL_NOT_READY',
    `The read model "${group}" is not there yet; wait until the projections have started and ask again.`,
    'unavailable',
    { group },
    { cause },
  );
}

const GENERATION_COLUMNS = 'group_name, number, state, versions, shape, created_at, activated_at';
const SELECT = `select ${GENERATION_COLUMNS} from generation`;

type GenerationRow = Record<string, string | number | null>;

function generationOf(row: GenerationRow): Generation {
  return {
    group: String(row.group_name),
    number: Number(row.number),
    name: `${row.group_name}-${row.number}`,
    state: row.state as GenerationState,
    versions: JSON.parse(String(row.versions)) as Record<string, number>,
    shape: String(row.shape),
    settings: settingsOf(String(row.shape)),
    createdAt: String(row.created_at),
    activatedAt: row.activated_at as string | null,
  };
}
