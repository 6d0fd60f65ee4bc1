import { Controller, Get, Header, Headers, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLOUD_EVENT_BATCH } from './cloud-event.js';
import { streamEvents } from './event-stream.js';
import { FIRST, HEARTBEAT_MS, WAIT_MS } from './feed-parameters.js';
import { FeedQuery, filterOf, startOf } from './feed-query.js';
import { Feeds } from './feeds.js';
import { poll, type Polled } from './long-poll.js';
import { PacedResponse } from './paced-response.js';

/** `GET /feed`: the event log for other systems, as server-sent events or by long poll. */
@Controller('feed')
export class FeedController {
  constructor(@Inject(Feeds) private readonly feeds: Feeds) {}

  @Get()
  @Header('cache-control', 'no-store')
  async get(
    @Query() query: FeedQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const accepts = request.headers.accept ?? '';
    if (accepts.includes('text/event-stream')) return this.stream(query, lastEventId, request, reply);
    return this.poll(query, lastEventId, accepts.includes(CLOUD_EVENT_BATCH), reply);
  }

  private async stream(
    query: FeedQuery,
    lastEventId: string | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { feed, after, pages } = await this.feeds.start('sse', startOf(query, lastEventId), filterOf(query));
    const { raw } = reply;
    raw.once('close', () => feed.end(null));
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    if (request.method === 'HEAD') {
      raw.end();
      return feed.close('done');
    }
    const out = new PacedResponse(raw, this.feeds.slowMs, feed.signal);
    feed.measure(() => out.buffered);
    const { heartbeat: heartbeatMs = HEARTBEAT_MS.default } = query;
    await streamEvents({ feed, pages, out, after: after ?? '', heartbeatMs, sink: this.feeds.sink });
  }

  private async poll(
    query: FeedQuery,
    lastEventId: string | undefined,
    batch: boolean,
    reply: FastifyReply,
  ): Promise<void> {
    const { feed, after, pages } = await this.feeds.start('poll', startOf(query, lastEventId), filterOf(query));
    const { raw } = reply;
    raw.once('close', () => feed.close(raw.writableFinished ? 'done' : 'gone'));
    const { first = FIRST.default, wait: waitMs = WAIT_MS.default } = query;
    const polled = await poll({ feed, pages, after, first, waitMs });
    if (raw.destroyed) return;
    feed.measure(() => raw.writableLength);
    // Whoever does not take an answer must not keep it in memory for good.
    const late = setTimeout(() => raw.destroy(), this.feeds.slowMs);
    raw.once('close', () => clearTimeout(late));
    if (batch) batchAnswer(reply, polled);
    else void reply.type('application/json; charset=utf-8').send(objectText(polled));
  }
}

/** The events alone, as CloudEvents has it; where to read on stands in the headers. */
function batchAnswer(reply: FastifyReply, { events, next, caughtUp }: Polled): void {
  if (next !== null) reply.header('touchstone-next', next);
  void reply
    .header('touchstone-caught-up', String(caughtUp))
    .type(`${CLOUD_EVENT_BATCH}; charset=utf-8`)
    .send(`[${events.join(',')}]`);
}

const objectText = ({ events, next, caughtUp }: Polled): string =>
  `{"events":[${events.join(',')}],"next":${JSON.stringify(next)},"caughtUp":${String(caughtUp)}}`;
