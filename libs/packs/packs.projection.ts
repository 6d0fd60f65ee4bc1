/** Packs, their kinds and moments, in every version that was in force. */
import type { RecordedEvent } from '@touchstone/eventing/pure';
import type { IdOf, Name, EventProjection, Row, RowChange, TableSpec } from '@touchstone/readmodel/projection';
import type { KindSpec } from './kind.js';
import type { PackEvent } from './pack.js';

const ignorePositions = ['from_pos', 'to_pos'];

const tables: readonly TableSpec[] = [
  {
    name: 'pack_version',
    columns: {
      pack: 'int',
      from_pos: 'text',
      to_pos: 'text',
      version: 'int',
      content_hash: 'text',
      effective_from: 'text',
      retired: 'int',
      shipped: 'int',
      names: 'text',
      experience: 'text',
      correlation: 'text',
    },
    nullable: ['to_pos', 'experience', 'correlation'],
    key: ['pack', 'from_pos'],
    compare: { names: ['pack'], ignore: ignorePositions, currentWhenNull: 'to_pos' },
  },
  {
    name: 'kind_version',
    columns: {
      kind: 'int',
      from_pos: 'text',
      to_pos: 'text',
      pack: 'int',
      version: 'int',
      name_en: 'text',
      name_zh: 'text',
      traits: 'text',
      attributes: 'text',
    },
    nullable: ['to_pos', 'name_zh'],
    key: ['kind', 'from_pos'],
    indexes: [['pack', 'kind']],
    compare: { names: ['kind', 'pack'], ignore: ignorePositions, currentWhenNull: 'to_pos' },
  },
  {
    name: 'moment_version',
    columns: {
      moment: 'int',
      from_pos: 'text',
      to_pos: 'text',
      pack: 'int',
      polarity: 'text',
      name_en: 'text',
      name_zh: 'text',
      counter: 'text',
      description: 'text',
      rule: 'int',
    },
    nullable: ['to_pos', 'name_zh', 'counter', 'description'],
    key: ['moment', 'from_pos'],
    indexes: [['pack']],
    compare: { names: ['moment', 'pack'], ignore: ignorePositions, currentWhenNull: 'to_pos' },
  },
];

interface PackUnit {
  readonly id: number;
  pack: Row | null;
  readonly kinds: Map<number, Row>;
  readonly moments: Map<number, Row>;
  pending: RowChange[];
}

export const packsProjection: EventProjection<PackUnit> = {
  name: 'packs',
  version: 4,
  tables,
  handles: ['PackPublished', 'PackRetired'],
  unit: (event): Name => ['pack', (event as PackEvent & RecordedEvent).data.pack],
  names: (recorded) => {
    const event = recorded as RecordedEvent & PackEvent;
    if (event.type !== 'PackPublished') return [];
    return [
      ...event.data.body.kinds.map((k): Name => ['kind', k.id]),
      ...event.data.body.moments.map((m): Name => ['moment', m.code]),
    ];
  },
  loads: tables.map((table) => ({ table: table.name, by: 'pack' })),
  restore: (id, _name, [packs, kinds, moments]) => {
    const current = (rows: readonly Row[]) => rows.filter((row) => row['to_pos'] === null);
    return {
      id,
      pack: current(packs ?? [])[0] ?? null,
      kinds: new Map(current(kinds ?? []).map((row) => [row['kind'] as number, row])),
      moments: new Map(current(moments ?? []).map((row) => [row['moment'] as number, row])),
      pending: [],
    };
  },
  apply: (unit, recorded, idOf) => {
    const event = recorded as RecordedEvent & PackEvent;
    if (event.type === 'PackRetired') retire(unit, event.position);
    else publish(unit, event, idOf);
  },
  changes: (unit) => unit.pending.splice(0),
};

function publish(unit: PackUnit, event: RecordedEvent & PackEvent & { type: 'PackPublished' }, idOf: IdOf): void {
  const { version, contentHash, effectiveFrom, shipped, body } = event.data;
  if (unit.pack && (unit.pack['version'] as number) >= version) return;
  const at = { from_pos: event.position, to_pos: null, pack: unit.id };
  supersede(unit, 'pack_version', unit.pack, event.position);
  unit.pack = {
    ...at,
    version,
    content_hash: contentHash,
    effective_from: effectiveFrom,
    retired: 0,
    shipped: shipped ? 1 : 0,
    names: JSON.stringify(body.names),
    experience: body.experience ? JSON.stringify(body.experience) : null,
    correlation: body.correlation ? JSON.stringify(body.correlation) : null,
  };
  unit.pending.push({ op: 'put', table: 'pack_version', row: unit.pack });
  replace(
    unit,
    'kind_version',
    'kind',
    unit.kinds,
    event.position,
    body.kinds.map((kind) => ({
      ...at,
      kind: idOf('kind', kind.id),
      version,
      name_en: kind.names.en,
      name_zh: kind.names.zh ?? null,
      traits: JSON.stringify(kind.traits),
      attributes: JSON.stringify(attributesOf(kind)),
    })),
  );
  replace(
    unit,
    'moment_version',
    'moment',
    unit.moments,
    event.position,
    body.moments.map((moment) => ({
      ...at,
      moment: idOf('moment', moment.code),
      polarity: moment.polarity,
      name_en: moment.names.en,
      name_zh: moment.names.zh ?? null,
      counter: moment.counter ?? null,
      description: moment.description ? JSON.stringify(moment.description) : null,
      rule: moment.rule ? 1 : 0,
    })),
  );
}

/** Sorted by name, everything said, so that equal attributes are equal text. */
const attributesOf = ({ attributes = {} }: KindSpec) =>
  Object.entries(attributes)
    .map(([name, { type, personal = false, required = false }]) => ({ name, type, personal, required }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** The pack's row stays, to say that it has retired; its kinds and moments are no longer in force. */
function retire(unit: PackUnit, position: string): void {
  if (!unit.pack || unit.pack['retired'] === 1 || (unit.pack['from_pos'] as string) >= position) return;
  supersede(unit, 'pack_version', unit.pack, position);
  unit.pack = { ...unit.pack, from_pos: position, retired: 1 };
  unit.pending.push({ op: 'put', table: 'pack_version', row: unit.pack });
  replace(unit, 'kind_version', 'kind', unit.kinds, position, []);
  replace(unit, 'moment_version', 'moment', unit.moments, position, []);
}

/** The given rows become the current ones; a row that says the same as before stays as it is. */
function replace(
  unit: PackUnit,
  table: string,
  key: string,
  current: Map<number, Row>,
  position: string,
  rows: readonly Row[],
): void {
  const kept = new Set<number>();
  for (const row of rows) {
    const id = row[key] as number;
    kept.add(id);
    const before = current.get(id);
    if (before && sameContent(before, row)) continue;
    supersede(unit, table, before ?? null, position, key);
    current.set(id, row);
    unit.pending.push({ op: 'put', table, row });
  }
  for (const [id, row] of current) {
    if (kept.has(id)) continue;
    supersede(unit, table, row, position, key);
    current.delete(id);
  }
}

function sameContent(a: Row, b: Row): boolean {
  return Object.keys(b).every((k) => k === 'from_pos' || k === 'version' || a[k] === b[k]);
}

function supersede(unit: PackUnit, table: string, row: Row | null, position: string, key = 'pack'): void {
  if (!row) return;
  unit.pending.push({
    op: 'set',
    table,
    key: { [key]: row[key]!, from_pos: row['from_pos']! },
    set: { to_pos: position },
  });
}
