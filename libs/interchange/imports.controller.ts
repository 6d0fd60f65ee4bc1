import { Readable } from 'node:stream';
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing';
import { currentContext, reportOf } from '@touchstone/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { csvReading } from './csv-reading.js';
import { tableOf } from './csv-request.js';
import type { FileReading } from './file-reading.js';
import { HeldAnswers } from './held-answers.js';
import { ImportLogger } from './import-logger.js';
import type { ImportSource } from './import-types.js';
import { RunningImports } from './running-imports.js';
import { NdjsonReply } from './ndjson-reply.js';
import { ocelReading } from './ocel-reading.js';
import { bodyOf } from './request-body.js';
import { xesReading } from './xes-reading.js';

/**
 * Files to import. Answers lines of JSON: `{"progress": …}` while it runs, then one `{"result": …}` or `{"error": …}`;
 * an error that is found before the first line has an HTTP status of its own. A client that goes away while its file is
 * read stops the import and nothing is appended; once the file is read, the import goes on without it.
 */
@Controller('imports')
export class ImportsController {
  constructor(
    @Inject(RunningImports) private readonly imports: RunningImports,
    @Inject(ImportLogger) private readonly logger: ImportLogger,
    @Inject(HeldAnswers) private readonly held: HeldAnswers,
  ) {}

  /**
   * `POST /imports/xes?options={…}&dryRun=true`: the body is the file, plain or gzip; the options are those of
   * `XesMappingOptions` as JSON, in the query or percent-encoded in the header `x-import-options`.
   */
  @Post('xes')
  async importXes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const file = bodyOf(streamOf(request, 'application/xml'));
    const query = request.query as Query;
    const reading = xesReading(optionsOf(query['options'], request.headers['x-import-options']));
    await this.answer(request, reply, { open: () => file, bytes: lengthOf(request) }, reading);
  }

  /**
   * `POST /imports/ocel?options={…}&dryRun=true`: the body is an OCEL 2.0 log, SQLite or JSON, plain or gzip; the options
   * are those of `OcelMappingOptions`, given as for XES.
   */
  @Post('ocel')
  async importOcel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const file = bodyOf(streamOf(request, 'application/vnd.sqlite3'));
    const query = request.query as Query;
    const reading = ocelReading(optionsOf(query['options'], request.headers['x-import-options']));
    await this.answer(request, reply, { open: () => file, bytes: lengthOf(request) }, reading);
  }

  /**
   * `POST /imports/csv?journeyType=…&source=…&asHistory=true&dryRun=true`: a form (multipart/form-data) with the parts
   * `mapping`, then `file`; or the file as body, and the mapping in the query or percent-encoded in the header
   * `x-import-mapping`. The file is plain or gzip, the mapping YAML or JSON; what the query says wins over it.
   */
  @Post('csv')
  async importCsv(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = request.query as Query;
    const overrides = {
      journeyType: query['journeyType'],
      source: query['source'],
      ...(query['asHistory'] !== undefined && { asHistory: query['asHistory'] === 'true' }),
    };
    const table = await tableOf(request, query['mapping']);
    try {
      const reading = csvReading(table.mapping, overrides);
      await this.answer(request, reply, { open: () => table.file, bytes: lengthOf(request) }, reading);
    } finally {
      await table.done();
    }
  }

  private async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    source: ImportSource,
    reading: FileReading,
  ): Promise<void> {
    const lines = new NdjsonReply(reply, this.held);
    try {
      const result = await this.imports.run(source, reading, {
        dryRun: (request.query as Query)['dryRun'] === 'true',
        actor: currentContext().actor,
        onProgress: (progress) => void lines.lines([{ progress }]),
      });
      await lines.lines([{ result }]);
    } catch (error) {
      if (!lines.hasBegun) throw error;
      await lines.lines([{ error: reportOf(error, this.logger.defect) }]);
    }
    lines.end();
  }
}

type Query = Readonly<Record<string, string | undefined>>;

function streamOf({ body }: FastifyRequest, type: string): Readable {
  if (body instanceof Readable) return body;
  throw new TouchstoneError(
    'CONTENT_TYPE_UNKNOWN',
    `Send the file itself as ${type}, application/gzip or application/octet-stream.`,
    'invalid',
  );
}

function lengthOf(request: FastifyRequest): number | undefined {
  const length = Number(request.headers['content-length']);
  return Number.isFinite(length) ? length : undefined;
}

function optionsOf(query: string | undefined, header: string | string[] | undefined): unknown {
  const text = query ?? (typeof header === 'string' ? decoded(header) : undefined);
  if (text === undefined) throw invalid('Name the import options as JSON in the query parameter "options".');
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('The import options are not JSON.');
  }
}

function decoded(header: string): string {
  try {
    return decodeURIComponent(header);
  } catch {
    throw invalid('The header x-import-options must be percent-encoded.');
  }
}

const invalid = (message: string): TouchstoneError => new TouchstoneError('OPTION_INVALID', message, 'invalid');
