/**
 * Gathers the sums behind a metric. Of the present, whole days come from the cubes and the parts of days at the ends of
 * the window from a scan; of the past, everything comes from a scan. Both make the same contributions.
 */
import { sql, type RawBuilder } from 'kysely';
import { readCube, type CubeSpec } from '@touchstone/readmodel/cube';
import type { Read } from '@touchstone/readmodel/query';
import { ContactFlag, CUBES, type CubeName } from './care.tables.js';
import { REPEAT_WINDOW_MS } from './matter.js';
import type { MetricAsk } from './metric-ask.js';
import {
  baseMeasures,
  Cells,
  needsBuckets,
  needsContacts,
  observedMeasures,
  Places,
  tellsObserversApart,
  type Cell,
} from './metric-cells.js';
import type { MetricDefinition, MetricDimension } from './metric-definitions.js';
import { scan } from './scan.js';
import { undecidedContacts } from './undecided.js';

/** Groups by some dimensions, or a page of them. */
export interface View {
  readonly groupBy: readonly MetricDimension[];
  /** Only where the groups of the cube are the groups that were asked for; else the reader cuts the page. */
  readonly page?: { readonly after?: readonly number[]; readonly first: number };
}

/** Days from the cubes, and the parts of days beside them, both [from, to). */
interface Division {
  readonly days: { readonly from?: number; readonly to?: number } | null;
  readonly edges: readonly Edge[];
}
interface Edge {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Cells of each view in the order of their keys. */
export async function gather(read: Read, ask: MetricAsk, views: readonly View[]): Promise<Cell[][]> {
  const { fromMs, toMs } = ask;
  const gathered = views.map(({ groupBy, page }) => new Cells(ask.metric, groupBy, page?.after));
  if (read.past) {
    await scanInto(read, ask, { fromMs, toMs }, gathered);
    return gathered.map((cells) => cells.sorted());
  }
  const { days, edges } = divided(ask);
  const ends: number[] = [];
  for (const [i, cells] of gathered.entries()) ends.push(await addDays(read, ask, days, cells, views[i]!));
  for (const edge of edges) {
    const day = ask.calendar.dayOf(edge.fromMs);
    const concerned = gathered.filter((_, i) => day >= (firstDay(views[i]!) ?? day) && day <= ends[i]!);
    await scanInto(read, ask, edge, concerned);
  }
  const answers = gathered.map((cells, i) => cells.sorted().slice(0, views[i]!.page?.first));
  for (const [i, cells] of gathered.entries()) await addObserved(read, ask, days, cells, views[i]!.page && answers[i]!);
  const add = ask.metric.awaits === 'turns' ? addOpenTurns : addUndecided;
  if (ask.metric.awaits) {
    for (const [i, cells] of gathered.entries()) await add(read, ask, cells, views[i]!.page && answers[i]!);
  }
  return answers;
}

/** Where a page by days goes on; what lies before has been read. */
const firstDay = ({ groupBy, page }: View): number | undefined => (groupBy[0] === 'day' ? page?.after?.[0] : undefined);

/** Which whole days the window has. */
function divided({ fromMs, toMs, calendar }: MetricAsk): Division {
  const first = fromMs === -Infinity ? undefined : calendar.dayOf(fromMs);
  const end = toMs === Infinity ? undefined : calendar.dayOf(toMs);
  const edges: Edge[] = [];
  let from = first;
  if (first !== undefined && calendar.startOf(first) < fromMs) {
    from = first + 1;
    edges.push({ fromMs, toMs: Math.min(toMs, calendar.startOf(from)) });
  }
  if (end !== undefined && calendar.startOf(end) < toMs && (from === undefined || end >= from)) {
    edges.push({ fromMs: calendar.startOf(end), toMs });
  }
  const isEmpty = from !== undefined && end !== undefined && from >= end;
  return { days: isEmpty ? null : { from, to: end }, edges };
}

async function scanInto(read: Read, ask: MetricAsk, edge: Edge, all: readonly Cells[]): Promise<void> {
  if (all.length === 0) return;
  const { metric, calendar } = ask;
  const counts = read.past && metric.awaits !== undefined;
  const cubes: CubeName[] = metric.observes === undefined ? [metric.cube] : [metric.cube, 'moment'];
  const sinks = all.map((cells) => sinkOf(ask, cells, counts));
  const bounds = {
    ...(edge.fromMs !== -Infinity && { fromMs: edge.fromMs }),
    ...(edge.toMs !== Infinity && { toMs: edge.toMs }),
  };
  const turns = counts && metric.awaits === 'turns';
  const undecided = turns ? await undecidedContacts(read, calendar) : undefined;
  // Where only what may still change is wanted of contacts, older ones have nothing to say.
  const contacts = needsContacts(metric)
    ? { contacts: true }
    : counts && !turns && { contacts: true, contactsFromMs: Date.parse(read.asOf.instant) - REPEAT_WINDOW_MS };
  const profiles = all.some(({ columns }) => columns.some(isOfCustomer)) || [...ask.filter.keys()].some(isOfCustomer);
  await scan(read, { ...bounds, calendar, cubes, ...contacts, undecided, profiles }, (contribution) => {
    for (const sink of sinks) sink(contribution.cube, contribution.dims, contribution.measures, contribution.undecided);
  });
}

const isOfCustomer = (column: string): boolean => ['segment', 'region', 'tier'].includes(column);

/** What may be undecided: of which cube, by which measure. */
const AWAITED: Readonly<Record<NonNullable<MetricDefinition['awaits']>, readonly [cube: CubeName, measure: string]>> = {
  resolutions: ['touchpoint', 'by_absence'],
  moments: ['touchpoint', 'owed'],
  turns: ['opened', 'with_negative'],
};

type Sink = (cube: CubeName, dims: readonly number[], measures: readonly number[], undecided: boolean) => void;

function sinkOf(ask: MetricAsk, cells: Cells, countUndecided: boolean): Sink {
  const { metric, filter } = ask;
  const [buckets, apart] = [needsBuckets(ask), tellsObserversApart(ask)];
  const base = baseMeasures(metric);
  const observed = observedMeasures(metric);
  const own = new Places(metric.cube, cells.columns, filter, base);
  const moment = metric.observes === undefined ? null : new Places('moment', cells.columns, filter, observed);
  const [cube, measure] = AWAITED[metric.awaits ?? 'resolutions'];
  const spec: CubeSpec = CUBES[cube];
  const isOpen = spec.measures.indexOf(measure);
  return (cube, dims, measures, undecided) => {
    if (moment && cube === 'moment') {
      if (!moment.passes(dims)) return;
      const key = moment.key(dims);
      const [observer, code] = apart ? [dims[moment.observer]!, dims[moment.code]!] : [0, 0];
      cells.addObserved(key, observer, code, moment.measures(measures));
      return;
    }
    if (!own.passes(dims)) return;
    const key = own.key(dims);
    const sums = own.measures(measures);
    cells.addBase(key, sums);
    if (buckets) cells.addBucket(key, dims[own.bucket]!, sums[0]!);
    if (countUndecided && undecided && measures[isOpen]) cells.addProvisional(key, 1);
  };
}

/** Adds whole days. Answers the last day that the view still wants something of: of a full page by days, its last. */
async function addDays(
  read: Read,
  ask: MetricAsk,
  days: Division['days'],
  cells: Cells,
  { groupBy, page }: View,
): Promise<number> {
  if (!days) return Infinity;
  const { metric, filter } = ask;
  const measures = baseMeasures(metric);
  const asked = { ...days, filter: Object.fromEntries(filter), groupBy: cells.columns, ...page, measures };
  const spread = needsBuckets(ask) ? { spread: { of: measures[0]!, over: 'bucket' } } : {};
  const groups = await readCube(read, CUBES[metric.cube], { ...asked, ...spread });
  for (const group of groups) {
    cells.addBase([...group.key], group.measures);
    if (group.spread) cells.addBuckets([...group.key], group.spread);
  }
  const isFull = page !== undefined && groupBy[0] === 'day' && groups.length >= page.first;
  return isFull ? groups.at(-1)!.key[0]! : Infinity;
}

/** Adds what was observed in the cells, or in those of the page, on whole days. */
async function addObserved(
  read: Read,
  ask: MetricAsk,
  days: Division['days'],
  cells: Cells,
  page: readonly Cell[] | undefined,
): Promise<void> {
  const { metric } = ask;
  if (!days || page?.length === 0 || metric.observes === undefined) return;
  const rest = narrowed({ ...days, filter: Object.fromEntries(ask.filter) }, cells, page);
  const apart = tellsObserversApart(ask) ? ['observer', 'code'] : [];
  const groupBy = [...cells.columns, ...apart];
  const own = cells.columns.length;
  const groups = await readCube(read, CUBES.moment, { ...rest, groupBy, measures: observedMeasures(metric) });
  for (const { key, measures } of groups)
    cells.addObserved(key.slice(0, own), key[own] ?? 0, key[own + 1] ?? 0, measures);
}

interface Narrowed {
  readonly from?: number;
  readonly to?: number;
  readonly filter: Readonly<Record<string, readonly number[]>>;
}

/** Values of a filter per statement that are worth it. */
const FEW = 500;

/** What else belongs to a page lies among the values of its first column. */
function narrowed(asked: Narrowed, { columns }: Cells, page: readonly Cell[] | undefined): Narrowed {
  const [column] = columns;
  if (!page || column === undefined) return asked;
  const values = [...new Set(page.map(({ key }) => key[0]!))];
  if (column === 'day') {
    const from = Math.max(asked.from ?? -Infinity, Math.min(...values));
    const to = Math.min(asked.to ?? Infinity, Math.max(...values) + 1);
    return { ...asked, from, to };
  }
  return values.length > FEW ? asked : { ...asked, filter: { ...asked.filter, [column]: values } };
}

/** Contacts in the window whose own window is open at the read's instant: whole days from the cube, the rest one by one. */
async function addUndecided(
  read: Read,
  ask: MetricAsk,
  cells: Cells,
  page: readonly Cell[] | undefined,
): Promise<void> {
  if (page?.length === 0) return;
  // Open is what began after this.
  const since = Date.parse(read.asOf.instant) - REPEAT_WINDOW_MS + 1;
  const open = { ...ask, fromMs: Math.max(since, ask.fromMs) };
  if (open.fromMs >= open.toMs) return;
  const { days, edges } = divided(open);
  const groupBy = cells.columns;
  const count = (groups: readonly { key: readonly number[]; n: number }[]) => {
    for (const { key, n } of groups) if (n > 0) cells.addProvisional([...key], n);
  };
  const [, measure] = AWAITED[ask.metric.awaits!];
  if (days) {
    const rest = narrowed({ ...days, filter: Object.fromEntries(ask.filter) }, cells, page);
    const groups = await readCube(read, CUBES.touchpoint, { ...rest, groupBy, measures: [measure] });
    count(groups.map(({ key, measures }) => ({ key, n: measures[0]! })));
  }
  for (const edge of edges) count(await openContacts(read, ask, edge, groupBy));
}

/** The same contacts, of a part of a day. */
function openContacts(read: Read, ask: MetricAsk, { fromMs, toMs }: Edge, groupBy: readonly string[]) {
  const { confirmed, resolved, displaced } = ContactFlag;
  const looked = resolved | confirmed | (ask.metric.awaits === 'moments' ? displaced : 0);
  return countedRows(read, 'contact', ask.filter, groupBy, [
    sql<boolean>`at >= ${fromMs} and at < ${toMs}`,
    sql<boolean>`(flags & ${looked}) = ${resolved}`,
  ]);
}

/** Journeys that time alone may still turn: a short list, so they are counted one by one. */
async function addOpenTurns(
  read: Read,
  ask: MetricAsk,
  cells: Cells,
  page: readonly Cell[] | undefined,
): Promise<void> {
  if (page?.length === 0) return;
  const { fromMs, toMs } = ask;
  const { from, to, filter } = narrowed({ filter: Object.fromEntries(ask.filter) }, cells, page);
  const bounds = [sql<boolean>`until > ${Date.parse(read.asOf.instant)}`];
  if (fromMs !== -Infinity) bounds.push(sql<boolean>`at >= ${fromMs}`);
  if (toMs !== Infinity) bounds.push(sql<boolean>`at < ${toMs}`);
  if (from !== undefined && to !== undefined) bounds.push(sql<boolean>`day >= ${from} and day < ${to}`);
  const groups = await countedRows(read, 'turn_open', new Map(Object.entries(filter)), cells.columns, bounds);
  for (const { key, n } of groups) cells.addProvisional(key, n);
}

async function countedRows(
  read: Read,
  table: 'contact' | 'turn_open',
  filter: MetricAsk['filter'],
  groupBy: readonly string[],
  bounds: readonly RawBuilder<boolean>[],
): Promise<{ key: number[]; n: number }[]> {
  let query = read.db.selectFrom(table).select((eb) => [...groupBy, eb.fn.countAll().as('n')]);
  for (const bound of bounds) query = query.where(bound);
  for (const [column, wanted] of filter) query = query.where(column, 'in', wanted);
  if (groupBy.length > 0) query = query.groupBy([...groupBy]);
  const rows = (await query.execute()) as Record<string, number>[];
  return rows.map((row) => ({ key: groupBy.map((column) => row[column]!), n: Number(row['n']) }));
}

/** Whether a page of groups can be read as such: groups of the cube are those that were asked for. */
export const isPageable = (metric: MetricDefinition, groupBy: readonly MetricDimension[]): boolean =>
  groupBy.length > 0 && !groupBy.some((dimension) => ['week', 'month', 'observer', 'code'].includes(dimension));
