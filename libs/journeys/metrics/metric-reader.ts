import { Inject, Injectable } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { decodeCursor, encodeCursor, pageOf, READS, type Page } from '@touchstone/platform';
import type { AsOf, Reads } from '@touchstone/readmodel';
import { figureToken, hasNumeratorFigure, type MetricFigureRef } from '../figure-token.js';
import type { Occurrence } from '../journey-map.graphql.js';
import { when, type When } from '../journey-reader.js';
import {
  isObserved,
  isTime,
  knownMetric,
  type FilterDimension,
  type MetricFilter,
  type MetricWindow,
} from './metric-ask.js';
import { compareSides, type OpenableFigure, type Opening, type Side } from './metric-comparison.js';
import type { FigurePart, MetricFigure } from './metric-figure.js';
import type { MetricDefinition, MetricDimension } from './metric-definitions.js';
import {
  metricCountQuery,
  metricJourneysQuery,
  metricOccurrencesQuery,
  type MetricOccurrenceCursor,
} from './metric-occurrences.queries.js';
import { metricQuery, type GroupCursor, type GroupValue, type MetricGroupRow } from './metric.queries.js';

export interface MetricRequest extends When {
  readonly id: string;
  readonly window?: MetricWindow;
  readonly filter?: MetricFilter;
  readonly groupBy: readonly MetricDimension[];
  readonly first: number;
  readonly after?: string;
  /** What of the answer is wanted: what is not, costs nothing. */
  readonly wants: { readonly total: boolean; readonly groups: boolean; readonly parts?: readonly FigurePart[] };
}

export interface ComparedSide extends When {
  readonly window?: MetricWindow;
  readonly filter?: MetricFilter;
}

export interface CompareRequest {
  readonly id: string;
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  readonly groupBy: readonly MetricDimension[];
  readonly first: number;
  readonly atLeast?: string;
}

export interface MetricGroupNode {
  readonly dimensions: readonly GroupValue[];
  readonly figure: OpenableFigure;
}

export interface MetricAnswerData {
  readonly asOf: AsOf;
  readonly metric: MetricDefinition;
  readonly timeZone: string;
  readonly total: OpenableFigure | null;
  readonly groups: Page<MetricGroupNode> | null;
}

/** Groups that a comparison takes in at most. */
export const MOST_COMPARED = 5_000;

/** Answers metrics, compares them, and opens their figures. */
@Injectable()
export class MetricReader {
  constructor(@Inject(READS) private readonly reads: Reads) {}

  /** @throws METRIC_UNKNOWN, METRIC_DIMENSION, INVALID_WINDOW, INVALID_CURSOR */
  async metric({ id, window, filter, groupBy, wants, ...request }: MetricRequest): Promise<MetricAnswerData> {
    const metric = knownMetric(id);
    const list = `metric ${id} ${groupBy.join()}`;
    const { first } = request;
    const after = request.after === undefined ? undefined : groupCursor(list, request.after, groupBy.length);
    const question = { metric: id, window, filter, groupBy };
    const page = wants.groups ? { page: { after, first: first + 1 } } : {};
    const { result, asOf, generation } = await this.reads.run(
      metricQuery,
      { ...question, total: wants.total, ...page, ...(wants.parts && { parts: wants.parts }) },
      when(request),
    );
    const open = opening(metric, { window, filter, asOf, generation });
    return {
      asOf,
      metric,
      timeZone: result.timeZone,
      total: result.total && open(result.total),
      groups: wants.groups
        ? pageOf(
            result.groups,
            { first, after: request.after },
            ({ values }) => encodeCursor(list, [...values.map(({ id: name }) => name), result.timeZone]),
            (row) => ({ dimensions: row.values, figure: open(row.figure, row) }),
          )
        : null,
    };
  }

  /** @throws METRIC_UNKNOWN, METRIC_DIMENSION, INVALID_WINDOW, METRIC_GROUPS_MANY */
  async compare({ id, a, b, groupBy, first, atLeast }: CompareRequest) {
    const metric = knownMetric(id);
    const both = async () =>
      [await this.side(metric, a, groupBy, atLeast), await this.side(metric, b, groupBy, atLeast)] as const;
    let sides = await both();
    // Another read model took over in between, with its days in another zone.
    if (sides[0].timeZone !== sides[1].timeZone) sides = await both();
    return compareSides(metric, groupBy, sides, first);
  }

  async count(figure: MetricFigureRef): Promise<number> {
    return (await this.reads.run(metricCountQuery, { figure }, { asOf: figure })).result;
  }

  async occurrences(figure: MetricFigureRef, page: { first: number; after?: string }): Promise<Page<Occurrence>> {
    const after =
      page.after === undefined
        ? undefined
        : (decodeCursor('metricOccurrences', page.after, ['string', 'number']) as never as MetricOccurrenceCursor);
    const params = { figure, after, first: page.first + 1 };
    const { result } = await this.reads.run(metricOccurrencesQuery, params, { asOf: figure });
    return pageOf(
      result,
      page,
      ({ cursor }) => encodeCursor('metricOccurrences', cursor),
      ({ cursor: _cursor, events, ...row }) => ({ ...row, events: [...events] }),
    );
  }

  async journeys(figure: MetricFigureRef, page: { after?: string; first: number }) {
    return (await this.reads.run(metricJourneysQuery, { figure, ...page }, { asOf: figure })).result;
  }

  /** One side of a comparison: the whole, its groups, and the groups without what was observed. */
  private async side(
    metric: MetricDefinition,
    { window, filter, ...whenAsked }: ComparedSide,
    groupBy: readonly MetricDimension[],
    atLeast?: string,
  ): Promise<Side & { readonly timeZone: string }> {
    const page = { first: MOST_COMPARED + 1 };
    const question = { metric: metric.id, window, filter };
    const options = when({ ...whenAsked, atLeast });
    const answer = await this.reads.run(metricQuery, { ...question, groupBy, total: true, page }, options);
    const { asOf, generation } = answer;
    const { timeZone, total, groups } = answer.result;
    if (groups.length > MOST_COMPARED) throw tooMany(groupBy);
    const plain = groupBy.filter((dimension) => !isObserved(dimension));
    // As of the same moment, whatever was recorded in between.
    const base =
      metric.kind === 'perThousand' && plain.length < groupBy.length && plain.length > 0
        ? (await this.reads.run(metricQuery, { ...question, groupBy: plain, total: false, page }, { asOf })).result
            .groups
        : null;
    return { asOf, timeZone, total: total!, groups, base, open: opening(metric, { window, filter, asOf, generation }) };
  }
}

/** Names of the last group's values, then the zone of days. @throws INVALID_CURSOR */
function groupCursor(list: string, cursor: string, dimensions: number): GroupCursor {
  const shape = [...Array<'string?'>(dimensions).fill('string?'), 'string'] as const;
  const keys = decodeCursor(list, cursor, shape) as (string | null)[];
  return { values: keys.slice(0, -1), timeZone: keys.at(-1)! };
}

/** Gives figures their tokens; those of a list are made when they are asked for. */
function opening(
  metric: MetricDefinition,
  counted: { window?: MetricWindow; filter?: MetricFilter; asOf: AsOf; generation: string },
): Opening {
  return (figure, group) => {
    const token = (part: MetricFigureRef['part']) => {
      const { from, to } = group?.window ?? counted.window ?? {};
      const ref: MetricFigureRef = {
        of: 'metric',
        metric: metric.id,
        part,
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        filter: filterOf(counted.filter, group),
        ...counted.asOf,
        generation: counted.generation,
      };
      return figureToken(ref);
    };
    return new Openable(figure, metric, token);
  };
}

type Token = (part: MetricFigureRef['part']) => string;

/** A figure with its tokens. A class, since a page makes a thousand: an object with accessors of its own is slow to make. */
class Openable implements OpenableFigure {
  readonly n: number;
  readonly numerator: number;
  readonly denominator: number;
  readonly value: MetricFigure['value'];
  readonly interval: MetricFigure['interval'];
  readonly percentiles: MetricFigure['percentiles'];
  readonly provisional: MetricFigure['provisional'];
  readonly coverage: MetricFigure['coverage'];
  readonly extras: MetricFigure['extras'];
  readonly #token: Token;

  constructor(
    figure: MetricFigure,
    readonly metric: MetricDefinition,
    token: Token,
  ) {
    this.n = figure.n;
    this.numerator = figure.numerator;
    this.denominator = figure.denominator;
    this.value = figure.value;
    this.interval = figure.interval;
    this.percentiles = figure.percentiles;
    this.provisional = figure.provisional;
    this.coverage = figure.coverage;
    this.extras = figure.extras;
    this.#token = token;
  }

  get figure(): string {
    return this.#token('all');
  }

  get numeratorFigure(): string | null {
    return hasNumeratorFigure(this.metric.kind) ? this.#token('numerator') : null;
  }
}

function filterOf(filter: MetricFilter = {}, group?: MetricGroupRow): MetricFigureRef['filter'] {
  const own = Object.fromEntries(
    (group?.values ?? []).filter(({ dimension }) => !isTime(dimension)).map(({ dimension, id }) => [dimension, [id]]),
  );
  const asked = Object.entries(filter) as [FilterDimension, readonly (string | null)[] | undefined][];
  return {
    ...Object.fromEntries(asked.flatMap(([dimension, names]) => (names ? [[dimension, [...names]]] : []))),
    ...own,
  };
}

const tooMany = (groupBy: readonly string[]) =>
  new TouchstoneError(
    'METRIC_GROUPS_MANY',
    `By ${groupBy.join(', ')} there are more than ${MOST_COMPARED} groups; compare by fewer dimensions, or filter.`,
    'limit',
  );
