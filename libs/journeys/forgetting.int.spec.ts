import { EventRegistry, Kernel, newId, systemClock, type RecordedEvent, type Vault } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { recorded } from '@touchstone/readmodel/testing';
import { forgettingOf, forgettingsIn } from './forgetting-records.js';
import { CompleteForgetting, ForgettingCompleted, forgettingDecider } from './forgetting.js';
import { personQuery } from './forgetting.queries.js';
import { readsOf, uuid } from './house.spec-kit.js';
import { CustomerForgotten } from './customer.js';

const done = { keysDestroyed: 3, keysReleased: 2, quarantineRemoved: 1, importsRemoved: 0 };

describe('the record of a forgetting', () => {
  const log = openMemoryLog();
  const registry = new EventRegistry([CustomerForgotten, ForgettingCompleted] as never);
  const kernel = new Kernel({ log, vault: {} as Vault, clock: systemClock, registry });
  const record = (journeys: readonly string[], objects: readonly string[] = []) =>
    kernel.execute(
      forgettingDecider,
      new CompleteForgetting({ customerId: uuid(1), customers: [uuid(1), uuid(2)], journeys, objects, ...done }),
    );
  afterAll(() => log.close());

  it('goes on in further events when the list is long, and is read as one', async () => {
    const journeys = Array.from({ length: 25_000 }, () => newId());
    const objects = Array.from({ length: 1_600 }, (_, n) => `meter-${n}`);
    expect((await record(journeys, objects)).events).toHaveLength(4);
    const { completed } = await forgettingsIn(log, registry);
    expect(completed).toMatchObject([
      { customerId: uuid(1), customers: [uuid(1), uuid(2)], journeys, objects, ...done, repeatedAt: [] },
    ]);
  });

  it('tells when it was done again, and what was done first', async () => {
    const [first] = (await forgettingsIn(log, registry)).completed;
    await record([]);
    const again = await record([uuid(9)]);
    const [now] = (await forgettingsIn(log, registry)).completed;
    expect(now).toMatchObject({ position: first!.position, completedAt: first!.completedAt });
    expect(now!.repeatedAt).toHaveLength(2);
    expect(now!.repeatedAt[1]).toBe(again.events[0]!.recordedAt);
    expect(now!.journeys).toEqual([...first!.journeys, uuid(9)]);
    expect(await forgettingOf(log, registry, uuid(1))).toEqual(now);
    expect(await forgettingOf(log, registry, uuid(2))).toBeNull();
  });
});

describe('who a person is', () => {
  let log: RecordedEvent[] = [];
  const add = (stream: string, type: string, data: object, more: Partial<RecordedEvent> = {}) => {
    log = recorded(stream, [{ type, data, ...more }], log);
  };
  const bind = (hash: string, customer: number) =>
    add(`key-${hash}`, 'KeyBound', { keyType: 'phone', customerId: uuid(customer) });
  const touchpoint = (journey: number, id: number, customer: number, occurredAt: string) =>
    add(
      `journey-${uuid(journey)}`,
      'TouchpointRecorded',
      {
        kind: 'k',
        kindVersion: 1,
        traits: { closes: false, contact: true, customerVisible: true },
        customerId: uuid(customer),
      },
      { id: uuid(id), occurredAt },
    );

  beforeAll(() => {
    for (const n of [1, 2, 3, 4]) add(`customer-${uuid(n)}`, 'CustomerRegistered', { identifiers: 'enc' });
    add(`customer-${uuid(2)}`, 'CustomersMerged', { survivorId: uuid(1), reason: 'r' });
    add(`customer-${uuid(3)}`, 'CustomersMerged', { survivorId: uuid(2), reason: 'r' });
    bind('a', 1);
    bind('b', 3);
    bind('c', 4);
    add('key-b', 'KeyReleased', { reason: 'r' });
    add(`journey-${uuid(11)}`, 'JourneyOpened', { journeyType: 't', customerId: uuid(3) });
    // First known as of 2; an earlier contact shows that it was of 4.
    add(`journey-${uuid(12)}`, 'JourneyOpened', { journeyType: 't' });
    touchpoint(12, 22, 2, '2024-05-01T09:00:00Z');
    touchpoint(12, 23, 4, '2024-05-01T08:00:00Z');
    add(`journey-${uuid(13)}`, 'JourneyOpened', { journeyType: 't', customerId: uuid(4) });
    const links = [{ customerId: uuid(3) }, { customerId: uuid(4) }];
    add('object-meter-1', 'ObjectsLinked', { object: { type: 'meter', id: '1' }, customers: links });
    const traits = { closes: false, contact: false, customerVisible: true };
    const fact = { object: { type: 'hall', id: '1' }, kind: 'k', kindVersion: 1, traits };
    add('object-hall-1', 'ObjectFactRecorded', { ...fact, audience: { customers: [uuid(2)] } });
  });

  const person = async (n: number) => (await readsOf(log).run(personQuery, { customerId: uuid(n) })).result;

  it('is everybody who was merged with them, every journey that ever was theirs, every key that led to them', async () => {
    const all = {
      customers: [uuid(1), uuid(2), uuid(3)],
      journeys: [uuid(11), uuid(12)],
      objects: ['hall-1', 'meter-1'],
      keys: [
        { hash: 'a', held: true },
        { hash: 'b', held: false },
      ],
    };
    for (const n of [1, 2, 3]) {
      expect(await person(n)).toEqual({ ...all, kin: all.customers.filter((id) => id !== uuid(n)) });
    }
    expect(await person(4)).toEqual({
      customers: [uuid(4)],
      kin: [],
      journeys: [uuid(12), uuid(13)],
      objects: ['meter-1'],
      keys: [{ hash: 'c', held: true }],
    });
    expect(await person(5)).toBeNull();
  });

  it('and no more once they were unmerged', async () => {
    add(`customer-${uuid(3)}`, 'CustomersUnmerged', { survivorId: uuid(2), reason: 'r' });
    expect(await person(3)).toMatchObject({ customers: [uuid(3)], kin: [uuid(1), uuid(2)], journeys: [uuid(11)] });
    expect(await person(1)).toMatchObject({ customers: [uuid(1), uuid(2)], journeys: [uuid(12)] });
  });
});
