import { sql } from 'kysely';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { objectName, objectOfName, type ObjectKey } from './object.events.js';
import { ObjectForm } from './objects.tables.js';
import { factRows, type FactRow, type SharedFactRow } from './shared-facts.js';
import { laterThan, saidBy } from './shared-reach.js';
import type { TimelineCursor } from './timeline-version.js';

/** Attributes of one object that an answer holds; more is no way to describe a thing. */
export const ATTRIBUTES_MAX = 1_000;
/** Links that an entry shows of the event behind it. */
export const ENTRY_LINKS_MAX = 20;

export interface ObjectRow extends ObjectKey {
  /** As of the answer's instant; those that were taken away are not there. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** An object and its attributes. @throws OBJECT_UNKNOWN */
export const objectQuery: ReadQuery<ObjectKey, ObjectRow> = {
  name: 'object',
  group: 'journeys',
  run: async (read, { type, id }) => {
    const object = await objectThen(read, { type, id });
    return { type, id, attributes: await attributesOf(read, object) };
  },
};

/** By name; null values are those that were taken away, and are not there. */
async function attributesOf(read: Read, object: number): Promise<Readonly<Record<string, unknown>>> {
  const at = Date.parse(read.asOf.instant);
  const { rows } = await sql<{ attribute: number; value: string }>`
      select a.attribute, a.value from object_attribute as a
      where a.object = ${object} and a.at_ms <= ${at} and ${saidBy(read, 'a')} and not exists (
        select 1 from object_attribute as n
        where n.object = a.object and n.attribute = a.attribute and n.at_ms >= a.at_ms and n.at_ms <= ${at}
          and ${saidBy(read, 'n')} and (n.at_ms, n.sequence, n.event_id) > (a.at_ms, a.sequence, a.event_id))
      order by a.attribute limit ${ATTRIBUTES_MAX}`.execute(read.db);
  const names = await read.namesOf(rows.map((row) => row.attribute));
  const said = rows.map(({ attribute, value }) => [names.get(attribute)!, JSON.parse(value) as unknown] as const);
  return Object.fromEntries(said.filter(([, value]) => value !== null));
}

export interface ObjectsParams {
  readonly type?: string;
  /** How the id begins; only with a type. */
  readonly idPrefix?: string;
  /** Name of the last one. */
  readonly after?: string;
  readonly first: number;
}

/** Behind every name that begins so. */
const LAST = '\u{10ffff}';

/** Objects in the order of their names: by type, then by id. @throws OBJECT_TYPE_MISSING */
export const objectsQuery: ReadQuery<ObjectsParams, (ObjectRow & { readonly cursor: string })[]> = {
  name: 'objects',
  group: 'journeys',
  run: async (read, { type, idPrefix = '', after, first }) => {
    if (type === undefined && idPrefix !== '') {
      throw new TouchstoneError('OBJECT_TYPE_MISSING', 'Give the type, too: ids are those of a type.', 'invalid');
    }
    const begins = type === undefined ? '' : objectName({ type, id: idPrefix });
    const { rows } = await sql<{ id: number; value: string }>`
      select name.id, name.value from name where name.dictionary = 'object'
        and name.value >= ${begins} and name.value < ${begins + LAST} and name.value > ${after ?? ''}
        and (exists (select 1 from object_known where object = name.id and ${saidBy(read, 'object_known')})
          or exists (select 1 from object_link where other = name.id and ${saidBy(read, 'object_link')}))
      order by name.value limit ${first}`.execute(read.db);
    const found = [];
    for (const { id, value } of rows) {
      found.push({ ...objectOfName(value), attributes: await attributesOf(read, id), cursor: value });
      read.checkpointCancel();
    }
    return found;
  },
};

const FORMS = {
  [ObjectForm.changed]: 'CHANGED',
  [ObjectForm.linked]: 'LINKED',
  [ObjectForm.unlinked]: 'UNLINKED',
} as const;

/** What happened to an object: a fact, a change of attributes, or links that began or ended. */
export interface ObjectEntryRow {
  readonly id: string;
  readonly form: 'FACT' | (typeof FORMS)[keyof typeof FORMS];
  readonly occurredAt: string;
  readonly position: string;
  readonly recordedAt: string;
  readonly fact: SharedFactRow | null;
  /** Of a change or of links: what the event said; `personal` is ciphertext. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly links: readonly LinkRow[];
  readonly cursor: TimelineCursor;
}

export interface LinkRow {
  readonly object: ObjectKey | null;
  readonly customerId: string | null;
  readonly qualifier: string | null;
  readonly conveys: boolean;
}

/** An object's own timeline, in the order of its times. @throws OBJECT_UNKNOWN */
export const objectTimelineQuery: ReadQuery<
  { object: ObjectKey; after?: TimelineCursor; first: number },
  ObjectEntryRow[]
> = {
  name: 'objectTimeline',
  group: 'journeys',
  run: async (read, { object: key, after, first }) => {
    const object = await objectThen(read, key);
    const page = (table: 'object_fact' | 'object_entry') => {
      const query = read.db.selectFrom(table).selectAll(table).where('object', '=', object);
      const known = table === 'object_fact' ? heldAt(read, table) : saidBy(read, table);
      const rest = after
        ? sql<boolean>`(occurred_ms, sequence, entry_id) > (${after[0]}, ${after[1]}, ${after[2]})`
        : sql<boolean>`true`;
      return query
        .where(known)
        .where(rest)
        .orderBy('occurred_ms')
        .orderBy('sequence')
        .orderBy('entry_id')
        .limit(first)
        .execute();
    };
    const facts = (await page('object_fact')) as FactRow[];
    const entries = (await page('object_entry')) as StoredEntry[];
    const order = [...facts, ...entries].sort(
      (a, b) => a.occurred_ms - b.occurred_ms || a.sequence - b.sequence || (a.entry_id < b.entry_id ? -1 : 1),
    );
    return entryRows(read, order.slice(0, first));
  },
};

interface StoredEntry {
  readonly from_pos: string;
  readonly form: keyof typeof FORMS;
  readonly entry_id: string;
  readonly occurred_ms: number;
  readonly occurred_at: string;
  readonly sequence: number;
  readonly recorded_at: string;
  readonly body: string;
}

const isFact = (row: FactRow | StoredEntry): row is FactRow => 'fact' in row;

async function entryRows(read: Read, rows: readonly (FactRow | StoredEntry)[]): Promise<ObjectEntryRow[]> {
  const facts = new Map((await factRows(read, rows.filter(isFact))).map((fact) => [fact.entryId, fact]));
  const links = await linksSaidAt(
    read,
    rows.flatMap((row) => (isFact(row) || row.form === ObjectForm.changed ? [] : [row.from_pos])),
  );
  return rows.map((row) => ({
    id: row.entry_id,
    form: isFact(row) ? 'FACT' : FORMS[row.form],
    occurredAt: row.occurred_at,
    position: row.from_pos,
    recordedAt: row.recorded_at,
    fact: isFact(row) ? facts.get(row.entry_id)! : null,
    body: isFact(row) ? {} : (JSON.parse(row.body) as Record<string, unknown>),
    links: links.get(row.from_pos) ?? [],
    cursor: [row.occurred_ms, row.sequence, row.entry_id],
  }));
}

interface StoredLink {
  readonly from_pos: string;
  readonly other: number;
  readonly customer: number;
  readonly qualifier: number;
  readonly conveys: number;
}

async function linksSaidAt(read: Read, positions: readonly string[]): Promise<ReadonlyMap<string, LinkRow[]>> {
  if (positions.length === 0) return new Map();
  const rows = (await read.db
    .selectFrom('object_link')
    .select(['from_pos', 'other', 'customer', 'qualifier', 'conveys'])
    .where('from_pos', 'in', positions)
    .where('nth', '<', ENTRY_LINKS_MAX)
    .orderBy('from_pos')
    .orderBy('nth')
    .execute()) as StoredLink[];
  const shown = await linkRows(read, rows);
  const byPosition = new Map<string, LinkRow[]>();
  rows.forEach(({ from_pos }, i) => byPosition.set(from_pos, [...(byPosition.get(from_pos) ?? []), shown[i]!]));
  return byPosition;
}

async function linkRows(read: Read, rows: readonly StoredLink[]): Promise<LinkRow[]> {
  const names = await read.namesOf(rows.flatMap(({ other, customer, qualifier }) => [other, customer, qualifier]));
  return rows.map(({ other, customer, qualifier, conveys }) => ({
    object: other === 0 ? null : objectOfName(names.get(other)!),
    customerId: names.get(customer) ?? null,
    qualifier: names.get(qualifier) ?? null,
    conveys: conveys === 1,
  }));
}

export type LinkCursor = readonly [end: number, customer: number, qualifier: number];

/**
 * The links of an object that are valid at the answer's instant: to others and to customers, or from others to it
 * (`incoming`; `object` is then the other one). @throws OBJECT_UNKNOWN
 */
export const objectLinksQuery: ReadQuery<
  { object: ObjectKey; incoming?: boolean; after?: LinkCursor; first: number },
  (LinkRow & { readonly cursor: LinkCursor })[]
> = {
  name: 'objectLinks',
  group: 'journeys',
  run: async (read, { object: key, incoming = false, after = [-1, -1, -1], first }) => {
    const object = await objectThen(read, key);
    const at = Date.parse(read.asOf.instant);
    const [own, end] = incoming ? ['l.other', 'l.object'] : ['l.object', 'l.other'];
    const place = sql`(${sql.ref(end)}, l.customer, l.qualifier)`;
    const { rows } = await sql<StoredLink>`
      select l.from_pos, ${sql.ref(end)} as other, l.customer, l.qualifier, l.conveys from object_link as l
      where ${sql.ref(own)} = ${object} and ${place} > (${after[0]}, ${after[1]}, ${after[2]})
        and ${validAt(read, at)}
      order by ${sql.ref(end)}, l.customer, l.qualifier limit ${first}`.execute(read.db);
    const shown = await linkRows(read, rows);
    return rows.map(({ other, customer, qualifier }, i) => ({ ...shown[i]!, cursor: [other, customer, qualifier] }));
  },
};

/** Condition on a row `l` of links: it is the last word about its link at the time, and says that there is one. */
export const validAt = (read: Read, at: number) => sql<boolean>`
  l.ended = 0 and l.at_ms <= ${at} and ${saidBy(read, 'l')}
  and not exists (select 1 from object_link as n where ${laterThan(read)} and n.at_ms <= ${at})`;

/** Surrogate of an object that was known at the read's position, if only by a link to it. */
async function objectThen(read: Read, key: ObjectKey): Promise<number> {
  const object = await read.idOf('object', objectName(key));
  if (object !== null) {
    const known = await sql`
      select 1 from object_known where object = ${object} and ${saidBy(read, 'object_known')}
      union all
      select 1 from object_link where other = ${object} and ${saidBy(read, 'object_link')} limit 1`.execute(read.db);
    if (known.rows.length > 0) return object;
  }
  const message = `No ${key.type} ${key.id} is known there; check type, id and the \`asOf\`.`;
  throw new TouchstoneError('OBJECT_UNKNOWN', message, 'notFound');
}
