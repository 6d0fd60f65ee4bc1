import { observedLines, type NameOf } from './observed-text.js';
import type { JourneyHead, Timeline, TimelineEntry, TimelineVersion } from './timeline.js';
import { counted, indented, oneLine, padEnd, wallClock, widthOf } from './text.js';

export interface TimelineTextOptions {
  /** Name of a kind. */
  readonly nameOf: (kind: string) => string;
  /** Name of a moment, and of a rating's word; default: in English. */
  readonly named?: NameOf;
  /** Attributes under their entry. */
  readonly attributes?: boolean;
}

/** A timeline for a reader: a line per entry, in the time of the place where it happened. */
export function timelineText(timeline: Timeline, options: TimelineTextOptions): string {
  const { entries, journeys } = timeline;
  const labels = labelsOf(journeys);
  const rows = entries.map((entry) => rowOf(entry, labels, options));
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(0, ...rows.map((row) => widthOf(row.cells[i] ?? ''))));
  const lines: string[] = [];
  let day = '';
  for (const { cells, marks, details, date } of rows) {
    if (date !== day) lines.push('', date);
    day = date;
    // Of one journey every line would carry the same label.
    const shown = timeline.of === 'journey' ? cells.slice(0, 4) : cells;
    lines.push(`  ${shown.map((cell, i) => padEnd(cell, widths[i] ?? 0)).join('  ')}  ${marks}`.trimEnd());
    lines.push(...details.map((detail) => indented(detail, 13)));
  }
  return [headOf(timeline, labels), ...lines].join('\n');
}

function headOf({ of, id, journeys, entries, asOf }: Timeline, labels: ReadonlyMap<string, string>): string {
  const what = of === 'journey' ? 'Journey' : 'Customer';
  const size = `${counted(entries.length, 'entry', 'entries')} in ${counted(journeys.length, 'journey')}`;
  return [
    `${what} ${id}: ${size}`,
    ...journeys.map((journey) => indented(journeyLine(journey, labels))),
    `As of ${asOf.instant}, position ${asOf.position}`,
  ].join('\n');
}

function journeyLine(journey: JourneyHead, labels: ReadonlyMap<string, string>): string {
  const label = labels.get(journey.id) ?? journey.id;
  const type = journey.journeyType ?? 'no type';
  return `${label}  ${type}, ${journey.status.toLowerCase()}, ${journey.id}`;
}

/** What each journey is called: by the source's own name, where it has one. */
const labelsOf = (journeys: readonly JourneyHead[]): ReadonlyMap<string, string> =>
  new Map(journeys.map(({ id, key }) => [id, oneLine(key ?? id.slice(0, 8))]));

interface Row {
  readonly date: string;
  readonly cells: readonly string[];
  readonly marks: string;
  readonly details: readonly string[];
}

function rowOf(entry: TimelineEntry, labels: ReadonlyMap<string, string>, options: TimelineTextOptions): Row {
  const [date, time, offset] = wallClock(entry.occurredAt);
  const cells = [
    `${time} ${offset}`,
    entry.channel ?? '-',
    whatOf(entry, options.nameOf),
    entry.unit ?? '-',
    placeOf(entry, labels),
  ].map(oneLine);
  const marks = [
    sharedMark(entry),
    entry.closes ? '[closes]' : '',
    contactMark(entry),
    corrections(entry, options.nameOf),
    since(entry, options.nameOf),
  ];
  return { date, cells, marks: marks.filter((mark) => mark !== '').join(' '), details: detailsOf(entry, options) };
}

/** What a journey is called; a fact that many share belongs to none of them. */
const placeOf = ({ journeyId }: TimelineEntry, labels: ReadonlyMap<string, string>): string =>
  journeyId === null ? '-' : (labels.get(journeyId) ?? journeyId.slice(0, 8));

const sharedMark = ({ shared }: TimelineEntry): string =>
  shared ? `[shared: ${oneLine(shared.object.type)} ${oneLine(shared.object.id)}]` : '';

const FORMS: Readonly<Record<string, string>> = {
  CLOSED: 'Closed',
  REOPENED: 'Reopened',
  PAUSED: 'Paused',
  RESUMED: 'Resumed',
  OWNER_ASSIGNED: 'Owner assigned',
  HANDED_OVER: 'Handed over',
  NOTE: 'Note',
  VOIDED: 'Voided',
};

function whatOf({ form, kind }: TimelineVersion, nameOf: (kind: string) => string): string {
  return form === 'TOUCHPOINT' || form === 'OBJECT_FACT' ? nameOf(kind ?? '?') : (FORMS[form] ?? form);
}

/** What a contact is among the others. */
function contactMark({ repeatOf, channelChange }: TimelineEntry): string {
  const marks = repeatOf === null ? [] : ['repeat contact'];
  if (channelChange) {
    const { from, to, inContext } = channelChange;
    marks.push(`${oneLine(from)} → ${oneLine(to)}, ${inContext ? 'in context' : 'out of context'}`);
  }
  return marks.length === 0 ? '' : `[${marks.join('; ')}]`;
}

/** What had been corrected by then: what it said before. */
function corrections(entry: TimelineEntry, nameOf: (kind: string) => string): string {
  const before = entry.earlier.at(-1);
  if (!before) return '';
  const times = entry.earlier.length > 1 ? ` ×${entry.earlier.length}` : '';
  return `[corrected${times}, was ${changes(entry, before, nameOf)}${why(entry)}]`;
}

/** What was corrected or voided after the answer's place in the log. */
function since(entry: TimelineEntry, nameOf: (kind: string) => string): string {
  const last = entry.correctedSince.at(-1);
  if (!last) return '';
  if (last.form === 'VOIDED') return `[voided since${why(last)}]`;
  return `[corrected since to ${changes(entry, last, nameOf)}${why(last)}]`;
}

const why = ({ reason }: TimelineVersion): string => (reason === null ? '' : `: ${oneLine(reason)}`);

/** What the other version said where it differs. */
function changes(entry: TimelineVersion, other: TimelineVersion, nameOf: (kind: string) => string): string {
  const said: string[] = [];
  if (other.occurredAt !== entry.occurredAt) said.push(timeOf(other, entry));
  if (other.kind !== entry.kind) said.push(nameOf(other.kind ?? '?'));
  for (const field of ['channel', 'unit', 'staff'] as const) {
    if (other[field] !== entry[field]) said.push(`${field} ${other[field] ?? 'unknown'}`);
  }
  return said.length === 0 ? 'different in its attributes' : oneLine(said.join(', '));
}

/** The time of day, with the day where that is another. */
function timeOf(other: TimelineVersion, entry: TimelineVersion): string {
  const [day, time, offset] = wallClock(other.occurredAt);
  const [entryDay, , entryOffset] = wallClock(entry.occurredAt);
  return [day === entryDay ? '' : day, time, offset === entryOffset ? '' : offset].filter((s) => s !== '').join(' ');
}

function detailsOf(entry: TimelineEntry, options: TimelineTextOptions): string[] {
  const { attributes, named = ({ nameEn }) => nameEn } = options;
  const details = entry.note === null ? [] : [`"${oneLine(entry.note)}"`];
  if (entry.form !== 'TOUCHPOINT' && entry.form !== 'OBJECT_FACT' && entry.reason !== null)
    details.push(oneLine(entry.reason));
  details.push(...observedLines(entry, named));
  if (!attributes) return details;
  for (const [name, value] of Object.entries(entry.attributes ?? {})) {
    details.push(`${oneLine(name)} = ${oneLine(typeof value === 'string' ? value : JSON.stringify(value))}`);
  }
  return details;
}
