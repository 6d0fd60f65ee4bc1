/** Who a customer is must not be readable in the log, nor be found by trying all numbers. */
import { deterministicId } from '@touchstone/eventing';
import { csvReading } from './csv-reading.js';
import type { FileReading } from './file-reading.js';
import { FileImporter } from './import-job.js';
import { ocelReading } from './ocel-reading.js';
import { QuarantineMending } from './quarantine-mending.js';
import { openHouse, type House } from './testing.js';
import { xesReading } from './xes-reading.js';

const PHONE = '13800138000';
const ANNA = { actor: { id: 'anna' }, correlationId: 'c-1' };
const houses: House[] = [];
async function house(): Promise<House> {
  const opened = await openHouse();
  houses.push(opened);
  return opened;
}
afterEach(async () => {
  for (const opened of houses.splice(0)) await opened.close();
});
async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text));
}
const take = (h: House, text: string, reading: FileReading) =>
  new FileImporter(h).run({ open: () => bytesOf(text) }, reading);
const held = (h: House) => h.quarantine.list({ first: 100 }).edges.map(({ node }) => node);

/** The log as whoever reads its file sees it: what is personal is ciphertext there. */
async function assertHidden(h: House, source = 'shop'): Promise<void> {
  const events = await h.recorded();
  expect(events.some(({ type, data }) => type === 'TouchpointRecorded' && 'customerId' in (data as object))).toBe(true);
  const text = JSON.stringify([events, held(h)]);
  expect(text).not.toContain(PHONE);
  expect(text).not.toContain(deterministicId(source, 'contact', PHONE));
  for (const id of ['e1', 'r1']) expect(text).not.toContain(deterministicId(source, 'contact', PHONE, id));
}

describe('a table whose case is the customer', () => {
  const MAPPING = `
journeyType: contact
source: shop
case: phone
customer: phone
at: time
id: no
activity: what
objects: [{ type: line, column: phone }, { type: meter, column: meter }]
attributes: { phone: text, note: text }
`;
  const TABLE = `phone,time,no,what,meter,note
${PHONE},2024-05-01T08:00:00Z,r1,call,M1,a
${PHONE},2024-05-01T09:00:00Z,r2,call,M1,b
${PHONE},noon,r3,call,M1,c
`;

  it('keeps its name out of keys, ids, objects and attributes, and says what it left out', async () => {
    const h = await house();
    const result = await take(h, TABLE, csvReading(MAPPING));
    expect(result).toMatchObject({ taken: 2, quarantined: 1, journeys: 1 });
    expect(result.losses).toEqual([{ what: 'customer-object', name: 'line', count: 2 }]);
    await assertHidden(h);
    const [touchpoint] = (await h.recorded()).filter(({ type }) => type === 'TouchpointRecorded');
    expect(touchpoint!.data).toMatchObject({ objects: [{ type: 'meter', id: 'M1' }], attributes: { note: 'a' } });
    expect(touchpoint!.data).toHaveProperty('personal');
  });

  it('is one journey whenever it comes, also of what was mended; another house has another', async () => {
    const [h, other] = [await house(), await house()];
    await take(h, TABLE, csvReading(MAPPING));
    expect(await take(h, TABLE, csvReading(MAPPING))).toMatchObject({ taken: 0, known: 2 });
    const mending = new QuarantineMending(h);
    const { id } = held(h)[0]!;
    await mending.mend({ ids: [id] }, { payload: h.quarantine.raw(id).replace('noon', '2024-05-01T10:00:00Z') }, ANNA);
    expect(await mending.retry({ ids: [id] }, ANNA)).toMatchObject({ taken: 1 });
    const journeys = async (of: House) =>
      new Set((await of.recorded()).filter(({ type }) => type === 'TouchpointRecorded').map(({ stream }) => stream));
    expect((await journeys(h)).size).toBe(1);
    await take(other, TABLE, csvReading(MAPPING));
    expect(await journeys(other)).not.toEqual(await journeys(h));
  });

  it.each(['unit', 'id', 'staff'])('is refused when the customer would be readable as %s', (role) => {
    const mapping = `journeyType: contact\ncase: no\nat: time\nactivity: what\ncustomer: phone\n${role}: phone\n`;
    expect(() => csvReading(mapping)).toThrow(expect.objectContaining({ code: 'MAPPING_INVALID' }) as Error);
  });
});

describe('a log of objects with customers', () => {
  const log = {
    objects: [
      { id: PHONE, type: 'customer', attributes: [{ name: 'tier', time: '2024-01-01T00:00:00Z', value: 'gold' }] },
      { id: 'o1', type: 'Order', relationships: [{ objectId: PHONE, qualifier: 'of' }] },
    ],
    events: [
      {
        id: 'e1',
        type: 'place',
        time: '2024-05-01T08:00:00Z',
        relationships: ['o1', PHONE].map((objectId) => ({ objectId, qualifier: '' })),
      },
    ],
  };
  const options = { journeyType: 'contact', source: 'shop', customer: 'customer' };

  it('keeps them as customers and not as objects', async () => {
    const h = await house();
    const result = await take(h, JSON.stringify(log), ocelReading({ ...options, caseTypes: ['Order'] }));
    expect(result.losses).toEqual([
      { what: 'customer-link', name: 'customer', count: 1 },
      { what: 'customer-object', name: 'customer', count: 1 },
    ]);
    await assertHidden(h);
    const [touchpoint] = (await h.recorded()).filter(({ type }) => type === 'TouchpointRecorded');
    expect(touchpoint!.data).toMatchObject({ objects: [{ type: 'Order', id: 'o1' }] });
  });

  it('whose journeys are the customers has journeys without a readable key', async () => {
    const h = await house();
    const reading = () => ocelReading({ ...options, caseTypes: ['customer'] });
    await take(h, JSON.stringify(log), reading());
    await assertHidden(h);
    expect(await take(h, JSON.stringify(log), reading())).toMatchObject({ taken: 0 });
  });
});

it('a log whose traces are named after the customer has journeys without a readable key', async () => {
  const h = await house();
  const named = (key: string, value: string) => `<string key="${key}" value="${value}"/>`;
  const at = '<date key="time:timestamp" value="2024-05-01T08:00:00Z"/>';
  const event = `<event>${named('concept:name', 'call')}${named('identity:id', 'e1')}${at}</event>`;
  const xes = `<log><trace>${named('identity:id', PHONE)}${event}</trace></log>`;
  await take(h, xes, xesReading({ journeyType: 'contact', source: 'shop', customer: 'identity:id' }));
  const events = await h.recorded();
  expect(events.map(({ type }) => type)).toContain('TouchpointRecorded');
  expect(JSON.stringify(events)).not.toContain(deterministicId('shop', 'contact', PHONE));
  expect(JSON.stringify(events.filter(({ type }) => type === 'JourneyOpened'))).not.toContain(PHONE);
});
