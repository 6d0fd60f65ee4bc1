import { setImmediate } from 'node:timers/promises';
import { OcelColumns } from './ocel-columns.js';
import type { LossReport } from './loss-report.js';
import type { OcelStore, Side } from './ocel-store.js';
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
  for (const row of store.eventsInOrder()) {
    const { values } = columns.get(row.type)!.split(JSON.parse(row.attributes) as JsonObject);
    yield {
      id: row.id,
      type: row.type,
      time: row.time,
      attributes: [...values].map(([name, value]) => ({ name, value })),
      relationships: store.all(
        'SELECT object AS objectId, qualifier FROM relation WHERE event = ? ORDER BY object, qualifier',
        row.n,
      ),
    };
  }
}

function* objects(store: OcelStore, columns: Columns): Generator<object> {
  for (const { id, type } of store.objectsInOrder()) {
    if (type === UNDECLARED) continue;
    const attributes: { name: string; time: string; value: Json }[] = [];
    for (const { time, attributes: values } of store.valuesOf(id)) {
      const split = columns.get(type)!.split(JSON.parse(values) as JsonObject).values;
      for (const [name, value] of split) attributes.push({ name, time, value });
    }
    const relationships = store.all(
      'SELECT target AS objectId, qualifier FROM link WHERE source = ? ORDER BY target, qualifier',
      id,
    );
    yield { id, type, attributes, relationships };
  }
}
