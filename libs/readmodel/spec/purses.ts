import type { RecordedEvent } from '@touchstone/eventing/pure';
import { CubeDelta, cubeTables, type CubeSpec } from '../cube.js';
import { inGroup } from '../projection.js';
import type { Derivation, DerivedRows, Projection, ProjectionGroup, Row, RowChange } from '../projection.js';

/**
 * Support of this lib's tests: wallets that are paid into and join one another, which can be undone. What is derived,
 * the purse of all wallets that have joined, is a function of several units: a merge changes it far from its event.
 */
export interface Paid {
  readonly amount: number;
  readonly coin: string;
}

interface Wallet {
  readonly id: number;
  into: number | null;
  readonly payments: Set<string>;
  changes: RowChange[];
}

const wallets: Projection<Wallet> = {
  name: 'wallets',
  version: 1,
  tables: [
    {
      name: 'wallet',
      columns: { id: 'int', joined: 'int' },
      nullable: ['joined'],
      key: ['id'],
      indexes: [['joined']],
      compare: { names: ['id', 'joined'] },
    },
    {
      name: 'payment',
      columns: { wallet: 'int', event: 'text', amount: 'int', coin: 'int' },
      key: ['wallet', 'event'],
      compare: { names: ['wallet', 'coin'] },
    },
  ],
  handles: ['Paid', 'Joined', 'Left'],
  unit: (event) => ['wallet', event.stream],
  names: ({ type, data }) => {
    if (type === 'Paid') return [['coin', (data as Paid).coin]];
    return type === 'Joined' ? [['wallet', (data as { into: string }).into]] : [];
  },
  loads: [
    { table: 'wallet', by: 'id' },
    { table: 'payment', by: 'wallet' },
  ],
  restore: (id, _name, [wallet, payments]) => ({
    id,
    into: (wallet![0]?.joined as number | null | undefined) ?? null,
    payments: new Set(payments!.map((row) => row.event as string)),
    changes: [],
  }),
  apply(wallet, event, idOf) {
    if (event.type === 'Paid') {
      if (wallet.payments.has(event.id)) return;
      wallet.payments.add(event.id);
      const { amount, coin } = event.data as Paid;
      const row = { wallet: wallet.id, event: event.id, amount, coin: idOf('coin', coin) };
      wallet.changes.push({ op: 'put', table: 'payment', row });
    } else {
      wallet.into = event.type === 'Joined' ? idOf('wallet', (event.data as { into: string }).into) : null;
    }
    wallet.changes.push({ op: 'put', table: 'wallet', row: { id: wallet.id, joined: wallet.into } });
  },
  changes(wallet) {
    const { changes } = wallet;
    wallet.changes = [];
    return changes;
  },
};

/** Payments by coin and by how many wallets share the purse they went to (as days). */
export const PURSE_CUBE: CubeSpec = {
  name: 'purse_payments',
  dims: ['day', 'coin'],
  measures: ['payments', 'amount'],
  rollups: [[]],
  compare: { names: ['coin'] },
};

interface Purse {
  readonly wallets: readonly number[];
  readonly payments: readonly Row[];
}

export const purses: Derivation = {
  name: 'purses',
  version: 1,
  tables: [
    {
      name: 'purse',
      columns: { root: 'int', wallets: 'int', largest: 'int' },
      key: ['root'],
      indexes: [['largest']],
      // Of wallets in a circle the root is the one named first, which another order of the same events changes.
      compare: { ignore: ['root'] },
    },
    ...cubeTables(PURSE_CUBE),
  ],
  build(rows) {
    const delta = new CubeDelta(PURSE_CUBE);
    const roots = new Set<number>();
    for (const { id } of rows.each('select id from wallet order by id')) roots.add(rootOf(rows, id as number));
    for (const root of roots) show(rows, root, delta);
    for (const change of delta.changes()) rows.write(change);
  },
  prepare(changes, rows) {
    const delta = new CubeDelta(PURSE_CUBE);
    const concerned = new Set<number>();
    // A wallet that is joined is concerned as well, though nothing happened to it.
    for (const change of changes) {
      if (change.op !== 'put') continue;
      const { id, joined, wallet } = change.row;
      for (const touched of [id, joined, wallet]) if (typeof touched === 'number') concerned.add(touched);
    }
    const roots = new Set([...concerned].map((wallet) => rootOf(rows, wallet)));
    for (const root of roots) {
      const purse = purseOf(rows, root);
      for (const wallet of purse.wallets) concerned.add(wallet);
      count(purse, delta, -1);
    }
    return { concerned, roots, delta };
  },
  follow(prepared, rows) {
    const { concerned, roots, delta } = prepared as {
      concerned: Set<number>;
      roots: Set<number>;
      delta: CubeDelta;
    };
    for (const root of roots) rows.write({ op: 'delete', table: 'purse', key: { root } });
    for (const root of new Set([...concerned].map((wallet) => rootOf(rows, wallet)))) show(rows, root, delta);
    for (const change of delta.changes()) rows.write(change);
  },
};

export const purseGroup = (derivations: readonly Derivation[] = [purses]): ProjectionGroup => ({
  name: 'purses',
  projections: [inGroup(wallets)],
  derivations,
});

function show(rows: DerivedRows, root: number, delta: CubeDelta): void {
  const purse = purseOf(rows, root);
  // Named by one that has left it since, and never heard of itself: not there.
  if (purse.wallets.length === 1 && rows.all('select id from wallet where id = ?', root).length === 0) return;
  count(purse, delta, 1);
  const largest = Math.max(0, ...purse.payments.map(({ amount }) => amount as number));
  rows.write({ op: 'put', table: 'purse', row: { root, wallets: purse.wallets.length, largest } });
}

function count({ wallets, payments }: Purse, delta: CubeDelta, sign: 1 | -1): void {
  for (const { coin, amount } of payments) {
    delta.add([wallets.length, coin as number], [1, amount as number], sign);
  }
}

/** Where the chain of joined wallets ends; of a circle the first given out. */
function rootOf(rows: DerivedRows, wallet: number): number {
  const seen: number[] = [];
  for (let at = wallet; ;) {
    const again = seen.indexOf(at);
    if (again !== -1) return Math.min(...seen.slice(again));
    seen.push(at);
    const next = rows.all('select joined from wallet where id = ?', at)[0]?.joined;
    if (typeof next !== 'number') return at;
    at = next;
  }
}

function purseOf(rows: DerivedRows, root: number): Purse {
  const wallets = new Set([root]);
  for (const wallet of wallets) {
    for (const { id } of rows.all('select id from wallet where joined = ?', wallet)) wallets.add(id as number);
  }
  const payments = [...wallets].flatMap((wallet) =>
    rows.all('select amount, coin from payment where wallet = ?', wallet),
  );
  return { wallets: [...wallets], payments };
}

/** What a random script of payments and merges is recorded as. */
export type PurseStep = Pick<RecordedEvent, 'type' | 'data'> & { readonly wallet: string };
