import { openSyncPostgres, type SyncPostgres } from '@touchstone/eventing/read';
import { postgresForSuite, type TestPostgres } from '../../scripts/postgres.js';
import type { ProjectionGroup, RowChange, TableSpec, Value } from './projection.js';
import { PostgresRows } from './postgres-rows.js';

const word: TableSpec = { name: 'word', columns: { id: 'int', text: 'text' }, nullable: ['text'], key: ['id'] };
const group = { name: 'words', projections: [{ tables: [word], loads: [] }] } as unknown as ProjectionGroup;

describe('rows on PostgreSQL', () => {
  let server: TestPostgres | null;
  let db: SyncPostgres;
  beforeAll(async () => {
    server = await postgresForSuite();
  });
  afterAll(() => server?.stop());
  beforeEach(() => {
    if (!server) return;
    db = openSyncPostgres(server.url);
    db.exec('create temp table word (id bigint primary key, "text" text)');
  });
  afterEach(() => db?.close());

  const insert = (...values: Value[]): RowChange => ({ op: 'insert', table: 'word', values });
  const stored = () => db.prepare('select * from word order by id').all();
  function write(isTrusting: boolean, ...changes: RowChange[]): void {
    const rows = new PostgresRows(db, group, () => isTrusting);
    rows.writeAll(changes);
    rows.settle();
  }

  it.each([true, false])(
    'are what the changes of a batch say, one after the other (taken at their word: %s)',
    (trusting) => {
      if (!server) return;
      write(trusting, insert(1, 'one'), insert(2, 'two'), insert(3, null));
      write(
        trusting,
        // Neither of these is new, whatever is said of it.
        { op: 'delete', table: 'word', key: { id: 1 } },
        insert(1, 'uno'),
        { op: 'set', table: 'word', key: { id: 2 }, set: { text: 'due' } },
        insert(4, 'four'),
        { op: 'set', table: 'word', key: { id: 4 }, set: { text: 'quattro' } },
        insert(5, 'five'),
        { op: 'put', table: 'word', row: { id: 5, text: 'cinque' } },
        insert(6, 'six'),
        { op: 'delete', table: 'word', key: { id: 6 } },
      );
      expect(stored()).toEqual([
        { id: 1, text: 'uno' },
        { id: 2, text: 'due' },
        { id: 3, text: null },
        { id: 4, text: 'quattro' },
        { id: 5, text: 'cinque' },
      ]);
    },
  );

  it('that are said to be new are written over what is there, unless they are taken at their word', () => {
    if (!server) return;
    write(true, insert(1, 'one'));
    write(false, insert(1, 'uno'));
    expect(stored()).toEqual([{ id: 1, text: 'uno' }]);
    expect(() => write(true, insert(1, 'ein'))).toThrow(expect.objectContaining({ sqlState: '23505' }));
    expect(stored()).toEqual([{ id: 1, text: 'uno' }]);
  });
});
