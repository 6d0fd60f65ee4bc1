import { Readable, type Transform, pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { READS } from '@touchstone/platform';
import type { Reads } from '@touchstone/readmodel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { exportOptionsOf, oneOf } from './export-options.js';
import type { ExportReport } from './export-report.js';
import { Exports, type RunningExport } from './exports.js';
import { exportOcel } from './ocel-export.js';
import { exportXes } from './xes-export.js';

/** The header that names an export, whose report `GET /exports/{id}` tells. */
export const EXPORT_HEADER = 'x-touchstone-export';

/**
 * `GET /exports/xes?journeyType=…`: the journeys as a file, as known at `asOf`, with the filter of the `journeys` query
 * as parameters; `gzip=true` packs it, and `id` is a UUID by which the client wants to ask for it. The client sets the pace. An export that fails on the way breaks the connection
 * off, so that half a file is never taken for a whole one; `GET /exports/{id}` says what became of it and what the file
 * does not hold.
 */
@Controller('exports')
export class ExportsController {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(Exports) private readonly running: Exports,
  ) {}

  @Get('xes')
  async xes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = request.query as Record<string, unknown>;
    const options = exportOptionsOf(query, ['id', 'gzip']);
    const gzip = oneOf(query, 'gzip', ['false', 'true']) === 'true';
    const type = gzip ? 'application/gzip' : 'application/xml; charset=utf-8';
    await this.send(query['id'], reply, { type, gzip }, (run) => exportXes(this.reads, options, run));
  }

  /** `GET /exports/ocel?format=json|sqlite`, with the same filter; `objects=all` takes in objects that no event names. */
  @Get('ocel')
  async ocel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = request.query as Record<string, unknown>;
    const options = exportOptionsOf(query, ['id', 'gzip', 'format', 'objects']);
    const format = oneOf(query, 'format', ['json', 'sqlite'] as const);
    const objects = oneOf(query, 'objects', ['related', 'all'] as const);
    const gzip = oneOf(query, 'gzip', ['false', 'true']) === 'true';
    const type = gzip ? 'application/gzip' : format === 'json' ? 'application/json' : 'application/vnd.sqlite3';
    await this.send(query['id'], reply, { type, gzip }, (run) =>
      exportOcel({ reads: this.reads, directory: this.running.scratch(run.id) }, { ...options, format, objects }, run),
    );
  }

  @Get(':id')
  report(@Param('id') id: string): ExportReport {
    return this.running.report(id);
  }

  private async send(
    id: unknown,
    reply: FastifyReply,
    { type, gzip }: { readonly type: string; readonly gzip: boolean },
    pieces: (run: RunningExport) => AsyncGenerator<string | Uint8Array>,
  ): Promise<void> {
    const run = this.running.begin(id as string | undefined);
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) this.running.cancel(run.id);
    });
    const source = pieces(run);
    let first: IteratorResult<string | Uint8Array>;
    try {
      // What is wrong with the question is answered as an error, not as a file that breaks off.
      first = await source.next();
    } catch (error) {
      this.running.end(run.id, error);
      throw error;
    }
    const body = Readable.from(this.watched(run, first, source), { objectMode: false });
    await reply
      .header(EXPORT_HEADER, run.id)
      .type(type)
      .send(gzip ? packed(body) : body);
  }

  private async *watched(
    run: RunningExport,
    first: IteratorResult<string | Uint8Array>,
    source: AsyncGenerator<string | Uint8Array>,
  ): AsyncGenerator<Buffer> {
    try {
      for (let next = first; !next.done; next = await source.next()) {
        yield typeof next.value === 'string' ? Buffer.from(next.value) : Buffer.from(next.value);
      }
      this.running.end(run.id);
    } catch (error) {
      this.running.end(run.id, error);
      throw error;
    } finally {
      await source.return(undefined);
      // Nothing where it has ended by itself: the client stopped reading.
      this.running.cancel(run.id);
      this.running.end(run.id, new Error('The client went away.'));
    }
  }
}

function packed(body: Readable): Transform {
  const gzip = createGzip({ level: 6 });
  // An error destroys the packed stream, which breaks the connection off.
  pipeline(body, gzip, () => undefined);
  return gzip;
}
