import { Readable } from 'node:stream';
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing';
import { currentContext, reportOf } from '@touchstone/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ImportLogger } from './import-logger.js';
import { RunningImports } from './running-imports.js';
import { NdjsonReply } from './ndjson-reply.js';
import { bodyOf } from './request-body.js';
import { xesReading } from './xes-reading.js';

/**
 * `POST /imports/xes?options={…}&dryRun=true`: the body is the file, plain or gzip; the options are those of
 * `XesMappingOptions` as JSON, in the query or percent-encoded in the header `x-import-options`. Answers lines of JSON:
 * `{"progress": …}` while it runs, then one `{"result": …}` or `{"error": …}`. A client that goes away while its file
 * is read stops the import and nothing is appended; once the file is read, the import goes on without it.
 */
@Controller('imports')
export class ImportsController {
  constructor(
    @Inject(RunningImports) private readonly imports: RunningImports,
    @Inject(ImportLogger) private readonly logger: ImportLogger,
  ) {}

  @Post('xes')
  async importXes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { body } = request;
    if (!(body instanceof Readable)) {
      throw new TouchstoneError(
        'CONTENT_TYPE_UNKNOWN',
        'Send the file itself as application/xml, application/gzip or application/octet-stream.',
        'invalid',
      );
    }
    const file = bodyOf(body);
    const query = request.query as Record<string, string | undefined>;
    const reading = xesReading(optionsOf(query['options'], request.headers['x-import-options']));
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

/** Import options as JSON, from the query or from the header. @throws OPTION_INVALID */
export function optionsOf(query: string | undefined, header: string | string[] | undefined): unknown {
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
