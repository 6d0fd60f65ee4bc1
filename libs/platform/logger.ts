import type { LoggerService } from '@nestjs/common';
import { currentCorrelationId } from './request-context.js';
import { currentTrace } from './tracing.js';
import { LOG_LEVELS, type LogFormat, type LogLevel } from './config.js';

/** What Nest tells about its own start; of interest to who debugs it. */
const NEST_CONTEXTS = new Set([
  'NestFactory',
  'NestApplication',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'GraphQLModule',
]);

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line with its line end; default standard error, so that standard output stays for answers. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

/**
 * Structured log lines: time, level, context, message, the correlation id of the request, the ids of its trace where there
 * is one, and fields. What somebody may want to be called for has a field `event`, a stable code.
 */
export class StructuredLogger implements LoggerService {
  private readonly threshold: number;
  private readonly write: (line: string) => void;
  private readonly now: () => Date;

  constructor(private readonly options: LoggerOptions) {
    this.threshold = LOG_LEVELS.indexOf(options.level);
    this.write = options.write ?? ((line) => process.stderr.write(line));
    this.now = options.now ?? (() => new Date());
  }

  log(message: unknown, ...rest: unknown[]): void {
    const { context, fields } = split(rest);
    this.emit(context !== undefined && NEST_CONTEXTS.has(context) ? 'debug' : 'info', message, context, fields);
  }

  error(message: unknown, ...rest: unknown[]): void {
    // Nest calls error(message, stack, context).
    const [stack, ...others] = rest;
    const isStack = typeof stack === 'string' && stack.includes('\n');
    const { context, fields } = split(isStack ? others : rest);
    this.emit('error', message, context, isStack ? { ...fields, stack } : fields);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    const { context, fields } = split(rest);
    this.emit('warn', message, context, fields);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    const { context, fields } = split(rest);
    this.emit('debug', message, context, fields);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.debug(message, ...rest);
  }

  private emit(level: LogLevel, message: unknown, context: string | undefined, fields: Record<string, unknown>): void {
    if (LOG_LEVELS.indexOf(level) > this.threshold) return;
    const correlationId = currentCorrelationId();
    const traced = currentTrace();
    const error = message instanceof Error ? message : undefined;
    const line = {
      time: this.now().toISOString(),
      level,
      ...(context !== undefined && { context }),
      message: error ? error.message : typeof message === 'string' ? message : JSON.stringify(message),
      ...(correlationId !== undefined && { correlationId }),
      ...(traced && { traceId: traced.traceId, spanId: traced.spanId }),
      ...(error && { stack: error.stack }),
      ...fields,
    };
    this.write(`${this.options.format === 'json' ? JSON.stringify(line) : asText(line)}\n`);
  }
}

/** Nest gives the context as the last text; objects before it are fields. */
function split(rest: readonly unknown[]): { context?: string; fields: Record<string, unknown> } {
  const last = rest.at(-1);
  const fields: Record<string, unknown> = {};
  for (const part of rest) {
    if (part instanceof Error) fields['stack'] = part.stack;
    else if (typeof part === 'object' && part !== null) Object.assign(fields, part);
  }
  return typeof last === 'string' ? { context: last, fields } : { fields };
}

function asText(line: Record<string, unknown>): string {
  const { time, level, context, message, stack, ...fields } = line;
  const head = `${String(time)} ${String(level).padEnd(5)} ${context === undefined ? '' : `[${String(context)}] `}`;
  const tail = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const text = `${head}${String(message)}${tail.join('')}`;
  return stack === undefined ? text : `${text}\n${String(stack)}`;
}
