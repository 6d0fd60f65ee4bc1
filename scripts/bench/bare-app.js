/**
 * What the framework alone can do: Nest, Apollo and Fastify without options, answering a timeline of twenty entries that
 * it holds in memory. `node bare-app.js`; prints its address.
 */
import 'reflect-metadata';
import { ApolloDriver } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Args, Field, GraphQLModule, ID, Int, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const ENTRIES = 20;
const text = () => String;

/** Decorators as functions: this file is run as it stands. */
function type(name, fields) {
  const made = { [name]: class {} }[name];
  for (const [field, of] of Object.entries(fields)) Field(of, { nullable: true })(made.prototype, field);
  ObjectType(name)(made);
  return made;
}

const AsOf = type('AsOf', { position: text, instant: text });
const PageInfo = type('PageInfo', { hasNextPage: () => Boolean, endCursor: text });
const names = ['form', 'kind', 'channel', 'unit', 'occurredAt'];
const Entry = type('Entry', { entryId: () => ID, ...Object.fromEntries(names.map((name) => [name, text])) });
const Edge = type('Edge', { cursor: text, node: () => Entry });
const Timeline = type('Timeline', { asOf: () => AsOf, edges: () => [Edge], pageInfo: () => PageInfo });

class TimelineResolver {
  timeline(journeyId, first) {
    const edges = Array.from({ length: Math.min(first, ENTRIES) }, (_, n) => ({
      cursor: `c${n}`,
      node: {
        entryId: `${journeyId}-${n}`,
        form: 'TOUCHPOINT',
        kind: 'crew.arrived',
        channel: 'crew',
        unit: `unit-${n}`,
        occurredAt: '2024-01-01T00:00:00.000Z',
      },
    }));
    const asOf = { position: '0000000000000001', instant: '2024-01-01T00:00:00.000Z' };
    return { asOf, edges, pageInfo: { hasNextPage: false, endCursor: edges.at(-1).cursor } };
  }
}
const { prototype } = TimelineResolver;
Reflect.defineMetadata('design:paramtypes', [String, Number], prototype, 'timeline');
Args('journeyId', { type: () => ID })(prototype, 'timeline', 0);
Args('first', { type: () => Int })(prototype, 'timeline', 1);
Query(() => Timeline)(prototype, 'timeline', Object.getOwnPropertyDescriptor(prototype, 'timeline'));
Resolver()(TimelineResolver);

class BareModule {}
const graphql = GraphQLModule.forRoot({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false });
Module({ imports: [graphql], providers: [TimelineResolver] })(BareModule);

process.env.NODE_ENV = 'production';
const app = await NestFactory.create(BareModule, new FastifyAdapter(), { logger: ['error'] });
await app.listen(0, '127.0.0.1');
process.stdout.write(`http://127.0.0.1:${app.getHttpServer().address().port}\n`);
process.once('SIGTERM', () => app.close());
