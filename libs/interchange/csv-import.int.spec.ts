import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { deterministicId, type RecordedEvent } from '@touchstone/eventing';
import { csvReading } from './csv-reading.js';
import type { MappingOverrides } from './csv-mapping-file.js';
import type { CsvLimits } from './csv-splitter.js';
import { FileImporter } from './import-job.js';
import type { ImporterParts, ImportOptions, ImportSource } from './import-types.js';
import { openHouse, type House } from './testing.js';

const houses: House[] = [];
const house = async () => {
  const opened = await openHouse();
  houses.push(opened);
  return opened;
};
afterEach(async () => {
  for (const opened of houses.splice(0)) await opened.close();
});

const fileOf = (content: string | Uint8Array, rereadable = true): ImportSource => ({
  open: async function* () {
    const bytes = Buffer.from(content as string);
    for (let at = 0; at < bytes.length; at += 65_536) yield await Promise.resolve(bytes.subarray(at, at + 65_536));
  },
  rereadable,
});
const MAPPING = `
journeyType: ticket
case: id
at: time
times: { zone: Europe/Berlin }
activity: what
unit: team
customer: who
closes: [done]
`;
interface More extends ImportOptions, MappingOverrides {
  readonly limits?: Partial<CsvLimits>;
}
const run = (parts: ImporterParts, text: string | Uint8Array, mapping = MAPPING, { limits, ...more }: More = {}) =>
  new FileImporter(parts).run(fileOf(text), csvReading(mapping, more, limits), more);

interface Touchpoint extends RecordedEvent {
  readonly data: {
    kind: string;
    unit?: string;
    staff?: string;
    channel?: string;
    attributes?: object;
    personal?: unknown;
    objects?: object[];
  };
}
const touchpoints = async (h: House) =>
  (await h.recorded()).filter((e) => e.type === 'TouchpointRecorded') as Touchpoint[];
const spools = (h: House) => readdir(join(h.directory, 'spool')).catch(() => []);
const held = (h: House) => h.quarantine.list({ first: 1000 }).edges.map(({ node }) => node);
const untouched = async (h: House) => [await h.recorded(), h.quarantine.count(), await spools(h)];

const SMALL = `id,time,what,team,who,note
A,2024-05-01 08:00,call,desk,C1,"one, two"
B,2024-05-01 08:30,call,desk,C2,
A,2024-05-01T10:00:00+08:00,done,crew,C1,three
`;

describe('a table', () => {
  it('becomes journeys with ids as every source has them', async () => {
    const h = await house();
    const result = await run(h, SMALL);
    expect(result).toMatchObject({
      status: 'imported',
      sent: 3,
      taken: 3,
      known: 0,
      quarantined: 0,
      journeys: 2,
      traces: 2,
      rows: 3,
      losses: [],
      warnings: [],
      kinds: ['ticket:call', 'ticket:done'],
    });
    const events = await touchpoints(h);
    const a = `journey-${deterministicId('ticket', 'ticket', 'A')}`;
    expect(
      events
        .filter((e) => e.stream === a)
        .map((e) => [e.occurredAt, e.data.kind, e.data.unit, e.data.attributes, e.metadata.source]),
    ).toEqual([
      ['2024-05-01T08:00:00+02:00', 'ticket:call', 'desk', { note: 'one, two' }, { system: 'ticket', sequence: 0 }],
      ['2024-05-01T10:00:00+08:00', 'ticket:done', 'crew', { note: 'three' }, { system: 'ticket', sequence: 1 }],
    ]);
    expect(h.packs.kind('ticket:done').traits.closes).toBe(true);
    expect(await spools(h)).toEqual([]);
  });

  it('adds nothing the second time: packed, with its columns in another order, or under a better mapping', async () => {
    const h = await house();
    await run(h, SMALL);
    const before = await h.recorded();
    const turned = SMALL.trim()
      .split('\n')
      .map((line) => {
        const [first, ...rest] = line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
        return [...rest, first].join(';');
      })
      .join('\r\n');
    expect(await run(h, gzipSync(SMALL))).toMatchObject({ sent: 3, taken: 0, known: 3 });
    expect(await run(h, turned)).toMatchObject({ sent: 3, taken: 0, known: 3 });
    const better =
      MAPPING.replace('Europe/Berlin', 'Europe/London').replace('unit: team', 'staff: team') +
      'attributes: { note: text }\n';
    expect(await run(h, SMALL, better)).toMatchObject({ sent: 3, taken: 0, known: 3 });
    expect((await h.recorded()).filter((e) => e.type !== 'PackPublished')).toEqual(
      before.filter((e) => e.type !== 'PackPublished'),
    );
  });

  it('keeps rows apart that are alike: the number of their occurrence tells', async () => {
    const h = await house();
    const row = 'A,2024-05-01 08:00,call,desk,C1,\n';
    const text = SMALL.split('\n')[0]! + '\n' + row.repeat(3);
    expect(await run(h, text)).toMatchObject({ sent: 3, taken: 3 });
    expect(await run(h, text + row)).toMatchObject({ sent: 4, taken: 1, known: 3 });
  });

  it('takes the id of the record where the file has one; the same id with other content is not the same', async () => {
    const h = await house();
    const text =
      'id,time,what,no\nA,2024-05-01 08:00,call,1\nA,2024-05-01 08:00,call,1\nA,2024-05-01 09:00,done,2\nA,2024-05-01 09:30,call,2\n';
    const mapping = 'journeyType: ticket\ncase: id\nat: time\ntimes: { zone: UTC }\nactivity: what\nid: no\n';
    expect(await run(h, text, mapping)).toMatchObject({ sent: 4, taken: 2, known: 1, quarantined: 1 });
    expect((await touchpoints(h)).map((e) => [e.id, e.metadata.source!.recordId])).toEqual([
      [deterministicId('ticket', 'ticket', 'A', '1'), '1'],
      [deterministicId('ticket', 'ticket', 'A', '2'), '2'],
    ]);
    expect(held(h)).toMatchObject([{ line: 5, code: 'CSV_RECORD_ID_REUSED' }]);
  });

  it('tells several touchpoints of one row, and what every row repeats once', async () => {
    const h = await house();
    const text = `id,state,changed,opened,closed
A,new,2024-05-01T08:05:00Z,2024-05-01T08:00:00Z,?
A,done,2024-05-01T09:00:00Z,2024-05-01T08:00:00Z,2024-05-02T08:00:00Z
A,done,2024-05-01T09:30:00Z,2024-05-01T08:00:00Z,2024-05-03T08:00:00Z
B,new,2024-05-01T08:05:00Z,,NULL
`;
    const mapping = `
journeyType: ticket
case: id
nulls: ['?', 'NULL']
touchpoints:
  - { at: changed, activity: state }
  - { name: opened, at: opened, once: true, activity: { constant: Opened } }
  - { name: closed, at: closed, once: true, activity: { constant: Closed } }
closes: [Closed]
`;
    expect(await run(h, text, mapping)).toMatchObject({ rows: 4, sent: 9, taken: 7, known: 2, quarantined: 0 });
    const counts = new Map<string, number>();
    for (const { data } of await touchpoints(h)) counts.set(data.kind, (counts.get(data.kind) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      'ticket:new': 2,
      'ticket:done': 2,
      'ticket:Opened': 1,
      'ticket:Closed': 2,
    });
    expect(await run(h, text, mapping)).toMatchObject({ sent: 9, taken: 0, known: 9 });
    expect(await run(h, text, mapping, { dryRun: true })).toMatchObject({
      status: 'checked',
      sent: 9,
      taken: 7,
      known: 2,
    });
  });

  it('carries everything that a touchpoint can have', async () => {
    const h = await house();
    await h.packs.publish({
      pack: 'crew',
      names: { en: 'Crew' },
      kinds: [
        { id: 'crew.arrived', names: { en: 'x' }, traits: { closes: false, contact: true, customerVisible: true } },
      ],
    });
    const text = `no;day;clock;what;way;crew;by;cost;ok;due;phone;orders;spare;seen
7;01.05.2024;08:00;arr;T;north;Li;1.234,5;ja;02.05.2024;13800138000;W1, W2;x;01.05.2024 09:00
`;
    const mapping = `
journeyType: repair
source: oms
case: no
at: { columns: [day, clock], format: DD.MM.YYYY HH:mm }
times: { format: ['DD.MM.YYYY HH:mm', DD.MM.YYYY], zone: Asia/Shanghai }
numbers: { decimal: ',' }
activity: { column: what, values: { arr: Arrived } }
kinds: { Arrived: crew.arrived }
channel: { column: way, values: { T: phone } }
unit: crew
staff: by
recordedAt: seen
objects: [{ type: work-order, column: orders, separator: ',', qualifier: done }]
attributes: { cost: number, ok: { type: text, as: fine }, due: { type: text }, phone: { personal: true } }
`;
    const result = await run(h, text, mapping);
    expect(result).toMatchObject({
      taken: 1,
      kinds: ['crew.arrived'],
      losses: [{ what: 'column', name: 'spare', count: 1 }],
    });
    const [event] = await touchpoints(h);
    expect(event!.data).toMatchObject({
      kind: 'crew.arrived',
      channel: 'phone',
      unit: 'north',
      staff: 'Li',
      attributes: { cost: 1234.5, fine: 'ja', due: '02.05.2024', what: 'arr', way: 'T' },
      objects: [
        { type: 'work-order', id: 'W1', qualifier: 'done' },
        { type: 'work-order', id: 'W2', qualifier: 'done' },
      ],
    });
    expect(event!.metadata.source).toEqual({ system: 'oms', sequence: 0, recordedAt: '2024-05-01T09:00:00+08:00' });
    expect(JSON.stringify(await h.recorded())).not.toContain('13800138000');
    expect(event!.data.personal).toBeDefined();
  });

  it('reports local times that come twice, and quarantines those that never come', async () => {
    const h = await house();
    const text = 'id,time,what,team,who\nA,2024-10-27 02:30,call,,\nA,2024-03-31 02:30,call,,\n';
    expect(await run(h, text)).toMatchObject({
      sent: 2,
      taken: 1,
      quarantined: 1,
      unreadable: { CSV_TIMESTAMP_NONEXISTENT: 1 },
      losses: [{ what: 'ambiguous-time', name: 'time', count: 1 }],
    });
  });

  it('quarantines what cannot be read, by line and reason, with its header and without a value in the reason', async () => {
    const h = await house();
    const text = `id,time,what,team,who
A,2024-05-01 08:00,call,desk,C1
A,yesterday,call,desk,C1
,2024-05-01 08:00,call,desk,C1
,2024-05-01 08:00,call,desk,C1
A,2024-05-01 09:00
"A"x,2024-05-01 08:00,call,desk,C1
A,2024-05-01 08:00,,desk,C1
A,,call,desk,C1
,,,,
A,2024-05-01 08:00,call,${'d'.repeat(300)},C1
`;
    expect(await run(h, text)).toMatchObject({
      rows: 9,
      sent: 9,
      taken: 1,
      quarantined: 8,
      unreadable: {
        CSV_TIMESTAMP_INVALID: 1,
        CSV_NO_CASE: 2,
        CSV_RAGGED: 1,
        CSV_QUOTE_MALFORMED: 1,
        CSV_NO_ACTIVITY: 1,
        CSV_NO_TIMESTAMP: 1,
        CSV_VALUE_TOO_LONG: 1,
      },
      losses: [{ what: 'empty-row', name: 'row', count: 1 }],
    });
    expect(
      held(h)
        .map(({ line, code }) => [line, code])
        .sort(),
    ).toEqual(
      [
        [3, 'CSV_TIMESTAMP_INVALID'],
        [4, 'CSV_NO_CASE'],
        [5, 'CSV_NO_CASE'],
        [6, 'CSV_RAGGED'],
        [7, 'CSV_QUOTE_MALFORMED'],
        [8, 'CSV_NO_ACTIVITY'],
        [9, 'CSV_NO_TIMESTAMP'],
        [11, 'CSV_VALUE_TOO_LONG'],
      ].sort(),
    );
    const invalid = held(h).find(({ line }) => line === 3)!;
    expect(h.quarantine.raw(invalid.id)).toBe('id,time,what,team,who\nA,yesterday,call,desk,C1');
    expect(
      held(h)
        .map(({ reason }) => reason)
        .join(),
    ).not.toMatch(/yesterday|desk|C1/);
    await run(h, text);
    expect(h.quarantine.count()).toBe(8);
  });

  it('has the customer whom its first touchpoint names, and reports the others', async () => {
    const h = await house();
    const text = 'id,time,what,team,who\nA,2024-05-01 09:00,call,,late\nA,2024-05-01 08:00,call,,first\n';
    expect((await run(h, text)).losses).toMatchObject([
      { what: 'other-customer', name: 'who', count: 1 },
      { what: 'other-customer-event', name: 'who', count: 1 },
    ]);
    expect(new Set((await touchpoints(h)).map((e) => (e.data as { customerId?: string }).customerId)).size).toBe(1);
  });

  it('is a historical load in the order in which it was recorded', async () => {
    const h = await house();
    const text =
      'id,time,what,seen\nA,2024-05-01 08:00,call,2024-05-03 08:00\nB,2024-05-02 08:00,call,2024-05-02 09:00\nA,2024-05-01 07:00,call,\n';
    const mapping = 'journeyType: ticket\ncase: id\nat: time\ntimes: { zone: UTC }\nactivity: what\nrecordedAt: seen\n';
    await run(h, text, mapping, { asHistory: true });
    expect((await touchpoints(h)).map((e) => e.recordedAt)).toEqual([
      '2024-05-01T07:00:00.000Z',
      '2024-05-02T09:00:00.000Z',
      '2024-05-03T08:00:00.000Z',
    ]);
  });

  it('sorts on disk what does not fit in memory, and comes out the same', async () => {
    const rows = Array.from(
      { length: 21_000 },
      (_, i) => `T${i % 400},${new Date(1.7e12 + i * 60_000).toISOString()},call,,\n`,
    );
    const h = await house();
    const seen: string[] = [];
    const sequences = new Map<string, number>();
    const into = {
      sink: {
        add: (record: { fact?: { journey: { key?: string }; source: { sequence?: number } } }) => {
          const { journey, source } = record.fact!;
          if (seen.at(-1) !== journey.key) seen.push(journey.key!);
          expect(source.sequence).toBe(sequences.get(journey.key!) ?? 0);
          sequences.set(journey.key!, source.sequence! + 1);
          return Promise.resolve();
        },
      },
      scratch: { directory: h.directory, sealer: h.sealer, subject: 'test' },
      progress: () => undefined,
      arranged: () => undefined,
    };
    await h.sealer.ensureKeys(['test']);
    await csvReading(MAPPING).read(fileOf(`id,time,what,team,who\n${rows.join('')}`).open(), into as never);
    // Every case in one stretch, its rows in the order of the file.
    expect([seen.length, new Set(seen).size, sequences.get('T0')]).toEqual([400, 400, 53]);
  });
});

describe('a table that is broken as a whole', () => {
  it.each<[string, string, string | undefined, More]>([
    ['CSV_QUOTE_OPEN', `${SMALL}"A,2024`, undefined, {}],
    ['CSV_EMPTY', '', undefined, {}],
    ['COLUMN_UNKNOWN', SMALL.replace('who', 'whom'), undefined, {}],
    ['CSV_LIMIT_EXCEEDED', SMALL, undefined, { limits: { caseRows: 1 } }],
    ['CSV_LIMIT_EXCEEDED', SMALL, undefined, { limits: { caseLength: 100 } }],
    ['KIND_UNKNOWN', SMALL, `${MAPPING}kinds: { call: nobody.knows }\n`, {}],
    ['MAPPING_INVALID', SMALL, `${MAPPING}attributes: { note: { as: x }, team: { as: x } }\n`, {}],
    ['IMPORT_CANCELLED', SMALL, undefined, { signal: AbortSignal.abort() }],
  ])('appends nothing (%s)', async (code, text, mapping, more) => {
    const h = await house();
    await expect((async () => run(h, text, mapping, more))()).rejects.toMatchObject({ code });
    expect(await untouched(h)).toEqual([[], 0, []]);
  });

  it('says what its columns are', async () => {
    const h = await house();
    await expect(run(h, SMALL.replace('who', 'WHO '))).rejects.toMatchObject({
      message:
        'The mapping names the column "who" (line 8, customer), and the file has none of that name; did you mean "WHO"?',
    });
    await expect(run(h, SMALL.replaceAll(',', '#'))).rejects.toMatchObject({
      message: expect.stringMatching(/is the delimiter really ","/) as string,
    });
  });

  it('goes on where it was when it was killed while appending', async () => {
    const h = await house();
    const text = `id,time,what,team,who\n${Array.from({ length: 2_500 }, (_, i) => `T${i},2024-05-01 08:00,call,,\n`).join('')}`;
    let takes = 0;
    const failing = {
      ...h,
      intake: {
        take: (...args: Parameters<House['intake']['take']>) =>
          ++takes === 2 ? Promise.reject(new Error('power cut')) : h.intake.take(...args),
      },
    };
    await expect(run(failing, text)).rejects.toThrow('power cut');
    expect(await run(h, text)).toMatchObject({ resumed: true, rows: 2_500, sent: 2_500, taken: 2_500, known: 0 });
    expect((await touchpoints(h)).length).toBe(2_500);
  });
});
