import { sql } from 'kysely';
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { placeOf } from './cursor-place.js';
import { occurrences, variantHasher, type FigureSearch, type SearchedNode } from './figure.js';
import { OTHER_ID, STILL_OPEN_ID, type Figure, type NodeRef, type Projected } from './figure-token.js';
import { type EntryColumns } from './journey-blob.js';
import { JourneyColumns } from './journey-columns.js';
import { JourneyMapBuilder, OTHER, STILL_OPEN, type JourneyMapData } from './journey-map.js';
import {
  projected,
  select,
  touchpointsOf,
  type JourneyFilter,
  type Selection,
  type Touchpoints,
} from './journey-rows.js';
import { eachChosen } from './journey-spans.js';
import { journeyStream } from './journey.events.js';

export interface MapParams {
  readonly filter: JourneyFilter;
  readonly project?: Projected;
  readonly maxNodes: number;
  readonly maxVariants: number;
}

export interface NodeName {
  /** Kind id, `other` or `still-open`. */
  readonly id: string;
  readonly nameEn: string;
  readonly nameZh: string | null;
}

export interface MapAnswer {
  readonly data: JourneyMapData;
  /** By surrogate. */
  readonly names: ReadonlyMap<number, NodeName>;
  readonly variantHashes: readonly string[];
}

/** The journey map of any choice of journeys. */
export const journeyMapQuery: ReadQuery<MapParams, MapAnswer> = {
  name: 'journeyMap',
  group: 'journeys',
  run: async (read, { filter, project, maxNodes, maxVariants }) => {
    const builder = new JourneyMapBuilder(Date.parse(read.asOf.instant));
    await count(read, builder, await select(read, filter), await projection(read, project));
    const data = builder.build(maxNodes, maxVariants);
    const kinds = new Set([...data.nodes.map((n) => n.kind), ...data.variants.flatMap((v) => v.kinds)]);
    const names = await nodeNames(
      read,
      [...kinds].filter((kind) => kind > 0),
    );
    names.set(OTHER, { id: OTHER_ID, nameEn: 'Other', nameZh: '其他' });
    names.set(STILL_OPEN, { id: STILL_OPEN_ID, nameEn: 'Still open', nameZh: '未结' });
    const hash = variantHasher((kind) => names.get(kind)!.id);
    return { data, names, variantHashes: data.variants.map((v) => hash(v.kinds)) };
  },
};

async function count(read: Read, builder: JourneyMapBuilder, selection: Selection, keep: Keep): Promise<void> {
  // A person has few journeys, and an index leads to them.
  if (selection.state.person !== null) {
    for await (const t of chosen(read, selection, keep)) builder.add(t);
    return;
  }
  const kept = new JourneyColumns();
  await eachChosen(read, selection, (columns, slot) => {
    const first = columns.start[slot]!;
    const end = first + columns.count[slot]!;
    if (!keep) return builder.addPart(columns, first, end, columns.status[slot]!);
    kept.clear();
    kept.reserve(end - first);
    for (let i = first; i < end; i++) if (keep(columns, i)) kept.copy(columns, i);
    builder.addPart(kept, 0, kept.touchpoints, columns.status[slot]!);
  });
}

export interface OccurrenceRow {
  readonly journeyId: string;
  readonly events: readonly {
    readonly eventId: string;
    readonly touchpointId: string;
    readonly stream: string;
    readonly revision: number;
    readonly position: string;
    readonly occurredAt: string;
    readonly kind: string;
  }[];
  readonly cursor: OccurrenceCursor;
}

/** The journey's id, and the number of the occurrence in it. */
export type OccurrenceCursor = readonly [journeyId: string, ordinal: number];

export interface FigureParams {
  readonly figure: Figure;
  readonly after?: OccurrenceCursor;
  readonly first: number;
}

/** The occurrences behind a figure, in pages, each with its events. Run it with the figure's own `asOf`. */
export const figureQuery: ReadQuery<FigureParams, OccurrenceRow[]> = {
  name: 'figureOccurrences',
  group: 'journeys',
  run: async (read, { figure, after, first }) => {
    const search = await searchOf(read, figure);
    const found: { t: Touchpoints; ordinal: number; places: number[] }[] = [];
    if (!search) return [];
    // The journey that the last page ended in may have more.
    const last = await placeOf(read, 'journey', after?.[0]);
    const journeys = chosen(read, await select(read, figure.filter), await projection(read, figure.project), {
      after: last - 1,
      entries: true,
    });
    pages: for await (const t of journeys) {
      for (const [ordinal, places] of occurrences(search, t).entries()) {
        if (after && t.journey === last && ordinal <= after[1]) continue;
        found.push({ t, ordinal, places });
        if (found.length >= first) break pages;
      }
    }
    return occurrenceRows(read, found);
  },
};

/** How many occurrences a figure has: what it said when it was counted. */
export const figureCountQuery: ReadQuery<{ figure: Figure }, number> = {
  name: 'figureCount',
  group: 'journeys',
  run: async (read, { figure }) => {
    const search = await searchOf(read, figure);
    if (!search) return 0;
    let count = 0;
    for await (const t of chosen(read, await select(read, figure.filter), await projection(read, figure.project))) {
      count += occurrences(search, t).length;
    }
    return count;
  },
};

/** The journeys behind a figure: ids in the order of their surrogates. */
export const figureJourneysQuery: ReadQuery<{ figure: Figure; after?: string; first: number }, { id: string }[]> = {
  name: 'figureJourneys',
  group: 'journeys',
  run: async (read, { figure, after, first }) => {
    const search = await searchOf(read, figure);
    if (!search) return [];
    const found: number[] = [];
    for await (const t of chosen(read, await select(read, figure.filter), await projection(read, figure.project), {
      after: await placeOf(read, 'journey', after),
    })) {
      if (occurrences(search, t).length > 0) found.push(t.journey);
      if (found.length >= first) break;
    }
    const names = await read.namesOf(found);
    return found.map((journey) => ({ id: names.get(journey)! }));
  },
};

type Keep = ((t: Pick<Touchpoints, 'kind' | 'channel' | 'unit'>, i: number) => boolean) | null;

async function* chosen(
  read: Read,
  selection: Selection,
  keep: Keep,
  options: { after?: number; entries?: boolean } = {},
) {
  for await (const t of touchpointsOf(read, selection, options)) {
    const kept = keep ? projected(t, (i) => keep(t, i)) : t;
    if (kept.count > 0) yield kept;
  }
}

async function projection(read: Read, project: Projected | undefined): Promise<Keep> {
  if (!project) return null;
  const ids = async (dictionary: string, values: readonly string[] | undefined) =>
    values && new Set(await Promise.all(values.map((value) => read.idOf(dictionary, value))));
  const [kinds, units, channels] = await Promise.all([
    ids('kind', project.kinds),
    ids('unit', project.units),
    ids('channel', project.channels),
  ]);
  return (t, i) =>
    (!kinds || kinds.has(t.kind[i]!)) &&
    (!units || units.has(t.unit[i]!)) &&
    (!channels || channels.has(t.channel[i]!));
}

/** As they were called at the read's position; a kind that was published only later, as it is called now. */
async function nodeNames(read: Read, kinds: readonly number[]): Promise<Map<number, NodeName>> {
  const ids = await read.namesOf(kinds);
  const named = new Map<number, NodeName>([...ids].map(([kind, id]) => [kind, { id, nameEn: id, nameZh: null }]));
  // The newest name of a kind, in force or not; in a past read the one that was in force then, where there was one.
  const ever = sql<boolean>`true`;
  for (const inForce of read.past ? [ever, heldAt(read, 'kind_version')] : [ever]) {
    for (let i = 0; i < kinds.length; i += 500) {
      const rows = await read.db
        .selectFrom('kind_version')
        .select(['kind', 'name_en', 'name_zh'])
        .where('kind', 'in', kinds.slice(i, i + 500))
        .where(inForce)
        .orderBy('from_pos')
        .execute();
      for (const row of rows) named.set(row.kind, { id: ids.get(row.kind)!, nameEn: row.name_en, nameZh: row.name_zh });
    }
  }
  return named;
}

/** Null: the figure names something that no event ever named, so nothing is behind it. */
async function searchOf(read: Read, figure: Figure): Promise<FigureSearch | null> {
  const node = await nodeOf(read, figure.node);
  const target = await nodeOf(read, figure.target);
  if (node === null || target === null) return null;
  const named = new Set(await Promise.all((figure.named ?? []).map((id) => read.idOf('kind', id))));
  const names = figure.variant === undefined ? new Map<number, string>() : await allKinds(read);
  return {
    of: figure.of,
    node,
    target,
    variant: figure.variant,
    isOther: (kind) => !named.has(kind),
    hashOf: variantHasher((kind) => names.get(kind) ?? String(kind)),
  };
}

/** Undefined: any node; null: a kind that no event ever named. */
async function nodeOf(read: Read, node: NodeRef | undefined): Promise<SearchedNode | undefined | null> {
  return node?.kind === undefined ? node?.role : read.idOf('kind', node.kind);
}

async function allKinds(read: Read): Promise<Map<number, string>> {
  const rows = await read.db.selectFrom('name').select(['id', 'value']).where('dictionary', '=', 'kind').execute();
  return new Map(rows.map((row) => [row.id, row.value]));
}

interface EventRow {
  /** In whose stream it stands: a part of the journey, where that was merged. */
  readonly journey: number;
  readonly event_id: string;
  readonly revision: number;
  readonly occurred_at: string;
}

async function occurrenceRows(
  read: Read,
  found: readonly { t: Touchpoints; ordinal: number; places: number[] }[],
): Promise<OccurrenceRow[]> {
  const entries = found.map(({ t, places }) =>
    places.map((i) => {
      const { columns, index } = t.source![i]! as { columns: EntryColumns; index: number };
      return columns.entry(index);
    }),
  );
  const positions = [...new Set(entries.flat().map((e) => e.from))];
  const rows = new Map<string, EventRow>();
  for (let i = 0; i < positions.length; i += 500) {
    const page = await read.db
      .selectFrom('timeline_entry')
      .select(['from_pos', 'journey', 'event_id', 'revision', 'occurred_at'])
      .where('from_pos', 'in', positions.slice(i, i + 500))
      .execute();
    for (const row of page) rows.set(row.from_pos, row as unknown as EventRow);
  }
  const names = await read.namesOf([
    ...found.map((f) => f.t.journey),
    ...[...rows.values()].map((row) => row.journey),
    ...entries.flat().map((e) => e.kind),
  ]);
  return found.map(({ t, ordinal }, at) => ({
    journeyId: names.get(t.journey)!,
    cursor: [names.get(t.journey)!, ordinal],
    events: entries[at]!.map((entry) => {
      const row = rows.get(entry.from)!;
      return {
        eventId: row.event_id,
        touchpointId: entry.id,
        stream: journeyStream(names.get(row.journey)!),
        revision: row.revision,
        position: entry.from,
        occurredAt: row.occurred_at,
        kind: names.get(entry.kind)!,
      };
    }),
  }));
}
