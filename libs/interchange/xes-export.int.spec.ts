import fc from 'fast-check';
import { deterministicId } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { alone, journeysIn, readsOf, textOf } from './export.spec-kit.js';
import { FileImporter } from './import-job.js';
import { openHouse, type House } from './testing.js';
import { xesReading } from './xes-reading.js';
import { exportXes } from './xes-export.js';

let here: House;
let there: House;
const crew = {
  pack: 'crew',
  names: { en: 'Crew' },
  kinds: ['crew.arrived', 'x'.repeat(250)].map((id) => ({
    id,
    names: { en: id },
    traits: { closes: false, contact: true, customerVisible: true },
  })),
};
beforeAll(async () => {
  [here, there] = [await openHouse(), await openHouse()];
  for (const house of [here, there]) await house.packs.publish(crew);
});
afterAll(async () => {
  await here.close();
  await there.close();
});

const publish = (journeyType: string, activities: readonly string[]) =>
  here.packs.publish({
    pack: `import-${journeyType}`,
    names: { en: journeyType },
    kinds: activities.map((activity) => ({
      id: `${journeyType}:${activity}`,
      names: { en: activity },
      traits: { closes: activity === 'Done', contact: false, customerVisible: true },
    })),
  });

async function exported(house: House, journeyType: string, { after, most }: { after?: string; most?: number } = {}) {
  const run = alone();
  const text = await textOf(exportXes(await readsOf(house, after), { filter: { journeyType } }, run, most));
  return { text, report: run.told.at(-1)! };
}

const importInto = (house: House, text: string, journeyType: string, more = {}) =>
  new FileImporter(house).run({ open: () => bytes(text) }, xesReading({ journeyType, ...more }));

async function* bytes(text: string) {
  await Promise.resolve();
  yield Buffer.from(text);
}

/** What must be the same there: everything but surrogates and what the source's place was. */
async function told(house: House, journeyType: string, after?: string) {
  const journeys = await journeysIn(await readsOf(house, after), { journeyType });
  return journeys
    .map(({ id, key, touchpoints }) => ({
      id,
      key,
      touchpoints: touchpoints.map(({ source, customerId: _c, personal: _p, ...touchpoint }) => {
        const { system, recordId, recordedAt } = source!;
        return { ...touchpoint, source: { system, recordId, recordedAt } };
      }),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

const key = fc.oneof(
  fc.string({ maxLength: 6, unit: 'binary' }),
  fc.constantFrom(
    'concept:name',
    'time:timestamp',
    'org:group',
    'org:resource',
    'identity:id',
    'lifecycle:transition',
    'touchstone:id',
    'touchstone:channel',
    '@trace',
    'cost:total',
    '__proto__',
  ),
);
const scalar = fc.oneof(
  fc.string({ maxLength: 8, unit: 'binary' }),
  fc.constantFrom('2024-02-29T08:00:00+08:00', '2024-02-30T08:00:00Z', ' 2024-02-29T08:00:00Z', '', '"\'<&>]]>\n\t'),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(fc.record({ key, value: tie('value') }), { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.record({ value: tie('value'), attributes: fc.dictionary(key, tie('value'), { maxKeys: 2 }) }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
})).value;

const name = fc.string({ minLength: 1, maxLength: 12 });
const fact = fc.record({
  journey: fc.integer({ min: 0, max: 5 }),
  minute: fc.integer({ min: 0, max: 6 }),
  offset: fc.constantFrom('Z', '+08:00', '-03:30'),
  kind: fc.constantFrom(':Call', ':Done', ':a<b&"c"', 'crew.arrived', 'x'.repeat(250)),
  unit: fc.option(name, { nil: undefined }),
  staff: fc.option(fc.constantFrom('s1', 'y'.repeat(500)), { nil: undefined }),
  channel: fc.option(name, { nil: undefined }),
  recordId: fc.boolean(),
  system: fc.option(fc.constantFrom('oms', 'crm é'), { nil: undefined }),
  sequence: fc.option(fc.nat(3), { nil: undefined }),
  recordedAt: fc.option(fc.constant('2024-01-02T00:00:00.123+01:00'), { nil: undefined }),
  shared: fc.boolean(),
  attributes: fc.dictionary(key, json, { maxKeys: 4 }),
  objects: fc.array(fc.record({ type: name, id: name, qualifier: fc.option(name, { nil: undefined }) }), {
    maxLength: 3,
  }),
});

function factOf(f: typeof fact extends fc.Arbitrary<infer F> ? F : never, i: number, type: string): TouchpointFact {
  const at = new Date(Date.parse('2024-03-01T00:00:00Z') + f.minute * 60_000).toISOString().slice(0, 19);
  const plain = JSON.parse(JSON.stringify(f.attributes)) as Record<string, unknown>;
  return {
    touchpointId: deterministicId(type, String(i)),
    journey: { id: deterministicId(type, `j${f.journey}`), type, key: f.journey === 0 ? undefined : `J ${f.journey}` },
    factId: f.shared ? deterministicId(type, 'fact', String(i % 3)) : undefined,
    kind: f.kind.startsWith(':') ? type + f.kind : f.kind,
    channel: f.channel,
    unit: f.unit,
    staff: f.staff,
    occurredAt: at + f.offset,
    source: {
      system: f.system ?? type,
      recordId: f.recordId ? `R${i}` : undefined,
      sequence: f.sequence,
      recordedAt: f.recordedAt,
    },
    attributes: plain,
    objects: f.objects,
  };
}

describe('an export in XES', () => {
  it('reads back to the same journeys, whatever their attributes are', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fact, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 7 }),
        async (plan, most) => {
          const type = `type ${run++}`;
          const [before, beforeThere] = [await here.log.head(), await there.log.head()];
          await publish(type, ['Call', 'Done', 'a<b&"c"']);
          const outcomes = await here.intake.take(plan.map((f, i) => factOf(f, i, type)));
          expect(outcomes.map((o) => o.outcome)).toEqual(plan.map(() => 'taken'));
          const { text, report } = await exported(here, type, { after: before, most });
          expect([report.touchpoints, report.journeys]).toEqual([
            plan.length,
            new Set(plan.map((f) => f.journey)).size,
          ]);
          const result = await importInto(there, text, type);
          expect(result).toMatchObject({ sent: plan.length, taken: plan.length, quarantined: 0 });
          expect(await told(there, type, beforeThere)).toEqual(await told(here, type, before));
          // What comes back to where it was is known there.
          expect(await importInto(here, text, type)).toMatchObject({ known: plan.length, taken: 0 });
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  });

  it('keeps the names that a log came with, and marks what it adds', async () => {
    const event = (activity: string, at: string, more = '') =>
      `<event><string key="concept:name" value="${activity}"/><date key="time:timestamp" value="${at}"/>${more}</event>`;
    const log =
      '<log><classifier name="A" keys="concept:name lifecycle:transition"/><trace><string key="concept:name" value="T1"/>' +
      '<string key="priority" value="high"/><date key="due" value="2024-05-02T00:00:00+08:00"/>' +
      event(
        'Call',
        '2024-05-01T08:00:00.5+08:00',
        '<string key="lifecycle:transition" value="start"/><int key="n" value="7"/>',
      ) +
      event(
        'Call',
        '2024-05-01T09:00:00+08:00',
        '<string key="lifecycle:transition" value="complete"/><id key="identity:id" value="E2"/>',
      ) +
      '</trace></log>';
    await importInto(here, log, 'classified');
    const { text } = await exported(here, 'classified');
    expect(text).toContain('<string key="priority" value="high"/><date key="due" value="2024-05-02T00:00:00+08:00"/>');
    expect(text).toContain(
      '<event><string key="concept:name" value="Call"/><string key="touchstone:activity" value="Call+start"/>' +
        '<date key="time:timestamp" value="2024-05-01T08:00:00.5+08:00"/>' +
        '<string key="lifecycle:transition" value="start"/><int key="n" value="7"/>',
    );
    expect(text).toContain('<id key="identity:id" value="E2"/>');
    expect(text).toContain('keys="concept:name lifecycle:transition"');
    expect(await importInto(here, text, 'classified')).toMatchObject({ known: 2, taken: 0, losses: expect.not.arrayContaining([expect.objectContaining({ what: 'log-attribute', name: 'touchstone:roles' })]) }); // prettier-ignore
    // Under another type, or of another source, they are other facts.
    expect(await importInto(here, text, 'copied')).toMatchObject({ known: 0, taken: 2 });
    expect(await importInto(here, text, 'classified', { source: 'elsewhere' })).toMatchObject({ known: 0, taken: 2 });
  });

  it('refuses a file without a journey type before it writes anything', async () => {
    await expect(textOf(exportXes(await readsOf(here), { filter: {} }, alone()))).rejects.toMatchObject({ code: 'JOURNEY_TYPE_MISSING' }); // prettier-ignore
  });
});
