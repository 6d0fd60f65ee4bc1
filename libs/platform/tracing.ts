import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { asTouchstoneError, type Position } from '@touchstone/eventing';
import { RecentAppends } from './recent-appends.js';

/** What a piece of work is called and said to be. Names of things only, never what they hold. */
export interface SpanOptions {
  readonly kind?: 'server' | 'internal' | 'client';
  readonly attributes?: Attributes;
  readonly links?: readonly SpanContext[];
  /** Of work that somebody else began, in another process. */
  readonly parent?: SpanContext;
  /** A piece that may stand alone: once its trace is long, it begins one of its own, with a link to where it stood. */
  readonly divides?: boolean;
}

/** A batch of events that a read model took, as the thread that took it tells afterwards. */
export interface TracedBatch {
  readonly group: string;
  readonly generation: string;
  /** The checkpoint before it. */
  readonly after: Position;
  readonly last: Position;
  readonly events: number;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly tookMs: number;
}

/** Where work stands: its span, and how many pieces its trace has. */
interface Scope {
  span: Span;
  readonly trace: { pieces: number };
}

/** Pieces of one trace that may divide; a stream of events without end would make one trace without end. */
const PIECES = 500;
/** How long a batch waits for the answer to an append that it was quicker than. */
const LATE_MS = 200;
/** Links of one span; the SDK keeps no more by itself. */
export const LINKS = 128;

const scopes = new AsyncLocalStorage<Scope>();
const KINDS = { server: SpanKind.SERVER, internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

/** The trace that is being served, if one is, whether it is sampled or not. */
export function currentTrace(): { readonly traceId: string; readonly spanId: string } | undefined {
  const context = scopes.getStore()?.span.spanContext();
  return context && isSpanContextValid(context) ? context : undefined;
}

/** Reads W3C `traceparent` and `tracestate`; what is not in order is as if it had not come. */
export function traceParentOf(headers: Readonly<Record<string, unknown>>): SpanContext | undefined {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string') return undefined;
  const parts = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(traceparent.trim());
  // Later versions may have more behind; version 00 has not, and ff is none.
  if (!parts || parts[1] === 'ff' || (parts[1] === '00' && parts[5] !== undefined)) return undefined;
  const context: SpanContext = {
    traceId: parts[2]!,
    spanId: parts[3]!,
    traceFlags: parseInt(parts[4]!, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(typeof tracestate === 'string' && tracestate.length <= 512 && { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(context) ? context : undefined;
}

/**
 * Spans of this process. There is one only where traces are wanted: whoever has none does its work without, and no span,
 * scope or closure is made. Spans say names, numbers and codes; variables, contents and messages stay out of them.
 */
export class Tracing {
  private readonly appends = new RecentAppends();
  private readonly late = new Map<NodeJS.Timeout, TracedBatch>();

  constructor(private readonly tracer: Tracer) {}

  /** Begins a span that its caller ends, by `endSpan`. */
  begin(name: string, { kind = 'internal', attributes, links = [], parent }: SpanOptions = {}, startMs?: number): Span {
    const options = {
      kind: KINDS[kind],
      attributes,
      links: links.slice(0, LINKS).map((context): Link => ({ context })),
      startTime: startMs,
    };
    return this.tracer.startSpan(name, options, parent ? under(parent) : ROOT_CONTEXT);
  }

  /** Runs `work` and everything it awaits under the span. */
  within<R>(span: Span, work: () => R): R {
    return scopes.run({ span, trace: { pieces: 0 } }, work);
  }

  /** The span under which the present work stands. */
  get current(): SpanContext | undefined {
    return scopes.getStore()?.span.spanContext();
  }

  /** From now on what the present work does stands under this span; answers the one before. Null: nothing is traced. */
  replace(span: Span): Span | null {
    const scope = scopes.getStore();
    if (!scope) return null;
    const before = scope.span;
    scope.span = span;
    return before;
  }

  /** Does the work in a span of its own, which ends with it. What it throws is marked by its code and thrown on. */
  async during<R>(name: string, options: SpanOptions, work: (span: Span) => Promise<R>): Promise<R> {
    const scope = scopes.getStore();
    const above = scope?.span.spanContext();
    const alone = options.divides === true && scope !== undefined && ++scope.trace.pieces > PIECES;
    const links = alone && above ? [...(options.links ?? []), above] : options.links;
    const span = this.begin(name, { ...options, links, parent: alone ? undefined : (options.parent ?? above) });
    const inside: Scope = { span, trace: alone || !scope ? { pieces: 0 } : scope.trace };
    try {
      return await scopes.run(inside, () => work(span));
    } catch (error) {
      failSpan(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  /** The log took events up to a position in this span. */
  appended(span: Span, last: Position, correlationId?: string): void {
    const context = span.spanContext();
    if ((context.traceFlags & TraceFlags.SAMPLED) !== 0) this.appends.add({ last, context, correlationId });
  }

  /** The append that recorded what has this correlation id, as long as it is remembered. */
  appendOf(correlationId: string): SpanContext | undefined {
    return this.appends.of(correlationId);
  }

  /** A read model took a batch. It may be told of before the append that it took has been answered. */
  projected(batch: TracedBatch): void {
    const timer = setTimeout(() => {
      this.late.delete(timer);
      this.tell(batch);
    }, LATE_MS);
    timer.unref();
    this.late.set(timer, batch);
  }

  /** Makes the spans that still wait. */
  settle(): void {
    for (const [timer, batch] of this.late) {
      clearTimeout(timer);
      this.tell(batch);
    }
    this.late.clear();
  }

  /** The span of a batch stands in the trace of the first append that it took, and links to all that it took. */
  private tell({ group, generation, after, last, events, startedMs, tookMs }: TracedBatch): void {
    const taken = this.appends.between(after, last);
    const attributes: Attributes = {
      'touchstone.group': group,
      'touchstone.generation': generation,
      'touchstone.position.after': after,
      'touchstone.position': last,
      'touchstone.events': events,
      'touchstone.appends': taken.length,
    };
    const span = this.begin(`project ${group}`, { attributes, links: taken, parent: taken[0] }, startedMs);
    span.end(startedMs + tookMs);
  }
}

/** Marks a span as failed, by a code or the error's: its message may repeat what somebody sent. */
export function failSpan(span: Span, error: unknown): void {
  const code = typeof error === 'string' ? error : (asTouchstoneError(error)?.code ?? 'INTERNAL');
  span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR });
}

const under = (parent: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, parent);
