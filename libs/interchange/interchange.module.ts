import { join } from 'node:path';
import { Logger, Module } from '@nestjs/common';
import { Kernel, type Clock } from '@touchstone/eventing';
import { FactIntake, JourneysModule, ObjectFactIntake, ObjectIntake, Loads } from '@touchstone/journeys';
import { PackCatalogue } from '@touchstone/packs';
import { CLOCK, CONFIG, Metrics, VAULT, type Config } from '@touchstone/platform';
import { CloudEventIntake } from './cloudevents-intake.js';
import { EventsController } from './events.controller.js';
import { Exports } from './exports.js';
import { ExportsController } from './exports.controller.js';
import { ForgettingPlaces } from './forgetting-places.js';
import { FileImporter } from './import-job.js';
import { HeldAnswers } from './held-answers.js';
import { ImportLogger } from './import-logger.js';
import { ImportsController } from './imports.controller.js';
import { QuarantineMending } from './quarantine-mending.js';
import { moveQuarantine } from './quarantine-move.js';
import { Quarantine } from './quarantine.js';
import { QuarantineResolver } from './quarantine.resolver.js';
import { RunningImports } from './running-imports.js';
import type { Sealer } from './sealed-frames.js';

/** The ways in, with the quarantine of what could not be read, and the ways out. */
@Module({
  imports: [JourneysModule],
  controllers: [EventsController, ImportsController, ExportsController],
  providers: [
    ImportLogger,
    { provide: HeldAnswers, inject: [Metrics], useFactory: heldAnswers },
    {
      provide: Exports,
      inject: [CONFIG],
      useFactory: (config: Config) => new Exports(join(config.dataDir, 'exports')),
    },
    ForgettingPlaces,
    QuarantineResolver,
    {
      provide: Quarantine,
      inject: [CONFIG, VAULT, CLOCK, ImportLogger, Metrics],
      useFactory: quarantineOf,
    },
    { provide: ObjectIntake, inject: [Kernel], useFactory: (kernel: Kernel) => new ObjectIntake(kernel) },
    {
      provide: FileImporter,
      inject: [CONFIG, FactIntake, ObjectIntake, PackCatalogue, Quarantine, VAULT, CLOCK],
      useFactory: (
        config: Config,
        intake: FactIntake,
        statements: ObjectIntake,
        packs: PackCatalogue,
        quarantine: Quarantine,
        sealer: Sealer,
        clock: Clock,
      ) => new FileImporter({ directory: config.dataDir, intake, statements, packs, quarantine, sealer, clock }),
    },
    {
      provide: CloudEventIntake,
      inject: [FactIntake, ObjectFactIntake, Quarantine],
      useFactory: (intake: FactIntake, objects: ObjectFactIntake, quarantine: Quarantine) =>
        new CloudEventIntake({ intake, objects, quarantine }),
    },
    {
      provide: QuarantineMending,
      inject: [FactIntake, ObjectFactIntake, ObjectIntake, PackCatalogue, Quarantine],
      useFactory: (
        intake: FactIntake,
        objects: ObjectFactIntake,
        statements: ObjectIntake,
        packs: PackCatalogue,
        quarantine: Quarantine,
      ) => new QuarantineMending({ intake, objects, statements, packs, quarantine }),
    },
    {
      provide: RunningImports,
      inject: [FileImporter, Quarantine, Loads],
      useFactory: (importer: FileImporter, quarantine: Quarantine, loads: Loads) =>
        new RunningImports(importer, quarantine, loads),
    },
  ],
  exports: [Quarantine, RunningImports, CloudEventIntake],
})
export class InterchangeModule {}

function heldAnswers(metrics: Metrics): HeldAnswers {
  const held = new HeldAnswers();
  const help = 'Bytes of answers to streams of events that their clients have not read yet.';
  metrics.gauge('touchstone_intake_held_answer_bytes', help, () => held.bytes);
  return held;
}

function quarantineOf(
  config: Config,
  sealer: Sealer,
  clock: Clock,
  logger: ImportLogger,
  metrics: Metrics,
): Quarantine {
  const { dataDir, readStoreUrl: url } = config;
  const file = join(dataDir, 'quarantine.db');
  if (url !== undefined) {
    const moved = moveQuarantine(file, url);
    if (moved > 0) new Logger('Quarantine').log(`${moved} records have moved from ${file} to PostgreSQL.`);
  }
  const place = url === undefined ? { file } : { url };
  const quarantine = Quarantine.open({ ...place, sealer, clock, onNew: logger.quarantined });
  const help = 'Records in quarantine that nobody has settled yet.';
  metrics.gauge('touchstone_quarantine_open_records', help, () => quarantine.count({ state: 'open' }));
  return quarantine;
}
