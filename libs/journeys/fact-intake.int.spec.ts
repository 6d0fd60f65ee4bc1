import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  clockAt,
  deterministicId,
  EventRegistry,
  Kernel,
  openVault,
  type EventLog,
  type RecordedEvent,
  type Vault,
} from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { PackCatalogue, packEvents } from '@touchstone/packs';
import { FactIntake } from './fact-intake.js';
import { journeyEvents } from './read.js';
import type { TouchpointFact } from './touchpoint-fact.js';

describe('the intake of facts', () => {
  let directory: string;
  let vault: Vault;
  let log: EventLog;
  let intake: FactIntake;
  let packs: PackCatalogue;

  const fresh = async () => {
    const registry = new EventRegistry([...journeyEvents, ...packEvents]);
    const kernel = new Kernel({ log, vault, registry, clock: clockAt('2024-05-01T08:00:00Z', { still: true }) });
    packs = new PackCatalogue(log, kernel);
    await packs.start();
    intake = new FactIntake(kernel, vault, packs);
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'touchstone-intake-'));
    vault = await openVault({ file: join(directory, 'keys.db') });
    log = openMemoryLog();
    await fresh();
    const traits = { closes: false, contact: true, customerVisible: true };
    await packs.publish({
      pack: 'p',
      names: { en: 'P' },
      kinds: [
        {
          id: 'call',
          names: { en: 'Call' },
          traits,
          attributes: { phone: { type: 'text', personal: true }, waited: { type: 'number' } },
        },
      ],
    });
  });

  afterEach(async () => {
    await packs.stop();
    await log.close();
    await vault.close();
    rmSync(directory, { recursive: true });
  });

  const fact = (journey: string, n: number, more: Partial<TouchpointFact> = {}): TouchpointFact => ({
    touchpointId: deterministicId('test', journey, String(n)),
    journey: { id: deterministicId('test', journey), type: 'fault-repair', key: journey },
    kind: 'call',
    occurredAt: `2024-05-01T07:${String(n).padStart(2, '0')}:00+08:00`,
    source: { system: 'test', sequence: n },
    ...more,
  });
  const all = async (streams: string[]) => {
    const events: RecordedEvent[] = [];
    for await (const page of log.readAll({ streams })) events.push(...page);
    return events;
  };

  it('takes facts once, opens their journeys, and answers each in order', async () => {
    const facts = [fact('a', 0), fact('b', 0), fact('a', 1), fact('a', 0)];
    const first = await intake.take(facts);
    expect(first.map((o) => o.outcome)).toEqual(['taken', 'taken', 'taken', 'known']);
    const again = await intake.take(facts);
    expect(again.map((o) => o.outcome)).toEqual(['known', 'known', 'known', 'known']);
    const events = await all(['journey-']);
    expect(events.map((e) => e.type).sort()).toEqual([
      'JourneyOpened',
      'JourneyOpened',
      'TouchpointRecorded',
      'TouchpointRecorded',
      'TouchpointRecorded',
    ]);
    expect(events.find((e) => e.type === 'TouchpointRecorded')).toMatchObject({
      id: fact('a', 0).touchpointId,
      occurredAt: '2024-05-01T07:00:00+08:00',
      recordedAt: '2024-05-01T08:00:00.000Z',
      metadata: { source: { system: 'test', sequence: 0 } },
    });
  });

  it('knows a repeat after a restart, too', async () => {
    await intake.take([fact('a', 0)]);
    await packs.stop();
    await fresh();
    expect((await intake.take([fact('a', 0)]))[0]).toMatchObject({ outcome: 'known' });
  });

  it('refuses what it cannot read and takes the rest', async () => {
    const outcomes = await intake.take([
      fact('a', 0, { kind: 'unheard-of' }),
      fact('a', 1),
      fact('a', 2, { attributes: { waited: 'long' } }),
      fact('a', 3, { occurredAt: '2024-05-01T07:00:00' }),
      fact('a', 4, { attributes: { long: 'x'.repeat(1_200_000) } }),
    ]);
    expect(outcomes.map((o) => ('code' in o ? o.code : o.outcome))).toEqual([
      'KIND_UNKNOWN',
      'taken',
      'ATTRIBUTE_INVALID',
      'EVENT_INVALID',
      'EVENT_TOO_LARGE',
    ]);
    expect((await all(['journey-'])).map((e) => e.type)).toEqual(['JourneyOpened', 'TouchpointRecorded']);
  });

  it('finds one customer by an identifier, whoever asks first, and registers them once', async () => {
    const customer = { type: 'test/account', value: 'A-1' };
    const chunks = Array.from({ length: 20 }, (_, n) => [fact(`j${n}`, n, { customer }), fact(`k${n}`, n)]);
    const other = new FactIntake(
      new Kernel({
        log,
        vault,
        registry: new EventRegistry([...journeyEvents, ...packEvents]),
        clock: clockAt('2024-05-01T08:00:00Z'),
      }),
      vault,
      packs,
    );
    await Promise.all(chunks.map((chunk, i) => (i % 2 ? intake : other).take(chunk)));
    const registered = await all(['customer-']);
    expect(registered.map((e) => e.type)).toEqual(['CustomerRegistered']);
    const customers = new Set(
      (await all(['journey-']))
        .filter((e) => e.type === 'TouchpointRecorded')
        .map((e) => (e.data as { customerId?: string }).customerId),
    );
    expect([...customers].sort()).toEqual([registered[0]!.stream.slice('customer-'.length), undefined]);
    expect(JSON.stringify(await all(['key-', 'customer-', 'journey-']))).not.toContain('A-1');
  });

  it('makes good a registration that a crash kept from happening', async () => {
    const identifier = { type: 'test/account', value: 'A-2' };
    const id = await intake.customer(identifier);
    const bare = openMemoryLog();
    for (const event of await all(['key-'])) await bare.append(event.stream, 'none', [event]);
    await packs.stop();
    log = bare;
    await fresh();
    expect(await intake.customer(identifier)).toBe(id);
    expect((await all(['customer-'])).map((e) => e.type)).toEqual(['CustomerRegistered']);
  });

  it('lets nothing personal reach the log readable: by the kind, or by the source', async () => {
    await intake.take([
      fact('a', 0, { attributes: { phone: '13800000000', waited: 3 }, personal: { caller: 'Zhang San' } }),
    ]);
    const events = await all(['journey-']);
    const text = JSON.stringify(events);
    expect(text).not.toContain('13800000000');
    expect(text).not.toContain('Zhang San');
    const recorded = events.find((e) => e.type === 'TouchpointRecorded')!;
    const { personal, attributes } = recorded.data as { personal: string; attributes: object };
    expect(attributes).toEqual({ waited: 3 });
    expect(vault.open(recorded.metadata.subject!, recorded.id, 'personal', personal)).toEqual({
      phone: '13800000000',
      caller: 'Zhang San',
    });
  });

  it('gives historical loads their own recorded time, and marks them', async () => {
    const source = { system: 'test', sequence: 0, recordedAt: '2020-01-02T00:00:00+02:00' };
    await intake.take([fact('a', 0, { source }), fact('a', 1)], { historical: true, recordedAt: 'source' });
    const touchpoints = (await all(['journey-'])).filter((e) => e.type === 'TouchpointRecorded');
    expect(touchpoints.map((e) => [e.recordedAt, e.metadata.historical])).toEqual([
      ['2020-01-01T22:00:00.000Z', true],
      ['2024-04-30T23:01:00.000Z', true],
    ]);
  });
});
