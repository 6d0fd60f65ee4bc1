import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import {
  clockAt,
  EventRegistry,
  Kernel,
  openSqliteLog,
  openVault,
  type RecordedEvent,
  type Vault,
} from '@touchstone/eventing';
import { readXes, XesMapping, type XesMappingOptions } from '@touchstone/interchange';
import { FactIntake, journeyEvents, journeyProjections, type TouchpointFact } from '@touchstone/journeys';
import { PackCatalogue, packEvents, packProjections } from '@touchstone/packs';
import type { ProjectionGroup } from '@touchstone/readmodel';
import { dumpCurrent, dumpRows, projectAll, seeded, shuffled, type Dump } from '@touchstone/readmodel/testing';
import { realData } from './shared-data.js';

const registry = new EventRegistry([...journeyEvents, ...packEvents]);
const group: ProjectionGroup = { name: 'journeys', projections: [...packProjections, ...journeyProjections] };

const OPTIONS: XesMappingOptions = {
  journeyType: 'helpdesk',
  activity: ['concept:name'],
  unit: 'org:resource',
  customer: 'customer',
  closes: ['Closed'],
};

/** Facts of the real helpdesk log where it is there, else of a log made up here; sequences are assigned while it is read. */
async function factsOf(
  traces: number,
): Promise<{ facts: TouchpointFact[]; kinds: ReturnType<XesMapping['finish']>['kinds'] }> {
  const source = realData.present
    ? createReadStream(realData.file('helpdesk.xes.gz')).pipe(createGunzip())
    : (async function* () {
        yield Buffer.from(madeUpLog(traces));
      })();
  const facts: TouchpointFact[] = [];
  let mapping: XesMapping | undefined;
  let kinds: ReturnType<XesMapping['finish']>['kinds'] = [];
  let taken = 0;
  for await (const part of readXes(source)) {
    if (part.kind === 'log') mapping = new XesMapping(part.log, OPTIONS, (type, value) => `${type} ${value}`);
    if (part.kind === 'trace' && taken++ < traces) facts.push(...mapping!.map(part.trace).facts);
    if (part.kind === 'end') ({ kinds } = mapping!.finish(part));
  }
  return { facts, kinds };
}

function madeUpLog(traces: number): string {
  const random = seeded(7);
  const pick = (...of: string[]) => of[Math.floor(random() * of.length)]!;
  const event = (at: number) =>
    `<event><string key="concept:name" value="${pick('Insert', 'Work', 'Wait', 'Closed')}"/><string key="org:resource" value="${pick('A', 'B')}"/>` +
    `<string key="customer" value="${pick('K1', 'K2', 'K3')}"/><date key="time:timestamp" value="${new Date(at).toISOString()}"/></event>`;
  const trace = (n: number) => {
    const start = Date.parse('2024-03-01T08:00:00Z') + n * 60_000;
    // Some instants are the same, so that the order within them matters.
    const events = Array.from({ length: 2 + Math.floor(random() * 6) }, (_, i) =>
      event(start + Math.floor(i / 2) * 60_000),
    );
    return `<trace><string key="concept:name" value="T${n}"/>${events.join('')}</trace>`;
  };
  return `<log xes.version="1849-2016">${Array.from({ length: traces }, (_, n) => trace(n)).join('')}</log>`;
}

describe('the same facts in any order, once or twice', () => {
  let directory: string;
  let vault: Vault;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'touchstone-shuffled-'));
    vault = await openVault({ file: join(directory, 'keys.db') });
  });
  afterAll(async () => {
    await vault.close();
    rmSync(directory, { recursive: true });
  });

  /** Takes the chunks with so many writers at once, on so many kernels, and gives back what the log then holds. */
  async function recordedBy(
    name: string,
    kinds: Parameters<PackCatalogue['publish']>[0]['kinds'],
    chunks: TouchpointFact[][],
    writers: number,
    kernels = writers,
  ) {
    const log = await openSqliteLog({ file: join(directory, `${name}.db`) });
    const intakes: FactIntake[] = [];
    const catalogues: PackCatalogue[] = [];
    for (let i = 0; i < kernels; i++) {
      const kernel = new Kernel({ log, vault, registry, clock: clockAt('2024-05-01T08:00:00Z', { still: true }) });
      const packs = new PackCatalogue(log, kernel);
      await packs.start();
      await packs.publish({ pack: 'import-helpdesk', names: { en: 'helpdesk' }, kinds });
      catalogues.push(packs);
      intakes.push(new FactIntake(kernel, vault, packs));
    }
    const outcomes: string[] = [];
    const queue = [...chunks];
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const intake = intakes[writer % kernels]!;
        for (let chunk = queue.shift(); chunk; chunk = queue.shift()) {
          outcomes.push(...(await intake.take(chunk)).map((o) => (o.outcome === 'refused' ? o.code : o.outcome)));
        }
      }),
    );
    const events: RecordedEvent[] = [];
    for await (const page of log.readAll()) events.push(...page);
    for (const packs of catalogues) await packs.stop();
    await log.close();
    return { events, outcomes };
  }

  const chunked = <T>(all: readonly T[], size: number) =>
    Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

  /** Customers have ids of their own in each log: named by their keys, which are the same hash in both. */
  function byNaturalKeys(events: readonly RecordedEvent[]): Dump {
    const dump = dumpCurrent(projectAll(group, events, { read: registry.read }));
    const keys = new Map(
      dump['bound_key']!.map((row) => [String(row['customer']).slice('customer:'.length), String(row['key'])]),
    );
    const text = JSON.stringify(dump).replace(
      /customer:([0-9a-f-]{36})/g,
      (_all, id: string) => `customer of ${keys.get(id)}`,
    );
    const renamed = JSON.parse(text) as Dump;
    return Object.fromEntries(
      Object.entries(renamed).map(([table, rows]) => [table, rows.map((row) => JSON.stringify(row)).sort() as never]),
    );
  }

  it('give the same current rows', async () => {
    const { facts, kinds } = await factsOf(600);
    const straight = await recordedBy('straight', kinds, chunked(facts, 500), 1);
    expect(new Set(straight.outcomes)).toEqual(new Set(['taken']));

    const twice = shuffled([...facts, ...facts], seeded(42));
    const left = byNaturalKeys(straight.events);
    expect(left['timeline_entry']!.length).toBe(facts.length);
    expect(left['journey_state']!.length).toBe(new Set(facts.map((f) => f.journey.id)).size);
    for (const [name, kernels] of [
      ['one-process', 1],
      ['four-processes', 4],
    ] as const) {
      const mixed = await recordedBy(name, kinds, chunked(twice, 137), 4, kernels);
      const taken = mixed.outcomes.filter((o) => o === 'taken').length;
      const known = mixed.outcomes.filter((o) => o === 'known').length;
      expect(taken + known).toBe(2 * facts.length);
      // Two processes that append the same fact at once both hear that it was taken: the log holds it once.
      if (kernels === 1) expect(taken).toBe(facts.length);
      const touchpoints = mixed.events.filter((e) => e.type === 'TouchpointRecorded').map((e) => e.id);
      expect([touchpoints.length, new Set(touchpoints).size]).toEqual([facts.length, facts.length]);
      expect(byNaturalKeys(mixed.events)).toEqual(left);
    }
  }, 120_000);

  it('a rebuild of one log gives every row again, positions and surrogates included', async () => {
    const { facts, kinds } = await factsOf(100);
    const { events } = await recordedBy('rebuilt', kinds, chunked(shuffled(facts, seeded(3)), 50), 2);
    const whole = dumpRows(projectAll(group, events, { read: registry.read }));
    const random = seeded(9);
    const live = dumpRows(
      projectAll(group, events, {
        read: registry.read,
        batch: () => 1 + Math.floor(random() * 60),
        between: (applier) => random() < 0.3 && applier.forgetUnits(),
      }),
    );
    expect(live).toEqual(whole);
  }, 60_000);
});
