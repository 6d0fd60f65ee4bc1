import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { CloudEventIntake } from './cloudevents-intake.js';
import { anEvent, LineSender, openEventsHouse, type Answer, type EventsHouse } from './http.spec-kit.js';
import { IntakeGate, type Charge } from './intake-gate.js';

let events: EventsHouse;
beforeAll(async () => {
  events = await openEventsHouse();
});
afterAll(() => events.close());

const STRUCTURED = { 'content-type': 'application/cloudevents+json' };
const BATCH = { 'content-type': 'application/cloudevents-batch+json' };
const LINES = { 'content-type': 'application/x-ndjson' };
const touchpoints = async (house = events.house) =>
  (await house.recorded()).filter(({ type }) => type === 'TouchpointRecorded');
const state = async () => [(await events.house.recorded()).length, events.house.quarantine.count()];

describe('an event in binary form', () => {
  const headers = (id: string, more: Record<string, string> = {}): Record<string, string> => ({
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-source': '/oms',
    'ce-type': 'touchpoint.recorded',
    'ce-time': '2024-05-01T08:00:00+08:00',
    ...more,
  });
  const data = JSON.stringify(anEvent('').data);

  it('is the same event as in structured form', async () => {
    expect(await events.post(headers('bin-1'), data)).toMatchObject({ status: 201, body: { outcome: 'taken' } });
    const again = await events.post(STRUCTURED, JSON.stringify(anEvent('bin-1')));
    expect(again).toMatchObject({ status: 200, body: { outcome: 'known', id: 'bin-1' } });
    const plus = await events.post({ ...headers('bin-1'), 'content-type': 'application/vnd.oms+json' }, data);
    expect(plus).toMatchObject({ status: 200, body: { outcome: 'known' } });
  });

  it.each([
    ['percent-encoded', 'Euro%20%E2%82%AC%20%F0%9F%98%80%2525', 'Euro € 😀%25'],
    ['plain', 'plain-text!', 'plain-text!'],
    ['in quotes, as older senders write it', '"a \\"b\\" \\\\ c%20d"', 'a "b" \\ c d'],
  ])('has headers that are %s', async (_, sent, read) => {
    const id = `header-${sent.length}`;
    expect((await events.post(headers(id, { 'ce-subject': sent }), data)).status).toBe(201);
    const stored = (await touchpoints()).find(({ metadata }) => metadata.source?.recordId === id);
    expect(stored?.data).toMatchObject({ attributes: { '@cloudevent': { subject: read } } });
  });

  it.each([
    ['no percent-encoding', { 'ce-subject': '100%' }, 'ce-subject'],
    ['no UTF-8 behind it', { 'ce-subject': '%ff' }, 'ce-subject'],
    ['a byte beyond ASCII', { 'ce-subject': 'caf\u00e9' }, 'ce-subject'],
    ['a name that is none', { 'ce-my_own': '1' }, 'ce-my_own'],
    ['what belongs in the body', { 'ce-datacontenttype': 'application/json' }, 'ce-datacontenttype'],
  ])('stands in quarantine with %s in a header', async (_, more, name) => {
    const answer = await events.post(headers(`odd-${name}-${JSON.stringify(more).length}`, more), data);
    expect(answer).toMatchObject({ status: 422, body: { outcome: 'quarantined', code: 'CLOUDEVENT_INVALID' } });
    expect(answer.body.message).toContain(name);
    const kept = JSON.parse(events.house.quarantine.raw(answer.body.quarantineId as string)) as object;
    expect(kept).toMatchObject({ source: '/oms', data: anEvent('').data });
  });

  it('stands in quarantine without data', async () => {
    const { 'content-type': _, ...rest } = headers('no-data');
    expect(await events.post(rest)).toMatchObject({ status: 422, body: { code: 'CLOUDEVENT_DATA_INVALID' } });
  });
});

describe('an event in structured form', () => {
  it('may be packed', async () => {
    const packed = gzipSync(JSON.stringify(anEvent('packed')));
    expect((await events.post({ ...STRUCTURED, 'content-encoding': 'gzip' }, packed)).status).toBe(201);
  });

  it('may carry its data in Base64', async () => {
    const { data, ...rest } = anEvent('base64');
    const bytes = Buffer.from(JSON.stringify(data)).toString('base64');
    expect((await events.post(STRUCTURED, JSON.stringify({ ...rest, data_base64: bytes }))).status).toBe(201);
    const both = JSON.stringify({ ...rest, id: 'both', data, data_base64: bytes });
    expect(await events.post(STRUCTURED, both)).toMatchObject({
      status: 422,
      body: { code: 'CLOUDEVENT_DATA_INVALID' },
    });
  });

  it.each([
    ['JSON_DUPLICATE_KEY', JSON.stringify(anEvent('twice')).replace('"id":"twice"', '"id":"twice","id":"thrice"')],
    ['JSON_TOO_DEEP', JSON.stringify(anEvent('deep', { x: 'DEEP' })).replace('"DEEP"', '['.repeat(400_000))],
  ])('stands in quarantine as %s', async (code, text) => {
    expect(await events.post(STRUCTURED, text)).toMatchObject({ status: 422, body: { outcome: 'quarantined', code } });
  });
});

describe('plain JSON', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  const packed = (value: unknown) => gzipSync(JSON.stringify(value));

  it('may be packed, as a structured event and as the data of a binary one', async () => {
    const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    expect((await events.post(gzip, packed(anEvent('plain-packed')))).status).toBe(201);
    const { data, ...attributes } = anEvent('binary-packed');
    const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
    expect((await events.post({ ...gzip, ...headers }, packed(data))).status).toBe(201);
  });

  it.each([
    ['__proto__', '{"a":1}', 201, undefined],
    ['constructor', '{"prototype":1}', 201, undefined],
    ['orderNo', '12345678901234567890', 422, 'JSON_NUMBER_INEXACT'],
  ])('with %s: %s in its data is taken or kept, and neither refused nor changed', async (key, value, status, code) => {
    const text = JSON.stringify(anEvent(`plain-${key}`, {}, { attributes: { HERE: 0 } })).replace(
      '"HERE":0',
      `"${key}":${value}`,
    );
    const answer = await events.post({ 'content-type': 'application/json; charset=utf-8' }, text);
    expect(answer).toMatchObject({ status, body: code === undefined ? { outcome: 'taken' } : { code } });
    if (code === undefined) {
      const stored = (await touchpoints()).find(({ metadata }) => metadata.source?.recordId === `plain-${key}`);
      const { attributes } = stored!.data as { attributes: object };
      expect(Object.entries(attributes)).toEqual([[key, JSON.parse(value)]]);
    } else expect(events.house.quarantine.raw(answer.body.quarantineId as string)).toBe(text);
  });

  it('that is none, or too much of it, is refused as in the other forms', async () => {
    expect(await events.post(JSON_TYPE, '{"id')).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_JSON' } },
    });
    const large = await events.post(JSON_TYPE, `"${'x'.repeat(1_100_000)}"`);
    expect(large).toMatchObject({ status: 413, body: { error: { code: 'PAYLOAD_TOO_LARGE' } } });
  });
});

describe('a batch', () => {
  it('has an answer for each of its events, in order, and says by its status whether all went well', async () => {
    const all = [anEvent('b-1'), anEvent('b-2', { time: 'noon' }), anEvent('b-1'), 7, anEvent('b-3')];
    const answer = await events.post(BATCH, ` ${JSON.stringify(all, null, 2)}\n`);
    expect(answer).toMatchObject({ status: 207, body: { sent: 5, taken: 2, known: 1, quarantined: 2 } });
    expect(answer.body.answers.map((a: Answer) => [a.line, a.id, a.outcome, a.code])).toEqual([
      [1, 'b-1', 'taken', undefined],
      [2, 'b-2', 'quarantined', 'CLOUDEVENT_TIME_INVALID'],
      [3, 'b-1', 'known', undefined],
      [4, null, 'quarantined', 'CLOUDEVENT_INVALID'],
      [5, 'b-3', 'taken', undefined],
    ]);
    expect((await events.post(BATCH, JSON.stringify([anEvent('b-1')]))).status).toBe(200);
    expect((await events.post(BATCH, JSON.stringify([7, 8]))).status).toBe(422);
    expect(await events.post(BATCH, '[]')).toMatchObject({ status: 200, body: { sent: 0, answers: [] } });
  });

  it.each<[string, number, string, string]>([
    ['that was cut off', 400, 'INVALID_JSON', JSON.stringify([anEvent('c-1'), anEvent('c-2')]).slice(0, -5)],
    ['with a blank that JSON does not know', 400, 'INVALID_JSON', `[\u00a0${JSON.stringify(anEvent('c-6'))}]`],
    ['with a comma too many', 400, 'INVALID_JSON', `[${JSON.stringify(anEvent('c-3'))},]`],
    ['that is one event', 400, 'INVALID_JSON', JSON.stringify(anEvent('c-4'))],
    ['of too many', 413, 'BATCH_TOO_LARGE', JSON.stringify(Array.from({ length: 1_001 }, (_, i) => anEvent(`m-${i}`)))],
    ['of too many bytes', 413, 'PAYLOAD_TOO_LARGE', JSON.stringify([anEvent('c-5', { x: 'y'.repeat(8_100_000) })])],
  ])('%s is refused as a whole, with status %i', async (_, status, code, body) => {
    const before = await state();
    expect(await events.post(BATCH, body)).toMatchObject({ status, body: { error: { code } } });
    expect(await state()).toEqual(before);
  });
});

describe('what is asked for in vain', () => {
  const one = JSON.stringify(anEvent('never'));
  it.each<[string, number, string, Record<string, string>, string | Buffer]>([
    [
      'another format of CloudEvents',
      415,
      'CONTENT_TYPE_UNKNOWN',
      { 'content-type': 'application/cloudevents+avro+json' },
      one,
    ],
    [
      'a binary event that is no JSON',
      415,
      'CONTENT_TYPE_UNKNOWN',
      { 'content-type': 'application/xml', 'ce-id': '1' },
      '<a/>',
    ],
    [
      'another charset',
      415,
      'CHARSET_UNKNOWN',
      { 'content-type': 'application/cloudevents+json; charset="gb18030"' },
      one,
    ],
    ['an unknown packing', 415, 'CONTENT_ENCODING_UNKNOWN', { ...STRUCTURED, 'content-encoding': 'br' }, one],
    [
      'a broken packing',
      400,
      'GZIP_TRUNCATED',
      { ...STRUCTURED, 'content-encoding': 'gzip' },
      gzipSync(one).subarray(0, 40),
    ],
    ['bytes that are no UTF-8', 400, 'BODY_NOT_UTF8', STRUCTURED, Buffer.from([0x7b, 0xff, 0x7d])],
    ['half a JSON', 400, 'INVALID_JSON', STRUCTURED, '{"id'],
    ['a body beyond all measure', 413, 'PAYLOAD_TOO_LARGE', STRUCTURED, `"${'x'.repeat(1_000_001)}"`],
  ])('%s: status %i', async (_, status, code, headers, body) => {
    const before = await state();
    expect(await events.post(headers, body)).toMatchObject({ status, body: { error: { code } } });
    expect(await state()).toEqual(before);
  });
});

describe('a stream of lines', () => {
  it('is answered line by line while it is still being sent', async () => {
    const sender = await LineSender.open(events.url);
    for (let n = 1; n <= 3; n++) {
      await sender.send(`${JSON.stringify(anEvent(`live-${n}`))}\n`);
      const answers = await sender.until((all) => all.length === n);
      expect(answers.at(-1)).toMatchObject({ line: n, id: `live-${n}`, outcome: 'taken' });
    }
    sender.end();
    await sender.until((_, text) => text.endsWith('0\r\n\r\n'));
    sender.socket.destroy();
  });

  it('may ask for bad news only, and hears the sum', async () => {
    const lines = [anEvent('min-1'), anEvent('min-2', { id: '' }), anEvent('min-1')].map((e) => JSON.stringify(e));
    const headers = { ...LINES, prefer: 'respond-async, return=minimal' };
    const response = await fetch(`${events.url}/events`, { method: 'POST', headers, body: lines.join('\n') });
    expect(response.headers.get('preference-applied')).toBe('return=minimal');
    const answers = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
    expect(answers).toEqual([
      expect.objectContaining({ line: 2, outcome: 'quarantined' }),
      { summary: { sent: 3, taken: 1, known: 1, quarantined: 1 } },
    ]);
  });

  it('may be packed, begin with a mark of its byte order, and have one line end like any other', async () => {
    const text = `\ufeff${JSON.stringify(anEvent('bom'))}\r\n${JSON.stringify(anEvent('no-end'))}`;
    const response = await fetch(`${events.url}/events`, {
      method: 'POST',
      headers: { ...LINES, 'content-encoding': 'gzip' },
      body: gzipSync(text) as unknown as string,
    });
    expect((await response.text()).match(/"taken"/g)).toHaveLength(2);
  });

  it('that the client breaks off leaves whole lines only, and the same again completes it', async () => {
    const all = Array.from({ length: 3_000 }, (_, i) =>
      JSON.stringify(anEvent(`half-${i}`, {}, { journey: { type: 'repair', key: `H${i % 100}` } })),
    );
    const before = (await touchpoints()).length;
    const quarantined = events.house.quarantine.count();
    const sender = await LineSender.open(events.url);
    await sender.send(`${all.slice(0, 2_000).join('\n')}\n${all[2_000]!.slice(0, 50)}`);
    await sender.until((answers) => answers.length > 0);
    sender.socket.destroy();
    await sender.closed;
    await events.house.quarantine.keep([]);
    let after = -1;
    for (let now = await touchpoints(); now.length !== after; now = await touchpoints()) {
      after = now.length;
      await sleep(100);
    }
    expect(after - before).toBeGreaterThan(0);
    expect(after - before).toBeLessThanOrEqual(2_000);
    // Half a line is no line: the client never said that it ended.
    expect(events.house.quarantine.count()).toBe(quarantined);
    const response = await fetch(`${events.url}/events`, { method: 'POST', headers: LINES, body: all.join('\n') });
    const answers = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
    const outcomes = answers.map(({ outcome }) => outcome as string);
    expect(outcomes.filter((outcome) => outcome === 'known')).toHaveLength(after - before);
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(3_000 - (after - before));
    const ids = (await touchpoints()).map(({ id }) => id);
    expect(ids).toHaveLength(before + 3_000);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('a log that is slower than the sender', () => {
  it('is not read ahead of: what is held stays bounded, and nothing is lost', async () => {
    let handled = 0;
    const slow = await openEventsHouse((take) => async (facts, options) => {
      await sleep(15);
      const outcomes = await take(facts, options);
      handled += facts.length;
      return outcomes;
    });
    let read = () => 0;
    slow.fastify.server.once('connection', (socket: { bytesRead: number }) => (read = () => socket.bytesRead));
    const sender = await LineSender.open(slow.url, { prefer: 'return=minimal' });
    // Some megabytes of lines of a kilobyte.
    const line = (n: number) =>
      `${JSON.stringify(anEvent(`slow-${n}`, {}, { journey: { type: 'r', key: `S${n % 50}` }, attributes: { pad: 'p'.repeat(3_500) } }))}\n`;
    const size = line(0).length;
    const lines = 4_000;
    const sending = (async () => {
      for (let n = 0; n < lines; n += 100)
        await sender.send(Array.from({ length: 100 }, (_, i) => line(n + i)).join(''));
      sender.end();
    })();
    let ahead = 0;
    const answered = sender.until((answers) => answers.some((a) => 'summary' in a || 'error' in a));
    const watch = setInterval(() => (ahead = Math.max(ahead, read() - handled * size)), 5);
    await sending;
    const answers = await answered;
    clearInterval(watch);
    expect(answers.at(-1)).toEqual({ summary: { sent: lines, taken: lines, known: 0, quarantined: 0 } });
    expect(ahead).toBeGreaterThan(200_000);
    // Two chunks in hand and what lies in between; the whole is 14 MB.
    expect(ahead).toBeLessThan(5_000_000);
    sender.socket.destroy();
    await slow.close();
  });

  it('that gives up tells the client why, and where it stood', async () => {
    const busy = await openEventsHouse((take) => async (facts, options) => {
      if (facts.some(({ source }) => source.recordId === 'stop')) {
        const { TouchstoneError } = await import('@touchstone/eventing');
        throw new TouchstoneError('LOG_BUSY', 'The log is busy.', 'busy');
      }
      return take(facts, options);
    });
    const sender = await LineSender.open(busy.url);
    await sender.send(`${JSON.stringify(anEvent('go'))}\n`);
    await sender.until((all) => all.length === 1);
    await sender.send(`${JSON.stringify(anEvent('stop'))}\n`);
    const answers = await sender.until((all) => all.length === 2);
    expect(answers[1]).toMatchObject({ error: { code: 'LOG_BUSY', kind: 'busy' } });
    sender.socket.destroy();
    await busy.close();
  });
});

describe('streams', () => {
  it('that are silent lock nobody out: one more than there may be is told to come back, single events go on', async () => {
    const house = await openEventsHouse(undefined, { intakeMaxStreams: 3 });
    const senders = await Promise.all(Array.from({ length: 3 }, () => LineSender.open(house.url)));
    await Promise.all(senders.map((sender) => sender.send(' \n')));
    // The third may not have been met yet.
    let late = await house.post(LINES, '');
    for (let tries = 0; tries < 50 && late.status !== 429; tries++) {
      await sleep(20);
      late = await house.post(LINES, '');
    }
    expect(late).toMatchObject({ status: 429, body: { error: { code: 'INTAKE_BUSY' } } });
    expect(late.body.error.message).toContain('INTAKE_MAX_STREAMS');
    expect((await house.post(STRUCTURED, JSON.stringify(anEvent('single')))).status).toBe(201);
    expect((await house.post(BATCH, JSON.stringify([anEvent('batch')]))).status).toBe(200);
    await senders[0]!.send(`${JSON.stringify(anEvent('early'))}\n`);
    expect(await senders[0]!.until((all) => all.length === 1)).toMatchObject([{ outcome: 'taken' }]);
    for (const sender of senders) sender.socket.destroy();
    let status = 429;
    for (let tries = 0; tries < 50 && status === 429; tries++) {
      await sleep(20);
      status = (await house.post(LINES, JSON.stringify(anEvent('back')))).status;
    }
    expect(status).toBe(200);
    await house.close();
  });

  it('whose client falls silent are ended, and their last line says why', async () => {
    const slowly =
      (take: EventsHouse['house']['intake']['take']) =>
      async (...args: Parameters<typeof take>) => {
        await sleep(500);
        return take(...args);
      };
    const house = await openEventsHouse(slowly, { intakeIdleMs: 200 });
    const [silent, begun, half] = await Promise.all([1, 2, 3].map(() => LineSender.open(house.url)));
    const single = await LineSender.open(house.url, { ...STRUCTURED });
    // An answer that is owed is waited for, longer than a client may be silent.
    await begun!.send(`${JSON.stringify(anEvent('idle-1'))}\n`);
    await half!.send('{"specversion":');
    await single.send('{"specversion":');
    await begun!.until((all) => all.length === 1);
    await begun!.send(`${JSON.stringify(anEvent('idle-2'))}\n`);
    const told = await begun!.until((all) => all.length === 3);
    const idle = { error: { code: 'CLIENT_IDLE', kind: 'refused' } };
    expect(told).toMatchObject([{ outcome: 'taken' }, { outcome: 'taken' }, idle]);
    for (const sender of [silent!, half!, single]) {
      await sender.until((all, head) => head.startsWith('HTTP/1.1 408') && all[0]?.error.code === 'CLIENT_IDLE');
      await sender.closed;
    }
    begun!.socket.destroy();
    await house.close();
  });
});

describe('what requests hold', () => {
  const limits = { bytes: 100, reserved: 20, streams: 2, patienceMs: 50 };
  const never = () => new Promise<void>(() => undefined);

  it('is charged as it comes; who waits for room gets it as soon as there is some', async () => {
    const gate = new IntakeGate(limits);
    let late: Charge | undefined;
    await gate.streaming(async (one) => {
      await one.take(60);
      await gate.streaming(async (other) => {
        const waits = other.take(30);
        await sleep(5);
        expect(gate.held).toBe(60);
        one.give(20);
        await waits;
        expect(gate.held).toBe(70);
      });
      expect(gate.held).toBe(40);
      late = one;
    });
    late?.give(40);
    expect(gate.held).toBe(0);
  });

  it('leaves room for single events, and is refused when no room comes', async () => {
    const gate = new IntakeGate(limits);
    const busy = expect.objectContaining({ code: 'INTAKE_BUSY' }) as Error;
    await gate.streaming(async (one) => {
      await one.take(80);
      await expect(gate.streaming((other) => other.take(1))).rejects.toThrow(busy);
      await expect(gate.holding(10, 'batch', never)).rejects.toThrow(busy);
      expect(await gate.holding(20, 'single', () => Promise.resolve('taken'))).toBe('taken');
      await expect(gate.holding(21, 'single', never)).rejects.toThrow(busy);
    });
    expect(gate.held).toBe(0);
  });

  it.each([7, 64, 5_000])('of a stream is all let go of at its end, in pieces of %s bytes', async (size) => {
    const gate = new IntakeGate({ bytes: 10e6, reserved: 0, streams: 1 });
    const lines = [
      JSON.stringify(anEvent(`held-${size}`)),
      '',
      ' \t',
      `${JSON.stringify({ id: 1 })}\r`,
      'x'.repeat(1_000_050),
      'y',
    ];
    const bytes = Buffer.from(lines.join('\n'));
    async function* source() {
      for (let at = 0; at < bytes.length; at += at < 2_000 ? size : 65_536) {
        yield await Promise.resolve(bytes.subarray(at, at + (at < 2_000 ? size : 65_536)));
      }
    }
    const intake = new CloudEventIntake(events.house);
    let left: number | undefined;
    await gate.streaming(async (charge) => {
      const hand = { take: charge.take, give: charge.give, began: () => undefined };
      const answers = [];
      for await (const batch of intake.takeLines(source(), undefined, hand)) answers.push(...batch);
      expect(answers).toHaveLength(4);
      left = gate.held;
    });
    expect(left).toBe(0);
  });
});
