import { TouchstoneError } from '@touchstone/eventing/pure';
import { createIndexes } from './generation-tables.js';
import type { NameTable } from './name-table.js';
import type { PartHelper } from './part-helper.js';
import type { BuiltInParts, Derivation, DerivedRows, ProjectionGroup, Row, RowChange } from './projection.js';
import type { Rows } from './row-writer.js';
import { messageOf } from './runner-status.js';
import { ShapedStatements } from './shaped-rows.js';
import { storeFault, transaction, type Connection } from './connection.js';

/** The derivations of a group on one generation's connection; used inside its write transactions only. */
export class Derivations {
  private readonly all: readonly { readonly derivation: Derivation; readonly rows: DerivedRows }[];

  constructor(
    private readonly db: Connection,
    group: ProjectionGroup,
    private readonly names: NameTable,
    private readonly writer: Rows,
  ) {
    const statements = new ShapedStatements(db);
    this.all = (group.derivations ?? []).map((derivation) => {
      const own = new Set(derivation.tables.map(({ name }) => name));
      const rows: DerivedRows = {
        all: (text, ...params) => {
          this.before(text);
          return statements.of(text).all<Row>(params);
        },
        each: (text, ...params) => {
          this.before(text);
          return statements.each<Row>(text, params);
        },
        write: (change) => (own.has(change.table) ? writer.write(change) : notIts(derivation, change.table)),
        insert: (table, values) => (own.has(table) ? writer.insert(table, values) : notIts(derivation, table)),
        idOf: (dictionary, value) => names.find(dictionary, value),
      };
      return { derivation, rows };
    });
  }

  /** Fills the empty tables from the projections' rows. @throws DERIVATION_FAILED (internal) */
  build(): void {
    for (const { derivation, rows } of this.all) {
      try {
        if (derivation.parts) inOneThread(derivation.parts, rows);
        else derivation.build(rows);
      } catch (error) {
        throw derivationFailed(derivation.name, error);
      }
      this.settle();
      // Only now: one sort instead of many small inserts. Those behind it may read through them.
      createIndexes(this.db, derivation.tables);
    }
  }

  /** The same with the help of another thread, which has the file open for reading. */
  async buildWith(helper: PartHelper, signal: AbortSignal): Promise<void> {
    for (const [index, { derivation, rows }] of this.all.entries()) {
      const write = (work: () => void) =>
        transaction(this.db, () => {
          work();
          this.settle();
        });
      try {
        if (derivation.parts) await helper.build({ index, parts: derivation.parts, rows, write, signal });
        else write(() => derivation.build(rows));
      } catch (error) {
        throw derivationFailed(derivation.name, error);
      }
      createIndexes(this.db, derivation.tables);
    }
  }

  private before(text: string): void {
    this.names.settle();
    this.writer.before(text);
  }

  private settle(): void {
    this.names.settle();
    this.writer.settle();
  }

  /** Writes a batch's changes with `write`, and follows them. */
  follow(changes: readonly RowChange[], write: () => void): void {
    // Derived rows depend on rows alone: where none changes, they stay.
    if (changes.length === 0) return;
    const prepared = this.all.map(({ derivation, rows }) => derivation.prepare(changes, rows));
    write();
    this.all.forEach(({ derivation, rows }, i) => derivation.follow(prepared[i], rows));
  }
}

function notIts({ name }: Derivation, table: string): never {
  throw new TouchstoneError(
    'PROJECTION_ROW',
    `The derivation "${name}" wrote to the table "${table}", which is not its own; let it declare the table.`,
    'internal',
  );
}

function inOneThread({ split, maker, taker }: BuiltInParts['parts'], rows: DerivedRows): void {
  const takes = taker(rows);
  const makes = maker(rows, (made) => takes.take(made));
  for (const part of split(rows)) makes.make(part);
  makes.end();
  takes.finish();
}

/** Family errors and those of the store itself (a full disk) pass; anything else is a defect of the derivation. */
export function derivationFailed(name: string, error: unknown): unknown {
  if (error instanceof TouchstoneError || storeFault(error) !== null) return error;
  return new TouchstoneError(
    'DERIVATION_FAILED',
    `The derivation "${name}" could not be built (${messageOf(error)}); the generation that answers stays. Please report this.`,
    'internal',
    { derivation: name },
    { cause: error },
  );
}
