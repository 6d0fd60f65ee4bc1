import type { Quarantined, QuarantineFilter, RecordState, Settled } from './quarantine-types.js';

/** A row of `record`. */
export interface Row {
  readonly id: number;
  readonly source: string;
  readonly fingerprint: string;
  readonly journey_type: string | null;
  readonly journey_id: string | null;
  readonly import_id: string | null;
  readonly line: number | null;
  readonly code: string;
  readonly reason: string;
  readonly format: string | null;
  readonly subject: string;
  readonly raw: Uint8Array;
  readonly context: Uint8Array | null;
  /** Number of the row of `shared_context`. */
  readonly shared: number | null;
  readonly at: string;
  readonly expires_at: string;
  readonly state: RecordState;
  /** 1 while it waits to be driven in. */
  readonly open: number;
  readonly revision: number;
  readonly payload: Uint8Array | null;
  readonly mapping: string | null;
  readonly touchpoint_id: string | null;
  readonly position: string | null;
  /** Null until somebody has tried in vain. */
  readonly first_code: string | null;
  readonly first_reason: string | null;
}

/** A row without its contents. */
export type Listed = Omit<Row, 'raw' | 'payload' | 'context' | 'mapping' | 'shared' | 'subject' | 'fingerprint'>;
export const LISTED =
  'id, source, journey_type, journey_id, import_id, line, code, reason, first_code, first_reason, format, at, expires_at, ' +
  'state, open, revision, touchpoint_id, position';

/** How many of the rows fit, at least one; `contents` is what each would bring. */
export function fitting(rows: readonly { readonly contents: number }[], most: number): number {
  let bytes = 0;
  const over = rows.findIndex(({ contents }, i) => (bytes += Number(contents)) > most && i > 0);
  return over < 0 ? rows.length : over;
}

/** The rows that a filter chooses, as SQL. Every form of it begins with columns that an index begins with. */
export function conditionOf(filter: QuarantineFilter): { where: string; values: (string | number)[] } {
  const { source, code, importId, from, to, state = 'open' } = filter;
  const parts: [string, string | number][] = [];
  if (state !== 'all') parts.push(['open = ?', state === 'open' || state === 'waiting' || state === 'mended' ? 1 : 0]);
  if (state !== 'all' && state !== 'open') parts.push(['state = ?', state]);
  if (source !== undefined) parts.push(['source = ?', source]);
  if (code !== undefined) parts.push(['code = ?', code]);
  if (importId !== undefined) parts.push(['import_id = ?', importId]);
  if (from !== undefined) parts.push(['at >= ?', new Date(from).toISOString()]);
  if (to !== undefined) parts.push(['at < ?', new Date(to).toISOString()]);
  const where = parts.map(([sql]) => sql).join(' AND ');
  return { where: where === '' ? 'TRUE' : where, values: parts.map(([, value]) => value) };
}

export const shown = (row: Listed): Quarantined => ({
  id: String(row.id),
  source: row.source,
  journeyType: row.journey_type,
  importId: row.import_id,
  line: row.line,
  code: row.code,
  reason: row.reason,
  firstCode: row.first_code ?? row.code,
  firstReason: row.first_reason ?? row.reason,
  format: row.format,
  state: row.state,
  revision: row.revision,
  at: row.at,
  expiresAt: row.expires_at,
  journeyId: row.journey_id,
  touchpointId: row.touchpoint_id,
  position: row.position,
});

/** What a record became, when it was taken. */
export function settledOf({ state, journey_id, touchpoint_id, position }: Row): Partial<Settled> | undefined {
  if (state !== 'taken') return undefined;
  // What became no touchpoint has nothing to name.
  if (touchpoint_id === null) return {};
  return { journeyId: journey_id!, touchpointId: touchpoint_id!, position: position! };
}
