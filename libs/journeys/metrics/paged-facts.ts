/**
 * Journeys a few at a time, from one of them on: what a page of a figure's occurrences is found in, so that it costs what
 * it shows and not what the figure counted.
 */
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { neighboursAt } from '../customer-tree.js';
import { partsAt, withPartsIn } from '../journey-wholes.js';
import type { JourneyFacts } from './facts.js';
import { heldFacts, statesOf, type HeldState } from './held-journeys.js';
import { REPEAT_WINDOW_MS } from './matter.js';

/** Journeys at a time: few at first, and more the longer nothing is found among them. */
const LEAST = 16;
const MOST = 500;
/** When fewer than one in so many of those in a row concern the window, an index finds those that do. */
const SPARSE = 8;

export interface Stretch {
  /** ms since 1970, [fromMs, toMs); infinite where open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Surrogate of the journey to begin after. */
  readonly after: number;
}

/** Journeys that the window may touch, as they held at the read's position, in the order of their surrogates. */
export async function* pagedFacts(read: Read, stretch: Stretch): AsyncGenerator<readonly JourneyFacts[]> {
  let size = LEAST;
  for (let last = stretch.after; ; size = Math.min(MOST, 2 * size)) {
    const found = await asSeen(read, stretch, last, await nextJourneys(read, stretch, last, size));
    if (found.journeys.length > 0) yield await heldFacts(read, await statesOf(read, found.journeys));
    if (found.upTo === Infinity) return;
    last = found.upTo;
    read.checkpointCancel();
  }
}

/** Some journeys; `upTo`: no other up to there. Infinity: there are no more. */
interface Found {
  readonly journeys: readonly number[];
  readonly upTo: number;
}

/** Those that were found after `last`, with wholes at the places of their roots rather than what is part of them. */
async function asSeen(read: Read, stretch: Stretch, last: number, found: Found): Promise<Found> {
  const parted = await withPartsIn(read, { after: last, until: found.upTo, limit: MOST });
  if (parted.length === 0) return found;
  const upTo = parted.length < MOST ? found.upTo : parted.at(-1)!;
  const parts = await partsAt(read, parted);
  const roots = parted.filter((journey) => parts.root(journey) === journey);
  const near = await touchedAmong(read, [...new Set(roots.flatMap((root) => parts.sources(root)))], stretch);
  const journeys = [
    ...found.journeys.filter((journey) => journey <= upTo && !parts.has(journey)),
    ...roots.filter((root) => parts.sources(root).some((source) => near.has(source))),
  ];
  return { journeys: journeys.sort((a, b) => a - b), upTo };
}

/** Those of the journeys that have a chunk in the window. */
async function touchedAmong(
  read: Read,
  journeys: readonly number[],
  { fromMs, toMs }: Pick<Stretch, 'fromMs' | 'toMs'>,
): Promise<Set<number>> {
  const touched = new Set<number>();
  for (let at = 0; at < journeys.length; at += MOST) {
    read.checkpointCancel();
    let query = read.db
      .selectFrom('journey_blob')
      .select('journey')
      .distinct()
      .where('journey', 'in', journeys.slice(at, at + MOST));
    if (toMs !== Infinity) query = query.where('first_ms', '<', toMs);
    if (fromMs !== -Infinity) query = query.where('last_ms', '>=', fromMs);
    for (const { journey } of await query.execute()) touched.add(journey as number);
  }
  return touched;
}

async function nextJourneys(read: Read, { fromMs, toMs }: Stretch, last: number, size: number): Promise<Found> {
  const open = fromMs === -Infinity && toMs === Infinity;
  // Journeys of one time were named at one time: as a rule, those that follow are those of the window.
  const row = await read.db
    .selectFrom('journey_blob')
    .select(['journey', 'first_ms', 'last_ms'])
    .where('journey', '>', last)
    .orderBy('journey')
    .orderBy('chunk')
    .limit(size)
    .execute();
  const touched = new Set(row.filter((r) => r.first_ms < toMs && r.last_ms >= fromMs).map((r) => r.journey as number));
  const upTo = row.length < size ? Infinity : (row.at(-1)!.journey as number);
  // Of the last one there may be chunks that were not read: it is looked at again unless it is in already.
  if (open || upTo === Infinity || touched.size * SPARSE >= row.length) {
    if (upTo === Infinity || touched.has(upTo)) return { journeys: [...touched], upTo };
    if (upTo - 1 > last) return { journeys: [...touched], upTo: upTo - 1 };
  }
  let query = read.db.selectFrom('journey_blob').select('journey').distinct().where('journey', '>', last);
  if (toMs !== Infinity) query = query.where('first_ms', '<', toMs);
  if (fromMs !== -Infinity) query = query.where('last_ms', '>=', fromMs);
  const rows = await query.orderBy('journey').limit(size).execute();
  const journeys = rows.map(({ journey }) => journey as number);
  return { journeys, upTo: journeys.length < size ? Infinity : journeys.at(-1)! };
}

/** The other journeys of the same matters that may have a neighbour of a contact of these. */
export async function besideOf(read: Read, own: readonly JourneyFacts[]): Promise<JourneyFacts[]> {
  const matters = new Set<string>();
  const roots = new Set<number>();
  let [first, last] = [Infinity, -Infinity];
  for (const { head, touchpoints, at } of own) {
    if (head.root === 0 || touchpoints.length === 0) continue;
    roots.add(head.root);
    matters.add(`${head.root} ${head.type}`);
    first = Math.min(first, at[touchpoints[0]!]!);
    last = Math.max(last, at[touchpoints.at(-1)!]!);
  }
  const rootOf = await membersOf(read, roots);
  const known = new Set(own.map(({ head }) => head.journey));
  const candidates: HeldState[] = [];
  const customers = [...rootOf.keys()];
  for (let i = 0; i < customers.length; i += MOST) {
    const rows = await read.db
      .selectFrom('journey_state')
      .select(['journey', 'type', 'customer'])
      .where('customer', 'in', customers.slice(i, i + MOST))
      .where(heldAt(read, 'journey_state'))
      .execute();
    candidates.push(...(rows as HeldState[]));
  }
  const parts = await partsAt(
    read,
    candidates.map(({ journey }) => journey),
  );
  const alone = candidates.filter(
    ({ journey, type, customer }) =>
      !known.has(journey) && !parts.has(journey) && matters.has(`${rootOf.get(customer)!} ${type}`),
  );
  const span = { fromMs: first - REPEAT_WINDOW_MS, toMs: last + REPEAT_WINDOW_MS + 1 };
  const touched = await touchedAmong(
    read,
    alone.map(({ journey }) => journey),
    span,
  );
  // Of what was merged or split, any part may be near.
  const wholes = parts.roots.filter((root) => !known.has(root));
  const near = [...touched, ...wholes].sort((a, b) => a - b);
  const facts: JourneyFacts[] = [];
  for (let at = 0; at < near.length; at += MOST) {
    facts.push(...(await heldFacts(read, await statesOf(read, near.slice(at, at + MOST)))));
  }
  return facts;
}

/** Everybody for whom one of these stands, with who does. */
async function membersOf(read: Read, roots: ReadonlySet<number>): Promise<ReadonlyMap<number, number>> {
  const rootOf = new Map([...roots].map((root) => [root, root]));
  for (let open = [...roots]; open.length > 0;) {
    const { from } = await neighboursAt(read, open);
    const next: number[] = [];
    for (const customer of open) {
      for (const merged of from.get(customer) ?? []) {
        if (rootOf.has(merged)) continue;
        rootOf.set(merged, rootOf.get(customer)!);
        next.push(merged);
      }
    }
    open = next;
  }
  return rootOf;
}
