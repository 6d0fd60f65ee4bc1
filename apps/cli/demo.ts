import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { MAP_QUERY, type JourneyMap, type MapEdge } from './map-figures.js';
import { timelineOf, type Timeline, type TimelineEntry } from './timeline.js';
import { counted, duration, number, percent } from './text.js';

/** How the example log is to be read. */
export const EXAMPLE = {
  file: 'examples/fault-repairs.xes',
  kinds: 'examples/fault-repairs.kinds.yaml',
  journeyType: 'fault-repair',
  customer: 'account',
  unit: 'org:group',
  staff: 'org:resource',
  channel: 'channel',
  personal: ['caller', 'phone'],
} as const;

/** An arrival whose tablet was without signal carries the time that the vehicle itself recorded. */
const VEHICLE = 'vehicle:arrivedAt';
const CHANNELS = ['hotline', 'app', 'crew'];

interface Candidate {
  readonly customerId: string;
  readonly journeyId: string;
  readonly score: number;
}

/**
 * The customer who has most to tell: an arrival with a wrong time, a delay that was announced, several journeys, every
 * channel.
 * @throws EXAMPLE_UNKNOWN when the data do not hold the example
 */
export async function interestingCustomer(api: Api): Promise<string> {
  const query = `query Arrivals($after: String) {
    events(types: ["TouchpointRecorded"], first: 1000, after: $after) {
      edges { node { stream data } } pageInfo { hasNextPage endCursor }
    }
  }`;
  type Recorded = { stream: string; data: { attributes?: Record<string, unknown> } };
  type Answer = {
    events: { edges: { node: Recorded }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
  };
  const journeys = new Set<string>();
  let after: string | null | undefined;
  do {
    const { events }: Answer = await api.ask<Answer>(query, { after });
    for (const { node } of events.edges) {
      if (node.data.attributes?.[VEHICLE] !== undefined) journeys.add(node.stream.replace(/^journey-/, ''));
    }
    after = events.pageInfo.hasNextPage ? events.pageInfo.endCursor : null;
  } while (after);
  const candidates = (await Promise.all([...journeys].map((id) => candidateOf(api, id)))).flat();
  const [best] = candidates.sort((a, b) => b.score - a.score || (a.journeyId < b.journeyId ? -1 : 1));
  if (best) return best.customerId;
  throw new TouchstoneError(
    'EXAMPLE_UNKNOWN',
    'This data directory does not hold the example: leave --data out, or name an empty directory.',
    'conflict',
  );
}

async function candidateOf(api: Api, journeyId: string): Promise<Candidate[]> {
  const customerId = (await timelineOf(api, journeyId)).journeys[0]?.customerId;
  if (!customerId) return [];
  const { entries, journeys } = await timelineOf(api, customerId);
  const told = entries.some((entry) => entry.kind === 'notice.delay');
  const channels = CHANNELS.filter((channel) => entries.some((entry) => entry.channel === channel)).length;
  return [{ customerId, journeyId, score: (told ? 10 : 0) + journeys.length * 2 + channels }];
}

export interface Correction {
  readonly entry: TimelineEntry;
  readonly to: string;
}

/** The arrival of the timeline whose time is not that of the vehicle. */
export function wrongArrival({ entries }: Timeline): Correction | undefined {
  for (const entry of entries) {
    const to = entry.attributes?.[VEHICLE];
    if (typeof to === 'string' && to !== entry.occurredAt) return { entry, to };
  }
  return undefined;
}

/** Corrects the time of a touchpoint, as a person at a screen would. */
export async function correct(api: Api, { entry, to }: Correction): Promise<void> {
  const mutation = `mutation Correct($input: CorrectTouchpointInput!) { correctTouchpoint(input: $input) { position } }`;
  await api.ask(mutation, {
    input: {
      journeyId: entry.journeyId,
      touchpointId: entry.entryId,
      occurredAt: to,
      reason: 'tablet was offline, time of the vehicle',
    },
  });
}

/** Three figures of the map of the example, in words. */
export async function threeFigures(api: Api): Promise<string[]> {
  const variables = { filter: { journeyType: EXAMPLE.journeyType }, maxNodes: 50, maxVariants: 3 };
  const { journeyMap: map } = await api.ask<{ journeyMap: JourneyMap }>(MAP_QUERY, variables);
  const cases = map.cases.value;
  const drive = edgeOf(map, 'work.dispatched', 'crew.arrived');
  const told = map.nodes.find((node) => node.id === 'notice.delay');
  return [
    `${counted(cases, 'journey')} of ${counted(map.events.value, 'touchpoint')}; from first to last: median ` +
      `${duration(map.caseDurations.p50)}, 9 of 10 within ${duration(map.caseDurations.p90)}`,
    `Dispatched, then on site with nothing in between: ${number(drive?.count.value ?? 0)} times, median ` +
      `${duration(drive?.durations.p50 ?? null)}, 9 of 10 within ${duration(drive?.durations.p90 ?? null)}`,
    `${number(map.reworkCases.value)} journeys (${percent(map.reworkCases.value / cases)}) go through something twice; ` +
      `a delay was announced ${counted(told?.count.value ?? 0, 'time')}`,
  ];
}

const edgeOf = ({ edges }: JourneyMap, source: string, target: string): MapEdge | undefined =>
  edges.find((edge) => edge.source === source && edge.target === target);
