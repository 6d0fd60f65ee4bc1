/** Whom a fact of an object concerned: those whom it names or lists, and those who were linked to the object then. */
import { sql, type RawBuilder } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { audienceFrom, type AudiencePlace } from './audience-walk.js';
import { Linked } from './objects.tables.js';
import { validAt } from './objects.queries.js';
import { factRows, type FactRow, type SharedFactRow } from './shared-facts.js';

/** An audience is counted so far where it is one of many that a page shows. */
export const COUNTED_TO = 10_000;

/** A fact by its id. @throws OBJECT_FACT_UNKNOWN */
export const objectFactQuery: ReadQuery<{ factId: string }, SharedFactRow> = {
  name: 'objectFact',
  group: 'journeys',
  run: async (read, { factId }) => (await factRows(read, [await factThen(read, factId)]))[0]!,
};

export interface AudienceMember {
  readonly customerId: string;
  /** The fact names or lists them itself. */
  readonly listed: boolean;
  readonly cursor: AudienceCursor;
}

/** The way of the walk to an object, surrogates with dots between them, and a customer there. */
export type AudienceCursor = readonly [way: string, customer: number];

/**
 * Those whom the fact names or lists first, then object by object those who were linked. @throws OBJECT_FACT_UNKNOWN,
 * INVALID_CURSOR
 */
export const audienceQuery: ReadQuery<{ factId: string; after?: AudienceCursor; first: number }, AudienceMember[]> = {
  name: 'audience',
  group: 'journeys',
  run: async (read, { factId, after, first }) => {
    const fact = await factThen(read, factId);
    const found = await audienceFrom(read, fact, after && placeAt(fact, after), first);
    const names = await read.namesOf(found.map(({ customer }) => customer));
    return found.map(({ customer, listed, place }) => ({
      customerId: names.get(customer)!,
      listed,
      cursor: [place.way.join('.'), place.customer],
    }));
  },
};

function placeAt(fact: FactRow, [text, customer]: AudienceCursor): AudiencePlace {
  if (text === '') return { way: [], customer };
  const way = text.split('.').map(Number);
  if (way[0] === fact.object && way.every((object) => Number.isSafeInteger(object) && object > 0)) {
    return { way, customer };
  }
  const message = 'The cursor is one of the audience of another fact; begin the list anew.';
  throw new TouchstoneError('INVALID_CURSOR', message, 'invalid');
}

/** How many customers each fact concerned; counted no further than `COUNTED_TO`. Null: no such fact was known then. */
export const audienceSizesQuery: ReadQuery<
  { factIds: readonly string[] },
  ({ readonly size: number; readonly exact: boolean } | null)[]
> = {
  name: 'audienceSizes',
  group: 'journeys',
  run: async (read, { factIds }) => {
    const sizes = [];
    const counted = new Map<string, { size: number; exact: boolean }>();
    for (const factId of factIds) {
      const fact = await findFact(read, factId);
      if (!fact) {
        sizes.push(null);
        continue;
      }
      const key = await sameAudience(read, fact);
      const size = (key === null ? undefined : counted.get(key)) ?? (await sizeOf(read, fact));
      if (key !== null) counted.set(key, size);
      sizes.push(size);
      read.checkpointCancel();
    }
    return sizes;
  },
};

/**
 * Facts of one object between whose times no link of anything begins or ends concern the same customers, as the notices of
 * one outage do: they are counted once. Null: the fact lists customers of its own.
 */
async function sameAudience(read: Read, { from_pos, object, linked, occurred_ms }: FactRow): Promise<string | null> {
  const { rows } = await sql<{ since: number | null; listed: number }>`select
    (select max(at_ms) from object_link where at_ms <= ${occurred_ms}) as since,
    exists (select 1 from object_audience where from_pos = ${from_pos}) as listed`.execute(read.db);
  const [{ since, listed }] = rows as [{ since: number | null; listed: number }];
  return listed ? null : [object, linked, since].join(' ');
}

async function sizeOf(read: Read, fact: FactRow): Promise<{ size: number; exact: boolean }> {
  const { rows } = await sql<{ size: number }>`
    ${closure(read, fact)} select count(*) as size from (
      select distinct customer from ${audienceOf(read, fact)} as audience limit ${COUNTED_TO + 1}) as counted`.execute(
    read.db,
  );
  const size = Number(rows[0]!.size);
  return size > COUNTED_TO ? { size: COUNTED_TO, exact: false } : { size, exact: true };
}

/** The objects whose customers the fact concerns: its own, and those to which links convey, valid when it happened. */
function closure(read: Read, { object, linked, occurred_ms }: FactRow): RawBuilder<unknown> {
  const further =
    linked === Linked.throughObjects
      ? sql`union select l.other from object_link as l join reached on l.object = reached.object
            where l.other > 0 and l.conveys = 1 and ${validAt(read, occurred_ms)}`
      : sql``;
  return sql`with recursive reached (object) as (select cast(${object} as bigint) ${further})`;
}

/** Customers, some of them more than once; to be read with `closure`. */
function audienceOf(read: Read, { from_pos, linked, occurred_ms }: FactRow): RawBuilder<unknown> {
  const listed = sql`select customer from object_audience where from_pos = ${from_pos}`;
  if (linked === Linked.nobody) return sql`(${listed})`;
  return sql`(${listed} union all
    select l.customer from reached join object_link as l on l.object = reached.object
    where l.other = 0 and l.customer > 0 and ${validAt(read, occurred_ms)})`;
}

async function findFact(read: Read, factId: string): Promise<FactRow | null> {
  const fact = await read.idOf('objectFact', factId);
  if (fact === null) return null;
  const row = await read.db
    .selectFrom('object_fact')
    .selectAll('object_fact')
    .where('fact', '=', fact)
    .where(heldAt(read, 'object_fact'))
    .executeTakeFirst();
  return (row as FactRow | undefined) ?? null;
}

async function factThen(read: Read, factId: string): Promise<FactRow> {
  const row = await findFact(read, factId);
  if (row) return row;
  const message = `No fact ${factId} of an object held there; check the id and the \`asOf\`.`;
  throw new TouchstoneError('OBJECT_FACT_UNKNOWN', message, 'notFound');
}
