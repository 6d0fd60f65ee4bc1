import { Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEnum,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { InstantScalar, IsId, JsonScalar, NullIsAbsent, PositionScalar } from '@touchstone/platform';

/** What a correction can take away from a touchpoint. */
export enum TouchpointField {
  CHANNEL = 'CHANNEL',
  UNIT = 'UNIT',
  STAFF = 'STAFF',
  ATTRIBUTES = 'ATTRIBUTES',
  PERSONAL = 'PERSONAL',
  OBJECTS = 'OBJECTS',
}
registerEnumType(TouchpointField, {
  name: 'TouchpointField',
  description: 'A field of a touchpoint that need not have a value.',
  valuesMap: {
    CHANNEL: { description: 'Channel.' },
    UNIT: { description: 'Unit that acted.' },
    STAFF: { description: 'Person who acted.' },
    ATTRIBUTES: { description: 'All plain attributes.' },
    PERSONAL: { description: 'All attributes about a person.' },
    OBJECTS: { description: 'All things it touches.' },
  },
});

@ObjectType({
  description:
    'Where a command left its stream in the log. A repeat changes nothing and answers with its end as it is.',
})
export class Recorded {
  @Field(() => ID, { description: 'Id of what the command was about: the journey, the customer.' })
  id!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'Id of the entry that the command was about: a touchpoint, a note, a moment.',
  })
  entryId?: string | null;

  @Field(() => Int, { description: 'Revision of the last event of its stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Place of that event; give it as "atLeast" to read your own write.' })
  position!: string;
}

@InputType({ isAbstract: true })
export class OnJourney {
  @Field(() => ID, { description: 'Id of the journey.' })
  @IsId()
  journeyId!: string;

  @Field(() => Int, { nullable: true, description: 'Refuse unless the journey stands at this revision.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}

@InputType({ description: 'A thing that a touchpoint touches.' })
export class ObjectReferenceInput {
  @Field({ description: 'Type, such as work-order.' })
  @IsString()
  @Length(1, 256)
  type!: string;

  @Field({ description: 'Its id.' })
  @IsString()
  @Length(1, 512)
  id!: string;

  @Field(() => String, { nullable: true, description: 'Role that it plays here.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  qualifier?: string;
}

@InputType({ isAbstract: true })
class Reported extends OnJourney {
  @Field(() => InstantScalar, { nullable: true, description: 'When it happened.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;

  @Field(() => String, { nullable: true, description: 'Channel, such as hotline.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  channel?: string;

  @Field(() => String, { nullable: true, description: 'Unit that acted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  unit?: string;

  @Field(() => String, { nullable: true, description: 'Person who acted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  staff?: string;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'Attributes; those that the kind marks personal are encrypted.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsObject()
  attributes?: Record<string, unknown>;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'Attributes about a person: encrypted before they are stored.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsObject()
  personal?: Record<string, unknown>;

  @Field(() => [ObjectReferenceInput], { nullable: true, description: 'Things it touches.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => ObjectReferenceInput)
  objects?: ObjectReferenceInput[];
}

@InputType()
export class RecordTouchpointInput extends Reported {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  touchpointId?: string;

  @Field({ description: 'Touchpoint kind of a published pack.' })
  @IsString()
  @Length(1, 256)
  kind!: string;
}

@InputType()
export class CorrectTouchpointInput extends Reported {
  @Field(() => ID, { description: 'The touchpoint; what is not given here stays as it was.' })
  @IsId()
  touchpointId!: string;

  @Field({ description: 'Why it is corrected.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => String, { nullable: true, description: 'Touchpoint kind.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  kind?: string;

  @Field(() => [TouchpointField], {
    nullable: true,
    description:
      'Fields whose whole value is taken away; null in a field reads as not given. Attributes that are given, plain and personal, are laid over what is there.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(6)
  @IsEnum(TouchpointField, { each: true })
  clear?: TouchpointField[];
}

@InputType()
export class VoidTouchpointInput extends OnJourney {
  @Field(() => ID, { description: 'The touchpoint.' })
  @IsId()
  touchpointId!: string;

  @Field({ description: 'Why it should not have been recorded.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;
}

@InputType()
export class OpenJourneyInput {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  journeyId?: string;

  @Field({ description: 'Journey type, such as fault-repair.' })
  @IsString()
  @Length(1, 256)
  journeyType!: string;

  @Field(() => String, { nullable: true, description: "The source's own name of it." })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  key?: string;

  @Field(() => ID, { nullable: true, description: 'Its customer.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When it opened; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class AssignOwnerInput extends OnJourney {
  @Field(() => String, { nullable: true, description: 'Unit.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  unit?: string;

  @Field(() => String, { nullable: true, description: 'Person.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  staff?: string;

  @Field(() => String, { nullable: true, description: 'Why.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(4000)
  reason?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class HandOverJourneyInput extends OnJourney {
  @Field(() => String, { nullable: true, description: 'Unit that takes over.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  toUnit?: string;

  @Field(() => String, { nullable: true, description: 'Person who takes over.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  toStaff?: string;

  @Field(() => String, { nullable: true, description: 'What they have to know; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 4000)
  note?: string;

  @Field({ description: 'The customer was told who takes over.' })
  @IsBoolean()
  customerTold!: boolean;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType({ isAbstract: true })
class Decision extends OnJourney {
  @Field({ description: 'Why.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class PauseJourneyInput extends Decision {
  @Field(() => InstantScalar, { nullable: true, description: 'Until when, if that is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  until?: string;
}

@InputType()
export class ResumeJourneyInput extends OnJourney {
  @Field(() => String, { nullable: true, description: 'Why.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(4000)
  reason?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class CloseJourneyInput extends Decision {}

@InputType()
export class ReopenJourneyInput extends Decision {}

@InputType()
export class AddNoteInput extends OnJourney {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  noteId?: string;

  @Field({ description: 'The text; encrypted before it is stored.' })
  @IsString()
  @Length(1, 20_000)
  text!: string;
}

@InputType()
export class IdentifierInput {
  @Field({ description: 'Type, such as phone or account.' })
  @IsString()
  @Length(1, 256)
  type!: string;

  @Field({ description: 'The name in that system.' })
  @IsString()
  @Length(1, 512)
  value!: string;
}

@InputType({ isAbstract: true })
class Profile {
  @Field(() => String, { nullable: true, description: 'Name; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  name?: string;

  @Field(() => String, { nullable: true, description: 'Phone; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 64)
  phone?: string;

  @Field(() => String, { nullable: true, description: 'Kind of customer, such as resident.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  segment?: string;

  @Field(() => String, { nullable: true, description: 'Region.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  region?: string;

  @Field(() => String, { nullable: true, description: 'Tier.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  tier?: string;
}

@InputType()
export class RegisterCustomerInput extends Profile {
  @Field(() => [IdentifierInput], {
    description: 'Names in other systems; the first one finds a customer who is known.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => IdentifierInput)
  identifiers!: IdentifierInput[];
}

@InputType()
export class UpdateCustomerInput extends Profile {
  @Field(() => ID, { description: 'Id of the customer.' })
  @IsId()
  customerId!: string;

  @Field(() => Int, { nullable: true, description: 'Refuse unless the customer stands at this revision.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}
