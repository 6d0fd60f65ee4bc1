import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing';
import { CONFIG, currentContext, reportOf, type Config } from '@touchstone/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { binaryEvent, formOf, type CloudEventForm, type Headers } from './cloudevents-http.js';
import { CloudEventIntake, type CloudEventAnswer } from './cloudevents-intake.js';
import { LARGEST_CLOUD_EVENT } from './cloudevents.js';
import { HeldAnswers } from './held-answers.js';
import { ImportLogger } from './import-logger.js';
import { IntakeGate, type Charge } from './intake-gate.js';
import { NdjsonReply } from './ndjson-reply.js';
import { bodyOf, decodedBody, wholeBody } from './request-body.js';
import { RunningImports } from './running-imports.js';
import { FREE_HAND, WatchedHand } from './stream-hand.js';

const MB = 1_000_000;
/** Bytes of a whole batch. */
const LARGEST_BATCH_BYTES = 8 * MB;
/** Of a stream, this much is held while what came before is being appended. */
const READ_AHEAD = 512 * 1024;
/** What requests under way may hold together, and what of it is kept free for single events. */
const HELD_TOGETHER = 256 * MB;
const RESERVED = 32 * MB;
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
  private readonly gate: IntakeGate;
  private readonly idleMs: number;

  constructor(
    @Inject(CloudEventIntake) private readonly intake: CloudEventIntake,
    @Inject(RunningImports) private readonly imports: RunningImports,
    @Inject(ImportLogger) private readonly logger: ImportLogger,
    @Inject(HeldAnswers) private readonly held: HeldAnswers,
    @Inject(CONFIG) config: Pick<Config, 'intakeMaxStreams' | 'intakeIdleMs'>,
  ) {
    this.gate = new IntakeGate({ bytes: HELD_TOGETHER, reserved: RESERVED, streams: config.intakeMaxStreams });
    this.idleMs = config.intakeIdleMs;
  }

  @Post()
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const headers = request.raw.headersDistinct as Headers;
    // What of a body is not read is not waited for.
    if (request.body instanceof Readable && !request.raw.complete) void reply.header('connection', 'close');
    const form = formOf(headers);
    await this.imports.during(this.work(form, request, headers, reply));
  }

  private work(form: CloudEventForm, request: FastifyRequest, headers: Headers, reply: FastifyReply): Promise<void> {
    if (form === 'lines') return this.gate.streaming((charge) => this.lines(request, reply, charge));
    const [bytes, what] = form === 'batch' ? ([LARGEST_BATCH_BYTES, 'batch'] as const) : ([MB, 'single'] as const);
    return this.gate.holding(bytes, what, () => this.whole(form, request, headers, reply));
  }

  private async whole(
    form: 'binary' | 'structured' | 'batch',
    request: FastifyRequest,
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
  private async text(request: FastifyRequest, limit: number): Promise<string> {
    const encoding = request.headers['content-encoding'];
    const bytes = await wholeBody(decodedBody(this.watched(streamOf(request)), encoding), limit);
    if (!isUtf8(bytes)) throw notUtf8();
    return bytes.toString();
  }

  /** A body that stops coming is not waited for. */
  private watched(body: Readable): AsyncIterable<Uint8Array> {
    const source = bodyOf(body);
    return new WatchedHand(FREE_HAND, this.idleMs, (error) => source.stop(error)).watched(source);
  }

  private async lines(request: FastifyRequest, reply: FastifyReply, charge: Charge): Promise<void> {
    const body = bodyOf(streamOf(request), { ahead: READ_AHEAD });
    const hand = new WatchedHand(charge, this.idleMs, (error) => body.stop(error));
    const lines = decodedBody(hand.watched(body), request.headers['content-encoding']);
    const minimal = /\breturn\s*=\s*"?minimal\b/i.test(String(request.headers['prefer'] ?? ''));
    const answers = new NdjsonReply(reply, this.held);
    reply.removeHeader('connection');
    if (minimal) void reply.header('preference-applied', 'return=minimal');
    const sum = { sent: 0, taken: 0, known: 0, quarantined: 0 };
    try {
      for await (const batch of this.intake.takeLines(lines, currentContext(), hand)) {
        for (const { outcome } of batch) sum[outcome]++;
        sum.sent += batch.length;
        await answers.lines(minimal ? batch.filter(({ outcome }) => outcome === 'quarantined') : batch);
        hand.answered(batch.length);
      }
      if (minimal) await answers.lines([{ summary: sum }]);
    } catch (error) {
      hand.end();
      body.stop();
      if (!answers.hasBegun) {
        // Nobody reads on, so nobody waits for the rest.
        if (!request.raw.complete) void reply.header('connection', 'close');
        throw error;
      }
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

/** Without a body the engine reads none. */
const streamOf = ({ body }: FastifyRequest): Readable => (body instanceof Readable ? body : Readable.from([]));

const notUtf8 = (): TouchstoneError =>
  new TouchstoneError('BODY_NOT_UTF8', 'The body is not UTF-8: send JSON in UTF-8.', 'invalid');
