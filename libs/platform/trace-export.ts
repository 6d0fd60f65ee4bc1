import { setTimeout as sleep } from 'node:timers/promises';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type Span,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { LINKS, Tracing } from './tracing.js';

/** What became of sampled spans. */
export interface SpanCounts {
  /** The collector took them. */
  readonly exported: number;
  /** It refused them, or did not answer. */
  readonly failed: number;
  /** There was no room, or no time at a stop. */
  readonly dropped: number;
}

/** Traces on their way out of this process. */
export interface TraceExport {
  readonly tracing: Tracing;
  readonly counts: SpanCounts;
  /** Sends what is there; never rejects. */
  flush(): Promise<void>;
  /** Sends what is there as far as that fits into the time; afterwards nothing is on its way. Never rejects. */
  close(withinMs: number): Promise<void>;
}

export interface TraceExportOptions {
  /** Time that a stop may take: no export takes more than half of it. */
  readonly shutdownMs: number;
  /** Told when spans begin not to arrive, and of settings that are not understood; never a word of the collector's. */
  readonly warn: (message: string, event: string) => void;
}

/** Milliseconds that an export may take where OTEL_EXPORTER_OTLP_TIMEOUT says nothing. */
const EXPORT_MS = 10_000;
/** Spans that wait, where OTEL_BSP_MAX_QUEUE_SIZE says nothing. */
const QUEUE = 2_048;
const SUCCESS = 0;
const FAILURE = 1;

type Env = Readonly<Record<string, string | undefined>>;

/** Traces to the collector that the standard variables of OpenTelemetry name, as OTLP over HTTP in JSON. */
export function openTraceExport(options: TraceExportOptions): TraceExport {
  const timeoutMs = Math.max(1, Math.min(exportTimeout(process.env), Math.floor(options.shutdownMs / 2)));
  // What the SDK does not understand of the settings it says here; of exports we tell ourselves, once.
  const known = new Set<string>();
  const told = (message: string) => {
    if (!known.has(message)) options.warn(message, 'TRACE_SETTING');
    known.add(message);
  };
  const quiet = () => undefined;
  diag.setLogger({ error: told, warn: told, info: quiet, debug: quiet, verbose: quiet }, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true }); // prettier-ignore
  try {
    const exporter = new OTLPTraceExporter({ timeoutMillis: timeoutMs });
    return new OpenTraceExport(exporter, timeoutMs, options.warn);
  } finally {
    diag.disable();
  }
}

class OpenTraceExport implements TraceExport {
  readonly tracing: Tracing;
  readonly counts = { exported: 0, failed: 0, dropped: 0 };
  private readonly provider: BasicTracerProvider;
  private readonly exporter: WatchedExporter;
  private closed: Promise<void> | null = null;

  constructor(inner: SpanExporter, timeoutMs: number, warn: TraceExportOptions['warn']) {
    const { counts } = this;
    this.exporter = new WatchedExporter(inner, timeoutMs, counts, warn);
    this.provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes({ 'service.name': 'touchstone' }))
        .merge(detectResources({ detectors: [envDetector] })),
      spanLimits: { linkCountLimit: LINKS },
      spanProcessors: [new BoundedProcessor(this.exporter, counts)],
    });
    this.tracing = new Tracing(this.provider.getTracer('touchstone'));
  }

  async flush(): Promise<void> {
    this.tracing.settle();
    await this.provider.forceFlush().catch(() => undefined);
  }

  close(withinMs: number): Promise<void> {
    this.closed ??= this.finish(withinMs);
    return this.closed;
  }

  private async finish(withinMs: number): Promise<void> {
    this.tracing.settle();
    this.exporter.endBy(performance.now() + withinMs);
    await this.provider.shutdown().catch(() => undefined);
    // What an earlier flush has under way is told to nobody any more; it has a time limit of its own.
    const stop = new AbortController();
    const late = sleep(withinMs, undefined, { signal: stop.signal }).catch(() => undefined);
    await Promise.race([this.exporter.idle(), late]);
    stop.abort();
  }
}

/** Counts what arrives and what does not, and begins nothing that could outlast a stop. */
class WatchedExporter implements SpanExporter {
  private endsAt = Infinity;
  private failing = false;
  private readonly underWay = new Set<Promise<void>>();
  /** Spans that it was given. */
  given = 0;

  constructor(
    private readonly inner: SpanExporter,
    private readonly timeoutMs: number,
    private readonly counts: { exported: number; failed: number; dropped: number },
    private readonly warn: TraceExportOptions['warn'],
  ) {}

  endBy(time: number): void {
    this.endsAt = time;
  }

  async idle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.given += spans.length;
    if (performance.now() + this.timeoutMs > this.endsAt) {
      this.counts.dropped += spans.length;
      return done({ code: FAILURE });
    }
    const ended = new Promise<void>((resolve) => {
      this.inner.export(spans, (result) => {
        this.count(spans.length, result.code === SUCCESS);
        done(result);
        resolve();
      });
    });
    this.underWay.add(ended);
    void ended.then(() => this.underWay.delete(ended));
  }

  shutdown(): Promise<void> {
    return this.inner.shutdown();
  }

  private count(spans: number, arrived: boolean): void {
    if (arrived) this.counts.exported += spans;
    else this.counts.failed += spans;
    if (!arrived && !this.failing) {
      this.warn('Spans do not arrive at the collector (OTEL_EXPORTER_OTLP_ENDPOINT); nothing else is disturbed.', 'TRACE_EXPORT_FAILED'); // prettier-ignore
    }
    this.failing = !arrived;
  }
}

/** Hands spans on in batches, as many as may wait; what is too much is counted instead of kept. */
class BoundedProcessor implements SpanProcessor {
  private readonly most = Number(process.env['OTEL_BSP_MAX_QUEUE_SIZE']) || QUEUE;
  private readonly inner: BatchSpanProcessor;
  private taken = 0;

  constructor(
    private readonly exporter: WatchedExporter,
    private readonly counts: { dropped: number },
  ) {
    this.inner = new BatchSpanProcessor(exporter, { maxQueueSize: this.most });
  }

  onStart(): void {
    // Nothing is known of a span yet that is worth keeping.
  }

  onEnd(span: ReadableSpan): void {
    if (!isSampled(span)) return;
    if (this.taken - this.exporter.given >= this.most) {
      this.counts.dropped++;
      return;
    }
    this.taken++;
    this.inner.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.inner.shutdown();
  }
}

const isSampled = (span: Pick<Span, 'spanContext'>): boolean => (span.spanContext().traceFlags & 1) === 1;

const exportTimeout = (env: Env): number =>
  Number(env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT']) || Number(env['OTEL_EXPORTER_OTLP_TIMEOUT']) || EXPORT_MS;
