import fc from 'fast-check';
import { BatchApplier } from './batch-applier.js';
import { dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import type { Derivation, DerivedRows } from './projection.js';
import { recorded } from './recorded-events.js';
import { projectAll, projectionContract, projectMore, seeded, testPlace } from './testing.js';
import { purseGroup, purses, type PurseStep } from './spec/purses.js';
import { steps, toyDefects, toyDerivation, toyGroup, UNDERIVABLE } from './spec/toy.js';

const paid = (wallet: string, amount: number, coin = 'gold'): PurseStep => ({
  wallet,
  type: 'Paid',
  data: { amount, coin },
});
const joined = (wallet: string, into: string): PurseStep => ({ wallet, type: 'Joined', data: { into } });
const left = (wallet: string): PurseStep => ({ wallet, type: 'Left', data: {} });

const inLog = (script: readonly PurseStep[]) =>
  script.reduce<ReturnType<typeof recorded>>(
    (log, { wallet, ...event }) => recorded(`wallet-${wallet}`, [event], log),
    [],
  );

const sample = inLog([
  paid('a', 5),
  paid('b', 7, 'silver'),
  joined('a', 'wallet-b'),
  paid('a', 2),
  joined('b', 'wallet-c'),
  paid('c', 1),
  left('b'),
  paid('b', 9),
  joined('d', 'wallet-a'),
]);

projectionContract(purseGroup(), { name: 'the purses', events: sample });

describe('derived rows', () => {
  const wallet = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const script = fc.array(
    fc.oneof(
      fc.tuple(wallet, fc.integer({ min: -9, max: 9 }), fc.constantFrom('gold', 'silver')).map((p) => paid(...p)),
      fc.tuple(wallet, wallet).map(([from, into]) => joined(from, `wallet-${into}`)),
      wallet.map(left),
    ),
    { maxLength: 40 },
  );

  it('that depend on several units equal those built in one pass, however units join and part in whatever batches', () => {
    fc.assert(
      fc.property(script, fc.nat(), (steps, seed) => {
        const events = inLog(steps);
        const random = seeded(seed);
        const followed = projectAll(purseGroup(), events, {
          batch: () => 1 + Math.floor(random() * 5),
          between: (applier) => random() < 0.3 && applier.forgetUnits(),
        });
        expect(dumpRows(followed)).toEqual(dumpRows(projectAll(purseGroup(), events, { building: true })));
      }),
      { numRuns: 300 },
    );
  });

  it('are what they should be', () => {
    const { purse, purse_payments, purse_payments_per_day } = dumpRows(projectAll(purseGroup(), sample));
    // {a, b, d} and {c}: 4 payments in the purse of three, 1 in the purse of one.
    expect(purse!.map(({ wallets, largest }) => [wallets, largest])).toEqual([[3, 9], [1, 1]]); // prettier-ignore
    expect(purse_payments!.map(({ day, payments, amount }) => [day, payments, amount])).toEqual([
      [1, 1, 1],
      [3, 3, 16],
      [3, 1, 7],
    ]);
    expect(purse_payments_per_day).toEqual([
      { day: 1, payments: 1, amount: 1 },
      { day: 3, payments: 4, amount: 23 },
    ]);
  });

  it('are prepared with the rows before the batch, followed with those after it, and left alone where no row changes', () => {
    const calls: unknown[] = [];
    const count = 'select count(*) as n from payment';
    const spy: Derivation = {
      ...toyDerivation(),
      name: 'spy',
      tables: [],
      prepare: (changes, rows) => calls.push(['before', changes.length, rows.all(count)[0]!.n]) && 'prepared',
      follow: (prepared, rows) => calls.push([prepared, rows.all(count)[0]!.n, rows.idOf('coin', 'tin')]),
    };
    const store = projectAll(purseGroup([spy]), inLog([paid('a', 5), paid('b', 6)]));
    const more = recorded(
      'wallet-a',
      [{ type: 'Paid', data: { amount: 1, coin: 'tin' } }],
      inLog([paid('a', 5), paid('b', 6)]),
    );
    projectMore(store, recorded('other', [{ type: 'Unknown', data: {} }], more), { batch: 1 });
    const tin = store.db.prepare(`select id from name where value = 'tin'`).get().id;
    expect(calls).toEqual([['before', 4, 0], ['prepared', 2, null], ['before', 2, 2], ['prepared', 3, tin]]); // prettier-ignore
  });

  it('may read what was derived before them', () => {
    const tables = [{ name: 'richest', columns: { one: 'int', root: 'int' }, key: ['one'] }] as const;
    const take = (_: unknown, rows: DerivedRows) => {
      const [row] = rows.all('select root from purse order by largest desc, root limit 1');
      if (row) rows.write({ op: 'put', table: 'richest', row: { one: 1, root: row.root! } });
    };
    const richest: Derivation = {
      name: 'richest', version: 1, tables, build: (rows) => take(null, rows), prepare: () => null, follow: take,
    }; // prettier-ignore
    const group = purseGroup([purses, richest]);
    const followed = dumpRows(projectAll(group, sample, { batch: 2 }));
    expect(followed.richest).toHaveLength(1);
    expect(followed).toEqual(dumpRows(projectAll(group, sample, { building: true })));
  });

  it('are not there while their generation is being built, and have their indexes when it is done', () => {
    const store = GenerationStore.open(purseGroup(), 'purses-1', testPlace(), { building: true });
    const indexes = () =>
      store.db
        .prepare(
          process.env['TEST_READ_STORE_URL']
            ? `select indexname as name from pg_indexes where schemaname = current_schema() and indexname like '%\\_by\\_%' order by 1`
            : `select name from sqlite_schema where type = 'index' and name like '%\\_by\\_%' escape '\\' order by name`,
        )
        .all()
        .map(({ name }) => name as string);
    projectMore(store, sample);
    expect(dumpRows(store).purse).toEqual([]);
    expect(indexes()).not.toContain('purse_by_largest');
    const phases: string[] = [];
    store.makeDurable(() => phases.push(`deriving with ${dumpRows(store).purse!.length}, ${indexes().join()}`));
    expect(phases).toEqual(['deriving with 0, recorded_at_index_by_time,wallet_by_joined']);
    expect(dumpRows(store).purse).toHaveLength(2);
    expect(indexes()).toContain('purse_by_largest');
  });

  it('are written by their own derivation only, each table and name once', () => {
    const trespass: Derivation = {
      ...purses,
      follow: (_, rows) => rows.write({ op: 'delete', table: 'payment', key: { wallet: 1 } }),
    };
    expect(() => projectAll(purseGroup([trespass]), sample)).toThrow(/PROJECTION_ROW.*"purses" wrote to.*"payment"/);
    const refused = expect.objectContaining({ code: 'PROJECTION_TABLES' });
    expect(() => projectAll(purseGroup([purses, { ...purses, name: 'again' }]), [])).toThrow(refused);
    expect(() => projectAll(purseGroup([purses, { ...purses, tables: [] }]), [])).toThrow(refused);
    expect(() => projectAll(purseGroup([{ ...purses, name: 'wallets' }]), [])).toThrow(refused);
  });
});

describe('a derivation that fails', () => {
  const plain = recorded('counter-b', steps('x', 'y'), recorded('counter-a', steps('x', 'x', 'z')));
  const bad = recorded('counter-c', steps('x', UNDERIVABLE, 'y'), plain);
  const events = recorded('counter-d', steps('x', 'y'), recorded('counter-b', steps('z'), bad));
  const now = () => '2024-01-01T00:00:00.000Z';

  beforeEach(() => (toyDefects.on = true));
  afterEach(() => (toyDefects.on = true));

  it.each([1, 3, 100])('parks the event that causes it; the rest goes on and is derived (batches of %d)', (batch) => {
    const store = projectAll(toyGroup(), events, { batch, mayPark: true });
    expect(store.parked.list().map((p) => [p.stream, p.revision, p.reason, p.message])).toEqual([
      ['counter-c', 1, 'failed', 'Cannot derive.'],
      ['counter-c', 2, 'behind', expect.any(String)],
    ]);
    expect(store.checkpoint.position).toBe(events.at(-1)!.position);
    const taken = events.filter(({ stream, revision }) => stream !== 'counter-c' || revision === 0);
    const { steps_by_size, steps_by_size_per_day } = dumpRows(projectAll(toyGroup(), taken, { building: true }));
    const rows = dumpRows(store);
    expect(rows.steps_by_size_per_day).toEqual(steps_by_size_per_day);
    expect(sums(rows.steps_by_size!)).toEqual(sums(steps_by_size!));
  });

  it('and is mended takes the parked events with their derived rows', () => {
    const store = projectAll(toyGroup(), events, { batch: 2, mayPark: true });
    const applier = new BatchApplier(store, (event) => event, now);
    const parked = events.filter(({ stream, revision }) => stream === 'counter-c' && revision > 0);
    expect(applier.retry(parked)).toEqual({ taken: 2, parked: 2 });
    toyDefects.on = false;
    expect(applier.retry(parked)).toEqual({ taken: 2, parked: 0 });
    expect(store.parked.list()).toEqual([]);
    const { steps_by_size_per_day } = dumpRows(projectAll(toyGroup(), events, { building: true }));
    expect(dumpRows(store).steps_by_size_per_day).toEqual(steps_by_size_per_day);
  });

  it('leaves nothing of its batch behind', () => {
    const store = projectAll(toyGroup(), plain);
    const before = dumpRows(store);
    const full = Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
    const group = { ...toyGroup(), derivations: [{ ...toyDerivation(), follow: failAfterWriting(full) }] };
    const failing = GenerationStore.open(group, 'toys-1', testPlace());
    expect(() => projectMore(failing, plain)).toThrow(full);
    expect(failing.checkpoint.position).toBe('');
    expect(Object.values(dumpRows(failing)).flat()).toHaveLength(1);
    expect(before.steps_by_size!.length).toBeGreaterThan(0);
  });

  it('while a generation is built ends the build, and says which one it was', () => {
    const build = () => {
      throw new RangeError('Out of bounds.');
    };
    const group = { ...toyGroup(), derivations: [{ ...toyDerivation(), build }] };
    expect(() => projectAll(group, plain, { building: true })).toThrow(
      expect.objectContaining({ code: 'DERIVATION_FAILED', message: expect.stringContaining('"sizes"') }),
    );
  });
});

const failAfterWriting =
  (error: Error): Derivation['follow'] =>
  (prepared, rows) => {
    toyDerivation().follow(prepared, rows);
    throw error;
  };

/** Rows without their surrogate, which depends on when a label was first used. */
const sums = (rows: readonly Readonly<Record<string, unknown>>[]) =>
  rows.map(({ day, steps, sum }) => `${String(day)} ${String(steps)} ${String(sum)}`).sort();
