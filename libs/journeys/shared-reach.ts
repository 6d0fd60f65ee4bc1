/** Which facts of objects concern a person: over the links that were valid when they happened, as they were known then. */
import { sql, type RawBuilder } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Read } from '@touchstone/readmodel/query';

/** Objects whose facts may concern one person; more would make a page of their timeline slow. */
export const MOST_REACHED = 10_000;
/** Surrogates per statement. */
const PAGE = 300;

/** A stretch of time in ms since 1970, its end excluded. */
export type Span = readonly [from: number, to: number];

/** When each object is linked to the person: directly, and over links that convey. The second holds the first. */
export interface Reach {
  readonly directly: ReadonlyMap<number, readonly Span[]>;
  readonly through: ReadonlyMap<number, readonly Span[]>;
}

/** Condition on rows that were only ever added: it was known at the read's position. */
export const saidBy = ({ past, asOf }: Pick<Read, 'past' | 'asOf'>, table: string): RawBuilder<boolean> =>
  past ? sql<boolean>`${sql.ref(`${table}.from_pos`)} <= ${asOf.position}` : sql<boolean>`true`;

/** The words about the same link as row `l` that come after it in order, as rows `n`. */
export const laterThan = (read: Read): RawBuilder<boolean> => sql<boolean>`
  n.object = l.object and n.other = l.other and n.customer = l.customer and n.qualifier = l.qualifier
  and n.at_ms >= l.at_ms and (n.at_ms, n.ended, n.event_id) > (l.at_ms, l.ended, l.event_id) and ${saidBy(read, 'n')}`;

/**
 * All objects that lead to these customers, with the times at which they do: each link on the way has to be valid at the
 * same time. Links that convey are followed against their direction, level by level, for as long as a level adds time to
 * any object: circles end by themselves.
 * @throws AUDIENCE_TOO_WIDE
 */
export async function reachOf(read: Read, customers: readonly number[]): Promise<Reach> {
  const directly = new Map<number, Span[]>();
  for (const { object, from_ms, to_ms } of await heldLinks(read, 'customer', customers)) {
    add(directly, object, [from_ms, to_ms ?? Infinity]);
  }
  const through = new Map([...directly].map(([object, spans]) => [object, [...spans]]));
  for (let frontier = new Map(through); frontier.size > 0;) {
    if (through.size > MOST_REACHED) tooWide();
    const next = new Map<number, Span[]>();
    for (const { object, other, from_ms, to_ms } of await heldLinks(read, 'other', [...frontier.keys()])) {
      for (const span of frontier.get(other)!) {
        const both: Span = [Math.max(span[0], from_ms), Math.min(span[1], to_ms ?? Infinity)];
        // Only what was not reached before leads on.
        for (const fresh of without(both, through.get(object) ?? [])) {
          add(through, object, fresh);
          add(next, object, fresh);
        }
      }
    }
    frontier = next;
    read.checkpointCancel();
  }
  return { directly, through };
}

interface HeldLink {
  readonly object: number;
  readonly other: number;
  readonly from_ms: number;
  /** Null: it goes on. */
  readonly to_ms: number | null;
}

/** Links to these customers, or such that convey to these objects, each from one word about it to the next. */
async function heldLinks(read: Read, by: 'customer' | 'other', ids: readonly number[]): Promise<HeldLink[]> {
  const links: HeldLink[] = [];
  const column = sql.ref(`l.${by}`);
  const conveys = by === 'other' ? sql`and l.conveys = 1` : sql``;
  for (let i = 0; i < ids.length; i += PAGE) {
    const { rows } = await sql<HeldLink>`
      select l.object, l.other, l.at_ms as from_ms,
        (select n.at_ms from object_link as n where ${laterThan(read)} order by n.at_ms limit 1) as to_ms
      from object_link as l
      where ${column} in (${sql.join(ids.slice(i, i + PAGE))}) and l.ended = 0 ${conveys} and ${saidBy(read, 'l')}`.execute(
      read.db,
    );
    links.push(...rows);
    read.checkpointCancel();
  }
  return links;
}

/** Adds a span to those of an object; spans stay apart and in order. */
function add(spans: Map<number, Span[]>, object: number, span: Span): void {
  if (span[0] >= span[1]) return;
  const joined: Span[] = [];
  let [from, to] = span;
  for (const known of spans.get(object) ?? []) {
    if (known[1] < from || known[0] > to) joined.push(known);
    else [from, to] = [Math.min(from, known[0]), Math.max(to, known[1])];
  }
  joined.push([from, to]);
  spans.set(
    object,
    joined.sort((a, b) => a[0] - b[0]),
  );
}

/** What of a span is in none of the others, which are apart and in order. */
function without(span: Span, others: readonly Span[]): Span[] {
  const left: Span[] = [];
  let [from] = span;
  for (const [otherFrom, otherTo] of others) {
    if (otherTo <= from) continue;
    if (otherFrom >= span[1]) break;
    if (otherFrom > from) left.push([from, otherFrom]);
    from = otherTo;
  }
  if (from < span[1]) left.push([from, span[1]]);
  return left;
}

function tooWide(): never {
  throw new TouchstoneError(
    'AUDIENCE_TOO_WIDE',
    `More than ${MOST_REACHED} objects convey what concerns them to this customer: end links that do not, or read the timeline with "shared: false".`,
    'limit',
  );
}
