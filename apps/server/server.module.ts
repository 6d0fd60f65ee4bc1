import { Module, type DynamicModule, type ModuleMetadata, type Provider } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { GraphQLModule } from '@nestjs/graphql';
import type { ApolloDriverConfig } from '@nestjs/apollo';
import { inputValidation, Metrics } from '@touchstone/platform';
import { EventReader } from './event-reader.js';
import { EventsResolver } from './events.resolver.js';
import { features } from './features.js';
import { HealthController } from './health.controller.js';
import { LeasesResolver } from './leases.resolver.js';
import { PoliciesResolver } from './policies.resolver.js';
import { ProjectionsResolver } from './projections.resolver.js';
import { Readiness } from './readiness.js';

/** What was opened before Nest starts, under the tokens that features ask for. */
@Module({})
class FoundationModule {}

/** The server: the foundation, the features, and what belongs to none of them. */
@Module({})
export class ServerModule {
  static with(foundation: readonly Provider[], graphql: ApolloDriverConfig): DynamicModule {
    const tokens = foundation.map((provider) => (typeof provider === 'function' ? provider : provider.provide));
    const opened: DynamicModule = {
      module: FoundationModule,
      global: true,
      providers: [...foundation],
      exports: tokens,
    };
    const imports: NonNullable<ModuleMetadata['imports']> = [
      opened,
      CqrsModule.forRoot(),
      GraphQLModule.forRoot<ApolloDriverConfig>(graphql),
      ...features,
    ];
    return {
      module: ServerModule,
      imports,
      controllers: [HealthController],
      providers: [
        EventReader,
        EventsResolver,
        LeasesResolver,
        PoliciesResolver,
        ProjectionsResolver,
        { provide: APP_PIPE, useFactory: inputValidation },
      ],
    };
  }
}

/** The foundation's own providers that the server itself asks for. */
export type OwnProviders = { readonly readiness: Readiness; readonly metrics: Metrics };
