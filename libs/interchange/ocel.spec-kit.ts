/** For tests: what an OCEL log says, read without any code of the product. */
import { DatabaseSync } from '@photostructure/sqlite';

export interface Model {
  /** By id: type, instant in ms, attributes, and relations as sorted `object qualifier` texts. */
  readonly events: Record<string, unknown>;
  /** By id: type, and what attributes are from each instant on. */
  readonly objects: Record<string, unknown>;
  readonly links: readonly string[];
}

type Attributes = Record<string, unknown>;
type Rows = Record<string, unknown>[];

/** What our exports keep as JSON is what it says. */
function whole(attributes: Attributes): Attributes {
  const { 'touchstone:json': json, ...rest } = attributes;
  return typeof json === 'string' ? { ...rest, ...(JSON.parse(json) as Attributes) } : attributes;
}

const msOf = (time: string): number =>
  Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time.replace(' ', 'T')}Z`);

const sorted = (texts: string[]): string[] => [...new Set(texts)].sort();

export function modelOfJson(text: string): Model {
  interface Related {
    readonly relationships?: { readonly objectId: string; readonly qualifier: string }[];
  }
  const log = JSON.parse(text) as {
    events: ({ id: string; type: string; time: string; attributes?: { name: string; value: unknown }[] } & Related)[];
    objects: ({
      id: string;
      type: string;
      attributes?: { name: string; time: string; value: unknown }[];
    } & Related)[];
  };
  const own = (list: { name: string; value: unknown }[]) =>
    whole(Object.fromEntries(list.map(({ name, value }) => [name, value])));
  const related = ({ relationships = [] }: Related) =>
    relationships.map((r) => JSON.stringify([r.objectId, r.qualifier]));
  return {
    events: Object.fromEntries(
      log.events.map((e) => [
        e.id,
        { type: e.type, ms: msOf(e.time), attributes: own(e.attributes ?? []), related: sorted(related(e)) },
      ]),
    ),
    objects: Object.fromEntries(
      log.objects.map((o) => {
        const values: Record<string, Attributes> = {};
        for (const { time, ...one } of o.attributes ?? []) {
          values[msOf(time)] = { ...values[msOf(time)], ...own([one]) };
        }
        return [o.id, { type: o.type, values }];
      }),
    ),
    links: sorted(log.objects.flatMap((o) => related(o).map((text) => JSON.stringify([o.id, text])))),
  };
}

export function modelOfSqlite(file: string): Model {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = (sql: string) => db.prepare(sql).all() as unknown as Rows;
  const tables = (side: string) =>
    rows(`SELECT * FROM ${side}_map_type`).map((row) => [row['ocel_type'] as string, `"${side}_${row['ocel_type_map'] as string}"`]); // prettier-ignore
  const flags = (table: string) =>
    new Set(
      rows(`SELECT name FROM pragma_table_info('${table.slice(1, -1)}') WHERE type = 'BOOLEAN'`).map((c) => c['name']),
    );
  const values = (row: Attributes, booleans: Set<unknown>, keep: (name: string) => boolean) =>
    whole(
      Object.fromEntries(
        Object.entries(row)
          .filter(([name]) => !name.startsWith('ocel_') && keep(name))
          .map(([name, value]) => [name, value !== null && booleans.has(name) ? Boolean(value) : value]),
      ),
    );
  try {
    const related = new Map<string, string[]>();
    for (const r of rows('SELECT * FROM event_object')) {
      const id = r['ocel_event_id'] as string;
      related.set(id, [...(related.get(id) ?? []), JSON.stringify([r['ocel_object_id'], r['ocel_qualifier']])]);
    }
    const events: Model['events'] = {};
    for (const [type, table] of tables('event')) {
      const booleans = flags(table!);
      for (const row of rows(`SELECT * FROM ${table} JOIN event USING (ocel_id)`)) {
        const id = row['ocel_id'] as string;
        const attributes = values(row, booleans, (name) => row[name] !== null);
        events[id] = { type, ms: msOf(row['ocel_time'] as string), attributes, related: sorted(related.get(id) ?? []) };
      }
    }
    const objects: Record<string, { type: unknown; values: Record<string, Attributes> }> = {};
    for (const row of rows('SELECT * FROM object'))
      objects[row['ocel_id'] as string] = { type: row['ocel_type'], values: {} };
    for (const [, table] of tables('object')) {
      const booleans = flags(table!);
      for (const row of rows(`SELECT * FROM ${table} ORDER BY rowid`)) {
        const changed = row['ocel_changed_field'];
        const own = values(row, booleans, (name) => (changed === null ? row[name] !== null : name === changed));
        if (Object.keys(own).length === 0) continue;
        const all = objects[row['ocel_id'] as string]!.values;
        const ms = msOf(row['ocel_time'] as string);
        all[ms] = { ...all[ms], ...own };
      }
    }
    const links = rows('SELECT * FROM object_object').map((r) =>
      JSON.stringify([r['ocel_source_id'], JSON.stringify([r['ocel_target_id'], r['ocel_qualifier']])]),
    );
    return { events, objects, links: sorted(links) };
  } finally {
    db.close();
  }
}
