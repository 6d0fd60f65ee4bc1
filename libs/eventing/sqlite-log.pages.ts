import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import type { Position, RecordedEvent } from './envelope.js';
import type { EventFilter, ReadAll, ReadStream, Subscribe } from './event-log.js';
import type { Bell, Page, PageSource } from './follow.js';
import { checkCount, invalidPosition } from './log-input.js';
import { COLUMNS, fromPosition, recorded, rowSize, toPosition, type EventRow } from './sqlite-log.rows.js';

/** Positions (or index entries) that one page looks at, at most: a page is quick however few of them match. */
const WINDOW = 5_000;
/** Text that one page holds, about, so that a page of large events does not fill the memory. */
const PAGE_TEXT = 4_000_000;
/** Beyond it, one walk over the positions costs less than merging a range of the index per type. */
const MANY_TYPES = 100;

/** From exclusive, to inclusive; backwards `to` lies before `from`. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly backwards: boolean;
}

/** Pages of one read-only connection: synchronous, short, each its own read transaction. */
export class SqlitePages implements PageSource<number> {
  private readonly statements = new Map<string, StatementSyncInstance>();

  constructor(
    private readonly db: DatabaseSyncInstance,
    readonly bell: Bell,
  ) {}

  head(): number {
    return (this.statement('SELECT max(position) FROM event').get() as [number | null])[0] ?? 0;
  }

  position(cursor: number): Position {
    return toPosition(cursor);
  }

  start(options: ReadAll | Subscribe): number {
    checkCount('max', (options as ReadAll).max, 0);
    checkCount('pageSize', options.pageSize, 1);
    const backwards = isBackwards(options);
    const head = this.head();
    if (options.after === undefined) return backwards ? head + 1 : 0;
    const after = fromPosition(options.after);
    // Reading on from beyond the end would silently skip what is written next.
    if (after > head) throw invalidPosition(options.after, 'lies beyond the end of this log');
    return after;
  }

  end(direction: ReadAll['direction']): number {
    return direction === 'backwards' ? 0 : this.head();
  }

  page(cursor: number, options: ReadAll | Subscribe, limit: number, until?: number): Page<number> {
    const backwards = isBackwards(options);
    const last = until ?? this.head();
    const { types, streams } = options;
    if (backwards ? cursor <= last : cursor >= last) {
      return { events: [], scannedTo: cursor, atEnd: true, passedOver: 0 };
    }
    if (types?.length === 0 || streams?.length === 0) {
      return { events: [], scannedTo: last, atEnd: true, passedOver: Math.abs(last - cursor) };
    }
    const range = this.bounded({ from: cursor, to: last, backwards }, options);
    const { rows, full } = this.rows(range, options, limit);
    const lastRow = rows.at(-1);
    const scannedTo = full ? lastRow![0] : range.to;
    return {
      events: rows.map(recorded),
      scannedTo,
      atEnd: scannedTo === last,
      passedOver: Math.abs(scannedTo - (lastRow?.[0] ?? cursor)),
    };
  }

  /** Events of one stream from `revision` on, at most `limit`; `full`: there may be more behind them. */
  streamPage(
    stream: string,
    revision: number,
    backwards: boolean,
    limit: number,
  ): { events: RecordedEvent[]; full: boolean } {
    const sql =
      `SELECT ${COLUMNS} FROM event WHERE stream = ? AND revision ${backwards ? '<=' : '>='} ? ` +
      `ORDER BY revision ${backwards ? 'DESC' : 'ASC'} LIMIT ?`;
    const { rows, full } = this.take(sql, [stream, revision, limit]);
    return { events: rows.map(recorded), full };
  }

  /** Those of the streams that have no event. */
  absent(streams: readonly string[]): Set<string> {
    const sql =
      'SELECT value FROM json_each(?) AS asked WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.stream = asked.value)';
    const rows = this.statement(sql).all(JSON.stringify(streams)) as unknown as [string][];
    return new Set(rows.map(([stream]) => stream));
  }

  /** Narrows a range so that one page looks at no more than a window of it. */
  private bounded(range: Range, { types, streams }: EventFilter): Range {
    if (streams === undefined && !isMany(types)) return range;
    if (types === undefined || isMany(types)) {
      const to = range.backwards ? Math.max(range.to, range.from - WINDOW) : Math.min(range.to, range.from + WINDOW);
      return { ...range, to };
    }
    const { sql, values } = candidates(types, range, true);
    const row = this.statement(`${sql} LIMIT 1 OFFSET ${WINDOW - 1}`).get(...values) as [number] | undefined;
    return row === undefined ? range : { ...range, to: row[0] };
  }

  private rows(range: Range, { types, streams }: EventFilter, limit: number): { rows: EventRow[]; full: boolean } {
    const order = range.backwards ? 'DESC' : 'ASC';
    const inStreams = streamCondition(streams);
    if (types !== undefined && !isMany(types)) {
      const found = candidates(types, range, streams === undefined);
      const inner = streams === undefined ? `${found.sql} LIMIT ?` : found.sql;
      return this.take(
        `SELECT ${COLUMNS} FROM (${inner}) AS found CROSS JOIN event ON event.position = found.p ` +
          `WHERE ${inStreams.sql} ORDER BY found.p ${order} LIMIT ?`,
        [...found.values, ...(streams === undefined ? [limit] : []), ...inStreams.values, limit],
      );
    }
    const inTypes = types === undefined ? 'TRUE' : `type IN (${types.map(() => '?').join(', ')})`;
    return this.take(
      `SELECT ${COLUMNS} FROM event NOT INDEXED WHERE ${bounds(range)} AND ${inTypes} AND ${inStreams.sql} ` +
        `ORDER BY position ${order} LIMIT ?`,
      [...limits(range), ...(types ?? []), ...inStreams.values, limit],
    );
  }

  /** Rows until the limit or the page's text is full. */
  private take(sql: string, values: (string | number)[]): { rows: EventRow[]; full: boolean } {
    const limit = values.at(-1) as number;
    const rows: EventRow[] = [];
    let size = 0;
    for (const row of this.statement(sql).iterate(...values) as Iterable<EventRow>) {
      rows.push(row);
      size += rowSize(row);
      if (rows.length >= limit || size >= PAGE_TEXT) return { rows, full: true };
    }
    return { rows, full: false };
  }

  private statement(sql: string): StatementSyncInstance {
    const cached = this.statements.get(sql);
    if (cached !== undefined) return cached;
    const statement = this.db.prepare(sql);
    statement.setReturnArrays(true);
    // Filters of callers make new texts; forget the oldest rather than grow.
    if (this.statements.size >= 100) this.statements.delete(this.statements.keys().next().value!);
    this.statements.set(sql, statement);
    return statement;
  }
}

const isBackwards = (options: ReadAll | Subscribe | ReadStream): boolean =>
  (options as ReadAll).direction === 'backwards';

const isMany = (types: readonly string[] | undefined): boolean => (types?.length ?? 0) > MANY_TYPES;

const bounds = ({ backwards }: Range): string =>
  backwards ? 'position < ? AND position >= ?' : 'position > ? AND position <= ?';

const limits = ({ from, to }: Range): [number, number] => [from, to];

/** Positions of the given types in order: one range of the type index each, merged. */
function candidates(
  types: readonly string[],
  range: Range,
  merged: boolean,
): { sql: string; values: (string | number)[] } {
  const distinct = [...new Set(types)];
  const one = `SELECT position AS p FROM event INDEXED BY event_by_type WHERE type = ? AND ${bounds(range)}`;
  const order = merged ? ` ORDER BY p ${range.backwards ? 'DESC' : 'ASC'}` : '';
  return {
    sql: distinct.map(() => one).join(' UNION ALL ') + order,
    values: distinct.flatMap((type) => [type, ...limits(range)]),
  };
}

/** A stream begins with one of the prefixes; lengths are code points, as SQLite counts them. */
function streamCondition(streams: readonly string[] | undefined): { sql: string; values: (string | number)[] } {
  if (streams === undefined) return { sql: 'TRUE', values: [] };
  return {
    sql: `(${streams.map(() => 'substr(stream, 1, ?) = ?').join(' OR ')})`,
    values: streams.flatMap((prefix) => [[...prefix].length, prefix]),
  };
}
