/**
 * Journeys as they held at a read's position, many at a time. Where nearly all of a range are wanted it is read along, and
 * what would be thousands of small rows comes as one text or one blob a page: a row that is made for JavaScript costs more
 * than what most of these say.
 */
import { sql, type RawBuilder } from 'kysely';
import { among, bytesOf, heldAt, listOf, type Read } from '@touchstone/readmodel/query';
import { rootsAt } from '../customer-tree.js';
import { EntryColumns, positionKey } from '../journey-blob.js';
import { numbersIn } from '../journey-scan.js';
import { hasParts, partsAt, seenAs, wholesAt } from '../journey-wholes.js';
import { JourneyFacts, type JourneyHead } from './facts.js';

/** What the state of a journey says of it; surrogates, 0 is "none". */
export interface HeldState {
  readonly journey: number;
  readonly type: number;
  readonly customer: number;
  readonly status: number;
}

/** What is looked up of the customers of journeys; what is not, stays "none" in their heads. */
export interface WantedOfCustomers {
  /** Segment, region and tier. */
  readonly profiles: boolean;
  /** Who stands for a merged one. */
  readonly roots: boolean;
}

/** How much is read at once: journeys per page, chunks per statement. A chunk has 256 entries and 36 KB at most. */
const LIMITS = { journeys: 500, chunks: 1_000 };
/** How many journeys of a range may be read along for one that is wanted. */
const PASSED_BY = 4;

const EVERYTHING: WantedOfCustomers = { profiles: true, roots: true };

/** The journeys of these states as they are seen; states in the order of their surrogates. */
export async function heldFacts(read: Read, states: readonly HeldState[]): Promise<JourneyFacts[]> {
  return [...(await factsSeen(read, states, (alone) => chunksOf(read, alone), EVERYTHING))];
}

/** The journeys as which these are seen, in the order of their surrogates. */
export async function* seenFacts(read: Read, journeys: readonly number[]): AsyncGenerator<JourneyFacts> {
  const seen = (await hasParts(read)) ? (await seenAs(read, journeys)).roots : [...journeys].sort((a, b) => a - b);
  for (let at = 0; at < seen.length; at += LIMITS.journeys) {
    const states = await statesOf(read, seen.slice(at, at + LIMITS.journeys));
    if (states.length > 0) yield* await heldFacts(read, states);
  }
}

/**
 * Journeys that may have entries in [from, to), in the order of their surrogates; each is made when its turn comes, and
 * not needed any more when that of the next one has come.
 */
export async function* journeysWithin(
  read: Read,
  from: number,
  to: number,
  wanted: WantedOfCustomers,
  limits = LIMITS,
): AsyncGenerator<Iterable<JourneyFacts>> {
  if (from === -Infinity && to === Infinity) {
    for (let last = 0; ;) {
      const states = await statesAlong(read, sql`journey > ${last}`, limits.journeys);
      if (states.length === 0) return;
      yield await factsSeen(read, states, (alone) => chunksAlong(read, alone, limits.chunks), wanted);
      last = states.at(-1)!.journey;
    }
  }
  const journeys = await seenWithin(read, from, to);
  for (let at = 0; at < journeys.length; at += limits.journeys) {
    const page = journeys.subarray(at, at + limits.journeys);
    const [first, last] = [page[0]!, page.at(-1)!];
    const isDense = last - first < PASSED_BY * page.length;
    const states = isDense
      ? amongStates(await statesAlong(read, sql`journey between ${first} and ${last}`, PASSED_BY * page.length), page)
      : await statesOf(read, [...page]);
    if (states.length === 0) continue;
    const chunks = (alone: readonly HeldState[]) =>
      isDense ? chunksAlong(read, alone, limits.chunks) : chunksOf(read, alone);
    yield await factsSeen(read, states, chunks, wanted);
  }
}

/** Surrogates of the journeys as which those are seen that have a chunk in the window, in their order, each once. */
async function seenWithin(read: Read, from: number, to: number): Promise<Float64Array> {
  const touched = await touchedWithin(read, from, to);
  return (await hasParts(read)) ? Float64Array.from((await seenAs(read, touched)).roots) : touched;
}

/** Surrogates of journeys with a chunk in the window, in their order, each once. */
async function touchedWithin(read: Read, from: number, to: number): Promise<Float64Array> {
  let touched = read.db.selectFrom('journey_blob').select('journey');
  if (to !== Infinity) touched = touched.where('first_ms', '<', to);
  if (from !== -Infinity) touched = touched.where('last_ms', '>=', from);
  const { rows } = await sql<{ list: string | null }>`
    select ${listOf(read, sql`journey`)} as list from ${touched} as touched`.execute(read.db);
  const all = Float64Array.from(numbersIn(rows[0]!.list)).sort();
  return all.filter((journey, i) => journey !== all[i - 1]);
}

/** States of a range that held, in the order of their surrogates. */
async function statesAlong(read: Read, range: RawBuilder<unknown>, atMost: number): Promise<HeldState[]> {
  const { rows } = await sql<{ list: string | null }>`
    select ${listOf(read, sql`journey`, sql`type`, sql`customer`, sql`status`)} as list from (
      select journey, type, customer, status from journey_state
      where ${range} and ${heldAt(read, 'journey_state')} order by journey limit ${atMost}
    ) as held`.execute(read.db);
  const numbers = numbersIn(rows[0]!.list);
  const states: HeldState[] = [];
  for (let i = 0; i < numbers.length; i += 4) {
    states.push({
      journey: numbers[i]!,
      type: numbers[i + 1]!,
      customer: numbers[i + 2]!,
      status: numbers[i + 3]!,
    });
  }
  return states;
}

/** Those of the states whose journey is wanted; both in the order of surrogates. */
function amongStates(states: readonly HeldState[], wanted: Float64Array): HeldState[] {
  let next = 0;
  return states.filter(({ journey }) => {
    while (next < wanted.length && wanted[next]! < journey) next++;
    return wanted[next] === journey;
  });
}

/** States of these journeys that held, in the order of their surrogates. */
export const statesOf = (read: Read, journeys: readonly number[]): Promise<HeldState[]> =>
  read.db
    .selectFrom('journey_state')
    .select(['journey', 'type', 'customer', 'status'])
    .where('journey', 'in', journeys)
    .where(heldAt(read, 'journey_state'))
    .orderBy('journey')
    .execute() as Promise<HeldState[]>;

interface Chunk {
  readonly journey: number;
  readonly data: Uint8Array;
}

/** Chunks of these journeys, found one by one. */
const chunksOf = (read: Read, states: readonly HeldState[]): Promise<Chunk[]> =>
  read.db
    .selectFrom('journey_blob')
    .select(['journey', 'data'])
    .where(
      'journey',
      'in',
      states.map(({ journey }) => journey),
    )
    .orderBy('journey')
    .orderBy('chunk')
    .execute() as Promise<Chunk[]>;

/** Chunks of all journeys from the first of these to the last. */
async function chunksAlong(read: Read, states: readonly HeldState[], atMost: number): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  const end = states.at(-1)!.journey;
  for (let [journey, chunk] = [states[0]!.journey, -1]; ;) {
    const { rows } = await sql<{ list: string | null; data: Uint8Array | null }>`
      select ${listOf(read, sql`journey`, sql`chunk`, sql`length(data)`)} as list, ${bytesOf(read, sql`data`)} as data
      from (
        select journey, chunk, data from journey_blob
        where (journey, chunk) > (${journey}, ${chunk}) and journey <= ${end} order by journey, chunk limit ${atMost}
      ) as along`.execute(read.db);
    const places = numbersIn(rows[0]!.list);
    const cut = cutter(rows[0]!.data ?? new Uint8Array());
    for (let i = 0; i < places.length; i += 3) chunks.push({ journey: places[i]!, data: cut(places[i + 2]!) });
    if (places.length < 3 * atMost) return chunks;
    [journey, chunk] = [places.at(-3)!, places.at(-2)!];
    read.checkpointCancel();
  }
}

/**
 * Cuts a row of blobs into blobs. Columns want to be aligned to 8 bytes and blobs are multiples of 4 long, so a copy
 * that is shifted by 4 has at the right place what the original has not: one copy for a page, not one for every blob.
 */
function cutter(all: Uint8Array): (length: number) => Uint8Array {
  const shifted = new Uint8Array(all.length + 4);
  shifted.set(all, 4);
  let at = 0;
  return (length) => {
    const from = at;
    at += length;
    return from % 8 === 4 ? shifted.subarray(from + 4, at + 4) : all.subarray(from, at);
  };
}

/**
 * Journeys as they are seen: those of the states that are by themselves, and those that stand for what was merged or
 * split. What is part of another is left out: it is seen in its place.
 */
async function factsSeen(
  read: Read,
  states: readonly HeldState[],
  chunksOf: (alone: readonly HeldState[]) => Promise<Chunk[]>,
  wanted: WantedOfCustomers,
): Promise<Iterable<JourneyFacts>> {
  if (!(await hasParts(read))) return factsOf(read, states, await chunksOf(states), wanted);
  const journeys = states.map(({ journey }) => journey);
  const parts = await partsAt(read, journeys);
  const alone = states.filter(({ journey }) => !parts.has(journey));
  const facts = alone.length > 0 ? [...(await factsOf(read, alone, await chunksOf(alone), wanted))] : [];
  const roots = journeys.filter((journey) => parts.has(journey) && parts.root(journey) === journey);
  const wholes = await wholesAt(read, parts, roots);
  const headOf = await headsOf(
    read,
    wholes.map(({ state }) => state),
    wanted,
  );
  const position = read.past ? positionKey(read.asOf.position) : undefined;
  for (const { state, chunks } of wholes) facts.push(new JourneyFacts(headOf(state), chunks, position));
  return facts.sort((a, b) => a.head.journey - b.head.journey);
}

async function factsOf(
  read: Read,
  states: readonly HeldState[],
  chunks: readonly Chunk[],
  wanted: WantedOfCustomers,
): Promise<Iterable<JourneyFacts>> {
  const headOf = await headsOf(read, states, wanted);
  read.checkpointCancel();
  const position = read.past ? positionKey(read.asOf.position) : undefined;
  return oneByOne(states, chunks, (state, columns) => new JourneyFacts(headOf(state), columns, position));
}

/** What the states and the customers of these journeys say of them. */
async function headsOf(
  read: Read,
  states: readonly HeldState[],
  wanted: WantedOfCustomers,
): Promise<(state: HeldState) => JourneyHead> {
  const customers = [...new Set(states.map((state) => state.customer))].filter((id) => id !== 0);
  const profiles = wanted.profiles ? await profilesOf(read, customers) : new Map<number, Profile>();
  const roots = wanted.roots ? await rootsAt(read, customers) : new Map<number, number>();
  return ({ journey, type, customer, status }) => {
    const { segment, region, tier } = profiles.get(customer) ?? NOBODY;
    const root = roots.get(customer) ?? 0;
    return { journey, type, customer, root, status, segment, region, tier };
  };
}

function* oneByOne(
  states: readonly HeldState[],
  chunks: readonly Chunk[],
  made: (state: HeldState, columns: EntryColumns[]) => JourneyFacts,
): Generator<JourneyFacts> {
  let next = 0;
  for (const state of states) {
    const { journey } = state;
    const columns: EntryColumns[] = [];
    while (next < chunks.length && chunks[next]!.journey < journey) next++;
    while (next < chunks.length && chunks[next]!.journey === journey)
      columns.push(new EntryColumns(chunks[next++]!.data));
    yield made(state, columns);
  }
}

interface Profile {
  readonly segment: number;
  readonly region: number;
  readonly tier: number;
}
const NOBODY: Profile = { segment: 0, region: 0, tier: 0 };

async function profilesOf(read: Read, customers: readonly number[]): Promise<ReadonlyMap<number, Profile>> {
  const profiles = new Map<number, Profile>();
  if (customers.length === 0) return profiles;
  const { rows } = await sql<{ list: string | null }>`
    select ${listOf(read, sql`customer`, sql`segment`, sql`region`, sql`tier`)} as list from customer_state
    where customer in ${among(read, customers)}
      and ${heldAt(read, 'customer_state')}`.execute(read.db);
  const numbers = numbersIn(rows[0]!.list);
  for (let i = 0; i < numbers.length; i += 4) {
    profiles.set(numbers[i]!, { segment: numbers[i + 1]!, region: numbers[i + 2]!, tier: numbers[i + 3]! });
  }
  return profiles;
}
