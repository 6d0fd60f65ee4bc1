import { setImmediate } from 'node:timers/promises';
import { OcelColumns } from './ocel-columns.js';
import type { LossReport } from './loss-report.js';
import type { OcelStore, Side, StoredObject } from './ocel-store.js';
import { UNDECLARED } from './ocel.js';
import type { Json, JsonObject } from './xes-value.js';

/** Characters in a piece, roughly. */
const PIECE = 64 * 1024;

/** Writes what a store holds as OCEL 2.0 in JSON, piece by piece. */
export async function* ocelJson(store: OcelStore, report: LossReport): AsyncGenerator<string> {
  const columns = columnsIn(store, report, false);
  let piece = '{"events":[';
  for await (const text of separated(events(store, columns.event))) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  piece += '],\n"objects":[';
  for await (const text of separated(objects(store, columns.object))) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}],\n"eventTypes":${typesText(columns.event)},\n"objectTypes":${typesText(columns.object)}}\n`;
}

type Columns = ReadonlyMap<string, OcelColumns>;

export function columnsIn(store: OcelStore, report: LossReport, ofTable: boolean): Record<Side, Columns> {
  const of = (side: Side) =>
    new Map(store.typesOf(side).map((type) => [type, new OcelColumns(store, side, type, report, ofTable)]));
  return { event: of('event'), object: of('object') };
}

function typesText(columns: Columns): string {
  const types = [...columns].map(([name, { types: attributes }]) => ({
    name,
    attributes: [...attributes].map(([attribute, type]) => ({ name: attribute, type })),
  }));
  return JSON.stringify(types);
}

async function* separated(elements: Iterable<object>): AsyncGenerator<string> {
  let n = 0;
  for (const element of elements) {
    yield `${n === 0 ? '' : ','}\n${JSON.stringify(element)}`;
    if (++n % 200 === 0) await setImmediate();
  }
}

function* events(store: OcelStore, columns: Columns): Generator<object> {
  interface Row {
    readonly n: number;
    readonly id: string;
    readonly type: string;
    readonly time: string;
    readonly attributes: string;
  }
  for (const row of store.select<Row>('SELECT n, id, type, time, attributes FROM event ORDER BY ms, n')) {
    const { values } = columns.get(row.type)!.split(JSON.parse(row.attributes) as JsonObject);
    const relationships = store.select<{ objectId: string; qualifier: string }>(
      'SELECT object AS objectId, qualifier FROM relation WHERE event = ? ORDER BY object, qualifier',
      row.n,
    );
    yield {
      id: row.id,
      type: row.type,
      time: row.time,
      attributes: [...values].map(([name, value]) => ({ name, value })),
      relationships: [...relationships],
    };
  }
}

function* objects(store: OcelStore, columns: Columns): Generator<object> {
  for (const { id, type } of store.select<StoredObject>(
    `SELECT id, type FROM object WHERE type <> '${UNDECLARED}' ORDER BY n`,
  )) {
    const attributes: { name: string; time: string; value: Json }[] = [];
    for (const { time, values } of store.select<{ time: string; values: string }>(
      'SELECT time, attributes AS "values" FROM value WHERE object = ? ORDER BY ms, time, n',
      id,
    )) {
      const split = columns.get(type)!.split(JSON.parse(values) as JsonObject).values;
      for (const [name, value] of split) attributes.push({ name, time, value });
    }
    const relationships = store.select<{ objectId: string; qualifier: string }>(
      'SELECT target AS objectId, qualifier FROM link WHERE source = ? ORDER BY target, qualifier',
      id,
    );
    yield { id, type, attributes, relationships: [...relationships] };
  }
}
