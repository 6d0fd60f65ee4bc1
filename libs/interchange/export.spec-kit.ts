/** For tests of exports: what a house has recorded, projected into a real store, and told back journey by journey. */
import type { RecordedEvent } from '@touchstone/eventing';
import { exportPage, journeyProjections, type ExportedJourney, type JourneyFilter } from '@touchstone/journeys/read';
import { packProjections } from '@touchstone/packs';
import type { ProjectionGroup } from '@touchstone/readmodel';
import type { ReadQuery } from '@touchstone/readmodel/query';
import { InlineReads, projectAll } from '@touchstone/readmodel/testing';
import type { RunningExport } from './exports.js';
import type { House } from './testing.js';

const group: ProjectionGroup = { name: 'journeys', projections: [...packProjections, ...journeyProjections] };

/** @param after only what was recorded after this position */
export async function readsOf(house: House, after?: string): Promise<InlineReads> {
  const events: RecordedEvent[] = [];
  for await (const page of house.log.readAll({ after })) events.push(...page);
  return new InlineReads(projectAll(group, events), { log: house.log });
}

const journeysQuery: ReadQuery<JourneyFilter, ExportedJourney[]> = {
  name: 'journeysOfTest',
  group: 'journeys',
  run: async (read, filter) => (await exportPage(read, { filter, most: 1_000_000 })).journeys as ExportedJourney[],
};

/** Up to 200 journeys whole. */
export const journeysIn = async (reads: InlineReads, filter: JourneyFilter): Promise<ExportedJourney[]> =>
  (await reads.run(journeysQuery, filter)).result;

export async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

/** An export that nobody watches. */
export function alone(): Pick<RunningExport, 'signal' | 'tell'> & { readonly told: ToldReport[] } {
  const told: ToldReport[] = [];
  return { signal: new AbortController().signal, tell: (report) => void told.push(report), told };
}
type ToldReport = Parameters<RunningExport['tell']>[0];
