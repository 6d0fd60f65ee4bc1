import { exportPage, sharedFactCounts, type ExportCursor, type JourneyFilter } from '@touchstone/journeys/read';
import type { ReadQuery } from '@touchstone/readmodel/query';
import type { Loss } from './loss-report.js';
import { choicesFor, XesWriter, type XesChoices } from './xes-writer.js';

export interface XesPageParams {
  readonly filter: JourneyFilter & { readonly journeyType: string };
  readonly after?: ExportCursor;
  /** Touchpoints at most. */
  readonly most: number;
  /** Those that the first page came with; absent for the first page. */
  readonly choices?: XesChoices;
}

/** Traces as text, ready to be sent: made in the reader thread, so that the thread of requests only passes it on. */
export interface XesPage {
  readonly text: string;
  readonly choices: XesChoices;
  readonly journeys: number;
  readonly touchpoints: number;
  readonly losses: readonly Loss[];
  /** Kinds that were met on the page. */
  readonly kinds: readonly string[];
  readonly besides: Readonly<Record<string, number>>;
  readonly next: ExportCursor | null;
}

export const xesPageQuery: ReadQuery<XesPageParams, XesPage> = {
  name: 'xesPage',
  group: 'journeys',
  run: async (read, { filter, after, most, choices: given }) => {
    const { journeys, besides, next } = await exportPage(read, { filter, after, most });
    const choices = given ?? choicesFor(journeys);
    const writer = new XesWriter(filter.journeyType, choices);
    const text = writer.traces(journeys);
    const shared = given ? {} : await sharedFactCounts(read);
    return {
      text,
      choices,
      journeys: journeys.filter(({ continued }) => !continued).length,
      touchpoints: journeys.reduce((sum, { touchpoints }) => sum + touchpoints.length, 0),
      losses: [
        ...writer.losses(),
        ...Object.entries(shared).map(([name, count]): Loss => ({ what: 'shared-fact', name, count })),
      ],
      kinds: writer.met(),
      besides,
      next,
    };
  },
};
