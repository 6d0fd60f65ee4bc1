/** The parts of the house, seen by traces: the log, the kernel and the readers. */
import type { Attributes, Span } from '@opentelemetry/api';
import type { AppendOutcome, Around, EventLog, KernelRound, NewEvent } from '@touchstone/eventing';
import { currentCorrelationId } from './request-context.js';
import { failSpan, type Tracing } from './tracing.js';
import { withAppends } from './with-appends.js';

/** Why traces leave out what follows the dash of these: the thing's id was chosen outside. */
const OUTSIDE = new Set(['object', 'premise']);

/** The same log, with a span for each append. */
export function tracedLog(log: EventLog, tracing: Tracing): EventLog {
  const during = <R>(events: number, streams: number, work: (span: Span) => Promise<R>): Promise<R> =>
    tracing.during('append', { attributes: { 'touchstone.events': events, 'touchstone.streams': streams } }, work);
  return withAppends(log, {
    append: (stream, expected, events) =>
      during(events.length, 1, async (span) => {
        const appended = await log.append(stream, expected, events);
        note(tracing, span, appended.position, events[0]);
        return appended;
      }),
    appendMany: (requests) =>
      during(
        requests.reduce((sum, { events }) => sum + events.length, 0),
        requests.length,
        async (span) => {
          const answers = await log.appendMany(requests);
          const last = lastOf(answers);
          if (last !== '') note(tracing, span, last, requests[0]!.events[0]);
          const refused = answers.find((answer) => !answer.ok);
          if (refused && !refused.ok) failSpan(span, refused.error);
          return answers;
        },
      ),
  });
}

function note(tracing: Tracing, span: Span, last: string, first: NewEvent | undefined): void {
  span.setAttribute('touchstone.position', last);
  tracing.appended(span, last, first?.metadata.correlationId);
}

const lastOf = (answers: readonly AppendOutcome[]): string =>
  answers.reduce(
    (last, answer) => (answer.ok && answer.appended.position > last ? answer.appended.position : last),
    '',
  );

/**
 * A span for each round of the kernel: one command and its stream, or how many of them. What a policy decides says which
 * one, and is linked to the append that it follows from.
 */
export function tracedKernel(tracing: Tracing): Around {
  return (round, run) => {
    const { context } = round;
    const isPolicy = context?.actor.role === 'policy';
    const cause = isPolicy ? tracing.appendOf(context.correlationId) : undefined;
    const name = isPolicy ? `policy ${context.actor.id}` : nameOf(round);
    const correlationId = context?.correlationId ?? currentCorrelationId();
    const attributes: Attributes = {
      ...describe(round),
      ...(correlationId !== undefined && { 'touchstone.correlation_id': correlationId }),
    };
    return tracing.during(name, { attributes, links: cause && [cause], divides: true }, async (span) => {
      const outcomes = await run();
      let refused = 0;
      let events = 0;
      for (const outcome of outcomes) {
        if (outcome.ok) events += outcome.done.events.length;
        else if (refused++ === 0) failSpan(span, outcome.error);
      }
      span.setAttributes({ 'touchstone.events': events, ...(refused > 0 && { 'touchstone.refused': refused }) });
      return outcomes;
    });
  };
}

/** The command where there is one kind of it. */
function commandOf({ work }: KernelRound): string | undefined {
  const name = work[0]?.command.constructor.name;
  return work.every(({ command }) => command.constructor.name === name) ? name : undefined;
}

const nameOf = (round: KernelRound): string => `command ${commandOf(round) ?? 'several'}`;

function describe(round: KernelRound): Attributes {
  const command = commandOf(round);
  const named = command === undefined ? {} : { 'touchstone.command': command };
  if (round.work.length !== 1) {
    return { ...named, 'touchstone.commands': round.work.length, 'touchstone.streams': round.streams.length };
  }
  const stream = round.streams[0] ?? '';
  const category = stream.slice(0, Math.max(0, stream.indexOf('-')));
  return { ...named, 'touchstone.stream': OUTSIDE.has(category) ? `${category}-…` : stream };
}
