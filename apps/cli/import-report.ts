import type { ImportResult } from '@touchstone/interchange';
import { counted, indented, number, table } from './text.js';

/** Losses named one by one. */
const LOSSES = 20;

/** What became of the file, in words. */
export function reportOf(result: ImportResult): string {
  const { status, journeyType, source, resumed } = result;
  const from = source === journeyType ? '' : ` from ${source}`;
  const head = status === 'checked' ? 'Checked, nothing was appended' : resumed ? 'Imported, going on where an earlier run had stopped' : 'Imported'; // prettier-ignore
  return [
    `${head}: ${journeyType}${from}`,
    indented(balance(result)),
    indented(`${counted(result.journeys, 'journey')} ${origin(result)}, ${kinds(result)}${customers(result)}`),
    ...objects(result),
    ...unreadable(result),
    ...losses(result),
    ...result.warnings.map((warning) => `Mind: ${warning}`),
  ].join('\n');
}

function balance({ sent, taken, known, quarantined, objects: ofObjects }: ImportResult): string {
  // Of a log of objects, what is said of them is sent as well.
  const what = ofObjects === undefined ? 'event' : 'record';
  const parts = `${number(taken)} taken + ${number(known)} already known + ${number(quarantined)} quarantined`;
  return `${counted(sent, what)} sent = ${parts}`;
}

/** Of a log of objects. */
function objects({ events, objects: count }: ImportResult): string[] {
  if (events === undefined || count === undefined) return [];
  return [indented(`of a file with ${counted(events, 'event')} and ${counted(count, 'object')}`)];
}

const origin = ({ rows, traces }: ImportResult): string =>
  rows === undefined ? `in ${counted(traces, 'trace')}` : `from ${counted(rows, 'row')}`;

const kinds = ({ kinds: ids }: ImportResult): string => counted(new Set(ids).size, 'kind');

/** Told by servers that count them. */
function customers(result: ImportResult & { readonly customers?: number }): string {
  return result.customers === undefined ? '' : `, ${counted(result.customers, 'customer')}`;
}

function unreadable({ quarantined, unreadable: codes }: ImportResult): string[] {
  if (quarantined === 0) return [];
  const read = Object.values(codes).reduce((sum, n) => sum + n, 0);
  const lines = Object.entries(codes).map(([code, n]) => `${number(n)} ${code}`);
  if (quarantined > read) lines.push(`${number(quarantined - read)} refused by the rules of their journey or kind`);
  return ['Quarantined (see `touchstone quarantine`):', ...lines.map((line) => indented(line))];
}

function losses({ losses: all }: ImportResult): string[] {
  if (all.length === 0) return ['Everything was carried over.'];
  const rows = table(all.slice(0, LOSSES), [
    { head: 'not carried over', of: (l) => l.what },
    { head: 'name', of: (l) => l.name, max: 60 },
    { head: 'times', of: (l) => number(l.count), right: true },
  ]);
  const more = all.length - LOSSES;
  return [rows, ...(more > 0 ? [`… and ${number(more)} more, all of them with --json`] : [])];
}
