import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { handlersFor, Kernel, type Vault } from '@touchstone/eventing';
import { PackCatalogue, PacksModule } from '@touchstone/packs';
import { VAULT } from '@touchstone/platform';
import { CommandsResolver } from './commands.resolver.js';
import { customerDecider, NameCustomer, RegisterCustomer } from './customer.js';
import { EnrolCustomerHandler } from './customer.handlers.js';
import { FactIntake } from './fact-intake.js';
import { FigureReader } from './figure-reader.js';
import { JourneyReader } from './journey-reader.js';
import { journeyHandlers } from './journey.handlers.js';
import { CorrectTouchpoint, journeyDecider, OpenJourney, RecordTouchpoint } from './journey.js';
import { CustomersResolver, FiguresResolver, JourneysResolver } from './journeys.resolver.js';

/** Customers, journeys, touchpoints: their commands, reads and figures. */
@Module({
  imports: [CqrsModule, PacksModule],
  providers: [
    ...handlersFor(journeyDecider, { except: [OpenJourney, RecordTouchpoint, CorrectTouchpoint] }),
    ...handlersFor(customerDecider, { except: [RegisterCustomer, NameCustomer] }),
    ...journeyHandlers,
    EnrolCustomerHandler,
    {
      provide: FactIntake,
      inject: [Kernel, VAULT, PackCatalogue],
      useFactory: (kernel: Kernel, vault: Vault, packs: PackCatalogue) => new FactIntake(kernel, vault, packs),
    },
    JourneyReader,
    FigureReader,
    JourneysResolver,
    CustomersResolver,
    FiguresResolver,
    CommandsResolver,
  ],
  exports: [FactIntake, JourneyReader, FigureReader],
})
export class JourneysModule {}
