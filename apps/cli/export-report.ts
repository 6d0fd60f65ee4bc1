import type { ExportReport } from '@touchstone/interchange';
import { counted, indented, number, table } from './text.js';

/** Losses named one by one. */
const LOSSES = 20;

/** What is in the file, and what is not, in words. */
export function exportReportOf(report: ExportReport, path: string, bytes: string): string {
  const { journeys, touchpoints, events, objects, asOf, losses, warnings } = report;
  const ocel = events === undefined ? '' : ` as ${counted(events, 'event')} with ${counted(objects ?? 0, 'object')}`;
  return [
    `Exported: ${path}, ${bytes}`,
    indented(`${counted(touchpoints, 'touchpoint')} of ${counted(journeys, 'journey')}${ocel}`),
    ...(asOf === null ? [] : [indented(`as known at ${asOf.position} (${asOf.instant})`)]),
    ...lossesOf(losses),
    ...warnings.map((warning) => `Mind: ${warning}`),
  ].join('\n');
}

function lossesOf(losses: ExportReport['losses']): string[] {
  if (losses.length === 0) return ['Everything was carried over.'];
  const rows = table(losses.slice(0, LOSSES), [
    { head: 'not carried over', of: (l) => l.what },
    { head: 'name', of: (l) => l.name, max: 60 },
    { head: 'times', of: (l) => number(l.count), right: true },
  ]);
  const more = losses.length - LOSSES;
  return [rows, ...(more > 0 ? [`… and ${number(more)} more, all of them with --json`] : [])];
}
