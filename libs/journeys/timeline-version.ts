/** A version of an entry of a timeline, whichever table it stands in. */
import { Flag, Form } from './journey-blob.js';

/** What an entry of a timeline is. */
export const FORM_NAMES = {
  [Form.touchpoint]: 'TOUCHPOINT',
  [Form.closed]: 'CLOSED',
  [Form.reopened]: 'REOPENED',
  [Form.paused]: 'PAUSED',
  [Form.resumed]: 'RESUMED',
  [Form.ownerAssigned]: 'OWNER_ASSIGNED',
  [Form.handedOver]: 'HANDED_OVER',
  [Form.note]: 'NOTE',
  [Form.voided]: 'VOIDED',
} as const;

/** One version of an entry, as some event said it. */
export interface TimelineVersion {
  readonly entryId: string;
  readonly form: (typeof FORM_NAMES)[keyof typeof FORM_NAMES] | 'OBJECT_FACT';
  readonly version: number;
  /** Null: it is a fact of an object, and belongs to everybody whom it concerns. */
  readonly journeyId: string | null;
  /** With its original offset. */
  readonly occurredAt: string;
  readonly kind: string | null;
  readonly channel: string | null;
  readonly unit: string | null;
  readonly staff: string | null;
  readonly customerId: string | null;
  readonly closes: boolean;
  readonly contact: boolean;
  readonly customerVisible: boolean;
  readonly eventId: string;
  readonly revision: number;
  readonly position: string;
  readonly recordedAt: string;
  /** What else the event said; the fields `personal`, `note` and `text` are ciphertext, sealed for `subject`. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Where to read on. */
export type TimelineCursor = readonly [at: number, sequence: number, entryId: string];

/** What rows of entries and of facts that many share have in common; names are surrogates. */
export interface VersionRow {
  readonly from_pos: string;
  readonly entry_id: string;
  readonly version: number;
  readonly occurred_ms: number;
  readonly occurred_at: string;
  readonly sequence: number;
  readonly kind: number;
  readonly channel: number;
  readonly unit: number;
  readonly staff: number;
  readonly customer: number;
  readonly flags: number;
  readonly event_id: string;
  readonly revision: number;
  readonly recorded_at: string;
  /** JSON. */
  readonly body: string;
}

// The same one everywhere: on their way between threads it is told once.
const NO_CONTENT: Readonly<Record<string, unknown>> = {};

/** `withContent`: with what else the event said; without, `body` is empty and need not be in the row. */
export function versionOf(
  row: VersionRow,
  form: TimelineVersion['form'],
  journeyId: string | null,
  names: ReadonlyMap<number, string>,
  withContent = true,
): TimelineVersion {
  return {
    entryId: row.entry_id,
    form,
    version: row.version,
    journeyId,
    occurredAt: row.occurred_at,
    kind: names.get(row.kind) ?? null,
    channel: names.get(row.channel) ?? null,
    unit: names.get(row.unit) ?? null,
    staff: names.get(row.staff) ?? null,
    customerId: names.get(row.customer) ?? null,
    closes: (row.flags & Flag.closes) !== 0,
    contact: (row.flags & Flag.contact) !== 0,
    customerVisible: (row.flags & Flag.customerVisible) !== 0,
    eventId: row.event_id,
    revision: row.revision,
    position: row.from_pos,
    recordedAt: row.recorded_at,
    body: withContent ? (JSON.parse(row.body) as Record<string, unknown>) : NO_CONTENT,
  };
}
