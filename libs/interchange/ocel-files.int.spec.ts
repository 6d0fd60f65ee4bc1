import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DatabaseSync } from '@photostructure/sqlite';
import { FileImporter } from './import-job.js';
import { checkedOcelOptions } from './ocel-options.js';
import { ocelReading } from './ocel-reading.js';
import { openHouse, type House } from './testing.js';

let house: House;
let directory: string;
beforeAll(async () => {
  house = await openHouse();
  directory = await mkdtemp(join(tmpdir(), 'ocel-files-'));
});
afterAll(async () => {
  await house.close();
  await rm(directory, { recursive: true, force: true });
});

async function* inPieces(content: string | Buffer) {
  await Promise.resolve();
  yield Buffer.from(content);
}

const take = (content: string | Buffer, more: object = {}) =>
  new FileImporter(house).run(
    { open: () => inPieces(content) },
    ocelReading({ journeyType: 'orders', caseTypes: ['Order'], ...more }),
  );

/** A database of OCEL with what the statements change of it. */
async function database(...statements: string[]): Promise<Buffer> {
  const file = join(directory, `${Math.random()}.sqlite`);
  const db = new DatabaseSync(file);
  const all = [
    'CREATE TABLE event (ocel_id TEXT, ocel_type TEXT)',
    'CREATE TABLE object (ocel_id TEXT, ocel_type TEXT)',
    'CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT)',
    'CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT)',
    'CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT)',
    'CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT)',
    'CREATE TABLE event_Place (ocel_id TEXT, ocel_time TIMESTAMP, rush BOOLEAN, "amount" INTEGER)',
    'CREATE TABLE object_Order (ocel_id TEXT, ocel_time TEXT, ocel_changed_field TEXT, state TEXT)',
    "INSERT INTO event_map_type VALUES ('place order', 'Place')",
    "INSERT INTO object_map_type VALUES ('Order', 'Order')",
    "INSERT INTO event VALUES ('e1', 'place order')",
    "INSERT INTO event_Place VALUES ('e1', '2024-05-01 08:00:00', 1, 9007199254740993)",
    "INSERT INTO object VALUES ('o1', 'Order'), ('o2', 'Order')",
    "INSERT INTO object_Order VALUES ('o1', '1970-01-01 00:00:00', NULL, 'new'), ('o1', '2024-05-02 00:00:00', 'state', NULL)",
    "INSERT INTO event_object VALUES ('e1', 'o1', 'of'), ('e1', 'o2', 'of'), ('e1', 'gone', 'by')",
    "INSERT INTO object_object VALUES ('o1', 'o2', 'before')",
    ...statements,
  ];
  for (const sql of all) db.exec(sql);
  db.close();
  return readFile(file);
}

/** With a number of its schema format (bytes 44 to 47) that is yet to come. */
function later(file: Buffer): Buffer {
  file.writeUInt32BE(9, 44);
  return file;
}

const json = (more: object = {}) =>
  JSON.stringify({
    objectTypes: [{ name: 'Order', attributes: [] }],
    eventTypes: [{ name: 'place order', attributes: [{ name: 'rush', type: 'boolean' }] }],
    objects: [{ id: 'o1', type: 'Order' }],
    events: [
      {
        id: 'e1',
        type: 'place order',
        time: '2024-05-01T08:00:00+08:00',
        attributes: [{ name: 'rush', value: 'true' }],
        relationships: [{ objectId: 'o1', qualifier: 'of' }],
      },
    ],
    ...more,
  });
const event = (id: string, more: object = {}) => ({ id, type: 'place order', time: '2024-05-01T08:00:00Z', relationships: [{ objectId: 'o1', qualifier: '' }], ...more }); // prettier-ignore

describe('an OCEL file', () => {
  it('in JSON keeps numbers that are too long as texts, as one in SQLite does', async () => {
    const before = (await house.recorded()).length;
    const text = JSON.stringify({
      objects: [
        { id: 'big-1', type: 'Order', attributes: [{ name: 'no', time: '1970-01-01T00:00:00Z', value: 'BIG' }] },
      ],
      events: [
        {
          id: 'big-e1',
          type: 'place order',
          time: '2024-05-01T08:00:00Z',
          attributes: [{ name: 'amount', value: 'BIG' }],
          relationships: [{ objectId: 'big-1', qualifier: 'of' }],
        },
      ],
    }).replaceAll('"BIG"', '9007199254740993');
    expect(await take(Buffer.from(text), { source: 'big' })).toMatchObject({ quarantined: 0, events: 1 });
    const attributes = (await house.recorded())
      .slice(before)
      .flatMap(({ type, data }) =>
        /^(TouchpointRecorded|ObjectChanged)$/.test(type) ? [(data as { attributes: object }).attributes] : [],
      );
    expect(attributes).toEqual([{ no: '9007199254740993' }, { amount: '9007199254740993' }]);
  });

  it('becomes one fact in each of its journeys, and statements about its objects', async () => {
    const before = (await house.recorded()).length;
    const file = await database();
    const result = await take(file, { zone: '+08:00', source: 'shop' });
    expect(result).toMatchObject({ quarantined: 0, journeys: 2, events: 1, objects: 3, status: 'imported' });
    expect(result.losses).toEqual(
      expect.arrayContaining([
        { what: 'undeclared-object', name: 'undeclared', count: 1 },
        { what: 'zone-assumed', name: '+08:00', count: 3 },
      ]),
    );
    const events = (await house.recorded()).slice(before);
    const touchpoints = events.filter((e) => e.type === 'TouchpointRecorded');
    expect(touchpoints.map((e) => [e.occurredAt, e.metadata.source])).toEqual(
      [0, 0].map((sequence) => ['2024-05-01T08:00:00+08:00', { system: 'shop', recordId: 'e1', sequence }]),
    );
    const data = touchpoints.map((e) => e.data as { factId: string });
    expect(new Set(data.map(({ factId }) => factId)).size).toBe(1);
    expect(data[0]).toMatchObject({
      kind: 'orders:place order',
      attributes: { rush: true, amount: '9007199254740993' },
      objects: [
        { type: 'undeclared', id: 'gone', qualifier: 'by' },
        { type: 'Order', id: 'o1', qualifier: 'of' },
        { type: 'Order', id: 'o2', qualifier: 'of' },
      ],
    });
    const of = (type: string) => events.filter((e) => e.type === type).map((e) => [e.stream, e.occurredAt, e.data]);
    const object = { type: 'Order', id: 'o1' };
    expect(of('ObjectChanged')).toEqual([
      ['object-Order-o1', '1970-01-01T00:00:00+08:00', { object, attributes: { state: 'new' } }],
      ['object-Order-o1', '2024-05-02T00:00:00+08:00', { object, attributes: { state: null } }],
      ['object-Order-o2', '1970-01-01T00:00:00Z', { object: { type: 'Order', id: 'o2' }, attributes: {} }],
    ]);
    expect(of('ObjectsLinked').map(([, , d]) => d)).toEqual([{ object, objects: [{ type: 'Order', id: 'o2', qualifier: 'before' }] }]); // prettier-ignore
    expect(await take(gzipSync(file), { zone: '+08:00', source: 'shop' })).toMatchObject({
      taken: 0,
      known: result.sent,
    });
  });

  it('names types that it declares and has nothing of', async () => {
    const more = {
      objectTypes: [{ name: 'Order' }, { name: 'Parcel' }],
      eventTypes: [{ name: 'place order' }, { name: 'return' }],
    };
    const unused = ({ losses }: { losses: readonly { what: string; name: string }[] }) =>
      losses.flatMap(({ what, name }) => (what === 'unused-type' ? [name] : []));
    expect(unused(await take(json(more), { source: 'u1' }))).toEqual(['event type return', 'object type Parcel']);
    const file = await database(
      'CREATE TABLE object_Parcel (ocel_id TEXT, ocel_time TEXT, ocel_changed_field TEXT)',
      "INSERT INTO object_map_type VALUES ('Parcel', 'Parcel')",
    );
    expect(unused(await take(file, { source: 'u2' }))).toEqual(['object type Parcel']);
  });

  it('says what becomes of events without a journey', async () => {
    const body = json({ events: [event('a'), event('b', { relationships: [] })] });
    const lost = await take(body, { source: 'w1' });
    expect(lost.losses).toContainEqual({ what: 'event-without-case', name: 'place order', count: 1 });
    expect(await take(body, { source: 'w2', withoutCase: 'quarantine' })).toMatchObject({ unreadable: { OCEL_EVENT_WITHOUT_CASE: 1 } }); // prettier-ignore
    expect(await take(body, { source: 'w3', withoutCase: 'own-journey' })).toMatchObject({
      quarantined: 0,
      journeys: 2,
    });
    const other = await take(body, { source: 'w4', caseTypes: ['Shipment'] });
    expect(other.warnings[0]).toMatch(/Shipment.*Order/);
  });

  it('puts single events that cannot be read into quarantine, and takes the rest', async () => {
    const events = [
      event('a'),
      event('a', { type: 'other' }),
      event('b', { time: '2024-02-30T00:00:00Z' }),
      event('c', { time: undefined }),
      event('d', { type: 'x'.repeat(191) }),
      event(''),
      event('e', { attributes: [{ name: 'unit', value: [] }] }),
    ];
    const result = await take(json({ events }), { source: 'q', unit: 'unit' });
    expect(result.unreadable).toEqual({
      OCEL_EVENT_ID_REUSED: 1,
      OCEL_TIME_INVALID: 1,
      OCEL_NO_TIME: 1,
      OCEL_TYPE_TOO_LONG: 1,
      OCEL_EVENT_INVALID: 1,
      OCEL_VALUE_INVALID: 1,
    });
    expect(result.sent).toBe(result.taken + result.known + result.quarantined);
  });

  it('keeps what is personal encrypted, and refuses a name that nothing has', async () => {
    const events = [event('p', { attributes: [{ name: 'phone', value: '13800138000' }] })];
    await take(json({ events }), { source: 'p', personal: ['phone'] });
    const recorded = (await house.recorded()).filter((e) => e.metadata.source?.system === 'p');
    expect(recorded.length).toBeGreaterThan(1);
    expect(JSON.stringify(recorded)).not.toContain('13800138000');
    await expect(take(json(), { source: 'p2', personal: ['fone'] })).rejects.toMatchObject({ code: 'PERSONAL_ATTRIBUTE_UNSEEN' }); // prettier-ignore
  });

  it('is recorded as history in the order of its times', async () => {
    const events = [3, 1, 2].map((day) => event(`h${day}`, { time: `2024-06-0${day}T00:00:00Z` }));
    const attributes = [{ name: 's', time: '2024-06-02T12:00:00Z', value: 'x' }];
    const before = (await house.recorded()).length;
    await take(json({ events, objects: [{ id: 'o1', type: 'Order', attributes }] }), { source: 'h', asHistory: true });
    const told = (await house.recorded()).slice(before).filter((e) => e.metadata.source?.system === 'h');
    const times = told.filter((e) => e.type !== 'JourneyOpened').map((e) => e.recordedAt);
    expect(times).toEqual([...times].sort());
    expect(times.length).toBe(4);
  });

  const broken: [string, string, () => Promise<string | Buffer> | string | Buffer][] = [
    ['OCEL_NOT_A_LOG', 'text', () => 'hello'],
    ['OCEL_NOT_A_LOG', 'nothing', () => ''],
    ['OCEL_NOT_A_LOG', 'another object', () => '{"a": 1}'],
    ['OCEL_NOT_A_LOG', 'a database without events', () => database('DROP TABLE event')],
    ['OCEL_NOT_A_LOG', 'a view in place of a table', () => database('DROP TABLE event', 'CREATE VIEW event AS SELECT 1 AS ocel_id')], // prettier-ignore
    ['OCEL_NOT_A_LOG', 'a table without ids', () => database('ALTER TABLE object DROP COLUMN ocel_id')],
    ['OCEL_MALFORMED', 'a type without its table', () => database('DROP TABLE event_Place')],
    ['OCEL_MALFORMED', 'half a text', () => json().slice(0, -5)],
    ['OCEL_MALFORMED', 'half an element', () => json().replace('"e1"', '"e1')],
    ['OCEL_MALFORMED', 'a comma too many', () => json().replace('"events":[', '"events":[,')],
    ['OCEL_MALFORMED', 'an event that is no object', () => json({ events: ['x'] })],
    ['OCEL_MALFORMED', 'bytes that are no UTF-8', () => Buffer.concat([Buffer.from('{"events":["'), Buffer.from([0xff]), Buffer.from('"]}')])], // prettier-ignore
    ['OCEL_MALFORMED', 'half a database', async () => (await database()).subarray(0, 9_000)],
    ['OCEL_MALFORMED', 'a database of a later format', async () => later(await database())],
    ['GZIP_TRUNCATED', 'half a packed one', () => gzipSync(json()).subarray(0, -10)],
  ];
  it.each(broken)('is refused with %s when it is %s, and nothing is appended', async (code, _what, content) => {
    const before = [(await house.recorded()).length, house.quarantine.count()];
    await expect(take(await content(), { source: 'broken' })).rejects.toMatchObject({ code });
    expect([(await house.recorded()).length, house.quarantine.count()]).toEqual(before);
    expect(await readdir(join(house.directory, 'spool'))).toEqual([]);
  });

  it.each<[string, object]>([
    ['OPTION_INVALID', { journeyType: 'a' }],
    ['OPTION_INVALID', { journeyType: 'a', caseTypes: [] }],
    ['OPTION_INVALID', { journeyType: 'a', caseTypes: ['x'], withoutCase: 'drop' }],
    ['OPTION_INVALID', { journeyType: 'a', caseTypes: ['x'], zone: 'Berlin' }],
    ['OPTION_INVALID', { journeyType: 'a', caseTypes: ['x'], activity: ['y'] }],
    ['OPTION_UNKNOWN', { journeyType: 'a', caseTypes: ['x'], nope: 1 }],
  ])('refuses options with %s: %j', (code, options) => {
    expect(() => checkedOcelOptions(options)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
