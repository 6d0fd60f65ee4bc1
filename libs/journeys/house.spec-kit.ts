/** For tests of reads: a house of recorded events, projected into a real store, that can be asked about the past. */
import type { RecordedEvent } from '@touchstone/eventing';
import { packProjections } from '@touchstone/packs';
import type { ProjectionGroup } from '@touchstone/readmodel';
import { InlineReads, projectAll } from '@touchstone/readmodel/testing';
import { journeyProjections } from './read.js';

const group: ProjectionGroup = { name: 'journeys', projections: [...packProjections, ...journeyProjections] };

/** A well-formed id that says which of the test it is. */
export const uuid = (n: number): string => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

/** Reads over the events; `now` is the instant at which the present is judged, ISO 8601 UTC. */
export function readsOf(events: readonly RecordedEvent[], now?: string): InlineReads {
  const log = {
    comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
    async *readAll({ after = '' }: { after?: string } = {}) {
      const rest = events.filter((event) => event.position > after);
      if (rest.length > 0) yield rest;
      await Promise.resolve();
    },
  };
  return new InlineReads(projectAll(group, events), { log: log as never, ...(now && { now: () => now }) });
}
