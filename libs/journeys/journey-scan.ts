/**
 * Reads journeys with their touchpoints as they held at a read's position, many at a time: the states of a page as one
 * text, its chunks as one blob. A row that is made for JavaScript costs more than what most of these say.
 */
import { sql, type RawBuilder } from 'kysely';
import { among, bytesOf, heldAt, listOf, type Read } from '@touchstone/readmodel/query';
import { addHeldTouchpoints } from './blob-touchpoints.js';
import { Form, positionKey } from './journey-blob.js';
import type { JourneyColumns } from './journey-columns.js';
import { partsAt, wholesAt, withPartsIn, type Whole } from './journey-wholes.js';

/** Slots of columns, from the first up to the last but not with it. */
export interface Span {
  readonly columns: JourneyColumns;
  readonly first: number;
  readonly end: number;
}

/** How much is read at once. A chunk has 256 entries and 36 KB at most. */
export interface ScanLimits {
  readonly journeys: number;
  readonly chunks: number;
}
export const SCAN_LIMITS: ScanLimits = { journeys: 2_000, chunks: 1_000 };

/** Journeys that were merged or split, per page. */
const WHOLES = 500;
/** Numbers per state in a page of states. */
const STRIDE = 5;

/** The journeys that were merged or split: they are not seen by themselves. In the order of their surrogates. */
export const partedJourneys = (read: Read): Promise<number[]> =>
  withPartsIn(read, { after: 0, until: Infinity, limit: Number.MAX_SAFE_INTEGER });

/**
 * Adds the journeys that are seen by themselves, a page at a time, in the order of their surrogates. `columnsOf` is asked
 * before each page.
 */
export async function* aloneAlong(
  read: Read,
  parted: ReadonlySet<number>,
  columnsOf: () => JourneyColumns,
  limits = SCAN_LIMITS,
): AsyncGenerator<Span> {
  for (let last = 0; ;) {
    const states = await statesWhere(read, sql`journey > ${last}`, limits.journeys);
    if (states.length === 0) return;
    const [start, end] = [states[0]!, states.at(-STRIDE)!];
    yield await addPage(read, parted, columnsOf(), states, sql`journey between ${start} and ${end}`, limits.chunks);
    last = end;
  }
}

/** Adds those of these journeys that are seen by themselves, found one by one. */
export async function* aloneOf(
  read: Read,
  parted: ReadonlySet<number>,
  journeys: readonly number[],
  columnsOf: () => JourneyColumns,
  limits = SCAN_LIMITS,
): AsyncGenerator<Span> {
  for (let at = 0; at < journeys.length; at += limits.journeys) {
    const page = journeys.slice(at, at + limits.journeys);
    const these = sql`journey in ${among(read, page)}`;
    const states = await statesWhere(read, these, limits.journeys);
    if (states.length > 0) yield await addPage(read, parted, columnsOf(), states, these, limits.chunks);
  }
}

/**
 * Adds what was put together of these and of all that hang together with them, each whole with the page in which its root
 * is. Roots of which nothing is known, but that others are part of them, go to `unknown`.
 */
export async function* wholesOf(
  read: Read,
  parted: readonly number[],
  columnsOf: () => JourneyColumns,
  unknown: Set<number>,
): AsyncGenerator<Span> {
  for (let at = 0; at < parted.length; at += WHOLES) {
    const page = parted.slice(at, at + WHOLES);
    const parts = await partsAt(read, page);
    const roots = page.filter((journey) => parts.has(journey) && parts.root(journey) === journey);
    const columns = columnsOf();
    const first = columns.slots;
    for (const root of roots) unknown.add(root);
    for (const whole of await wholesAt(read, parts, roots)) {
      unknown.delete(whole.state.journey);
      addWhole(read, whole, columns);
    }
    yield { columns, first, end: columns.slots };
  }
}

function addWhole(read: Read, { state, chunks }: Whole, columns: JourneyColumns): void {
  const position = read.past ? positionKey(read.asOf.position) : undefined;
  columns.begin({ ...state, openedMs: state.opened_ms });
  for (const entries of chunks) {
    columns.reserve(entries.count);
    for (let i = 0; i < entries.count; i++) {
      if (entries.form(i) !== Form.touchpoint || !entries.holds(i, position)) continue;
      columns.addTouchpoint(entries.at(i), entries.kind(i), entries.channel(i), entries.unit(i));
    }
  }
}

/** States that held, in the order of their surrogates: journey, type, customer, status and opening of each. */
async function statesWhere(read: Read, condition: RawBuilder<unknown>, atMost: number): Promise<number[]> {
  const { rows } = await sql<{ list: string | null }>`
    select ${listOf(read, ...['journey', 'type', 'customer', 'status', 'opened_ms'].map((column) => sql.ref(column)))} as list from (
      select journey, type, customer, status, opened_ms from journey_state
      where ${condition} and ${heldAt(read, 'journey_state')} order by journey limit ${atMost}
    ) as held`.execute(read.db);
  return numbersIn(rows[0]!.list);
}

async function addPage(
  read: Read,
  parted: ReadonlySet<number>,
  columns: JourneyColumns,
  states: readonly number[],
  condition: RawBuilder<unknown>,
  atMost: number,
): Promise<Span> {
  const first = columns.slots;
  const position = read.past ? positionKey(read.asOf.position) : undefined;
  let next = 0;
  const goOn = () => {
    const [journey, type, customer, status, openedMs] = states.slice(next, (next += STRIDE)) as [number, number, number, number, number]; // prettier-ignore
    if (!parted.has(journey)) columns.begin({ journey, type, customer, status, openedMs });
  };
  for await (const { places, data } of chunksWhere(read, condition, atMost)) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let i = 0, at = 0; i < places.length; at += places[i + 2]!, i += 3) {
      const journey = places[i]!;
      while (next < states.length && states[next]! <= journey) goOn();
      // Of a journey that did not hold then, or is seen as part of another, nothing is taken.
      if (columns.slots > first && columns.journey[columns.slots - 1] === journey)
        addHeldTouchpoints(view, at, position, columns);
    }
  }
  while (next < states.length) goOn();
  return { columns, first, end: columns.slots };
}

interface Chunks {
  /** Journey, chunk and length of each. */
  readonly places: readonly number[];
  /** One after the other. */
  readonly data: Uint8Array;
}

async function* chunksWhere(read: Read, condition: RawBuilder<unknown>, atMost: number): AsyncGenerator<Chunks> {
  for (let [journey, chunk] = [0, 0]; ;) {
    const { rows } = await sql<{ list: string | null; data: Uint8Array | null }>`
      select ${listOf(read, sql`journey`, sql`chunk`, sql`length(data)`)} as list, ${bytesOf(read, sql`data`)} as data
      from (
        select journey, chunk, data from journey_blob
        where ${condition} and (journey, chunk) > (${journey}, ${chunk}) order by journey, chunk limit ${atMost}
      ) as along`.execute(read.db);
    const places = numbersIn(rows[0]!.list);
    if (places.length > 0) yield { places, data: rows[0]!.data! };
    if (places.length < 3 * atMost) return;
    [journey, chunk] = [places.at(-3)!, places.at(-2)!];
    read.checkpointCancel();
  }
}

/** Numbers that came as one text: reading JSON is the fastest way to them. */
export const numbersIn = (list: string | null): number[] => JSON.parse(`[${list ?? ''}]`) as number[];
