import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DefectSink } from '@touchstone/platform';
import { answerError } from './http-guard.js';

/** Errors of controllers and of the HTTP engine; GraphQL has its own formatter. */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  constructor(private readonly sink: DefectSink) {}

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (host.getType() !== 'http') return error;
    const http = host.switchToHttp();
    answerError(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), error, this.sink);
    return undefined;
  }
}
