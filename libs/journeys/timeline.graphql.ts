import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsBoolean, IsOptional, ValidateNested } from 'class-validator';
import {
  AsOfAnswer,
  Connection,
  InstantScalar,
  IsId,
  JsonScalar,
  NullIsAbsent,
  PositionScalar,
  ReadPageArgs,
} from '@touchstone/platform';
import { SEALED } from './journeys.graphql.js';
import { Moment } from './moments.graphql.js';
import { Expectation, ExperienceRating, Guidance, Review } from './observed.graphql.js';
import { SharedFact } from './object-audience.graphql.js';
import { OBSERVATIONS_MAX } from './observation-rows.js';
import type { TimelinePart } from './timeline.queries.js';

export enum TimelineForm {
  TOUCHPOINT = 'TOUCHPOINT',
  CLOSED = 'CLOSED',
  REOPENED = 'REOPENED',
  PAUSED = 'PAUSED',
  RESUMED = 'RESUMED',
  OWNER_ASSIGNED = 'OWNER_ASSIGNED',
  HANDED_OVER = 'HANDED_OVER',
  NOTE = 'NOTE',
  VOIDED = 'VOIDED',
  OBJECT_FACT = 'OBJECT_FACT',
}
registerEnumType(TimelineForm, {
  name: 'TimelineForm',
  description: 'What an entry of a timeline is.',
  valuesMap: {
    OBJECT_FACT: { description: 'A fact of an object, such as an outage, that concerned the customer among others.' },
  },
});

const FEW = `The first ${OBSERVATIONS_MAX}.`;

@InputType({ isOneOf: true, description: 'Whose timeline. Give exactly one.' })
export class TimelineOf {
  @Field(() => ID, { nullable: true, description: 'One journey.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  journeyId?: string;

  @Field(() => ID, { nullable: true, description: 'One customer, across journeys and channels.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;
}

@ArgsType()
export class TimelineArgs extends ReadPageArgs {
  @Field(() => TimelineOf, { description: 'Whose timeline.' })
  @ValidateNested()
  @Type(() => TimelineOf)
  of!: TimelineOf;

  @Field({
    defaultValue: true,
    description:
      'With the facts of objects, such as outages, that concerned the customer then; of a journey, those between its beginning and its end.',
  })
  @IsBoolean()
  shared: boolean = true;
}

@ObjectType({ description: 'Two consecutive contacts of a journey on different channels.' })
export class ChannelChange {
  @Field({ description: 'Channel of the contact before.' })
  from!: string;

  @Field({ description: 'Channel of this one.' })
  to!: string;

  @Field({ description: 'The context of the one before was at hand: its attribute "contextPassed" is true.' })
  inContext!: boolean;
}

export enum CorrelatedBy {
  OBJECT = 'object',
  IDLE_GAP = 'idle-gap',
  OPENED = 'opened',
}
registerEnumType(CorrelatedBy, {
  name: 'CorrelatedBy',
  description: 'By what a touchpoint that named no journey found one.',
  valuesMap: {
    OBJECT: { description: 'By an object that stands for the matter.' },
    IDLE_GAP: { description: "By the customer's other touchpoints of that type, no further away than the idle gap." },
    OPENED: { description: 'By nothing: it opened one.' },
  },
});

@ObjectType({ description: 'An object as a touchpoint names it.' })
export class CorrelatedObject {
  @Field({ description: 'Type of object.' })
  type!: string;

  @Field({ description: 'Its id.' })
  id!: string;
}

@ObjectType({ description: 'How a touchpoint that named no journey found one, and by which edition of which rule.' })
export class TouchpointCorrelation {
  @Field(() => CorrelatedBy, { description: 'By what.' })
  by!: string;

  @Field({ description: 'Type of journey that the rule is for, or "default".' })
  rule!: string;

  @Field(() => ID, { description: 'Pack of the rule.' })
  pack!: string;

  @Field(() => Int, { description: 'Version of the pack.' })
  version!: number;

  @Field(() => CorrelatedObject, { nullable: true, description: 'The object that led to the journey.' })
  object?: CorrelatedObject | null;
}

@ObjectType({ description: 'One version of an entry, as one event said it.' })
export class TimelineVersion {
  @Field(() => ID, { description: 'Id of the entry: of a touchpoint, its touchpoint id.' })
  entryId!: string;

  @Field(() => TimelineForm, { description: 'What it is.' })
  form!: string;

  @Field(() => Int, { description: '1 as first recorded, then one more with each correction.' })
  version!: number;

  @Field(() => ID, {
    nullable: true,
    description:
      'The journey in whose stream it stands; of what was merged or split, a part of the journey shown. Null: it is a fact ' +
      'that many share, see "shared".',
  })
  journeyId!: string | null;

  @Field(() => TouchpointCorrelation, {
    nullable: true,
    description: 'How it found its journey; null where its source named one.',
  })
  correlation!: TouchpointCorrelation | null;

  @Field(() => InstantScalar, { description: 'When it happened, with the original offset.' })
  occurredAt!: string;

  @Field(() => String, { nullable: true, description: 'Touchpoint kind.' })
  kind!: string | null;

  @Field(() => String, { nullable: true, description: 'Channel.' })
  channel!: string | null;

  @Field(() => String, { nullable: true, description: 'Unit; of a change of owner, the new one.' })
  unit!: string | null;

  @Field(() => String, { nullable: true, description: 'Person; of a change of owner, the new one.' })
  staff!: string | null;

  @Field({ description: 'The touchpoint closes its journey.' })
  closes!: boolean;

  @Field({ description: 'Customer and company were in contact.' })
  contact!: boolean;

  @Field({ description: 'The customer can see or feel it.' })
  customerVisible!: boolean;

  @Field(() => JsonScalar, { nullable: true, description: 'Attributes.' })
  attributes!: unknown;

  @Field(() => JsonScalar, { nullable: true, description: `Attributes about a person. ${SEALED}` })
  personal!: unknown;

  @Field(() => String, { nullable: true, description: `Text of a note or a handover. ${SEALED}` })
  note!: string | null;

  @Field(() => String, { nullable: true, description: 'Why: of a correction, a closing, a pause …' })
  reason!: string | null;

  @Field(() => JsonScalar, { nullable: true, description: 'Things it touches: [{type, id, qualifier}].' })
  objects!: unknown;

  @Field(() => JsonScalar, { nullable: true, description: 'Where it came from: {system, recordId, sequence}.' })
  source!: unknown;

  @Field(() => ID, { description: 'Id of the event behind it.' })
  eventId!: string;

  @Field(() => PositionScalar, { description: 'Place of the event in the log.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'When Touchstone recorded it.' })
  recordedAt!: string;
}

@ObjectType({ description: 'An entry of a timeline, in the version that held.' })
export class TimelineEntry extends TimelineVersion {
  @Field(() => [Moment], { description: `Moments of truth observed here that held. ${FEW}` })
  moments!: Moment[];

  @Field(() => [Moment], { description: `Moments of truth that had been taken back by then. ${FEW}` })
  retractedMoments!: Moment[];

  @Field(() => [Expectation], { description: `What the customer expected. ${FEW}` })
  expectations!: Expectation[];

  @Field(() => [Guidance], { description: `What the customer was told to expect. ${FEW}` })
  guidances!: Guidance[];

  @Field(() => [ExperienceRating], { description: `How it was lived. ${FEW}` })
  experience!: ExperienceRating[];

  @Field(() => [Review], { description: `Who looked and had nothing to note. ${FEW}` })
  reviews!: Review[];

  @Field(() => ID, {
    nullable: true,
    description:
      'Of a contact that is a repeat: the latest earlier contact of the matter (person and journey type), at most 168 hours before.',
  })
  repeatOf!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'The contact is no repeat. Null: this is no contact, or nobody knows the customer.',
  })
  firstContact!: boolean | null;

  @Field(() => ChannelChange, {
    nullable: true,
    description: 'The contact before it in the journey was on another channel.',
  })
  channelChange!: ChannelChange | null;

  @Field(() => SharedFact, {
    nullable: true,
    description: 'Of a fact that many share: of which object, and whom else it concerned.',
  })
  shared!: SharedFact | null;

  @Field(() => [TimelineVersion], {
    description: 'What was corrected or voided since, after the "asOf" of the answer.',
  })
  correctedSince!: TimelineVersion[];

  @Field(() => [TimelineVersion], { description: 'Versions that had been superseded by then.' })
  earlier!: TimelineVersion[];
}

/** The fields of an entry that have to be looked for, by what they are looked for together. */
const FIELDS: Readonly<Record<TimelinePart, readonly string[]>> = {
  content: ['attributes', 'personal', 'note', 'reason', 'objects', 'source', 'correlation'],
  observed: ['moments', 'retractedMoments', 'expectations', 'guidances', 'experience', 'reviews'],
  marks: ['repeatOf', 'firstContact', 'channelChange'],
  versions: ['correctedSince', 'earlier'],
};

/** What of a timeline's entries must be read, by the names of the fields that are asked for. */
export const timelineParts = (asked: ReadonlySet<string>): TimelinePart[] =>
  (Object.keys(FIELDS) as TimelinePart[]).filter((part) => FIELDS[part].some((field) => asked.has(field)));

@ObjectType({ description: 'A page of a timeline.' })
export class TimelineConnection extends Connection(TimelineEntry) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}
