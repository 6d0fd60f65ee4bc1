import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { Controller, Inject, Post, Req, Res, type RawBodyRequest } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing';
import { currentContext, reportOf } from '@touchstone/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { binaryEvent, formOf, type CloudEventForm, type Headers } from './cloudevents-http.js';
import { CloudEventIntake, type CloudEventAnswer } from './cloudevents-intake.js';
import { LARGEST_CLOUD_EVENT } from './cloudevents.js';
import { ImportLogger } from './import-logger.js';
import { IntakeGate } from './intake-gate.js';
import { NdjsonReply } from './ndjson-reply.js';
import { bodyOf, decodedBody, wholeBody } from './request-body.js';
import { RunningImports } from './running-imports.js';

const MB = 1_000_000;
/** Bytes of a whole batch. */
const LARGEST_BATCH_BYTES = 8 * MB;
/** Of a stream, this much is held while what came before is being appended. */
const READ_AHEAD = 512 * 1024;
/** What requests under way may hold together, and what one of each form may hold. */
const HELD_TOGETHER = 256 * MB;
const HELD: Readonly<Record<CloudEventForm, number>> = { binary: MB, structured: MB, batch: 8 * MB, lines: 4 * MB };
/** How long a client whose stream was ended with an error has to read it, in ms. */
const LAST_WORDS_MS = 5_000;

const STATUS: Readonly<Record<CloudEventAnswer['outcome'], number>> = { taken: 201, known: 200, quarantined: 422 };

/**
 * `POST /events`: CloudEvents 1.0 over HTTP in every form: binary (`ce-` headers), structured, batch, and one a line
 * as `application/x-ndjson`, without end if need be. Each event has an answer. A stream is answered line by line while
 * it is still being sent; with `prefer: return=minimal` only what went to quarantine is answered, and a sum at the end.
 */
@Controller('events')
export class EventsController {
  private readonly gate = new IntakeGate(HELD_TOGETHER);

  constructor(
    @Inject(CloudEventIntake) private readonly intake: CloudEventIntake,
    @Inject(RunningImports) private readonly imports: RunningImports,
    @Inject(ImportLogger) private readonly logger: ImportLogger,
  ) {}

  @Post()
  async post(@Req() request: RawBodyRequest<FastifyRequest>, @Res() reply: FastifyReply): Promise<void> {
    const headers = request.raw.headersDistinct as Headers;
    // What of a body is not read is not waited for.
    if (request.body instanceof Readable && !request.raw.complete) void reply.header('connection', 'close');
    const form = formOf(headers);
    await this.imports.during(
      this.gate.holding(HELD[form], async () => {
        if (form === 'lines') await this.lines(request, reply);
        else await this.whole(form, request, headers, reply);
      }),
    );
  }

  private async whole(
    form: 'binary' | 'structured' | 'batch',
    request: RawBodyRequest<FastifyRequest>,
    headers: Headers,
    reply: FastifyReply,
  ): Promise<void> {
    const text = await this.text(request, form === 'batch' ? LARGEST_BATCH_BYTES : LARGEST_CLOUD_EVENT);
    reply.removeHeader('connection');
    const context = currentContext();
    if (form === 'batch') {
      const answers = await this.intake.takeBatch(text, context);
      void reply.code(statusOf(answers)).send({ ...sumOf(answers), answers });
      return;
    }
    const event = form === 'binary' ? binaryEvent(headers, text) : { text };
    const answer = await this.intake.takeText(event, context);
    void reply.code(STATUS[answer.outcome]).send(answer);
  }

  /** @throws PAYLOAD_TOO_LARGE, BODY_NOT_UTF8, CONTENT_ENCODING_UNKNOWN */
  private async text(request: RawBodyRequest<FastifyRequest>, limit: number): Promise<string> {
    const { body, rawBody } = request;
    const encoding = request.headers['content-encoding'];
    const source = body instanceof Readable ? bodyOf(body) : piecesOf(rawBody);
    const bytes = await wholeBody(decodedBody(source, encoding), limit);
    if (!isUtf8(bytes)) throw notUtf8();
    return bytes.toString();
  }

  private async lines(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const body = bodyOf(request.body instanceof Readable ? request.body : Readable.from([]), { ahead: READ_AHEAD });
    const lines = decodedBody(body, request.headers['content-encoding']);
    const minimal = /\breturn\s*=\s*"?minimal\b/i.test(String(request.headers['prefer'] ?? ''));
    const answers = new NdjsonReply(reply);
    reply.removeHeader('connection');
    if (minimal) void reply.header('preference-applied', 'return=minimal');
    const sum = { sent: 0, taken: 0, known: 0, quarantined: 0 };
    try {
      for await (const batch of this.intake.takeLines(lines, currentContext())) {
        for (const { outcome } of batch) sum[outcome]++;
        sum.sent += batch.length;
        await answers.lines(minimal ? batch.filter(({ outcome }) => outcome === 'quarantined') : batch);
      }
      if (minimal) await answers.lines([{ summary: sum }]);
    } catch (error) {
      body.stop();
      if (!answers.hasBegun) throw error;
      await answers.lines([{ error: reportOf(error, this.logger.defect), ...(minimal && { summary: sum }) }]);
      setTimeout(() => request.raw.destroy(), LAST_WORDS_MS).unref();
    }
    answers.end();
  }
}

/** A part of a batch may have failed: the answers say which. */
function statusOf(answers: readonly CloudEventAnswer[]): number {
  const refused = answers.filter(({ outcome }) => outcome === 'quarantined').length;
  if (refused === 0) return 200;
  return refused < answers.length ? 207 : 422;
}

function sumOf(answers: readonly CloudEventAnswer[]) {
  const sum = { sent: answers.length, taken: 0, known: 0, quarantined: 0 };
  for (const { outcome } of answers) sum[outcome]++;
  return sum;
}

async function* piecesOf(bytes: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (bytes) yield await Promise.resolve(bytes);
}

const notUtf8 = (): TouchstoneError =>
  new TouchstoneError('BODY_NOT_UTF8', 'The body is not UTF-8: send JSON in UTF-8.', 'invalid');
