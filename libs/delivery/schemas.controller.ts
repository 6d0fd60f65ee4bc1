import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { EventRegistry, TouchstoneError } from '@touchstone/eventing';
import { asyncApiOf } from './async-api.js';
import { schemaName } from './cloud-event.js';
import { eventSchemas, schemaDocument, schemaPath, type EventSchema, type JsonSchema } from './event-schemas.js';

/** What subscribers need to understand events: JSON Schemas of their data, and the AsyncAPI document of the feed. */
@Controller()
export class SchemasController {
  private readonly schemas: readonly EventSchema[];
  private readonly asyncApi: JsonSchema;

  constructor(@Inject(EventRegistry) registry: EventRegistry) {
    const definitions = registry.types.map((type) => registry.definition(type));
    this.schemas = eventSchemas(definitions);
    this.asyncApi = asyncApiOf(definitions);
  }

  /** Every schema with its address. */
  @Get('schemas')
  index() {
    return {
      schemas: this.schemas.map(({ type, version, current }) => ({
        type,
        version,
        current,
        dataschema: schemaName(type, version),
        path: schemaPath(type, version),
      })),
    };
  }

  @Get('schemas/:type/:file')
  @Header('content-type', 'application/schema+json; charset=utf-8')
  schema(@Param('type') type: string, @Param('file') file: string): string {
    const found = this.schemas.find((one) => one.type === type && `${one.version}.json` === file);
    // As text: a schema never changes, down to the byte.
    if (found) return JSON.stringify(schemaDocument(found), null, 2);
    throw new TouchstoneError(
      'SCHEMA_UNKNOWN',
      `There is no schema of ${type} at ${file}: GET /schemas lists those that there are.`,
      'notFound',
    );
  }

  @Get('asyncapi.json')
  @Header('content-type', 'application/vnd.aai.asyncapi+json;version=3.0.0; charset=utf-8')
  document(): string {
    return JSON.stringify(this.asyncApi, null, 2);
  }
}
