import { Field, Float, ID, InputType, Int } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsEnum,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { InstantScalar, IsId, NullIsAbsent } from '@touchstone/platform';
import { OnJourney } from './commands.graphql.js';
import { Aspect, ExpectationKind, PersonObserver } from './observation-enums.graphql.js';

@InputType({ isAbstract: true })
class AtTime extends OnJourney {
  @Field(() => InstantScalar, {
    nullable: true,
    description: 'When the customer lived it; absent: the time of the touchpoint.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType({ isAbstract: true })
class OnTouchpoint extends AtTime {
  @Field(() => ID, { description: 'The touchpoint.' })
  @IsId()
  touchpointId!: string;
}

@InputType()
export class ObserveMomentInput extends AtTime {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  momentId?: string;

  @Field(() => ID, {
    nullable: true,
    description: 'The touchpoint; absent: the last one of the journey up to "occurredAt", or up to now.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  touchpointId?: string;

  @Field(() => ID, { description: 'Code of a moment of truth, such as NEG-07.' })
  @IsString()
  @Length(1, 256)
  code!: string;

  @Field(() => Int, { defaultValue: 1, description: 'How strong it was: 1 to 3.' })
  @IsInt()
  @Min(1)
  @Max(3)
  intensity: number = 1;

  @Field(() => PersonObserver, { description: 'Who observed it.' })
  @IsEnum(PersonObserver)
  observer!: PersonObserver;

  @Field(() => String, { nullable: true, description: 'What there is to say; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 4000)
  note?: string;

  @Field(() => String, { nullable: true, description: 'Id of a recording, a form, a photo in another system.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  evidence?: string;
}

@InputType()
export class RetractMomentInput extends OnJourney {
  @Field(() => ID, { description: 'The moment. One that a rule derived does not come again for the same cause.' })
  @IsId()
  momentId!: string;

  @Field({ description: 'Why it does not hold.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;
}

@InputType()
export class ReviewTouchpointInput extends OnTouchpoint {
  @Field(() => PersonObserver, { description: 'Who looked, and found nothing to note.' })
  @IsEnum(PersonObserver)
  observer!: PersonObserver;
}

@InputType()
export class MeasuredInput {
  @Field(() => Float, { description: 'The number.' })
  @IsNumber({ allowNaN: false, allowInfinity: false })
  value!: number;

  @Field({ description: 'Its unit, such as min.' })
  @IsString()
  @Length(1, 256)
  unit!: string;
}

@InputType()
export class RecordExpectationInput extends OnTouchpoint {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  expectationId?: string;

  @Field(() => Aspect, { description: 'What is expected something of.' })
  @IsEnum(Aspect)
  aspect!: Aspect;

  @Field(() => ExpectationKind, { description: 'How it is known.' })
  @IsEnum(ExpectationKind)
  kind!: ExpectationKind;

  @Field(() => MeasuredInput, { nullable: true, description: 'What the customer would like.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MeasuredInput)
  desired?: MeasuredInput;

  @Field(() => MeasuredInput, { nullable: true, description: 'What would still do.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MeasuredInput)
  adequate?: MeasuredInput;

  @Field(() => String, { nullable: true, description: 'In their words; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 4000)
  statement?: string;

  @Field(() => PersonObserver, { description: 'Who recorded it.' })
  @IsEnum(PersonObserver)
  observer!: PersonObserver;
}

@InputType()
export class GuideExpectationInput extends OnTouchpoint {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  guidanceId?: string;

  @Field(() => Aspect, { description: 'What was told something of.' })
  @IsEnum(Aspect)
  aspect!: Aspect;

  @Field(() => ID, { nullable: true, description: 'The expectation, where it was recorded.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  expectationId?: string;

  @Field(() => MeasuredInput, { nullable: true, description: 'What was expected before.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MeasuredInput)
  from?: MeasuredInput;

  @Field(() => MeasuredInput, { nullable: true, description: 'What can be expected.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MeasuredInput)
  to?: MeasuredInput;

  @Field(() => String, { nullable: true, description: 'Code of the script that was used.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  script?: string;

  @Field(() => Boolean, { nullable: true, description: 'The customer agreed.' })
  @IsOptional()
  @NullIsAbsent()
  @IsBoolean()
  accepted?: boolean;

  @Field(() => String, { nullable: true, description: 'What was said; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 4000)
  statement?: string;
}

@InputType()
export class RateExperienceInput extends OnTouchpoint {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  ratingId?: string;

  @Field(() => Aspect, { nullable: true, description: 'What is rated; absent: the touchpoint as a whole.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(Aspect)
  aspect?: Aspect;

  @Field(() => PersonObserver, { description: 'Who rates.' })
  @IsEnum(PersonObserver)
  observer!: PersonObserver;

  @Field(() => Int, { nullable: true, description: 'How it was lived: -2 (very bad) to 2 (very good).' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-2)
  @Max(2)
  experience?: number;

  @Field(() => Int, { nullable: true, description: 'What had been expected, on the same scale.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-2)
  @Max(2)
  expectation?: number;

  @Field(() => Int, {
    nullable: true,
    description:
      'Experience less expectation, kept within -2 to 2. It follows where both are given; alone, it says how the touchpoint compares with what was expected.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-2)
  @Max(2)
  gap?: number;

  @Field(() => String, { nullable: true, description: 'In their words; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 4000)
  comment?: string;
}

@InputType({ isAbstract: true })
class OnCustomer {
  @Field({ description: 'Why.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => Int, { nullable: true, description: 'Refuse unless the absorbed customer stands at this revision.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}

@InputType()
export class MergeCustomersInput extends OnCustomer {
  @Field(() => ID, { description: 'The customer who is absorbed.' })
  @IsId()
  customerId!: string;

  @Field(() => ID, { description: 'The customer who stands for both from now on.' })
  @IsId()
  survivorId!: string;
}

@InputType()
export class UnmergeCustomersInput extends OnCustomer {
  @Field(() => ID, { description: 'The customer who was absorbed.' })
  @IsId()
  customerId!: string;
}
