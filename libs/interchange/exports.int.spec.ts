import { existsSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { deterministicId, newId } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { HTTP_STATUS, READS, reportOf } from '@touchstone/platform';
import type { InlineReads } from '@touchstone/readmodel/testing';
import type { ExportReport } from './export-report.js';
import { readsOf } from './export.spec-kit.js';
import { Exports } from './exports.js';
import { EXPORT_HEADER, ExportsController } from './exports.controller.js';
import { modelOfJson } from './ocel.spec-kit.js';
import { openHouse, type House } from './testing.js';

const COUNT = 6_000;
let house: House;
let reads: InlineReads;
let app: NestFastifyApplication;
let url: string;
let scratch: string;
/** Pages read so far; the page at which a fault is planted. */
let pages = 0;
let faultAt = Infinity;

beforeAll(async () => {
  house = await openHouse();
  await house.packs.publish({
    pack: 'import-ticket',
    names: { en: 'x' },
    kinds: [
      { id: 'ticket:Call', names: { en: 'Call' }, traits: { closes: false, contact: false, customerVisible: true } },
    ],
  });
  const facts = Array.from({ length: COUNT }, (_, i): TouchpointFact => {
    const key = `T${Math.floor(i / 100)}`;
    return {
      touchpointId: deterministicId('ticket', String(i)),
      journey: { id: deterministicId('ticket', key), type: 'ticket', key },
      kind: 'ticket:Call',
      occurredAt: '2024-05-01T08:00:00+08:00',
      source: { system: 'ticket', sequence: i },
      attributes: { pad: 'p'.repeat(1_000) },
    };
  });
  for (let at = 0; at < facts.length; at += 1_000) await house.intake.take(facts.slice(at, at + 1_000));
  reads = await readsOf(house);
  scratch = join(house.directory, 'exports');
  const counted = {
    run: (...args: Parameters<InlineReads['run']>) => {
      if (++pages === faultAt) throw new Error('planted');
      return reads.run(...args);
    },
  };
  const module = await Test.createTestingModule({
    controllers: [ExportsController],
    providers: [
      { provide: READS, useValue: counted },
      { provide: Exports, useValue: new Exports(scratch) },
    ],
  }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter({ forceCloseConnections: true }));
  app.useGlobalFilters({
    catch: (error, host) => {
      const reply = host.switchToHttp().getResponse<{ code(n: number): { send(body: unknown): void } }>();
      const report = reportOf(error, () => undefined);
      reply.code((error as { status?: number }).status ?? HTTP_STATUS[report.kind]).send({ error: report });
    },
  });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(async () => {
  await app.close();
  await house.close();
});
beforeEach(() => {
  pages = 0;
  faultAt = Infinity;
});

const report = async (id: string) => (await (await fetch(`${url}/exports/${id}`)).json()) as ExportReport;
const begun = (path: string) =>
  new Promise<IncomingMessage>((resolve, reject) => get(`${url}${path}`, resolve).once('error', reject));
const ended = async (id: string) => {
  for (let tries = 0; tries < 200; tries++) {
    const told = await report(id);
    if (told.status !== undefined && told.status !== 'running') return told;
    await sleep(25);
  }
  throw new Error('It does not end.');
};

describe('GET /exports', () => {
  it('sends a log, plain or packed, under the id that the client gave, with a report', async () => {
    const id = newId();
    const answer = await fetch(`${url}/exports/xes?journeyType=ticket&id=${id}`);
    expect([answer.headers.get('content-type'), answer.headers.get(EXPORT_HEADER)]).toEqual(['application/xml; charset=utf-8', id]); // prettier-ignore
    const text = await answer.text();
    expect([text.match(/<event>/g)?.length, text.endsWith('</log>\n')]).toEqual([COUNT, true]);
    expect(await ended(id)).toMatchObject({ status: 'done', format: 'xes', journeys: COUNT / 100, touchpoints: COUNT });
    const packed = await fetch(`${url}/exports/xes?journeyType=ticket&gzip=true`);
    expect(gunzipSync(Buffer.from(await packed.arrayBuffer())).toString()).toBe(text);
    expect((await fetch(`${url}/exports/xes?journeyType=ticket&id=${id}`)).status).toBe(400);
  });

  it('sends OCEL, and leaves nothing behind', async () => {
    const answer = await fetch(`${url}/exports/ocel`);
    expect(Object.keys(modelOfJson(await answer.text()).events).length).toBe(COUNT);
    const sqlite = await fetch(`${url}/exports/ocel?format=sqlite`);
    expect(
      Buffer.from(await sqlite.arrayBuffer())
        .subarray(0, 15)
        .toString(),
    ).toBe('SQLite format 3');
    const told = await ended(sqlite.headers.get(EXPORT_HEADER)!);
    expect(told).toMatchObject({ status: 'done', events: COUNT, objects: COUNT / 100 });
    expect(existsSync(join(scratch, told.id))).toBe(false);
  });

  it.each([
    ['JOURNEY_TYPE_MISSING', '/exports/xes'],
    ['OPTION_UNKNOWN', '/exports/xes?journeyType=ticket&nope=1'],
    ['OPTION_INVALID', '/exports/xes?journeyType=ticket&asOf=yesterday'],
    ['OPTION_INVALID', '/exports/ocel?format=csv'],
    ['INVALID_WINDOW', '/exports/xes?journeyType=ticket&from=2024-05-02T00:00:00Z&to=2024-05-01T00:00:00Z'],
    ['EXPORT_ID_INVALID', '/exports/xes?journeyType=ticket&id=1'],
    ['INVALID_POSITION', '/exports/xes?journeyType=ticket&asOf=00000000ffffffff'],
  ])('answers %s before it sends anything of a file', async (code, path) => {
    const answer = await fetch(`${url}${path}`);
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: expect.objectContaining({ code }) as unknown },
    ]);
  });

  it('knows nothing of exports that never were', async () => {
    expect((await fetch(`${url}/exports/${newId()}`)).status).toBe(404);
  });

  it('reads no further than a client that does not read, and ends when it goes away', async () => {
    const id = newId();
    const answer = await begun(`/exports/xes?journeyType=ticket&id=${id}`);
    answer.pause();
    await sleep(500);
    const before = pages;
    await sleep(500);
    expect([before < COUNT / 1_000 + 1, pages]).toEqual([true, before]);
    answer.destroy();
    expect(await ended(id)).toMatchObject({ status: 'cancelled' });
  });

  it('breaks the connection off when it fails on the way, and says why', async () => {
    faultAt = 4;
    const id = newId();
    const answer = await begun(`/exports/xes?journeyType=ticket&id=${id}`);
    answer.on('error', () => undefined).resume();
    await new Promise((resolve) => answer.once('close', resolve));
    expect([answer.complete, (await ended(id)).status, (await ended(id)).error?.code]).toEqual([
      false,
      'failed',
      'INTERNAL',
    ]);
  });

  it('runs four at a time', async () => {
    const open = await Promise.all(Array.from({ length: 4 }, () => begun('/exports/xes?journeyType=ticket')));
    for (const answer of open) answer.pause();
    const fifth = await fetch(`${url}/exports/xes?journeyType=ticket`);
    expect([fifth.status, ((await fifth.json()) as { error: { code: string } }).error.code]).toEqual([
      503,
      'EXPORTS_BUSY',
    ]);
    for (const answer of open) answer.destroy();
  });
});
