/** What was recorded here, out as OCEL and back: the same facts, not once more. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deterministicId, newId } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { alone, readsOf, textOf } from './export.spec-kit.js';
import { FileImporter } from './import-job.js';
import { exportOcel } from './ocel-export.js';
import { ocelReading } from './ocel-reading.js';
import { openHouse, type House } from './testing.js';
import { exportXes } from './xes-export.js';

const TYPE = 'repair';
let directory: string;
let here: House;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocel-own-'));
  here = await openHouse();
  await here.packs.publish(CREW);
  await here.intake.take(FACTS);
  const object = { type: 'order', id: 'W1' };
  const source = { system: 'desk' };
  const attributes = { state: 'open', weight: 2 };
  await here.statements.take([{ id: newId(), object, occurredAt: '2024-05-01T00:00:00Z', source, change: { attributes } }]); // prettier-ignore
});
afterEach(async () => {
  await here.close();
  await rm(directory, { recursive: true, force: true });
});

const traits = { closes: false, contact: true, customerVisible: true };
const kinds = ['crew.arrived', 'crew.called'].map((id) => ({ id, names: { en: id }, traits }));
const CREW = { pack: 'crew', names: { en: 'Crew' }, kinds };
const fact = (n: number, more: Partial<TouchpointFact> = {}): TouchpointFact => ({
  touchpointId: newId(),
  journey: { id: deterministicId('own', String(n % 3)), type: TYPE, ...(n % 3 > 0 && { key: `F${n % 3}` }) },
  kind: n % 2 ? 'crew.arrived' : 'crew.called',
  occurredAt: `2024-05-0${1 + n}T08:00:00+08:00`,
  source: { system: 'field', sequence: n },
  ...more,
});
const shared = { factId: newId() };
const FACTS = [
  fact(0, { unit: 'north', attributes: { unit: 'of the attribute', n: [1, null] } }),
  fact(1, { objects: [{ type: 'order', id: 'W1', qualifier: 'for' }, { type: 'crew', id: 'C7' }] }), // prettier-ignore
  fact(2, { customer: { type: 'phone', value: '13800138000' }, source: { system: 'field', recordId: 'r-2' } }),
  fact(3, { personal: { note: 'at home' }, staff: 's1' }),
  fact(4, { ...shared, occurredAt: '2024-05-05T08:00:00Z', kind: 'crew.arrived' }),
  fact(5, { ...shared, occurredAt: '2024-05-05T08:00:00Z', kind: 'crew.arrived' }),
];

async function exported(house: House, format: 'json' | 'sqlite'): Promise<string> {
  const run = alone();
  const parts = { reads: await readsOf(house), directory: join(directory, `scratch-${format}`) };
  const pieces: Buffer[] = [];
  const options = { filter: {}, format, objects: 'all' } as const;
  for await (const piece of exportOcel(parts, options, run)) pieces.push(Buffer.from(piece as string));
  const file = join(directory, `log.${format}`);
  await writeFile(file, Buffer.concat(pieces));
  return file;
}
const take = (house: House, file: string, more: object = {}) =>
  new FileImporter(house).run(
    { open: () => createReadStream(file) },
    ocelReading({ journeyType: TYPE, caseTypes: [TYPE], ...more }),
  );
const sorted = (objects?: readonly object[]) =>
  objects?.map((object) => JSON.stringify(Object.entries(object).sort())).sort();
const touchpoints = async (house: House) =>
  (await house.recorded())
    .filter(({ type }) => type === 'TouchpointRecorded')
    .map(({ id, stream, occurredAt, data, metadata: { source } }) => {
      const { kind, unit, staff, channel, factId, attributes, objects } = data as Partial<TouchpointFact>;
      const told = { system: source?.system, recordId: source?.recordId };
      return { id, stream, occurredAt, kind, unit, staff, channel, factId, attributes, objects: sorted(objects), told };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));

describe.each(['json', 'sqlite'] as const)('what was recorded here, exported as OCEL in %s', (format) => {
  it('is known when it comes back', async () => {
    const before = (await here.recorded()).length;
    const result = await take(here, await exported(here, format));
    expect(result).toMatchObject({ taken: 0, known: FACTS.length + 1, quarantined: 0 });
    expect((await here.recorded()).length).toBe(before);
  });

  it('is the same in another house, but for what is personal', async () => {
    const there = await openHouse();
    try {
      await there.packs.publish(CREW);
      expect(await take(there, await exported(here, format))).toMatchObject({
        quarantined: 0,
        taken: FACTS.length + 1,
      });
      expect(await touchpoints(there)).toEqual(await touchpoints(here));
    } finally {
      await there.close();
    }
  });

  it('is a copy under another source', async () => {
    const result = await take(here, await exported(here, format), { source: 'archive' });
    expect(result).toMatchObject({ taken: FACTS.length, known: 1, quarantined: 0 });
  });
});

it('leaves facts that many share on their object, and both reports name them', async () => {
  const object = { type: TYPE, id: 'F1' };
  const at = { occurredAt: '2024-05-03T00:00:00Z', source: { system: 'field' } };
  const [outcome] = await here.objects.take([{ factId: newId(), object, kind: 'crew.called', ...at, audience: {} }]);
  expect(outcome).toMatchObject({ outcome: 'taken' });
  const before = (await here.recorded()).length;
  const result = await take(here, await exported(here, 'json'));
  expect(result).toMatchObject({ taken: 0, quarantined: 0 });
  expect(result.losses).toContainEqual({ what: 'shared-fact', name: 'crew.called', count: 1 });
  expect((await here.recorded()).length).toBe(before);
  const run = alone();
  await textOf(exportXes(await readsOf(here), { filter: { journeyType: TYPE } }, run));
  expect(run.told.at(-1)!.losses).toContainEqual({ what: 'shared-fact', name: 'crew.called', count: 1 });
});
