/** Figures of metrics, as known now or then. */
import { heldAt, type Read, type ReadQuery } from '@touchstone/readmodel/query';
import { invalidCursor, placeOf } from '../cursor-place.js';
import { ObserverCode } from '../journey-blob.js';
import {
  DAY_MS,
  isObserved,
  isTime,
  observerOf,
  resolve,
  spanEnd,
  type MetricAsk,
  type MetricQuestion,
  type MetricWindow,
  type TimeDimension,
} from './metric-ask.js';
import { byKey, sumsOf, type Cell } from './metric-cells.js';
import type { MetricDimension } from './metric-definitions.js';
import { countsOf, figureOf, type MetricFigure, type ObservedFilter } from './metric-figure.js';
import { gather, isPageable, type View } from './metric-read.js';

export interface MetricParams extends MetricQuestion {
  /** Also the figure of everything together. */
  readonly total: boolean;
  /** A page of groups; absent: none. */
  readonly page?: { readonly after?: GroupCursor; readonly first: number };
}

/**
 * Where a list of groups goes on: what each dimension's value is called, and the zone of days. In names, so that it
 * outlives the read model that answered.
 */
export interface GroupCursor {
  readonly values: readonly (string | null)[];
  readonly timeZone: string;
}

/** The value of a dimension that a group has. */
export interface GroupValue {
  readonly dimension: MetricDimension;
  /** Name, or for spans of time the date of their first day; null: none. */
  readonly id: string | null;
  readonly nameEn: string | null;
  readonly nameZh: string | null;
}

export interface MetricGroupRow {
  readonly values: readonly GroupValue[];
  /** The part of the window that the group lies in, where it is one of time. */
  readonly window?: MetricWindow;
  readonly figure: MetricFigure;
}

export interface MetricResult {
  /** IANA name of the zone that days, weeks and months are of. */
  readonly timeZone: string;
  readonly total: MetricFigure | null;
  /** In the order of their keys. */
  readonly groups: readonly MetricGroupRow[];
}

/**
 * A metric over a window, in groups or together.
 * @throws METRIC_UNKNOWN, METRIC_DIMENSION, INVALID_WINDOW
 */
export const metricQuery: ReadQuery<MetricParams, MetricResult> = {
  name: 'metric',
  group: 'journeys',
  run: async (read, { total, page: asked, ...question }) => {
    const ask = await resolve(read, question);
    const page = asked && { first: asked.first, after: asked.after && (await keyOf(read, ask, asked.after)) };
    const views: View[] = [];
    if (total) views.push({ groupBy: [] });
    const isPage = isPageable(ask.metric, ask.groupBy);
    if (page && ask.groupBy.length > 0) views.push({ groupBy: ask.groupBy, ...(isPage && { page }) });
    const answers = await gather(read, ask, views);
    const whole = total ? answers.shift()! : [];
    const cells = answers.shift() ?? [];
    const codes = await codeNames(read, [...whole, ...cells]);
    const groups = page ? paged(groupsOf(ask, cells, codes), page) : [];
    return {
      timeZone: ask.calendar.timeZone,
      total: total ? figureIn(ask, whole[0] ?? EMPTY, codes) : null,
      groups: await named(read, ask, groups),
    };
  },
};

/** The key of a group that was called so. @throws INVALID_CURSOR */
async function keyOf(read: Read, ask: MetricAsk, { values, timeZone }: GroupCursor): Promise<number[]> {
  if (ask.groupBy.some(isTime) && timeZone !== ask.calendar.timeZone) {
    throw invalidCursor(`days were those of ${timeZone}, and are those of ${ask.calendar.timeZone} now`);
  }
  const key: number[] = [];
  for (const [i, dimension] of ask.groupBy.entries()) {
    const name = values[i] ?? undefined;
    if (isTime(dimension)) key.push(dayOf(name));
    else if (dimension === 'observer') key.push(observerCode(name));
    else key.push(await placeOf(read, dimension === 'code' ? 'moment' : dimension, name));
  }
  return key;
}

function dayOf(date = ''): number {
  const day = Date.parse(date) / DAY_MS;
  if (Number.isInteger(day)) return day;
  throw invalidCursor(`"${date}" is no date`);
}

function observerCode(name = ''): number {
  const code = (ObserverCode as Readonly<Record<string, number>>)[name];
  if (code !== undefined) return code;
  throw invalidCursor(`nobody observes as "${name}"`);
}

const EMPTY: Cell = { key: [], base: [], buckets: new Map(), observed: new Map(), provisional: 0 };

interface Group {
  readonly key: readonly number[];
  readonly figure: () => MetricFigure;
}

const paged = (groups: Group[], { after, first }: { after?: readonly number[]; first: number }): Group[] =>
  groups.filter(({ key }) => !after || byKey(key, after) > 0).slice(0, first);

/** Cells as groups; told apart further by what was observed, where that was asked for. */
function groupsOf(ask: MetricAsk, cells: readonly Cell[], codes: ReadonlyMap<number, string>): Group[] {
  const { groupBy } = ask;
  if (!groupBy.some(isObserved)) {
    return cells.map((cell) => ({ key: cell.key, figure: () => figureIn(ask, cell, codes) }));
  }
  const groups = cells.flatMap((cell) =>
    observedIn(ask, cell, codes).map(({ observer, code, filter }): Group => {
      const rest = [...cell.key];
      const key = groupBy.map((d) => (d === 'observer' ? observer : d === 'code' ? code : rest.shift()!));
      return { key, figure: () => figureIn({ ...ask, observed: filter }, cell, codes) };
    }),
  );
  return groups.sort((a, b) => byKey(a.key, b.key));
}

function figureIn(
  { metric, observed, parts }: Pick<MetricAsk, 'metric' | 'observed' | 'parts'>,
  cell: Cell,
  codes: ReadonlyMap<number, string>,
): MetricFigure {
  // What waits for its window to pass becomes a moment of one rule.
  const isOf = (observed.observer?.has('rule') ?? true) && (observed.code?.has('POS-S2') ?? true);
  return figureOf(metric, sumsOf(metric, isOf ? cell : { ...cell, provisional: 0 }, codes), observed, parts);
}

/** The observers and codes under which a cell has anything that the metric counts. */
function observedIn({ metric, groupBy, observed }: MetricAsk, cell: Cell, codes: ReadonlyMap<number, string>) {
  const found = new Map<string, { observer: number; code: number; filter: ObservedFilter }>();
  const sums = sumsOf(metric, cell, codes);
  for (const [observer, byCode] of cell.observed) {
    for (const code of byCode.keys()) {
      const name = codes.get(code) ?? '';
      const own = sums.observed.filter((o) => o.observer === observerOf(observer) && o.code === name);
      const { n, numerator } = countsOf(metric.id, { ...sums, observed: own });
      if ((metric.kind === 'perThousand' ? numerator : n) === 0) continue;
      if (observed.observer?.has(observerOf(observer)) === false || observed.code?.has(name) === false) continue;
      const [byObserver, byName] = [groupBy.includes('observer'), groupBy.includes('code')];
      const filter = {
        ...observed,
        ...(byObserver && { observer: new Set([observerOf(observer)]) }),
        ...(byName && { code: new Set([name]) }),
      };
      const key = { observer: byObserver ? observer : 0, code: byName ? code : 0 };
      found.set(`${key.observer} ${key.code}`, { ...key, filter });
    }
  }
  return [...found.values()];
}

async function codeNames(read: Read, cells: readonly Cell[]): Promise<ReadonlyMap<number, string>> {
  const codes = cells.flatMap(({ observed }) => [...observed.values()].flatMap((byCode) => [...byCode.keys()]));
  return read.namesOf(codes.filter((code) => code !== 0));
}

async function named(read: Read, ask: MetricAsk, groups: readonly Group[]): Promise<MetricGroupRow[]> {
  const { groupBy, calendar } = ask;
  const isSurrogate = groupBy.map((dimension) => !isTime(dimension) && dimension !== 'observer');
  const ids = groups.flatMap(({ key }) => key.filter((n, i) => isSurrogate[i] && n !== 0));
  const names = await read.namesOf(ids);
  const moments = groupBy.includes('code') ? await momentNames(read) : new Map<number, MomentName>();
  // One object for each value, however many groups have it: they travel between threads as one, too.
  const known = groupBy.map(() => new Map<number, GroupValue>());
  const valueOf = (dimension: MetricDimension, i: number, n: number): GroupValue => {
    let value = known[i]!.get(n);
    if (!value) {
      const { en = null, zh = null } = (dimension === 'code' && moments.get(n)) || {};
      known[i]!.set(n, (value = { dimension, id: idOf(dimension, n), nameEn: en, nameZh: zh }));
    }
    return value;
  };
  const idOf = (dimension: MetricDimension, n: number): string | null => {
    if (isTime(dimension)) return calendar.dateOf(n);
    if (dimension === 'observer') return observerOf(n);
    return names.get(n) ?? null;
  };
  const time = groupBy.findIndex(isTime);
  const spans = new Map<number, MetricWindow>();
  const windowOf = (day: number): MetricWindow => {
    let window = spans.get(day);
    if (!window) spans.set(day, (window = spanWithin(ask, day, groupBy[time] as TimeDimension)));
    return window;
  };
  return groups.map(({ key, figure }) => ({
    values: groupBy.map((dimension, i) => valueOf(dimension, i, key[i]!)),
    ...(time >= 0 && { window: windowOf(key[time]!) }),
    figure: figure(),
  }));
}

/** The part of a day, a week or a month that lies in the window. */
function spanWithin({ calendar, fromMs, toMs }: MetricAsk, day: number, by: TimeDimension): MetricWindow {
  const from = Math.max(fromMs, calendar.startOf(day));
  const to = Math.min(toMs, calendar.startOf(spanEnd(by, day)));
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

interface MomentName {
  readonly en: string;
  readonly zh: string | null;
}

/** Names of moment codes, as the packs called them then. */
async function momentNames(read: Read): Promise<Map<number, MomentName>> {
  const rows = await read.db
    .selectFrom('moment_version')
    .select(['moment', 'name_en', 'name_zh'])
    .where(heldAt(read, 'moment_version'))
    .execute();
  return new Map(
    rows.map((row) => [row.moment as number, { en: row.name_en as string, zh: row.name_zh as string | null }]),
  );
}
