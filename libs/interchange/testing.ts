import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clockAt, EventRegistry, Kernel, type EventLog, type RecordedEvent } from '@touchstone/eventing';
import { openVault } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { FactIntake, journeyEvents, ObjectFactIntake, ObjectIntake } from '@touchstone/journeys';
import { PackCatalogue, packEvents } from '@touchstone/packs';
import type { ImporterParts } from './import-types.js';
import { Quarantine } from './quarantine.js';

/** A house of its own for a test: real vault, quarantine and intake over a log in memory. */
export interface House extends ImporterParts {
  readonly quarantine: Quarantine;
  readonly intake: FactIntake;
  readonly objects: ObjectFactIntake;
  readonly log: EventLog;
  readonly packs: PackCatalogue;
  readonly kernel: Kernel;
  recorded(): Promise<RecordedEvent[]>;
  close(): Promise<void>;
}

/** @param within where its directory is made @param url the PostgreSQL of its keys and its quarantine, instead of files */
export async function openHouse(at = '2026-03-01T00:00:00Z', within = tmpdir(), url?: string): Promise<House> {
  const directory = await mkdtemp(join(within, 'interchange-'));
  const sealer = await openVault(url === undefined ? { file: join(directory, 'keys.db') } : { url });
  const clock = clockAt(at, { still: true });
  const log = openMemoryLog();
  const registry = new EventRegistry([...journeyEvents, ...packEvents]);
  const kernel = new Kernel({ log, vault: sealer, clock, registry });
  const packs = new PackCatalogue(log, kernel);
  await packs.start();
  const intake = new FactIntake(kernel, sealer, packs);
  const objects = new ObjectFactIntake(kernel, packs, intake);
  const place = url === undefined ? { file: join(directory, 'quarantine.db') } : { url };
  const quarantine = Quarantine.open({ ...place, sealer, clock });
  return {
    directory,
    sealer,
    clock,
    log,
    packs,
    kernel,
    intake,
    objects,
    statements: new ObjectIntake(kernel),
    quarantine,
    recorded: async () => {
      const events: RecordedEvent[] = [];
      for await (const page of log.readAll()) events.push(...page);
      return events;
    },
    close: async () => {
      quarantine.close();
      await packs.stop();
      await log.close();
      await sealer.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
