import { clockAt, EventRegistry, Kernel, type EventLog, type Vault } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { customerDecider, MergeCustomers, RegisterCustomer, UnmergeCustomers, ForgetCustomer } from './customer.js';
import { EnrolCustomer, EnrolCustomerHandler, MergeCustomersHandler } from './customer.handlers.js';
import { BindKey, keyDecider, ReleaseKey } from './lookup-key.js';
import { OpenJourney } from './journey.js';
import { OpenJourneyHandler } from './journey.handlers.js';
import { journeyEvents } from './read.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** A vault that only lets itself be written to: nothing here reads what is personal. */
const vault = {
  ensureKeys: () => Promise.resolve(),
  seal: () => 'enc:1:x',
  isForgotten: () => false,
  lookupHash: (type: string, value: string) => `${type}-${value}`,
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
    const handler = new MergeCustomersHandler(kernel, { changed: () => undefined } as never);
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

describe('registering a customer under identifiers', () => {
  const [phone, account] = [
    { type: 'phone', value: '1' },
    { type: 'account', value: '2' },
  ];
  let log: EventLog;
  let kernel: Kernel;
  beforeEach(() => {
    log = openMemoryLog();
    const clock = clockAt('2024-05-01T08:00:00Z', { still: true });
    kernel = new Kernel({ log, vault, clock, registry: new EventRegistry(journeyEvents) });
  });
  afterEach(() => log.close());

  const enrol = async (...identifiers: { type: string; value: string }[]) =>
    (await new EnrolCustomerHandler(kernel, vault).execute(new EnrolCustomer({ identifiers }))).id;
  const declare = (customerId: string) =>
    kernel.execute(customerDecider, new ForgetCustomer({ customerId, reason: 'asked to' }));
  const hashOf = ({ type, value }: typeof phone) => `${type}-${value}`;
  const release = (identifier: typeof phone) =>
    kernel.execute(keyDecider, new ReleaseKey({ hash: hashOf(identifier), reason: 'asked to' }));
  const holderOf = async (identifier: typeof phone) => {
    const { state } = await kernel.look(keyDecider, hashOf(identifier));
    return state.status === 'bound' ? state.customerId : null;
  };
  /** Something that happens right before the first command of this class is executed. */
  const before = (command: object, work: () => Promise<unknown>) => {
    const execute = kernel.execute.bind(kernel);
    kernel.execute = (async (...given: Parameters<typeof execute>) => {
      if (given[1].constructor === command) {
        kernel.execute = execute;
        await work();
      }
      return execute(...given);
    }) as typeof kernel.execute;
  };

  it('finds who is known by the first, and binds the others to them', async () => {
    const known = await enrol(phone);
    expect(await enrol(phone, account)).toBe(known);
    expect(await holderOf(account)).toBe(known);
    const codes = [enrol({ type: 'meter', value: '3' }, account)].map((work) =>
      work.catch((e: unknown) => (e as { code: string }).code),
    );
    expect(await Promise.all(codes)).toEqual(['IDENTIFIER_TAKEN']);
    expect(await holderOf({ type: 'meter', value: '3' })).toBeNull();
  });

  it('makes one customer of those who come at once', async () => {
    const ids = await Promise.all([enrol(phone), enrol(phone), enrol(phone, account)]);
    expect(new Set(ids).size).toBe(1);
  });

  it('makes somebody new of one who was forgotten after they were looked up', async () => {
    const known = await enrol(phone);
    before(BindKey, async () => {
      await declare(known);
      await release(phone);
    });
    const next = await enrol(phone);
    expect(next).not.toBe(known);
    expect(await holderOf(phone)).toBe(next);
  });

  it.each([
    ['all', [phone, account]],
    ['only a further one', [{ type: 'meter', value: '3' }, account]],
  ])('takes identifiers that still lead to a forgotten one: %s', async (_, identifiers) => {
    const known = await enrol(phone, account);
    await declare(known);
    const next = await enrol(...identifiers);
    expect(next).not.toBe(known);
    expect(await Promise.all(identifiers.map(holderOf))).toEqual(identifiers.map(() => next));
  });

  it('leaves no identifier with one who was forgotten while it was bound', async () => {
    const known = await enrol(phone);
    // After the first claim found them: the forgetting knows the phone, and cannot know of the account yet.
    before(RegisterCustomer, async () => {
      await declare(known);
      await release(phone);
    });
    const next = await enrol(phone, account);
    expect(next).not.toBe(known);
    expect(await Promise.all([phone, account].map(holderOf))).toEqual([next, next]);
  });

  it('says so when whoever it finds is forgotten again and again', async () => {
    const { execute } = kernel;
    kernel.execute = (async (...given: Parameters<typeof execute>) => {
      const done = await execute.apply(kernel, given);
      if (given[1] instanceof RegisterCustomer) await declare(given[1].customerId);
      return done;
    }) as typeof execute;
    const code = await enrol(phone).catch((error: unknown) => (error as { code: string }).code);
    expect([code, await holderOf(phone)]).toEqual(['CUSTOMER_FORGOTTEN', null]);
  });
});
