import { clockAt, EventRegistry, Kernel, type EventLog, type Vault } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { customerDecider, MergeCustomers, RegisterCustomer, UnmergeCustomers, ForgetCustomer } from './customer.js';
import { MergeCustomersHandler } from './customer.handlers.js';
import { OpenJourney } from './journey.js';
import { OpenJourneyHandler } from './journey.handlers.js';
import { journeyEvents } from './read.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** A vault that only lets itself be written to: nothing here reads what is personal. */
const vault = {
  ensureKeys: () => Promise.resolve(),
  seal: () => 'enc:1:x',
  isForgotten: () => false,
} as unknown as Vault;

describe('merging customers who are looked up', () => {
  let log: EventLog;
  let kernel: Kernel;
  let merge: (from: number, into: number) => Promise<number>;
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => (error as { code: string }).code,
    );

  beforeEach(async () => {
    log = openMemoryLog();
    const clock = clockAt('2024-05-01T08:00:00Z', { still: true });
    kernel = new Kernel({ log, vault, clock, registry: new EventRegistry(journeyEvents) });
    const handler = new MergeCustomersHandler(kernel);
    merge = async (from, into) => {
      const names = { customerId: uuid(from), survivorId: uuid(into), reason: 'same meter' };
      return (await handler.execute(new MergeCustomers(names))).events.length;
    };
    for (const n of [1, 2, 3, 4]) {
      await kernel.execute(customerDecider, new RegisterCustomer({ customerId: uuid(n), identifiers: [] }));
    }
  });
  afterEach(() => log.close());

  const forget = (n: number) =>
    kernel.execute(customerDecider, new ForgetCustomer({ customerId: uuid(n), reason: 'asked to' }));

  it('makes chains, never circles', async () => {
    expect(await merge(1, 2)).toBe(1);
    expect(await codeOf(merge(2, 1))).toBe('CUSTOMER_MERGE_CYCLE');
    expect(await merge(2, 3)).toBe(1);
    expect(await codeOf(merge(3, 1))).toBe('CUSTOMER_MERGE_CYCLE');
    expect(await merge(3, 4)).toBe(1);
    await kernel.execute(customerDecider, new UnmergeCustomers({ customerId: uuid(1), reason: 'r' }));
    expect(await merge(4, 1)).toBe(1);
  });

  it('closes no circle when both directions are asked for at once', async () => {
    const asked = [merge(1, 2), merge(2, 3), merge(3, 1)];
    expect(await Promise.all(asked.map(codeOf))).toEqual([null, null, 'CUSTOMER_MERGE_CYCLE']);
    expect(await merge(3, 4)).toBe(1);
  });

  it('ends where another process has closed a circle', async () => {
    for (const [from, into] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const names = { customerId: uuid(from), survivorId: uuid(into), reason: 'r' };
      await kernel.execute(customerDecider, new MergeCustomers(names));
    }
    expect(await merge(3, 1)).toBe(1);
  });

  it('wants a survivor who is there', async () => {
    expect(await codeOf(merge(1, 9))).toBe('CUSTOMER_UNKNOWN');
    expect(await codeOf(merge(9, 1))).toBe('CUSTOMER_UNKNOWN');
    expect(await codeOf(merge(1, 1))).toBe('CUSTOMER_MERGE_SELF');
    await forget(2);
    expect(await codeOf(merge(1, 2))).toBe('CUSTOMER_FORGOTTEN');
    expect(await codeOf(merge(2, 1))).toBe('CUSTOMER_FORGOTTEN');
  });

  it('that is done stays done, whatever became of the survivor', async () => {
    await merge(1, 2);
    await forget(2);
    expect(await merge(1, 2)).toBe(0);
    expect(await codeOf(merge(1, 3))).toBe('CUSTOMER_MERGED');
  });

  it('leaves nobody waiting after one that was refused', async () => {
    expect(await Promise.all([codeOf(merge(1, 9)), codeOf(merge(1, 2))])).toEqual(['CUSTOMER_UNKNOWN', null]);
  });

  it('a journey is opened for a customer who is known', async () => {
    const open = (n: number) =>
      new OpenJourneyHandler(kernel).execute(
        new OpenJourney({ journeyId: uuid(50 + n), journeyType: 'fault-repair', customerId: uuid(n) }),
      );
    expect(await codeOf(open(1))).toBeNull();
    expect(await codeOf(open(9))).toBe('CUSTOMER_UNKNOWN');
    await forget(1);
    expect(await codeOf(open(1))).toBe('CUSTOMER_FORGOTTEN');
  });
});
