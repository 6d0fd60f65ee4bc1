import { Module } from '@nestjs/common';
import { PacksResolver } from './packs.resolver.js';

/** Packs over GraphQL. The catalogue itself is opened with the log, before anything is served. */
@Module({ providers: [PacksResolver] })
export class PacksModule {}
