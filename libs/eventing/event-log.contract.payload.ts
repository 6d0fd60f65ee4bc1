/// <reference types="jest" />
import type { NewEvent } from './envelope.js';
import { anEvent, collect, events, failsWith, type Bench } from './event-log.contract.kit.js';

const circular: Record<string, unknown> = {};
circular.self = circular;

/** What goes in comes out; what cannot come out does not go in. */
export function payloadCases(bench: Bench): void {
  const stream = () => bench.name('stream');
  const append = (event: NewEvent, to = stream()) => bench.log.append(to, 'any', [event]);
  const roundTrip = async (over: Partial<NewEvent>) => {
    const event = anEvent(over);
    const { revision, position } = await append(event);
    const [read] = await collect(bench.log.readStream(stream(), { direction: 'backwards', max: 1 }));
    expect(read).toEqual({ ...event, stream: stream(), revision, position });
  };

  it.each([
    ['an empty object', {}],
    ['an empty array', []],
    ['an empty text', ''],
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['numbers', [1, -1, 0.1, 1e-300, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 5e-324]],
    ['nested values', { a: [{ b: { c: [null, true, { d: [[], {}] }] } }] }],
    ['deep nesting', JSON.parse('['.repeat(500) + ']'.repeat(500)) as unknown],
    ['Chinese', { 客户: '95598 报修：停电了', unit: '城东供电所' }],
    ['emoji and joined emoji', { mood: '😀👨‍👩‍👧‍👦🏳️‍🌈' }],
    ['keys outside the basic plane', { '𠀀': '𠮷野家', '🗝️': 1 }],
    ['halves of surrogate pairs', { value: 'a\ud800b', ['key\udfff']: 1 }],
    ['control and line separators', { text: '\u0000\u0001\u001f\u007f\u2028\u2029\r\n\t' }],
    ['quotes and backslashes', { text: `"'\\ \\u0041 ' OR 1=1; --` }],
    ['right-to-left and combining', { text: 'שלום e\u0301 \u202eabc' }],
    ['names of object members', JSON.parse('{"__proto__":1,"constructor":2,"toString":3}') as unknown],
  ])('keeps %s', (_, data) => roundTrip({ data }));

  it('keeps times, versions and metadata as they were given', () =>
    roundTrip({
      schemaVersion: 7,
      occurredAt: '2012-04-03T16:55:38.123456789+05:30',
      recordedAt: '2024-05-01T00:00:00.000Z',
      metadata: {
        correlationId: 'c',
        causationId: 'd',
        actor: { id: 'a', role: '班长', unit: 'u' },
        source: { system: 's', recordId: 'r', sequence: 3 },
        subject: 'customer:1',
        historical: true,
      },
    }));

  it('keeps 900 KB in one event', () => roundTrip({ data: { text: '电'.repeat(300_000) } }));

  it('keeps a batch of 1,000 events', async () => {
    const batch = events(1000);
    expect(await bench.log.append(stream(), 'none', batch)).toMatchObject({ revision: 999 });
    expect((await collect(bench.log.readStream(stream()))).map((e) => e.data)).toEqual(batch.map((e) => e.data));
  });

  it.each([
    ['in ASCII', 'x'.repeat(1_000_001)],
    ['in three-byte characters', '电'.repeat(340_000)],
  ])('refuses an event beyond the limit, counted in bytes: %s', async (_, text) => {
    await expect(append(anEvent({ data: { text } }))).rejects.toMatchObject({
      code: 'EVENT_TOO_LARGE',
      kind: 'invalid',
      details: { limit: 1_000_000 },
    });
    expect(await collect(bench.log.readStream(stream()))).toEqual([]);
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a BigInt', { n: 1n }],
    ['a circle', circular],
  ])('refuses data that is no JSON: %s', (_, data) => failsWith(append(anEvent({ data })), 'INVALID_EVENT'));

  it.each([
    ['an empty type', { type: '' }],
    ['a reserved type', { type: '$metadata' }],
    ['a schema version below 1', { schemaVersion: 0 }],
    ['a time without a zone', { occurredAt: '2024-05-01T08:00:00' }],
    ['a recorded time that is no time', { recordedAt: 'yesterday' }],
  ])('refuses %s', (_, over) => failsWith(append(anEvent(over)), 'INVALID_EVENT'));

  it.each(['', 'no-uuid', '0190000000007000800000000000000', '01900000-0000-7000-8000-00000000000G', undefined, 7])(
    'refuses %p as an event id',
    (id) => failsWith(append(anEvent({ id: id as string })), 'INVALID_EVENT_ID'),
  );

  it.each([
    ['an empty name', ''],
    ['a reserved name', '$all'],
    ['a name of 513 characters', 'x'.repeat(513)],
    ['a control character', 'journey-\n1'],
    ['a zero character', 'journey-\u0000'],
    ['half a surrogate pair', 'journey-\ud83d'],
    ['no text', 7 as unknown as string],
  ])('refuses a stream with %s', async (_, name) => {
    await failsWith(append(anEvent(), name), 'INVALID_STREAM');
    await failsWith(collect(bench.log.readStream(name)), 'INVALID_STREAM');
  });

  it.each([
    ['Chinese and emoji', () => bench.name('旅程-😀')],
    ['512 characters', () => bench.name('x').padEnd(512, 'y')],
    ['quotes, percent signs and spaces', () => bench.name(`a'b"c %_*[x] `)],
  ])('takes a stream name with %s', async (_, name) => {
    await append(anEvent(), name());
    expect((await collect(bench.log.readStream(name()))).map((e) => e.stream)).toEqual([name()]);
  });

  it('refuses an empty append', () => failsWith(bench.log.append(stream(), 'any', []), 'EMPTY_APPEND'));

  it('writes nothing of a batch with one bad event', async () => {
    await failsWith(bench.log.append(stream(), 'none', [anEvent(), anEvent({ id: 'bad' })]), 'INVALID_EVENT_ID');
    expect(await collect(bench.log.readStream(stream()))).toEqual([]);
  });

  it('keeps what was given at the call, whatever the caller does to the object afterwards', async () => {
    const data = { n: 1 };
    const appending = append(anEvent({ data }));
    data.n = 2;
    await appending;
    expect((await collect(bench.log.readStream(stream())))[0]!.data).toEqual({ n: 1 });
  });
}
