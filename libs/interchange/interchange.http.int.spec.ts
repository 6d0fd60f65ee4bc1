import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { OpenLoads } from '@touchstone/journeys';
import { CONFIG, httpStatusOf, reportOf } from '@touchstone/platform';
import { CloudEventIntake } from './cloudevents-intake.js';
import { EventsController } from './events.controller.js';
import { FileImporter } from './import-job.js';
import { HeldAnswers } from './held-answers.js';
import { ImportLogger } from './import-logger.js';
import { ImportsController } from './imports.controller.js';
import { RunningImports } from './running-imports.js';
import { registerStreamingBodies } from './streaming-bodies.js';
import { openHouse, type House } from './testing.js';

let house: House;
let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  house = await openHouse();
  const importer = new FileImporter(house);
  const module = await Test.createTestingModule({
    controllers: [EventsController, ImportsController],
    providers: [
      ImportLogger,
      { provide: HeldAnswers, useValue: new HeldAnswers() },
      { provide: CONFIG, useValue: { intakeMaxStreams: 64, intakeIdleMs: 60_000 } },
      { provide: CloudEventIntake, useValue: new CloudEventIntake(house) },
      { provide: RunningImports, useValue: new RunningImports(importer, house.quarantine, new OpenLoads()) },
    ],
  }).compile();
  app = module.createNestApplication<NestFastifyApplication>(
    new FastifyAdapter({ bodyLimit: 2 ** 20, forceCloseConnections: 'idle' }),
  );
  registerStreamingBodies(app.getHttpAdapter().getInstance());
  app.useGlobalFilters({
    catch: (error, host) => {
      const reply = host.switchToHttp().getResponse<{ code(n: number): { send(body: unknown): void } }>();
      const report = reportOf(error, () => undefined);
      const status = (error as { status?: number }).status ?? httpStatusOf(report);
      reply.code(status).send({ error: report });
    },
  });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  await house.packs.publish({
    pack: 'crew',
    names: { en: 'Crew' },
    kinds: [
      { id: 'crew.arrived', names: { en: 'x' }, traits: { closes: false, contact: true, customerVisible: true } },
    ],
  });
});
afterAll(async () => {
  await app.close();
  // The application has closed the quarantine with itself.
  await house.close().catch(() => undefined);
});

const event = (id: string, more: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/oms',
  type: 'touchpoint.recorded',
  time: '2024-05-01T08:00:00+08:00',
  data: { journey: { type: 'repair', key: 'F1' }, kind: 'crew.arrived' },
  ...more,
});
const post = (path: string, type: string, body: string | Buffer, headers = {}) =>
  fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': type, ...headers }, body: body as string });
const json = async (response: Response) => ({ status: response.status, body: (await response.json()) as object });
const lines = async (response: Response) =>
  (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const head = async () => (await house.recorded()).length;

describe('POST /events', () => {
  it.each(['application/cloudevents+json', 'application/json'])('takes one event as %s', async (type) => {
    const body = JSON.stringify(event(`one ${type}`));
    expect(await json(await post('/events', type, body))).toMatchObject({ status: 201, body: { outcome: 'taken' } });
    expect(await json(await post('/events', type, body))).toMatchObject({ status: 200, body: { outcome: 'known' } });
  });

  it('keeps a single unreadable event in quarantine and says so', async () => {
    const before = house.quarantine.count();
    const answer = await json(await post('/events', 'application/json', JSON.stringify(event('bad', { time: 'x' }))));
    expect(answer).toMatchObject({ status: 422, body: { outcome: 'quarantined', code: 'CLOUDEVENT_TIME_INVALID' } });
    expect(house.quarantine.count()).toBe(before + 1);
  });

  it('answers every line of a stream', async () => {
    const body = [event('l-1'), event('l-2', { type: 'x' }), event('l-3')].map((e) => JSON.stringify(e)).join('\n');
    const response = await post('/events', 'application/x-ndjson; charset=utf-8', body);
    expect(response.headers.get('content-type')).toMatch(/^application\/x-ndjson/);
    expect((await lines(response)).map((l) => [l['line'], l['outcome']])).toEqual([
      [1, 'taken'],
      [2, 'quarantined'],
      [3, 'taken'],
    ]);
  });

  it.each<[number, string, string, string | Buffer]>([
    [400, 'no JSON', 'application/cloudevents+json', '{"a'],
    [400, 'no JSON either', 'application/json', '{"a'],
    [
      413,
      'ten megabytes in one event',
      'application/cloudevents+json',
      JSON.stringify(event('big', { x: 'y'.repeat(10_000_000) })),
    ],
    [413, 'ten megabytes of JSON', 'application/json', JSON.stringify(event('big', { x: 'y'.repeat(10_000_000) }))],
    [415, 'a log', 'application/xml', '<log/>'],
  ])('answers %i for %s, and the log is unchanged', async (status, _what, type, body) => {
    const before = [await head(), house.quarantine.count()];
    expect((await post('/events', type, body)).status).toBe(status);
    expect([await head(), house.quarantine.count()]).toEqual(before);
  });
});

describe('POST /imports/xes', () => {
  const options = encodeURIComponent(JSON.stringify({ journeyType: 'ticket', activity: ['concept:name'] }));
  const trace = (n: number) =>
    `<trace><string key="concept:name" value="T${n}"/><event><string key="concept:name" value="Call"/>` +
    `<date key="time:timestamp" value="2024-05-01T08:00:00+08:00"/><string key="pad" value="${'p'.repeat(300)}"/></event></trace>`;
  const file = (count: number) => `<log>${Array.from({ length: count }, (_, i) => trace(i)).join('')}</log>`;

  it('streams progress and ends with the result', async () => {
    const answers = await lines(await post(`/imports/xes?options=${options}`, 'application/octet-stream', file(1_200)));
    expect(answers.at(-1)).toMatchObject({ result: { status: 'imported', sent: 1_200, taken: 1_200 } });
    const phases = answers.slice(0, -1).map((a) => (a['progress'] as { phase: string }).phase);
    expect(new Set(phases)).toEqual(new Set(['read', 'append']));
    const again = await lines(
      await post('/imports/xes', 'application/gzip', file(1_200), { 'x-import-options': options }),
    );
    expect(again.at(-1)).toMatchObject({ result: { known: 1_200, taken: 0 } });
  });

  it('looks only, when asked to', async () => {
    const before = await head();
    const answers = await lines(await post(`/imports/xes?options=${options}&dryRun=true`, 'text/xml', file(2)));
    expect(answers.at(-1)).toMatchObject({ result: { status: 'checked', sent: 2 } });
    expect(await head()).toBe(before);
  });

  it.each<[string, string, string]>([
    ['XES_TRUNCATED', `?options=${options}`, '<log><trace>'],
    ['XES_NOT_A_LOG', `?options=${options}`, '{}'],
    ['OPTION_INVALID', '', '<log/>'],
    ['OPTION_INVALID', '?options=%7B', '<log/>'],
    ['OPTION_UNKNOWN', `?options=${encodeURIComponent('{"journeyType":"a","nope":1}')}`, '<log/>'],
  ])('answers 400 with %s', async (code, query, body) => {
    const answer = await json(await post(`/imports/xes${query}`, 'application/xml', body));
    expect(answer).toMatchObject({ status: 400, body: { error: { code } } });
  });

  it.each([0, 200])('appends nothing when the client goes away %i ms after it sent half a file', async (wait) => {
    const before = await head();
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const body = file(3_000).replace('</log>', '');
    socket.write(
      `POST /imports/xes?options=${options} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n` +
        `Content-Length: ${body.length + 6}\r\n\r\n`,
    );
    await new Promise<void>((resolve) => socket.write(body, () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, wait));
    socket.destroy();
    const left = async () => (await readdir(join(house.directory, 'spool')).catch(() => [])).length;
    for (let i = 0; i < 100 && (i < 4 || (await left()) > 0); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect([await left(), await head()]).toEqual([0, before]);
  });

  it('goes on to the end when the client goes away once its file is read', async () => {
    const other = encodeURIComponent(JSON.stringify({ journeyType: 'alone', activity: ['concept:name'] }));
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const body = file(5_000);
    const appending = new Promise<void>((resolve) =>
      socket.on('data', (bytes) => String(bytes).includes('"append"') && resolve()),
    );
    socket.write(
      `POST /imports/xes?options=${other} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await appending;
    socket.destroy();
    const taken = async () =>
      (await house.recorded()).filter((e) => e.metadata.source?.system === 'alone' && e.type === 'TouchpointRecorded')
        .length;
    for (let i = 0; i < 200 && (await taken()) < 5_000; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await taken()).toBe(5_000);
  });
});
