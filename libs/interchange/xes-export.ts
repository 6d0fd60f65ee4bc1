import { TouchstoneError } from '@touchstone/eventing';
import type { Reads } from '@touchstone/readmodel';
import type { ExportOptions } from './export-options.js';
import { ExportTally, type ExportReport } from './export-report.js';
import type { RunningExport } from './exports.js';
import { xesPageQuery, type XesPage, type XesPageParams } from './xes-export.queries.js';
import { XES_END, xesHead } from './xes-writer.js';

/** Touchpoints read at a time: about a megabyte of text. */
const PAGE = 1_000;
/** A page may have to pass over many journeys that a filter does not choose. */
const PAGE_MS = 60_000;

/**
 * Exports journeys of one type as XES (IEEE 1849), page by page as they are asked for: memory holds one page. All pages
 * are of one place in the log.
 * @throws JOURNEY_TYPE_MISSING, and those of `Reads`; the first page is read before anything is given
 */
export async function* exportXes(
  reads: Pick<Reads, 'run'>,
  options: ExportOptions,
  run: Pick<RunningExport, 'signal' | 'tell'>,
  most = PAGE,
): AsyncGenerator<string> {
  const { journeyType } = options.filter;
  if (journeyType === undefined) throw journeyTypeMissing();
  const tally = new ExportTally();
  const params = { filter: { ...options.filter, journeyType }, most };
  const { signal } = run;
  const read = (more: Partial<XesPageParams>, asOf: ExportOptions['asOf']) =>
    reads.run(xesPageQuery, { ...params, ...more }, { asOf, signal, timeoutMs: PAGE_MS });
  const first = await read({}, options.asOf);
  const { asOf, result: head } = first;
  tally.asOf = asOf;
  yield xesHead(journeyType, asOf.position, head.choices);
  for (let page: XesPage = head; ;) {
    tally.add(page);
    yield page.text;
    run.tell(told(tally));
    signal.throwIfAborted();
    if (page.next === null) break;
    page = (await read({ after: page.next, choices: head.choices }, asOf)).result;
  }
  yield XES_END;
}

const told = (tally: ExportTally): Omit<ExportReport, 'id' | 'status'> => ({
  format: 'xes',
  asOf: tally.asOf,
  journeys: tally.journeys,
  touchpoints: tally.touchpoints,
  losses: tally.losses(),
  warnings: tally.journeys === 0 ? ['No journey answers to that: the file has no trace.'] : [],
});

const journeyTypeMissing = (): TouchstoneError =>
  new TouchstoneError(
    'JOURNEY_TYPE_MISSING',
    'Name the journey type: a log in XES holds journeys of one type. OCEL takes several.',
    'invalid',
  );
