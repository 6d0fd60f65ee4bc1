import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { asTouchstoneError, type AppendOutcome, type EventLog } from '@touchstone/eventing';
import type { PolicyStatus } from './policies.js';
import type { SpanCounts } from './traces.js';
import { withAppends } from './with-appends.js';

/** What is measured of a read model. */
export interface MeasuredProjection {
  readonly group: string;
  /** Milliseconds that it has been behind the log. */
  readonly lagMs: number;
  readonly eventsPerSecond: number;
  readonly parked: number;
  readonly skipped: number;
  /** 1 while it follows the log, 0 while it is stopped or stalled. */
  readonly up: boolean;
}

/** What is measured of a lease. */
export interface MeasuredLease {
  readonly name: string;
  readonly epoch: number;
  readonly isHeldHere: boolean;
}

/** How much the threads that answer queries have to do. */
export interface MeasuredReads {
  readonly waiting: number;
  readonly busy: number;
  readonly threads: number;
}

/** The Prometheus registry of a process and the instruments it feeds. All durations are in seconds. */
export class Metrics {
  readonly registry = new Registry();
  private readonly appendSeconds: Histogram;
  private readonly appendedEvents: Counter;
  private readonly appendFailures: Counter<'code'>;
  private readonly requestSeconds: Histogram<'method' | 'route' | 'status'>;
  private readonly readSeconds: Histogram<'query'>;
  private readonly readFailures: Counter<'query' | 'code'>;

  constructor() {
    const registers = [this.registry];
    this.appendSeconds = new Histogram({
      name: 'touchstone_append_duration_seconds',
      help: 'Time from asking the log to append until it answered.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    });
    this.appendedEvents = new Counter({
      name: 'touchstone_appended_events_total',
      help: 'Events that the log took.',
      registers,
    });
    this.appendFailures = new Counter({
      name: 'touchstone_append_failures_total',
      help: 'Appends that the log refused, by error code.',
      labelNames: ['code'],
      registers,
    });
    this.requestSeconds = new Histogram({
      name: 'touchstone_http_request_duration_seconds',
      help: 'Time from an HTTP request until its answer was sent.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    });
    this.readSeconds = new Histogram({
      name: 'touchstone_read_duration_seconds',
      help: 'Time from asking the read models until they answered, waiting for a thread included.',
      labelNames: ['query'],
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
      registers,
    });
    this.readFailures = new Counter({
      name: 'touchstone_read_failures_total',
      help: 'Reads that were not answered, by error code.',
      labelNames: ['query', 'code'],
      registers,
    });
  }

  /** A read of the read models, until its answer; `code` is OK or why it failed. */
  observeRead(query: string, code: string, seconds: number): void {
    this.readSeconds.observe({ query }, seconds);
    if (code !== 'OK') this.readFailures.inc({ query, code });
  }

  /** Adds memory, CPU, event loop and garbage collection of this process. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requestSeconds.observe({ method, route, status: String(status) }, seconds);
  }

  /** Lag, parked events and state of the read models, asked for once at each scrape. */
  collectProjections(read: () => Promise<readonly MeasuredProjection[]>): void {
    const once = sharedByScrape(read);
    const gauge = (name: string, help: string, value: (projection: MeasuredProjection) => number) =>
      new Gauge({
        name: `touchstone_projection_${name}`,
        help,
        labelNames: ['group'],
        registers: [this.registry],
        async collect() {
          const projections = await once();
          this.reset();
          for (const projection of projections) this.set({ group: projection.group }, value(projection));
        },
      });
    gauge('lag_seconds', 'How long a read model has been behind the log.', (p) => p.lagMs / 1_000);
    gauge('events_per_second', 'Events a read model took over the last seconds.', (p) => p.eventsPerSecond);
    gauge('parked_events', 'Events a read model has set aside to be retried or skipped.', (p) => p.parked);
    gauge('skipped_events', 'Events a read model was told to leave out.', (p) => p.skipped);
    gauge('up', '1 while a read model follows the log.', (p) => (p.up ? 1 : 0));
  }

  /** Which leases there are, and whether this process has them, asked for once at each scrape. */
  collectLeases(read: () => Promise<readonly MeasuredLease[]>): void {
    const once = sharedByScrape(read);
    const gauge = (name: string, help: string, value: (lease: MeasuredLease) => number) =>
      new Gauge({
        name: `touchstone_lease_${name}`,
        help,
        labelNames: ['name'],
        registers: [this.registry],
        async collect() {
          const leases = await once();
          this.reset();
          for (const lease of leases) this.set({ name: lease.name }, value(lease));
        },
      });
    gauge('held', '1 while this process has the lease.', ({ isHeldHere }) => (isHeldHere ? 1 : 0));
    gauge('epoch', 'Number of times that the lease was taken, by whichever process.', ({ epoch }) => epoch);
  }

  /** What waits for the threads that answer queries, asked for at each scrape. */
  collectReads(read: () => MeasuredReads): void {
    this.gauge('touchstone_read_queue_length', 'Reads that wait for a thread.', () => read().waiting);
    this.gauge('touchstone_read_threads_busy', 'Threads that answer a read.', () => read().busy);
    this.gauge('touchstone_read_threads', 'Threads that answer reads.', () => read().threads);
  }

  /** What became of spans, asked for at each scrape. */
  collectTraces(read: () => SpanCounts): void {
    new Counter({
      name: 'touchstone_trace_spans_total',
      help: 'Sampled spans: exported, failed (the collector did not take them), dropped (there was no room or time).',
      labelNames: ['outcome'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [outcome, spans] of Object.entries(read())) this.inc({ outcome }, spans as number);
      },
    });
  }

  /** One number, asked for at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** What policies have to do, did, and could not do, asked for once at each scrape. */
  collectPolicies(read: () => Promise<readonly PolicyStatus[]>): void {
    const once = sharedByScrape(read);
    const each = (name: string, help: string, value: (policy: PolicyStatus) => number | null) => ({
      name: `touchstone_policy_${name}`,
      help,
      labelNames: ['policy'] as const,
      registers: [this.registry],
      async collect(this: Gauge<'policy'> | Counter<'policy'>) {
        const policies = await once();
        this.reset();
        for (const policy of policies) {
          const measured = value(policy);
          // What nobody knows now is left out rather than called 0.
          if (measured !== null) this.inc({ policy: policy.name }, measured);
        }
      },
    });
    const gauge = (...about: Parameters<typeof each>) => new Gauge(each(...about));
    const counter = (...about: Parameters<typeof each>) => new Counter(each(...about));
    gauge('due', 'What a policy could decide now and has not decided yet.', ({ due }) => due);
    gauge('failing', 'Of what is due: what was tried in vain and is tried again later.', ({ failing }) => failing);
    gauge('lag_seconds', 'For how long there has been something due without a break.', ({ lagMs }) => lagMs / 1_000);
    gauge('up', '1 while nothing that a policy has to decide fails.', ({ state }) => (state === 'failed' ? 0 : 1));
    counter('decided_total', 'Decisions of a policy that were recorded.', ({ decided }) => decided);
    counter('failed_total', 'Attempts of a policy that recorded nothing.', ({ failed }) => failed);
  }

  /** The same log, measured. */
  observe(log: EventLog): EventLog {
    const timed = async <R>(append: () => Promise<R>, outcomes: (answer: R) => readonly Counted[]): Promise<R> => {
      const stop = this.appendSeconds.startTimer();
      try {
        const answer = await append();
        for (const outcome of outcomes(answer)) this.count(outcome);
        return answer;
      } catch (error) {
        this.count({ events: 0, error });
        throw error;
      } finally {
        stop();
      }
    };
    return withAppends(log, {
      append: (stream, expected, events) =>
        timed(
          () => log.append(stream, expected, events),
          () => [{ events: events.length }],
        ),
      appendMany: (requests) =>
        timed(
          () => log.appendMany(requests),
          (answers: AppendOutcome[]) =>
            answers.map((a, i) => (a.ok ? { events: requests[i]!.events.length } : { events: 0, error: a.error })),
        ),
    });
  }

  private count({ events, error }: Counted): void {
    if (error === undefined) this.appendedEvents.inc(events);
    else this.appendFailures.inc({ code: asTouchstoneError(error)?.code ?? 'UNKNOWN' });
  }
}

/** The registry collects all instruments at once: those of one source share one answer. */
function sharedByScrape<T>(read: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= read().finally(() => setImmediate(() => (asked = undefined))));
}

interface Counted {
  readonly events: number;
  readonly error?: unknown;
}
