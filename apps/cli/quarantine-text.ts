import { indented, oneLine } from './text.js';

/** A record as lists show it. */
export interface QuarantineRow {
  readonly id: string;
  readonly source: string;
  readonly journeyType: string | null;
  readonly importId: string | null;
  readonly line: number | null;
  readonly code: string;
  readonly reason: string;
  readonly format: string | null;
  readonly state: string;
  readonly at: string;
  readonly expiresAt: string;
}

/** A record with all that is known of it. */
export interface ShownRecord extends QuarantineRow {
  readonly revision: number;
  readonly journeyId: string | null;
  readonly touchpointId: string | null;
  readonly position: string | null;
  readonly raw: string;
  readonly payload: string;
  readonly deeds: readonly {
    readonly at: string;
    readonly actorId: string;
    readonly what: string;
    readonly detail: string | null;
    readonly note: string | null;
  }[];
}

/** A record for a reader: where it came from, what is wrong, what was done, what it says. */
export function recordText(record: ShownRecord): string {
  const { id, state, code, reason, source, line, importId, at, expiresAt, journeyId, touchpointId, revision } = record;
  const facts: [string, string | null][] = [
    ['from', `${source}${line === null ? '' : `, line ${line}`}${importId === null ? '' : `, import ${importId}`}`],
    ['since', `${at}, until ${expiresAt}`],
    ['journey', journeyId],
    ['touchpoint', touchpointId],
  ];
  const done = record.deeds.map(({ at: when, actorId, what, detail, note }) =>
    oneLine(`${when}  ${actorId} ${what}${detail === null ? '' : `: ${detail}`}${note === null ? '' : ` (${note})`}`),
  );
  const parts = [
    `Record ${id}, ${state.toLowerCase()}, revision ${revision}`,
    `${code}: ${oneLine(reason)}`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(10)}  ${oneLine(value)}`])),
    ...(done.length > 0 ? ['What was done:', indented(done.join('\n'))] : []),
    'As it came:',
    indented(printable(record.raw)),
    ...(record.payload === record.raw ? [] : ['As it was mended:', indented(printable(record.payload))]),
  ];
  return parts.join('\n');
}

/** Lines stay; what would steer the terminal goes. */
const printable = (text: string): string => text.split(/\r?\n/).map(oneLine).join('\n');
