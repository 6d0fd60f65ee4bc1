import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsBoolean, IsEnum, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import { MomentPolarity } from '@touchstone/packs';
import {
  AsOfAnswer,
  Connection,
  InstantScalar,
  IsId,
  NullIsAbsent,
  PositionScalar,
  ReadArgs,
  ReadPageArgs,
} from '@touchstone/platform';
import { SEALED } from './journeys.graphql.js';
import { Observer } from './observation-enums.graphql.js';

@ObjectType({ description: 'The rule that observed a moment, in the version that decided.' })
export class MomentRule {
  @Field(() => ID, { description: 'Its id, such as NEG-S3.' })
  id!: string;

  @Field(() => Int, { description: 'Its version.' })
  version!: number;
}

@ObjectType({ description: 'How a moment was taken back.' })
export class MomentRetraction {
  @Field(() => InstantScalar, { description: 'When.' })
  at!: string;

  @Field({ description: 'Why.' })
  reason!: string;

  @Field({ description: 'The rule itself took it back: what it rested on does not hold any more.' })
  byRule!: boolean;

  @Field(() => PositionScalar, { description: 'Place of the event in the log.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'When Touchstone recorded it.' })
  recordedAt!: string;
}

@ObjectType({ description: 'The positive moment that answers a negative one: what to do another time.' })
export class Counterpart {
  @Field(() => ID, { description: 'Its code.' })
  code!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;
}

@ObjectType({ description: 'A moment of truth (真理瞬间) that somebody, or a rule, observed at a touchpoint.' })
export class Moment {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => ID, { description: 'Code, such as NEG-03.' })
  code!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => MomentPolarity, { description: 'Against the company or for it.' })
  polarity!: 'negative' | 'positive';

  @Field(() => Int, { description: '1 to 3; of a rule 1.' })
  intensity!: number;

  @Field(() => Observer, { description: 'Who observed it.' })
  observer!: string;

  @Field(() => MomentRule, { nullable: true, description: 'The rule that observed it; null where a person did.' })
  rule!: MomentRule | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Id of the event that made the rule decide: of an owner change, of a touchpoint.',
  })
  cause!: string | null;

  @Field(() => String, { nullable: true, description: `What was noted. ${SEALED}` })
  note!: string | null;

  @Field(() => String, { nullable: true, description: 'A recording, a form, a photo in another system.' })
  evidence!: string | null;

  @Field(() => ID, { description: 'The touchpoint that it judges.' })
  touchpointId!: string;

  @Field(() => InstantScalar, { description: 'When; of a rule, when the touchpoint was. With the original offset.' })
  occurredAt!: string;

  @Field(() => MomentRetraction, { nullable: true, description: 'It had been taken back by then.' })
  retracted!: MomentRetraction | null;

  @Field(() => MomentRetraction, {
    nullable: true,
    description: 'It held then, and was taken back after the "asOf" of the answer.',
  })
  retractedSince!: MomentRetraction | null;

  @Field(() => Counterpart, { nullable: true, description: 'Of a negative one, the positive moment that answers it.' })
  counterpart!: Counterpart | null;

  @Field(() => ID, { description: 'Id of the event behind it.' })
  eventId!: string;

  @Field(() => PositionScalar, { description: 'Place of the event in the log.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'When Touchstone recorded it.' })
  recordedAt!: string;
}

@ObjectType({ description: 'The touchpoint of a moment, as it held.' })
export class MomentTouchpoint {
  @Field(() => InstantScalar, { description: 'When it happened, with the original offset.' })
  occurredAt!: string;

  @Field(() => String, { nullable: true, description: 'Touchpoint kind.' })
  kind!: string | null;

  @Field(() => String, { nullable: true, description: 'Channel.' })
  channel!: string | null;

  @Field(() => String, { nullable: true, description: 'Unit that acted.' })
  unit!: string | null;

  @Field(() => String, { nullable: true, description: 'Person who acted.' })
  staff!: string | null;
}

@ObjectType({ description: 'A moment of truth in the ledger of all of them.' })
export class LedgerMoment extends Moment {
  @Field(() => ID, { description: 'Its journey.' })
  journeyId!: string;

  @Field(() => String, { nullable: true, description: 'Journey type.' })
  journeyType!: string | null;

  @Field(() => ID, { nullable: true, description: 'Customer of the journey.' })
  customerId!: string | null;

  @Field(() => MomentTouchpoint, { nullable: true, description: 'Its touchpoint; null when that had been voided.' })
  touchpoint!: MomentTouchpoint | null;

  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of the ledger.' })
export class MomentConnection extends Connection(LedgerMoment, 'Moment') {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@InputType({ description: 'Which moments: all conditions together.' })
export class MomentFilterInput {
  @Field(() => String, { nullable: true, description: 'Code, such as NEG-03.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(256)
  code?: string;

  @Field(() => MomentPolarity, { nullable: true, description: 'Against the company or for it.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(MomentPolarity)
  polarity?: MomentPolarity;

  @Field(() => Observer, { nullable: true, description: 'Who observed.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(Observer)
  observer?: Observer;

  @Field(() => String, { nullable: true, description: 'In journeys of this type.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  journeyType?: string;

  @Field(() => ID, {
    nullable: true,
    description: 'In journeys of this customer: everybody with whom they were merged belongs to it.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;

  @Field(() => String, { nullable: true, description: 'At touchpoints of this unit.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  unit?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'From here on (inclusive).' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  from?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Until here (exclusive).' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  to?: string;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Those that had been taken back, and those whose touchpoint had been voided, too.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsBoolean()
  includeRetracted?: boolean;
}

@ArgsType()
export class MomentsArgs extends ReadPageArgs {
  @Field(() => MomentFilterInput, { nullable: true, description: 'Which moments; absent: all that hold.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MomentFilterInput)
  filter?: MomentFilterInput;
}

@ArgsType()
export class MomentArgs extends ReadArgs {
  @Field(() => ID, { description: 'Id of the moment.' })
  @IsId()
  id!: string;
}
