import { t, type Static } from '@touchstone/eventing/pure';

/**
 * What the platform may conclude from a touchpoint of a kind. Resolved into the event when it is decided, so that a
 * later edition of the pack changes no past figure.
 */
export const traitsSchema = t.object({
  /** The matter is done with this touchpoint, unless another follows that does not close. */
  closes: t.flag(),
  /** The customer and the company were in contact. */
  contact: t.flag(),
  /** The customer can see or feel it; the rest is back-office work. */
  customerVisible: t.flag(),
  /** Who acts. */
  actor: t.optional(t.oneOf(['customer', 'staff', 'system'])),
  /** Stage of the journey, such as `F2`. */
  stage: t.optional(t.code()),
});
export type Traits = Static<typeof traitsSchema>;

export const namesSchema = t.object({ en: t.text({ maxLength: 512 }), zh: t.optional(t.text({ maxLength: 512 })) });
export type Names = Static<typeof namesSchema>;

const attributeSchema = t.object({
  type: t.oneOf(['text', 'number', 'flag', 'instant', 'json']),
  /** About a person: encrypted before it reaches the log. */
  personal: t.optional(t.flag()),
  required: t.optional(t.flag()),
});
export type AttributeSpec = Static<typeof attributeSchema>;

export const kindSchema = t.object({
  id: t.code(),
  names: namesSchema,
  traits: traitsSchema,
  /** What is known of its attributes; others are taken as they are. */
  attributes: t.optional(t.record(attributeSchema)),
});
/** A kind of touchpoint: `crew.arrived`, `hall.ticket-issued`, or an activity of an imported log. */
export type KindSpec = Static<typeof kindSchema>;

export const momentSchema = t.object({
  code: t.code(),
  polarity: t.oneOf(['negative', 'positive']),
  names: namesSchema,
  /** The positive moment that answers a negative one. */
  counter: t.optional(t.code()),
  /** What it consists in, where its name does not say enough. */
  description: t.optional(namesSchema),
  /** A rule of the platform derives it from what is recorded; a person may observe it too. */
  rule: t.optional(t.flag()),
});
/** A code of a moment of truth (真理瞬间). */
export type MomentSpec = Static<typeof momentSchema>;

const level = () => t.integer({ minimum: -2, maximum: 2 });
const experienceLabelSchema = t.object({
  id: t.code(),
  names: namesSchema,
  /** The gaps (experience less expectation, -2 to +2) that it stands for, both ends included. */
  from: level(),
  to: level(),
});
/** A word for the gap between what was expected and what was lived, such as `very-satisfied`. */
export type ExperienceLabel = Static<typeof experienceLabelSchema>;

export const experienceSchema = t.object({ labels: t.array(experienceLabelSchema, { maxItems: 5 }) });
/** How gaps are put into words: a policy, since the words are fewer than the values. */
export type ExperiencePolicy = Static<typeof experienceSchema>;

/** A code as it is in force. */
export interface MomentInForce extends MomentSpec {
  readonly pack: string;
  readonly version: number;
}

/** The word for a gap, and the edition of the policy that gave it. */
export interface LabelInForce {
  readonly id: string;
  readonly pack: string;
  readonly version: number;
}

/** A kind as it was in force when a touchpoint was decided. */
export interface KindInForce extends KindSpec {
  readonly pack: string;
  readonly version: number;
}
