import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventRegistry, Kernel, openSqliteLog, openVault, systemClock } from '@touchstone/eventing';
import { FileImporter, xesReading } from '@touchstone/interchange';
import { events } from '../apps/server/composition.js';
import { TestServer } from '../apps/server/testing.js';
import { customerDecider, ForgetCustomer } from '../libs/journeys/customer.js';
import { filesBelow, filesWith, formsOf, keysIn, readable, rowsOf } from './forgetting.kit.js';

/** Everything by which Anna could be recognised, wherever it was said. */
const ANNA = {
  name: '安娜·Müller-Wang',
  otherName: 'Anna Maria Wang',
  phone: '+86 138 4711 0815',
  account: 'ACC-77-ANNA',
  crm: 'CRM-ANNA-0009',
  importedAs: 'anna.wang@example.org',
  callback: '0571-8888-4242',
  note: 'She keeps koi; the pond has no backup pump.',
  handover: 'Ask for Anna at the side door.',
  moment: 'Told her story a third time, was close to tears.',
  caller: 'Annas Schwester Li Na',
  early: 'Rang about the pond before she gave her name.',
  shared: 'Rang from the neighbours; her pump is in their cellar.',
};
const SECRETS = Object.values(ANNA);
const BOB = { name: 'Bob Chen', phone: '13900139000', note: 'Prefers to be called in the morning.' };

const str = (key: string, value: string) => `<string key="${key}" value="${value}"/>`;
const xesEvent = (name: string, at: string, more = '') =>
  `<event>${str('concept:name', name)}<date key="time:timestamp" value="${at}"/>${more}</event>`;
const xes = (type: string) =>
  `<log><trace>${str('concept:name', `${type}-1`)}${str('who', ANNA.importedAs)}` +
  xesEvent('Call', '2025-03-01T08:00:00+08:00', str('phone', ANNA.callback)) +
  xesEvent('Call', '2025-03-01T09:00:00', str('phone', ANNA.callback)) +
  xesEvent('Done', '2025-03-01T10:00:00+08:00') +
  `</trace><trace>${str('concept:name', `${type}-2`)}${str('who', 'someone.else@example.org')}` +
  xesEvent('Call', '2025-03-02T08:00:00+08:00', str('phone', '0571-1111-2222')) +
  xesEvent('Call', '2025-03-02T09:00:00', str('phone', '0571-1111-2222')) +
  '</trace></log>';

describe('a person is forgotten', () => {
  let server: TestServer;
  let directory: string;
  const backup = mkdtempSync(join(tmpdir(), 'touchstone-backup-'));
  let keysOfAnna: Buffer[];
  let before: { position: string; figures: unknown; rows: ReturnType<typeof rowsOf> };
  let generation: string;
  let customers: { anna: string; merged: string; imported: string; bob: string };
  let journeys: { main: string; early: string; shared: string; bob: string };
  let touchpointId: string;

  const ask = async (query: string, variables: Record<string, unknown> = {}) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const send = async (name: string, input: object): Promise<{ id: string; entryId: string; position: string }> => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    return (await ask(`mutation ($i: ${type}!) { ${name}(input: $i) { id entryId position } }`, { i: input }))[name];
  };
  const codeOf = (name: string, input: object) => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    return server.codeOf(`mutation ($i: ${type}!) { ${name}(input: $i) { id } }`, { i: input });
  };
  const tell = async (data: object, time: string) => {
    const event = { specversion: '1.0', id: randomUUID(), source: 'crm', type: 'touchpoint.recorded', time, data };
    const response = await fetch(`${server.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    });
    return (await response.json()) as { outcome: string; code?: string; journeyId?: string };
  };
  const importXes = async (type: string) => {
    const options = JSON.stringify({ journeyType: type, customer: 'who', personal: ['phone'], closes: ['Done'] });
    const response = await fetch(`${server.url}/imports/xes?options=${encodeURIComponent(options)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/xml' },
      body: xes(type),
    });
    return (await response.text()).trim().split('\n').at(-1)!;
  };
  const customerBy = async (by: object, more: Record<string, unknown> = {}) =>
    (
      await ask(
        'query ($by: CustomerBy!, $asOf: AsOfInput) { customer(by: $by, asOf: $asOf) { id name phone forgotten segment identifiers { type value } } }',
        { by, ...more },
      )
    ).customer;
  const FORGET = `mutation ($i: ForgetCustomerInput!) { forgetCustomer(input: $i) {
    customerIds completedAt position journeyCount keysDestroyed keysReleased quarantineRemoved importsRemoved repeatedAt
    remains { code en zh } } }`;
  const RECEIPT = `query ($id: ID!) { forgettingReceipt(customerId: $id) {
    customerIds completedAt position journeyCount keysDestroyed keysReleased quarantineRemoved importsRemoved repeatedAt
    remains { code en zh } } }`;

  /** Read models at the head, and nothing that a rule still has to record. */
  const settled = async () => {
    for (let tries = 0; tries < 400; tries++) {
      await server.ready();
      const { policies } = await ask('{ policies { due } }');
      if ((policies as { due: number | null }[]).every(({ due }) => due === 0)) return;
      await sleep(25);
    }
    throw new Error('Rules still have something to decide.');
  };
  const figures = async (asOf?: object) => {
    const { metrics } = await ask('{ metrics { id } }');
    const totals: unknown[] = [];
    for (const { id } of metrics as { id: string }[]) {
      const query =
        'query ($id: ID!, $asOf: AsOfInput) { metric(id: $id, asOf: $asOf) { total { n numerator denominator value } } }';
      totals.push([id, (await ask(query, { id, asOf })).metric.total]);
    }
    const map = await ask(
      `query ($asOf: AsOfInput) { journeyMap(asOf: $asOf) { cases { value } events { value } nodes { id count { value } ended { value } }
        edges { source target count { value } } variants { kinds cases { value } } } }`,
      { asOf },
    );
    return { totals, map };
  };
  const head = async () => (await ask('{ projections { head generation } }')).projections[0];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'touchstone-forgetting-'));
    await interruptedImport(directory);
    server = await TestServer.start({}, directory);
    const kind = (id: string, more = {}) => ({ id, nameEn: id, ...more });
    await ask('mutation ($i: PublishPackInput!) { publishPack(input: $i) { position } }', {
      i: {
        pack: 'own',
        nameEn: 'Own',
        kinds: [kind('own.call', { contact: true }), kind('own.done', { closes: true })],
      },
    });
    await world();
    await settled();
    const { head: position, generation: name } = await head();
    generation = name;
    before = { position, figures: await figures(), rows: rowsOf(directory, generation) };
    const subjects = [
      ...[customers.anna, customers.merged, customers.imported].map((id) => `customer:${id}`),
      ...[journeys.main, journeys.early, journeys.shared].map((id) => `journey:${id}`),
    ];
    const keys = keysIn(directory);
    keysOfAnna = subjects.map((subject) => keys.get(subject)!);
  }, 60_000);
  afterAll(async () => {
    await server.remove();
    rmSync(backup, { recursive: true });
  });

  async function world(): Promise<void> {
    const identifiers = [
      { type: 'phone', value: ANNA.phone },
      { type: 'account', value: ANNA.account },
    ];
    const profile = { name: 'Anna W.', segment: 'resident', region: 'EAST' };
    const anna = (await send('registerCustomer', { identifiers, ...profile })).id;
    await send('updateCustomer', { customerId: anna, name: ANNA.name, phone: ANNA.phone });
    const other = { identifiers: [{ type: 'crm', value: ANNA.crm }], name: ANNA.otherName };
    const merged = (await send('registerCustomer', other)).id;
    const bob = (await send('registerCustomer', { identifiers: [{ type: 'phone', value: BOB.phone }], name: BOB.name }))
      .id;
    expect(await importXes('fault')).toContain('"taken":3');
    const imported = (await customerBy({ identifier: { type: 'fault/who', value: ANNA.importedAs } })).id as string;
    await send('mergeCustomers', { customerId: merged, survivorId: anna, reason: 'the same phone' });
    await send('mergeCustomers', { customerId: imported, survivorId: merged, reason: 'the same address' });
    customers = { anna, merged, imported, bob };

    const open = async (customerId: string | undefined, at: string) =>
      (await send('openJourney', { journeyType: 'fault-repair', customerId, occurredAt: at })).id;
    const [main, early, shared, bobs] = [
      await open(anna, '2025-05-01T08:00:00+08:00'),
      await open(undefined, '2025-05-02T08:00:00+08:00'),
      await open(undefined, '2025-05-06T08:00:00+08:00'),
      await open(bob, '2025-05-03T08:00:00+08:00'),
    ];
    journeys = { main, early, shared, bob: bobs };
    const call = (journeyId: string, occurredAt: string, more = {}) =>
      send('recordTouchpoint', { journeyId, kind: 'own.call', occurredAt, channel: 'hotline', unit: 'east', ...more });
    touchpointId = (await call(main, '2025-05-01T08:05:00+08:00', { personal: { caller: ANNA.caller } })).entryId;
    await call(main, '2025-05-01T11:00:00+08:00', { attributes: { waitedSeconds: 42 } });
    await send('addNote', { journeyId: main, text: ANNA.note });
    await send('assignOwner', { journeyId: main, unit: 'east' });
    await send('handOverJourney', { journeyId: main, toUnit: 'crew', note: ANNA.handover, customerTold: false });
    const moment = { journeyId: main, touchpointId, code: 'NEG-01', observer: 'qa', note: ANNA.moment };
    await send('observeMoment', moment);
    // Somebody rings without a name; that it was Anna is told afterwards, of an earlier contact.
    await call(early, '2025-05-02T10:00:00+08:00', { personal: { said: ANNA.early } });
    const fact = { journey: { id: early }, customer: { type: 'phone', value: ANNA.phone }, kind: 'own.call' };
    expect((await tell(fact, '2025-05-02T09:00:00+08:00')).outcome).toBe('taken');
    // What was first told to be Bob's turns out to be Anna's: hers is the earlier contact.
    for (const [at, phone] of [
      ['2025-05-06T10:00:00+08:00', BOB.phone],
      ['2025-05-06T09:00:00+08:00', ANNA.phone],
    ] as const) {
      const contact = { journey: { id: shared }, customer: { type: 'phone', value: phone }, kind: 'own.call' };
      expect((await tell(contact, at)).outcome).toBe('taken');
    }
    await send('addNote', { journeyId: shared, text: ANNA.shared });
    await call(bobs, '2025-05-03T09:00:00+08:00', { personal: { caller: BOB.name } });
    await send('addNote', { journeyId: bobs, text: BOB.note });

    const journey = { type: 'fault-repair', key: 'K1' };
    const unknown = (data: object) => tell({ journey, kind: 'no.such-kind', ...data }, '2025-05-04T09:00:00+08:00');
    const quarantined = [
      await unknown({ personal: { text: `Her name is ${ANNA.name}.` } }),
      await unknown({ customer: { type: 'phone', value: '13847110815' } }),
      await unknown({ journey: { id: main }, personal: { text: 'no name at all' } }),
      await unknown({ customer: { type: 'phone', value: BOB.phone } }),
    ];
    expect(quarantined.map(({ outcome }) => outcome)).toEqual([
      'quarantined',
      'quarantined',
      'quarantined',
      'quarantined',
    ]);
  }

  it('and could be read in full before, by whoever has the files', async () => {
    const text = await readable(directory);
    expect(SECRETS.filter((secret) => !text.includes(JSON.stringify(secret).slice(1, -1)))).toEqual([]);
    expect(filesWith(directory, keysOfAnna).map((path) => path.slice(directory.length + 1))).toContain('keys.db');
    expect(keysOfAnna).toHaveLength(6);
    for (const name of ['keys.db', 'quarantine.db', 'spool']) {
      for (const suffix of name === 'spool' ? [''] : ['', '-wal']) {
        cpSync(join(directory, name + suffix), join(backup, name + suffix), { recursive: true });
      }
    }
  });

  it('whom nobody knows cannot be', async () => {
    const input = { customerId: randomUUID(), reason: 'request' };
    expect(await server.codeOf(FORGET, { i: input })).toBe('CUSTOMER_UNKNOWN');
    expect((await ask(RECEIPT, { id: customers.anna })).forgettingReceipt).toBeNull();
    expect((await ask(RECEIPT, { id: input.customerId })).forgettingReceipt).toBeNull();
    expect(await server.codeOf(RECEIPT, { id: 'anna' })).toBe('INVALID_INPUT');
  });

  it('with everybody who was merged with them, and is told what was done and what stays', async () => {
    // By one who was absorbed: it is the same person.
    const input = { customerId: customers.merged, reason: 'request of 2025-06-01', basis: 'PIPL-47' };
    const [{ forgetCustomer: receipt }, { forgetCustomer: meanwhile }] = await Promise.all([
      ask(FORGET, { i: input }),
      ask(FORGET, { i: { ...input, customerId: customers.anna } }),
    ]);
    expect(receipt).toMatchObject({
      customerIds: [customers.anna, customers.merged, customers.imported].sort(),
      journeyCount: 4,
      keysDestroyed: 6,
      keysReleased: 4,
      quarantineRemoved: 4,
      importsRemoved: 1,
      repeatedAt: [],
    });
    expect(receipt.remains.map(({ code }: { code: string }) => code)).toEqual([
      'EVENTS',
      'KEYED_HASHES',
      'UNMARKED_TEXT',
      'TOLD_BY_OTHERS',
      'BACKUPS',
      'COPIES',
      'SENT_AGAIN',
    ]);
    expect(
      receipt.remains.every(({ en, zh }: { en: string; zh: string }) => /^[A-Z].*\.$/.test(en) && /。$/.test(zh)),
    ).toBe(true);
    expect(meanwhile).toEqual(receipt);
    expect((await ask(FORGET, { i: input })).forgetCustomer).toEqual(receipt);
    for (const id of [customers.anna, customers.merged, customers.imported.toUpperCase()]) {
      expect((await ask(RECEIPT, { id })).forgettingReceipt).toEqual(receipt);
    }
  });

  const nothingIsLeft = async () => {
    const forms = SECRETS.flatMap(formsOf);
    expect(filesBelow(directory).length).toBeGreaterThan(5);
    expect(filesWith(directory, forms)).toEqual([]);
    expect(filesWith(directory, keysOfAnna)).toEqual([]);
    const text = await readable(directory);
    expect(SECRETS.filter((secret) => text.includes(JSON.stringify(secret).slice(1, -1)))).toEqual([]);
    // Others can still be read, so the search is not blind.
    expect(Object.values(BOB).filter((value) => !text.includes(value))).toEqual([]);
  };
  it('of whom no byte is left that anybody could read, in any file', nothingIsLeft);

  it('and the search would find them, in any form', () => {
    for (const bytes of [
      Buffer.from(`x${ANNA.name}x`),
      Buffer.from(Buffer.from(`ab${ANNA.name}cd`).toString('base64')),
      Buffer.from(Buffer.from(`a${ANNA.name}cd`).toString('base64url')),
      Buffer.from(ANNA.name, 'utf16le'),
      Buffer.from('\\u5b89\\u5a1c\\u00b7M\\u00fcller-Wang'),
    ]) {
      expect(formsOf(ANNA.name).some((form) => bytes.includes(form))).toBe(true);
    }
    for (const form of SECRETS.flatMap(formsOf)) expect(form.length).toBeGreaterThan(9);
  });

  it('and reads as forgotten everywhere, also as of before', async () => {
    await settled();
    const forgotten = { name: 'forgotten', phone: 'forgotten', forgotten: true, identifiers: [] };
    const past = { asOf: { position: before.position } };
    expect(await customerBy({ id: customers.anna })).toMatchObject({ ...forgotten, segment: 'resident' });
    expect(await customerBy({ id: customers.anna }, past)).toMatchObject(forgotten);
    expect(await customerBy({ id: customers.imported }, past)).toMatchObject({ forgotten: true, identifiers: [] });
    expect(await customerBy({ id: customers.bob })).toMatchObject({ name: BOB.name, forgotten: false });
    const timeline = 'edges { node { form kind unit attributes personal note } }';
    for (const asOf of [undefined, { position: before.position }]) {
      const { journey, early } = await ask(
        `query ($j: ID!, $e: ID!, $asOf: AsOfInput) { journey: timeline(of: { journeyId: $j }, asOf: $asOf) { ${timeline} }
          early: timeline(of: { journeyId: $e }, asOf: $asOf) { ${timeline} } }`,
        { j: journeys.main, e: journeys.early, asOf },
      );
      const nodes = [...journey.edges, ...early.edges].map(({ node }: { node: Record<string, unknown> }) => node);
      expect(nodes.flatMap(({ personal, note }) => [personal, note]).filter((value) => value !== null)).toEqual([
        'forgotten',
        'forgotten',
        'forgotten',
        'forgotten',
      ]);
      const ledger = 'query ($asOf: AsOfInput) { moments(first: 100, asOf: $asOf) { edges { node { note } } } }';
      const moments = (await ask(ledger, { asOf })).moments.edges as { node: { note: string | null } }[];
      expect(moments.map(({ node }) => node.note).filter((note) => note !== null)).toEqual(['forgotten']);
      expect(nodes.find(({ attributes }) => attributes !== null)).toMatchObject({
        kind: 'own.call',
        unit: 'east',
        attributes: { waitedSeconds: 42 },
      });
    }
  });

  it('in the events that are read or followed too', async () => {
    const { events: all } = await ask('{ events(first: 1000) { edges { node { type data } } } }');
    const page = JSON.stringify(all);
    const client = server.socket();
    const followed: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const end = client.subscribe(
        { query: 'subscription { events { type data } }' },
        {
          next: (message) => {
            followed.push(JSON.stringify(message));
            if (followed.length < all.edges.length) return;
            end();
            resolve();
          },
          error: reject,
          complete: resolve,
        },
      );
    });
    await client.dispose();
    for (const text of [page, followed.join()]) {
      expect(SECRETS.filter((secret) => text.includes(JSON.stringify(secret).slice(1, -1)))).toEqual([]);
    }
    expect(page).toContain('"forgotten"');
    expect(page).toContain(BOB.note);
    // What is followed holds nothing personal of anybody.
    expect(followed.join()).not.toContain('forgotten"');
    expect(followed.join()).not.toContain(BOB.note);
  });

  it('without a change to any figure, now or as of then', async () => {
    expect(await figures()).toEqual(before.figures);
    expect(await figures({ position: before.position })).toEqual(before.figures);
    expect(
      (before.figures as { totals: [string, { n: number }][] }).totals.filter(([, { n }]) => n > 0).length,
    ).toBeGreaterThan(5);
    const rows = rowsOf(directory, generation);
    const concerned = Object.keys(rows).filter(
      (table) => JSON.stringify(rows[table]) !== JSON.stringify(before.rows[table]),
    );
    expect(concerned.sort()).toEqual(['bound_key', 'checkpoint', 'customer_state']);
  });

  it('and a rebuild from zero gives the same rows', async () => {
    const rows = rowsOf(directory, generation);
    await ask('mutation { rebuildProjection(group: "journeys") { generation } }');
    for (let tries = 0; tries < 400 && (await head()).generation === generation; tries++) await sleep(25);
    await settled();
    const { generation: rebuilt } = await head();
    expect(rebuilt).not.toBe(generation);
    expect(rowsOf(directory, rebuilt)).toEqual(rows);
    expect(await figures()).toEqual(before.figures);
  }, 30_000);

  it('who comes again is somebody new', async () => {
    const identifiers = [{ type: 'phone', value: ANNA.phone }];
    const byName =
      'query ($i: IdentifierInput!, $asOf: AsOfInput) { customer(by: { identifier: $i }, asOf: $asOf) { id } }';
    for (const asOf of [undefined, { position: before.position }]) {
      expect(await server.codeOf(byName, { i: identifiers[0], asOf })).toBe('CUSTOMER_UNKNOWN');
    }
    const fact = { journey: { type: 'fault-repair', key: 'K2' }, kind: 'own.call' };
    const customer = { type: 'phone', value: ANNA.phone };
    const told = await tell({ ...fact, customer, personal: { caller: 'someone new' } }, '2025-07-01T09:00:00+08:00');
    expect(told.outcome).toBe('taken');
    await settled();
    const { journey } = await ask(
      'query ($id: ID!) { journey(id: $id) { customerId timeline { edges { node { personal } } } } }',
      {
        id: told.journeyId,
      },
    );
    expect(Object.values(customers)).not.toContain(journey.customerId);
    expect(journey.timeline.edges[0].node.personal).toEqual({ caller: 'someone new' });
    expect((await send('registerCustomer', { identifiers, name: 'Somebody' })).id).toBe(journey.customerId);
  });

  it('what is still told about them is recorded without what is personal; notes are refused', async () => {
    const late = { journeyId: journeys.main, kind: 'own.call', unit: 'late', personal: { caller: ANNA.caller } };
    await send('recordTouchpoint', late);
    await settled();
    const query = 'query ($j: ID!) { timeline(of: { journeyId: $j }) { edges { node { unit personal } } } }';
    const { edges } = (await ask(query, { j: journeys.main })).timeline;
    expect(edges.map((edge: { node: object }) => edge.node)).toContainEqual({ unit: 'late', personal: 'forgotten' });
    const refused = { journeyId: journeys.main, text: ANNA.note };
    expect(await codeOf('addNote', refused)).toBe('CUSTOMER_FORGOTTEN');
    expect(await codeOf('updateCustomer', { customerId: customers.anna, name: ANNA.name })).toBe('CUSTOMER_FORGOTTEN');
    // The phone is a new customer's by now; nothing else may be there.
    const forms = SECRETS.filter((secret) => secret !== ANNA.phone).flatMap(formsOf);
    expect(filesWith(directory, forms)).toEqual([]);
  });

  it('stays forgotten when keys and quarantine come back from a backup', async () => {
    await server.close();
    for (const name of ['keys.db', 'quarantine.db']) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, name + suffix), { force: true });
      for (const suffix of ['', '-wal']) cpSync(join(backup, name + suffix), join(directory, name + suffix));
    }
    cpSync(join(backup, 'spool'), join(directory, 'spool'), { recursive: true });
    expect(filesWith(directory, keysOfAnna)).not.toEqual([]);
    server = await TestServer.start({}, directory);
    expect(filesWith(directory, keysOfAnna)).toEqual([]);
    expect(await customerBy({ id: customers.anna })).toMatchObject({ name: 'forgotten', forgotten: true });
    expect((await ask('{ quarantine(first: 100) { totalCount } }')).quarantine.totalCount).toBe(2);
    const { forgettingReceipt: receipt } = await ask(RECEIPT, { id: customers.anna });
    expect(receipt).toMatchObject({ keysDestroyed: 6, quarantineRemoved: 4, importsRemoved: 1 });
    expect(receipt.repeatedAt).toHaveLength(1);
    await nothingIsLeft();
    await server.close();
    server = await TestServer.start({}, directory);
    expect((await ask(RECEIPT, { id: customers.anna })).forgettingReceipt).toEqual(receipt);
  }, 30_000);

  it('is finished at the next start when it was cut short', async () => {
    const identifiers = [{ type: 'phone', value: '13600136000' }];
    const carol = (await send('registerCustomer', { identifiers, name: 'Carol Zhao' })).id;
    const twin = (await send('registerCustomer', { identifiers: [{ type: 'crm', value: 'C-2' }], name: 'C. Zhao' })).id;
    await send('mergeCustomers', { customerId: twin, survivorId: carol, reason: 'twins' });
    await tell(
      { journey: { key: 'x', type: 'y' }, kind: 'no.such', personal: { n: 'Carol Zhao' } },
      '2025-05-04T09:00:00Z',
    );
    const key = keysIn(directory).get(`customer:${twin}`)!;
    const dora = (await send('registerCustomer', { identifiers: [{ type: 'crm', value: 'D-1' }], name: 'Dora' })).id;
    await server.ready();
    await server.close();
    await cutShort(carol, { destroyed: false });
    await cutShort(dora, { destroyed: true });
    server = await TestServer.start({}, directory);
    const receiptOf = async (id: string) => {
      for (let tries = 0; tries < 400; tries++) {
        const { forgettingReceipt } = await ask(RECEIPT, { id });
        if (forgettingReceipt) return forgettingReceipt as object;
        await sleep(25);
      }
      throw new Error(`The forgetting of ${id} was not finished.`);
    };
    expect(await receiptOf(dora)).toMatchObject({ customerIds: [dora], keysDestroyed: 1, keysReleased: 1 });
    const receipt = await receiptOf(carol);
    expect(receipt).toMatchObject({
      customerIds: [carol, twin].sort(),
      keysDestroyed: 2,
      keysReleased: 2,
      quarantineRemoved: 1,
    });
    expect(filesWith(directory, [key, ...formsOf('Carol Zhao')])).toEqual([]);
    expect((await ask(RECEIPT, { id: twin })).forgettingReceipt).toEqual(receipt);
  }, 30_000);

  /** What a server leaves behind that is killed right after it said so in the log, or after the last step but the record. */
  async function cutShort(customerId: string, { destroyed }: { destroyed: boolean }): Promise<void> {
    const vault = await openVault({ file: join(directory, 'keys.db') });
    const log = await openSqliteLog({ file: join(directory, 'log.db') });
    const kernel = new Kernel({ log, vault, clock: systemClock, registry: new EventRegistry(events) });
    await kernel.execute(customerDecider, new ForgetCustomer({ customerId, reason: 'cut short' }));
    if (destroyed) await vault.destroy(`customer:${customerId}`);
    await log.close();
    await vault.close();
  }
});

/** An import of the same people that was read to its end, and killed before it appended anything. */
async function interruptedImport(directory: string): Promise<void> {
  const sealer = await openVault({ file: join(directory, 'keys.db') });
  const importer = new FileImporter({
    directory,
    sealer,
    clock: systemClock,
    packs: { has: () => false, kind: () => undefined as never, publish: () => Promise.reject(new Error('killed')) },
    intake: { take: () => Promise.reject(new Error('killed')) },
    statements: { take: () => Promise.reject(new Error('killed')) },
    quarantine: { add: () => Promise.resolve(0) },
  });
  const file = {
    open: async function* () {
      yield await Promise.resolve(Buffer.from(xes('older')));
    },
  };
  const options = { journeyType: 'older', customer: 'who', personal: ['phone'] };
  await expect(importer.run(file, xesReading(options))).rejects.toThrow('killed');
  await sealer.close();
}
