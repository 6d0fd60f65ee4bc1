import { Readable } from 'node:stream';
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing';
import { currentContext, reportOf } from '@touchstone/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ImportLogger } from './import-logger.js';
import { optionsOf } from './imports.controller.js';
import { NdjsonReply } from './ndjson-reply.js';
import { ocelReading } from './ocel-reading.js';
import { bodyOf } from './request-body.js';
import { RunningImports } from './running-imports.js';

/**
 * `POST /imports/ocel?options={…}&dryRun=true`: the body is an OCEL 2.0 log, SQLite or JSON, plain or gzip; the options
 * are those of `OcelMappingOptions`. For the rest it is as `POST /imports/xes`.
 */
@Controller('imports')
export class OcelImportsController {
  constructor(
    @Inject(RunningImports) private readonly imports: RunningImports,
    @Inject(ImportLogger) private readonly logger: ImportLogger,
  ) {}

  @Post('ocel')
  async importOcel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { body } = request;
    if (!(body instanceof Readable)) {
      const message = 'Send the file itself as application/octet-stream, application/gzip or application/vnd.sqlite3.';
      throw new TouchstoneError('CONTENT_TYPE_UNKNOWN', message, 'invalid');
    }
    const file = bodyOf(body);
    const query = request.query as Record<string, string | undefined>;
    const reading = ocelReading(optionsOf(query['options'], request.headers['x-import-options']));
    const lines = new NdjsonReply(reply);
    const length = Number(request.headers['content-length']);
    try {
      const result = await this.imports.run(
        { open: () => file, bytes: Number.isFinite(length) ? length : undefined },
        reading,
        {
          dryRun: query['dryRun'] === 'true',
          actor: currentContext().actor,
          onProgress: (progress) => void lines.lines([{ progress }]),
        },
      );
      await lines.lines([{ result }]);
    } catch (error) {
      if (!lines.hasBegun) throw error;
      await lines.lines([{ error: reportOf(error, this.logger.defect) }]);
    }
    lines.end();
  }
}
