import type { RecordedEvent, Vault } from '@touchstone/eventing';
import { openPersonal } from './chaos.verify.js';

/** A journey's event, with nothing in it that is another in every run. */
export type Plain = { readonly type: string; readonly id?: string; readonly [field: string]: unknown };

/** What a log says. */
export interface Content {
  /** The events of each journey, by stream; moments apart. */
  readonly journeys: Readonly<Record<string, readonly Plain[]>>;
  /** What rules decided and what of it holds. */
  readonly moments: readonly string[];
  readonly others: readonly string[];
  readonly customers: number;
  /** Of customers, those that differ. */
  readonly identifiers: number;
}

/** Of a moment, or of its end. */
interface Observed {
  readonly code: string;
  readonly touchpointId: string;
  readonly rule: { readonly cause: string };
  readonly momentId: string;
}

/**
 * What a log says, independent of ids that are given anew, positions, recorded times and keys: personal fields opened,
 * customers by their identifier; of what rules decided, only what holds: by half of a file they may have judged otherwise.
 */
export function contentOf(events: readonly RecordedEvent[], vault: Pick<Vault, 'open'>): Content {
  const opened = new Map(events.map((event) => [event, openPersonal(vault, event)]));
  const registered = events.filter(({ type }) => type === 'CustomerRegistered');
  const names = new Map(
    registered.map((event) => [
      event.stream.slice('customer-'.length),
      JSON.stringify(opened.get(event)!['identifiers']),
    ]),
  );
  // Ids stand in data and in the subject of the metadata: wherever one is, the name takes its place.
  const named = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value), (_key, part: unknown) =>
      typeof part === 'string' ? (names.get(part) ?? names.get(part.replace(/^customer:/, '')) ?? part) : part,
    );
  const plain = (event: RecordedEvent): Plain => ({
    type: event.type,
    ...(event.type === 'TouchpointRecorded' && { id: event.id }),
    occurredAt: event.type === 'TouchpointRecorded' ? event.occurredAt : undefined,
    // A pack is in force from the moment it was published.
    data: named({ ...(event.data as object), ...opened.get(event), effectiveFrom: undefined }),
    source: event.metadata.source,
    subject: named(event.metadata.subject ?? null),
  });
  const journeys: Record<string, Plain[]> = {};
  const others: string[] = [];
  const held = new Map<string, string>();
  for (const event of events) {
    const { code, touchpointId, rule, momentId } = event.data as Observed;
    if (event.type === 'MomentRetracted') held.delete(momentId);
    else if (event.type === 'MomentObserved')
      held.set(event.id, [code, touchpointId, rule.cause, event.occurredAt].join(' '));
    else if (event.stream.startsWith('journey-')) (journeys[event.stream] ??= []).push(plain(event));
    else others.push(JSON.stringify(plain(event)));
  }
  return {
    journeys,
    moments: [...held.values()].sort(),
    others: others.sort(),
    customers: names.size,
    identifiers: new Set(names.values()).size,
  };
}

/** The first journey that is another, or null: a readable answer where twenty thousand events differ. */
export function firstDifference(one: Content['journeys'], other: Content['journeys']): unknown {
  for (const stream of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (JSON.stringify(one[stream]) !== JSON.stringify(other[stream]))
      return { stream, one: one[stream], other: other[stream] };
  }
  return null;
}
