import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Metrics } from '@touchstone/platform';
import { Readiness } from './readiness.js';

/** For whoever watches the process. */
@Controller()
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  /** The process answers; restart it when it does not. */
  @Get('health/live')
  live() {
    return { status: 'live' };
  }

  /** 200 when queries answer from read models that follow the log, else 503 with the reasons. */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const reasons = await this.readiness.reasonsAgainst();
    reply.header('cache-control', 'no-store').code(reasons.length === 0 ? 200 : 503);
    return reasons.length === 0 ? { status: 'ready' } : { status: 'not-ready', reasons };
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  scrape() {
    return this.metrics.registry.metrics();
  }
}
