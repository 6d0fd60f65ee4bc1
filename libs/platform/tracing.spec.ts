import { SpanStatusCode, type SpanContext } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, ParentBasedSampler, AlwaysOffSampler, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'; // prettier-ignore
import {
  TouchstoneError,
  type AppendOutcome,
  type EventLog,
  type KernelRound,
  type NewEvent,
  type WorkOutcome,
} from '@touchstone/eventing';
import { RecentAppends } from './recent-appends.js';
import { StructuredLogger } from './logger.js';
import { tracedKernel, tracedLog } from './traced.js';
import { openTraces } from './traces.js';
import { currentTrace, failSpan, traceParentOf, Tracing } from './tracing.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

function recording() {
  const out = new InMemorySpanExporter();
  const sampler = new ParentBasedSampler({ root: new AlwaysOffSampler() });
  const spanProcessors = [new SimpleSpanProcessor(out)];
  const on = new BasicTracerProvider({ spanProcessors });
  const off = new BasicTracerProvider({ spanProcessors, sampler });
  const of = (provider: BasicTracerProvider) => new Tracing(provider.getTracer('test'));
  return { tracing: of(on), unsampled: of(off), spans: () => out.getFinishedSpans() };
}

const STARTED_MS = 1_700_000_000_000;
const batch = (after: string, last: string) => ({
  group: 'journeys',
  generation: 'journeys-1',
  after,
  last,
  events: 1,
  startedMs: STARTED_MS,
  tookMs: 5,
});

describe('traceparent', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, 1],
    [`00-${TRACE}-${SPAN}-00`, 0],
    [`00-${TRACE}-${SPAN}-03`, 1],
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, 1],
  ])('%s is read', (traceparent, traceFlags) => {
    expect(traceParentOf({ traceparent })).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags, isRemote: true });
  });

  it.each([
    [undefined],
    [''],
    [`ff-${TRACE}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}-01-more`],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`],
    [`00-${'0'.repeat(32)}-${SPAN}-01`],
    [`00-${TRACE}-${'0'.repeat(16)}-01`],
    [[`00-${TRACE}-${SPAN}-01`]],
  ])('%j is none', (traceparent) => expect(traceParentOf({ traceparent })).toBeUndefined());
});

describe('Tracing', () => {
  it('keeps what is awaited under its span, and nothing else', async () => {
    const { tracing, spans } = recording();
    expect(currentTrace()).toBeUndefined();
    await tracing.during('outer', {}, async () => {
      await Promise.resolve();
      await tracing.during('inner', {}, () => Promise.resolve());
    });
    const [inner, outer] = spans();
    expect(inner!.parentSpanContext!.spanId).toBe(outer!.spanContext().spanId);
    expect(outer!.parentSpanContext).toBeUndefined();
    expect(currentTrace()).toBeUndefined();
  });

  it('marks what failed by its code, and never repeats its message', async () => {
    const { tracing, spans } = recording();
    const error = new TouchstoneError('CUSTOMER_UNKNOWN', 'There is no Zhang San.', 'notFound');
    await expect(tracing.during('work', {}, () => Promise.reject(error))).rejects.toBe(error);
    await expect(tracing.during('work', {}, () => Promise.reject(new Error('Zhang San')))).rejects.toThrow();
    expect(spans().map(({ attributes }) => attributes['error.type'])).toEqual(['CUSTOMER_UNKNOWN', 'INTERNAL']);
    expect(spans().map(({ status }) => status)).toEqual([{ code: SpanStatusCode.ERROR }, { code: SpanStatusCode.ERROR }]); // prettier-ignore
    expect(spans().flatMap(({ events }) => events)).toEqual([]);
    const span = tracing.begin('answer');
    failSpan(span, '503');
    span.end();
    expect(spans()[2]!.attributes['error.type']).toBe('503');
  });

  it('begins another trace, with a link, once one has many pieces', async () => {
    const { tracing, spans } = recording();
    await tracing.during('stream', {}, async () => {
      for (let i = 0; i < 502; i++) await tracing.during('piece', { divides: true }, () => Promise.resolve());
    });
    const stream = spans()
      .find(({ name }) => name === 'stream')!
      .spanContext();
    const pieces = spans().filter(({ name }) => name === 'piece');
    const alone = pieces.filter((piece) => piece.spanContext().traceId !== stream.traceId);
    expect([pieces.length, alone.length]).toEqual([502, 2]);
    expect(alone.map(({ links }) => links.map(({ context }) => context.spanId))).toEqual([[stream.spanId], [stream.spanId]]); // prettier-ignore
  });

  it('finds for a batch the appends that it took, also those that are answered after it', () => {
    const { tracing, spans } = recording();
    const append = (last: string) => {
      const span = tracing.begin(`append ${last}`);
      tracing.appended(span, last, `c-${last}`);
      span.end();
      return span.spanContext();
    };
    append('01');
    const second = append('02');
    tracing.projected(batch('01', '03'));
    const third = append('03');
    append('04');
    tracing.settle();
    const project = spans().find(({ name }) => name === 'project journeys')!;
    expect(project.links.map(({ context }) => context.spanId)).toEqual([second.spanId, third.spanId]);
    expect(project.parentSpanContext?.spanId).toBe(second.spanId);
    expect(project.spanContext().traceId).toBe(second.traceId);
    expect([project.startTime, project.endTime]).toEqual([[STARTED_MS / 1_000, 0], [STARTED_MS / 1_000, 5e6]]); // prettier-ignore
    expect(project.attributes).toMatchObject({ 'touchstone.position.after': '01', 'touchstone.position': '03' });
    expect(tracing.appendOf('c-03')).toEqual(third);
  });

  it('remembers no append that is not sampled', () => {
    const { unsampled } = recording();
    const span = unsampled.begin('append');
    unsampled.appended(span, '01', 'c');
    expect(unsampled.appendOf('c')).toBeUndefined();
  });
});

describe('RecentAppends', () => {
  it('keeps the last ones', () => {
    const recent = new RecentAppends(2);
    const context = (spanId: string) => ({ spanId }) as SpanContext;
    for (const last of ['1', '2', '3']) recent.add({ last, context: context(last), correlationId: `c${last}` });
    expect(recent.between('0', '9')).toEqual([context('2'), context('3')]);
    expect([recent.of('c1'), recent.of('c3')]).toEqual([undefined, context('3')]);
  });
});

describe('a traced log', () => {
  it('tells of every append how much and up to where, and of one that was refused why', async () => {
    const { tracing, spans } = recording();
    const event = { id: 'e', metadata: { correlationId: 'c' } } as NewEvent;
    const refusal = new TouchstoneError('WRONG_EXPECTED_REVISION', 'Read again.', 'conflict');
    const answers: AppendOutcome[] = [{ ok: true, appended: { revision: 0, position: '07' } }, { ok: false, error: refusal }]; // prettier-ignore
    const log = tracedLog({ appendMany: () => Promise.resolve(answers) } as unknown as EventLog, tracing);
    const requests = ['a', 'b'].map((stream) => ({ stream, expected: 'none' as const, events: [event, event] }));
    expect(await log.appendMany(requests)).toBe(answers);
    expect(spans()[0]!.attributes).toEqual({
      'touchstone.events': 4,
      'touchstone.streams': 2,
      'touchstone.position': '07',
      'error.type': 'WRONG_EXPECTED_REVISION',
    });
    expect(tracing.appendOf('c')).toEqual(spans()[0]!.spanContext());
  });
});

describe('a traced kernel', () => {
  class RecordFact {}
  class CloseJourney {}
  const round = (actor: { id: string; role?: string }, streams: string[], ...commands: object[]): KernelRound => ({
    work: commands.map((command) => ({ decider: undefined as never, command })),
    streams,
    context: { actor, correlationId: 'c-1' },
  });
  const done = { ok: true, done: { events: [{}, {}] } } as unknown as WorkOutcome;
  const refused: WorkOutcome = { ok: false, error: new TouchstoneError('JOURNEY_CLOSED', 'It is closed.', 'refused') };

  it('names a command and its stream, but no id that was chosen outside', async () => {
    const { tracing, spans } = recording();
    const around = tracedKernel(tracing);
    const clerk = { id: 'clerk' };
    await around(round(clerk, ['journey-7'], new CloseJourney()), () => Promise.resolve([refused]));
    await around(round(clerk, ['object-phone-13800138000'], new RecordFact()), () => Promise.resolve([done]));
    await around(round(clerk, ['a', 'b'], new RecordFact(), new CloseJourney()), () => Promise.resolve([done, done]));
    expect(spans().map(({ name }) => name)).toEqual(['command CloseJourney', 'command RecordFact', 'command several']);
    expect(spans().map(({ attributes }) => attributes['touchstone.stream'])).toEqual(['journey-7', 'object-…', undefined]); // prettier-ignore
    expect(spans()[0]!.attributes).toMatchObject({ 'error.type': 'JOURNEY_CLOSED', 'touchstone.refused': 1 });
    expect(spans()[2]!.attributes).toMatchObject({ 'touchstone.commands': 2, 'touchstone.events': 4 });
  });

  it('links what a policy decides to the append that it follows from', async () => {
    const { tracing, spans } = recording();
    const cause = tracing.begin('append');
    tracing.appended(cause, '01', 'c-1');
    cause.end();
    const policy = round({ id: 'follow-ups', role: 'policy' }, ['journey-7'], new CloseJourney());
    await tracedKernel(tracing)(policy, () => Promise.resolve([done]));
    const [, decided] = spans();
    expect(decided!.name).toBe('policy follow-ups');
    expect(decided!.links.map(({ context }) => context)).toEqual([cause.spanContext()]);
  });
});

describe('a log line', () => {
  it('carries the ids of the trace in which it was written', async () => {
    const { tracing } = recording();
    const lines: string[] = [];
    const logger = new StructuredLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) });
    const context = await tracing.during('work', {}, (span) => {
      logger.warn('Slow.', { event: 'SLOW_QUERY' }, 'Reads');
      return Promise.resolve(span.spanContext());
    });
    logger.error(
      new TouchstoneError('PROJECTOR_DIED', 'It died.', 'unavailable'),
      { event: 'PROJECTOR_DIED' },
      'Projections',
    );
    const [inside, outside] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(inside).toMatchObject({ event: 'SLOW_QUERY', traceId: context.traceId, spanId: context.spanId });
    expect(outside).toMatchObject({ level: 'error', event: 'PROJECTOR_DIED', context: 'Projections' });
    expect(outside).not.toHaveProperty('traceId');
  });
});

describe('openTraces', () => {
  const keep = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
    for (const [name, value] of Object.entries(keep)) process.env[name] ??= value;
  });
  const options = { shutdownMs: 1_000, warn: () => undefined };

  it.each([
    [{}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' }],
  ])('is not wanted with %j', async (variables) => {
    Object.assign(process.env, variables);
    expect(await openTraces(options)).toBeNull();
  });

  it('refuses the protocol that it does not speak', async () => {
    Object.assign(process.env, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    });
    await expect(openTraces(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('samples as the standard variables say, and tells of a value that it does not know', async () => {
    const told: string[] = [];
    const warn = (message: string, event: string) => void told.push(`${event}: ${message}`);
    Object.assign(process.env, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_TRACES_SAMPLER: 'always_off',
    });
    const off = (await openTraces({ ...options, warn }))!;
    expect(off.tracing.begin('work').isRecording()).toBe(false);
    expect(told).toEqual([]);
    Object.assign(process.env, { OTEL_TRACES_SAMPLER: 'sometimes' });
    const odd = (await openTraces({ ...options, warn }))!;
    expect(odd.tracing.begin('work').isRecording()).toBe(true);
    expect(told).toEqual([expect.stringMatching(/^TRACE_SETTING: .*OTEL_TRACES_SAMPLER value "sometimes"/)]);
    await Promise.all([off.close(0), odd.close(0)]);
  });
});
