/** Objects with what is said of them, for exports. */
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { sql } from 'kysely';
import { ObjectForm } from './objects.tables.js';
import { objectName, objectOfName, type ObjectKey } from './object.events.js';

/** Attributes of an object from a time on; null: none any more. */
export interface ExportedValues {
  /** Of the event that said so, and who told it. */
  readonly id: string;
  readonly source?: { readonly system: string };
  readonly occurredAt: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly personal: boolean;
}

export interface ExportedLink extends ObjectKey {
  readonly qualifier?: string;
}

/** A fact that stands on the object, for all whom it concerns. */
export interface ExportedFact {
  readonly id: string;
  readonly occurredAt: string;
  readonly kind: string;
  readonly channel?: string;
  readonly unit?: string;
  readonly staff?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly objects: readonly ExportedLink[];
  readonly source?: { readonly system: string; readonly recordId?: string };
  readonly personal: boolean;
  readonly hasAudience: boolean;
}

export interface ExportedObject extends ObjectKey {
  /** In the order in which they hold. */
  readonly values: readonly ExportedValues[];
  /** Objects that it is linked to. */
  readonly links: readonly ExportedLink[];
  /** Links to objects that have ended, and links to customers: counts. */
  readonly ended: number;
  readonly customers: number;
  readonly facts: readonly ExportedFact[];
}

/** What is known of these objects at the read's position; of one that nothing was ever said of there is no more than its key. */
export async function exportObjects(read: Read, keys: readonly ObjectKey[]): Promise<ExportedObject[]> {
  const surrogates = await Promise.all(keys.map((key) => surrogateOf(read, key)));
  const known = surrogates.filter((id): id is number => id !== null);
  if (known.length === 0)
    return keys.map((key) => ({ ...key, values: [], links: [], ended: 0, customers: 0, facts: [] }));
  const values = grouped(await valuesOf(read, known));
  const links = grouped(await linksOf(read, known));
  const facts = grouped(await factsOf(read, known));
  return keys.map((key, i): ExportedObject => {
    const own = <T>(of: Map<number, T[]>): T[] => of.get(surrogates[i] ?? -1) ?? [];
    const stated = own(links);
    return {
      ...key,
      values: own(values).map(({ value }) => value),
      links: stated.flatMap(({ link }) => (link === 'ended' || link === 'customer' ? [] : [link])),
      ended: stated.filter(({ link }) => link === 'ended').length,
      customers: stated.filter(({ link }) => link === 'customer').length,
      facts: own(facts).map(({ fact }) => fact),
    };
  });
}

/** Null: nothing was ever said of it, for which its name may be too long. */
async function surrogateOf(read: Read, key: ObjectKey): Promise<number | null> {
  let name: string;
  try {
    name = objectName(key);
  } catch {
    return null;
  }
  return read.idOf('object', name);
}

/** Names of the objects of which anything was ever said, in the order in which they came to be known. */
export async function knownObjects(
  read: Read,
  after: string,
  first: number,
): Promise<{ keys: ObjectKey[]; next: string | null }> {
  const rows = (await read.db
    .selectFrom('object_known')
    .select(['object', 'from_pos'])
    .where('from_pos', '>', after)
    .where('from_pos', '<=', read.asOf.position)
    .orderBy('from_pos')
    .limit(first)
    .execute()) as { object: number; from_pos: string }[];
  const names = await read.namesOf(rows.map(({ object }) => object));
  return {
    keys: rows.map(({ object }) => objectOfName(names.get(object)!)),
    next: rows.length < first ? null : rows.at(-1)!.from_pos,
  };
}

async function valuesOf(read: Read, objects: readonly number[]): Promise<{ object: number; value: ExportedValues }[]> {
  const rows = (await read.db
    .selectFrom('object_entry')
    .select(['object', 'entry_id', 'occurred_at', 'body'])
    .where('object', 'in', objects)
    .where('form', '=', ObjectForm.changed)
    .where('from_pos', '<=', read.asOf.position)
    .orderBy('object')
    .orderBy('occurred_ms')
    .orderBy('sequence')
    .orderBy('entry_id')
    .execute()) as { object: number; entry_id: string; occurred_at: string; body: string }[];
  return rows.map(({ object, entry_id: id, occurred_at: occurredAt, body }) => {
    const {
      attributes = {},
      personal,
      source,
    } = JSON.parse(body) as {
      attributes?: Record<string, unknown>;
      personal?: unknown;
      source?: { readonly system: string };
    };
    return { object, value: { id, source, occurredAt, attributes, personal: personal !== undefined } };
  });
}

interface LinkRow {
  object: number;
  other: number;
  customer: number;
  qualifier: number;
  ended: number;
}

/** A link by its last statement. */
async function linksOf(
  read: Read,
  objects: readonly number[],
): Promise<{ object: number; link: ExportedLink | 'ended' | 'customer' }[]> {
  const rows = (await read.db
    .selectFrom('object_link')
    .select(['object', 'other', 'customer', 'qualifier', 'ended'])
    .where('object', 'in', objects)
    .where('from_pos', '<=', read.asOf.position)
    .orderBy('object')
    .orderBy('other')
    .orderBy('customer')
    .orderBy('qualifier')
    .orderBy('at_ms')
    .orderBy('ended')
    .orderBy('event_id')
    .execute()) as LinkRow[];
  const last = rows.filter((row, i) => {
    const next = rows[i + 1];
    return (
      !next || (['object', 'other', 'customer', 'qualifier'] as const).some((column) => next[column] !== row[column])
    );
  });
  const names = await read.namesOf(last.flatMap(({ other, qualifier }) => [other, qualifier]));
  return last.map(({ object, other, customer, qualifier, ended }) => {
    if (ended === 1) return { object, link: 'ended' };
    if (customer !== 0) return { object, link: 'customer' };
    return { object, link: { ...objectOfName(names.get(other)!), qualifier: names.get(qualifier) } };
  });
}

interface FactRow {
  object: number;
  entry_id: string;
  occurred_at: string;
  kind: number;
  channel: number;
  unit: number;
  staff: number;
  body: string;
}

async function factsOf(read: Read, objects: readonly number[]): Promise<{ object: number; fact: ExportedFact }[]> {
  const rows = (await read.db
    .selectFrom('object_fact')
    .select(['object', 'entry_id', 'occurred_at', 'kind', 'channel', 'unit', 'staff', 'body'])
    .where('object', 'in', objects)
    .where('form', '=', ObjectForm.fact)
    .where(heldAt(read, 'object_fact'))
    .orderBy('object')
    .orderBy('occurred_ms')
    .orderBy('sequence')
    .orderBy('entry_id')
    .execute()) as FactRow[];
  const names = await read.namesOf(rows.flatMap((r) => [r.kind, r.channel, r.unit, r.staff]));
  return rows.map((row) => {
    const body = JSON.parse(row.body) as Partial<ExportedFact> & { personal?: unknown; audience?: unknown };
    return {
      object: row.object,
      fact: {
        id: row.entry_id,
        occurredAt: row.occurred_at,
        kind: names.get(row.kind)!,
        channel: names.get(row.channel),
        unit: names.get(row.unit),
        staff: names.get(row.staff),
        attributes: body.attributes ?? {},
        objects: body.objects ?? [],
        source: body.source,
        personal: body.personal !== undefined,
        hasAudience: body.audience !== undefined,
      },
    };
  });
}

/** How many facts stand on objects, by their kind. */
export async function sharedFactCounts(read: Read): Promise<Readonly<Record<string, number>>> {
  const rows = (await read.db
    .selectFrom('object_fact')
    .select(['kind', sql<number>`count(*)`.as('count')])
    .where('form', '=', ObjectForm.fact)
    .where(heldAt(read, 'object_fact'))
    .groupBy('kind')
    .execute()) as { kind: number; count: number }[];
  const names = await read.namesOf(rows.map(({ kind }) => kind));
  return Object.fromEntries(rows.map(({ kind, count }) => [names.get(kind)!, Number(count)]));
}

function grouped<T extends { readonly object: number }>(rows: readonly T[]): Map<number, T[]> {
  const found = new Map<number, T[]>();
  for (const row of rows) {
    const own = found.get(row.object);
    if (own) own.push(row);
    else found.set(row.object, [row]);
  }
  return found;
}
