/** What was observed at touchpoints, as rows: which held at a read's position, and what their codes are called. */
import { sql } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { Form, NO_SCORE, type FormCode } from './journey-blob.js';
import { OBSERVERS, type Observer } from './journey.events.js';
import { labelNames, momentNames, type Named } from './observation-names.js';

/** A row of the table `observation`. */
export interface ObservationRow {
  from_pos: string;
  to_pos: string | null;
  journey: number;
  form: FormCode;
  entry_id: string;
  touchpoint: string;
  code: number;
  observer: number;
  score: number;
  occurred_ms: number;
  occurred_at: string;
  event_id: string;
  revision: number;
  recorded_at: string;
  rule: string;
  body: string;
}

/** What was said of an observation, whatever it is; `body` has the rest, its personal fields as ciphertext. */
interface Observed {
  /** Of the observation; the id of the event that brought it. */
  readonly id: string;
  readonly touchpointId: string;
  /** With its original offset. */
  readonly occurredAt: string;
  /** Null where nobody in particular observed. */
  readonly observer: Observer | null;
  readonly eventId: string;
  readonly position: string;
  readonly recordedAt: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Retraction {
  readonly at: string;
  readonly recordedAt: string;
  readonly position: string;
  readonly reason: string;
  /** The rule itself took it back. */
  readonly byRule: boolean;
}

export interface ObservedMoment extends Observed {
  readonly code: string;
  readonly nameEn: string;
  readonly nameZh: string | null;
  readonly polarity: 'negative' | 'positive';
  /** 1 to 3. */
  readonly intensity: number;
  readonly observer: Observer;
  readonly rule: { readonly id: string; readonly version: number } | null;
  /** The entry that made a rule decide: an owner change, a touchpoint. */
  readonly cause: string | null;
  /** By the read's position. */
  readonly retracted: Retraction | null;
  /** After it. */
  readonly retractedSince: Retraction | null;
  /** The positive moment that answers a negative one. */
  readonly counterpart: Named | null;
}

export interface ObservedExperience extends Observed {
  readonly aspect: string | null;
  /** Experience less expectation, -2 to 2. */
  readonly gap: number | null;
  readonly label: Named | null;
}

/** What was observed at one touchpoint, each kind in the order in which it happened. */
export interface ObservedAt {
  readonly moments: readonly ObservedMoment[];
  /** Moments that had been taken back by then. */
  readonly retractedMoments: readonly ObservedMoment[];
  readonly expectations: readonly Observed[];
  readonly guidances: readonly Observed[];
  readonly experience: readonly ObservedExperience[];
  readonly reviews: readonly Observed[];
}

export const NOTHING_OBSERVED: ObservedAt = {
  moments: [],
  retractedMoments: [],
  expectations: [],
  guidances: [],
  experience: [],
  reviews: [],
};

/** Shown of each kind at one touchpoint at most: the first ones. The ledger of moments pages through all. */
export const OBSERVATIONS_MAX = 50;

const PAGE = 500;

/** What was observed at these touchpoints by the read's position, by touchpoint id; absent: nothing. */
export async function observedAt(read: Read, touchpoints: readonly string[]): Promise<ReadonlyMap<string, ObservedAt>> {
  const rows: ObservationRow[] = [];
  for (let i = 0; i < touchpoints.length; i += PAGE) {
    rows.push(...(await firstOfEach(read, touchpoints.slice(i, i + PAGE))));
    read.checkpointCancel();
  }
  const moments = new Map((await momentsOf(read, rows.filter(isMoment))).map((moment) => [moment.id, moment]));
  const labels = await labelNames(
    read,
    rows.filter((row) => row.form === Form.experience && row.code !== 0).map((row) => row.code),
  );
  const found = new Map<string, { -readonly [K in keyof ObservedAt]: ObservedAt[K][number][] }>();
  for (const row of rows) {
    let at = found.get(row.touchpoint);
    if (!at) {
      at = { moments: [], retractedMoments: [], expectations: [], guidances: [], experience: [], reviews: [] };
      found.set(row.touchpoint, at);
    }
    if (row.form === Form.moment) {
      const moment = moments.get(row.entry_id)!;
      (moment.retracted ? at.retractedMoments : at.moments).push(moment);
    } else if (row.form === Form.expectation) at.expectations.push(observedOf(row));
    else if (row.form === Form.guided) at.guidances.push(observedOf(row));
    else if (row.form === Form.experience) at.experience.push(experienceOf(row, labels));
    else if (row.form === Form.reviewed) at.reviews.push(observedOf(row));
  }
  return found as ReadonlyMap<string, ObservedAt>;
}

const isMoment = (row: ObservationRow): boolean => row.form === Form.moment;

/** Those that were observed by then; of each kind at each touchpoint, held or not, no more than can be shown. */
async function firstOfEach(read: Read, touchpoints: readonly string[]): Promise<ObservationRow[]> {
  const observed = read.db
    .selectFrom('observation')
    .selectAll('observation')
    .select(
      sql<number>`row_number() over (partition by touchpoint, form, ${heldAt(read, 'observation')}
        order by occurred_ms, entry_id)`.as('place'),
    )
    .where('touchpoint', 'in', touchpoints)
    .where('form', '!=', Form.voided)
    .where(knownAt(read));
  return (await read.db
    .selectFrom(observed.as('observed'))
    .selectAll()
    .where('place', '<=', OBSERVATIONS_MAX)
    .orderBy('occurred_ms')
    .orderBy('entry_id')
    .execute()) as never as ObservationRow[];
}

/** Condition on `observation`: it had been recorded by the read's position, whether it held then or not. */
export const knownAt = (read: Read) =>
  read.past ? sql<boolean>`observation.from_pos <= ${read.asOf.position}` : sql<boolean>`true`;

/** Moments with what became of them, and the names in force at the read's position. */
export async function momentsOf(read: Read, rows: readonly ObservationRow[]): Promise<ObservedMoment[]> {
  if (rows.length === 0) return [];
  const codes = await momentNames(
    read,
    rows.map((row) => row.code),
  );
  const retractions = await retractionsOf(read, rows);
  return rows.map((row) => {
    const { counter, ...name } = codes.get(row.code)!;
    const retraction = retractions.get(row.entry_id) ?? null;
    const before = retraction !== null && retraction.position <= read.asOf.position;
    const observed = observedOf(row);
    return {
      ...observed,
      observer: observed.observer!,
      code: name.id,
      nameEn: name.nameEn,
      nameZh: name.nameZh,
      polarity: row.score < 0 ? 'negative' : 'positive',
      intensity: Math.abs(row.score),
      rule: ruleOf(row.rule),
      cause: (observed.body['rule'] as { cause?: string } | undefined)?.cause ?? null,
      retracted: before ? retraction : null,
      retractedSince: before ? null : retraction,
      counterpart: row.score < 0 ? counter : null,
    };
  });
}

/** `NEG-S3@1` as its parts. */
function ruleOf(text: string): ObservedMoment['rule'] {
  const at = text.lastIndexOf('@');
  return at <= 0 ? null : { id: text.slice(0, at), version: Number(text.slice(at + 1)) };
}

/** The ends of those that do not hold any more, whenever that was. */
async function retractionsOf(read: Read, rows: readonly ObservationRow[]): Promise<ReadonlyMap<string, Retraction>> {
  const ended = rows.filter((row) => row.to_pos !== null).map((row) => row.entry_id);
  const found = new Map<string, Retraction>();
  for (let i = 0; i < ended.length; i += PAGE) {
    const marks = (await read.db
      .selectFrom('observation')
      .selectAll('observation')
      .where('entry_id', 'in', ended.slice(i, i + PAGE))
      .where('form', '=', Form.voided)
      .execute()) as ObservationRow[];
    for (const mark of marks) {
      const { reason, byRule } = JSON.parse(mark.body) as { reason?: string; byRule?: boolean };
      found.set(mark.entry_id, {
        at: mark.occurred_at,
        recordedAt: mark.recorded_at,
        position: mark.from_pos,
        reason: reason ?? '',
        byRule: byRule ?? false,
      });
    }
  }
  return found;
}

function observedOf(row: ObservationRow): Observed {
  return {
    id: row.entry_id,
    touchpointId: row.touchpoint,
    occurredAt: row.occurred_at,
    observer: OBSERVERS[row.observer - 1] ?? null,
    eventId: row.event_id,
    position: row.from_pos,
    recordedAt: row.recorded_at,
    body: JSON.parse(row.body) as Record<string, unknown>,
  };
}

function experienceOf(row: ObservationRow, labels: ReadonlyMap<number, Named>): ObservedExperience {
  const observed = observedOf(row);
  return {
    ...observed,
    aspect: (observed.body['aspect'] as string | undefined) ?? null,
    gap: row.score === NO_SCORE ? null : row.score,
    label: labels.get(row.code) ?? null,
  };
}
