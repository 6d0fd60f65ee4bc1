import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Kernel, type EventLog } from '@touchstone/eventing';
import { EVENT_LOG } from '@touchstone/platform';
import { PackCatalogue } from './pack-catalogue.js';
import { shippedPacks } from './pack-files.js';
import { PacksResolver } from './packs.resolver.js';

/** Packs: the catalogue of kinds in force; publishes the shipped packs at the first start. */
@Module({
  providers: [
    {
      provide: PackCatalogue,
      inject: [EVENT_LOG, Kernel],
      useFactory: (log: EventLog, kernel: Kernel) => new PackCatalogue(log, kernel),
    },
    PacksResolver,
  ],
  exports: [PackCatalogue],
})
export class PacksModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(@Inject(PackCatalogue) private readonly packs: PackCatalogue) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.packs.start();
    for (const pack of await shippedPacks()) await this.packs.publish(pack);
  }

  onModuleDestroy(): Promise<void> {
    return this.packs.stop();
  }
}
