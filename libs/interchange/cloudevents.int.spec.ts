import { createHash } from 'node:crypto';
import { deterministicId } from '@touchstone/eventing';
import fc from 'fast-check';
import type { CloudEventAnswer } from './cloudevents-intake.js';
import { CloudEventIntake } from './cloudevents-intake.js';
import { CONTEXT_KEY, LARGEST_CLOUD_EVENT, readCloudEvent } from './cloudevents.js';
import { openHouse, type House } from './testing.js';
import { lineBatches } from './text-lines.js';

const event = (more: object = {}, data: object = {}): Record<string, unknown> => ({
  specversion: '1.0',
  id: 'e-1',
  source: '/oms',
  type: 'touchpoint.recorded',
  time: '2024-05-01T08:00:00+08:00',
  data: { journey: { type: 'repair', key: 'F1' }, kind: 'crew.arrived', ...data },
  ...more,
});

describe('understanding a CloudEvent', () => {
  it('gives a fact with ids made of the event alone', () => {
    const factId = deterministicId('cloudevents', '/oms', 'e-1');
    const journeyId = deterministicId('/oms', 'repair', 'F1');
    const data = {
      customer: { type: 'phone', value: '138' },
      unit: 'North',
      personal: { name: 'Li' },
      attributes: { eta: 30 },
      objects: [{ type: 'work-order', id: 'W1' }],
    };
    const more = { sequence: '7', recordedtime: '2024-05-01T00:00:01Z', subject: 's', tenant: 't', dataschema: null };
    expect(readCloudEvent(event(more, data))).toEqual({
      id: 'e-1',
      factId,
      fact: {
        factId,
        alone: true,
        touchpointId: deterministicId(factId, journeyId),
        journey: { id: journeyId, type: 'repair', key: 'F1' },
        customer: data.customer,
        kind: 'crew.arrived',
        unit: 'North',
        occurredAt: '2024-05-01T08:00:00+08:00',
        source: { system: '/oms', recordId: 'e-1', sequence: 7, recordedAt: '2024-05-01T00:00:01Z' },
        attributes: { eta: 30, [CONTEXT_KEY]: { subject: 's', tenant: 't' } },
        personal: { name: 'Li' },
        objects: data.objects,
      },
    });
  });

  it.each<[string, unknown]>([
    ['CLOUDEVENT_INVALID', []],
    ['CLOUDEVENT_INVALID', event({ specversion: '0.3' })],
    ['CLOUDEVENT_INVALID', event({ id: '' })],
    ['CLOUDEVENT_INVALID', event({ source: 5 })],
    ['CLOUDEVENT_INVALID', event({ sequence: 'first' })],
    ['CLOUDEVENT_INVALID', event({ sequence: -1 })],
    ['CLOUDEVENT_INVALID', event({ recordedtime: '2024-05-01T00:00:01' })],
    ['CLOUDEVENT_TYPE_UNKNOWN', event({ type: 'order.placed' })],
    ['CLOUDEVENT_TIME_INVALID', event({ time: undefined })],
    ['CLOUDEVENT_TIME_INVALID', event({ time: '1 May' })],
    ['CLOUDEVENT_TIME_WITHOUT_ZONE', event({ time: '2024-05-01T08:00:00' })],
    ['CLOUDEVENT_DATA_INVALID', event({ data: undefined })],
    ['CLOUDEVENT_DATA_INVALID', event({ datacontenttype: 'text/xml' })],
    ['CLOUDEVENT_DATA_INVALID', event({ data_base64: 'e30=' })],
    ['CLOUDEVENT_DATA_INVALID', event({}, { kind: undefined })],
    ['CLOUDEVENT_DATA_INVALID', event({}, { phone: '138' })],
    ['CLOUDEVENT_DATA_INVALID', event({}, { journey: { key: 'F1' } })],
    ['CLOUDEVENT_DATA_INVALID', event({}, { journey: { id: 'F1' } })],
  ])('%s', (code, value) => {
    expect(readCloudEvent(value)).toMatchObject({ code, reason: expect.stringMatching(/\.$/) as string });
  });

  it('never throws, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (data, any) => {
        for (const value of [any, event({ data }), event({}, { journey: any })]) {
          const read = readCloudEvent(value);
          expect('fact' in read || read.code.startsWith('CLOUDEVENT_')).toBe(true);
        }
      }),
    );
  });
});

describe('lines', () => {
  it('come out as they went in, whatever the pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.integer({ min: 1, max: 9 }),
        async (texts, size) => {
          const lines = texts.map((text) => text.replace(/[\r\n]/g, ''));
          const bytes = Buffer.from(lines.join('\r\n'));
          async function* source() {
            for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
          }
          const read: [number, string][] = [];
          for await (const batch of lineBatches(source(), { longest: 1_000, most: 3 })) {
            expect(batch.length).toBeLessThanOrEqual(3);
            read.push(...batch.map((l): [number, string] => [l.number, l.bytes.toString()]));
          }
          const expected = lines
            .map((text, i): [number, string] => [i + 1, text])
            .filter(([, text]) => /[^ \t]/.test(text));
          expect(read).toEqual(expected);
        },
      ),
    );
  });

  it('holds no more of a line than its limit', async () => {
    async function* source() {
      for (let i = 0; i < 100; i++) yield Buffer.alloc(1_000, 'x');
      yield Buffer.from('\nok');
    }
    const read = [];
    for await (const batch of lineBatches(source(), { longest: 10, most: 5 })) read.push(...batch);
    expect(read[0]!.hash).toBe(createHash('sha256').update('x'.repeat(100_000)).digest('hex'));
    expect(read.map((l) => [l.number, l.bytes.toString(), l.tooLong])).toEqual([
      [1, 'xxxxxxxxxx', true],
      [2, 'ok', false],
    ]);
  });
});

describe('taking CloudEvents in', () => {
  let house: House;
  let intake: CloudEventIntake;
  beforeEach(async () => {
    house = await openHouse();
    intake = new CloudEventIntake(house);
    await house.packs.publish({
      pack: 'crew',
      names: { en: 'Crew' },
      kinds: [
        {
          id: 'crew.arrived',
          names: { en: 'Arrived' },
          traits: { closes: false, contact: true, customerVisible: true },
        },
      ],
    });
  });
  afterEach(() => house.close());

  const answersOf = async (text: string | Buffer): Promise<CloudEventAnswer[]> => {
    const answers: CloudEventAnswer[] = [];
    async function* source() {
      yield Buffer.from(text);
    }
    for await (const batch of intake.takeLines(source())) answers.push(...batch);
    return answers;
  };

  it('records the lines of a stream in their order, however they arrive, while chunks of it overlap', async () => {
    // Those that name a customer who is new have more to wait for than the ones behind them.
    const lines = Array.from({ length: 120 }, (_, i) =>
      JSON.stringify(
        event(
          { id: `line-${i}`, time: new Date(Date.UTC(2024, 4, 1) + i * 60_000).toISOString() },
          {
            ...(i % 3 === 0 && { customer: { type: 'phone', value: String(13_800_000_000 + i) } }),
            journey: { type: 'repair', key: `J-${i % 2}` },
          },
        ),
      ),
    );
    async function* source() {
      for (const line of lines) {
        yield Buffer.from(`${line}\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    let atOnce = 0;
    let most = 0;
    const overlapping = new CloudEventIntake({
      ...house,
      intake: {
        take: async (...given) => {
          most = Math.max(most, ++atOnce);
          return house.intake.take(...given).finally(() => atOnce--);
        },
      },
    });
    const answers: CloudEventAnswer[] = [];
    for await (const batch of overlapping.takeLines(source())) answers.push(...batch);
    expect(answers.map(({ id, outcome }) => [id, outcome])).toEqual(lines.map((_, i) => [`line-${i}`, 'taken']));
    expect(most).toBeGreaterThan(1);
    const streams = new Map<string, string[]>();
    for (const { stream, type, metadata } of await house.recorded()) {
      if (type !== 'TouchpointRecorded') continue;
      streams.set(stream, [...(streams.get(stream) ?? []), metadata.source!.recordId!]);
    }
    const sent = (key: number) => lines.flatMap((_, i) => (i % 2 === key ? [`line-${i}`] : []));
    expect([...streams.values()].sort()).toEqual([0, 1].map(sent).sort());
  });

  it('answers each line, and loses none: sent = taken + known + quarantined', async () => {
    const lines = [
      JSON.stringify(event()),
      '',
      '{"broken',
      JSON.stringify(event({ id: 'e-2' }, { kind: 'crew.vanished' })),
      JSON.stringify(event()),
      JSON.stringify(event({ id: 'e-3', time: '2024-05-01T09:00:00' })),
      `{"x":"${'y'.repeat(LARGEST_CLOUD_EVENT)}"}`,
      JSON.stringify(event({ id: 'e-4' })),
    ];
    const bytes = Buffer.concat([Buffer.from(lines.join('\n')), Buffer.from([0x0a, 0x22, 0xff, 0x22, 0x0a])]);
    const answers = await answersOf(bytes);
    expect(answers.map((a) => [a.line, a.id, a.outcome, a.code])).toEqual([
      [1, 'e-1', 'taken', undefined],
      [3, null, 'quarantined', 'INVALID_JSON'],
      [4, 'e-2', 'quarantined', 'KIND_UNKNOWN'],
      [5, 'e-1', 'known', undefined],
      [6, 'e-3', 'quarantined', 'CLOUDEVENT_TIME_WITHOUT_ZONE'],
      [7, null, 'quarantined', 'EVENT_TOO_LARGE'],
      [8, 'e-4', 'taken', undefined],
      [9, null, 'quarantined', 'LINE_NOT_UTF8'],
    ]);
    const stored = (await house.recorded()).filter((e) => e.type === 'TouchpointRecorded');
    expect(stored.map((e) => [e.id, e.position])).toEqual([
      [answers[0]!.touchpointId, expect.any(String)],
      [answers[6]!.touchpointId, answers[6]!.position],
    ]);
    expect(house.quarantine.list().edges.map((e) => [e.node.source, e.node.line])).toEqual([
      ['cloudevents', 3],
      ['/oms', 4],
      ['/oms', 6],
      ['cloudevents', 7],
      ['cloudevents', 9],
    ]);
    expect(house.quarantine.raw('1')).toBe('{"broken');
  });

  it('keeps events apart that are too long and begin alike, with their beginning as it was written', async () => {
    const long = (end: string) => `{"name":"张","x":"${'😀'.repeat(LARGEST_CLOUD_EVENT / 4)}${end}"}`;
    const answers = await answersOf([long('a'), long('b'), long('a')].join('\n'));
    const codes = answers.map((a) => [a.code, a.quarantineId]);
    expect(codes).toEqual(['1', '2', '1'].map((id) => ['EVENT_TOO_LARGE', id]));
    const kept = house.quarantine.raw('1');
    expect(kept.length).toBe(64 * 1024 - 1);
    expect(long('a').startsWith(kept)).toBe(true);
    // One by one they come as text, and are told apart as well.
    const one = await intake.takeText({ text: long('c') });
    const other = await intake.takeText({ text: long('d') });
    expect(new Set([one.quarantineId, other.quarantineId, '1', '2']).size).toBe(4);
    expect(long('c').startsWith(house.quarantine.raw(one.quarantineId!))).toBe(true);
  });

  it('adds nothing when everything is sent again', async () => {
    const text = [event(), event({ id: 'e-2', time: 'never' })].map((e) => JSON.stringify(e)).join('\n');
    await answersOf(text);
    const before = await house.recorded();
    expect((await answersOf(text)).map((a) => a.outcome)).toEqual(['known', 'quarantined']);
    expect(await house.recorded()).toEqual(before);
    expect(house.quarantine.count()).toBe(1);
  });

  it('finds a journey by its id, and opens none without a type', async () => {
    const opened = await intake.takeOne(event());
    const byId = await intake.takeOne(event({ id: 'e-2' }, { journey: { id: opened.journeyId } }));
    expect(byId).toMatchObject({ outcome: 'taken', journeyId: opened.journeyId });
    const unknown = await intake.takeOne(event({ id: 'e-3' }, { journey: { id: deterministicId('nobody') } }));
    expect(unknown).toMatchObject({ outcome: 'quarantined', code: 'JOURNEY_UNKNOWN' });
  });

  it('keeps what is personal out of the log and the quarantine', async () => {
    await intake.takeOne(
      event({}, { personal: { name: 'Zhang San' }, customer: { type: 'phone', value: '13800138000' } }),
    );
    const log = JSON.stringify(await house.recorded());
    expect(log).toContain('crew.arrived');
    expect(log).not.toMatch(/Zhang San|13800138000/);
  });

  it('reads a few chunks of a stream beyond what it has answered, and no more', async () => {
    let asked = 0;
    async function* source() {
      for (let i = 0; i < 100; i++) {
        asked++;
        yield Buffer.from(`${JSON.stringify(event({ id: `s-${i}` }))}\n`);
      }
    }
    const answers = intake.takeLines(source());
    for (let answered = 1; answered <= 5; answered++) {
      expect((await answers.next()).value).toHaveLength(1);
      expect(asked).toBeLessThanOrEqual(answered + 4);
    }
    await answers.return(undefined);
  });
});
