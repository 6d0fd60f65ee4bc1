/** What was observed, as the API shows it: personal fields opened, or `forgotten`. */
import type { Vault } from '@touchstone/eventing';
import type { Moment } from './moments.graphql.js';
import type { ObservedAt, ObservedExperience, ObservedMoment } from './observation-rows.js';
import type { Expectation, ExperienceRating, Guidance, Measured, Review } from './observed.graphql.js';

type Body = Readonly<Record<string, unknown>>;
interface Sealed {
  readonly eventId: string;
  readonly body: Body;
}

/** A personal field of what an event said, opened with the key of whom it is about; null where there is none. */
export function opened(vault: Vault, { eventId, body }: Sealed, field: string): unknown {
  const [sealed, subject] = [body[field], body['subject']];
  return typeof sealed === 'string' && typeof subject === 'string' ? vault.open(subject, eventId, field, sealed) : null;
}

export function momentNode(vault: Vault, moment: ObservedMoment): Moment {
  const { counterpart, body, ...shown } = moment;
  return {
    ...shown,
    note: opened(vault, moment, 'note') as string | null,
    evidence: text(body, 'evidence'),
    counterpart: counterpart && { code: counterpart.id, nameEn: counterpart.nameEn, nameZh: counterpart.nameZh },
  };
}

/** Everything that was observed at one touchpoint. */
export const observedNodes = (vault: Vault, at: ObservedAt) => ({
  moments: at.moments.map((moment) => momentNode(vault, moment)),
  retractedMoments: at.retractedMoments.map((moment) => momentNode(vault, moment)),
  expectations: at.expectations.map((each) => expectationNode(vault, each)),
  guidances: at.guidances.map((each) => guidanceNode(vault, each)),
  experience: at.experience.map((each) => experienceNode(vault, each)),
  reviews: at.reviews.map(({ observer, ...each }): Review => ({ ...about(each), observer: observer! })),
});

type Plain = ObservedAt['expectations'][number];

const about = ({ id, touchpointId, occurredAt, recordedAt, position }: Omit<Plain, 'observer'>) => ({
  id,
  touchpointId,
  occurredAt,
  recordedAt,
  position,
});

const expectationNode = (vault: Vault, each: Plain): Expectation => ({
  ...about(each),
  aspect: text(each.body, 'aspect')!,
  kind: text(each.body, 'kind')!,
  desired: measured(each.body, 'desired'),
  adequate: measured(each.body, 'adequate'),
  statement: opened(vault, each, 'statement') as string | null,
  observer: each.observer!,
});

const guidanceNode = (vault: Vault, each: Plain): Guidance => ({
  ...about(each),
  aspect: text(each.body, 'aspect')!,
  expectationId: text(each.body, 'expectationId'),
  from: measured(each.body, 'from'),
  to: measured(each.body, 'to'),
  script: text(each.body, 'script'),
  accepted: (each.body['accepted'] as boolean | undefined) ?? null,
  statement: opened(vault, each, 'statement') as string | null,
});

const experienceNode = (vault: Vault, each: ObservedExperience): ExperienceRating => ({
  ...about(each),
  aspect: each.aspect,
  gap: each.gap,
  level: (each.body['experience'] as number | undefined) ?? null,
  expectation: (each.body['expectation'] as number | undefined) ?? null,
  label: each.label,
  comment: opened(vault, each, 'comment') as string | null,
  observer: each.observer!,
});

const text = (body: Body, field: string) => (body[field] as string | undefined) ?? null;
const measured = (body: Body, field: string) => (body[field] as Measured | undefined) ?? null;
