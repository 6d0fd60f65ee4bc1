/** What reads of journeys share: which rows held, and how a filter chooses journeys. */
import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { rootAt, treeBelow } from './customer-tree.js';
import { EntryColumns, Form, positionKey } from './journey-blob.js';
import { seenAs, wholesAt, withPartsIn, type Whole } from './journey-wholes.js';

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
  /** What is asked of a journey's state. */
  readonly state: AskedState;
  /** Journeys by what their own states say; of those that were merged or split, the wholes are chosen instead. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  narrow<Q extends SelectQueryBuilder<any, any, any>>(query: Q): Q;
  /** Of wholes that were put together, those that the filter chooses. */
  choose(wholes: readonly Whole[]): Promise<Whole[]>;
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
  const byOpening = windowed && filter.window !== 'TOUCHES';
  const opened = byOpening ? ([from, to] as const) : null;
  const state: AskedState = {
    type,
    person,
    segment,
    status: filter.status ? STATUS[filter.status] : undefined,
    opened,
  };
  return {
    state,
    impossible: ids.includes(null),
    unit: unit ?? undefined,
    channel: channel ?? undefined,
    touches: windowed && filter.window === 'TOUCHES' ? [from, to] : undefined,
    narrow: (query) => {
      let q = query.where(heldAt(read, 'journey_state'));
      if (type != null) q = q.where('journey_state.type', '=', type);
      if (person !== null) q = q.where('journey_state.customer', 'in', treeBelow(read, person));
      if (segment != null) q = q.where(inSegment(read, sql.ref('journey_state.customer'), segment));
      if (filter.status) q = q.where('journey_state.status', '=', STATUS[filter.status]);
      if (byOpening) {
        if (filter.from !== undefined) q = q.where('journey_state.opened_ms', '>=', from);
        if (filter.to !== undefined) q = q.where('journey_state.opened_ms', '<', to);
      }
      return q as typeof query;
    },
    choose: (wholes) => chosenWholes(read, wholes, state),
  };
}

/** What a filter asks of a journey's state; surrogates. What is null or undefined is not asked. */
export interface AskedState {
  readonly type: number | null | undefined;
  /** Root of the person whose they are. */
  readonly person: number | null;
  readonly segment: number | null | undefined;
  readonly status: number | undefined;
  /** Opened in [from, to). */
  readonly opened: readonly [from: number, to: number] | null;
}

/** What a filter asks of a journey's state, asked of wholes. */
async function chosenWholes(read: Read, wholes: readonly Whole[], filter: AskedState): Promise<Whole[]> {
  const { type, person, segment, status, opened } = filter;
  const fitting = wholes.filter(
    ({ state }) =>
      (type == null || state.type === type) &&
      (status === undefined || state.status === status) &&
      (!opened || (state.opened_ms >= opened[0] && state.opened_ms < opened[1])),
  );
  if (person === null && segment == null) return fitting;
  const customers = [...new Set(fitting.map(({ state }) => state.customer))];
  if (customers.length === 0) return [];
  let query = read.db.selectFrom('name').select('id').where('id', 'in', customers);
  if (person !== null) query = query.where('id', 'in', treeBelow(read, person));
  if (segment != null) query = query.where(inSegment(read, sql.ref('name.id'), segment));
  const chosen = new Set((await query.execute()).map((row) => row['id'] as number));
  return fitting.filter(({ state }) => chosen.has(state.customer));
}

/** Looked up for each journey: a list of everybody in the segment would be made again for every page. */
const inSegment = (read: Read, customer: RawBuilder<unknown>, segment: number) =>
  sql<boolean>`${segment} = (select customer_state.segment from customer_state
    where customer_state.customer = ${customer} and ${heldAt(read, 'customer_state')})`;

/** A chosen journey: with its row of `journey_state`, or as a whole that was put together. */
export type Chosen<R> = { readonly journey: number } & (
  { readonly row: R; readonly whole?: undefined } | { readonly row?: undefined; readonly whole: Whole }
);

/**
 * The journeys that a selection chooses, page by page, in the order of their surrogates: what was merged as one, and at
 * the place of the one that stands for it. `rows` reads those that are seen by themselves.
 */
export async function* chosenJourneys<R extends { readonly journey: number }>(
  read: Read,
  selection: Selection,
  { after, page, rows }: { after: number; page: number; rows: (after: number, limit: number) => Promise<R[]> },
): AsyncGenerator<Chosen<R>[]> {
  if (selection.impossible) return;
  for (let last = after; ;) {
    const alone = await rows(last, page);
    const reach = endOf(
      alone.map(({ journey }) => journey),
      page,
    );
    const parted = await withPartsIn(read, { after: last, until: reach, limit: page });
    const until = Math.min(reach, endOf(parted, page));
    const isPart = new Set(parted);
    const chosen: Chosen<R>[] = alone
      .filter(({ journey }) => journey <= until && !isPart.has(journey))
      .map((row) => ({ journey: row.journey, row }));
    const own = parted.filter((journey) => journey <= until);
    if (own.length > 0) {
      const { parts } = await seenAs(read, own);
      const roots = own.filter((journey) => parts.root(journey) === journey);
      for (const whole of await selection.choose(await wholesAt(read, parts, roots))) {
        chosen.push({ journey: whole.state.journey, whole });
      }
      chosen.sort((a, b) => a.journey - b.journey);
    }
    if (chosen.length > 0) yield chosen;
    read.checkpointCancel();
    if (until === Infinity) return;
    last = until;
  }
}

/** As far as a page reaches: to its last journey, or to the end where it is not full. */
const endOf = (journeys: readonly number[], page: number): number =>
  journeys.length < page ? Infinity : journeys.at(-1)!;

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
  const past = read.past ? positionKey(read.asOf.position) : undefined;
  const rows = async (last: number, limit: number) =>
    (await selection
      .narrow(read.db.selectFrom('journey_state').select(['journey_state.journey', 'journey_state.status']))
      .where('journey_state.journey', '>', last)
      .orderBy('journey_state.journey')
      .limit(limit)
      .execute()) as { journey: number; status: number }[];
  for await (const journeys of chosenJourneys(read, selection, { after, page: PAGE, rows })) {
    const alone = journeys.flatMap(({ journey, row }) => (row ? [journey] : []));
    const chunks =
      alone.length === 0
        ? []
        : await read.db
            .selectFrom('journey_blob')
            .select(['journey', 'data'])
            .where('journey', 'in', alone)
            .orderBy('journey')
            .orderBy('chunk')
            .execute();
    let next = 0;
    for (const { journey, row, whole } of journeys) {
      let own: readonly EntryColumns[] = whole?.chunks ?? [];
      if (row) {
        const stored: EntryColumns[] = (own = []);
        while (next < chunks.length && chunks[next]!.journey === journey)
          stored.push(new EntryColumns(chunks[next++]!.data));
      }
      const touchpoints = gather(journey, row ? row.status : whole.state.status, own, past, entries);
      if (passes(touchpoints, selection)) yield touchpoints;
    }
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
