import { Readable } from 'node:stream';
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing';
import { currentContext, reportOf } from '@touchstone/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CloudEventIntake, type CloudEventAnswer } from './cloudevents-intake.js';
import { LARGEST_CLOUD_EVENT } from './cloudevents.js';
import { ImportLogger } from './import-logger.js';
import { NdjsonReply } from './ndjson-reply.js';
import { RunningImports } from './running-imports.js';
import { bodyOf } from './request-body.js';

/** `POST /events`: CloudEvents 1.0 in JSON, one (`application/cloudevents+json`) or many (`application/x-ndjson`). */
@Controller('events')
export class EventsController {
  constructor(
    @Inject(CloudEventIntake) private readonly intake: CloudEventIntake,
    @Inject(RunningImports) private readonly imports: RunningImports,
    @Inject(ImportLogger) private readonly logger: ImportLogger,
  ) {}

  @Post()
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { body } = request;
    if (body instanceof Readable) {
      if (contentType(request) !== 'application/x-ndjson') throw unknownType();
      await this.imports.during(this.stream(body, reply));
      return;
    }
    const event = typeof body === 'string' ? parsed(body) : body;
    const answer = await this.imports.during(this.intake.takeOne(event, currentContext()));
    void reply.code(STATUS[answer.outcome]).send(answer);
  }

  private async stream(body: Readable, reply: FastifyReply): Promise<void> {
    const answers = new NdjsonReply(reply);
    try {
      for await (const batch of this.intake.takeLines(bodyOf(body), currentContext())) await answers.lines(batch);
    } catch (error) {
      if (!answers.hasBegun) throw error;
      await answers.lines([{ error: reportOf(error, this.logger.defect) }]);
    }
    answers.end();
  }
}

const STATUS: Readonly<Record<CloudEventAnswer['outcome'], number>> = { taken: 201, known: 200, quarantined: 422 };

function parsed(body: string): unknown {
  if (Buffer.byteLength(body) > LARGEST_CLOUD_EVENT) {
    throw new TouchstoneError('EVENT_TOO_LARGE', `The event is larger than ${LARGEST_CLOUD_EVENT} bytes.`, 'limit');
  }
  try {
    return JSON.parse(body);
  } catch {
    throw new TouchstoneError('INVALID_JSON', 'The body is not JSON: send one CloudEvent as a JSON object.', 'invalid');
  }
}

const contentType = (request: FastifyRequest): string | undefined =>
  request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();

const unknownType = (): TouchstoneError =>
  new TouchstoneError(
    'CONTENT_TYPE_UNKNOWN',
    'Send application/cloudevents+json for one event, or application/x-ndjson for one event a line.',
    'invalid',
  );
