/** Records of files in quarantine: mended, each becomes what an import of the mended file makes of it. */
import { DatabaseSync } from '@photostructure/sqlite';
import { join } from 'node:path';
import { csvReading } from './csv-reading.js';
import type { FileReading } from './file-reading.js';
import { FileImporter } from './import-job.js';
import { ocelReading } from './ocel-reading.js';
import { QuarantineMending } from './quarantine-mending.js';
import type { Quarantined } from './quarantine-types.js';
import { openHouse, type House } from './testing.js';

const houses: House[] = [];
async function house(): Promise<House> {
  const opened = await openHouse();
  houses.push(opened);
  return opened;
}
afterEach(async () => {
  for (const opened of houses.splice(0)) await opened.close();
});

const ANNA = { actor: { id: 'anna' }, correlationId: 'c-1' };
async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text));
}
const take = (h: House, text: string, reading: FileReading) =>
  new FileImporter(h).run({ open: () => bytesOf(text) }, reading);
const waiting = (h: House) => h.quarantine.list({ first: 100 }).edges.map(({ node }) => node);

/** What the log holds of the records of a file, but for what depends on when each came: versions of kinds, ids of customers. */
async function recorded(h: House): Promise<string[]> {
  const events = (await h.recorded()).filter(({ type }) => /^(Touchpoint|Object|Journey)/.test(type));
  return events
    .map(({ id, type, stream, occurredAt, data, metadata: { source } }) => {
      const { kindVersion: _version, customerId, ...content } = data as { kindVersion?: number; customerId?: string };
      const told = { system: source?.system, recordId: source?.recordId };
      const own = type === 'JourneyOpened' ? {} : { id };
      return JSON.stringify({ ...own, type, stream, occurredAt, content, hasCustomer: customerId !== undefined, told });
    })
    .sort();
}

const places = async (h: House) =>
  (await h.recorded()).flatMap(({ type, id, metadata }) => (type === 'TouchpointRecorded' ? [`${id} ${metadata.source?.sequence}`] : [])).sort(); // prettier-ignore

interface Mending {
  readonly reading: () => FileReading;
  readonly broken: string;
  readonly mended: string;
  /** Of the nth record in quarantine: what it is written as now. */
  readonly payload: (raw: string, n: number) => string;
}

/** Mends what was broken and shows that it is the same as if the file had been right the first time. */
async function mendsTo({ reading, broken, mended, payload }: Mending): Promise<House[]> {
  const [here, there] = [await house(), await house()];
  expect((await take(here, broken, reading())).quarantined).toBeGreaterThan(0);
  const mending = new QuarantineMending(here);
  const records = waiting(here);
  for (const [n, { id }] of records.entries()) {
    await mending.mend({ ids: [id] }, { payload: payload(here.quarantine.raw(id), n) }, ANNA);
  }
  const retried = await mending.retry({ filter: {} }, ANNA);
  expect(retried).toMatchObject({ taken: records.length, waiting: 0, problems: [] });
  const whole = await take(there, mended, reading());
  expect(whole).toMatchObject({ quarantined: 0 });
  expect(await recorded(here)).toEqual(await recorded(there));
  // The mended file adds nothing any more.
  expect(await take(here, mended, reading())).toMatchObject({ taken: 0, known: whole.sent });
  expect(waiting(here)).toEqual([]);
  return [here, there];
}

describe('a row of a table', () => {
  const MAPPING = `
journeyType: ticket
case: id
times: { zone: Europe/Berlin }
customer: who
touchpoints:
  - { at: time, activity: what, unit: team }
  - { name: closed, at: closed, once: true, activity: { constant: closed } }
attributes: { n: number }
`;
  const reading = (mapping = MAPPING) => csvReading(mapping);
  const HEAD = 'id,time,what,team,who,closed,n';
  const GOOD = 'A,2024-05-01 08:00,call,"de ""sk, 2",C1,,1';
  const table = (...rows: string[]) => [HEAD, ...rows, ''].join('\n');

  it.each<[string, string, string]>([
    ['a time', 'A,noon,visit,desk,,,2', 'A,2024-05-01 09:00,visit,desk,,,2'],
    ['a number', 'A,2024-05-01 09:00,visit,desk,,,many', 'A,2024-05-01 09:00,visit,desk,,,2'],
    ['a case', ',2024-05-01 09:00,visit,desk,C2,,2', 'B,2024-05-01 09:00,visit,desk,C2,,2'],
    ['nothing that happened', 'A,,visit,desk,,,2', 'A,2024-05-01 09:00,visit,desk,,2024-05-02 08:00,2'],
    ['a cell too few', 'B,2024-05-01 09:00,visit', 'B,2024-05-01 09:00,visit,,,2024-05-02 08:00,2'],
    ['a quote that goes on', 'B,2024-05-01 09:00,"vi"sit,desk,,,2', 'B,2024-05-01 09:00,"vi""sit",desk,,,2'],
    ['an earlier customer', 'A,noon,visit,desk,C9,,2', 'A,2024-05-01 07:00,visit,desk,C1,,2'],
  ])('with %s that was mended is what it would have been', async (_what, bad, good) => {
    const payload = (raw: string) => {
      expect(raw).toBe(`${HEAD}\n${bad}`);
      return `${HEAD}\n${good}\n`;
    };
    await mendsTo({ reading, broken: table(GOOD, bad), mended: table(GOOD, good), payload });
  });

  it('that says the same as others keeps its number', async () => {
    const bad = 'A,noon,visit,desk,,,2';
    const good = 'A,2024-05-01 09:00,visit,desk,,,2';
    const payload = () => `${HEAD}\n${good}`;
    const mended = table(GOOD, good, good, good);
    const [here, there] = await mendsTo({ reading, broken: table(GOOD, bad, bad, bad), mended, payload });
    expect(await places(here!)).toEqual(await places(there!));
  });

  it('is read in the zone that a person names', async () => {
    const mapping = (zone: string) => MAPPING.replace('{ zone: Europe/Berlin }', zone);
    const text = table('A,2024-05-01 09:00,visit,desk,,,2', 'A,2024-05-02 09:00,visit,desk,C1,,2');
    const here = await house();
    await take(here, text, reading(mapping('{}')));
    const mending = new QuarantineMending(here);
    await mending.mend({ filter: {} }, { mapping: { zone: 'Europe/Berlin' } }, ANNA);
    expect(await mending.retry({ filter: {} }, ANNA)).toMatchObject({ taken: 2, waiting: 0 });
    expect(await take(here, text, reading(mapping('{ zone: Europe/Berlin }')))).toMatchObject({ taken: 0, known: 2 });
    const times = (await here.recorded()).filter(({ type }) => type === 'TouchpointRecorded').map((e) => e.occurredAt);
    expect(times).toEqual(['2024-05-01T09:00:00+02:00', '2024-05-02T09:00:00+02:00']);
  });

  it('is told what is still wrong with it, and never becomes what another row is', async () => {
    const here = await house();
    const mapping = `${MAPPING}id: n\n`;
    const other = 'A,2024-05-01 09:00,visit,desk,,,1';
    await take(here, table(GOOD, other), reading(mapping));
    const [{ id, code }] = waiting(here) as [Quarantined];
    expect(code).toBe('CSV_RECORD_ID_REUSED');
    const mending = new QuarantineMending(here);
    expect(await mending.retry({ ids: [id] }, ANNA)).toMatchObject({ problems: [{ code: 'CSV_RECORD_ID_REUSED' }] });
    const problemOf = async (payload: string) =>
      (await mending.mend({ ids: [id] }, { payload }, ANNA)).problems.map((problem) => problem.code);
    expect(await problemOf(HEAD)).toEqual(['CSV_RECORD_INVALID']);
    expect(await problemOf(`${HEAD}\n${other}\n${other}`)).toEqual(['CSV_RECORD_INVALID']);
    expect(await problemOf('a,b\n1,2')).toEqual(['COLUMN_UNKNOWN']);
    expect(await problemOf(`${HEAD}\n"A`)).toEqual(['CSV_QUOTE_OPEN']);
    expect(await problemOf(`${HEAD}\n${other.replace('A', '')}`)).toEqual(['CSV_NO_CASE']);
    expect(await problemOf(`${HEAD}\n${other.replace(/1$/, '2')}`)).toEqual([]);
    expect(await mending.retry({ ids: [id] }, ANNA)).toMatchObject({ taken: 1 });
  });

  it('shares its mapping with the others of the table, which goes with the last of them', async () => {
    const here = await house();
    const secret = MAPPING.replace('unit: team', 'unit: { columns: [team], values: { desk: Frau Muster } }');
    await take(here, table('A,noon,visit,desk,,,2', 'A,later,visit,desk,,,2'), reading(secret));
    const count = () => {
      const db = new DatabaseSync(join(here.directory, 'quarantine.db'), { readOnly: true });
      const { n } = db.prepare('SELECT count(*) AS n FROM shared_context').get() as { n: number };
      db.close();
      return n;
    };
    expect(count()).toBe(1);
    const person = { isTheirs: () => false, in: (text: string) => text.includes('Frau Muster') };
    expect(await here.quarantine.forget(person)).toBe(2);
    expect(count()).toBe(0);
  });
});

describe('an event of OCEL', () => {
  const reading = () => ocelReading({ journeyType: 'orders', source: 'shop', caseTypes: ['Order'], unit: 'desk', withoutCase: 'quarantine' }); // prettier-ignore
  const event = (id: string, more: object = {}) => ({
    id,
    type: 'place',
    time: '2024-05-01T08:00:00+08:00',
    attributes: [{ name: 'desk', value: 'a' }],
    relationships: [
      { objectId: 'o1', qualifier: 'of' },
      { objectId: 'o2', qualifier: '' },
    ],
    ...more,
  });
  const log = (...events: object[]) => JSON.stringify({ objects: ['o1', 'o2', 'i1'].map((id) => ({ id, type: id === 'i1' ? 'Item' : 'Order' })), events }); // prettier-ignore
  const changed = (change: (event: Record<string, unknown>) => void) => (raw: string) => {
    const parsed = JSON.parse(raw) as Record<string, unknown>;
    change(parsed);
    return JSON.stringify(parsed);
  };

  it.each<[string, object, object, (event: Record<string, unknown>) => void]>([
    ['a time', { time: 'noon' }, {}, (e) => (e['time'] = '2024-05-01T08:00:00+08:00')],
    ['a role', { attributes: [{ name: 'desk', value: [] }] }, {}, (e) => (e['attributes'] = { desk: 'a' })],
    [
      'a journey',
      { relationships: [{ objectId: 'i1', qualifier: 'for' }] },
      { relationships: [{ objectId: 'i1', qualifier: 'for' }, { objectId: 'o1', qualifier: '' }] }, // prettier-ignore
      (e) => (e['objects'] as object[]).push({ type: 'Order', id: 'o1' }),
    ],
  ])(
    'with %s that was mended is what it would have been, in each of its journeys',
    async (_what, bad, good, change) => {
      const first = event('e1', { relationships: [{ objectId: 'o1', qualifier: 'of' }], time: '2024-04-30T08:00:00Z' });
      const payload = changed(change);
      await mendsTo({ reading, broken: log(first, event('e2', bad)), mended: log(first, event('e2', good)), payload });
    },
  );

  it('whose id another has needs one of its own', async () => {
    const here = await house();
    await take(here, log(event('e1'), event('e1', { type: 'ship' })), reading());
    const [{ id, code }] = waiting(here) as [Quarantined];
    expect(code).toBe('OCEL_EVENT_ID_REUSED');
    const mending = new QuarantineMending(here);
    expect(await mending.retry({ ids: [id] }, ANNA)).toMatchObject({ problems: [{ code }] });
    const raw = JSON.parse(here.quarantine.raw(id)) as object;
    const objects = [{ type: 'Order', id: 'o1' }, { type: 'Order', id: 'o2' }]; // prettier-ignore
    const payload = JSON.stringify({ ...raw, id: 'e9', objects });
    expect(await mending.mend({ ids: [id] }, { payload }, ANNA)).toMatchObject({ problems: [] });
    expect(await mending.retry({ ids: [id] }, ANNA)).toMatchObject({ taken: 1, waiting: 0 });
    const kinds = (await here.recorded()).flatMap(({ type, data }) => type === 'TouchpointRecorded' ? [(data as { kind: string }).kind] : []); // prettier-ignore
    expect(kinds.sort()).toEqual(['orders:place', 'orders:place', 'orders:ship', 'orders:ship']);
    for (const bad of ['[]', '{"id":7}', '{"id":"x","type":"y","objects":[{}]}', '{"id":"x","type":"y","attributes":[]}'])
      expect((await mending.mend({ ids: [id] }, { payload: bad }, ANNA).catch((e: Error) => e)) as object).toMatchObject({ code: 'QUARANTINED_DONE' }); // prettier-ignore
  });
});

describe('a statement about an object', () => {
  const reading = () => ocelReading({ journeyType: 'orders', caseTypes: ['Order'] });
  const log = (value: unknown) =>
    JSON.stringify({
      objects: [
        {
          id: 'o1',
          type: 'Order',
          attributes: [{ name: 'note', time: '2024-05-01T00:00:00Z', value }],
          relationships: [{ objectId: 'o1', qualifier: 'itself' }],
        },
      ],
      events: [],
    });

  it('that was mended is what it would have been', async () => {
    const payload = (raw: string) => {
      const statement = JSON.parse(raw) as { change: object };
      return JSON.stringify({ ...statement, change: { attributes: { note: 'short' } } });
    };
    await mendsTo({ reading, broken: log('x'.repeat(2_000_000)), mended: log('short'), payload });
  });
});
