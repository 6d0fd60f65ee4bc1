/** What reads of journeys share: which rows held, and how a filter chooses journeys. */
import type { SelectQueryBuilder } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { rootAt, treeBelow } from './customer-tree.js';
import { EntryColumns, Form, positionKey } from './journey-blob.js';

/** Which journeys: all conditions together. Times are ISO instants, the window is [from, to). */
export interface JourneyFilter {
  readonly journeyType?: string;
  /** Of this person: of everybody who was merged with the customer, as known then. */
  readonly customerId?: string;
  /** Segment of the journey's customer. */
  readonly segment?: string;
  /** Any touchpoint of this unit, of this channel. */
  readonly unit?: string;
  readonly channel?: string;
  readonly status?: 'OPEN' | 'PAUSED' | 'CLOSED';
  readonly from?: string;
  readonly to?: string;
  /** `OPENED` (default): opened in the window; `TOUCHES`: any touchpoint in it. */
  readonly window?: 'OPENED' | 'TOUCHES';
}

const STATUS = { OPEN: 0, PAUSED: 1, CLOSED: 2 } as const;

/** A filter with its names resolved. `impossible`: it names something that no event ever named. */
export interface Selection {
  readonly impossible: boolean;
  readonly unit?: number;
  readonly channel?: number;
  readonly touches?: readonly [from: number, to: number];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  narrow<Q extends SelectQueryBuilder<any, any, any>>(query: Q): Q;
}

/** Resolves a filter against the read's dictionaries. @throws INVALID_WINDOW */
export async function select(read: Read, filter: JourneyFilter): Promise<Selection> {
  const named = [
    ['journeyType', filter.journeyType],
    ['customer', filter.customerId],
    ['segment', filter.segment],
    ['unit', filter.unit],
    ['channel', filter.channel],
  ] as const;
  const ids: (number | null | undefined)[] = [];
  for (const [dictionary, value] of named) ids.push(value == null ? undefined : await read.idOf(dictionary, value));
  const [type, customer, segment, unit, channel] = ids;
  const person = customer == null ? null : await rootAt(read, customer);
  const [from, to] = orderedWindow(instantOf(filter.from, -Infinity), instantOf(filter.to, Infinity));
  const windowed = filter.from !== undefined || filter.to !== undefined;
  return {
    impossible: ids.includes(null),
    unit: unit ?? undefined,
    channel: channel ?? undefined,
    touches: windowed && filter.window === 'TOUCHES' ? [from, to] : undefined,
    narrow: (query) => {
      let q = query.where(heldAt(read, 'journey_state'));
      if (type != null) q = q.where('journey_state.type', '=', type);
      if (person !== null) q = q.where('journey_state.customer', 'in', treeBelow(read, person));
      if (segment != null) {
        q = q.where(
          'journey_state.customer',
          'in',
          read.db
            .selectFrom('customer_state')
            .select('customer')
            .where('segment', '=', segment)
            .where(heldAt(read, 'customer_state')),
        );
      }
      if (filter.status) q = q.where('journey_state.status', '=', STATUS[filter.status]);
      if (windowed && filter.window !== 'TOUCHES') {
        if (filter.from !== undefined) q = q.where('journey_state.opened_ms', '>=', from);
        if (filter.to !== undefined) q = q.where('journey_state.opened_ms', '<', to);
      }
      return q as typeof query;
    },
  };
}

/** @throws INVALID_WINDOW for one that ends before it begins */
export function orderedWindow(from: number, to: number): readonly [from: number, to: number] {
  if (from < to) return [from, to];
  throw new TouchstoneError(
    'INVALID_WINDOW',
    'The window ends before it begins; `from` must be before `to`.',
    'invalid',
  );
}

/** An end of a window in ms since 1970; `absent` where it is open. @throws INVALID_WINDOW */
export function instantOf(text: string | null | undefined, absent: number): number {
  if (text == null) return absent;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new TouchstoneError('INVALID_WINDOW', `"${text}" is not an instant.`, 'invalid');
  return ms;
}

/** The touchpoints of one journey that held, as columns. */
export interface Touchpoints {
  readonly journey: number;
  readonly status: number;
  readonly count: number;
  readonly at: Float64Array;
  readonly kind: Int32Array;
  readonly channel: Int32Array;
  readonly unit: Int32Array;
  /** The blob and the place in it, to reach the entry itself. */
  readonly source: readonly { readonly columns: EntryColumns; readonly index: number }[] | null;
}

const PAGE = 500;

/**
 * The selected journeys with their touchpoints, in the order of their surrogates, after `after`. Reads in pages, so
 * memory does not grow with the selection. `entries`: keep the way back to the entries (for drill-down).
 */
export async function* touchpointsOf(
  read: Read,
  selection: Selection,
  { after = 0, entries = false }: { after?: number; entries?: boolean } = {},
): AsyncGenerator<Touchpoints> {
  if (selection.impossible) return;
  const past = read.past ? positionKey(read.asOf.position) : undefined;
  for (let last = after; ;) {
    const journeys = await selection
      .narrow(read.db.selectFrom('journey_state').select(['journey_state.journey', 'journey_state.status']))
      .where('journey_state.journey', '>', last)
      .orderBy('journey_state.journey')
      .limit(PAGE)
      .execute();
    if (journeys.length === 0) return;
    const chunks = await read.db
      .selectFrom('journey_blob')
      .select(['journey', 'data'])
      .where(
        'journey',
        'in',
        journeys.map((j) => j.journey),
      )
      .orderBy('journey')
      .orderBy('chunk')
      .execute();
    let next = 0;
    for (const { journey, status } of journeys) {
      const own: EntryColumns[] = [];
      while (next < chunks.length && chunks[next]!.journey === journey)
        own.push(new EntryColumns(chunks[next++]!.data));
      const touchpoints = gather(journey, status, own, past, entries);
      if (passes(touchpoints, selection)) yield touchpoints;
    }
    read.checkpointCancel();
    last = journeys.at(-1)!.journey;
  }
}

function gather(
  journey: number,
  status: number,
  chunks: readonly EntryColumns[],
  past: number[] | undefined,
  entries: boolean,
): Touchpoints {
  const size = chunks.reduce((sum, c) => sum + c.count, 0);
  const at = new Float64Array(size);
  const ints = new Int32Array(size * 3);
  const source: { columns: EntryColumns; index: number }[] | null = entries ? [] : null;
  let count = 0;
  for (const columns of chunks) {
    for (let i = 0; i < columns.count; i++) {
      if (columns.form(i) !== Form.touchpoint || !columns.holds(i, past)) continue;
      at[count] = columns.at(i);
      ints[count] = columns.kind(i);
      ints[size + count] = columns.channel(i);
      ints[2 * size + count] = columns.unit(i);
      source?.push({ columns, index: i });
      count++;
    }
  }
  return {
    journey,
    status,
    count,
    at: at.subarray(0, count),
    kind: ints.subarray(0, count),
    channel: ints.subarray(size, size + count),
    unit: ints.subarray(2 * size, 2 * size + count),
    source,
  };
}

function passes({ at, unit, channel }: Touchpoints, selection: Selection): boolean {
  if (selection.unit !== undefined && !unit.includes(selection.unit)) return false;
  if (selection.channel !== undefined && !channel.includes(selection.channel)) return false;
  if (!selection.touches) return true;
  const [from, to] = selection.touches;
  return at.some((ms) => ms >= from && ms < to);
}

/** Keeps the touchpoints for which `keep` is true. */
export function projected(touchpoints: Touchpoints, keep: (i: number) => boolean): Touchpoints {
  const kept: number[] = [];
  for (let i = 0; i < touchpoints.count; i++) if (keep(i)) kept.push(i);
  if (kept.length === touchpoints.count) return touchpoints;
  return {
    ...touchpoints,
    count: kept.length,
    at: Float64Array.from(kept, (i) => touchpoints.at[i]!),
    kind: Int32Array.from(kept, (i) => touchpoints.kind[i]!),
    channel: Int32Array.from(kept, (i) => touchpoints.channel[i]!),
    unit: Int32Array.from(kept, (i) => touchpoints.unit[i]!),
    source: touchpoints.source && kept.map((i) => touchpoints.source![i]!),
  };
}
