/** The example, and what the demo shows of it: five beats. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { interrupted } from './cli-errors.js';
import { eventsSince, headOf, type EventRow } from './events.js';
import type { Figure, MetricInfo } from './metric-text.js';
import { MOMENT, type Moment } from './observed.js';
import { timelineOf, type Timeline, type TimelineEntry } from './timeline.js';

/** How the example log is to be read. */
export const EXAMPLE = {
  file: 'examples/fault-repairs.xes',
  kinds: 'examples/fault-repairs.kinds.yaml',
  /** What people noted, which no event log carries. */
  care: 'examples/fault-repairs.care.jsonl',
  journeyType: 'fault-repair',
  customer: 'account',
  unit: 'org:group',
  staff: 'org:resource',
  channel: 'channel',
  personal: ['caller', 'phone'],
} as const;

/** The made-up world ends here, a week and a day after its last fault: windows of a week have passed. */
export const WORLD = { CLOCK_AT: '2025-07-28T09:00:00+08:00', TIME_ZONE: 'Asia/Shanghai' } as const;

/** The household that the example tells most about. */
const HERO = `${EXAMPLE.journeyType}/${EXAMPLE.customer}=A-311517`;

/** The figures that are shown; the last one moves. */
const SHOWN = ['M-RPT', 'M-EEG', 'M-MOTN'] as const;

/** How long a subscriber may take to tell of what was recorded, and policies to decide what is due, in ms. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

/** @throws EXAMPLE_UNKNOWN when the data do not hold the example */
export async function heroTimeline(api: Api): Promise<Timeline> {
  try {
    return await timelineOf(api, HERO);
  } catch (error) {
    if ((error as Partial<TouchstoneError>).code !== 'CUSTOMER_UNKNOWN') throw error;
    throw unknownExample();
  }
}

const unknownExample = (): TouchstoneError =>
  new TouchstoneError(
    'EXAMPLE_UNKNOWN',
    'This data directory does not hold the example as it was: leave --data out, or name an empty directory.',
    'conflict',
  );

/** Waits until rules have observed everything that they can by now. @throws POLICY_FAILED, INTERRUPTED */
export async function rulesDone(api: Api): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    await api.settled();
    const { policies } = await api.ask<{
      policies: { name: string; due: number | null; lastError: { message: string } | null }[];
    }>('{ policies { name due lastError { message } } }');
    const behind = policies.find(({ due }) => due !== 0);
    if (!behind) return;
    if (Date.now() > end) {
      const why = behind.lastError?.message ?? 'it does not say why';
      throw new TouchstoneError('POLICY_FAILED', `The policy ${behind.name} does not get done: ${why}.`, 'unavailable');
    }
    await pause(api);
  }
}

const pause = (api: Api) =>
  sleep(LOOK_MS, undefined, { signal: api.signal }).catch(() => {
    throw interrupted();
  });

/** A figure with one of the events that it was counted from. */
export interface ShownFigure {
  readonly metric: MetricInfo;
  readonly total: Figure;
  readonly asOf: { readonly position: string; readonly instant: string };
  /** Null: nothing is behind it. */
  readonly event: { readonly eventId: string; readonly kind: string; readonly occurredAt: string } | null;
}

const METRIC = `query Metric($id: ID!, $asOf: AsOfInput, $atLeast: Position) {
  metric(id: $id, asOf: $asOf, atLeast: $atLeast) {
    asOf { position instant }
    metric { id nameEn nameZh formulaEn formulaZh unit source anchor kind dimensions }
    total {
      n numerator denominator value interval { low high level } percentiles { percent value } provisional
      coverage { observer rule covered of share numerator } extras { nameEn nameZh value unit } figure numeratorFigure
    }
  }
}`;
const BEHIND = `query Behind($token: String!) {
  figure(token: $token) { occurrences(first: 1) { edges { node { events { eventId kind occurredAt } } } } }
}`;

export async function figureOf(
  api: Api,
  id: string,
  when: { asOf?: { position: string }; atLeast?: string } = {},
): Promise<ShownFigure> {
  type Answer = {
    metric: Omit<ShownFigure, 'event' | 'total'> & { total: Figure & { numeratorFigure: string | null } };
  };
  const { metric: answer } = await api.ask<Answer>(METRIC, { id, ...when });
  const token = answer.total.numeratorFigure ?? answer.total.figure;
  type Behind = { figure: { occurrences: { edges: { node: { events: NonNullable<ShownFigure['event']>[] } }[] } } };
  const { figure } = await api.ask<Behind>(BEHIND, { token });
  return { ...answer, event: figure.occurrences.edges[0]?.node.events.at(-1) ?? null };
}

export const threeFigures = (api: Api): Promise<ShownFigure[]> => Promise.all(SHOWN.map((id) => figureOf(api, id)));

/** A moment that was recorded while somebody followed the log. */
export interface Noticed {
  readonly moment: Moment;
  readonly touchpoint: TimelineEntry;
  /** As the subscriber had it. */
  readonly event: EventRow;
  /** Where the log ended before. */
  readonly before: string;
  readonly position: string;
}

const OBSERVE = `mutation Observe($input: ObserveMomentInput!) { observeMoment(input: $input) { entryId position } }`;
const ONE = `query Moment($id: ID!, $atLeast: Position) { moment(id: $id, atLeast: $atLeast) { ${MOMENT} } }`;

/**
 * Somebody listens to a call-back and notes a negative moment; a subscriber of the log is told.
 * @throws SUBSCRIBER_SILENT, EXAMPLE_UNKNOWN
 */
export async function noticed(api: Api, { entries }: Timeline): Promise<Noticed> {
  // Where a rule has spoken, a person's word would take its place, and the figure would stay.
  const touchpoint = entries.findLast((entry) => entry.kind === 'contact.call-back' && entry.moments.length === 0);
  if (!touchpoint) throw unknownExample();
  const before = (await headOf(api))!;
  const feed = eventsSince(api, { after: before, types: ['MomentObserved'] });
  try {
    const next = feed.next();
    // Not waited for before the command: its fault is told when it is.
    next.catch(() => undefined);
    const input = {
      journeyId: touchpoint.journeyId,
      touchpointId: touchpoint.entryId,
      code: 'NEG-05',
      intensity: 2,
      observer: 'qa',
      note: 'Insisted that nobody could have come sooner.',
    };
    type Recorded = { observeMoment: { entryId: string; position: string } };
    const { observeMoment: recorded } = await api.ask<Recorded>(OBSERVE, { input });
    const told = await Promise.race([next, sleep(PATIENCE_MS, null, { ref: false })]);
    if (!told || told.done) {
      throw new TouchstoneError('SUBSCRIBER_SILENT', 'The subscription told nothing of what was recorded.', 'internal');
    }
    const { position } = recorded;
    const { moment } = await api.ask<{ moment: Moment }>(ONE, { id: recorded.entryId, atLeast: position });
    return { moment, touchpoint, event: told.value, before, position };
  } finally {
    await feed.return();
  }
}

/** A figure as it is after something was recorded, and as it was before. */
export interface Moved {
  readonly was: ShownFigure;
  readonly is: ShownFigure;
}

export async function moved(api: Api, { before, position }: Noticed): Promise<Moved> {
  const id = SHOWN.at(-1)!;
  const [was, is] = await Promise.all([
    figureOf(api, id, { asOf: { position: before } }),
    figureOf(api, id, { atLeast: position }),
  ]);
  return { was, is };
}
