/** What may be wrong with a house of several processes once it has caught up; empty: nothing. */
import { isDeepStrictEqual } from 'node:util';
import {
  deterministicId,
  EventRegistry,
  type Position,
  type RecordedEvent,
  type SharedLog,
} from '@touchstone/eventing';
import { openForReading } from '@touchstone/readmodel/connection';
import { placeOfGeneration } from '@touchstone/readmodel/read-store';
import { dumpRows, projectAll, type Dump } from '@touchstone/readmodel/testing';
import { events as definitions, groupsIn } from '../apps/server/composition.js';
import type { Standing } from './pair-chaos.kit.js';
import type { Claim } from './pair-chaos.traffic.js';

/** Findings of one kind are listed up to here. */
const MOST = 5;
const registry = new EventRegistry(definitions);
const [group] = groupsIn('UTC');

/** Every event of a log behind a place, in its order. */
export async function readOn(log: Pick<SharedLog, 'readAll'>, after?: Position): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of log.readAll({ after })) events.push(...page);
  return events;
}

/** No id twice, no gap in a stream, and positions that grow. */
export function orderFindings(events: readonly RecordedEvent[]): string[] {
  const next = new Map<string, number>();
  const ids = new Set<string>();
  const found: string[] = [];
  let before = '';
  for (const { id, stream, revision, position } of events) {
    const due = next.get(stream) ?? 0;
    if (revision !== due) found.push(`${stream} has revision ${revision} at ${position} where ${due} was due.`);
    if (ids.has(id)) found.push(`The id ${id} is in the log twice.`);
    if (position <= before) found.push(`${position} follows upon ${before}.`);
    next.set(stream, revision + 1);
    ids.add(id);
    before = position;
  }
  return found.slice(0, MOST);
}

/** What was acknowledged is there, where the answer said. */
export function claimFindings(events: readonly RecordedEvent[], claims: readonly Claim[]): string[] {
  const byPosition = new Map(events.map((event) => [event.position, event]));
  return claims
    .flatMap(({ about, id, stream, revision, position }) => {
      const event = byPosition.get(position);
      if (!event) return [`Acknowledged, but not in the log: ${about} at ${position}.`];
      const isIt = event.stream === stream && event.revision === revision && (id === undefined || event.id === id);
      return isIt
        ? []
        : [`Acknowledged ${about} as ${stream}@${revision}; there is ${event.stream}@${event.revision}.`];
    })
    .slice(0, MOST);
}

/** Every row of the generation that answers, beside those of one that is built from zero. */
export function rowFindings(readStore: string, standing: Standing, events: readonly RecordedEvent[]): string[] {
  const head = events.at(-1)?.position;
  const { generation: name, checkpoint, parked, skipped } = standing;
  const place = placeOfGeneration(readStore, { name });
  const db = openForReading(place);
  const rebuilt = projectAll(group!, events, { read: registry.read });
  try {
    const due = dumpRows(rebuilt);
    return [
      ...(checkpoint === head ? [] : [`${name} stands at ${checkpoint}, the log at ${head}.`]),
      ...(parked + skipped === 0 ? [] : [`${name} has set ${parked} events aside, and ${skipped} were given up.`]),
      ...dumpFindings(dumpRows({ db, group: group! }), due),
      ...dueFindings(due),
    ];
  } finally {
    db.close();
    rebuilt.close();
  }
}

function dumpFindings(live: Dump, rebuilt: Dump): string[] {
  return Object.keys(rebuilt).flatMap((table) => {
    const [there, due] = [live[table]!, rebuilt[table]!];
    const found = there.length === due.length ? [] : [`${table} has ${there.length} rows, a rebuild ${due.length}.`];
    for (let i = 0; i < Math.max(there.length, due.length) && found.length < MOST; i++) {
      if (isDeepStrictEqual(there[i], due[i])) continue;
      found.push(
        `${table}, row ${i}: ${JSON.stringify(there[i])}, a rebuild has ${JSON.stringify(due[i])}.`.slice(0, 900),
      );
    }
    return found.slice(0, MOST);
  });
}

/** What rules make of all the facts at once is what policies recorded, neither less nor more. */
function dueFindings(rebuilt: Dump): string[] {
  const due = rebuilt['moment_due']!.filter((row) => (row['due_ms'] as number) <= Date.now());
  return due.slice(0, MOST).map((row) => `Of the facts it follows, and nobody recorded it: ${JSON.stringify(row)}.`);
}

interface Moment {
  readonly code: string;
  readonly momentId: string;
  readonly rule?: { readonly cause: string };
}

/**
 * What policies decided, by whichever process: ids that follow from their causes, no moment again while it holds, and of
 * each merge its survivor has learned once.
 */
export function decisionFindings(events: readonly RecordedEvent[]): string[] {
  const [held, times] = [new Map<string, string>(), new Map<string, number>()];
  const learned = new Set<string>();
  const found: string[] = [];
  for (const { id, type, stream, data } of events) {
    const { code, momentId, rule } = data as Moment;
    if (type === 'JourneyPartAdded') learned.add(id);
    if (type === 'MomentRetracted') for (const [key, moment] of held) if (moment === momentId) held.delete(key);
    if (type !== 'MomentObserved' || !rule) continue;
    const parts = [stream.slice('journey-'.length), code, rule.cause];
    const key = parts.join(' ');
    const n = times.get(key) ?? 0;
    if (held.has(key)) found.push(`The moment ${key} was observed again while it held.`);
    if (id !== deterministicId('rule-moment', ...parts, String(n))) found.push(`The moment ${key} has the id ${id}.`);
    held.set(key, id);
    times.set(key, n + 1);
  }
  const merges = events.filter(({ type }) => type === 'JourneysMerged');
  const due = new Set(merges.map(({ id }) => deterministicId('part-added', id)));
  for (const id of due) if (!learned.has(id)) found.push(`Nobody learned of a merge: there is no ${id}.`);
  for (const id of learned) if (!due.has(id)) found.push(`${id} was learned of no merge.`);
  return found.slice(0, MOST);
}
