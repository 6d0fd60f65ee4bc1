import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { binaryEvent } from './cloudevents-http.js';
import { CloudEventIntake } from './cloudevents-intake.js';
import { FileImporter } from './import-job.js';
import { QuarantineMending } from './quarantine-mending.js';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { openHouse, type House } from './testing.js';
import { xesReading } from './xes-reading.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());
const engines = postgres ? ['SQLite', 'PostgreSQL'] : ['SQLite'];

let engine = 'SQLite';
let house: House;
let intake: CloudEventIntake;
let mending: QuarantineMending;
beforeEach(async () => {
  house = await openHouse(undefined, undefined, engine === 'SQLite' ? undefined : freshSchema(postgres!, 'mending'));
  intake = new CloudEventIntake(house);
  mending = new QuarantineMending(house);
  await house.packs.publish({
    pack: 'crew',
    names: { en: 'Crew' },
    kinds: [
      { id: 'crew.arrived', names: { en: 'x' }, traits: { closes: false, contact: true, customerVisible: true } },
    ],
  });
});
afterEach(() => house.close());

const ANNA = { actor: { id: 'anna' }, correlationId: 'c-1' };
const event = (id: string, more: object = {}, data: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/oms',
  type: 'touchpoint.recorded',
  time: '2024-07-01T08:00:00+08:00',
  data: { journey: { type: 'repair', key: 'F1' }, kind: 'crew.arrived', ...data },
  ...more,
});
const touchpoints = async () => (await house.recorded()).filter(({ type }) => type === 'TouchpointRecorded');
const ids = () => house.quarantine.list().edges.map(({ node }) => node.id);

describe.each(engines)('mending a CloudEvent in %s', (name) => {
  beforeAll(() => void (engine = name));
  const itInFiles = name === 'SQLite' ? it : () => undefined;
  it('and driving it in makes it what it would have been, once, with who did what', async () => {
    const bad = event('e-1', { time: 'noon' });
    expect(await intake.takeOne(bad)).toMatchObject({ outcome: 'quarantined', quarantineId: '1' });
    const payload = JSON.stringify(event('e-1'));
    const mended = await mending.mend({ ids: ['1'] }, { payload, note: 'asked the crew', seen: 0 }, ANNA);
    expect(mended).toEqual({ seen: 1, mended: 1, problems: [], next: null });
    expect(await mending.mend({ ids: ['1'] }, { payload }, ANNA)).toMatchObject({ mended: 0 });
    expect(await touchpoints()).toEqual([]);
    expect(house.quarantine.record('1')).toMatchObject({ state: 'mended', revision: 1 });
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 1, known: 0, waiting: 0 });
    const [stored] = await touchpoints();
    expect(stored).toMatchObject({ occurredAt: '2024-07-01T08:00:00+08:00', metadata: { actor: { id: 'anna' } } });
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 0, known: 1 });
    expect(await touchpoints()).toHaveLength(1);
    expect(house.quarantine.record('1')).toMatchObject({ state: 'taken', touchpointId: stored!.id });
    expect(house.quarantine.deeds('1')).toEqual([
      { at: expect.any(String), actor: { id: 'anna' }, what: 'mended', detail: 'payload', note: 'asked the crew' },
      { at: expect.any(String), actor: { id: 'anna' }, what: 'taken', detail: stored!.id, note: null },
    ]);
    // What it was when it came stays readable, and is not listed any more.
    expect(JSON.parse(house.quarantine.raw('1'))).toEqual(bad);
    expect(ids()).toEqual([]);
    expect(house.quarantine.list({ state: 'taken' }).edges).toHaveLength(1);
    // The broken one once more is known by what became of it; so is the good one.
    expect(await intake.takeOne(bad)).toMatchObject({ outcome: 'known', touchpointId: stored!.id });
    expect(await intake.takeOne(event('e-1'))).toMatchObject({ outcome: 'known', touchpointId: stored!.id });
  });

  it('by a mapping mends all of a code, page by page, and good ones do not wait for bad ones', async () => {
    for (let n = 0; n < 5; n++)
      await intake.takeOne(event(`k-${n}`, {}, { kind: n === 2 ? 'crew.lost' : 'crew.came' }));
    await intake.takeOne(event('other', { time: 'noon' }));
    const filter = { code: 'KIND_UNKNOWN' };
    const mapping = { kinds: { 'crew.came': 'crew.arrived' } };
    const first = await mending.mend({ filter, first: 3 }, { mapping }, ANNA);
    expect(first).toMatchObject({ seen: 3, mended: 3, next: expect.any(String) });
    const second = await mending.mend({ filter, first: 3, after: first.next }, { mapping }, ANNA);
    expect(second).toMatchObject({ seen: 2, mended: 2, next: null });
    const retried = await mending.retry({ filter }, ANNA);
    expect(retried).toMatchObject({ taken: 4, waiting: 1, problems: [{ id: '3', code: 'KIND_UNKNOWN' }] });
    expect((await touchpoints()).map(({ metadata }) => metadata.source?.recordId)).toEqual([
      'k-0',
      'k-1',
      'k-3',
      'k-4',
    ]);
    expect(ids()).toEqual(['3', '6']);
  });

  it.each([
    ['+08:00', '2024-07-01T08:00:00+08:00'],
    ['Asia/Shanghai', '2024-07-01T08:00:00+08:00'],
    ['America/New_York', '2024-07-01T08:00:00-04:00'],
    ['Asia/Kolkata', '2024-07-01T08:00:00+05:30'],
    ['UTC', '2024-07-01T08:00:00+00:00'],
  ])('by the zone %s', async (zone, occurredAt) => {
    await intake.takeOne(event('z', { time: '2024-07-01T08:00:00' }));
    const filter = { code: 'CLOUDEVENT_TIME_WITHOUT_ZONE' };
    expect(await mending.mend({ filter }, { mapping: { zone } }, ANNA)).toMatchObject({ mended: 1, problems: [] });
    expect(await mending.retry({ filter }, ANNA)).toMatchObject({ taken: 1 });
    expect((await touchpoints())[0]).toMatchObject({ occurredAt });
  });

  it('tells at once what is still wrong, and what went wrong at a retry', async () => {
    await intake.takeOne(event('w', { time: 'noon' }));
    const mended = await mending.mend({ ids: ['1'] }, { payload: '{"specversion":"1.0"}' }, ANNA);
    expect(mended).toMatchObject({ mended: 1, problems: [{ id: '1', code: 'CLOUDEVENT_INVALID' }] });
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 0, waiting: 1 });
    expect(house.quarantine.record('1')).toMatchObject({ code: 'CLOUDEVENT_INVALID', state: 'mended' });
    expect(house.quarantine.deeds('1').map(({ what }) => what)).toEqual(['mended', 'refused']);
  });

  it('with a faulty header says so until somebody writes it anew, and shows what the header said', async () => {
    const { data, ...attributes } = event('binary');
    const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, [value]]));
    const faulty = (tries: string) => binaryEvent({ ...headers, 'ce-my_try': [tries] }, JSON.stringify(data));
    expect(await intake.takeText(faulty('1'))).toMatchObject({ outcome: 'quarantined', quarantineId: '1' });
    expect(await intake.takeText(faulty('2'))).toMatchObject({ quarantineId: '2' });
    expect(JSON.parse(house.quarantine.raw('1'))).toEqual({ ...event('binary'), 'ce-my_try': '1' });
    const untouched = { taken: 0, waiting: 1, problems: [{ code: 'CLOUDEVENT_INVALID' }] };
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject(untouched);
    await mending.mend({ ids: ['1'] }, { mapping: { zone: 'UTC' } }, ANNA);
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject(untouched);
    expect(await touchpoints()).toEqual([]);
    await mending.mend({ ids: ['1'] }, { payload: JSON.stringify(event('binary')) }, ANNA);
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 1 });
  });

  it('that is a fact of an object makes it that fact, and its sender hears so', async () => {
    const outage = (more: object = {}) => ({
      ...event('outage-1', more),
      type: 'object-fact.recorded',
      data: { object: { type: 'outage', id: 'O-1' }, kind: 'crew.arrived' },
    });
    const broken = outage({ time: 'noon' });
    await intake.takeOne(broken);
    expect(house.quarantine.record('1')).toMatchObject({ code: 'CLOUDEVENT_TIME_INVALID' });
    const still = await mending.mend({ ids: ['1'] }, { payload: JSON.stringify(outage({ time: 'later' })) }, ANNA);
    expect(still.problems).toMatchObject([{ code: 'CLOUDEVENT_TIME_INVALID' }]);
    const payload = JSON.stringify({ ...outage(), data: { ...outage().data, kind: 'crew.vanished' } });
    expect((await mending.mend({ ids: ['1'] }, { payload }, ANNA)).problems).toEqual([]);
    // What was wrong at first stays beside what is wrong now.
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ problems: [{ code: 'KIND_UNKNOWN' }] });
    const record = {
      code: 'KIND_UNKNOWN',
      firstCode: 'CLOUDEVENT_TIME_INVALID',
      firstReason: 'time is no date and time (RFC 3339).',
    };
    expect(house.quarantine.record('1')).toMatchObject(record);
    await mending.mend({ ids: ['1'] }, { mapping: { kinds: { 'crew.vanished': 'crew.arrived' } } }, ANNA);
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 1, problems: [] });
    const facts = (await house.recorded()).filter(({ type }) => type === 'ObjectFactRecorded');
    expect(facts).toMatchObject([{ stream: 'object-outage-O-1', data: { kind: 'crew.arrived' } }]);
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 0, known: 1 });
    expect(await intake.takeOne(broken)).toMatchObject({ outcome: 'known' });
    expect(await intake.takeOne(outage())).toMatchObject({ outcome: 'known' });
  });

  it('goes on where a crash cut it short', async () => {
    await intake.takeOne(event('crash', { time: 'noon' }));
    await mending.mend({ ids: ['1'] }, { payload: JSON.stringify(event('crash')) }, ANNA);
    const { quarantine } = house;
    const dying = new QuarantineMending({
      ...house,
      quarantine: new Proxy(quarantine, {
        get: (target, name) => {
          if (name === 'settle') throw new Error('killed');
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
    });
    await expect(dying.retry({ ids: ['1'] }, ANNA)).rejects.toThrow('killed');
    expect(await touchpoints()).toHaveLength(1);
    expect(ids()).toEqual(['1']);
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 0, known: 1 });
    expect(await touchpoints()).toHaveLength(1);
    expect(ids()).toEqual([]);
  });

  it.each<[string, Promise<unknown> | (() => Promise<unknown>)]>([
    ['QUARANTINED_CHANGED', () => mending.mend({ ids: ['1'] }, { payload: '{}', seen: 7 }, ANNA)],
    ['QUARANTINED_UNKNOWN', () => mending.mend({ ids: ['99'] }, { payload: '{}' }, ANNA)],
    ['QUARANTINED_UNKNOWN', () => mending.retry({ ids: ['99'] }, ANNA)],
    ['PAYLOAD_FOR_MANY', () => mending.mend({ filter: {} }, { payload: '{}' }, ANNA)],
    ['MEND_EMPTY', () => mending.mend({ ids: ['1'] }, {}, ANNA)],
    ['ZONE_UNKNOWN', () => mending.mend({ ids: ['1'] }, { mapping: { zone: 'Mars/Base' } }, ANNA)],
    ['SELECTION_INVALID', () => mending.retry({}, ANNA)],
    ['SELECTION_INVALID', () => mending.retry({ ids: ['1'], filter: {} }, ANNA)],
  ])('is refused with %s, and nothing changes', async (code, attempt) => {
    await intake.takeOne(event('r', { time: 'noon' }));
    await expect((attempt as () => Promise<unknown>)()).rejects.toMatchObject({ code });
    expect(house.quarantine.record('1')).toMatchObject({ state: 'waiting', revision: 0 });
  });

  it('is over once a record was given up', async () => {
    await intake.takeOne(event('d', { time: 'noon' }));
    expect(mending.discard({ ids: ['1'] }, 'a test of theirs', ANNA)).toMatchObject({ discarded: 1 });
    expect(mending.discard({ ids: ['1'] }, 'a test of theirs', ANNA)).toMatchObject({ discarded: 0 });
    await expect(mending.mend({ ids: ['1'] }, { payload: '{}' }, ANNA)).rejects.toMatchObject({
      code: 'QUARANTINED_DONE',
    });
    expect(await mending.retry({ ids: ['1'] }, ANNA)).toMatchObject({ taken: 0, waiting: 1 });
    expect(house.quarantine.record('1')).toMatchObject({ state: 'discarded' });
    expect(ids()).toEqual([]);
  });

  itInFiles('keeps what is personal sealed, and is forgotten with it', async () => {
    await intake.takeOne(event('p', { time: 'noon' }));
    const payload = JSON.stringify(event('p', {}, { personal: { name: 'Li Xiaolong' } }));
    await mending.mend({ ids: ['1'] }, { payload, note: 'says Wang Meili' }, ANNA);
    const file = Buffer.concat(
      await Promise.all(
        ['quarantine.db', 'quarantine.db-wal'].map((name) =>
          readFile(join(house.directory, name)).catch(() => Buffer.alloc(0)),
        ),
      ),
    ).toString('latin1');
    expect(file).toContain('CLOUDEVENT_TIME_INVALID');
    expect(file).not.toMatch(/Xiaolong|Meili/);
    for (const name of ['Xiaolong', 'Meili']) {
      const seen = await house.quarantine.forget({ isTheirs: () => false, in: (text) => text.includes(`no ${name}`) });
      expect(seen).toBe(0);
    }
    expect(await house.quarantine.forget({ isTheirs: () => false, in: (text) => text.includes('Meili') })).toBe(1);
    expect(() => house.quarantine.deeds('1')).toThrow(
      expect.objectContaining({ code: 'QUARANTINED_UNKNOWN' }) as Error,
    );
  });
});

describe.each(engines)('mending records of an import in %s', (name) => {
  beforeAll(() => void (engine = name));
  const options = { journeyType: 'ticket', source: 'desk', unit: 'org:group', customer: 'who' };
  const xes = (times: readonly (string | null)[]) =>
    `<log><trace><string key="concept:name" value="T1"/><string key="who" value="c-1"/>` +
    times
      .map((time, n) => {
        const date = time === null ? '' : `<date key="time:timestamp" value="${time}"/>`;
        const note = `<string key="note" value="${n}"/>`;
        return `<event><string key="concept:name" value="Call"/><string key="org:group" value="G"/>${date}${note}</event>`;
      })
      .join('') +
    '</trace></log>';
  const run = (text: string, given: object = options) =>
    new FileImporter(house).run(
      {
        async *open() {
          yield await Promise.resolve(Buffer.from(text));
        },
      },
      xesReading(given),
    );
  const content = async () =>
    (await touchpoints())
      .map(({ id, occurredAt, data, metadata }) => ({ id, occurredAt, data, source: metadata.source }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));

  it('gives the facts that the mended file would have given, whose import then adds nothing', async () => {
    const result = await run(xes(['2024-05-01T08:00:00+08:00', '2024-05-01T09:00:00', null]));
    expect(result).toMatchObject({ sent: 3, taken: 1, quarantined: 2 });
    const filter = { importId: result.id };
    expect(house.quarantine.count(filter)).toBe(2);
    await mending.mend(
      { filter: { ...filter, code: 'XES_TIMESTAMP_WITHOUT_ZONE' } },
      { mapping: { zone: 'Asia/Shanghai' } },
      ANNA,
    );
    const [, missing] = ids();
    const raw = house.quarantine.raw(missing!);
    const payload = raw.replace('</event>', '<date key="time:timestamp" value="2024-05-01T10:00:00+08:00"/></event>');
    expect(await mending.mend({ ids: [missing!] }, { payload }, ANNA)).toMatchObject({ problems: [] });
    expect(await mending.retry({ filter }, ANNA)).toMatchObject({ taken: 2, waiting: 0 });
    const mended = await content();
    expect(mended.map(({ source }) => source?.sequence).sort()).toEqual([0, 1, 2]);
    const again = await run(
      xes(['2024-05-01T08:00:00+08:00', '2024-05-01T09:00:00+08:00', '2024-05-01T10:00:00+08:00']),
    );
    expect(again).toMatchObject({ sent: 3, known: 3, taken: 0 });
    expect(await content()).toEqual(mended);
    // The broken file once more brings nothing back.
    expect(await run(xes(['2024-05-01T08:00:00+08:00', '2024-05-01T09:00:00', null]))).toMatchObject({ known: 1 });
    expect(house.quarantine.count()).toBe(0);
  });

  it('gives an event of an export of ours the id that it had', async () => {
    const [journey, first, second] = [1, 2, 3].map((n) => `0190a1b2-0000-7000-8000-00000000000${n}`);
    const call = (id: string, time: string) =>
      `<event><string key="concept:name" value="Call"/><string key="touchstone:id" value="${id}"/>` +
      `<string key="touchstone:source" value="crm"/><string key="touchstone:unit" value="U"/>` +
      `<date key="time:timestamp" value="${time}"/></event>`;
    const log = (time: string) =>
      `<log><extension name="Touchstone" prefix="touchstone" uri="urn:touchstone:xes:1"/>` +
      `<string key="touchstone:journey-type" value="ticket"/><container key="touchstone:roles"><string key="unit" value="touchstone:unit"/></container>` +
      `<trace><string key="concept:name" value="T1"/><string key="touchstone:journey" value="${journey}"/>` +
      `${call(first!, '2024-05-01T08:00:00Z')}${call(second!, time)}</trace></log>`;
    const own = { journeyType: 'ticket' };
    expect(await run(log('2024-05-01T09:00:00'), own)).toMatchObject({ taken: 1, quarantined: 1 });
    await mending.mend({ filter: {} }, { mapping: { zone: '+08:00' } }, ANNA);
    expect(await mending.retry({ filter: {} }, ANNA)).toMatchObject({ taken: 1, waiting: 0 });
    expect(await content()).toMatchObject([
      { id: first, data: { unit: 'U' }, source: { system: 'crm' } },
      { id: second, data: { unit: 'U' }, source: { system: 'crm', sequence: 1 } },
    ]);
    expect(new Set((await touchpoints()).map(({ stream }) => stream))).toEqual(new Set([`journey-${journey}`]));
    expect(await run(log('2024-05-01T09:00:00+08:00'), own)).toMatchObject({ known: 2, taken: 0 });
  });

  it('publishes the activities that nobody could read before', async () => {
    await run(xes(['2024-05-01T08:00:00', '2024-05-01T09:00:00']));
    expect(house.packs.has('ticket:Call')).toBe(false);
    await mending.mend({ filter: {} }, { mapping: { zone: '+08:00' } }, ANNA);
    expect(await mending.retry({ filter: {} }, ANNA)).toMatchObject({ taken: 2, waiting: 0 });
    expect(house.packs.kind('ticket:Call')).toMatchObject({ pack: 'import-ticket', names: { en: 'Call' } });
  });

  it('tells identical events apart by their number, as a file does', async () => {
    const twice = xes(['2024-05-01T08:00:00', '2024-05-01T08:00:00']).replaceAll(/<string key="note"[^>]*>/g, '');
    await run(twice);
    await mending.mend({ filter: {} }, { mapping: { zone: '+08:00' } }, ANNA);
    expect(await mending.retry({ filter: {} }, ANNA)).toMatchObject({ taken: 2 });
    expect(await run(twice.replaceAll('08:00:00"', '08:00:00+08:00"'))).toMatchObject({ known: 2, taken: 0 });
  });

  it('takes a trace where the record had none, and a CloudEvent or a fact where nothing else helps', async () => {
    const nameless = xes(['2024-05-01T08:00:00Z', '2024-05-01T09:00:00Z', '2024-05-01T10:00:00Z']).replace(
      '<string key="concept:name" value="T1"/>',
      '',
    );
    await run(nameless);
    const [first, second, third] = ids();
    const trace = `<trace><string key="concept:name" value="T9"/>${house.quarantine.raw(first!)}</trace>`;
    await mending.mend(
      { ids: [first!] },
      { payload: trace, mapping: { kinds: { 'ticket:Call': 'crew.arrived' } } },
      ANNA,
    );
    await mending.mend({ ids: [second!] }, { payload: JSON.stringify(event('by-hand')) }, ANNA);
    const id = '0190a1b2-0000-7000-8000-00000000000';
    const fact = {
      touchpointId: `${id}1`,
      journey: { id: `${id}2`, type: 'ticket' },
      kind: 'crew.arrived',
      occurredAt: '2024-05-01T10:00:00Z',
      source: { system: 'desk' },
    };
    await mending.mend({ ids: [third!] }, { payload: JSON.stringify(fact) }, ANNA);
    expect(await mending.retry({ filter: {} }, ANNA)).toMatchObject({ taken: 3, waiting: 0 });
    expect((await touchpoints()).map(({ data }) => (data as { kind: string }).kind)).toEqual(
      Array.from({ length: 3 }, () => 'crew.arrived'),
    );
  });
});
