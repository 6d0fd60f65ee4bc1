import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  clockAt,
  EventRegistry,
  Kernel,
  newId,
  openVault,
  type BytesVault,
  type EventLog,
  type RecordedEvent,
} from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import type { Reads } from '@touchstone/readmodel';
import { customerDecider, ForgetCustomer, MergeCustomers, RegisterCustomer, UnmergeCustomers } from './customer.js';
import type { FactIntake } from './fact-intake.js';
import { releaseKeysOf } from './forgetting-keys.js';
import { Forgetting } from './forgetting.service.js';
import { readsOf } from './house.spec-kit.js';
import { AddNote, journeyDecider, OpenJourney, RecordTouchpoint } from './journey.js';
import { BindKey, keyDecider, ReleaseKey } from './lookup-key.js';
import { ChangeObject, LinkObjects, objectDecider, RecordObjectFact } from './object.js';
import { journeyEvents } from './read.js';

const reason = 'asked to';

describe('forgetting a person', () => {
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-forgetting-service-'));
  let vault: BytesVault;
  let log: EventLog;
  let kernel: Kernel;
  let forgetting: Forgetting;
  let [anna, twin, bob] = ['', '', ''];
  /** Nothing answers queries; or only what was projected of the first so many events. */
  let missing = false;
  let shown: { known?: number } = {};
  let restarted: () => Forgetting;

  beforeAll(async () => {
    vault = await openVault({ file: join(directory, 'keys.db') });
  });
  afterAll(async () => {
    await vault.close();
    rmSync(directory, { recursive: true });
  });
  beforeEach(async () => {
    log = openMemoryLog();
    const registry = new EventRegistry(journeyEvents);
    kernel = new Kernel({ log, vault, clock: clockAt('2024-05-01T08:00:00Z', { still: true }), registry });
    // Read models that are always at the head of the log.
    const reads = {
      run: async (...[query, params]: Parameters<Reads['run']>) => {
        if (missing) throw new Error('There is no read model yet.');
        const { known } = shown;
        return readsOf((await events()).slice(0, known)).run(query, params, { now: '2024-05-01T08:00:00Z' });
      },
    } as Reads;
    const unscanned = {
      head: () => log.head(),
      readStream: (...given: Parameters<EventLog['readStream']>) => log.readStream(...given),
      readAll: () => {
        throw new Error('Nobody reads the whole log for one person.');
      },
    } as unknown as EventLog;
    const intake = { letGoOf: () => undefined } as unknown as FactIntake;
    missing = false;
    shown = {};
    forgetting = new Forgetting(unscanned, vault, reads, registry, kernel, intake);
    restarted = () => new Forgetting(log, vault, reads, registry, kernel, intake);
    [anna, twin, bob] = [newId(), newId(), newId()];
    for (const customerId of [anna, twin, bob]) {
      await kernel.execute(customerDecider, new RegisterCustomer({ customerId, identifiers: [] }));
    }
  });
  afterEach(() => log.close());

  const events = async (): Promise<RecordedEvent[]> => {
    const all: RecordedEvent[] = [];
    for await (const page of log.readAll()) all.push(...page);
    return all;
  };
  const bind = (hash: string, customerId: string) =>
    kernel.execute(keyDecider, new BindKey({ hash, keyType: 'phone', customerId }));
  const holderOf = async (hash: string) => {
    const { state } = await kernel.look(keyDecider, hash);
    return state.status === 'bound' ? state.customerId : null;
  };
  const open = async (customerId?: string) => {
    const journeyId = newId();
    await kernel.execute(journeyDecider, new OpenJourney({ journeyId, journeyType: 'fault-repair', customerId }));
    return journeyId;
  };
  const merge = (customerId: string, survivorId: string) =>
    kernel.execute(customerDecider, new MergeCustomers({ customerId, survivorId, reason }));

  it('lets nobody read what was noted in a journey that turned out to be theirs', async () => {
    const journeyId = await open();
    const told = async (occurredAt: string, customerId: string) => {
      const traits = { closes: false, contact: true, customerVisible: true };
      const content = { kind: 'k', kindVersion: 1, traits, customerId, personal: { caller: occurredAt } };
      await kernel.execute(journeyDecider, new RecordTouchpoint({ journeyId, occurredAt, content }));
    };
    await told('2024-05-01T07:00:00Z', bob);
    await told('2024-05-01T06:00:00Z', anna);
    await kernel.execute(journeyDecider, new AddNote({ journeyId, text: 'The pump is in the cellar.' }));
    const read = async () =>
      (await events()).flatMap(({ type, id, data, metadata }) => {
        const field = { NoteAdded: 'text', TouchpointRecorded: 'personal' }[type];
        if (field === undefined) return [];
        return [vault.open(metadata.subject!, id, field, (data as Record<string, string>)[field]!)];
      });
    const [ofBob, ofAnna] = [{ caller: '2024-05-01T07:00:00Z' }, { caller: '2024-05-01T06:00:00Z' }];
    expect(await read()).toEqual([ofBob, ofAnna, 'The pump is in the cellar.']);
    await forgetting.forget({ customerId: anna, reason });
    expect(await read()).toEqual([ofBob, 'forgotten', 'forgotten']);
  });

  /** Every note that can be opened. */
  const notes = async () =>
    (await events())
      .filter(({ type }) => type === 'NoteAdded')
      .map(({ id, data, metadata }) => vault.open(metadata.subject!, id, 'text', (data as { text: string }).text));
  const note = (journeyId: string, text: string) => kernel.execute(journeyDecider, new AddNote({ journeyId, text }));

  it('hides what is theirs from the word in the log on, and not only once the keys are gone', async () => {
    await note(await open(anna), 'Hers.');
    await note(await open(bob), 'His.');
    const seen: unknown[][] = [];
    forgetting.reaches({
      quietly: (work) => work(),
      forget: async () => {
        seen.push(await notes());
        return { quarantined: 0, imports: 0 };
      },
    });
    await forgetting.forget({ customerId: anna, reason });
    expect(seen).toEqual([['forgotten', 'His.']]);
    expect(await notes()).toEqual(['forgotten', 'His.']);
  });

  it.each(['no read model', 'a read model that lags'])(
    'that was cut short shows nothing of theirs from the start on, with %s; the rest is done once it is there',
    async (how) => {
      await merge(twin, anna);
      await note(await open(twin), 'Hers.');
      const before = (await events()).length;
      await note(await open(anna), 'Late.');
      const another = await open(bob);
      await note(another, 'His.');
      // A later contact of hers: it stays his.
      const traits = { closes: false, contact: true, customerVisible: true };
      const content = { kind: 'k', kindVersion: 1, traits, customerId: bob };
      await kernel.execute(journeyDecider, new RecordTouchpoint({ journeyId: another, occurredAt: '2024-05-01T05:00:00Z', content })); // prettier-ignore
      await kernel.execute(journeyDecider, new RecordTouchpoint({ journeyId: another, occurredAt: '2024-05-01T06:00:00Z', content: { ...content, customerId: anna } })); // prettier-ignore
      await kernel.execute(customerDecider, new ForgetCustomer({ customerId: anna, reason }));
      if (how === 'no read model') missing = true;
      else shown = { known: before };
      const next = restarted();
      let removals = 0;
      next.reaches({
        quietly: (work) => work(),
        forget: () => Promise.resolve({ quarantined: ++removals === 1 ? 3 : 0, imports: 0 }),
      });
      await next.onApplicationBootstrap();
      // What may be his is not shown either until it is known.
      expect(await notes()).toEqual(['forgotten', 'forgotten', 'forgotten']);
      expect(removals).toBe(1);
      missing = false;
      shown = {};
      let receipt = await next.record(anna);
      for (let tries = 0; !receipt && tries < 400; tries++) {
        await sleep(10);
        receipt = await next.record(anna);
      }
      expect(receipt).toMatchObject({ customers: [anna, twin].sort(), quarantineRemoved: 3 });
      await next.beforeApplicationShutdown();
      expect(await notes()).toEqual(['forgotten', 'forgotten', 'His.']);
    },
  );

  it('lets nobody read what objects say about them: what names them, and what names nobody where they belonged', async () => {
    const traits = { closes: false, contact: true, customerVisible: true };
    const content = { kind: 'k', kindVersion: 1, traits };
    const tell = (id: string, more: object) =>
      kernel.execute(
        objectDecider,
        new RecordObjectFact({ object: { type: 'thing', id }, content: { ...content, ...more } }),
      );
    const said = (text: string) => ({ personal: { text } });
    await tell('outage', { ...said('of Anna'), customerId: anna });
    await tell('outage', { ...said('of Bob'), customerId: bob });
    await tell('hall', { ...said('of one of them'), audience: { customers: [anna, bob] } });
    await tell('meter', said('of its holder'));
    await tell('other meter', said('of somebody else'));
    const links = { customers: [{ customerId: anna }] };
    const object = { type: 'thing', id: 'meter' };
    await kernel.execute(objectDecider, new LinkObjects({ object, ...links, occurredAt: '2024-01-01T00:00:00Z' }));
    await kernel.execute(objectDecider, new LinkObjects({ object, ...links, ended: true }));
    const change = new ChangeObject({ object, attributes: {}, personal: { address: 'Lane 3' } });
    await kernel.execute(objectDecider, change);
    const read = async () =>
      (await events()).flatMap(({ id, data, metadata }) => {
        const { personal } = data as { personal?: string };
        return personal === undefined ? [] : [vault.open(metadata.subject!, id, 'personal', personal)];
      });
    const texts = ['of Anna', 'of Bob', 'of one of them', 'of its holder', 'of somebody else'].map((text) => ({
      text,
    }));
    expect(await read()).toEqual([...texts, { address: 'Lane 3' }]);
    const receipt = await forgetting.forget({ customerId: anna, reason });
    const gone = 'forgotten';
    expect(await read()).toEqual([gone, texts[1], gone, gone, texts[4], gone]);
    expect(receipt.objects).toEqual(['thing-hall', 'thing-meter', 'thing-outage']);
    expect(await forgetting.forget({ customerId: anna, reason })).toEqual(receipt);
  });

  it('heals what came to be theirs after all, when it is asked again', async () => {
    await bind('a', anna);
    const receipt = await forgetting.forget({ customerId: anna, reason });
    expect(receipt).toMatchObject({ customers: [anna], journeys: [], keysReleased: 1, repeatedAt: [] });
    expect(await forgetting.forget({ customerId: anna, reason })).toEqual(receipt);
    await bind('b', anna);
    const again = await forgetting.forget({ customerId: anna, reason });
    expect(await holderOf('b')).toBeNull();
    expect(again).toEqual({ ...receipt, repeatedAt: [expect.any(String)] });
    const journeyId = await open(anna);
    await forgetting.forget({ customerId: anna, reason });
    const note = kernel.execute(journeyDecider, new AddNote({ journeyId, text: 'n' }));
    await expect(note).rejects.toMatchObject({ code: 'CUSTOMER_FORGOTTEN' });
    const { length } = await events();
    expect((await forgetting.forget({ customerId: anna, reason })).repeatedAt).toHaveLength(2);
    expect(await events()).toHaveLength(length);
  });

  it('finds the journey that a fact opened meanwhile', async () => {
    let late = '';
    forgetting.reaches({
      quietly: (work) => work(),
      forget: async () => {
        late ||= await open(anna);
        return { quarantined: 1, imports: 0 };
      },
    });
    const record = await forgetting.forget({ customerId: anna, reason });
    expect(record).toMatchObject({ journeys: [late], quarantineRemoved: 2, repeatedAt: [] });
    expect(vault.isForgotten(`journey:${late}`)).toBe(true);
  });

  it('is told to whoever was merged with them, also after they were unmerged', async () => {
    const third = newId();
    await kernel.execute(customerDecider, new RegisterCustomer({ customerId: third, identifiers: [] }));
    await merge(twin, anna);
    await merge(third, twin);
    await merge(bob, anna);
    await kernel.execute(customerDecider, new UnmergeCustomers({ customerId: bob, reason }));
    const receipt = await forgetting.forget({ customerId: twin, reason });
    expect(receipt.customers).toEqual([anna, twin, third].sort());
    await kernel.execute(customerDecider, new UnmergeCustomers({ customerId: third, reason }));
    for (const id of [anna, twin, third]) {
      expect(await forgetting.record(id)).toEqual(receipt);
      expect(await forgetting.forget({ customerId: id, reason })).toEqual(receipt);
    }
    for (const id of [bob, newId()]) expect(await forgetting.record(id)).toBeNull();
    // Done again by another of them, it is told with what was done first.
    await bind('c', anna);
    const again = await forgetting.forget({ customerId: anna, reason });
    expect(again).toEqual({ ...receipt, repeatedAt: [expect.any(String)] });
  });

  it('leaves a key that somebody new has claimed meanwhile', async () => {
    await bind('a', anna);
    await bind('b', bob);
    const { look } = kernel;
    kernel.look = (async (...given: Parameters<typeof look>) => {
      const seen = await look.apply(kernel, given);
      kernel.look = look;
      await kernel.execute(keyDecider, new ReleaseKey({ hash: 'a', reason }));
      await bind('a', bob);
      return seen;
    }) as typeof look;
    await releaseKeysOf(kernel, { customers: [anna], hashes: ['a', 'b', 'c'], reason });
    expect(await Promise.all(['a', 'b', 'c'].map(holderOf))).toEqual([bob, bob, null]);
  });
});
