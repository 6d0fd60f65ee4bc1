import fc from 'fast-check';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alone, readsOf } from './export.spec-kit.js';
import { FileImporter } from './import-job.js';
import { exportOcel } from './ocel-export.js';
import { ocelReading } from './ocel-reading.js';
import { modelOfJson, modelOfSqlite } from './ocel.spec-kit.js';
import { openHouse, type House } from './testing.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocel-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function* inPieces(content: string | Buffer, size = 4_096) {
  const bytes = Buffer.from(content);
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const OPTIONS = { journeyType: 'case', caseTypes: ['Order'], withoutCase: 'own-journey' };
const take = (house: House, open: () => AsyncIterable<Uint8Array>, more = {}) =>
  new FileImporter(house).run({ open }, ocelReading({ ...OPTIONS, ...more }));

async function give(house: House, format: 'json' | 'sqlite', name: string) {
  const run = alone();
  const parts = { reads: await readsOf(house), directory: join(directory, `scratch-${name}`) };
  const pieces: Buffer[] = [];
  for await (const piece of exportOcel(parts, { filter: {}, format, objects: 'all' }, run)) pieces.push(Buffer.from(piece as string)); // prettier-ignore
  const file = join(directory, name);
  await writeFile(file, Buffer.concat(pieces));
  return { file, text: Buffer.concat(pieces).toString(), report: run.told.at(-1)! };
}

const key = fc.oneof(
  fc.string({ minLength: 1, maxLength: 5 }),
  fc.constantFrom('Status', 'status', 'ocel_id', 'a "b"'),
);
const value = fc.oneof(
  fc.string({ maxLength: 6, unit: 'binary' }),
  fc.constantFrom('2024-02-29T08:00:00+08:00', '7', 'true', 'nul\0'),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.boolean(),
);
const nested = fc.oneof({ weight: 5, arbitrary: value }, fc.constantFrom(null, [1, [null]], { a: { b: 'c' } }));
const type = fc.constantFrom('Order', 'order', 'Item', 'a b', 'a-b', 'object', '§');
const at = fc
  .integer({ min: 0, max: 40 })
  .map((n) => new Date(Date.parse('2024-03-01T00:00:00Z') + n * 1_000).toISOString());
const offset = fc.constantFrom('Z', '+08:00');
const related = (most: number) =>
  fc.uniqueArray(
    fc.record({ objectId: fc.nat(most).map((n) => `o${n}`), qualifier: fc.constantFrom('', 'of', 'to "x"') }),
    {
      maxLength: 4,
      selector: (r) => JSON.stringify(r),
    },
  );
const log = fc.record({
  events: fc.array(
    fc.record({
      type,
      time: fc.tuple(at, offset).map(([text, zone]) => text.replace(/\.\d+Z$/, zone)),
      attributes: fc.uniqueArray(fc.record({ name: key, value: nested }), { maxLength: 3, selector: (a) => a.name }),
      relationships: related(7),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  objects: fc.array(
    fc.record({
      type,
      attributes: fc.uniqueArray(
        fc.record({ name: key, time: fc.oneof(fc.constant('1970-01-01T00:00:00Z'), at), value }),
        { maxLength: 4, selector: (a) => `${a.name} ${a.time}` },
      ),
      relationships: related(7),
    }),
    { maxLength: 6 },
  ),
});

describe('OCEL 2.0', () => {
  it('goes in and out as the same events, objects and relations, in both formats', async () => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(log, fc.boolean(), async ({ events, objects }, typesLast) => {
        const run = n++;
        const types = { objectTypes: [], eventTypes: [] };
        const body = {
          events: events.map((e, i) => ({ id: `e${i}`, ...e })),
          objects: objects.map((o, i) => ({ id: `o${i}`, ...o })),
        };
        const text = JSON.stringify(typesLast ? { ...body, ...types } : { ...types, ...body });
        const [here, there] = [await openHouse(), await openHouse()];
        try {
          const given = modelOfJson(text);
          const taken = await take(here, () => inPieces(text, 7));
          expect(taken).toMatchObject({ quarantined: 0, events: events.length });
          const json = await give(here, 'json', `${run}.json`);
          expect(modelOfJson(json.text)).toEqual(given);
          const sqlite = await give(here, 'sqlite', `${run}.sqlite`);
          expect(modelOfSqlite(sqlite.file)).toEqual(given);
          // The same file again is known; another house makes the same of what was written.
          const again = await take(here, () => inPieces(json.text));
          expect(again).toMatchObject({ taken: 0, known: taken.sent });
          expect(await take(there, () => createReadStream(sqlite.file))).toMatchObject({
            quarantined: 0,
            taken: taken.sent,
          });
          const back = await give(there, 'json', `${run}-back.json`);
          expect(modelOfJson(back.text)).toEqual(given);
        } finally {
          await here.close();
          await there.close();
        }
      }),
      { numRuns: 6, endOnFailure: true },
    );
  });
});
