import { deepStrictEqual, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RecordedEvent } from '@touchstone/eventing/pure';
import { BatchApplier } from './batch-applier.js';
import type { ReadEvent } from './digest.js';
import { dumpCurrent, dumpRows } from './dump.js';
import { GenerationStore } from './generation-store.js';
import { inSchema, type Place } from './place.js';
import { inOrder } from './recorded-events.js';
import type { DigestReader, DigestWriter, EventMark, Projection, ProjectionGroup } from './projection.js';
import { otherOrder, seeded } from './shuffle.js';

export { InlineReads, type InlineReadsOptions } from './inline-reads.js';
export { dumpCurrent, dumpRows, type Dump } from './dump.js';
export { inOrder, positionOf, recorded, type ToRecord } from './recorded-events.js';
export { otherOrder, seeded, shuffled } from './shuffle.js';

/** For tests: the projection kit. Needs Jest's `describe` and `it` only for `projectionContract`. */
declare const describe: (name: string, body: () => void) => void;
declare const it: { (name: string, body: () => unknown): void; skip(name: string, body: () => unknown): void };

/**
 * Where a test has a generation or a read store of its own: `otherwise`, or, where `TEST_READ_STORE_URL` names a PostgreSQL,
 * a schema there that nobody else has; the same for the same path.
 */
export function testPlace(otherwise: Place = ':memory:'): Place {
  const url = process.env['TEST_READ_STORE_URL'];
  if (!url) return otherwise;
  const name = () => `t${randomBytes(8).toString('hex')}`;
  // Stores in memory are never closed, and there are hundreds of them.
  if (otherwise === ':memory:') return inSchema(`${url}?line=test`, name());
  let place = places.get(otherwise);
  if (place === undefined) places.set(otherwise, (place = inSchema(url, name())));
  return place;
}

const places = new Map<string, Place>();

/** `it` for what SQLite alone has, such as its plans of queries: on PostgreSQL it is skipped. */
export const onSqlite = (): { (name: string, body: () => unknown): void } =>
  process.env['TEST_READ_STORE_URL'] ? it.skip : it;

/** Rounds there: the same cases have all of theirs on SQLite, and a new schema takes a hundred times as long as a new file. */
export const fewer = (rounds: number): number => (process.env['TEST_READ_STORE_URL'] ? Math.ceil(rounds / 5) : rounds);

export interface ProjectAll {
  /** Lifts stored events to today's shape, such as `registry.read`; default: as they are. */
  readonly read?: ReadEvent;
  /** Events per transaction; default all of them. A function gives each next batch its size. */
  readonly batch?: number | (() => number);
  /** Between two batches, for instance to forget what is in memory. */
  readonly between?: (applier: BatchApplier) => void;
  /** As a new generation is built: indexes and derived rows come at the end. */
  readonly building?: boolean;
  /** A parked event fails the call unless this is set. */
  readonly mayPark?: boolean;
}

/**
 * Projects recorded events into a store of its own (`testPlace`): `new InlineReads(projectAll(group, events))`.
 * @throws when an event had to be parked, with its reason
 */
export function projectAll(
  group: ProjectionGroup,
  events: readonly RecordedEvent[],
  options: ProjectAll = {},
): GenerationStore {
  const store = GenerationStore.open(group, `${group.name}-1`, testPlace(), { building: options.building });
  projectMore(store, events, options);
  store.makeDurable();
  return store;
}

/** Projects further events into a store; those at or below its checkpoint are passed by. */
export function projectMore(
  store: GenerationStore,
  events: readonly RecordedEvent[],
  { read = (event) => event, batch = events.length, between, mayPark = false, building = false }: ProjectAll = {},
): void {
  // As a build does it, with so little memory that units leave it all the time.
  const limits = building ? { deferNewest: true, unitsInMemory: 3 } : {};
  const applier = new BatchApplier(store, read, () => '2024-01-01T00:00:00.000Z', limits);
  for (let from = 0; from < events.length;) {
    const size = Math.max(1, typeof batch === 'number' ? batch : batch());
    applier.follow(events.slice(from, from + size));
    from += size;
    between?.(applier);
  }
  if (building) applier.flush();
  const [parked] = store.parked.list();
  if (parked && !mayPark) {
    throw new Error(
      `${parked.type} at ${parked.stream}@${parked.revision} was parked: ${parked.code}, ${parked.message}`,
    );
  }
}

export interface ProjectionContract extends Pick<ProjectAll, 'read'> {
  /** Heading of the cases. */
  readonly name: string;
  /** A sample log: make it touch every type the projections handle. */
  readonly events: readonly RecordedEvent[];
  /** Which events are facts, so that they may be recorded in any order among themselves; default none. */
  readonly facts?: (event: RecordedEvent) => boolean;
  /** Orders tried; default 20. */
  readonly rounds?: number;
}

/**
 * What every projection owes, as Jest cases: a second delivery changes nothing, another order of the same facts gives
 * the same current rows, a rebuild equals what was projected live, derived rows included. The sample has to use every type that is handled,
 * or the cases would prove nothing for the rest.
 */
export function projectionContract(group: ProjectionGroup, contract: ProjectionContract): void {
  const { name, read } = contract;
  const events = inOrder(contract.events);
  describe(`${name} keeps the contract of projections`, () => {
    it('the sample has every event type that is handled', () => {
      const used = new Set(events.map((event) => event.type));
      const missing = group.projections.flatMap((p) => p.handles).filter((type) => !used.has(type));
      deepStrictEqual([...new Set(missing)], []);
      ok(Object.values(dumpRows(projectAll(group, events, { read }))).flat().length > 0, 'it projects no rows');
    });

    it('a second delivery of every event changes nothing', () => {
      const store = projectAll(group, events, { read });
      const once = dumpRows(store);
      projectMore(store, events, { read, batch: 1 });
      deepStrictEqual(dumpRows(store), once);
      deepStrictEqual(dumpRows(projectAll(twice(group), events, { read })), once);
    });

    it('a second delivery after the unit was read back from its rows changes nothing', () => {
      const once = dumpRows(projectAll(group, events, { read }));
      const store = projectAll(group, [], { read });
      const applier = new BatchApplier(store, read ?? ((event) => event), () => '2024-01-01T00:00:00.000Z');
      for (const event of events) {
        applier.follow([event]);
        applier.forgetUnits();
        // As if it had been parked and were taken once more: the checkpoint does not stand in its way.
        applier.retry([event]);
        applier.forgetUnits();
      }
      deepStrictEqual(dumpRows(store), once);
    });

    it('shuffled delivery gives the same current rows', () => {
      const straight = dumpCurrent(projectAll(group, events, { read }));
      for (let seed = 1; seed <= fewer(contract.rounds ?? 20); seed++) {
        const shuffled = inOrder(otherOrder(events, contract.facts ?? (() => false), seeded(seed)));
        const current = dumpCurrent(projectAll(group, shuffled, { read, batch: 1 + (seed % 7) }));
        deepStrictEqual(current, straight, `another order (seed ${seed}) gives other rows`);
      }
    });

    it('rebuilt equals live', () => {
      const rebuilt = dumpRows(projectAll(group, events, { read }));
      for (let seed = 1; seed <= fewer(5); seed++) {
        const random = seeded(seed);
        const live = projectAll(group, events, {
          read,
          batch: () => 1 + Math.floor(random() * 4),
          between: (applier) => random() < 0.5 && applier.forgetUnits(),
        });
        deepStrictEqual(dumpRows(live), rebuilt, `live batches (seed ${seed}) give other rows`);
      }
    });

    if (group.derivations?.length) derivedCase(group, contract, events);
  });
}

function derivedCase(group: ProjectionGroup, { read }: ProjectionContract, events: readonly RecordedEvent[]): void {
  it('derived rows followed in batches equal those built in one pass', () => {
    const built = dumpRows(projectAll(group, events, { read, building: true, batch: 5 }));
    for (const { name, tables } of group.derivations!) {
      ok(
        tables.some((table) => built[table.name]!.length > 0),
        `${name} derives no rows`,
      );
    }
    for (let seed = 1; seed <= fewer(10); seed++) {
      const random = seeded(seed);
      // The first log of a generation may also be cut anywhere: built up to there, followed from there.
      const cut = Math.floor(random() * (events.length + 1));
      const store = projectAll(group, events.slice(0, cut), { read, building: seed % 2 === 0 });
      projectMore(store, events, { read, batch: () => 1 + Math.floor(random() * 6) });
      deepStrictEqual(dumpRows(store), built, `followed in batches (seed ${seed}) it derives other rows`);
    }
  });
}

/** The same group with every event applied two times in a row. */
function twice(group: ProjectionGroup): ProjectionGroup {
  const projections = group.projections.map((projection: Projection<never>): Projection<never> => {
    if (!projection.digest) {
      const apply: typeof projection.apply = (unit, event, idOf) => {
        projection.apply(unit, event, idOf);
        projection.apply(unit, event, idOf);
      };
      return { ...projection, apply };
    }
    const { write, fold } = projection.digest;
    const twofold = {
      write: (event: RecordedEvent, to: DigestWriter) => {
        write(event, to);
        write(event, to);
      },
      fold: (unit: never, from: DigestReader, about: EventMark) => {
        fold(unit, from, about);
        fold(unit, from, about);
      },
    };
    return { ...projection, digest: twofold };
  });
  return { ...group, projections };
}
