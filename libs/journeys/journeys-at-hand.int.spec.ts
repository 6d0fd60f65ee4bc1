import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { packProjections } from '@touchstone/packs';
import type { ProjectionGroup, ReadOptions } from '@touchstone/readmodel';
import type { Read, ReadQuery } from '@touchstone/readmodel/query';
import { InlineReads, projectAll, projectMore, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import { uuid } from './house.spec-kit.js';
import { JourneyMapBuilder, type JourneyMapData } from './journey-map.js';
import { journeyMapQuery, type MapParams } from './journey-map.queries.js';
import { projected, select, touchpointsOf, type JourneyFilter } from './journey-rows.js';
import { journeyProjections } from './read.js';

const group: ProjectionGroup = { name: 'journeys', projections: [...packProjections, ...journeyProjections] };
const START = Date.parse('2024-03-01T00:00:00Z');
const at = (minute: number): string => new Date(START + minute * 60_000).toISOString();
const NOW = at(100_000);
const LIMITS = { maxNodes: 3, maxVariants: 4 };

/** The map as it is counted journey by journey, over their blobs. */
const byBlobs: ReadQuery<MapParams, JourneyMapData> = {
  name: 'test.byBlobs',
  group: 'journeys',
  run: async (read, { filter, project, maxNodes, maxVariants }) => {
    const builder = new JourneyMapBuilder(Date.parse(read.asOf.instant));
    const ids = async (dictionary: string, names?: readonly string[]) =>
      names && (await Promise.all(names.map((name) => read.idOf(dictionary, name))));
    const kinds = await ids('kind', project?.kinds);
    const units = await ids('unit', project?.units);
    for await (const t of touchpointsOf(read, await select(read, filter))) {
      const isKept = (i: number) => (!kinds || kinds.includes(t.kind[i]!)) && (!units || units.includes(t.unit[i]!));
      builder.add(projected(t, isKept));
    }
    return builder.build(maxNodes, maxVariants);
  },
};

/** What a reader keeps. */
const keptQuery: ReadQuery<null, unknown> = {
  name: 'test.kept',
  group: 'journeys',
  run: (read: Read) => Promise.resolve(read.memory.kept.get('journeys.atHand')),
};

/** A log that goes on, its read model, and readers that keep journeys, that may keep only few, and that keep none. */
class House {
  events: RecordedEvent[] = [];
  readonly store = projectAll(group, []);
  /** Events that cannot be read, by id. */
  readonly broken = new Set<string>();
  private projectedTo = 0;
  private readonly log = {
    comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
    readAll: ({ after = '' }: { after?: string } = {}) => [this.events.filter(({ position }) => position > after)],
  };
  readonly keeping = this.reads(64e6);
  readonly tight = this.reads(600);
  readonly forgetful = this.reads(0);

  reads(memoryBytes: number): InlineReads {
    return new InlineReads(this.store, { log: this.log as never, now: () => NOW, memoryBytes });
  }

  add(stream: string, ...events: ToRecord[]): void {
    this.events = recorded(stream, events, this.events);
  }

  project(between?: NonNullable<Parameters<typeof projectMore>[2]>['between']): void {
    const fresh = this.events.slice(this.projectedTo);
    this.projectedTo = this.events.length;
    const read = (event: RecordedEvent) => {
      if (this.broken.has(event.id)) throw new Error('Cannot be read.');
      return event;
    };
    // A log that has nothing new still lets a test have its turn.
    projectMore(this.store, fresh.length > 0 ? fresh : this.events.slice(-1), { read, between, mayPark: true });
  }

  async map(reads: InlineReads, filter: JourneyFilter, more: Partial<MapParams> = {}, options: ReadOptions = {}) {
    const { result } = await reads.run(journeyMapQuery, { filter, ...LIMITS, ...more }, options);
    return result.data;
  }

  /** The map by every way; all must be the same. */
  async asked(filter: JourneyFilter, more: Partial<MapParams> = {}, options: ReadOptions = {}) {
    const { result } = await this.forgetful.run(byBlobs, { filter, ...LIMITS, ...more }, options);
    for (const reads of [this.keeping, this.tight, this.forgetful]) {
      expect(await this.map(reads, filter, more, options)).toEqual(result);
    }
    return result;
  }

  kept = async (reads = this.keeping) => (await reads.run(keptQuery, null)).result;

  touchpoint(journey: number, id: number, data: object = {}, minute = id): void {
    const touchpoint = { kind: 'a', kindVersion: 1, traits: { closes: false, contact: true, customerVisible: true } };
    const occurredAt = at(minute);
    this.add(streamOf(journey), { type: 'TouchpointRecorded', id: uuid(id), data: { ...touchpoint, ...data }, occurredAt }); // prettier-ignore
  }

  open(journey: number, journeyType = 'x'): void {
    this.add(streamOf(journey), { type: 'JourneyOpened', data: { journeyType }, occurredAt: at(0) });
  }
}

const idOf = (journey: number): string => uuid(500 + journey);
const streamOf = (journey: number): string => `journey-${idOf(journey)}`;

const journey = fc.nat(7);
const minute = fc.nat(300);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const unit = maybe(fc.constantFrom('u1', 'u2', 'u3'));
const channel = maybe(fc.constantFrom('phone', 'app'));
const segment = fc.constantFrom('home', 'firm');
const kind = fc.constantFrom('a', 'b', 'c', 'd', 'done');
const type = fc.constantFrom('x', 'y');
const customer = fc.integer({ min: 1, max: 4 });

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ what: fc.constant('touchpoint' as const), journey, minute, kind, unit, channel, customer: maybe(customer) }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ what: fc.constant('open' as const), journey, type, customer: maybe(customer) }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('correct' as const), target: fc.nat(40), minute, kind, unit }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('void' as const), target: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('JourneyClosed' as const, 'JourneyReopened' as const, 'JourneyPaused' as const, 'JourneyResumed' as const), journey, minute }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ what: fc.constant('merge' as const), journey, into: journey }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('unmerge' as const), journey }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('split' as const), target: fc.nat(40), into: journey }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('segment' as const), customer, segment }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('join' as const, 'part' as const), customer }) },
);
type Step = typeof step extends fc.Arbitrary<infer V> ? V : never;

const one = <T>(name: keyof JourneyFilter, value: fc.Arbitrary<T>) => value.map((v): JourneyFilter => ({ [name]: v }));
const condition = fc.oneof(
  one('journeyType', type),
  one('segment', segment),
  one('unit', fc.constantFrom('u1', 'u2', 'u9')),
  one('channel', fc.constantFrom('phone', 'app')),
  one('status', fc.constantFrom('OPEN', 'PAUSED', 'CLOSED')),
  one('customerId', customer.map(uuid)),
  fc.record({ from: fc.nat(200).map(at), to: fc.integer({ min: 201, max: 400 }).map(at), window: maybe(fc.constantFrom('OPENED' as const, 'TOUCHES' as const)) }), // prettier-ignore
);

const ask = fc.record({
  // Of more conditions at once, too little would be left.
  filter: fc
    .array(condition, { maxLength: 2, size: 'max' })
    .map((conditions): JourneyFilter => Object.assign({}, ...conditions) as JourneyFilter),
  project: maybe(fc.record({ kinds: fc.subarray(['a', 'b', 'done']), units: fc.subarray(['u1', 'u2']) }, { requiredKeys: [] })), // prettier-ignore
  /** How far back: a share of the log; mostly none. */
  back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(100).map((n) => n / 100) }), // prettier-ignore
});

/** Plays random steps into a house. */
class Player {
  private ids = 1_000;
  private readonly touchpoints: { id: string; journey: number; version: number }[] = [];
  private readonly known = new Set<number>();

  constructor(private readonly house: House) {}

  take(s: Step): void {
    const { house } = this;
    switch (s.what) {
      case 'touchpoint': {
        const id = this.ids++;
        this.touchpoints.push({ id: uuid(id), journey: s.journey, version: 1 });
        return house.touchpoint(s.journey, id, this.content(s), s.minute);
      }
      case 'open': {
        const data = { journeyType: s.type, ...(s.customer && { customerId: uuid(s.customer) }) };
        return house.add(streamOf(s.journey), { type: 'JourneyOpened', data, occurredAt: at(0) });
      }
      case 'correct':
        return this.onTarget(s.target, (t) => {
          const data = { kindVersion: 1, ...this.content(s), touchpointId: t.id, version: ++t.version, happenedAt: at(s.minute), reason: 'r' }; // prettier-ignore
          house.add(streamOf(t.journey), { type: 'TouchpointCorrected', data });
        });
      case 'void':
        return this.onTarget(s.target, (t) =>
          house.add(streamOf(t.journey), { type: 'TouchpointVoided', data: { touchpointId: t.id, reason: 'r' } }),
        );
      case 'merge': {
        const data = { survivorId: idOf(s.into), reason: 'r' };
        if (s.into !== s.journey) house.add(streamOf(s.journey), { type: 'JourneysMerged', data });
        return;
      }
      case 'unmerge':
        return house.add(streamOf(s.journey), { type: 'JourneysUnmerged', data: { reason: 'r' } });
      case 'split':
        return this.onTarget(s.target, (t) => {
          const data = { newJourneyId: idOf(s.into), touchpointIds: [t.id], reason: 'r' };
          house.add(streamOf(t.journey), { type: 'JourneySplit', data });
        });
      case 'segment': {
        const event = this.known.has(s.customer) ? 'CustomerUpdated' : 'CustomerRegistered';
        this.known.add(s.customer);
        const data = { segment: s.segment, ...(event === 'CustomerRegistered' && { identifiers: 'enc:1:x' }) };
        return house.add(`customer-${uuid(s.customer)}`, { type: event, data });
      }
      case 'join':
      case 'part': {
        const data = { survivorId: uuid(1), reason: 'r' };
        const event = s.what === 'join' ? 'CustomersMerged' : 'CustomersUnmerged';
        if (s.customer !== 1) house.add(`customer-${uuid(s.customer)}`, { type: event, data });
        return;
      }
      default:
        return house.add(streamOf(s.journey), { type: s.what, data: { reason: 'r' }, occurredAt: at(s.minute) });
    }
  }

  private content(s: { kind: string; unit?: string; channel?: string; customer?: number }) {
    const traits = { closes: s.kind === 'done', contact: true, customerVisible: true };
    return {
      kind: s.kind,
      traits,
      ...(s.unit && { unit: s.unit }),
      ...(s.channel && { channel: s.channel }),
      ...(s.customer && { customerId: uuid(s.customer) }),
    };
  }

  private onTarget(n: number, then: (t: Player['touchpoints'][number]) => void): void {
    if (this.touchpoints.length > 0) then(this.touchpoints[n % this.touchpoints.length]!);
  }
}

describe('maps of journeys at hand', () => {
  it('say what their blobs say, whatever happens between two reads', async () => {
    let caughtUp = 0;
    const act = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 5, size: 'max' }), asks: fc.array(ask, { maxLength: 2, size: 'max' }) }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 10, size: 'max' }), async (acts) => {
        const house = new House();
        const player = new Player(house);
        for (const { steps, asks } of acts) {
          const before = await house.kept();
          for (const each of steps) player.take(each);
          if (house.events.length === 0) continue;
          house.project();
          await house.asked({});
          if (before === (await house.kept())) caughtUp++;
          for (const { filter, project, back } of asks) {
            const position = house.events[Math.floor((1 - back) * (house.events.length - 1))]!.position;
            await house.asked(filter, { project }, back === 0 ? {} : { asOf: { position } });
          }
        }
      }),
      { numRuns: 30 },
    );
    expect(caughtUp).toBeGreaterThan(100);
  });
});

describe('journeys at hand', () => {
  /** Two journeys of two touchpoints each, asked for once. */
  async function begun(): Promise<House> {
    const house = new House();
    for (const n of [1, 2]) {
      house.open(n);
      house.touchpoint(n, 10 * n);
      house.touchpoint(n, 10 * n + 1);
    }
    house.project();
    expect((await house.asked({})).events).toBe(4);
    return house;
  }

  it('are kept from one read to the next, and caught up with what has changed', async () => {
    const house = await begun();
    const kept = await house.kept();
    expect(kept).toBeInstanceOf(Object);
    house.touchpoint(2, 22);
    house.project();
    const past = { asOf: { position: house.events.at(-2)!.position } };
    expect((await house.asked({}, {}, past)).events).toBe(4);
    expect((await house.asked({})).events).toBe(5);
    expect((await house.asked({}, {}, past)).events).toBe(4);
    expect(await house.kept()).toBe(kept);
  });

  it('learn of merges, of their end and of splits, which no timeline tells of either', async () => {
    const house = await begun();
    house.open(3);
    house.touchpoint(3, 30);
    house.project();
    expect(await house.asked({})).toMatchObject({ cases: 3, events: 5 });
    const kept = await house.kept();
    const now = async (journey: number, type: string, data: object) => {
      house.add(streamOf(journey), { type, data: { ...data, reason: 'r' } });
      house.project();
      const { cases, events } = await house.asked({ journeyType: 'x' });
      return { cases, events };
    };
    expect(await now(2, 'JourneysMerged', { survivorId: idOf(1) })).toEqual({ cases: 2, events: 5 });
    expect(await now(3, 'JourneysMerged', { survivorId: idOf(2) })).toEqual({ cases: 1, events: 5 });
    // The third stays with the second.
    expect(await now(2, 'JourneysUnmerged', { survivorId: idOf(1) })).toEqual({ cases: 2, events: 5 });
    expect(await now(3, 'JourneysUnmerged', { survivorId: idOf(2) })).toEqual({ cases: 3, events: 5 });
    // To one that is not open yet, and on from there.
    const moved = { touchpointIds: [uuid(10)] };
    expect(await now(1, 'JourneySplit', { ...moved, newJourneyId: idOf(9) })).toEqual({ cases: 3, events: 4 });
    expect(await now(1, 'JourneySplit', { ...moved, newJourneyId: idOf(3) })).toEqual({ cases: 3, events: 5 });
    expect(await house.kept()).toBe(kept);
  });

  it('learn of an opening that comes late, which no timeline tells of', async () => {
    const house = await begun();
    house.touchpoint(3, 30);
    // Of a journey that is known only because another is part of it.
    house.touchpoint(4, 40);
    house.add(streamOf(4), { type: 'JourneysMerged', data: { survivorId: idOf(5), reason: 'r' } });
    house.project();
    expect(await house.asked({})).toMatchObject({ cases: 3, events: 5 });
    const kept = await house.kept();
    house.open(3, 'y');
    house.open(5, 'y');
    house.project();
    expect(await house.asked({ journeyType: 'y' })).toMatchObject({ cases: 2 });
    expect(await house.kept()).toBe(kept);
  });

  it('are read anew when an event that was parked went in, though the position is the same', async () => {
    const house = await begun();
    house.touchpoint(1, 12);
    const late = house.events.at(-1)!;
    house.broken.add(late.id);
    house.touchpoint(2, 22);
    house.project();
    expect((await house.asked({})).events).toBe(5);
    house.broken.clear();
    const { position } = house.store.checkpoint;
    house.project((applier) => applier.retry([late]));
    expect(house.store.checkpoint.position).toBe(position);
    expect((await house.asked({})).events).toBe(6);
  });

  it('are read anew when too many have changed', async () => {
    const house = await begun();
    const kept = await house.kept();
    for (let n = 100; n < 1_101; n++) house.touchpoint(n, n);
    house.project();
    expect((await house.asked({})).events).toBe(1_005);
    const anew = await house.kept();
    expect(anew).not.toBe(kept);
    // Many versions of one journey are no reason; what they leave behind is, in time.
    for (let n = 0; n < 60; n++) {
      house.touchpoint(1, 5_000 + n);
      house.project();
      await house.map(house.keeping, {});
    }
    expect((await house.asked({})).events).toBe(1_065);
    expect(await house.kept()).not.toBe(anew);
    const { columns } = (await house.kept()) as { columns: { touchpoints: number } };
    expect(columns.touchpoints).toBeLessThan(2_000);
  });

  it('are not kept beyond the bound', async () => {
    const house = await begun();
    const bounded = house.reads(5_000);
    await house.map(bounded, {});
    expect(await house.kept(bounded)).toMatchObject({ isWhole: true });
    expect(await house.kept(house.forgetful)).toBeUndefined();
    expect(await house.kept(house.tight)).toBe('too much');
    for (let n = 0; n < 300; n++) house.touchpoint(1, 100 + n);
    house.project();
    const all = await house.asked({});
    expect(all.events).toBe(304);
    // It has grown out of the bound while it caught up; the next read learns that it cannot be otherwise.
    for (const state of [undefined, 'too much', 'too much']) {
      expect(await house.map(bounded, {})).toEqual(all);
      expect(await house.kept(bounded)).toBe(state);
    }
  });

  it('are not read for a filter that an index answers', async () => {
    const house = new House();
    house.open(1);
    house.touchpoint(1, 10);
    house.project();
    await house.asked({ journeyType: 'x' });
    await house.asked({ customerId: uuid(1) });
    expect(await house.kept()).toBeUndefined();
    await house.asked({ unit: 'u1' });
    expect(await house.kept()).toBeUndefined();
    await house.asked({ channel: 'phone', status: 'OPEN' });
  });

  it('are not left half caught up by a read that was given up', async () => {
    const house = await begun();
    house.add(streamOf(2), { type: 'JourneysMerged', data: { survivorId: idOf(1), reason: 'r' } });
    house.touchpoint(2, 22);
    house.project();
    let givenUp = 0;
    for (let looks = 0; ; looks++) {
      let left = looks;
      const signal = Object.defineProperty({}, 'aborted', { get: () => left-- <= 0 }) as AbortSignal;
      try {
        await house.map(house.keeping, {}, {}, { signal });
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'QUERY_CANCELLED' });
        givenUp++;
      }
      expect(await house.asked({})).toMatchObject({ cases: 1, events: 5 });
      // The next one has something to catch up with.
      house.add(streamOf(2), { type: 'NoteAdded', data: { text: 'enc:1:x' } });
      house.project();
    }
    expect(givenUp).toBeGreaterThan(5);
  });
});
