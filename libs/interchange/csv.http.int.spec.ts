import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { OpenLoads } from '@touchstone/journeys';
import { HTTP_STATUS, reportOf } from '@touchstone/platform';
import { formParts } from './form-parts.js';
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
  const imports = new RunningImports(new FileImporter(house), house.quarantine, new OpenLoads());
  const module = await Test.createTestingModule({
    controllers: [ImportsController],
    providers: [
      ImportLogger,
      { provide: HeldAnswers, useValue: new HeldAnswers() },
      { provide: RunningImports, useValue: imports },
    ],
  }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter({ forceCloseConnections: 'idle' }));
  registerStreamingBodies(app.getHttpAdapter().getInstance());
  app.useGlobalFilters({
    catch: (error, host) => {
      const reply = host.switchToHttp().getResponse<{ code(n: number): { send(body: unknown): void } }>();
      const report = reportOf(error, () => undefined);
      reply.code(HTTP_STATUS[report.kind]).send({ error: report });
    },
  });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(async () => {
  await app.close();
  await house.close().catch(() => undefined);
});

const MAPPING = 'journeyType: ticket\ncase: id\nat: at\nactivity: what\n';
const table = (count: number, type = 'T') =>
  `id,at,what\n${Array.from({ length: count }, (_, i) => `${type}${i},2024-05-01T08:00:00+08:00,call\n`).join('')}`;
const form = (mapping: string, file: string | Buffer) => {
  const data = new FormData();
  data.append('mapping', mapping);
  data.append('file', new Blob([file as string]), 'tickets.csv');
  return data;
};
const post = (query: string, body: FormData | string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${url}/imports/csv${query}`, { method: 'POST', body: body as string, headers });
const lines = async (response: Response) =>
  (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, { phase?: string; code?: string }>);
const head = async () => (await house.recorded()).length;

describe('POST /imports/csv', () => {
  it('takes a form, tells how far it is, and ends with the result', async () => {
    const answers = await lines(await post('', form(MAPPING, table(1_200))));
    expect(answers.at(-1)).toMatchObject({ result: { status: 'imported', rows: 1_200, sent: 1_200, taken: 1_200 } });
    const phases = answers.slice(0, -1).map((a) => a['progress']!.phase!);
    expect(phases.filter((phase, i) => phase !== phases[i - 1])).toEqual(['read', 'arrange', 'append']);
  });

  it('takes the file alone, with its mapping in the query or in a header', async () => {
    const gzip = { 'content-type': 'application/gzip', 'x-import-mapping': encodeURIComponent(MAPPING) };
    expect((await lines(await post('', gzipSync(table(1_200)), gzip))).at(-1)).toMatchObject({
      result: { known: 1_200 },
    });
    const query = `?mapping=${encodeURIComponent(MAPPING)}`;
    expect((await lines(await post(query, table(2), { 'content-type': 'text/csv' }))).at(-1)).toMatchObject({
      result: { known: 2 },
    });
  });

  it('lets the query win over the mapping, and looks only when asked to', async () => {
    const before = await head();
    const answers = await lines(await post('?journeyType=other&source=desk&dryRun=true', form(MAPPING, table(2))));
    expect(answers.at(-1)).toMatchObject({
      result: { status: 'checked', journeyType: 'other', source: 'desk', sent: 2 },
    });
    expect(await head()).toBe(before);
  });

  it.each<[number, string, FormData | string, Record<string, string>]>([
    [400, 'MAPPING_INVALID', form('case: id', table(2)), {}],
    [400, 'MAPPING_INVALID', form(`a: ${'x'.repeat(300_000)}`, table(2)), {}],
    [400, 'COLUMN_UNKNOWN', form(MAPPING, 'a,b\n1,2\n'), {}],
    [400, 'CSV_QUOTE_OPEN', form(MAPPING, `${table(2)}"`), {}],
    [400, 'MAPPING_MISSING', table(2), { 'content-type': 'text/csv' }],
    [400, 'MAPPING_MISSING', new FormData(), {}],
    [400, 'FORM_INVALID', '--x\r\n', { 'content-type': 'multipart/form-data; boundary=x' }],
    [400, 'FORM_INVALID', '', { 'content-type': 'multipart/form-data' }],
    [400, 'CONTENT_TYPE_UNKNOWN', '{}', { 'content-type': 'application/json' }],
  ])('answers %i with %s, and nothing is appended', async (status, code, body, headers) => {
    const before = [await head(), house.quarantine.count()];
    const response = await post('', body, headers);
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
    expect([await head(), house.quarantine.count()]).toEqual(before);
  });

  it('takes no form from the page of another site', async () => {
    const request = new Request(`${url}/imports/csv`, { method: 'POST', body: form(MAPPING, table(2, 'X')) });
    const body = Buffer.from(await request.arrayBuffer());
    const type = request.headers.get('content-type')!;
    const own = await send(body, type, `http://${new URL(url).host}`);
    expect(own).toMatch(/^HTTP\/1\.1 200 [^]*"taken":2/);
    expect(await send(body, type, 'http://evil.example')).toMatch(/^HTTP\/1\.1 4\d\d [^]*FOREIGN_PAGE/);
  });

  it('appends nothing of a form that breaks off, though every row so far is whole', async () => {
    const before = await head();
    const request = new Request(url, { method: 'POST', body: form(MAPPING, table(500, 'Y')) });
    const body = Buffer.from(await request.arrayBuffer()).subarray(0, -200);
    expect(await send(body, request.headers.get('content-type')!)).toMatch(/FORM_INVALID/);
    expect(await head()).toBe(before);
  });
});

/** A request with headers of our own, which `fetch` does not let through. */
async function send(body: Buffer, type: string, origin?: string): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const from = origin === undefined ? '' : `Origin: ${origin}\r\n`;
  socket.write(
    `POST /imports/csv HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${from}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  let answer = '';
  for await (const bytes of socket) answer += String(bytes);
  return answer;
}

describe('the parts of a form', () => {
  const body = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'));
  const partsOf = async (bytes: Buffer, size: number) => {
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
    }
    const parts: [string, string][] = [];
    for await (const { name, content } of formParts(pieces(), 'multipart/form-data; boundary="b-1"')) {
      let text = '';
      if (name !== 'skipped') for await (const piece of content) text += piece.toString();
      parts.push([name, text]);
    }
    return parts;
  };
  const text = `preamble
--b-1
Content-Disposition: form-data; name="empty"


--b-1
content-disposition: form-data; name="skipped"; filename="x"
content-type: text/plain

--b-0
--b-1
Content-Disposition: form-data; name="last"

one
--b-
two

--b-1--
`;

  it('are the same in pieces of any size', async () => {
    for (const size of [1, 2, 3, 7, 50, 1_000]) {
      expect(await partsOf(body(text), size)).toEqual([
        ['empty', ''],
        ['skipped', ''],
        ['last', 'one\r\n--b-\r\ntwo\r\n'],
      ]);
    }
  });

  it.each([
    ['no boundary at its end', text.replace('--b-1--\n', '')],
    ['a part without a name', text.replace('name="last"', 'x="last"')],
    ['an endless head', text.replace('name="last"', `name="last"${'x'.repeat(20_000)}`)],
  ])('are refused with %s', async (_what, broken) => {
    await expect(partsOf(body(broken), 100)).rejects.toMatchObject({ code: 'FORM_INVALID' });
  });
});
