import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { recorded, type InlineReads, type ToRecord } from '@touchstone/readmodel/testing';
import { contextAskOf, NO_CONTEXT, type EventContext, type EventInContext } from './event-context.js';
import { eventContextsQuery } from './event-context.queries.js';
import { readsOf, uuid } from './house.spec-kit.js';

const ask = async (reads: InlineReads, events: readonly RecordedEvent[]): Promise<EventInContext[]> =>
  (await reads.run(eventContextsQuery, { asks: events.map(contextAskOf) })).result;

type Data = Readonly<Record<string, unknown>>;
const dataOf = (event: RecordedEvent) => event.data as Data;
const isVersion = (id: unknown) => (event: RecordedEvent) =>
  (event.type === 'TouchpointRecorded' && event.id === id) ||
  (event.type === 'TouchpointCorrected' && dataOf(event)['touchpointId'] === id);

/** The context of an event by a plain look through everything recorded up to it. */
function expectedAt(all: readonly RecordedEvent[], i: number): EventInContext {
  const past = all.slice(0, i + 1);
  const event = past.at(-1)!;
  const { type, stream } = event;
  const about = type === 'MomentRetracted' ? momentOf(past, event) : event;
  const touchpointId = about && (isTouchpoint(about) ? null : dataOf(about)['touchpointId']);
  const touch = isTouchpoint(event) ? event : touchpointId ? past.findLast(isVersion(touchpointId)) : undefined;
  const journeyId = stream.startsWith('journey-') ? stream.slice(8) : null;
  const context: EventContext = {
    journeyId,
    rootJourneyId: journeyId && rootAfter(past, journeyId, about && dataOf(about)['touchpointId']),
    journeyType: (past.find((e) => e.type === 'JourneyOpened' && e.stream === stream)?.data as Data)?.[
      'journeyType'
    ] as string | null,
    stage: touch ? (dataOf(touch)['traits'] as Data)['stage'] : null,
    unit: type === 'OwnerAssigned' ? dataOf(event)['unit'] : touch ? dataOf(touch)['unit'] : null,
    channel: touch ? dataOf(touch)['channel'] : null,
    ...customerOf(past, stream),
  } as EventContext;
  const before = supersededBy(past);
  const known = Object.entries(context).map(([name, value]) => [name, value ?? null]);
  return {
    context: Object.fromEntries(known) as unknown as EventContext,
    supersedes: before === -1 ? null : all[before]!.id,
    before: before === -1 ? null : expectedAt(all, before).context,
  };
}

/** By a plain walk along what held after all that was recorded; of a circle its smallest id. */
function rootAfter(past: readonly RecordedEvent[], journeyId: string, touchpointId: unknown): string {
  const into = new Map<string, string>();
  const moved = new Map<unknown, string>();
  for (const event of past) {
    const own = event.stream.slice(8);
    if (event.type === 'JourneysMerged') into.set(own, dataOf(event)['survivorId'] as string);
    if (event.type === 'JourneysUnmerged') into.delete(own);
    if (event.type !== 'JourneySplit') continue;
    for (const id of dataOf(event)['touchpointIds'] as string[]) moved.set(id, dataOf(event)['newJourneyId'] as string);
  }
  const way = [moved.get(touchpointId) ?? journeyId];
  for (let next = into.get(way[0]!); next !== undefined; next = into.get(next)) {
    if (way.includes(next)) return way.slice(way.indexOf(next)).sort()[0]!;
    way.push(next);
  }
  return way.at(-1)!;
}

const isTouchpoint = ({ type }: RecordedEvent) => type === 'TouchpointRecorded' || type === 'TouchpointCorrected';
const momentOf = (past: readonly RecordedEvent[], event: RecordedEvent) =>
  past.find(({ id }) => id === dataOf(event)['momentId']);

function supersededBy(past: readonly RecordedEvent[]): number {
  const event = past.at(-1)!;
  const earlier = past.slice(0, -1);
  if (event.type === 'MomentRetracted') return earlier.findIndex(({ id }) => id === dataOf(event)['momentId']);
  if (event.type !== 'TouchpointCorrected' && event.type !== 'TouchpointVoided') return -1;
  return earlier.findLastIndex(isVersion(dataOf(event)['touchpointId']));
}

function customerOf(past: readonly RecordedEvent[], stream: string): Data {
  const id = stream.startsWith('customer-') ? stream.slice(9) : journeysCustomer(past, stream);
  const profile: Record<string, unknown> = { region: null, tier: null };
  for (const event of past) {
    if (event.stream !== `customer-${String(id)}`) continue;
    for (const name of ['region', 'tier']) profile[name] = dataOf(event)[name] ?? profile[name];
  }
  return profile;
}

/** Of its first touchpoint that names one, as all of them are known now; else of its opening. */
function journeysCustomer(past: readonly RecordedEvent[], stream: string): unknown {
  const own = past.filter((event) => event.stream === stream);
  const voided = own.filter(({ type }) => type === 'TouchpointVoided').map((e) => dataOf(e)['touchpointId']);
  const held = own
    .filter(({ type, id }) => type === 'TouchpointRecorded' && !voided.includes(id))
    .map(({ id }) => ({ id, version: own.findLast(isVersion(id))! }))
    .map(({ id, version }) => ({
      at: Date.parse((dataOf(version)['happenedAt'] as string) ?? version.occurredAt),
      id,
      customer: dataOf(version)['customerId'],
    }))
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  return held.find(({ customer }) => customer !== undefined)?.customer ?? dataOf(own[0]!)['customerId'];
}

/** What may happen, told by dice. */
interface Step {
  readonly kind: number;
  readonly who: number;
  readonly which: number;
  readonly hour: number;
  readonly word: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.nat(13),
  who: fc.nat(2),
  which: fc.nat(30),
  hour: fc.nat(20),
  word: fc.nat(3),
});

const words = (list: readonly (string | undefined)[], n: number) => list[n % list.length];
const region = (n: number) => words([undefined, 'north', 'south', 'east'], n);
const tier = (n: number) => words(['gold', undefined, 'silver'], n);
const iso = (hour: number) => new Date(Date.UTC(2025, 6, 1) + hour * 3_600_000).toISOString();

function history(steps: readonly Step[]): RecordedEvent[] {
  let events: RecordedEvent[] = [];
  const add = (stream: string, event: ToRecord) => (events = recorded(stream, [event], events));
  for (const n of [0, 1, 2]) {
    add(`customer-${uuid(n)}`, {
      type: 'CustomerRegistered',
      subject: `customer:${uuid(n)}`,
      data: { identifiers: 'enc:1:x', ...(n > 0 && { region: 'north' }) },
    });
    add(`journey-${uuid(100 + n)}`, {
      type: 'JourneyOpened',
      data: { journeyType: words(['repair', 'complaint'], n), ...(n === 1 && { customerId: uuid(2) }) },
    });
  }
  let made = 1_000;
  for (const s of steps) {
    const journey = `journey-${uuid(100 + s.who)}`;
    const own = events.filter((event) => event.stream === journey);
    const touchpoint = pick(own.filter(({ type }) => type === 'TouchpointRecorded'), s.which); // prettier-ignore
    const moment = pick(own.filter(({ type }) => type === 'MomentObserved'), s.which); // prettier-ignore
    const content = {
      kind: 'call',
      kindVersion: 1,
      traits: {
        closes: false,
        contact: true,
        customerVisible: true,
        ...(s.word > 0 && { stage: words(['F1', 'F2', 'F3'], s.word) }),
      },
      unit: words([undefined, 'crew-1', 'crew-2', 'hall'], s.which),
      channel: words(['phone', undefined, 'crew'], s.word),
      ...(s.which % 3 === 0 && { customerId: uuid(s.hour % 3) }),
    };
    const data = Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined));
    const profile = Object.fromEntries(Object.entries({ region: region(s.word), tier: tier(s.which) }).filter(([, v]) => v)); // prettier-ignore
    const id = uuid(made++);
    const touchpointId = touchpoint?.id;
    const other = uuid(100 + ((s.who + 1 + (s.word % 2)) % 3));
    const link = own.findLast(({ type }) => type === 'JourneysMerged' || type === 'JourneysUnmerged');
    const isMerged = link?.type === 'JourneysMerged';
    if (s.kind >= 10 && s.kind <= 11) {
      const survivorId = isMerged ? dataOf(link)['survivorId'] : other;
      add(journey, { type: isMerged ? 'JourneysUnmerged' : 'JourneysMerged', data: { survivorId, reason: 'one' } });
    } else if (s.kind === 12 && touchpoint) {
      add(journey, {
        type: 'JourneySplit',
        data: { newJourneyId: other, touchpointIds: [touchpointId], reason: 'two' },
      });
    } else if (s.kind <= 1) add(`customer-${uuid(s.who)}`, { type: 'CustomerUpdated', data: profile });
    else if (s.kind <= 4) add(journey, { type: 'TouchpointRecorded', id, occurredAt: iso(s.hour), data });
    else if (!touchpoint) add(journey, { type: 'OwnerAssigned', data: { unit: 'hall' } });
    else if (s.kind === 5) {
      const version = own.filter(isVersion(touchpointId)).length + 1;
      const corrected = { ...data, touchpointId, version, happenedAt: iso(s.hour), reason: 'r' };
      if (!isVoided(own, touchpointId)) add(journey, { type: 'TouchpointCorrected', data: corrected });
    } else if (s.kind === 6) {
      if (!isVoided(own, touchpointId))
        add(journey, { type: 'TouchpointVoided', data: { touchpointId, reason: 'twice' } });
    } else if (s.kind === 7 && moment) {
      const gone = own.some((e) => e.type === 'MomentRetracted' && dataOf(e)['momentId'] === moment.id);
      if (!gone) add(journey, { type: 'MomentRetracted', data: { momentId: moment.id, reason: 'no' } });
    } else {
      const observed = { touchpointId, code: 'NEG-05', polarity: 'negative', intensity: 1, observer: 'qa' };
      add(journey, { type: 'MomentObserved', id, data: observed });
    }
  }
  return events;
}

const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
const isVoided = (own: readonly RecordedEvent[], id: unknown) =>
  own.some(({ type, data }) => type === 'TouchpointVoided' && (data as Data)['touchpointId'] === id);

describe('what stands around an event', () => {
  it('is what was known at its position, and at that of what it supersedes, whatever came later', async () => {
    let [corrections, told, elsewhere] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }), async (steps) => {
        const events = history(steps);
        const expected = events.map((_event, i) => expectedAt(events, i));
        const reads = readsOf(events);
        expect(await ask(reads, events)).toEqual(expected);
        // One by one it is the same.
        const one = steps.length % events.length;
        expect(await ask(reads, [events[one]!])).toEqual([expected[one]]);
        corrections += expected.filter(({ before }) => before !== null).length;
        elsewhere += expected.filter(({ context: c }) => c.rootJourneyId !== c.journeyId).length;
        told += expected.filter(({ context }) => context.stage !== null && context.region !== null).length;
      }),
      { numRuns: 40, seed: 14 },
    );
    // The dice did throw what this is about.
    expect(corrections).toBeGreaterThan(100);
    expect(told).toBeGreaterThan(300);
    expect(elsewhere).toBeGreaterThan(300);
  });

  it('is unknown for streams and things that no read model knows', async () => {
    const data = { object: { type: 'meter', id: '7' }, attributes: {}, touchpointId: uuid(77) };
    const events = recorded('object-meter-7', [{ type: 'ObjectChanged', data }]);
    expect(await ask(readsOf(events), events)).toEqual([{ context: NO_CONTEXT, supersedes: null, before: null }]);
  });
});
