import type { Api } from './api.js';
import { oneLine } from './text.js';

/** An event as the API answers it. */
export interface EventRow {
  readonly position: string;
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: { readonly actor: { readonly id: string } };
}

/** All fields of an event. */
export const EVENT = `position id type schemaVersion stream revision occurredAt recordedAt data
  metadata {
    correlationId causationId actor { id role unit } source { system recordId sequence recordedAt }
    policyVersion historical
  }`;

const FEED = `subscription Events(
  $after: Position, $types: [String!], $stream: String
  $journeyTypes: [String!], $units: [String!], $regions: [String!], $tiers: [String!]
) {
  events(
    after: $after, types: $types, stream: $stream
    journeyTypes: $journeyTypes, units: $units, regions: $regions, tiers: $tiers
  ) { ${EVENT} context { journeyType stage unit channel region tier supersedes } }
}`;

/** By what stands around an event, as known at its position. */
export interface Around {
  readonly journeyTypes?: readonly string[];
  readonly units?: readonly string[];
  readonly regions?: readonly string[];
  readonly tiers?: readonly string[];
}

interface Which extends Around {
  /** Position; absent: from the beginning. */
  readonly after?: string;
  readonly types?: readonly string[];
  readonly stream?: string;
}

/** Every event after a position, then each as it is recorded; see `feedOf`. */
export async function* eventsSince(api: Api, which: Which): AsyncGenerator<EventRow, void, void> {
  const { feedOf } = await import('./feed.js');
  for await (const { events } of feedOf<{ events: EventRow }>(api, FEED, { ...which })) yield events;
}

/** The end of the log as it is now; undefined while it is empty. */
export async function headOf(api: Api): Promise<string | undefined> {
  const { projections } = await api.ask<{ projections: { head: string | null }[] }>('{ projections { head } }');
  const heads = projections.flatMap(({ head }) => head ?? []);
  return heads.sort().at(-1);
}

/** One event on one line. */
export function eventLine({ position, type, stream, revision, occurredAt, data, metadata }: EventRow): string {
  const what = type === 'MomentObserved' ? observed(data) : '';
  const parts = [position, type, what, `${stream}@${revision}`, occurredAt, `by ${metadata.actor.id}`];
  return parts
    .filter((part) => part !== '')
    .map(oneLine)
    .join('  ');
}

function observed({ code, polarity, observer }: EventRow['data']): string {
  return `${polarity === 'negative' ? '▼' : '▲'} ${String(code)} (${String(observer)})`;
}
