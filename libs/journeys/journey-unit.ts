/** A journey while events are folded into it: its entries in order, and the row changes that follow. */
import type { Row, RowChange, Value } from '@touchstone/readmodel/projection';
import {
  byOrder,
  CHUNK,
  encodeEntries,
  EntryColumns,
  Flag,
  Form,
  isObservation,
  type Entry,
  type FormCode,
} from './journey-blob.js';
import { Status } from './journeys.tables.js';

/** What an entry carries into its timeline row besides its columns. */
export interface EntryDetail {
  readonly occurredAt: string;
  readonly eventId: string;
  readonly revision: number;
  readonly recordedAt: string;
  /** Policy and version that decided it; '' where a person did. */
  readonly rule: string;
  readonly body: string;
}

interface Opening {
  readonly type: number;
  readonly customer: number;
  readonly key: string | null;
  readonly at: number;
}

export class JourneyUnit {
  /** All versions, in the journey's order. */
  private readonly entries: Entry[];
  /** Only of a long journey: in a short one a look at every entry is quicker, and many are held at once. */
  private byId: Map<string, Entry[]> | null = null;
  private voided: Set<string> | null = null;
  /** Forms that were ever seen, as bits, so that what never happened is not searched for. */
  private forms = 0;
  private opening: Opening;
  private state: Row | null;
  /** Something happened that the state may depend on. */
  private unsettled = false;
  /** The state's row while it waits to be written. */
  private stateRow: Record<string, Value> | null = null;
  private pending: RowChange[] = [];
  private dirtyFrom = Infinity;

  constructor(
    readonly journey: number,
    states: readonly Row[],
    blobs: readonly Row[],
  ) {
    const chunks = [...blobs].sort((a, b) => (a['chunk'] as number) - (b['chunk'] as number));
    this.entries = chunks.flatMap((row) => {
      const columns = new EntryColumns(row['data'] as Uint8Array);
      return Array.from({ length: columns.count }, (_, i) => columns.entry(i));
    });
    for (const entry of this.entries) this.forms |= 1 << entry.form;
    this.state = states.find((row) => row['to_pos'] === null) ?? null;
    this.opening = openingOf(this.state);
    for (const { id, to } of this.entries) {
      if (to !== '' && this.versionsOf(id).every((v) => v.to !== '')) (this.voided ??= new Set()).add(id);
    }
  }

  open(opening: Opening): void {
    if (this.opening.type !== 0) return;
    this.opening = opening;
    this.unsettled = true;
  }

  /** Adds a version of an entry. One that is known already, or older than what holds, changes nothing. */
  put(entry: Entry, detail: EntryDetail): void {
    const versions = this.versionsOf(entry.id);
    if (this.voided?.has(entry.id) || versions.some((v) => v.version === entry.version)) return;
    const holding = versions.find((v) => v.to === '');
    if (holding && holding.version > entry.version) entry.to = entry.from;
    else if (holding) this.end(holding, entry.from);
    this.forms |= 1 << entry.form;
    const place = lowerBound(this.entries, entry);
    if (place === this.entries.length) this.entries.push(entry);
    else this.entries.splice(place, 0, entry);
    if (this.byId) this.byId.set(entry.id, [...versions, entry]);
    this.touched(place, entry.form);
    this.pending.push(shown(this.journey, entry, detail));
  }

  /** Of which fact a touchpoint tells, so that the fact is known when it comes again. */
  came(fact: string, touchpoint: string): void {
    this.pending.push({ op: 'put', table: 'fact_place', row: { fact, touchpoint, journey: this.journey } });
  }

  /** Ends the entry for good; `flags` are added to what ends. */
  void(id: string, position: string, detail: EntryDetail, flags = 0): void {
    const holding = this.versionsOf(id).find((v) => v.to === '');
    if (!holding) return;
    (this.voided ??= new Set()).add(id);
    holding.flags |= flags;
    this.end(holding, position);
    // Never current: it only tells a reader of the past what became of the entry.
    const mark: Entry = { ...holding, version: holding.version + 1, from: position, to: position };
    this.pending.push(shown(this.journey, mark, detail, Form.voided));
  }

  /** Version 1 of an entry that was corrected: it knows when and by whom that was first told. */
  first(id: string): Entry | undefined {
    return this.versionsOf(id).find((v) => v.version === 1);
  }

  /** Brings the state row up to the entries, as of the event at `position`. */
  settle(position: string): void {
    if (!this.unsettled && this.state) return;
    this.unsettled = false;
    const next = this.computeState();
    const before = this.state;
    if (before && Object.keys(next).every((column) => before[column] === next[column])) return;
    // A row that waits to be written need not be written twice.
    if (this.stateRow) this.stateRow['to_pos'] = position;
    else if (before) {
      const key = { journey: this.journey, from_pos: before['from_pos']! };
      this.pending.push({ op: 'set', table: 'journey_state', key, set: { to_pos: position } });
    }
    this.stateRow = { journey: this.journey, from_pos: position, to_pos: null, ...next };
    this.state = this.stateRow;
    this.pending.push({ op: 'put', table: 'journey_state', row: this.stateRow });
  }

  changes(): RowChange[] {
    const changes = this.pending;
    this.pending = [];
    this.stateRow = null;
    return changes;
  }

  /** The columns that changed; a later answer supersedes an earlier one. */
  newest(): RowChange[] {
    const changes: RowChange[] = [];
    if (this.dirtyFrom !== Infinity) {
      for (let chunk = Math.floor(this.dirtyFrom / CHUNK); chunk * CHUNK < this.entries.length; chunk++) {
        const entries = this.entries.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
        const [first_ms, last_ms] = [entries[0]!.at, entries.at(-1)!.at];
        const row = { journey: this.journey, chunk, first_ms, last_ms, data: encodeEntries(entries) };
        changes.push({ op: 'put', table: 'journey_blob', row });
      }
      this.dirtyFrom = Infinity;
    }
    return changes;
  }

  private end(entry: Entry, position: string): void {
    entry.to = position;
    this.touched(lowerBound(this.entries, entry), entry.form);
    const table = isObservation(entry.form) ? 'observation' : 'timeline_entry';
    this.pending.push({ op: 'set', table, key: { from_pos: entry.from }, set: { to_pos: position } });
  }

  private touched(place: number, form: FormCode): void {
    this.dirtyFrom = Math.min(this.dirtyFrom, place);
    if (form !== Form.note && !isObservation(form)) this.unsettled = true;
  }

  /** Not to be changed. */
  private versionsOf(id: string): readonly Entry[] {
    const { entries } = this;
    if (entries.length > SHORT) {
      this.byId ??= byId(entries);
      return this.byId.get(id) ?? NONE;
    }
    let found: Entry[] | null = null;
    for (const entry of entries) if (entry.id === id) (found ??= []).push(entry);
    return found ?? NONE;
  }

  private computeState(): Row {
    const first = this.entries.find((e) => e.to === '' && e.form === Form.touchpoint);
    const customer = this.entries.find((e) => e.to === '' && e.form === Form.touchpoint && e.customer !== 0)?.customer;
    const end = this.lastOf(Form.touchpoint, Form.closed, Form.reopened);
    const closed =
      end !== undefined &&
      (end.form === Form.closed || (end.form === Form.touchpoint && (end.flags & Flag.closes) !== 0));
    const pause = this.lastOf(Form.paused, Form.resumed);
    const owner = this.lastOf(Form.ownerAssigned, Form.handedOver);
    return {
      type: this.opening.type,
      customer: customer ?? this.opening.customer,
      status: closed ? Status.closed : pause?.form === Form.paused ? Status.paused : Status.open,
      key: this.opening.key,
      opened_ms: first?.at ?? this.opening.at,
      opening_ms: this.opening.at,
      opening_customer: this.opening.customer,
      ended_ms: closed ? end.at : null,
      owner_unit: owner?.unit ?? 0,
      owner_staff: owner?.staff ?? 0,
    };
  }

  private lastOf(...forms: FormCode[]): Entry | undefined {
    if (!forms.some((form) => (this.forms & (1 << form)) !== 0)) return undefined;
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i]!;
      if (entry.to === '' && forms.includes(entry.form)) return entry;
    }
    return undefined;
  }
}

/** Entries of a journey that is short enough to be looked through. */
const SHORT = 40;
const NONE: readonly Entry[] = [];

function byId(entries: readonly Entry[]): Map<string, Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const entry of entries) {
    const versions = found.get(entry.id);
    if (versions) versions.push(entry);
    else found.set(entry.id, [entry]);
  }
  return found;
}

function openingOf(state: Row | null): Opening {
  if (!state) return { type: 0, customer: 0, key: null, at: 0 };
  return {
    type: state['type'] as number,
    customer: state['opening_customer'] as number,
    key: state['key'] as string | null,
    at: state['opening_ms'] as number,
  };
}

function lowerBound(entries: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byOrder(entries[middle]!, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The row that shows an entry's version: beside its touchpoint, or in the timeline itself. */
function shown(journey: number, entry: Entry, detail: EntryDetail, form: FormCode = entry.form): RowChange {
  const to = entry.to === '' ? null : entry.to;
  const { occurredAt, eventId, recordedAt, revision, rule, body } = detail;
  const { id, at, from } = entry;
  if (isObservation(entry.form)) {
    const { ref, kind, observer, score } = entry;
    // In the order of the table's columns, as below.
    // prettier-ignore
    const values = [from, to, journey, form, id, ref, kind, observer, score, at, occurredAt, eventId, revision, recordedAt, rule, body];
    return { op: 'insert', table: 'observation', values };
  }
  const { version, sequence, kind, channel, unit, staff, customer, flags } = entry;
  // prettier-ignore
  const values = [from, to, journey, form, id, version, at, occurredAt, sequence, kind, channel, unit, staff, customer, flags, eventId, revision, recordedAt, body];
  return { op: 'insert', table: 'timeline_entry', values };
}
